//! The agent's life, from its first word to its last: what it tells systemd, whom it lets beside it, and signals.

use std::fmt::Debug;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::durability::line;
use crate::endpoint::client::Client;
use crate::harness::{Home, Run};

/// Far beyond what anything here takes.
const HANGS: Duration = Duration::from_secs(60);

/// What a stop may take.
const STOP: Duration = Duration::from_secs(2);

/// An agent on a free port of loopback. It is killed with the test.
struct Agent {
    child: Child,
    /// Of its standard error.
    lines: Receiver<String>,
    address: SocketAddr,
}

impl Agent {
    fn start(home: &Home) -> Self {
        Self::of(&mut home.odin(["agent", "--listen", "127.0.0.1:0"]))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut agent = Self { child, lines, address: ([127, 0, 0, 1], 0).into() };
        let said = agent.says("/metrics  for Prometheus");
        let address = said.strip_prefix("http://").and_then(|said| said.split_once('/')).unwrap().0;
        agent.address = address.parse().unwrap();
        agent
    }

    /// The next line with a word.
    #[track_caller]
    fn says(&self, word: &str) -> String {
        let mut before = vec![];
        loop {
            match self.lines.recv_timeout(HANGS) {
                Ok(line) if line.contains(word) => return line,
                Ok(line) => before.push(line),
                Err(error) => panic!("nothing of `{word}`, {error}, after {before:#?}"),
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How it ends, if it does so in time for a stop.
    #[track_caller]
    fn ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + STOP;
        loop {
            // Nobody else holds its standard error.
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().unwrap(),
                Err(RecvTimeoutError::Timeout) => panic!("it has not ended within {STOP:?}"),
            }
        }
    }

    #[track_caller]
    fn stops(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.ends().code(), Some(0));
    }

    fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// It has looked at everything.
    #[track_caller]
    fn is_ready(&self) {
        until("ready", || self.client().get("/readyz", "").status, |status| *status == 200);
    }

    /// It tells of so many responses, soon.
    #[track_caller]
    fn counts(&self, responses: &str) {
        let sample = |page: &String| {
            let mut lines = page.lines().filter(|line| line.starts_with("odin_claude_responses_total{"));
            lines.any(|line| line.ends_with(&format!(" {responses}")))
        };
        let mut client = self.client();
        let page = || String::from_utf8(client.get("/metrics?collect[]=claude", "").body).unwrap();
        until(&format!("{responses} responses"), page, sample);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Asks until the answer is right.
#[track_caller]
fn until<T: Debug>(what: &str, mut ask: impl FnMut() -> T, is_right: impl Fn(&T) -> bool) {
    let deadline = Instant::now() + HANGS;
    loop {
        let answer = ask();
        if is_right(&answer) {
            return;
        }
        assert!(Instant::now() < deadline, "not {what}: {answer:?}");
        thread::yield_now();
    }
}

/// The socket on which systemd hears of a service.
struct Systemd(UnixDatagram);

impl Systemd {
    fn of(home: &Home, command: &mut Command) -> Self {
        let path = home.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(HANGS)).unwrap();
        command.env("NOTIFY_SOCKET", path);
        Self(socket)
    }

    fn hears(&self) -> String {
        let mut bytes = [0; 256];
        let read = self.0.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..read].to_vec()).unwrap()
    }

    /// The next that is no sign of life.
    fn hears_news(&self) -> String {
        loop {
            let state = self.hears();
            if state != "WATCHDOG=1" {
                return state;
            }
        }
    }
}

#[test]
fn systemd_hears_that_it_is_ready_alive_and_stopping() {
    let home = Home::new();
    let mut command = home.odin(["agent", "--listen", "127.0.0.1:0"]);
    let systemd = Systemd::of(&home, command.env("WATCHDOG_USEC", "200000"));
    let agent = Agent::of(&mut command);
    assert_eq!(systemd.hears(), "READY=1");
    for _ in 0..3 {
        assert_eq!(systemd.hears(), "WATCHDOG=1");
    }
    agent.stops();
    assert_eq!(systemd.hears_news(), "STOPPING=1");
}

#[test]
fn either_signal_ends_it_whoever_is_connected() {
    let home = Home::new();
    for signal in [Signal::TERM, Signal::INT] {
        let mut agent = Agent::start(&home);
        let (mut idle, mut trickling) = (agent.client(), agent.client());
        assert_eq!(idle.get("/healthz", "").status, 200);
        trickling.send("GET /metrics HT");
        agent.signal(signal);
        assert_eq!(agent.ends().code(), Some(0), "{signal:?}");
    }
}

#[test]
fn a_second_one_is_told_of_the_first() {
    let home = Home::new();
    home.write("-work/a.jsonl", line("msg_1", 5));
    let agent = Agent::start(&home);
    let word = format!("an agent runs for {} already, process {}", home.state().display(), agent.child.id());
    let second = Run::of_one_that_ends(&mut home.odin(["agent", "--listen", "127.0.0.1:0"]));
    second.assert_failed_saying(&[&word]);
    // Who only wants everything up has it.
    let up = Run::of_one_that_ends(&mut home.odin(["up"]));
    assert!(up.stderr.contains(&word), "{up:?}");
    up.done();
    assert_eq!(agent.client().get("/healthz", "").status, 200);
    agent.stops();
    Agent::start(&home).stops();
}

