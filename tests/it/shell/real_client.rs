//! The real client at a prompt, against the mock service of the shared folder: what the installed hooks note of its
//! runs, what `odin launches` makes of that, and that the shells which it runs itself have nothing of the hooks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use odin::model::Shell;
use serde_json::{Value, json};

use super::install::{install, installed, odin};
use super::terminal::{CTRL_C, CTRL_Z, Setup, Terminal};
use super::{ALL, Check, try_all};
use crate::real_client::client_and_driver;

const CHECKS: &[Check] = &[
    Check::new("claude -p is a launch that ended with 0", ALL, print),
    Check::new("claude -p that fails is a launch with its exit status", ALL, failed_print),
    Check::new("claude -p ended by ctrl-c is a launch with its exit status", ALL, interrupted_print),
    Check::new("a prompt on claude's screen and /exit are a launch that ended with 0", ALL, screen),
    Check::new("ctrl-z, fg and /exit are one launch", ALL, stopped),
    Check::new("ctrl-c twice ends a launch with its exit status", ALL, ctrl_c_twice),
    Check::new("nothing of the hook is in the shells that claude runs", ALL, tool),
    Check::new("each of several launches has its session and the cost of that", ALL, several),
];

/// Where the client may be typed at.
const INPUT: &str = "❯";

/// The title says that an answer has ended.
const IDLE: &str = "\u{1b}]0;✳";

/// The client asks before it uses a key whose end it does not know.
const KEY: &str = "dummy-key-0000000000000000000000";

/// A line of the rc file, to tell that the shells which the client runs have read it.
const OWN: &str = "own_function() { true; }";

pub(crate) const VARIABLES: [(&str, &str); 8] = [
    ("ANTHROPIC_API_KEY", KEY),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL", "1"),
    ("DISABLE_AUTOUPDATER", "1"),
    ("DISABLE_ERROR_REPORTING", "1"),
    ("DISABLE_TELEMETRY", "1"),
    // Lets root skip permission prompts.
    ("IS_SANDBOX", "1"),
    ("NO_PROXY", "127.0.0.1"),
];

#[test]
fn bash_notes_the_real_client() {
    try_the_client(Shell::Bash);
}

#[test]
fn zsh_notes_the_real_client() {
    try_the_client(Shell::Zsh);
}

#[test]
fn fish_notes_the_real_client() {
    try_the_client(Shell::Fish);
}

fn try_the_client(shell: Shell) {
    if client_and_driver().is_some() {
        try_all(shell, &[CHECKS]);
    }
}

/// The mock. It ends with this.
pub(crate) struct Service {
    child: Child,
    pub(crate) url: String,
    /// What it served, a line for each response.
    served: PathBuf,
}

