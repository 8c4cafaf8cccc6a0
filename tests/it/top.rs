//! `odin top` over a registry that names real processes, as a table and on a terminal of its own.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::harness::{Home, Run, binary};
use crate::processes::{send, start_ticks};

/// What is waited for comes at once, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an editor-like program writes last: the screen that was there before comes back.
const LEFT: &str = "\u{1b}[?1049l";

/// A process in the role of the client, which it is until the end of the test.
struct Client(Child);

impl Client {
    /// One that runs a session in which a response came.
    fn new(home: &Home, session: &str, input_tokens: u32) -> Self {
        let child = Command::new("tail").args(["-f", "/dev/null"]).stdin(Stdio::null()).spawn().unwrap();
        let pid = child.id();
        let folder = home.claude().join("sessions");
        fs::create_dir_all(&folder).unwrap();
        let entry = format!(
            r#"{{"pid":{pid},"sessionId":"{session}","procStart":"{}","cwd":"/work/shop","status":"busy"}}"#,
            start_ticks(pid)
        );
        fs::write(folder.join(format!("{pid}.json")), entry).unwrap();
        let line = format!(
            r#"{{"type":"assistant","message":{{"id":"msg_{session}","model":"claude-opus-5-5","role":"assistant","stop_reason":"end_turn","usage":{{"input_tokens":{input_tokens},"output_tokens":0}}}},"requestId":"req_{session}","uuid":"{session}","timestamp":"2026-11-20T10:00:00Z","cwd":"/work/shop","sessionId":"{session}"}}"#
        );
        home.write(&format!("-work-shop/{session}.jsonl"), line + "\n");
        Self(child)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// A terminal, and an `odin top` on it.
struct Terminal {
    master: File,
    /// The other end, which keeps the terminal's settings.
    end: File,
    child: Child,
    seen: String,
}

impl Terminal {
    fn start(home: &Home) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let end: File = ioctl_tiocgptpeer(&master, flags).unwrap().into();
        let of_end = || Stdio::from(end.try_clone().unwrap());
        let child = home
            .command("setsid")
            .arg("--ctty")
            .arg(binary())
            .arg("top")
            .env("PATH", std::env::var_os("PATH").unwrap())
            .stdin(of_end())
            .stdout(of_end())
            .stderr(of_end())
            .spawn()
            .unwrap();
        Self { master: master.into(), end, child, seen: String::new() }
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until this is drawn, and forgets what came up to there.
    #[track_caller]
    fn until(&mut self, text: &str) {
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let mut ready = [PollFd::new(&self.master, PollFlags::IN)];
            poll(&mut ready, Some(&Timespec::try_from(PATIENCE).unwrap())).unwrap();
            assert!(ready[0].revents().contains(PollFlags::IN), "no {text:?} in {:?}", self.seen);
            let mut bytes = [0; 4096];
            let length = self.master.read(&mut bytes).unwrap();
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(&self.end).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// It has ended in good order, and the terminal is as it was.
    #[track_caller]
    fn assert_left(mut self) {
        self.until(LEFT);
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        assert!(!self.is_raw());
    }
}

#[test]
fn once_is_a_table_of_what_runs_with_its_cost() {
    let home = Home::new();
    assert_eq!(home.done("top --once"), "No session is live.\n");
    let (_dear, _cheap) = (Client::new(&home, "dear-one", 1_000_000), Client::new(&home, "cheap-one", 1));
    let table = home.done("top --once");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 6, "{table}");
    assert!(lines[0].starts_with("Session"), "{table}");
    let words: Vec<&str> = lines[2].split_whitespace().collect();
    assert_eq!(words[..3], ["dear-one", "shop", "busy"], "{table}");
    assert!(words.contains(&"$4.00"), "{table}");
    assert!(lines[3].starts_with("cheap-on") && lines[3].contains("<$0.01"), "{table}");
    assert!(lines[5].starts_with("Total") && lines[5].contains("$4.00"), "{table}");
    let by_age = home.done("top --once --sort age");
    assert!(by_age.find("cheap-on") < by_age.find("dear-one"), "the younger comes first: {by_age}");
}

#[test]
fn it_draws_obeys_keys_and_quits_on_q() {
    let home = Home::new();
    let _client = Client::new(&home, "dear-one", 1_000_000);
    let mut terminal = Terminal::start(&home);
    terminal.until("dear-one");
    terminal.until("$4.00");
    assert!(terminal.is_raw());
    terminal.press("t");
    terminal.until("Threads");
    terminal.until("tail");
    let _other = Client::new(&home, "late-one", 2_000_000);
    terminal.until("late-one");
    terminal.press("\u{1b}[B");
    terminal.press("js");
    terminal.until("minute");
    terminal.press("q");
    terminal.assert_left();
}

#[test]
fn the_terminal_is_as_it_was_after_ctrl_c_and_after_a_signal() {
    let home = Home::new();
    let mut terminal = Terminal::start(&home);
    terminal.until("live.");
    terminal.press("\u{3}");
    terminal.assert_left();
    for signal in [Signal::TERM, Signal::INT] {
        let mut terminal = Terminal::start(&home);
        terminal.until("live.");
        send(terminal.child.id(), signal);
        terminal.assert_left();
    }
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let home = Home::new();
    let run = Run::of(home.odin(["top"]).stdin(Stdio::null()));
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("odin top --once"), "{run:?}");
}
