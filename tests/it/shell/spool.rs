//! Where launches are written, and what is in the way there.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use odin::model::Shell;

use super::terminal::{Setup, Terminal, launches, plain};
use super::{ALL, BASH, Check};

pub(super) const CHECKS: &[Check] = &[
    Check::new("the first launch makes a spool for its owner alone", ALL, first_launch),
    Check::new("a file a month, in lines of one write", ALL, one_write).needing(&["strace"]),
    Check::new("a spool that is deleted comes back", ALL, missing),
    Check::new("a spool that is read-only goes unnoticed", ALL, read_only),
    Check::new("a file in place of the spool goes unnoticed", ALL, not_a_folder),
    Check::new("a full disk goes unnoticed", ALL, full_disk),
    Check::new("no home goes unnoticed", ALL, no_home),
    Check::new("XDG_STATE_HOME moves the spool", ALL, xdg_state_home),
    Check::new("a relative XDG_STATE_HOME does not count", ALL, relative_xdg_state_home),
    Check::new("ODIN_STATE_DIR beats XDG_STATE_HOME, also once the shell runs", ALL, odin_state_dir),
    Check::new("an odd working directory is told to the byte", ALL, odd_directory),
    Check::new("a directory too long for a line is left out", ALL, long_directory),
    Check::new("the branch of a repository", ALL, branch),
    Check::new("the branch of a worktree", ALL, worktree),
    Check::new("no branch where none is checked out", ALL, detached),
    Check::new("20,000 lines of 10 shells, none torn", BASH, concurrent).needing(&["zsh", "fish"]),
];

fn first_launch(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    let state = terminal.home().join(".local/state/odin");
    assert!(!state.exists(), "nothing is written as a shell starts");
    terminal.run("claude exit 0");
    for folder in [&state, &terminal.spool()] {
        assert_eq!(fs::metadata(folder).unwrap().mode() & 0o7777, 0o700, "{}", folder.display());
    }
    assert_eq!(months(&terminal.spool()).iter().filter(|path| path.is_file()).count(), 1);
}

/// The file of this month and, should this one end just now, of the next.
fn months(spool: &Path) -> Vec<PathBuf> {
    let now = Timestamp::try_from(SystemTime::now()).unwrap();
    let times =
        [now, now + Duration::from_secs(60)].map(|time| time.strftime("launches-%Y-%m.tsv").to_string());
    let mut paths = times.map(|name| spool.join(name)).to_vec();
    paths.dedup();
    paths
}

/// The longest line there is, in the longest directory that is told.
fn one_write(shell: Shell) {
    let setup = Setup::new(shell);
    let trace = setup.home().join("trace");
    let trace = trace.to_str().unwrap().to_owned();
    let folder =
        setup.home().join("d".repeat(200)).join("d".repeat(380 - 201 - setup.home().as_os_str().len() - 1));
    fs::create_dir_all(&folder).unwrap();
    let mut terminal = setup
        .under(&["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=write", "-s", "600", "-o", &trace])
        .start();
    terminal.run(&format!("cd {}", folder.display()));
    terminal.run("claude last 0.1 3");
    assert_eq!(terminal.launch().cwd, Some(folder));
    terminal.send("exit\r");
    terminal.end();
    let trace = fs::read_to_string(trace).unwrap();
    let writes: Vec<&str> =
        trace.lines().filter(|line| line.contains(&format!("\"1\\t{}\\t", shell.name()))).collect();
    // fish hands the line to tee by a pipe, and tee copies it to nowhere.
    assert_eq!(writes.len(), if shell == Shell::Fish { 3 } else { 1 }, "{writes:?}");
    for write in writes {
        let (_, length) =
            write.split_once("\\n\", ").unwrap_or_else(|| panic!("not the whole line: {write}"));
        let bytes: usize = length.split([')', ' ']).next().unwrap().parse().unwrap();
        assert!(bytes < 512, "{write}");
    }
}

