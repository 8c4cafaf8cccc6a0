//! The lives of a session, as the client's own hooks told them: from its start, or a resume, to its end.

use jiff::tz::TimeZone;

use super::{MILLISECOND, local};
use crate::model::hook::{HookCall, HookKind};
use crate::report::number::counted;
use crate::report::page::Page;

/// One run of the session. What no hook told is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Life {
    /// Of the client.
    pub pid: Option<u32>,
    /// Microseconds since the epoch, as all times here.
    pub began_us: Option<i64>,
    /// What began it, as in `startup` and `resume`; empty: not told.
    pub source: String,
    pub model: String,
    /// Answers that were given to their end, and those that the client gave up on.
    pub turns: i64,
    pub failures: i64,
    /// None: nothing told of it. The client runs, or was killed.
    pub ended_us: Option<i64>,
    /// Why it ended; empty: not told.
    pub reason: String,
}

/// The lives that calls in the order of time tell of.
pub(super) fn lives(calls: &[HookCall]) -> Vec<Life> {
    let mut lives: Vec<Life> = vec![];
    for call in calls {
        let open = lives.iter().rposition(|life| life.pid == call.pid && life.ended_us.is_none());
        let at = open.unwrap_or(lives.len());
        if open.is_none() {
            lives.push(Life { pid: call.pid, ..Life::default() });
        }
        let life = &mut lives[at];
        match call.kind {
            // Another one, while it lives, is a compaction.
            HookKind::SessionStart => {
                if life.began_us.is_none() {
                    life.began_us = Some(call.at_us);
                    life.source.clone_from(&call.detail);
                    life.model.clone_from(&call.model);
                }
            }
            HookKind::Prompt => {}
            HookKind::Stop => life.turns += 1,
            HookKind::StopFailure => life.failures += 1,
            HookKind::SessionEnd => {
                life.ended_us = Some(call.at_us);
                life.reason.clone_from(&call.detail);
            }
        }
    }
    lives
}

/// A line for each.
pub(super) fn show(page: &mut Page, lives: &[Life], zone: &TimeZone, indent: usize) {
    if lives.is_empty() {
        return;
    }
    page.gap();
    page.title("Told by the client's hooks");
    for life in lives {
        let told = |at_us: Option<i64>, why: &str| {
            let at = at_us.map(|at_us| local(at_us / 1000, zone, MILLISECOND))?;
            Some(if why.is_empty() { at } else { format!("{at} ({why})") })
        };
        let began = told(life.began_us, &life.source).unwrap_or_else(|| "no start told".into());
        let ended = told(life.ended_us, &life.reason).unwrap_or_else(|| "no end told".into());
        let turns = counted(life.turns, "turn");
        let failed = match life.failures {
            0 => String::new(),
            failures => format!(", {failures} failed"),
        };
        page.say(indent, &format!("{began} to {ended}: {turns}{failed}"));
    }
}

#[cfg(test)]
mod tests {
    use super::{Life, lives, show};
    use crate::model::hook::{HookCall, HookKind};
    use crate::report::page::Page;
    use jiff::tz::TimeZone;

    fn call(kind: HookKind, at_us: i64, pid: u32, detail: &str) -> HookCall {
        let (session, detail, model) = ("a".into(), detail.into(), String::new());
        HookCall { kind, at_us, session, pid: Some(pid), detail, model }
    }

    #[test]
    fn a_life_goes_from_start_to_end_over_compactions() {
        let calls = [
            call(HookKind::SessionStart, 1, 7, "startup"),
            call(HookKind::Prompt, 2, 7, ""),
            call(HookKind::Stop, 3, 7, ""),
            call(HookKind::SessionStart, 4, 7, "compact"),
            call(HookKind::Stop, 5, 7, ""),
            call(HookKind::SessionEnd, 6, 7, "prompt_input_exit"),
            call(HookKind::SessionStart, 8, 9, "resume"),
            call(HookKind::StopFailure, 9, 9, ""),
            call(HookKind::Stop, 10, 11, ""),
        ];
        let told = lives(&calls);
        assert_eq!(
            told,
            [
                Life {
                    pid: Some(7),
                    began_us: Some(1),
                    source: "startup".into(),
                    turns: 2,
                    ended_us: Some(6),
                    reason: "prompt_input_exit".into(),
                    ..Life::default()
                },
                Life {
                    pid: Some(9),
                    began_us: Some(8),
                    source: "resume".into(),
                    failures: 1,
                    ..Life::default()
                },
                Life { pid: Some(11), turns: 1, ..Life::default() },
            ]
        );
        let mut page = Page::new(100);
        show(&mut page, &told, &TimeZone::UTC, 2);
        assert_eq!(
            page.text(false).trim_start(),
            "Told by the client's hooks\n  \
             1970-01-01 00:00:00.000 (startup) to 1970-01-01 00:00:00.000 (prompt_input_exit): 2 turns\n  \
             1970-01-01 00:00:00.000 (resume) to no end told: 0 turns, 1 failed\n  \
             no start told to no end told: 1 turn\n"
        );
    }
}