/// A home with two config dirs, of which the configuration names one.
fn configured() -> (Home, Command) {
    let home = Home::new();
    for (dir, id) in [("one", "msg_1"), ("two", "msg_2")] {
        let project = home.path().join(dir).join("projects/-work");
        fs::create_dir_all(&project).unwrap();
        fs::write(project.join("a.jsonl"), line(id, 5)).unwrap();
    }
    configure(&home, "[claude]\nconfig_dirs = ['~/one']\n");
    let mut command = home.odin(["agent", "--listen", "127.0.0.1:0"]);
    command.env_remove("CLAUDE_CONFIG_DIR").env("ODIN_CONFIG", home.path().join("config.toml"));
    (home, command)
}

fn configure(home: &Home, text: &str) {
    fs::write(home.path().join("config.toml"), text).unwrap();
}

#[test]
fn another_configuration_takes_effect_and_everything_else_stays() {
    let (home, mut command) = configured();
    let systemd = Systemd::of(&home, &mut command);
    let agent = Agent::of(&mut command);
    assert_eq!(systemd.hears(), "READY=1");
    agent.counts("1");
    let mut client = agent.client();
    assert_eq!(client.get("/healthz", "").status, 200);

    configure(&home, "timezone = 'Asia/Tokyo'\n[claude]\nconfig_dirs = ['~/two']\n");
    agent.signal(Signal::HUP);
    agent.says("the configuration was read again");
    assert_eq!(systemd.hears(), "RELOADING=1");
    assert_eq!(systemd.hears(), "READY=1");
    agent.counts("2");
    // The connection of before serves as well, and so does the address.
    assert_eq!(client.get("/readyz", "").status, 200);
    // What is written to the one is no news any more.
    let append = |dir: &str, id| {
        let path = home.path().join(dir).join("projects/-work/a.jsonl");
        fs::write(&path, fs::read_to_string(&path).unwrap() + &line(id, 7)).unwrap();
    };
    append("one", "msg_3");
    append("two", "msg_4");
    agent.counts("3");

    // And back, as often as one likes.
    configure(&home, "[claude]\nconfig_dirs = ['~/one']\n");
    agent.signal(Signal::HUP);
    agent.says("the configuration was read again");
    agent.counts("4");
    agent.stops();
    home.check();
}

#[test]
fn a_configuration_that_cannot_be_used_changes_nothing() {
    let (home, mut command) = configured();
    let systemd = Systemd::of(&home, &mut command);
    let agent = Agent::of(&mut command);
    assert_eq!(systemd.hears(), "READY=1");
    agent.counts("1");
    for (text, word) in [
        ("timezone = ", "config.toml"),
        ("timezone = 'Middle/Earth'", "Middle/Earth"),
        ("[collectors]\nentrails = true", "entrails"),
        ("[claude]\nconfig_dirs = ['~/none']", "none"),
        ("[prices]\nfile = 'none.json'", "none.json"),
    ] {
        configure(&home, text);
        agent.signal(Signal::HUP);
        let said = agent.says("the configuration stays as it was");
        assert!(said.contains(word), "{said}");
        assert_eq!(agent.client().get("/readyz", "").status, 200);
    }
    let path = home.path().join("one/projects/-work/b.jsonl");
    fs::write(path, line("msg_3", 7)).unwrap();
    agent.counts("2");
    agent.stops();
    assert_eq!(systemd.hears(), "STOPPING=1");
}

#[test]
fn other_machines_are_not_served_unasked() {
    let home = Home::new();
    let run = Run::of_one_that_ends(&mut home.odin(["agent", "--listen", "0.0.0.0:0"]));
    run.assert_failed_saying(&["0.0.0.0:0", "listen on 127.0.0.1", "--web.config.file", "--web.insecure"]);
    let insecure = ["agent", "--listen", "0.0.0.0:0", "--web.insecure"];
    Agent::of(&mut home.odin(insecure)).stops();
}

#[test]
fn an_address_in_use_is_told() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = Run::of_one_that_ends(&mut home.odin(["agent", "--listen", &address]));
    run.assert_failed_saying(&["cannot listen on", &address, "--listen", "in use"]);
}

#[test]
fn one_that_is_killed_leaves_nothing_in_the_way() {
    let home = Home::new();
    home.write("-work/a.jsonl", line("msg_1", 5));
    let socket = home.state().join("agent.sock");
    let mut killed = Agent::start(&home);
    UnixStream::connect(&socket).unwrap();
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    let error = UnixStream::connect(&socket).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused, "it is still there");
    assert_eq!(home.total().responses, 1, "a report goes without");

    let agent = Agent::start(&home);
    agent.is_ready();
    UnixStream::connect(&socket).unwrap();
    home.append("-work/a.jsonl", line("msg_2", 7));
    assert_eq!(home.total().responses, 2);
    agent.stops();
}
