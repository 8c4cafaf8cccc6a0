//! A real Prometheus scrapes the agent in both formats while transcripts grow and sessions come and go.

// Counts are whole, and told exactly.
#![allow(clippy::float_cmp)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::agent::{Agent, HANGS, Launch, Samples, counters};
use crate::durability::line;
use crate::harness::{Home, is_set, skip, tell};

/// The second is what Prometheus asks for by itself.
const JOBS: [&str; 2] = ["text", "openmetrics"];

/// A server, which is killed with its test.
struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    /// None: there is none here.
    fn start(home: &Home, agent: SocketAddr) -> Option<Self> {
        let targets = [asking_for_text(agent), agent];
        let job =
            |(job, target)| format!("- {{job_name: {job}, static_configs: [{{targets: ['{target}']}}]}}\n");
        let jobs: String = JOBS.into_iter().zip(targets).map(job).collect();
        let config = home.path().join("prometheus.yml");
        // As long as other tests may hold the machine.
        let global = "global: {scrape_interval: 5s, scrape_timeout: 5s}\nscrape_configs:\n";
        fs::write(&config, global.to_string() + &jobs).unwrap();
        let started = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", home.path().join("tsdb").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = started else {
            skip("no `prometheus` to be scraped by: install Debian's prometheus");
            return None;
        };
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = log.find_map(|line| address_in(&line)?.parse().ok());
        thread::spawn(move || log.for_each(drop));
        Some(Self { child, address: address.expect("Prometheus says where it listens") })
    }

    /// What an expression comes to; nothing while the server starts.
    fn query(&self, expression: &str) -> Option<Vec<Value>> {
        let query: String = form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let mut stream = TcpStream::connect(self.address).ok()?;
        write!(stream, "GET /api/v1/query?query={query} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        if !head.contains(" 200 ") {
            return None;
        }
        let answer: Value = serde_json::from_str(body).unwrap();
        Some(answer["data"]["result"].as_array().unwrap().clone())
    }

    /// All raw samples of series, by job and series.
    fn raw(&self, selector: &str) -> BTreeMap<(String, String), Vec<f64>> {
        let results = self.query(&format!("{selector}[1h]")).unwrap_or_default();
        let values = |result: &Value| -> Vec<f64> {
            let values = result["values"].as_array().unwrap().iter();
            values.map(|pair| pair[1].as_str().unwrap().parse().unwrap()).collect()
        };
        results.iter().map(|result| (name_of(&result["metric"]), values(result))).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Where a line of Prometheus' log says that it listens.
fn address_in(line: &str) -> Option<&str> {
    let (_, address) = line.split_once(r#"msg="Listening on" address="#)?;
    address.split_ascii_whitespace().next()
}

/// An address that leads to the agent, and makes every request one for text.
fn asking_for_text(agent: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let relay = move |mut scraper: TcpStream| {
        let lines = BufReader::new(&scraper).lines().map_while(Result::ok);
        let passed = lines
            .take_while(|line| !line.is_empty())
            .filter(|line| !line.starts_with("Accept:") && !line.starts_with("Connection:"));
        let request = passed.collect::<Vec<_>>().join("\r\n");
        let mut agent = TcpStream::connect(agent)?;
        write!(agent, "{request}\r\nAccept: text/plain;version=0.0.4\r\nConnection: close\r\n\r\n")?;
        io::copy(&mut agent, &mut scraper)
    };
    thread::spawn(move || {
        for scraper in listener.incoming() {
            // Prometheus tells of a scrape that fails.
            thread::spawn(move || relay(scraper.unwrap()));
        }
    });
    address
}

/// The job, and the series with its labels in the order of their names.
fn name_of(metric: &Value) -> (String, String) {
    let text = |name: &str| metric[name].as_str().unwrap().to_string();
    let labels = metric
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| !["__name__", "instance", "job"].contains(&name.as_str()));
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    (text("job"), format!("{}{{{}}}", text("__name__"), labels.join(",")))
}

/// As [`name_of`] names them.
fn with_ordered_labels(page: &Samples) -> Samples {
    let ordered = |series: &str| {
        let (name, labels) = series.trim_end_matches('}').split_once('{').unwrap_or((series, ""));
        let mut labels: Vec<&str> = labels.split(',').collect();
        labels.sort_unstable();
        format!("{name}{{{}}}", labels.join(","))
    };
    page.iter().map(|(series, value)| (ordered(series), *value)).collect()
}

#[test]
fn prometheus_gets_every_scrape_and_counts_what_the_ledger_counts() {
    let span = Duration::from_secs(if is_set("ODIN_TEST_PROMETHEUS") { 300 } else { 20 });
    let home = Home::new();
    home.write("-work/a.jsonl", line("first", 1));
    let agent = Agent::start(&home);
    agent.await_ready();
    let Some(prometheus) = Prometheus::start(&home, agent.address) else { return };
    let counted = r#"{__name__=~"odin_claude_.+_total"}"#;
    let await_in_both_jobs = |counters: &Samples| {
        let begun = Instant::now();
        loop {
            let raw = prometheus.raw(counted);
            let is_there = |(series, value): (&String, &f64)| {
                JOBS.iter().all(|job| {
                    raw.get(&((*job).to_string(), series.clone())).and_then(|values| values.last())
                        == Some(value)
                })
            };
            if counters.iter().all(is_there) {
                return raw;
            }
            assert!(begun.elapsed() < HANGS, "Prometheus does not have {counters:#?}");
            thread::sleep(Duration::from_millis(200));
        }
    };
    let first = with_ordered_labels(&counters(&agent.samples()));
    await_in_both_jobs(&first);

    let begun = Instant::now();
    let (mut written, mut launch) = (0, None::<Launch>);
    while begun.elapsed() < span {
        written += 1;
        home.append("-work/a.jsonl", line(&format!("msg_{written}"), 1 + written % 7));
        if written % 5 == 0 {
            home.write(&format!("-work/{written}.jsonl"), line(&format!("of a new session {written}"), 3));
        }
        if written % 20 == 0 {
            let next = Launch::start(&home, home.path(), &format!("s{written}"));
            launch.replace(next).map(|before| before.end(home.path()));
        }
        // At the pace of a busy client.
        thread::sleep(Duration::from_millis(50));
    }
    launch.map(|last| last.end(home.path()));
    let last = with_ordered_labels(&counters(&agent.await_spent(&home)));
    let raw = await_in_both_jobs(&last);
    for ((job, series), values) in &raw {
        // Those that came later have no first sample from before the growth.
        if let Some(first) = first.get(series) {
            assert_eq!(values.first(), Some(first), "{job}: the first {series}");
        }
        assert_eq!(values.last(), Some(&last[series]), "{job}: the last {series}");
        assert!(values.is_sorted(), "{job}: {series} fell: {values:?}");
    }
    let up = prometheus.raw("up");
    assert_eq!(up.len(), JOBS.len());
    for ((job, _), values) in &up {
        assert!(values.iter().all(|up| *up == 1.0), "{job}: a scrape failed: {values:?}");
    }
    tell(&format!(
        "Prometheus scraped {} and {} times",
        up.values().map(Vec::len).min().unwrap(),
        up.values().map(Vec::len).max().unwrap()
    ));
}
