//! How the shell integration fares, for people, fitted to a width.

use jiff::tz::TimeZone;

use super::{local, short};
use crate::model::Launch;
use crate::report::calendar::zone_name;
use crate::report::number::counted;
use crate::report::page::{Column, Page, Row};
use crate::shell::spool::Survey;
use crate::shell::status::{Block, Hook, ShellStatus, Status};

const INDENT: usize = 2;
const COLUMNS: [Column; 3] = [Column::Text("Hook"), Column::Text("Sourced by"), Column::Text("Last launch")];
const FITS: [&[usize]; 4] = [&[0, 1, 2], &[0, 2], &[0], &[]];

/// Of malformed lines, so many are named.
const NAMED: usize = 5;

/// With escape codes for bold lines only where `is_terminal`.
pub fn render(status: &Status, zone: &TimeZone, width: usize, is_terminal: bool) -> String {
    let mut page = Page::new(width);
    let newest = status.version.unwrap_or_default();
    page.say(0, &format!("Hooks of this odin: version {newest}, times: {}", zone_name(zone)));
    page.gap();
    let rows: Vec<Row> = status.shells.iter().map(|shell| row(shell, status, zone)).collect();
    page.table("Shell", &COLUMNS, &FITS, &rows);
    page.gap();
    spool(&mut page, status);
    for problem in &status.problems {
        page.gap();
        let shell = problem.shell.map(|shell| format!("{}: ", shell.name())).unwrap_or_default();
        page.title(&format!("{shell}{}", problem.what));
        page.say(INDENT, &problem.fix);
    }
    if !status.shells.iter().any(ShellStatus::is_installed) {
        page.gap();
        page.say(0, "To note each run of claude: odin shell install");
    }
    page.text(is_terminal)
}

fn row(one: &ShellStatus, status: &Status, zone: &TimeZone) -> Row {
    let of = |version: Option<u32>| version.map_or("unknown".into(), |version| format!("version {version}"));
    let hook = match &one.hook {
        _ if !one.is_installed() => "not installed".into(),
        Hook::Absent => "missing".into(),
        Hook::Current => of(status.version),
        Hook::Other(version) => format!("{}, not odin's", of(*version)),
        Hook::Unreadable(_) => "unreadable".into(),
    };
    let sourced_by = match &one.block {
        Block::Current | Block::Other => short(&one.rc_path, &status.home),
        Block::Unreadable(_) if one.is_installed() => "unknown".into(),
        Block::Absent | Block::Unreadable(_) => String::new(),
    };
    let last = status.survey.last.get(&one.shell).map(|launch| last(launch, zone));
    let cells = vec![hook, sourced_by, last.unwrap_or_default()];
    Row { label: one.shell.name().into(), cells, is_sum: false }
}

fn last(launch: &Launch, zone: &TimeZone) -> String {
    let end = match launch.exit {
        _ if launch.is_stopped() => "stopped".into(),
        Some(exit) => format!("exit {exit}"),
        None => "exit unknown".into(),
    };
    format!("{}, {end}", local(launch.ended_us, zone, "%F %T"))
}

fn spool(page: &mut Page, status: &Status) {
    let Survey { lines, unread, malformed, .. } = &status.survey;
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let (lines, spool) = (counted(count(*lines), "line"), short(&status.spool, &status.home));
    page.say(
        0,
        &match unread {
            0 => format!("{lines} in {spool}"),
            _ => format!("{lines} in {spool}, {unread} not in the ledger yet"),
        },
    );
    if !malformed.is_empty() {
        page.say(0, &format!("{} cannot be read:", counted(count(malformed.len()), "line")));
    }
    for line in malformed.iter().take(NAMED) {
        let name = line.path.file_name().unwrap_or_default().display();
        page.say(INDENT, &format!("{name}, line {}: {}", line.number, line.why));
    }
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::model::{Launch, Shell};
    use crate::shell::spool::{MalformedLine, Survey};
    use crate::shell::status::{Block, Hook, Problem, ShellStatus, Status};
    use crate::source::spool::Malformed;
    use jiff::tz::TimeZone;

    fn launch(shell: Shell, exit: Option<u8>) -> Launch {
        Launch {
            shell,
            shell_version: "1".into(),
            shell_pid: 1,
            child_pid: None,
            started_us: 1_795_459_504_726_614,
            ended_us: 1_795_459_511_002_200,
            exit,
            tty: None,
            cwd: None,
            branch: None,
        }
    }

    fn of(shell: Shell, rc: &str, hook: Hook, block: Block) -> ShellStatus {
        ShellStatus { shell, hook_path: "/data/hook".into(), hook, rc_path: rc.into(), block }
    }

    fn status() -> Status {
        let malformed = (1..=6).map(|number| MalformedLine {
            path: "/s/launches-2026-11.tsv".into(),
            number,
            why: Malformed::Fields { found: 3, wanted: 11 },
        });
        let last = [(Shell::Bash, Some(0)), (Shell::Zsh, Some(148)), (Shell::Fish, None)];
        Status {
            home: "/home/me".into(),
            version: Some(2),
            shells: vec![
                of(Shell::Bash, "/home/me/.bashrc", Hook::Current, Block::Current),
                of(Shell::Zsh, "/zsh/.zshrc", Hook::Other(Some(1)), Block::Absent),
                of(Shell::Fish, "/home/me/.config/fish/conf.d/odin.fish", Hook::Absent, Block::Absent),
            ],
            spool: "/home/me/.local/state/odin/spool".into(),
            survey: Survey {
                lines: 1234,
                unread: 3,
                malformed: malformed.collect(),
                last: last.into_iter().map(|(shell, exit)| (shell, launch(shell, exit))).collect(),
            },
            problems: vec![Problem {
                shell: Some(Shell::Zsh),
                what: "/zsh/.zshrc does not source the hook".into(),
                fix: "odin shell install --shell zsh".into(),
            }],
        }
    }

    #[test]
    fn a_wide_table_tells_all() {
        assert_eq!(
            render(&status(), &TimeZone::UTC, 90, false),
            "
Hooks of this odin: version 2, times: UTC

Shell  Hook                   Sourced by  Last launch
───────────────────────────────────────────────────────────────────────────
bash   version 2              ~/.bashrc   2026-11-23 18:45:11, exit 0
zsh    version 1, not odin's              2026-11-23 18:45:11, stopped
fish   not installed                      2026-11-23 18:45:11, exit unknown

1,234 lines in ~/.local/state/odin/spool, 3 not in the ledger yet
6 lines cannot be read:
  launches-2026-11.tsv, line 1: it has 3 fields instead of 11
  launches-2026-11.tsv, line 2: it has 3 fields instead of 11
  launches-2026-11.tsv, line 3: it has 3 fields instead of 11
  launches-2026-11.tsv, line 4: it has 3 fields instead of 11
  launches-2026-11.tsv, line 5: it has 3 fields instead of 11

zsh: /zsh/.zshrc does not source the hook
  odin shell install --shell zsh
"
            .trim_start()
        );
    }

    #[test]
    fn a_narrow_table_keeps_the_hooks() {
        let text = render(&status(), &TimeZone::UTC, 40, false);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.contains("\nShell  Hook\n"), "{text}");
    }

    #[test]
    fn where_nothing_is_installed_it_says_how_to() {
        let mut status = status();
        status.shells.drain(..2);
        let text = render(&status, &TimeZone::UTC, 90, true);
        assert!(text.ends_with("\nTo note each run of claude: odin shell install\n"), "{text}");
    }
}
