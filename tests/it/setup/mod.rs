//! `odin setup` and its undoing, on files as people have them.

mod real_client;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::harness::{Home, Run, binary};

/// As the client and its users write it.
const SETTINGS: &str = include_str!("../../fixtures/settings/commented.json");

const MANAGED: &str = r#"{"permissions":{"allow":["Bash(git status:*)"],"deny":[]},"env":{"FOO":"bar","NESTED":"{\"a\":1}"},
"hooks":{"PreToolUse":[{"matcher":"Bash","hooks":[{"type":"command","command":"/opt/guard --strict"}]}],
"SessionStart":[{"matcher":"startup","hooks":[{"type":"command","command":"direnv allow"}]}]},"sandbox":{"network":{"hooks":[]}}}
"#;

fn settings(home: &Home) -> PathBuf {
    home.claude().join("settings.json")
}

/// Without what this machine may or may not have.
fn set_up(home: &Home, more: &str) -> Run {
    home.run(&format!("setup --yes --skip service --skip shell {more}"))
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn whatever_the_settings_were_undo_brings_them_back_to_the_byte() {
    for (what, text) in [
        ("missing", None),
        ("empty", Some(String::new())),
        ("blank", Some("\n".into())),
        ("an object", Some("{}".into())),
        ("commented", Some(SETTINGS.into())),
        ("with CRLF", Some(SETTINGS.replace('\n', "\r\n"))),
        ("with a byte order mark", Some(format!("\u{feff}{SETTINGS}"))),
        ("with tabs", Some(SETTINGS.replace("  ", "\t"))),
        ("without a last newline", Some(SETTINGS.trim_end().into())),
        ("managed", Some(MANAGED.into())),
        ("on one line", Some(r#"{"model":"opus","env":{}}"#.into())),
    ] {
        let home = Home::new();
        let path = settings(&home);
        if let Some(text) = &text {
            fs::write(&path, text).unwrap();
        }
        set_up(&home, "").done();
        let after = fs::read_to_string(&path).unwrap();
        for word in
            ["odin statusline", "odin hook", "\"OTEL_EXPORTER_OTLP_ENDPOINT\": \"http://127.0.0.1:9477\""]
        {
            assert!(after.contains(word), "{what}: nothing of {word} in {after}");
        }
        let again = set_up(&home, "");
        assert!(again.stderr.contains("Nothing to do"), "{what}: {again:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), after, "{what}");
        home.done("setup --undo --yes");
        assert_eq!(fs::read_to_string(&path).ok(), text, "{what}");
        assert!(!home.state().join("setup.json").exists());
        assert_eq!(home.done("setup --undo --yes"), "nothing was set up\n");
    }
}

#[test]
fn mode_owner_and_link_of_the_settings_stay() {
    let home = Home::new();
    let real = home.path().join("dotfiles.json");
    fs::write(&real, SETTINGS).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    let owner = |path: &Path| {
        let meta = fs::metadata(path).unwrap();
        (meta.mode() & 0o777, meta.uid(), meta.gid())
    };
    let before = owner(&real);
    symlink(&real, settings(&home)).unwrap();
    set_up(&home, "").done();
    assert!(fs::read_to_string(&real).unwrap().contains("odin hook"));
    assert!(settings(&home).is_symlink());
    assert_eq!(owner(&real), before);
    home.done("setup --undo --yes");
    assert_eq!((fs::read_to_string(&real).unwrap().as_str(), owner(&real)), (SETTINGS, before));
    assert!(settings(&home).is_symlink());
}

#[test]
fn what_may_not_be_written_or_is_not_understood_is_left_alone() {
    let home = Home::new();
    let path = settings(&home);
    for (text, told) in [
        ("{\n  \"model\": \"opus\"\n  \"env\": {}\n}", "line 2, column 18: "),
        ("[]", "`settings.json` is not an object"),
        ("{\"hooks\": []}", "`hooks` is not an object"),
    ] {
        fs::write(&path, text).unwrap();
        let refused = set_up(&home, "");
        refused.assert_failed_saying(&["settings.json cannot be understood, and was left as it is", told]);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert!(!home.state().join("setup.json").exists());
    }
    fs::remove_file(&path).unwrap();
    symlink("nowhere.json", &path).unwrap();
    set_up(&home, "").assert_failed_saying(&["settings.json leads to", "nowhere.json, which is not there"]);
    fs::remove_file(&path).unwrap();

    fs::write(&path, SETTINGS).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let run = set_up(&home, "");
    // Whom modes do not bind keeps them.
    if rustix::process::geteuid().is_root() {
        run.done();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o444);
        home.done("setup --undo --yes");
    } else {
        run.assert_failed_saying(&["settings.json may not be written to"]);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), SETTINGS);
}

#[test]
fn what_another_program_has_put_there_stays_until_it_is_to_be_replaced() {
    let home = Home::new();
    let theirs = r#"{
  "statusLine": {"type": "command", "command": "npx ccusage statusline", "padding": 0},
  "env": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
}
"#;
    fs::write(settings(&home), theirs).unwrap();
    let told = set_up(&home, "").done();
    for word in ["Left as it is:", "npx ccusage statusline (--replace)", "http://collector:4318 (--replace)"]
    {
        assert!(told.contains(word), "{told}");
    }
    let now = read(&settings(&home));
    assert_eq!(now["statusLine"]["command"], "npx ccusage statusline");
    assert_eq!(now["env"]["CLAUDE_CODE_ENABLE_TELEMETRY"], Value::Null);
    assert!(now["hooks"]["Stop"].is_array());

    set_up(&home, "--replace").done();
    let now = read(&settings(&home));
    assert!(now["statusLine"]["command"].as_str().unwrap().ends_with("odin statusline"));
    assert_eq!(now["env"]["OTEL_EXPORTER_OTLP_ENDPOINT"], "http://127.0.0.1:9477");
    home.done("setup --undo --yes");
    assert_eq!(fs::read_to_string(settings(&home)).unwrap(), theirs);
}

#[test]
fn what_came_after_the_setup_stays_when_it_is_undone() {
    let home = Home::new();
    fs::write(settings(&home), SETTINGS).unwrap();
    set_up(&home, "").done();
    let changed = fs::read_to_string(settings(&home)).unwrap().replace("\"opus\"", "\"sonnet\"");
    fs::write(settings(&home), changed).unwrap();
    let told = home.done("setup --undo --yes");
    assert!(told.contains("only odin's part goes"), "{told}");
    let back = fs::read_to_string(settings(&home)).unwrap();
    assert_eq!(back, SETTINGS.replace("\"opus\"", "\"sonnet\""));
}

#[test]
fn a_look_changes_nothing_and_nobody_is_asked_who_cannot_answer() {
    let home = Home::new();
    fs::write(settings(&home), SETTINGS).unwrap();
    let shown = home.done("setup --dry-run --skip service --skip shell");
    assert!(shown.contains("+     \"OTEL_METRICS_EXPORTER\": \"otlp\""), "{shown}");
    let refused = home.run("setup --skip service --skip shell");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("say --yes"), "{refused:?}");
    assert_eq!(fs::read_to_string(settings(&home)).unwrap(), SETTINGS);
    assert!(!home.state().join("setup.json").exists());
}

