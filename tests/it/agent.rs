//! `odin agent` as Prometheus and reports meet it: what it tells is what the ledger has, whatever happens meanwhile.

// Counts are whole, and told exactly.
#![allow(clippy::float_cmp)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use odin::agent::word;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::corpora::{self, Corpus};
use crate::durability::line;
use crate::endpoint::client::{Answer, Client};
use crate::harness::{Home, Run, copy_folder};
use crate::metrics::{read_by_the_client_library, refused_by_promtool};
use crate::processes::start_ticks;
use crate::random::Random;

/// Far beyond what anything takes on a busy machine: only an agent that never does it is found out by it.
pub(crate) const HANGS: Duration = Duration::from_secs(120);

const OPEN_METRICS: &str = "Accept: application/openmetrics-text; version=1.0.0\r\n";

/// Values by series, as a page has them.
pub(crate) type Samples = BTreeMap<String, f64>;

/// A running agent, which is killed with its test.
pub(crate) struct Agent {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Agent {
    pub(crate) fn start(home: &Home) -> Self {
        Self::start_with(home, &[])
    }

    pub(crate) fn start_with(home: &Home, args: &[&str]) -> Self {
        Self::start_at(home, "127.0.0.1:0", args)
    }

    fn start_at(home: &Home, listen: &str, args: &[&str]) -> Self {
        let mut odin = home.odin(["agent", "--listen", listen]);
        odin.args(args);
        let mut child = odin.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let from = said.len();
            assert!(stderr.read_line(&mut said).unwrap() > 0, "the agent ended: {said}");
            if let Some((_, url)) = said[from..].split_once("http://") {
                break url.split_once("/metrics").unwrap().0.parse().unwrap();
            }
        };
        thread::spawn(move || io::copy(&mut stderr, &mut io::sink()));
        Self { child, address }
    }

    pub(crate) fn get(&self, path: &str, headers: &str) -> Answer {
        Client::new(self.address).get(path, headers)
    }

    pub(crate) fn page(&self, path: &str, headers: &str) -> String {
        let answer = self.get(path, headers);
        assert_eq!(answer.status, 200, "{path}");
        String::from_utf8(answer.body).unwrap()
    }

    pub(crate) fn samples(&self) -> Samples {
        samples(&self.page("/metrics", ""))
    }

    /// None: it does not answer.
    fn try_samples(&self) -> Option<Samples> {
        let mut client = Client::over(TcpStream::connect(self.address).ok()?);
        client.try_send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Some(samples(&String::from_utf8(client.answer()?.body).unwrap()))
    }

    /// Looks at pages until one is right.
    #[track_caller]
    pub(crate) fn await_page(&self, is_right: impl Fn(&Samples) -> bool) -> Samples {
        let begun = Instant::now();
        loop {
            let page = self.samples();
            if is_right(&page) {
                return page;
            }
            assert!(begun.elapsed() < HANGS, "no page is right, as this one: {:#?}", counters(&page));
            thread::yield_now();
        }
    }

    /// All that the ledger has is on the page, which follows it.
    #[track_caller]
    pub(crate) fn await_spent(&self, home: &Home) -> Samples {
        await_current(home);
        let expected = spent_by_report(home);
        self.await_page(|page| spent(page) == expected)
    }

    #[track_caller]
    pub(crate) fn await_ready(&self) -> Samples {
        self.await_page(|page| page["odin_claude_scan_complete"] == 1.0)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have been killed already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Waits until the agent says that everything is in the ledger.
#[track_caller]
fn await_current(home: &Home) {
    let begun = Instant::now();
    // It says no where it takes too long to find out.
    while !word::is_current(&home.state(), &[home.claude()]) {
        assert!(begun.elapsed() < HANGS, "the agent never has everything");
    }
}

pub(crate) fn samples(page: &str) -> Samples {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_string(), value.parse().unwrap())
    };
    lines.map(sample).collect()
}

/// What is told of Claude in counters.
pub(crate) fn counters(page: &Samples) -> Samples {
    let is_counter = |series: &str| {
        series.starts_with("odin_claude_") && series.split('{').next().unwrap().ends_with("_total")
    };
    page.iter()
        .filter(|(series, _)| is_counter(series))
        .map(|(series, value)| (series.clone(), *value))
        .collect()
}

