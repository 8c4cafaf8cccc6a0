//! What belongs to the user and to others: statuses, variables, traps, prompts and hooks are as without the hook.

use std::fs;

use odin::model::Shell;

use super::terminal::{Setup, Terminal, hook, hook_text, plain};
use super::{ALL, BASH, Check, FISH, POSIX, ZSH};

pub(super) const CHECKS: &[Check] = &[
    Check::new("other hooks see the status of the line", ALL, status_of_others),
    Check::new("a PROMPT_COMMAND from before sees the status", BASH, |shell| {
        sees_the_status(Setup::new(shell).before("PROMPT_COMMAND='echo seen=$?'"));
    }),
    Check::new("a PROMPT_COMMAND from after sees the status", BASH, |shell| {
        sees_the_status(Setup::new(shell).after("PROMPT_COMMAND='echo seen=$?'"));
    }),
    Check::new("a PROMPT_COMMAND that is an array sees the status", BASH, |shell| {
        sees_the_status(Setup::new(shell).before("PROMPT_COMMAND=(true 'echo seen=$?')"));
    }),
    Check::new("a PROMPT_COMMAND that is put in front sees the status", BASH, |shell| {
        sees_the_status(
            Setup::new(shell).after("PROMPT_COMMAND=\"echo seen=\\$?${PROMPT_COMMAND:+;$PROMPT_COMMAND}\""),
        );
    }),
    Check::new("a PROMPT_COMMAND without slots, as bash 5.0 has it, sees the status", BASH, one_slot),
    Check::new("a PROMPT_COMMAND that must not change stays", BASH, read_only_prompt_command),
    Check::new("a PS0 from before is shown", BASH, |shell| {
        shows_ps0(Setup::new(shell).before("PS0='<zero>'"));
    }),
    Check::new("a PS0 from after is shown", BASH, |shell| shows_ps0(Setup::new(shell).after("PS0='<zero>'"))),
    Check::new("precmd and preexec of others run", ZSH, zsh_hooks),
    Check::new("handlers of others run", FISH, fish_handlers),
    Check::new("$_, PIPESTATUS and BASH_REMATCH are kept", BASH, |shell| {
        is_as_without(
            shell,
            &[
                "echo one two",
                "echo last=$_",
                "false | true | (exit 3)",
                "echo pipe=${PIPESTATUS[*]}",
                "[[ abc =~ b ]]; claude last 0.6 0 | cat",
                "echo match=${BASH_REMATCH[0]}",
                "claude exit 0 five",
                "echo last=$_",
            ],
        );
    }),
    Check::new("$_, pipestatus and MATCH are kept", ZSH, |shell| {
        is_as_without(
            shell,
            &[
                "echo one two",
                "echo last=$_",
                "false | true | (exit 3)",
                "echo pipe=$pipestatus",
                "[[ abc =~ b ]]; claude last 0.6 0 | cat",
                "echo match=$MATCH",
                "claude exit 0 five",
                "echo last=$_",
            ],
        );
    }),
    Check::new("pipestatus and CMD_DURATION are kept", FISH, |shell| {
        is_as_without(
            shell,
            &[
                "false | true | sh -c 'exit 3'",
                "echo pipe=$pipestatus",
                "claude exit 4",
                "echo $pipestatus $last_pid",
            ],
        );
    }),
    Check::new("an ERR trap fires once", BASH, |shell| {
        is_as_without(
            shell,
            &["trap 'echo trapped' ERR", "false", "claude exit 4", "set -E", "false", "true"],
        );
    }),
    Check::new("a ZERR trap fires once", ZSH, |shell| {
        is_as_without(shell, &["trap 'echo trapped' ZERR", "false", "claude exit 4", "true"]);
    }),
    Check::new("traps are as they were", POSIX, traps),
    Check::new("a DEBUG trap sees the hook at most once a line", BASH, debug_trap),
    Check::new("options are as they were", POSIX, options),
    Check::new("an exit in a shell with a stopped job warns as before", BASH, exit_with_jobs),
    Check::new("sourced three times, a launch is noted once", ALL, sourced_again),
    Check::new("a newer version takes the place of an older", ALL, upgrade),
    Check::new("sourced in a function", ALL, sourced_in_a_function),
];