#[test]
fn parts_can_be_left_out() {
    let home = Home::new();
    set_up(&home, "--skip telemetry --skip hooks").done();
    let now = read(&settings(&home));
    assert_eq!(now.as_object().unwrap().keys().collect::<Vec<_>>(), ["statusLine"]);
}

#[test]
fn the_shell_gets_its_hook_and_loses_it() {
    let home = Home::new();
    let rc = home.path().join(".bashrc");
    fs::write(&rc, "alias ll='ls -l'").unwrap();
    let run = |args: &str| Run::of(home.odin(args.split(' ')).env("SHELL", "/bin/bash")).done();
    run("setup --yes --skip service");
    assert!(fs::read_to_string(&rc).unwrap().contains("odin.bash"));
    run("setup --undo --yes");
    assert_eq!(fs::read_to_string(&rc).unwrap(), "alias ll='ls -l'");
    // One that was there before is none of the setup's.
    run("shell install");
    let installed = fs::read_to_string(&rc).unwrap();
    run("setup --yes --skip service");
    run("setup --undo --yes");
    assert_eq!(fs::read_to_string(&rc).unwrap(), installed);
}

/// A systemd that writes down what it is asked.
struct Systemd<'h> {
    home: &'h Home,
}

impl<'h> Systemd<'h> {
    fn new(home: &'h Home) -> Self {
        let folder = home.path().join("run/systemd/private");
        fs::create_dir_all(folder).unwrap();
        fs::create_dir(home.path().join("bin")).unwrap();
        let script = home.path().join("bin/systemctl");
        fs::write(&script, "#!/bin/sh\necho \"$*\" >>\"$HOME/asked\"\n").unwrap();
        fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
        Self { home }
    }