/// Counters of these families that have counted anything.
fn of(page: &Samples, families: &[&str]) -> Samples {
    let is_of = |series: &str| families.contains(&series.split('{').next().unwrap());
    let kept = page.iter().filter(|(series, value)| is_of(series) && **value != 0.0);
    kept.map(|(series, value)| (series.clone(), *value)).collect()
}

/// The counters that reports tell, too.
fn spent(page: &Samples) -> Samples {
    of(page, &SPENT)
}

const SPENT: [&str; 4] = [
    "odin_claude_tokens_total",
    "odin_claude_cost_usd_total",
    "odin_claude_responses_total",
    "odin_claude_unpriced_tokens_total",
];

/// What a report makes of the counters in [`SPENT`].
#[track_caller]
fn spent_by_report(home: &Home) -> Samples {
    let whole = |value: &Value| value.as_i64().unwrap() as f64;
    let mut spent = Samples::new();
    let by_model = home.report("model", "UTC").json;
    for row in by_model["rows"].as_array().unwrap() {
        let model = row["model"].as_str().unwrap();
        for (class, count) in row["tokens"].as_object().unwrap() {
            spent.insert(format!(r#"{}{{model="{model}",type="{class}"}}"#, SPENT[0]), whole(count));
        }
        let responses = format!(r#"{}{{model="{model}",provenance="transcript"}}"#, SPENT[2]);
        spent.insert(responses, whole(&row["responses"]));
    }
    for row in by_model["unpriced"].as_array().unwrap() {
        let tokens: f64 = row["tokens"].as_object().unwrap().values().map(whole).sum();
        spent.insert(format!(r#"{}{{model="{}"}}"#, SPENT[3], row["model"].as_str().unwrap()), tokens);
    }
    for row in home.report("model,project", "UTC").json["rows"].as_array().unwrap() {
        let (model, project) = (row["model"].as_str().unwrap(), row["project"].as_str().unwrap());
        let series = format!(r#"{}{{model="{model}",project="{project}"}}"#, SPENT[1]);
        spent.insert(series, whole(&row["cost_picousd"]) / 1e12);
    }
    spent.retain(|_, value| *value != 0.0);
    spent
}

/// No counter is less than before, or gone.
#[track_caller]
pub(crate) fn assert_none_fell(before: &Samples, after: &Samples) {
    for (series, value) in counters(before) {
        let now = after.get(&series);
        assert!(now.is_some_and(|now| *now >= value), "{series} fell from {value} to {now:?}");
    }
}

/// Looks at pages until one is right, and none is worse than that before.
#[track_caller]
fn await_without_a_fall(agent: &Agent, mut last: Samples, is_right: impl Fn(&Samples) -> bool) -> Samples {
    let begun = Instant::now();
    while !is_right(&last) {
        let page = agent.samples();
        assert_none_fell(&last, &page);
        last = page;
        assert!(begun.elapsed() < HANGS, "no page is right, as this one: {:#?}", counters(&last));
    }
    last
}

fn output(page: &Samples) -> f64 {
    let series = r#"odin_claude_tokens_total{model="claude-opus-5-5",type="output"}"#;
    page.get(series).copied().unwrap_or_default()
}

/// A home with so many responses of one token of output in one transcript.
fn home_with(responses: usize) -> Home {
    let home = Home::new();
    home.write("-work/a.jsonl", (0..responses).map(|n| line(&format!("msg_{n}"), 1)).collect::<String>());
    home
}

#[test]
fn a_page_is_clean_in_both_formats_and_says_what_reports_say() {
    let Some(corpora) = [corpora::small(1), corpora::edge()].into_iter().collect::<Option<Vec<Corpus>>>()
    else {
        return;
    };
    for corpus in corpora {
        let home = Home::over(&[&corpus.dir]);
        let agent = Agent::start(&home);
        let page = agent.await_ready();
        assert_eq!(spent(&page), spent_by_report(&home));
        let total = |family: &str| -> f64 {
            page.iter().filter(|(series, _)| series.starts_with(family)).map(|(_, value)| value).sum()
        };
        let report = home.report("day", "UTC").json;
        let near =
            |value: f64, picousd: &Value| (value * 1e12 - picousd.as_i64().unwrap() as f64).abs() < 1e6;
        assert!(near(total("odin_claude_agent_cost_usd_total"), &report["total"]["cost_picousd"]));
        let saved = total("odin_claude_cache_saving_usd_total")
            - total("odin_claude_cache_write_surcharge_usd_total");
        assert!(near(saved, &report["total"]["cache_saving_picousd"]), "{saved}");

        let text = agent.page("/metrics", "");
        let open_metrics = agent.page("/metrics", OPEN_METRICS);
        if let Some(refused) = refused_by_promtool(&text) {
            assert_eq!(refused, "");
        }
        let pages =
            json!([{"format": "text", "text": text}, {"format": "openmetrics", "text": open_metrics}]);
        if let Some(read) = read_by_the_client_library(&pages) {
            let told = |page: usize| {
                let told = read[page].iter().filter(|(name, ..)| name.starts_with("odin_claude_"));
                told.collect::<std::collections::BTreeSet<_>>()
            };
            let without_created = |(name, ..): &&&crate::metrics::Read| !name.ends_with("_created");
            assert_eq!(told(0).len(), told(1).iter().filter(without_created).count());
            assert!(told(0).is_subset(&told(1)), "the two formats differ");
        }
    }
}

#[test]
fn once_prints_the_page_of_a_running_agent() {
    let home = home_with(3);
    let once = samples(&home.done("agent --once --listen 127.0.0.1:0"));
    let running = Agent::start(&home).await_ready();
    assert_eq!(spent(&once), spent_by_report(&home));
    assert_eq!(counters(&once), counters(&running));
}

#[test]
fn collectors_are_chosen_by_name_and_health_is_told() {
    let home = home_with(1);
    let agent = Agent::start(&home);
    agent.await_ready();
    let families = |query: &str| {
        let page = agent.page(&format!("/metrics?{query}"), "");
        let has = |family: &str| page.contains(&format!("\n{family}"));
        (has("odin_claude_tokens_total{"), has("odin_ledger_size_bytes{"))
    };
    assert_eq!(families("collect[]=claude"), (true, false));
    assert_eq!(families("collect%5B%5D=ledger"), (false, true));
    assert_eq!(families("collect[]=ledger&collect[]=claude"), (true, true));
    assert_eq!(families("exclude[]=claude"), (false, true));
    for wrong in ["collect[]=nothing", "exclude[]=nothing", "collect[]=claude&exclude[]=ledger"] {
        let answer = agent.get(&format!("/metrics?{wrong}"), "");
        assert_eq!(answer.status, 400, "{wrong}: {}", String::from_utf8_lossy(&answer.body));
    }
    assert_eq!(agent.samples()[r#"odin_scrapes_total{result="error"}"#], 3.0);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(agent.get(path, "").status, 200, "{path}");
    }
}

#[test]
fn what_node_exporter_tells_may_be_left_out_and_the_command_line_beats_the_file() {
    let home = home_with(0);
    let has = |args: &str| {
        let page = home.done(&format!("agent --once --listen 127.0.0.1:0 {args}"));
        ["\nnode_load1 ", "\nnode_vmstat_", "\nodin_processes{"].map(|line| page.contains(line))
    };
    assert_eq!(has(""), [true; 3]);
    assert_eq!(has("--compat.node=off"), [false, false, true]);
    assert_eq!(has("--collector.loadavg=off --collector.processes=off"), [false, true, false]);
    let file = home.path().join(".config/odin/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "[compat]\nnode = false\n[collectors]\nloadavg = false\nprocesses = false\n").unwrap();
    assert_eq!(has(""), [false; 3]);
    assert_eq!(has("--compat.node=on --collector.processes=on"), [false, true, true]);
    for wrong in ["--collector.load=off", "--collector.loadavg=no", "--compat.node"] {
        assert_eq!(home.run(&format!("agent --once {wrong}")).code, Some(2), "{wrong}");
    }
}

#[test]
fn what_is_written_is_on_the_page() {
    let home = home_with(1);
    let agent = Agent::start(&home);
    agent.await_ready();
    let mut expected = 1.0;
    let mut await_one_more = || {
        expected += 1.0;
        agent.await_page(|page| output(page) >= expected);
    };
    home.append("-work/a.jsonl", line("appended", 1));
    await_one_more();
    let half = line("in two halves", 1);
    home.append("-work/a.jsonl", &half[..100]);
    await_current(&home);
    home.append("-work/a.jsonl", &half[100..]);
    await_one_more();
    home.write("-new/b.jsonl", line("in a new folder", 1));
    await_one_more();
    fs::create_dir(home.projects().join("-empty")).unwrap();
    await_current(&home);
    home.write("-empty/c.jsonl", line("in a folder that was empty", 1));
    await_one_more();
    home.write("-new/b/subagents/agent-1.jsonl", line("of a subagent", 1));
    await_one_more();
    home.append("-new/b/subagents/agent-1.jsonl", line("of a subagent again", 1));
    await_one_more();
    fs::create_dir(home.path().join("elsewhere")).unwrap();
    fs::write(home.path().join("elsewhere/d.jsonl"), line("moved here", 1)).unwrap();
    fs::rename(home.path().join("elsewhere"), home.projects().join("-moved")).unwrap();
    await_one_more();
    home.append("-moved/d.jsonl", line("behind what was moved", 1));
    await_one_more();
    assert_eq!(spent(&agent.samples()), spent_by_report(&home));
}

#[test]
fn transcripts_may_have_no_folder_at_first() {
    let home = Home::new();
    fs::remove_dir_all(home.projects()).unwrap();
    let agent = Agent::start(&home);
    agent.await_ready();
    home.write("-work/a.jsonl", line("first", 1));
    agent.await_page(|page| output(page) == 1.0);
}

#[test]
fn deleted_transcripts_change_no_counter() {
    let home = home_with(5);
    let agent = Agent::start(&home);
    let before = counters(&agent.await_ready());
    fs::remove_dir_all(home.projects().join("-work")).unwrap();
    await_current(&home);
    assert_eq!(counters(&agent.samples()), before);
    fs::remove_dir_all(home.projects()).unwrap();
    agent.kill();
    assert_eq!(counters(&Agent::start(&home).await_ready()), before);
}

#[test]
fn a_report_has_what_was_written_the_instant_before() {
    let home = home_with(0);
    let agent = Agent::start(&home);
    agent.await_ready();
    await_current(&home);
    for written in 1..=200 {
        let line = line(&format!("msg_{written}"), 1);
        match written % 10 {
            0 => drop(home.write(&format!("-new-{written}/a.jsonl"), line)),
            5 => drop(home.write(&format!("-work/{written}.jsonl"), line)),
            7 => drop(home.write(&format!("-work/a/subagents/agent-{written}.jsonl"), line)),
            _ => home.append("-work/a.jsonl", line),
        }
        assert_eq!(home.total().responses, written);
    }
    agent.await_spent(&home);
}

#[test]
fn a_restored_backup_makes_no_counter_fall_and_what_comes_again_is_counted_once() {
    let home = home_with(10);
    home.done("ingest --quiet");
    home.done("ledger backup old.db");
    home.append("-work/a.jsonl", (10..30).map(|n| line(&format!("msg_{n}"), 1)).collect::<String>());
    // Known to the ledger alone: it does not come again.
    home.write("-gone/b.jsonl", line("gone", 5));
    let agent = Agent::start(&home);
    let before = agent.await_ready();
    assert_eq!(output(&before), 35.0);
    fs::remove_dir_all(home.projects().join("-gone")).unwrap();

    home.done("ledger restore old.db");
    assert_eq!(home.total().responses, 30, "a report beside the agent has what transcripts still hold");
    await_current(&home);
    let restored = agent.samples();
    assert_none_fell(&before, &restored);
    assert_eq!(output(&restored), 35.0);

    home.append("-work/a.jsonl", line("msg_30", 7));
    let after = await_without_a_fall(&agent, restored, |page| output(page) != 35.0);
    assert!([37.0, 42.0].contains(&output(&after)), "{}", output(&after));
    agent.kill();
    let again = Agent::start(&home).await_ready();
    assert_eq!(counters(&again), counters(&after));
    assert_eq!(home.total().tokens.output, 37);
    home.check();
}

#[test]
fn a_ledger_made_anew_beside_the_agent_is_the_one_it_goes_on_with() {
    let home = home_with(10);
    let agent = Agent::start(&home);
    let before = agent.await_ready();
    home.append("-work/a.jsonl", line("meanwhile", 1));
    home.done("ledger rebuild");
    home.append("-work/a.jsonl", line("after", 1));
    let after = await_without_a_fall(&agent, before, |page| output(page) == 12.0);
    assert_eq!(home.total().responses, 12);
    agent.kill();
    home.done("ledger rebuild");
    let again = Agent::start(&home).await_ready();
    assert_none_fell(&after, &again);
    assert_eq!(spent(&again), spent_by_report(&home));
    home.check();
}

#[test]
fn lower_prices_are_a_correction_and_no_counter_falls() {
    const PRICE: &str = r#""input": "4", "output": "20""#;
    let list = include_str!("../../core/src/pricing/claude-prices.json");
    assert!(list.contains(PRICE));
    let home = home_with(10);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let agent = Agent::start_at(&home, &free.to_string(), &[]);
    let before = agent.await_ready();
    let repriced = r#"odin_claude_corrections_total{reason="repricing"}"#;
    assert_eq!(before[repriced], 0.0);

    let folder = home.path().join(".config/odin");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("prices.json"), list.replace(PRICE, r#""input": "4", "output": "10""#)).unwrap();
    fs::write(folder.join("config.toml"), "[prices]\nfile = \"prices.json\"\n").unwrap();
    agent.signal(Signal::HUP);
    let begun = Instant::now();
    let after = loop {
        // Between two configurations it may not answer.
        let page = agent.try_samples().filter(|page| page.get(repriced).is_some_and(|count| *count > 0.0));
        if let Some(page) = page {
            break page;
        }
        assert!(begun.elapsed() < HANGS, "nothing was corrected");
    };
    assert_none_fell(&before, &after);
    assert_eq!(after[r#"odin_claude_corrections_total{reason="merge"}"#], 0.0);

    // What comes is told at the new price.
    home.append("-work/a.jsonl", line("at the new price", 1_000_000));
    let cost = r#"odin_claude_cost_usd_total{model="claude-opus-5-5",project="/work"}"#;
    let grown = await_without_a_fall(&agent, after.clone(), |page| output(page) > 10.0);
    assert!((grown[cost] - after[cost] - 10.0).abs() < 1e-9, "{} to {}", after[cost], grown[cost]);
}

#[test]
fn an_agent_that_is_killed_at_any_instant_loses_and_doubles_nothing_and_no_counter_falls() {
    let random = &mut Random::new(7);
    let home = home_with(1);
    let (mut written, mut last) = (1_i64, Samples::new());
    for _ in 0..25 {
        let agent = Agent::start(&home);
        // Some do not live to see that everything was read.
        if random.below(4) > 0 {
            let page = agent.await_ready();
            assert_none_fell(&last, &page);
            last = page;
        }
        for _ in 0..random.below(40) {
            let file = format!("-work/{}.jsonl", random.below(5));
            let lines: String =
                (0..=random.below(19)).map(|n| line(&format!("msg_{written}_{n}"), 1)).collect();
            written += i64::try_from(lines.lines().count()).unwrap();
            fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(home.projects().join(file))
                .unwrap()
                .write_all(lines.as_bytes())
                .unwrap();
            if random.below(3) == 0 {
                let page = agent.samples();
                // Nothing is told before everything was read.
                if page["odin_claude_scan_complete"] == 1.0 {
                    assert_none_fell(&last, &page);
                    last = page;
                }
            }
        }
        // The instant is what is tested.
        thread::sleep(Duration::from_millis(random.below(150)));
        agent.kill();
    }
    let agent = Agent::start(&home);
    let page = agent.await_ready();
    assert_none_fell(&last, &page);
    assert_eq!(spent(&page), spent_by_report(&home));
    assert_eq!(home.total().responses, written);
    home.check();
}

#[test]
fn ingests_beside_the_agent_count_everything_once() {
    let Some(corpora) = [1, 2, 3].into_iter().map(corpora::small).collect::<Option<Vec<Corpus>>>() else {
        return;
    };
    let home = Home::new();
    let agent = Agent::start(&home);
    let mut last = agent.await_ready();
    let mut total = crate::compare::Sums::default();
    for (number, corpus) in corpora.iter().enumerate() {
        copy_folder(&corpus.projects(), &home.path().join("arriving"));
        fs::rename(home.path().join("arriving"), home.projects().join(format!("-{number}"))).unwrap();
        let ingests: Vec<Child> = (0..2)
            .map(|_| {
                home.odin(["ingest", "--quiet"])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for ingest in ingests {
            Run::from(ingest.wait_with_output().unwrap()).done();
        }
        let page = agent.samples();
        assert_none_fell(&last, &page);
        last = page;
        total += corpus.truth.total();
    }
    let page = agent.await_spent(&home);
    assert_none_fell(&last, &page);
    assert_eq!(home.total(), total);
    home.check();
}

/// A shell that runs a client, which ends when it is told to.
pub(crate) struct Launch {
    shell: Child,
    began_us: i64,
}

impl Launch {
    /// The client is in the registry.
    pub(crate) fn start(home: &Home, folder: &Path, session: &str) -> Self {
        let began_us = now_us();
        let mut shell = Command::new("sh")
            .args(["-c", "sh -c 'echo $$; read end'; exit 0"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pid = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        let pid: u32 = pid.trim().parse().unwrap();
        assert_ne!(pid, shell.id());
        let entry = json!({
            "pid": pid, "procStart": start_ticks(pid), "sessionId": session, "cwd": folder, "status": "busy"
        });
        let sessions = home.claude().join("sessions");
        fs::create_dir_all(&sessions).unwrap();
        fs::write(sessions.join(format!("{pid}.json")), entry.to_string()).unwrap();
        Self { shell, began_us }
    }

    /// Its line of the spool.
    pub(crate) fn end(mut self, folder: &Path) -> String {
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
        let (pid, from, to, cwd) = (self.shell.id(), self.began_us, now_us(), folder.display());
        format!("1\tbash\t5.2.15\t{pid}\t\t{from}\t{to}\t0\t/dev/pts/3\t{cwd}\tmain\n")
    }
}

fn now_us() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

#[test]
fn a_session_is_of_the_launch_whose_process_ran_it() {
    let home = Home::new();
    let folder = fs::canonicalize(home.path()).unwrap().join("shop");
    fs::create_dir_all(&folder).unwrap();
    let agent = Agent::start(&home);
    agent.await_ready();
    let launches = ["s1", "s2"].map(|session| (session, Launch::start(&home, &folder, session)));
    agent.await_page(|page| page.get("odin_claude_sessions_active") == Some(&2.0));
    for session in ["s1", "s2"] {
        let answer = line(session, 1)
            .replace("2026-11-20T10:00:00.000Z", &jiff::Timestamp::now().to_string())
            .replace("/work", folder.to_str().unwrap())
            .replace(r#""sessionId":"a""#, &format!(r#""sessionId":"{session}""#));
        home.write(&format!("-shop/{session}.jsonl"), answer);
    }
    agent.await_page(|page| output(page) == 2.0);
    let of_session = |page: &Samples, session: &str| {
        page.get(&format!(r#"odin_session_tokens_total{{session="{session}"}}"#)).copied()
    };
    let page = agent.samples();
    assert_eq!([of_session(&page, "s1"), of_session(&page, "s2")], [Some(1.0), Some(1.0)]);

    let shells = launches.each_ref().map(|(_, launch)| i64::from(launch.shell.id()));
    let ended = launches.map(|(_, launch)| launch.end(&folder));
    fs::create_dir_all(home.state().join("spool")).unwrap();
    fs::write(home.state().join("spool/launches-2026-11.tsv"), ended.concat()).unwrap();
    let told: Value = serde_json::from_str(&home.done("launches --last all --tz UTC --format json")).unwrap();
    let mut told: Vec<Value> = told["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["shell_pid"], row["sessions"], row["open_sessions"]]))
        .collect();
    told.sort_by_key(|row| row[1].to_string());
    // By the directory alone, both sessions could be of either.
    assert_eq!(told, [json!([shells[0], ["s1"], []]), json!([shells[1], ["s2"], []])]);
}
