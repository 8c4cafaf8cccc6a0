//! What was asked, as far as an answer may depend on it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, StatusCode};

use super::Response;

/// In seconds, how long Prometheus waits for an answer.
const SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// For the way to a scraper and back, as the `--timeout-offset` of `blackbox_exporter`.
const TRAVEL: Duration = Duration::from_millis(500);

#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// As sent, with what may be percent-encoded in it.
    pub path: String,
    /// Decoded, in order, with names that repeat.
    pub query: Vec<(String, String)>,
    /// Empty where a header is missing, as those below.
    pub accept: String,
    pub accept_encoding: String,
    pub content_type: String,
    pub content_encoding: String,
    /// How long the answer may take: what the scraper says, less the time to travel, and no more than the server's.
    pub budget: Duration,
    pub body: Bytes,
    pub peer: SocketAddr,
}

impl Request {
    pub(super) fn new(head: &Parts, body: Bytes, peer: SocketAddr, most: Duration) -> Self {
        let header = |name| text(&head.headers, name).to_owned();
        let query = head.uri.query().unwrap_or_default();
        Self {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            accept: header(ACCEPT),
            accept_encoding: header(ACCEPT_ENCODING),
            content_type: header(CONTENT_TYPE),
            content_encoding: header(CONTENT_ENCODING),
            budget: budget(text(&head.headers, SCRAPE_TIMEOUT), most),
            body,
            peer,
        }
    }

    /// All values of a name in the query.
    pub fn values<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A header's value. One that is not ASCII says nothing, like one that is missing.
pub(super) fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn budget(timeout: &str, most: Duration) -> Duration {
    let seconds = timeout.parse().ok().filter(|seconds: &f64| *seconds > 0.0);
    let wanted = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    wanted.map_or(most, |wanted| wanted.saturating_sub(TRAVEL).max(wanted / 2).min(most))
}

/// All of a body, unless it is longer than `most`.
pub(super) async fn read(body: Incoming, most: usize) -> Result<Bytes, Response> {
    let too_long =
        || Response::text(StatusCode::PAYLOAD_TOO_LARGE, format!("a body may have {most} bytes\n"));
    if body.size_hint().lower() > most as u64 {
        return Err(too_long());
    }
    match Limited::new(body, most).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_long()),
        Err(error) => {
            Err(Response::text(StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}\n")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(30);

    fn of(uri: &str) -> Request {
        let (head, ()) = hyper::Request::get(uri).body(()).unwrap().into_parts();
        Request::new(&head, Bytes::new(), "127.0.0.1:1".parse().unwrap(), MOST)
    }

    #[test]
    fn a_query_keeps_names_that_repeat() {
        let request = of("/metrics?collect[]=cpu&collect%5B%5D=net+dev&exclude[]=&x");
        assert_eq!(request.path, "/metrics");
        assert_eq!(request.values("collect[]").collect::<Vec<_>>(), ["cpu", "net dev"]);
        assert_eq!(request.values("exclude[]").collect::<Vec<_>>(), [""]);
        assert_eq!(request.values("x").collect::<Vec<_>>(), [""]);
        assert_eq!(request.values("y").count(), 0);
    }

    #[test]
    fn an_answer_is_due_before_the_scraper_gives_up() {
        for (timeout, millis) in [
            ("10", 9_500),
            ("10.000000", 9_500),
            ("0.6", 300),
            ("0.001", 0),
            ("120", 30_000),
            ("1e300", 30_000),
            ("inf", 30_000),
            ("", 30_000),
            ("0", 30_000),
            ("-3", 30_000),
            ("NaN", 30_000),
            ("soon", 30_000),
        ] {
            assert_eq!(budget(timeout, MOST).as_millis(), millis, "{timeout}");
        }
    }
}
