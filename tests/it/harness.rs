//! A scratch home for the binary under test, and what it prints.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

use crate::compare::{Rows, Sums};

/// A home, a state dir and a Claude config dir that a test has for itself.
pub(crate) struct Home {
    folder: TempDir,
    /// A comma list.
    config_dirs: String,
}

/// What a run of the binary left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// With an empty `projects` folder.
    pub(crate) fn new() -> Self {
        Self::in_folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn in_folder(folder: TempDir) -> Self {
        let claude = folder.path().join("claude");
        fs::create_dir_all(claude.join("projects")).unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { config_dirs: claude.to_str().unwrap().into(), folder }
    }

    /// Reads transcripts that lie elsewhere.
    pub(crate) fn over(config_dirs: &[&Path]) -> Self {
        let list: Vec<&str> = config_dirs.iter().map(|dir| dir.to_str().unwrap()).collect();
        Self { config_dirs: list.join(","), ..Self::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.state().join("ledger.db")
    }

    pub(crate) fn claude(&self) -> PathBuf {
        self.path().join("claude")
    }

    pub(crate) fn projects(&self) -> PathBuf {
        self.claude().join("projects")
    }

    /// Writes a file below `projects`, with the folders above it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.projects().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes at the end of a file below `projects`.
    pub(crate) fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let mut file = File::options().append(true).open(self.projects().join(name)).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn odin<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut odin = self.command(binary());
        odin.args(args);
        odin
    }

    /// Any program, in the environment that odin is given.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.path())
            .env("TMPDIR", self.path().join("tmp"))
            .env("ODIN_STATE_DIR", self.state())
            .env("CLAUDE_CONFIG_DIR", &self.config_dirs)
            .current_dir(self.path());
        command
    }

    /// The arguments are separated by spaces.
    pub(crate) fn run(&self, args: &str) -> Run {
        Run::of(&mut self.odin(args.split_whitespace()))
    }

    /// Runs what must succeed, and returns what it printed.
    #[track_caller]
    pub(crate) fn done(&self, args: &str) -> String {
        self.run(args).done()
    }

    #[track_caller]
    pub(crate) fn report(&self, by: &str, zone: &str) -> Report {
        Report::parse(&self.done(&format!("cost report --last all --format json --by {by} --tz {zone}")))
    }

    #[track_caller]
    pub(crate) fn total(&self) -> Sums {
        self.report("day", "UTC").total()
    }

    /// The ledger agrees with itself.
    #[track_caller]
    pub(crate) fn check(&self) {
        let checked = self.run("ledger check");
        assert_eq!(checked.code, Some(0), "odin ledger check: {checked:?}");
    }
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// Of what might never end: it is killed then, and the test fails.
    #[track_caller]
    pub(crate) fn of_one_that_ends(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let (ended, end) = mpsc::channel();
        let waiting = thread::spawn(move || ended.send(child.wait_with_output().unwrap()));
        let output = end.recv_timeout(Duration::from_secs(60));
        if output.is_err() {
            rustix::process::kill_process(pid, Signal::KILL).unwrap();
        }
        waiting.join().unwrap().unwrap();
        output.unwrap_or_else(|_| panic!("{command:?} does not end")).into()
    }

    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// It said what is wrong and ended as the contract says; a panic does neither.
    #[track_caller]
    pub(crate) fn assert_failed_saying(&self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "nothing of `{word}`: {self:?}");
        }
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// What `--format json` says.
#[derive(Debug, PartialEq)]
pub(crate) struct Report {
    pub(crate) json: Value,
}

impl Report {
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Self {
        Self { json: serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}")) }
    }

    pub(crate) fn total(&self) -> Sums {
        Sums::of_report(&self.json["total"])
    }

    /// Projects are named by their folder, as in a truth.
    pub(crate) fn rows(&self) -> Rows {
        let mut rows = Rows::new();
        for row in self.json["rows"].as_array().unwrap() {
            let name =
                |key: &Value| match (key.as_str().unwrap(), row[key.as_str().unwrap()].as_str().unwrap()) {
                    ("project", path) => folder_name(path),
                    (_, name) => name.into(),
                };
            let names: Vec<String> = self.json["by"].as_array().unwrap().iter().map(name).collect();
            let before = rows.insert(names.join(" "), Sums::of_report(row));
            assert_eq!(before, None, "two rows named {names:?}");
        }
        rows
    }
}

/// The name that the client gives to a project's folder.
pub(crate) fn folder_name(path: &str) -> String {
    path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

pub(crate) fn binary() -> PathBuf {
    std::env::var_os("ODIN_TEST_BIN").map_or_else(|| env!("CARGO_BIN_EXE_odin").into(), PathBuf::from)
}

pub(crate) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| value == "1")
}

/// Prints past the test runner, which keeps what a test that passes prints.
pub(crate) fn tell(text: &str) {
    _ = writeln!(std::io::stderr(), "{text}");
}

/// Tells what cannot be tested here, or fails where nothing may be left out.
pub(crate) fn skip(what: &str) {
    assert!(!is_set("ODIN_TEST_STRICT"), "{what}, and ODIN_TEST_STRICT is set");
    tell(&format!("skipped: {what}"));
}

/// Transcripts below a folder, as paths from there, in order.
pub(crate) fn transcripts(root: &Path) -> Vec<PathBuf> {
    let mut found = files(root);
    found.retain(|path| path.extension() == Some(OsStr::new("jsonl")));
    found
}

/// All files below a folder, as paths from there, in order.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut stack) = (vec![], vec![root.to_path_buf()]);
    while let Some(folder) = stack.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                stack.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(root).unwrap().into());
            }
        }
    }
    found.sort();
    found
}

/// Copies a folder. Files keep their times: a copied history belongs to the session whose file was written earliest.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in files(from) {
        let copy = to.join(&name);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(from.join(&name), &copy).unwrap();
        set_modified(&copy, modified(&fs::metadata(from.join(&name)).unwrap()));
    }
}

pub(crate) fn modified(meta: &Metadata) -> SystemTime {
    meta.modified().unwrap()
}

pub(crate) fn set_modified(path: &Path, at: SystemTime) {
    File::options().append(true).open(path).unwrap().set_modified(at).unwrap();
}

/// So many seconds after an instant long ago.
pub(crate) fn second(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000 + seconds)
}