impl Service {
    pub(crate) fn new(program: &Path, folder: &Path) -> Self {
        let served = folder.join("served.jsonl");
        let mut command = Command::new("python3");
        command.arg(program).args(["--port", "0", "--ledger"]).arg(&served).stdout(Stdio::piped());
        let mut service = Self { child: command.spawn().unwrap(), url: String::new(), served };
        let mut line = String::new();
        BufReader::new(service.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().strip_prefix("PORT ").unwrap_or_else(|| panic!("no port in {line:?}"));
        service.url = format!("http://127.0.0.1:{port}");
        service
    }

    /// The sessions that something was served to.
    pub(crate) fn sessions(&self) -> BTreeSet<String> {
        let text = fs::read_to_string(&self.served).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["billed"] == true).map(|line| text_of(&line["session_id"])).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A terminal where `claude` is the real client.
struct Desk {
    terminal: Terminal,
    service: Service,
}

impl Desk {
    fn new(shell: Shell) -> Self {
        let (client, driver) = client_and_driver().unwrap();
        let mut setup = Setup::new(shell).without_hook().with_claude(&client);
        let home = setup.home().to_owned();
        let service = Service::new(&driver.with_file_name("mock_api.py"), &home);
        fs::create_dir(home.join(".claude")).unwrap();
        let settings = json!({
            "hasCompletedOnboarding": true,
            "customApiKeyResponses": {"approved": [&KEY[KEY.len() - 20..]], "rejected": []},
            "projects": {home.to_str().unwrap(): {"hasTrustDialogAccepted": true}},
        });
        fs::write(home.join(".claude.json"), settings.to_string()).unwrap();

        setup = installed(shell, setup);
        if shell == Shell::Fish {
            // The client runs its commands in zsh or bash then.
            for (other, rc) in [(Shell::Bash, ".bashrc"), (Shell::Zsh, ".zshrc")] {
                install(&home, other);
                let mut rc = File::options().append(true).open(home.join(rc)).unwrap();
                writeln!(rc, "{OWN}").unwrap();
            }
        } else {
            setup = setup.before(OWN);
        }
        for (name, value) in VARIABLES {
            setup = setup.variable(name, value);
        }
        let terminal = setup
            .variable("ANTHROPIC_BASE_URL", &service.url)
            .variable("SHELL", path_of(shell.name()).to_str().unwrap())
            .variable("TMPDIR", home.to_str().unwrap())
            .start();
        Self { terminal, service }
    }

    /// Opens the client's own screen.
    fn open(&mut self) {
        self.terminal.send("claude\r");
        self.terminal.until(INPUT);
    }

    /// Types on the client's screen. It takes what comes at once for pasted, the last key included.
    fn enter(&mut self, text: &str) {
        self.terminal.send(text);
        self.terminal.until(text);
        self.terminal.send("\r");
    }

    fn ask(&mut self) {
        self.enter("hello");
        self.terminal.until(IDLE);
    }

    fn leave(&mut self) {
        self.enter("/exit");
        self.terminal.prompt();
    }

    /// The launches, oldest first. Together they have all sessions that were served, each with what it cost.
    #[track_caller]
    fn launches(&self) -> Vec<Value> {
        let rows = |args: &str| -> Vec<Value> {
            let args: Vec<&str> = args.split(' ').chain(["--last", "all", "--format", "json"]).collect();
            let mut told: Value = serde_json::from_str(&odin(self.terminal.home(), &args)).unwrap();
            serde_json::from_value(told["rows"].take()).unwrap()
        };
        let mut launches = rows("launches");
        launches.reverse();
        let costs: BTreeMap<String, i64> = rows("cost report --by session")
            .iter()
            .map(|row| (text_of(&row["session"]), row["cost_picousd"].as_i64().unwrap()))
            .collect();
        for launch in &launches {
            let cost: i64 = sessions(launch).iter().map(|session| costs[session]).sum();
            assert!(cost > 0 && launch["cost_picousd"] == cost, "{cost}: {launch}");
        }
        let all: Vec<String> = launches.iter().flat_map(sessions).collect();
        assert_eq!(all.len(), costs.len(), "a session is of one launch: {launches:#?}");
        assert!(costs.keys().eq(&all.into_iter().collect::<BTreeSet<_>>()), "{launches:#?}");
        assert!(costs.keys().eq(&self.service.sessions()), "{costs:?}");
        launches
    }

    /// The one launch, of one session.
    #[track_caller]
    fn launch(&self) -> Value {
        let mut launches = self.launches();
        assert_eq!(launches.len(), 1, "{launches:#?}");
        assert_eq!(sessions(&launches[0]).len(), 1, "{launches:#?}");
        launches.remove(0)
    }
}

fn sessions(launch: &Value) -> Vec<String> {
    launch["sessions"].as_array().unwrap().iter().map(text_of).collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().into()
}

fn path_of(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file()).unwrap()
}

/// A line that runs claude on a prompt which the mock answers in these steps.
fn print_line(steps: &Value) -> String {
    format!("claude -p --dangerously-skip-permissions 'MOCK {}'", json!({ "steps": steps }))
}

/// A step in which the client is to run a command.
fn command(line: &str) -> Value {
    json!({"tools": [{"name": "Bash", "input": {"command": line, "description": "run"}}]})
}

fn print(shell: Shell) {
    let mut desk = Desk::new(shell);
    let printed = desk.terminal.run("claude -p hello");
    assert!(printed.contains("mock reply"), "{printed}");
    assert_eq!(desk.launch()["exit"], 0);
}

fn failed_print(shell: Shell) {
    let mut desk = Desk::new(shell);
    // What is refused at once is not billed, so it would have no session.
    let refused = json!({"error": {"status": 400, "times": 99}});
    desk.terminal.run(&print_line(&json!([command("true"), refused])));
    let status = desk.terminal.status();
    assert_ne!(status, 0);
    assert_eq!(desk.launch()["exit"], status);
}

fn interrupted_print(shell: Shell) {
    let mut desk = Desk::new(shell);
    // The client's commands have no terminal of their own.
    desk.terminal.run("tty >tty");
    fs::write(desk.terminal.home().join("wait"), "echo \"<run $$>\" >$(cat tty); exec sleep 60\n").unwrap();
    let line = print_line(&json!([command(". ./wait")]));
    desk.terminal.run_until_it_waits(&line);
    desk.terminal.send(CTRL_C);
    desk.terminal.prompt();
    let status = desk.terminal.status();
    assert_eq!(desk.launch()["exit"], status);
}

fn screen(shell: Shell) {
    let mut desk = Desk::new(shell);
    desk.open();
    desk.ask();
    desk.leave();
    assert_eq!(desk.launch()["exit"], 0);
}

fn stop_and_continue(desk: &mut Desk) {
    desk.terminal.send(CTRL_Z);
    desk.terminal.prompt();
    desk.terminal.send("fg\r");
    desk.terminal.until(INPUT);
}

fn stopped(shell: Shell) {
    let mut desk = Desk::new(shell);
    desk.open();
    desk.ask();
    stop_and_continue(&mut desk);
    desk.ask();
    desk.leave();
    let [first, last] = &desk.terminal.launches()[..] else { panic!("a line for each stretch") };
    assert!(first.is_stopped() && !last.is_stopped(), "{first:?} {last:?}");
    assert!(first.child_pid.is_some() && first.child_pid == last.child_pid, "{first:?} {last:?}");
    let launch = desk.launch();
    let exit = if shell == Shell::Fish { Value::Null } else { json!(0) };
    assert_eq!((&launch["exit"], &launch["is_stopped"]), (&exit, &json!(false)), "{launch}");
}

fn ctrl_c_twice(shell: Shell) {
    let mut desk = Desk::new(shell);
    desk.open();
    desk.ask();
    desk.terminal.send(CTRL_C);
    desk.terminal.until("again");
    desk.terminal.send(CTRL_C);
    desk.terminal.prompt();
    let status = desk.terminal.status();
    assert_eq!(desk.launch()["exit"], status);
}

/// What a shell has, and one that it starts as if for a person. Both run claude.
const LOOK: &str = "\
{ set; typeset -f; claude --version; } >of_tool
$SHELL -ic '{ set; typeset -f; claude --version; } >of_inner' </dev/null
";

fn tool(shell: Shell) {
    let mut desk = Desk::new(shell);
    let home = desk.terminal.home().to_owned();
    fs::write(home.join("look"), LOOK).unwrap();
    desk.terminal.run(&print_line(&json!([command(". ./look"), {"text": "done"}])));
    for name in ["of_tool", "of_inner"] {
        let text = fs::read_to_string(home.join(name)).unwrap();
        for wanted in ["CLAUDECODE=1\n", "own_function", "(Claude Code)\n"] {
            assert!(text.contains(wanted), "{name}, no {wanted:?}: {text}");
        }
        assert!(!text.contains("__odin"), "{name}: {text}");
    }
    assert_eq!(desk.launch()["exit"], 0);
    assert_eq!(desk.terminal.launches().len(), 1);
}

fn several(shell: Shell) {
    let mut desk = Desk::new(shell);
    desk.terminal.run("claude -p hello");
    desk.open();
    desk.ask();
    desk.leave();
    desk.open();
    desk.ask();
    stop_and_continue(&mut desk);
    desk.leave();
    desk.terminal.run(&print_line(&json!([command("true"), {"text": "done"}])));
    let launches = desk.launches();
    let counts: Vec<usize> = launches.iter().map(|launch| sessions(launch).len()).collect();
    assert_eq!(counts, [1; 4], "{launches:#?}");
}
