//! Installing the hooks, taking them out again, and what is told of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use odin::model::Shell;
use serde_json::{Value, json};

use super::terminal::{NOBODY, Setup, give_away, hook, path};
use super::{ALL, Check};
use crate::harness::{Home, Run, binary, files};

pub(super) const CHECKS: &[Check] = &[
    Check::new("a new shell has the installed hook, and none after uninstall", ALL, new_shell),
    Check::new("installed, a run of claude shows up in the status", ALL, whole_way),
];

const BEGIN: &[u8] = b"# >>> odin >>>\n";

/// What an rc file may hold.
const RCS: [&[u8]; 7] = [b"", b"\n", b"a", b"a\n\n", b"a\r\nb\r\n", b"a\r\nb", b"# \xfc\n"];

fn rc(home: &Path, shell: Shell) -> PathBuf {
    home.join(match shell {
        Shell::Bash => ".bashrc",
        Shell::Zsh => ".zshrc",
        Shell::Fish => ".config/fish/conf.d/odin.fish",
    })
}

fn installed_hook(home: &Path, shell: Shell) -> PathBuf {
    home.join(".local/share/odin/shell").join(format!("odin.{}", shell.name()))
}

/// A home with an rc file.
fn home_with(shell: Shell, text: impl AsRef<[u8]>) -> Home {
    let home = Home::new();
    write(&rc(home.path(), shell), text);
    home
}

fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn run(home: &Home, command: &str, shell: Shell) -> Run {
    home.run(&format!("shell {command} --shell {}", shell.name()))
}

#[track_caller]
fn done(home: &Home, command: &str, shell: Shell) -> String {
    run(home, command, shell).done()
}

/// All that there is below a home, but for what odin keeps.
fn contents(home: &Home) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths = files(home.path());
    paths.retain(|path| !path.starts_with("state"));
    let read = |path: PathBuf| (fs::read(home.path().join(&path)).unwrap(), path);
    paths.into_iter().map(read).map(|(bytes, path)| (path, bytes)).collect()
}

fn count(text: &[u8], wanted: &[u8]) -> usize {
    text.windows(wanted.len()).filter(|window| *window == wanted).count()
}

#[test]
fn installed_twice_is_installed_once() {
    for shell in Shell::ALL {
        let home = home_with(shell, "a\n");
        let told = done(&home, "install", shell);
        assert!(told.contains("added to ~/") && told.contains("    # <<< odin <<<\n"), "{told}");
        let once = contents(&home);
        assert_eq!(fs::read(installed_hook(home.path(), shell)).unwrap(), fs::read(hook(shell)).unwrap());
        assert_eq!(count(&fs::read(rc(home.path(), shell)).unwrap(), BEGIN), 1);
        assert_eq!(done(&home, "install", shell), format!("{}: installed already\n", shell.name()));
        assert_eq!(contents(&home), once);
    }
}

#[test]
fn uninstalled_all_is_as_it_was_to_the_byte() {
    for shell in Shell::ALL {
        for text in RCS {
            let home = home_with(shell, text);
            let before = contents(&home);
            done(&home, "install", shell);
            done(&home, "install", shell);
            done(&home, "uninstall", shell);
            assert_eq!(contents(&home), before, "{shell:?}");
            assert!(!home.path().join(".local/share/odin").exists());
            assert_eq!(done(&home, "uninstall", shell), format!("{}: not installed\n", shell.name()));
        }
        let home = Home::new();
        done(&home, "install", shell);
        assert_eq!(count(&fs::read(rc(home.path(), shell)).unwrap(), BEGIN), 1);
        done(&home, "uninstall", shell);
        assert_eq!(contents(&home), [], "{shell:?}: there was no rc file");
    }
}

#[test]
fn lines_that_were_added_since_are_kept() {
    for shell in Shell::ALL {
        let home = home_with(shell, "a");
        done(&home, "install", shell);
        let mut text = fs::read(rc(home.path(), shell)).unwrap();
        text.extend(b"b\n");
        write(&rc(home.path(), shell), text);
        done(&home, "uninstall", shell);
        assert_eq!(fs::read(rc(home.path(), shell)).unwrap(), b"a\nb\n");
    }
}