/// The mark of this suite is a hook, and prints the status that it sees.
fn status_of_others(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    let fail = if shell == Shell::Fish { "sh -c 'exit 9'" } else { "(exit 9)" };
    for (line, status) in [(fail, "9"), ("claude exit 4", "4"), ("true", "0")] {
        terminal.send(&format!("{line}\r"));
        terminal.until("<P ");
        assert_eq!(terminal.until(">"), format!("{status}>"), "{line}");
        terminal.until("=> ");
    }
}

fn sees_the_status(setup: Setup) {
    let mut terminal = setup.start();
    for (line, status) in [("(exit 9)", 9), ("claude exit 4", 4), ("true", 0)] {
        assert!(terminal.run(line).contains(&format!("seen={status}")), "{line}");
    }
    assert_eq!(terminal.launch().exit, Some(4));
}

/// There is no such bash to be installed, so the hook is told a lie.
fn one_slot(shell: Shell) {
    let setup = Setup::new(shell).without_hook().before("PROMPT_COMMAND='echo seen=$?'");
    let hook = hook_text(shell).replace("BASH_VERSINFO[1] == 0", "1");
    assert_ne!(hook, hook_text(shell));
    fs::write(setup.home().join("hook"), hook).unwrap();
    sees_the_status(setup.after("source ~/hook"));
}

fn read_only_prompt_command(_: Shell) {
    let setup = || Setup::new(Shell::Bash).variable("LC_MESSAGES", "C");
    // The mark cannot be printed by a slot here, so the prompt has it.
    let rc = "PS1='<P $?>=> '; readonly PROMPT_COMMAND=true";
    let mut hooked = setup().before(rc).start();
    let mut bare = setup().without_hook().before(rc).start();
    assert_eq!(hooked.greeting, bare.greeting);
    assert_eq!(hooked.run("declare -p PROMPT_COMMAND"), bare.run("declare -p PROMPT_COMMAND"));
    assert_eq!(hooked.run("alias hail=echo; hail Odin"), bare.run("alias hail=echo; hail Odin"));
}

fn shows_ps0(setup: Setup) {
    let mut terminal = setup.start();
    for line in ["true", "claude exit 4"] {
        assert_eq!(terminal.run(line).matches("<zero>").count(), 1, "{line}");
    }
    assert_eq!(terminal.launch().exit, Some(4));
}

fn zsh_hooks(shell: Shell) {
    let rc = "precmd() { echo precmd=$? }
        preexec() { echo preexec=$1 }
        first() { echo first=$? }
        precmd_functions=(first $precmd_functions)";
    for setup in [Setup::new(shell).before(rc), Setup::new(shell).after(rc)] {
        let mut terminal = setup.start();
        let printed = terminal.run("claude exit 4");
        for seen in ["precmd=4", "first=4", "preexec=claude exit 4"] {
            assert_eq!(printed.matches(seen).count(), 1, "{printed}");
        }
        assert_eq!(terminal.launch().exit, Some(4));
    }
}

fn fish_handlers(shell: Shell) {
    let rc = "function before --on-event fish_preexec; echo preexec=$argv; end
        function behind --on-event fish_postexec; echo postexec=$status=$argv; end";
    for setup in [Setup::new(shell).before(rc), Setup::new(shell).after(rc)] {
        let mut terminal = setup.start();
        let printed = terminal.run("claude exit 4");
        for seen in ["preexec=claude exit 4", "postexec=4=claude exit 4"] {
            assert_eq!(printed.matches(seen).count(), 1, "{printed}");
        }
        assert_eq!(terminal.launch().exit, Some(4));
    }
}