fn missing(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    terminal.run("claude exit 0");
    fs::remove_dir_all(terminal.spool()).unwrap();
    terminal.run("claude exit 4");
    assert_eq!(terminal.launch().exit, Some(4));
}

/// What claude prints with a spool that cannot be written to, and what then is its status, are as without the hook.
fn goes_unnoticed(shell: Shell, setup: impl Fn() -> Setup, spoil: impl Fn(&mut Terminal)) {
    let prints = |setup: Setup| {
        let mut terminal = setup.start();
        spoil(&mut terminal);
        let printed = plain(&terminal.run("claude last 0.6 4"));
        assert_eq!(terminal.status(), 4);
        printed
    };
    assert_eq!(prints(setup()), prints(setup().without_hook()), "{}", shell.name());
}

fn read_only(shell: Shell) {
    let setup = || {
        let setup = Setup::new(shell).by_nobody();
        let spool = setup.home().join(".local/state/odin/spool");
        fs::create_dir_all(&spool).unwrap();
        fs::set_permissions(spool, Permissions::from_mode(0o555)).unwrap();
        setup
    };
    goes_unnoticed(shell, setup, |terminal| {
        assert!(terminal.run("touch ~/.local/state/odin/spool/x").contains("ermission denied"));
    });
}

fn not_a_folder(shell: Shell) {
    let setup = || {
        let setup = Setup::new(shell);
        fs::create_dir_all(setup.home().join(".local/state/odin")).unwrap();
        File::create(setup.home().join(".local/state/odin/spool")).unwrap();
        setup
    };
    goes_unnoticed(shell, setup, |_| {});
}

fn full_disk(shell: Shell) {
    goes_unnoticed(
        shell,
        || Setup::new(shell),
        |terminal| {
            fs::create_dir_all(terminal.spool()).unwrap();
            for month in months(&terminal.spool()) {
                symlink("/dev/full", month).unwrap();
            }
        },
    );
}

fn no_home(shell: Shell) {
    let unset = if shell == Shell::Fish { "set -e HOME" } else { "unset HOME" };
    goes_unnoticed(shell, || Setup::new(shell), |terminal| _ = terminal.run(unset));
}

/// Runs claude with a spool elsewhere.
fn noted_in(setup: Setup, spool: &str) {
    let spool = setup.home().join(spool);
    let mut terminal = setup.start();
    terminal.run("claude exit 4");
    assert_eq!(launches(&spool).len(), 1);
    assert_eq!(terminal.launches().len(), usize::from(spool == terminal.spool()));
}

fn xdg_state_home(shell: Shell) {
    let setup = Setup::new(shell);
    let state = setup.home().join("state").to_str().unwrap().to_owned();
    noted_in(setup.variable("XDG_STATE_HOME", &state), "state/odin/spool");
}

fn relative_xdg_state_home(shell: Shell) {
    noted_in(Setup::new(shell).variable("XDG_STATE_HOME", "state"), ".local/state/odin/spool");
}

fn odin_state_dir(shell: Shell) {
    let setup = Setup::new(shell);
    let home = setup.home().to_str().unwrap().to_owned();
    let setup = setup.variable("XDG_STATE_HOME", &home).variable("ODIN_STATE_DIR", &format!("{home}/one"));
    let mut terminal = setup.start();
    terminal.run("claude exit 4");
    let set =
        if shell == Shell::Fish { "set -gx ODIN_STATE_DIR ~/two" } else { "export ODIN_STATE_DIR=~/two" };
    terminal.run(set);
    terminal.run("claude exit 5");
    for (folder, exit) in [("one", 4), ("two", 5)] {
        let found = launches(&Path::new(&home).join(folder).join("spool"));
        assert_eq!(found.iter().map(|launch| launch.exit).collect::<Vec<_>>(), [Some(exit)]);
    }
}

