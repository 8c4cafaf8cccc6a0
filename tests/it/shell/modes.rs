//! Shells whose options, names or language are not as they come.

use std::process::Command;

use odin::model::Shell;

use super::terminal::{CTRL_Z, Setup, Terminal};
use super::{ALL, BASH, Check, FISH, POSIX, ZSH};

pub(super) const CHECKS: &[Check] = &[
    Check::new("set -u", POSIX, |shell| works_with(shell, "set -u")),
    Check::new("set -e", POSIX, |shell| works_with(shell, "set -e")),
    Check::new("set -eu, before", POSIX, |shell| works_between(shell, "set -eu", "")),
    Check::new("set -e, and a last status that is not 0", POSIX, failed_without_end),
    Check::new("noclobber", POSIX, |shell| works_with(shell, "set -o noclobber")),
    Check::new("an odd IFS", POSIX, |shell| works_with(shell, "IFS=:0123456789/tab")),
    Check::new("set -f", POSIX, |shell| works_with(shell, "set -f")),
    Check::new("set -a", POSIX, |shell| works_with(shell, "set -a")),
    Check::new("posix mode", BASH, |shell| works_with(shell, "set -o posix")),
    Check::new("posix mode before", BASH, |shell| works_between(shell, "set -o posix", "")),
    Check::new("extglob, failglob, nocasematch, nounset", BASH, |shell| {
        works_with(shell, "shopt -s extglob failglob nocasematch dotglob; set -u");
    }),
    Check::new("no hash table", BASH, no_hash_table),
    Check::new("no job control", POSIX, |shell| works_with(shell, "set +m")),
    Check::new("no history", BASH, |shell| works_with(shell, "set +o history")),
    Check::new("no expansion in prompts", BASH, |shell| works_but_for(shell, "shopt -u promptvars")),
    Check::new("set -x shows one line", BASH, xtrace),
    Check::new("set -x shows four lines", ZSH, xtrace),
    Check::new("ksh arrays and word splitting", ZSH, |shell| {
        works_with(shell, "setopt ksh_arrays sh_word_split");
    }),
    Check::new("ksh arrays and word splitting before", ZSH, |shell| {
        works_between(shell, "setopt ksh_arrays sh_word_split", "");
    }),
    Check::new("emulate sh", ZSH, |shell| works_with(shell, "emulate sh")),
    Check::new("warnings about globals", ZSH, |shell| {
        works_with(shell, "setopt warn_create_global warn_nested_var extended_glob null_glob glob_subst");
    }),
    Check::new("aliases of builtins and keywords", POSIX, hostile_aliases),
    Check::new("global aliases", ZSH, |shell| {
        works_between(shell, "alias -g now=echo line=echo G='| grep'", "");
    }),
    Check::new("aliases stay aliases", POSIX, aliases_stay),
    Check::new("functions that are named as commands", ALL, hostile_functions),
    Check::new("a decimal comma", ALL, decimal_comma)
        .needing(&["localedef", "/usr/share/i18n/locales/de_DE"]),
    Check::new("fish_preexec handlers of others", FISH, |shell| {
        works_with(shell, "function other --on-event fish_preexec; true; end");
    }),
];

/// That a run is noted, its status kept, and nothing else printed than without the hook.
fn works_between(shell: Shell, before: &str, after: &str) {
    let prints = |mut terminal: Terminal| {
        let launch = terminal.run("claude last 0.1 0");
        let after = terminal.run("true");
        (terminal, [launch, after].map(|printed| super::terminal::plain(&printed)))
    };
    let setup = || Setup::new(shell).before(before).after(after);
    let (hooked, printed) = prints(setup().start());
    assert_eq!(printed, prints(setup().without_hook().start()).1);
    let launches = hooked.launches();
    assert_eq!(launches.len(), 1, "{launches:?}");
    assert_eq!((launches[0].exit, launches[0].cwd.as_deref()), (Some(0), Some(hooked.home())));
}

fn works_with(shell: Shell, after: &str) {
    works_between(shell, "", after);
}

