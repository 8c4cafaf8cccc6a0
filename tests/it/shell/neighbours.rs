//! The hooks beside other programs that live in a prompt, each sourced before and after.

use std::fs;
use std::process::{Command, Output};

use odin::model::Shell;

use super::terminal::{Setup, path, plain};
use super::{ALL, BASH, Check};

pub(super) const CHECKS: &[Check] = &[
    Check::new("zoxide", ALL, |shell| is_a_good_neighbour(shell, &[ZOXIDE])).needing(&["zoxide"]),
    Check::new("direnv", ALL, |shell| is_a_good_neighbour(shell, &[DIRENV])).needing(&["direnv"]),
    // Not in every Debian.
    Check::new("starship", ALL, |shell| is_a_good_neighbour(shell, &[STARSHIP]))
        .where_there_is(&["starship"]),
    Check::new("zoxide and direnv", ALL, |shell| is_a_good_neighbour(shell, &[ZOXIDE, DIRENV]))
        .needing(&["direnv", "zoxide"]),
    Check::new("direnv, zoxide and starship", ALL, |shell| {
        is_a_good_neighbour(shell, &[DIRENV, ZOXIDE, STARSHIP]);
    })
    .where_there_is(&["direnv", "zoxide", "starship"]),
    Check::new("a terminal that wants to know the directory", BASH, |shell| {
        is_a_good_neighbour(shell, &[TERMINAL]);
    }),
    Check::new("VS Code is told the user's commands alone", BASH, vs_code),
    Check::new("starship in VS Code", BASH, starship_in_vs_code).where_there_is(&["starship"]),
    Check::new("tmux, two panes at once", ALL, tmux).needing(&["tmux"]),
];

/// What an rc file is told to have, by a shell's name.
type Neighbour = fn(Shell) -> String;

const ZOXIDE: Neighbour = |shell| evaluated(shell, "zoxide init");
const DIRENV: Neighbour = |shell| evaluated(shell, "direnv hook");
const STARSHIP: Neighbour = |shell| evaluated(shell, "starship init");
/// As terminals do it that source a script of theirs.
const TERMINAL: Neighbour = |_| "PROMPT_COMMAND=${PROMPT_COMMAND:+$PROMPT_COMMAND;}'echo pwd=$?'".into();

fn evaluated(shell: Shell, command: &str) -> String {
    match shell {
        Shell::Fish => format!("{command} fish | source"),
        _ => format!("eval \"$({command} {})\"", shell.name()),
    }
}

fn is_a_good_neighbour(shell: Shell, neighbours: &[Neighbour]) {
    let rc: Vec<String> = neighbours.iter().map(|neighbour| neighbour(shell)).collect();
    let rc = rc.join("\n");
    for setup in [Setup::new(shell).before(&rc), Setup::new(shell).after(&rc)] {
        let mut terminal = drawn(setup).start();
        let mut printed = plain(&terminal.greeting);
        let fail = if shell == Shell::Fish { "sh -c 'exit 9'" } else { "(exit 9)" };
        for (line, status, is_launch) in
            [(fail, 9, false), ("claude last 0.1 3", 3, true), ("cd /", 0, false), ("claude exit 4", 4, true)]
        {
            printed += &plain(&terminal.run(line));
            assert_eq!(terminal.status(), status, "{line}");
            let noted: Vec<Option<u8>> = terminal.take_launches().iter().map(|launch| launch.exit).collect();
            assert_eq!(noted, if is_launch { vec![Some(status)] } else { vec![] }, "{line}");
        }
        for word in ["not found", "error", "Error", "unbound", "bad "] {
            assert!(!printed.contains(word), "{printed}");
        }
    }
}

/// A prompt that is drawn takes a terminal that can be drawn on.
fn drawn(setup: Setup) -> Setup {
    let config = setup.home().join("starship.toml");
    fs::write(&config, "format = '=> '\nadd_newline = false\n").unwrap();
    setup.variable("TERM", "xterm").variable("STARSHIP_CONFIG", config.to_str().unwrap())
}

/// VS Code's script takes itself for known, runs the rc file, wraps the first slot and learns commands from a DEBUG trap.
fn in_vs_code(rc: &str) -> Setup {
    let script = "wrapped=$PROMPT_COMMAND
        keep() { return $1; }
        wrap() { status=$?; keep $status; eval \"$wrapped\"; waits=1; }
        seen() { [[ ! $waits || $BASH_COMMAND == @(wrap|__mark) ]] || { waits=''; echo \"ran=$BASH_COMMAND\"; }; }
        PROMPT_COMMAND=wrap
        trap seen DEBUG";
    Setup::new(Shell::Bash).before("VSCODE_SHELL_INTEGRATION=1").after(rc).after(script)
}

fn vs_code(_: Shell) {
    for rc in ["", "PROMPT_COMMAND=\"$PROMPT_COMMAND;echo own=\\$?\""] {
        let mut terminal = in_vs_code(rc).start();
        for (line, commands, own) in [("sh -c 'exit 9'", 1, 9), ("claude exit 4", 1, 4), ("", 0, 4)] {
            let printed = terminal.run(line);
            assert_eq!(printed.matches("ran=").count(), commands, "{printed}");
            assert!(rc.is_empty() || printed.contains(&format!("own={own}")), "{printed}");
        }
        assert_eq!(terminal.launch().exit, Some(4));
    }
}

fn starship_in_vs_code(shell: Shell) {
    let mut terminal = drawn(in_vs_code(&STARSHIP(shell))).start();
    terminal.run("claude exit 4");
    assert_eq!(terminal.status(), 4);
    assert_eq!(terminal.launch().exit, Some(4));
}

fn tmux(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    let home = terminal.home().to_owned();
    let tmux = |words: &[&str]| -> Output {
        let mut tmux = Command::new("tmux");
        tmux.args(["-f", "/dev/null", "-S"]).arg(home.join("socket")).args(words);
        tmux.env_clear()
            .env("HOME", &home)
            .env("PATH", path(&home))
            .env("LC_ALL", "C.UTF-8")
            .current_dir(&home);
        let output = tmux.output().unwrap();
        assert!(output.status.success(), "tmux {words:?}: {output:?}");
        output
    };
    let command = format!("{} -i", shell.name());
    tmux(&["new-session", "-d", "-x", "200", "-y", "50", &command]);
    tmux(&["split-window", &command]);
    for (pane, exit) in [("0", "4"), ("1", "5")] {
        let line = format!("claude last 0.1 {exit}");
        tmux(&["send-keys", "-t", pane, &line, "Enter"]);
        // The next line runs once that one has been noted.
        let done = format!("tmux -S ~/socket wait-for -S done{pane}");
        tmux(&["send-keys", "-t", pane, &done, "Enter"]);
    }
    for pane in ["0", "1"] {
        tmux(&["wait-for", &format!("done{pane}")]);
    }
    tmux(&["kill-server"]);
    let mut launches = terminal.take_launches();
    launches.sort_by_key(|launch| launch.exit);
    let [one, other] = &launches[..] else { panic!("{launches:?}") };
    assert_eq!((one.exit, other.exit), (Some(4), Some(5)));
    assert!(one.shell_pid != other.shell_pid && one.tty != other.tty, "{launches:?}");
}