#[test]
fn a_linked_rc_file_stays_a_link_and_keeps_mode_and_owner() {
    for shell in Shell::ALL {
        let home = Home::new();
        let (link, file) = (rc(home.path(), shell), home.path().join("dotfiles/rc"));
        write(&file, "a\n");
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let above = link.parent().unwrap().strip_prefix(home.path()).unwrap().components().count();
        symlink(Path::new(&"../".repeat(above)).join("dotfiles/rc"), &link).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        if rustix::process::geteuid().is_root() {
            chown(&file, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let attributes = || fs::metadata(&file).map(|meta| (meta.mode(), meta.uid(), meta.gid())).unwrap();
        let before = attributes();
        done(&home, "install", shell);
        assert!(link.is_symlink() && !file.is_symlink());
        assert_eq!((attributes(), count(&fs::read(&file).unwrap(), BEGIN)), (before, 1));
        done(&home, "uninstall", shell);
        assert!(link.is_symlink());
        assert_eq!((attributes(), fs::read(&file).unwrap()), (before, b"a\n".to_vec()));
    }
}

#[test]
fn the_rc_file_as_it_was_is_kept_for_its_owner_alone() {
    for (shell, name) in [(Shell::Bash, "bashrc"), (Shell::Zsh, "zshrc"), (Shell::Fish, "odin.fish")] {
        let home = home_with(shell, "a\n");
        done(&home, "install", shell);
        let copy = home.state().join("backups/shell").join(name);
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((fs::read(&copy).unwrap(), mode(&copy)), (b"a\n".to_vec(), 0o600));
        assert_eq!((mode(&home.state()), mode(copy.parent().unwrap())), (0o700, 0o700));
    }
}

#[test]
fn an_older_hook_and_an_older_block_are_brought_up_to_date_in_place() {
    for shell in Shell::ALL {
        let older = "a\n\n# >>> odin >>>\nsource /older\n# <<< odin <<<\nb\n";
        let home = home_with(shell, older);
        write(&installed_hook(home.path(), shell), "# odin hook version 0\n");
        done(&home, "install", shell);
        assert_eq!(fs::read(installed_hook(home.path(), shell)).unwrap(), fs::read(hook(shell)).unwrap());
        let text = fs::read_to_string(rc(home.path(), shell)).unwrap();
        assert!(text.starts_with("a\n\n# >>> odin >>>\n") && text.ends_with("# <<< odin <<<\nb\n"), "{text}");
        assert!(!text.contains("/older"), "{text}");
        done(&home, "uninstall", shell);
        assert_eq!(fs::read(rc(home.path(), shell)).unwrap(), b"a\nb\n");
    }
}

#[test]
fn a_dry_run_shows_the_steps_and_changes_nothing() {
    for shell in Shell::ALL {
        let home = home_with(shell, "a\n");
        let before = contents(&home);
        let told = done(&home, "install --dry-run", shell);
        for words in [
            "would write ~/.local/share/odin/shell/",
            "would keep a copy of ~/",
            "would add to ~/",
            "# >>> odin >>>",
        ] {
            assert!(told.contains(words), "{told}");
        }
        assert_eq!(contents(&home), before);
        assert!(!home.state().exists());
        done(&home, "install", shell);
        let before = contents(&home);
        let told = done(&home, "uninstall --dry-run", shell);
        assert!(
            told.contains("would take odin's block out of ~/") && told.contains("would remove ~/"),
            "{told}"
        );
        assert_eq!(contents(&home), before);
    }
}

#[test]
fn what_cannot_be_changed_safely_is_refused_and_all_left_alone() {
    for shell in Shell::ALL {
        let torn = home_with(shell, "a\n# >>> odin >>>\nb\n");
        let dangling = Home::new();
        let null = Home::new();
        for (home, target) in [(&dangling, "nowhere"), (&null, "/dev/null")] {
            let path = rc(home.path(), shell);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(target, &path).unwrap();
        }
        let name = rc(Path::new("/"), shell).file_name().unwrap().to_str().unwrap().to_owned();
        for (home, words) in [
            (&torn, ["line 2", "no `# <<< odin <<<` follows"]),
            (&dangling, ["nowhere, which is not there", "make that file"]),
            (&null, ["is no file", "put one in its place"]),
        ] {
            for command in ["install", "uninstall", "install --dry-run"] {
                let before = fs::read(rc(home.path(), shell)).ok();
                run(home, command, shell).assert_failed_saying(&[&name, words[0], words[1]]);
                assert_eq!(fs::read(rc(home.path(), shell)).ok(), before);
                assert!(!installed_hook(home.path(), shell).exists() && !home.state().exists());
            }
        }
    }
}

#[test]
fn an_rc_file_that_may_not_be_written_to_is_refused() {
    for shell in Shell::ALL {
        let home = home_with(shell, "a\n");
        let path = rc(home.path(), shell);
        fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
        as_nobody(&home, &format!("shell install --shell {}", shell.name())).assert_failed_saying(&[
            "may not be written to",
            "make it writable",
            "# >>> odin >>>\n",
        ]);
        assert_eq!(fs::read(&path).unwrap(), b"a\n");
        assert!(!installed_hook(home.path(), shell).exists());
    }
}

/// As someone to whom the modes of files mean something.
fn as_nobody(home: &Home, args: &str) -> Run {
    let mut odin = home.odin(args.split_whitespace());
    if rustix::process::geteuid().is_root() {
        give_away(home.path());
        odin.uid(NOBODY).gid(NOBODY);
    }
    Run::of(&mut odin)
}

#[test]
fn the_environment_says_where_things_lie() {
    let home = Home::new();
    let at = |name: &str| home.path().join(name);
    let odin = |args: &str| {
        let mut odin = home.odin(args.split_whitespace());
        odin.env("XDG_DATA_HOME", at("d a'ta"))
            .env("XDG_CONFIG_HOME", at("config"))
            .env("ZDOTDIR", at("zsh"));
        Run::of(&mut odin).done()
    };
    odin("shell install --shell zsh --shell fish");
    for (rc, hook) in [("zsh/.zshrc", "odin.zsh"), ("config/fish/conf.d/odin.fish", "odin.fish")] {
        assert_eq!(count(&fs::read(at(rc)).unwrap(), BEGIN), 1);
        assert!(at("d a'ta/odin/shell").join(hook).exists());
    }
    odin("shell uninstall");
    assert_eq!(contents(&home), []);
}

#[test]
fn a_zdotdir_that_only_zsh_knows_is_asked_for() {
    let home = Home::new();
    write(&home.path().join(".zshenv"), "export ZDOTDIR=~/zsh\n");
    run(&home, "install", Shell::Zsh)
        .assert_failed_saying(&[".zshenv speaks of ZDOTDIR", "try again with ZDOTDIR="]);
    let status: Value = serde_json::from_str(&home.done("shell status --format json")).unwrap();
    assert_eq!(status["problems"], json!([]), "nothing is installed");
    done(&home, "install", Shell::Bash);
    assert!(!home.done("shell uninstall").contains("zsh"));
    assert_eq!(home.done("shell uninstall"), "no hook is installed\n");
    let zdotdir = |command: &str| {
        let mut odin = home.odin(["shell", command, "--shell", "zsh"]);
        Run::of(odin.env("ZDOTDIR", home.path().join("zsh"))).done()
    };
    zdotdir("install");
    assert!(home.path().join("zsh/.zshrc").exists());
    zdotdir("uninstall");
}

#[test]
fn without_a_name_the_users_own_shell_is_meant_else_those_that_were_set_up() {
    let home = Home::new();
    let install = |shell: &str| Run::of(home.odin(["shell", "install", "--dry-run"]).env("SHELL", shell));
    let run = install("/bin/tcsh");
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("--shell"), "{run:?}");
    for shell in [Shell::Zsh, Shell::Fish] {
        write(&rc(home.path(), shell), "");
    }
    let shells = |told: &str| -> Vec<String> {
        told.lines()
            .filter_map(|line| line.strip_suffix(':'))
            .filter(|name| !name.contains(' '))
            .map(Into::into)
            .collect()
    };
    assert_eq!(shells(&install("/bin/tcsh").done()), ["zsh", "fish"]);
    assert_eq!(shells(&install("/usr/local/bin/bash").done()), ["bash"]);
    assert_eq!(self::run(&home, "install", Shell::Bash).code, Some(0));
    let unknown = home.run("shell install --shell tcsh");
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("bash, zsh, fish"), "{unknown:?}");
}