fn odd_directory(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    for name in [
        "a b",
        "tab\tend",
        "new\nline",
        "back\\slash \\t\\n",
        "äöü",
        "q'uo\"te",
        "per%cent %s",
        "&and",
        "-dash",
    ] {
        let folder = terminal.home().join(name);
        fs::create_dir(&folder).unwrap();
        // By its inode, since some of these names cannot be typed.
        let inode = fs::metadata(&folder).unwrap().ino();
        symlink(&folder, terminal.home().join(inode.to_string())).unwrap();
        let physically = if shell == Shell::Fish { "cd (builtin realpath ~/" } else { "cd -P ~/" };
        terminal.run(&match shell {
            Shell::Fish => format!("{physically}{inode} | string collect)"),
            _ => format!("{physically}{inode}"),
        });
        terminal.run("claude exit 0");
        assert_eq!(terminal.launch().cwd, Some(folder));
    }
}

fn long_directory(shell: Shell) {
    let setup = Setup::new(shell);
    // 240 letters are 480 bytes.
    let folder = setup.home().join("ä".repeat(120)).join("ä".repeat(120));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(".git"), "").unwrap();
    let mut terminal = setup.start();
    terminal.run("cd */*/");
    terminal.run("claude exit 4");
    let launch = terminal.launch();
    assert_eq!((launch.exit, launch.cwd, launch.branch), (Some(4), None, None));
}

/// Of a repository with a commit, in which the shell is two folders deep.
fn repository(shell: Shell, commands: &str) -> Terminal {
    let setup = Setup::new(shell);
    let script = format!(
        "git init -q -b trunk repo && cd repo && mkdir -p a/b && touch a/b/c && git add . &&
        git -c user.name=a -c user.email=a@example.com commit -qm a && {commands}"
    );
    let mut git = Command::new("sh");
    let output =
        git.args(["-c", &script]).current_dir(setup.home()).env("HOME", setup.home()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut terminal = setup.start();
    terminal.run("cd repo/a/b");
    terminal
}

/// The branch that is noted.
fn noted_branch(terminal: &mut Terminal) -> Option<String> {
    terminal.run("claude exit 0");
    terminal.launch().branch
}

fn branch(shell: Shell) {
    let mut terminal = repository(shell, "true");
    assert_eq!(noted_branch(&mut terminal).as_deref(), Some("trunk"));
    terminal.run("git checkout -q -b feature/a-b");
    assert_eq!(noted_branch(&mut terminal).as_deref(), Some("feature/a-b"));
    terminal.run("cd");
    assert_eq!(noted_branch(&mut terminal), None);
}

fn worktree(shell: Shell) {
    let mut terminal = repository(shell, "git worktree add -q -b side ../tree");
    terminal.run("cd ~/tree/a");
    assert_eq!(noted_branch(&mut terminal).as_deref(), Some("side"));
}

fn detached(shell: Shell) {
    let mut terminal = repository(shell, "git checkout -q --detach");
    assert_eq!(noted_branch(&mut terminal), None);
}

/// All of the lines that the hooks write when they are told to write 2,000 times.
fn concurrent(_: Shell) {
    let state = tempfile::tempdir().unwrap();
    let shells = [Shell::Bash, Shell::Zsh, Shell::Bash, Shell::Zsh, Shell::Fish];
    let mut terminals: Vec<Terminal> = shells
        .into_iter()
        .chain(shells)
        .map(|shell| Setup::new(shell).variable("ODIN_STATE_DIR", state.path().to_str().unwrap()).start())
        .collect();
    for terminal in &mut terminals {
        let line = match terminal.shell {
            Shell::Bash => "started=1 ended=2 exit=3; for n in {1..2000}; do __odin_record; done",
            Shell::Zsh => "started=1 ended=2 exit=3; repeat 2000 { __odin_record '' }",
            Shell::Fish => "for n in (seq 2000); __odin_record 3 ''; end",
        };
        terminal.send(&format!("{line}\r"));
    }
    for terminal in &mut terminals {
        terminal.prompt();
    }
    assert_eq!(launches(&state.path().join("spool")).len(), 20_000);
}