    fn run(&self, args: &str) -> String {
        let mut odin = self.home.odin(args.split(' '));
        odin.env("PATH", format!("{}:/usr/bin:/bin", self.home.path().join("bin").display()));
        Run::of(odin.env("XDG_RUNTIME_DIR", self.home.path().join("run"))).done()
    }

    fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.home.path().join("asked")).unwrap_or_default();
        asked.lines().map(String::from).collect()
    }
}

#[test]
fn the_service_is_started_and_taken_away() {
    let home = Home::new();
    let systemd = Systemd::new(&home);
    let unit = home.path().join(".config/systemd/user/odin.service");
    systemd.run("setup --yes --skip shell --listen 127.0.0.1:9999");
    let text = fs::read_to_string(&unit).unwrap();
    let start = format!("\nExecStart={} agent --listen 127.0.0.1:9999\n", binary().display());
    assert!(text.contains(&start), "{text}");
    assert!(text.contains(&format!("\nEnvironment=ODIN_STATE_DIR={}\n", home.state().display())), "{text}");
    assert_eq!(read(&settings(&home))["env"]["OTEL_EXPORTER_OTLP_ENDPOINT"], "http://127.0.0.1:9999");
    assert_eq!(systemd.asked(), ["--user daemon-reload", "--user enable --now odin.service"]);
    systemd.run("setup --yes --skip shell --listen 127.0.0.1:9999");
    assert_eq!(systemd.asked().len(), 2, "twice is once");
    systemd.run("setup --undo --yes");
    assert_eq!(systemd.asked()[2..], ["--user disable --now odin.service"]);
    assert!(!unit.exists() && !settings(&home).exists());

    fs::write(&unit, "[Service]\nExecStart=/my/own\n").unwrap();
    let told = systemd.run("setup --yes --skip shell");
    assert!(told.contains("an odin.service that is not of odin setup"), "{told}");
    assert_eq!(fs::read_to_string(&unit).unwrap(), "[Service]\nExecStart=/my/own\n");
}

#[test]
fn without_a_systemd_that_is_said() {
    let home = Home::new();
    let mut odin = home.odin(["setup", "--dry-run", "--skip", "shell"]);
    let told = Run::of(odin.env("XDG_RUNTIME_DIR", home.path().join("none"))).done();
    assert!(told.contains("no systemd of yours runs here"), "{told}");
}

#[test]
fn a_kill_at_any_instant_leaves_the_settings_whole_and_can_be_undone() {
    let mut seen = [0, 0];
    for steps in 0..40 {
        let home = Home::new();
        fs::write(settings(&home), SETTINGS).unwrap();
        let mut odin = home.odin("setup --yes --skip service --skip shell".split(' '));
        let mut child =
            odin.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        // Spread over the time that a setup takes, whatever that is here.
        for _ in 0..steps * 400 {
            std::thread::yield_now();
        }
        _ = rustix::process::kill_process(Pid::from_child(&child), Signal::KILL);
        child.wait().unwrap();
        let text = fs::read_to_string(settings(&home)).unwrap();
        let is_done = text.contains("odin hook");
        assert!(is_done || text == SETTINGS, "{text}");
        seen[usize::from(is_done)] += 1;
        home.done("setup --undo --yes");
        assert_eq!(fs::read_to_string(settings(&home)).unwrap(), SETTINGS);
    }
    assert!(seen[0] > 0, "killed too late: {seen:?}");
}