/// Lines print what they do without the hook.
fn is_as_without(shell: Shell, lines: &[&str]) {
    let prints = |setup: Setup| {
        let mut terminal = setup.start();
        lines.iter().map(|line| plain(&terminal.run(line))).collect::<Vec<_>>()
    };
    assert_eq!(prints(Setup::new(shell)), prints(Setup::new(shell).without_hook()));
}

fn traps(shell: Shell) {
    let set = "trap 'echo int' INT; trap 'echo chld' USR1; trap 'echo bye' EXIT";
    is_as_without(shell, &[set, "claude exit 4", "trap", "kill -USR1 $$"]);
    let mut terminal = Setup::new(shell).after(set).start();
    terminal.run("claude exit 4");
    terminal.send("exit\r");
    assert_eq!(terminal.end().matches("\nbye").count(), 1);
}

/// A slot of `PROMPT_COMMAND` is a command like any; inside of it the trap is not inherited.
fn debug_trap(shell: Shell) {
    let traps = |setup: Setup| {
        let mut terminal = setup.after("trap 'echo trapped' DEBUG").start();
        ["true", "claude exit 4"].map(|line| terminal.run(line).matches("trapped\r").count())
    };
    let bare = traps(Setup::new(shell).without_hook());
    assert_eq!(traps(Setup::new(shell)), bare.map(|count| count + 1));
}

fn options(shell: Shell) {
    let shown = if shell == Shell::Bash { "shopt; set -o" } else { "setopt; unsetopt" };
    is_as_without(shell, &["claude last 0.6 4 | cat", shown]);
}

fn exit_with_jobs(shell: Shell) {
    let exits = |setup: Setup| {
        let mut terminal = setup.start();
        terminal.run_until_it_waits("claude wait 0");
        terminal.send(super::terminal::CTRL_Z);
        terminal.prompt();
        terminal.run("exit")
    };
    let printed = exits(Setup::new(shell));
    assert!(printed.contains("stopped jobs"), "{printed}");
    assert_eq!(printed, exits(Setup::new(shell).without_hook()));
}

fn sourced_again(shell: Shell) {
    let mut terminal = Setup::new(shell).start();
    for _ in 0..2 {
        assert!(!plain(&terminal.run(&format!("source {}", hook(shell).display()))).contains("odin:"));
    }
    assert_noted_once(&mut terminal);
}

fn assert_noted_once(terminal: &mut Terminal) {
    terminal.run("claude exit 4");
    assert_eq!(terminal.launch().exit, Some(4));
    if terminal.shell == Shell::Bash {
        let counts = "echo stamps=${PS0//[^:]} slots=${#PROMPT_COMMAND[@]}";
        let bare = Setup::new(Shell::Bash).start().run(counts);
        assert_eq!(terminal.run(counts), bare);
    }
}

/// The older one is as it might have been: with another stamp, and other functions behind the hooks.
fn upgrade(shell: Shell) {
    let older = hook_text(shell).replace(",0)):0}", ",0)):00}").replace("__odin_finished", "__odin_done");
    let setup = Setup::new(shell).without_hook();
    let path = setup.home().join("older");
    fs::write(&path, older).unwrap();
    let mut terminal = setup.after("source ~/older").start();
    terminal.run("claude exit 5");
    assert_eq!(terminal.launch().exit, Some(5));
    terminal.run(&format!("source {}", hook(shell).display()));
    assert_noted_once(&mut terminal);
}

fn sourced_in_a_function(shell: Shell) {
    let path = hook(shell);
    let function = match shell {
        Shell::Fish => format!("function load; source {}; end; load", path.display()),
        _ => format!("load() {{ source {}; }}; load", path.display()),
    };
    let mut terminal = Setup::new(shell).without_hook().after(&function).start();
    terminal.run("claude exit 4");
    assert_eq!(terminal.launch().exit, Some(4));
}