fn status(home: &Home, shell: Shell) -> (Option<i32>, Value) {
    let run = run(home, "status --format json", shell);
    let status = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    (run.code, status)
}

#[test]
fn the_status_tells_what_is_wrong_and_what_to_do() {
    for shell in Shell::ALL {
        let home = home_with(shell, "a\n");
        let (rc, hook) = (rc(home.path(), shell), installed_hook(home.path(), shell));
        let (code, told) = status(&home, shell);
        assert_eq!((code, &told["shells"][0]["is_installed"]), (Some(0), &json!(false)));
        assert!(done(&home, "status", shell).contains("To note each run of claude: odin shell install\n"));

        done(&home, "install", shell);
        let (code, told) = status(&home, shell);
        assert_eq!(
            (code, &told["schema"], &told["problems"]),
            (Some(0), &json!("odin.shell.status/1"), &json!([]))
        );
        let one = &told["shells"][0];
        assert_eq!((&one["hook"]["state"], &one["rc"]["state"]), (&json!("current"), &json!("current")));
        assert_eq!(one["hook"]["version"], told["hook_version"]);

        let good = fs::read(&rc).unwrap();
        for (path, text, words) in [
            (&rc, b"a\n".to_vec(), "does not source the hook"),
            (&rc, [&good[..], &good].concat(), "has not the block that it should have"),
            (&rc, [b"a\n", BEGIN].concat(), "torn block"),
            (&hook, b"# odin hook version 0\n".to_vec(), "is of version 0"),
            (&hook, b"".to_vec(), "is not the hook of this odin"),
        ] {
            let before = fs::read(path).unwrap();
            fs::write(path, text).unwrap();
            let (code, told) = status(&home, shell);
            assert_eq!(code, Some(1), "{told}");
            let problem = &told["problems"][0];
            assert!(problem["what"].as_str().unwrap().contains(words), "{told}");
            assert_eq!(problem["fix"], format!("odin shell install --shell {}", shell.name()));
            fs::write(path, before).unwrap();
        }
        fs::remove_file(&hook).unwrap();
        let run = run(&home, "status", shell);
        assert_eq!(run.code, Some(1));
        assert!(run.stdout.contains("is missing"), "{run:?}");
        done(&home, "install", shell);
        assert_eq!(status(&home, shell).0, Some(0));
    }
}

