//! Which lines count as a launch.

use std::fs;

use odin::model::Shell;

use super::terminal::{Setup, Terminal};
use super::{ALL, BASH, Check, POSIX};

pub(super) const CHECKS: &[Check] = &[
    Check::new("other commands are not noted", ALL, other_commands),
    Check::new("claude behind a space", ALL, |shell| is_noted(Setup::new(shell), " claude exit 4")),
    Check::new("claude behind a variable", ALL, |shell| is_noted(Setup::new(shell), "X=1 claude exit 4")),
    Check::new("claude behind env", ALL, |shell| is_noted(Setup::new(shell), "env X=1 claude last 0.6 4")),
    Check::new("claude behind command", ALL, |shell| is_noted(Setup::new(shell), "command claude exit 4")),
    Check::new("claude behind timeout", ALL, |shell| {
        is_noted(Setup::new(shell), "timeout 9 claude last 0.6 4");
    }),
    Check::new("claude by its path", ALL, |shell| is_noted(Setup::new(shell), "~/bin/claude last 0.6 4")),
    Check::new("claude behind a pipe", ALL, |shell| {
        is_noted(Setup::new(shell), "echo hi | claude last 0.6 4");
    }),
    Check::new("claude behind &&", ALL, |shell| is_noted(Setup::new(shell), "true && claude exit 4")),
    Check::new("claude redirected", ALL, |shell| {
        is_noted(Setup::new(shell), "claude exit 4 >/dev/null 2>&1");
    }),
    Check::new("claude in a subshell", POSIX, |shell| is_noted(Setup::new(shell), "(claude last 0.6 4)")),
    Check::new("claude on a second line", ALL, on_a_second_line),
    Check::new("claude in a command substitution", ALL, command_substitution),
    Check::new("claude in a loop is one launch", ALL, in_a_loop),
    Check::new("an alias for claude", ALL, |shell| is_noted_with(shell, "alias c=claude", "c last 0.6 4")),
    Check::new("an alias for the path of claude", ALL, |shell| {
        is_noted_with(shell, "alias c=$HOME/bin/claude", "c last 0.6 4");
    }),
    Check::new("an alias called claude", ALL, |shell| {
        is_noted_with(shell, "alias claude=$HOME/bin/claude", "claude last 0.6 4");
    }),
    Check::new("a function that runs claude", ALL, |shell| {
        is_noted_with(shell, &function("work", shell), "work");
    }),
    Check::new("a function called claude", ALL, |shell| {
        is_noted_with(shell, &function("claude", shell), "claude");
    }),
    Check::new("to define a function is no launch", ALL, definition),
    Check::new("claude in the background is not noted", ALL, in_the_background),
    Check::new("claude that is not there is not noted", ALL, not_there),
    Check::new("words in quotes are no commands", ALL, in_quotes),
    Check::new("a claude that the rc file ran is not noted", ALL, in_the_rc_file),
    Check::new("the same line again is a launch again", ALL, again),
    Check::new("a line hidden from the history is none", BASH, hidden_line),
    Check::new("a nested shell notes for itself", ALL, nested_shell),
    Check::new("a script notes nothing", ALL, script),
];

/// That a line is a launch that ends with 4.
fn is_noted(setup: Setup, line: &str) {
    let mut terminal = setup.start();
    terminal.run(line);
    assert_eq!(terminal.launch().exit, Some(4));
}

/// And with something in the rc file.
fn is_noted_with(shell: Shell, rc: &str, line: &str) {
    is_noted(Setup::new(shell).after(rc), line);
}

/// That they print what they should, and are not noted.
fn is_not_noted(terminal: &mut Terminal, line: &str) {
    terminal.run(line);
    assert_eq!(terminal.take_launches(), [], "{line}");
}

fn other_commands(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    for line in [
        "true",
        "ls -d /",
        "echo claude",
        "type claude",
        "cat bin/claude",
        "sleep 0.6",
        "echo claude; sleep 0.6",
    ] {
        is_not_noted(&mut terminal, line);
    }
}

fn on_a_second_line(shell: Shell) {
    let (first, second) = match shell {
        Shell::Fish => ("begin", "claude last 0.6 4; end"),
        _ => ("{", "claude last 0.6 4; }"),
    };
    let mut terminal = Setup::new(shell).start();
    terminal.send(&format!("{first}\r"));
    terminal.run(second);
    assert_eq!(terminal.launch().exit, Some(4));
}

fn command_substitution(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    for line in ["echo $(claude last 0.6 4)", "echo \"$(claude last 0.6 4)\""] {
        terminal.run(line);
        assert_eq!(terminal.launch().exit, Some(0), "{line}");
    }
}

fn in_a_loop(shell: Shell) {
    let line = match shell {
        Shell::Fish => "for n in 1 2; claude exit 4; end",
        _ => "for n in 1 2; do claude exit 4; done",
    };
    is_noted(Setup::new(shell), line);
}

/// Of a name, that runs claude.
fn function(name: &str, shell: Shell) -> String {
    match shell {
        Shell::Fish => format!("function {name}; command claude last 0.6 4; end"),
        _ => format!("{name}() {{ command claude last 0.6 4; }}"),
    }
}

fn definition(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    for name in ["work", "claude"] {
        is_not_noted(&mut terminal, &function(name, shell));
    }
}

fn in_the_background(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    for line in ["claude exit 4 &", "claude exit 4 2>&1 | cat &", "sleep 0.6"] {
        is_not_noted(&mut terminal, line);
    }
}

fn not_there(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    fs::remove_file(terminal.home().join("bin/claude")).unwrap();
    is_not_noted(&mut terminal, "claude exit 4");
}

fn in_quotes(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    for line in
        ["echo 'x; claude is' \"y | claude\"; sleep 0.6", "echo \"it's; claude\" 'a; claude b'; sleep 0.6"]
    {
        is_not_noted(&mut terminal, line);
    }
}

fn in_the_rc_file(shell: Shell) {
    let mut terminal = Setup::new(shell).before("claude exit 0").after("claude exit 0").start();
    for line in ["", "true", "sleep 0.6"] {
        is_not_noted(&mut terminal, line);
    }
}

fn again(shell: Shell) {
    let rc = if shell == Shell::Bash { "HISTCONTROL=ignoreboth" } else { "" };
    let mut terminal = Setup::new(shell).before(rc).start();
    for _ in 0..3 {
        terminal.run("claude exit 4");
        assert_eq!(terminal.launch().exit, Some(4));
    }
}

fn hidden_line(shell: Shell) {
    let mut terminal = Setup::new(shell).before("HISTCONTROL=ignoreboth").start();
    terminal.run("echo hi | claude last 0.6 4");
    assert_eq!(terminal.launch().exit, Some(4));
    is_not_noted(&mut terminal, " sleep 0.6");
}

fn nested_shell(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    let outer = terminal.pid();
    terminal.run(shell.name());
    terminal.run("claude last 0.1 4");
    terminal.run("exit");
    let launch = terminal.launch();
    assert_eq!(launch.exit, Some(4));
    assert_ne!(launch.shell_pid, outer);
}

fn script(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    fs::write(
        terminal.home().join("script"),
        format!("source {}\nclaude exit 4\n", super::terminal::hook(shell).display()),
    )
    .unwrap();
    is_not_noted(&mut terminal, &format!("{} script", shell.name()));
}