/// That the shell is as without the hook, even if it notes nothing.
fn works_but_for(shell: Shell, after: &str) {
    let prints = |setup: Setup| {
        let mut terminal = setup.after(after).start();
        super::terminal::plain(&terminal.run("claude last 0.1 3")) + &terminal.status().to_string()
    };
    assert_eq!(prints(Setup::new(shell)), prints(Setup::new(shell).without_hook()));
}

/// `! true` fails without ending the shell; a hook that fails would end it.
fn failed_without_end(shell: Shell) {
    let mut terminal = Setup::new(shell).after("set -e").start();
    terminal.run("! true");
    assert_eq!(terminal.status(), 1);
    terminal.run("claude exit 0");
    terminal.launch();
}

fn no_hash_table(shell: Shell) {
    let mut terminal = Setup::new(shell).after("set +h").start();
    terminal.run("claude last 0.6 4");
    assert_eq!(terminal.launch().exit, Some(4));
}

fn xtrace(shell: Shell) {
    let traced = |setup: Setup| {
        let printed = setup.after("set -x").start().run("claude exit 0");
        printed.lines().filter(|line| line.trim_start_matches('\r').starts_with('+')).count()
    };
    let lines = if shell == Shell::Bash { 1 } else { 4 };
    assert_eq!(traced(Setup::new(shell)), traced(Setup::new(shell).without_hook()) + lines);
}

fn hostile_aliases(shell: Shell) {
    let names = "local printf hash builtin history read kill jobs shopt unset emulate strftime setopt typeset if for while";
    let aliases: Vec<String> = names.split(' ').map(|name| format!("alias {name}=echo")).collect();
    let mut terminal = Setup::new(shell).before(&aliases.join("\n")).start();
    terminal.run("claude last 0.1 4");
    let launch = terminal.launch();
    assert_eq!((launch.exit, launch.cwd.as_deref()), (Some(4), Some(terminal.home())));
}

fn aliases_stay(shell: Shell) {
    let mut terminal = Setup::new(shell).before("alias hail=echo").start();
    assert!(terminal.run("hail Odin").contains("\nOdin"));
    let off = if shell == Shell::Bash { "shopt -u expand_aliases" } else { "unsetopt aliases" };
    let mut terminal = Setup::new(shell).before(&format!("alias hail=echo\n{off}")).start();
    assert!(!terminal.run("hail Odin").contains("\nOdin"));
}

fn hostile_functions(shell: Shell) {
    // fish itself cannot do without some of its own.
    let names = match shell {
        Shell::Fish => "date functions jobs mkdir path tee",
        _ => "hash history jobs kill mkdir printf read strftime",
    };
    let define = |name: &str| match shell {
        Shell::Fish => format!("function {name}; echo mine; end\n"),
        _ => format!("{name}() {{ echo mine; }}\n"),
    };
    let functions: String = names.split(' ').map(define).collect();
    let mut terminal = Setup::new(shell).after(&functions).start();
    terminal.run_until_it_waits("claude wait 4");
    terminal.send(CTRL_Z);
    terminal.prompt();
    terminal.run("command true");
    let launches = terminal.launches();
    assert_eq!(launches.len(), 1);
    assert_eq!((launches[0].exit, launches[0].cwd.as_deref()), (Some(148), Some(terminal.home())));
}

/// Where numbers have a comma, so has `$EPOCHREALTIME`.
fn decimal_comma(shell: Shell) {
    let setup = Setup::new(shell);
    let locale = setup.home().join("de_DE.UTF-8");
    let made = Command::new("localedef").args(["-i", "de_DE", "-f", "UTF-8"]).arg(&locale).output().unwrap();
    assert!(locale.is_dir(), "{made:?}");
    let folder = setup.home().to_str().unwrap().to_owned();
    let mut terminal = setup.variable("LOCPATH", &folder).variable("LC_ALL", "de_DE.UTF-8").start();
    let printed = terminal.run("printf %.1f 1,5");
    assert!(printed.contains("1,5"), "the locale is in force: {printed}");
    terminal.run("claude last 0.1 4");
    let launch = terminal.launch();
    assert_eq!(launch.exit, Some(4));
    assert!((100_000..20_000_000).contains(&(launch.ended_us - launch.started_us)), "{launch:?}");
}