#[test]
fn the_status_tells_of_the_spool() {
    let home = Home::new();
    let good = "1\tbash\t5.2\t8\t\t1795459504726614\t1795459511002200\t3\t\t/w\tmain\n";
    write(&home.state().join("spool/launches-2026-11.tsv"), format!("{good}torn{good}{good}half"));
    let (code, told) = status(&home, Shell::Bash);
    let spool = &told["spool"];
    assert_eq!((code, &spool["lines"], &spool["unread"]), (Some(0), &json!(3), &json!(3)));
    assert_eq!(
        (&spool["malformed"][0]["line"], spool["malformed"].as_array().unwrap().len()),
        (&json!(2), 1)
    );
    let last = &told["shells"][0]["last_launch"];
    assert_eq!((&last["exit"], &last["cwd"], &last["branch"]), (&json!(3), &json!("/w"), &json!("main")));
    let table = done(&home, "status", Shell::Bash);
    for words in ["3 lines in ~/state/spool, 3 not in", "launches-2026-11.tsv, line 2: ", ", exit 3"] {
        assert!(table.contains(words), "{table}");
    }
}

#[test]
fn the_status_tells_where_launches_would_be_lost() {
    let home = home_with(Shell::Bash, "");
    as_nobody(&home, "shell install --shell bash").done();
    fs::create_dir(home.state().join("spool")).unwrap();
    assert_eq!(as_nobody(&home, "shell status").code, Some(0));
    fs::set_permissions(home.state().join("spool"), Permissions::from_mode(0o500)).unwrap();
    let run = as_nobody(&home, "shell status");
    assert_eq!(run.code, Some(1));
    assert!(
        run.stdout.contains("launches cannot be noted in ") && run.stdout.contains("writable"),
        "{run:?}"
    );
}

/// Its function is there where a shell has read its rc files.
fn has_hook(home: &Home, shell: Shell) -> bool {
    let (line, function) = match shell {
        Shell::Bash => ("declare -F", "__odin_prompt"),
        Shell::Zsh => ("whence -w", "__odin_precmd"),
        Shell::Fish => ("functions -q", "__odin_postexec"),
    };
    let mut command = home.command(shell.name());
    command.env("PATH", std::env::var_os("PATH").unwrap()).args(["-i", "-c", &format!("{line} {function}")]);
    Run::of(&mut command).code == Some(0)
}

fn new_shell(shell: Shell) {
    let home = home_with(shell, "");
    assert!(!has_hook(&home, shell));
    done(&home, "install", shell);
    assert!(has_hook(&home, shell));
    done(&home, "uninstall", shell);
    assert!(!has_hook(&home, shell));
}

fn whole_way(shell: Shell) {
    let mut terminal = installed(shell, Setup::new(shell).without_hook()).start();
    terminal.run("claude exit 3");
    let args = ["shell", "status", "--shell", shell.name(), "--format", "json"];
    let status: Value = serde_json::from_str(&odin(terminal.home(), &args)).unwrap();
    assert_eq!(
        (&status["shells"][0]["last_launch"]["exit"], &status["spool"]["lines"]),
        (&json!(3), &json!(1))
    );
}

/// The hook is there as its user would have it, by the rc file that odin wrote.
pub(super) fn installed(shell: Shell, setup: Setup) -> Setup {
    install(setup.home(), shell);
    // Of the rc files that are set up for a test, fish's is another one.
    let rc = fs::read_to_string(rc(setup.home(), shell)).unwrap();
    if shell == Shell::Fish { setup } else { setup.before(&rc) }
}

pub(super) fn install(home: &Path, shell: Shell) {
    odin(home, &["shell", "install", "--shell", shell.name()]);
}

/// What odin prints in a home that is like any other.
pub(super) fn odin(home: &Path, args: &[&str]) -> String {
    Run::of(Command::new(binary()).args(args).env_clear().env("HOME", home).env("PATH", path(home))).done()
}
