//! Paths, and what answers there.

use std::fmt;
use std::sync::Arc;

use hyper::Method;

use super::{Request, Response};

/// One path and method.
#[derive(Clone)]
pub struct Route {
    pub method: Method,
    /// One that ends in `/*` stands for all below it that no other names.
    pub path: &'static str,
    /// The answer waits for nothing and takes no time, so it needs no thread and is there when all are taken.
    pub is_quick: bool,
    /// Answers whatever `Host` says: what is told is of no use to a web page.
    pub is_for_any_host: bool,
    pub answer: Arc<dyn Fn(&Request) -> Response + Send + Sync>,
}

impl Route {
    /// Answers HEAD, too.
    pub fn get(path: &'static str, answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self { method: Method::GET, path, is_quick: false, is_for_any_host: false, answer }
    }

    pub fn post(path: &'static str, answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self { method: Method::POST, ..Self::get(path, answer) }
    }

    #[must_use]
    pub fn quick(self) -> Self {
        Self { is_quick: true, ..self }
    }

    #[must_use]
    pub fn for_any_host(self) -> Self {
        Self { is_for_any_host: true, ..self }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// What stands at a path, for some method.
#[derive(Debug)]
pub(super) enum Found<'r> {
    Route(&'r Route),
    /// Only for these, as in an `Allow` header.
    OtherMethods(String),
    Nothing,
}

pub(super) fn find<'r>(routes: &'r [Route], method: &Method, path: &str) -> Found<'r> {
    let exact: Vec<&Route> = routes.iter().filter(|route| route.path == path).collect();
    let there = if exact.is_empty() { below(routes, path) } else { exact };
    if there.is_empty() {
        return Found::Nothing;
    }
    let asked = if method == Method::HEAD { &Method::GET } else { method };
    if let Some(route) = there.iter().find(|route| route.method == asked) {
        return Found::Route(route);
    }
    let names = |route: &&Route| match route.method {
        Method::GET => "GET, HEAD".to_owned(),
        ref other => other.to_string(),
    };
    Found::OtherMethods(there.iter().map(names).collect::<Vec<_>>().join(", "))
}

/// Those of the longest beginning.
fn below<'r>(routes: &'r [Route], path: &str) -> Vec<&'r Route> {
    let starts = |route: &&Route| {
        let folder = route.path.strip_suffix('*');
        folder.is_some_and(|folder| path.len() > folder.len() && path.starts_with(folder))
    };
    let longest = routes.iter().filter(starts).map(|route| route.path.len()).max();
    routes.iter().filter(starts).filter(|route| Some(route.path.len()) == longest).collect()
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::*;

    fn told(method: &Method, path: &str) -> String {
        let nothing = |_: &Request| Response::text(StatusCode::OK, "");
        let routes = [
            Route::get("/", nothing),
            Route::get("/metrics", nothing),
            Route::get("/api/*", nothing),
            Route::get("/api/tree/*", nothing),
            Route::get("/v1/both", nothing),
            Route::post("/v1/both", nothing),
            Route::post("/v1/logs", nothing),
        ];
        match find(&routes, method, path) {
            Found::Route(route) => format!("{route:?}"),
            Found::OtherMethods(methods) => format!("only {methods}"),
            Found::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn a_path_leads_to_its_route() {
        for (method, path, leads) in [
            (Method::GET, "/metrics", "GET /metrics"),
            (Method::HEAD, "/metrics", "GET /metrics"),
            (Method::POST, "/metrics", "only GET, HEAD"),
            (Method::GET, "/metrics/", "nothing"),
            (Method::GET, "/v1/logs", "only POST"),
            (Method::HEAD, "/v1/logs", "only POST"),
            (Method::PUT, "/v1/both", "only GET, HEAD, POST"),
            (Method::POST, "/v1/both", "POST /v1/both"),
            (Method::GET, "/", "GET /"),
            (Method::GET, "/favicon.ico", "nothing"),
            (Method::GET, "", "nothing"),
            (Method::OPTIONS, "*", "nothing"),
            (Method::GET, "/api", "nothing"),
            (Method::GET, "/api/", "nothing"),
            (Method::GET, "/api/sessions", "GET /api/*"),
            (Method::GET, "/api/tree/12", "GET /api/tree/*"),
            (Method::GET, "/api/*", "GET /api/*"),
        ] {
            assert_eq!(told(&method, path), leads, "{method} {path}");
        }
    }
}
