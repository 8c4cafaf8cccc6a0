//! The processes of sessions: what was started by what, for people.

use std::cmp::Reverse;

use jiff::tz::TimeZone;

use super::{SECOND, local};
use crate::ledger::StoredTree;
use crate::model::process::{Program, Totals};
use crate::report::number::{bytes, counted, cpu_time, push_grouped};
use crate::report::page::{Column, Page, Row};

/// Shown of a session that was resumed again and again: the last ones.
const MOST_TREES: usize = 3;
/// Those that took the most CPU time, with what started them.
const MOST_PROGRAMS: usize = 20;

const COLUMNS: [Column; 6] = [
    Column::Text("Kind"),
    Column::Number("Processes"),
    Column::Number("CPU"),
    Column::Number("Peak memory"),
    Column::Number("Read"),
    Column::Number("Written"),
];
const FITS: [&[usize]; 5] = [&[0, 1, 2, 3, 4, 5], &[1, 2, 3, 4, 5], &[1, 2, 3], &[2, 3], &[2]];

/// By their place, what has one parent at most and CPU time of its own: each after its parent, and with how far below
/// the first it is. Of those that one started, the one that took the most CPU time with all below it comes first.
pub(in crate::report) fn by_origin(started: &[(Option<usize>, u64)]) -> Vec<(usize, usize)> {
    let mut cpu_ms: Vec<u64> = started.iter().map(|(_, cpu_ms)| *cpu_ms).collect();
    let mut below: Vec<Vec<usize>> = vec![vec![]; started.len()];
    let mut next = vec![];
    for (at, (parent, _)) in started.iter().enumerate().rev() {
        match parent.filter(|parent| *parent < at) {
            Some(parent) => {
                cpu_ms[parent] += cpu_ms[at];
                below[parent].push(at);
            }
            None => next.push((at, 0)),
        }
    }
    let rank = |at: &usize| (cpu_ms[*at], Reverse(*at));
    next.sort_by_key(|(at, _)| rank(at));
    let mut found = vec![];
    while let Some((at, depth)) = next.pop() {
        found.push((at, depth));
        below[at].sort_by_key(rank);
        next.extend(below[at].iter().map(|below| (*below, depth + 1)));
    }
    found
}

/// A table of each tree.
pub(super) fn show(page: &mut Page, trees: &[StoredTree], zone: &TimeZone) {
    let earlier = trees.len().saturating_sub(MOST_TREES);
    for tree in &trees[earlier..] {
        page.gap();
        page.title(&heading(tree, zone));
        let shown = most(&tree.programs);
        table(page, &tree.programs, &tree.totals, |at| shown[at]);
        let others = shown.iter().filter(|is_shown| !**is_shown).count();
        if others > 0 {
            page.say(0, &format!("and {} that used less", counted(as_count(others as u64), "program")));
        }
    }
    if earlier > 0 {
        page.gap();
        let runs = counted(as_count(earlier as u64), "earlier run");
        page.say(0, &format!("Processes of {runs}: --format json"));
    }
}

fn heading(tree: &StoredTree, zone: &TimeZone) -> String {
    let time = |at_ms| local(at_ms, zone, SECOND);
    let began = time(tree.started_ms);
    let heading = match tree.ended_ms {
        Some(ended_ms) => format!("Processes from {began} to {}", time(ended_ms)),
        None => format!("Processes from {began}, last seen {}", time(tree.last_ms)),
    };
    match &tree.parent_session {
        Some(parent) => format!("{heading}, started from session {parent}"),
        None => heading,
    }
}

fn most(programs: &[Program]) -> Vec<bool> {
    let mut dear: Vec<usize> = (0..programs.len()).collect();
    dear.sort_by_key(|at| (Reverse(programs[*at].spent.cpu_ms()), *at));
    let mut shown = vec![false; programs.len()];
    for at in dear.into_iter().take(MOST_PROGRAMS) {
        let above = std::iter::successors(Some(at), |at| programs[*at].parent.filter(|parent| parent < at));
        above.for_each(|at| shown[at] = true);
    }
    shown
}

/// Programs below what started them, and the sum of all.
fn table(page: &mut Page, programs: &[Program], totals: &Totals, is_shown: impl Fn(usize) -> bool) {
    let io = |count| if totals.is_io_known { bytes(count) } else { String::new() };
    let row = |(at, depth): (usize, usize)| {
        let program = &programs[at];
        let cells = vec![
            program.kind.name().into(),
            grouped(program.processes),
            cpu_time(program.spent.cpu_ms()),
            bytes(program.peak_rss_bytes),
            io(program.spent.read_bytes),
            io(program.spent.written_bytes),
        ];
        Row { label: format!("{}{}", "  ".repeat(depth), program.name), cells, is_sum: false }
    };
    let started: Vec<_> = programs.iter().map(|program| (program.parent, program.spent.cpu_ms())).collect();
    let mut rows: Vec<Row> =
        by_origin(&started).into_iter().filter(|(at, _)| is_shown(*at)).map(row).collect();
    if programs.len() > 1 {
        let cells = vec![
            String::new(),
            grouped(programs.iter().map(|program| program.processes).sum()),
            cpu_time(totals.spent.cpu_ms()),
            bytes(totals.peak_rss_bytes),
            io(totals.spent.read_bytes),
            io(totals.spent.written_bytes),
        ];
        rows.push(Row { label: "Total".into(), cells, is_sum: true });
    }
    page.table("Program", &COLUMNS, &FITS, &rows);
}

fn grouped(count: u64) -> String {
    let mut text = String::new();
    push_grouped(&mut text, as_count(count));
    text
}

fn as_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{by_origin, show};
    use crate::report::page::Page;
    use crate::report::sessions::sample::trees;

    #[test]
    fn each_program_follows_what_started_it_and_the_busiest_comes_first() {
        let (client, shell, server, make, compiler) =
            ((None, 10), (Some(0), 1), (Some(0), 5), (Some(1), 2), (Some(3), 40));
        let started = [client, shell, server, make, compiler, (None, 3)];
        assert_eq!(by_origin(&started), [(0, 0), (1, 1), (3, 2), (4, 3), (2, 1), (5, 0)]);
        assert!(by_origin(&[]).is_empty());
        assert_eq!(by_origin(&[(Some(0), 1)]), [(0, 0)], "none is below itself");
    }

    #[test]
    fn what_a_session_started_is_told_run_by_run() {
        let mut page = Page::new(100);
        show(&mut page, &trees(), &TimeZone::UTC);
        assert_eq!(
            page.text(false),
            "
Processes from 2026-11-20 08:59:15 to 2026-11-20 09:10:00
Program    Kind      Processes         CPU  Peak memory     Read  Written
─────────────────────────────────────────────────────────────────────────
claude     claude            1     14.20 s      310 MiB  1.5 MiB      0 B
  bash     shell             3      0.09 s      4.0 MiB      0 B      0 B
    cargo  compiler        210  4 min 01 s      1.2 GiB  2.0 GiB  850 KiB
─────────────────────────────────────────────────────────────────────────
Total                      214  4 min 15 s      1.6 GiB  2.0 GiB  850 KiB

Processes from 2026-11-21 08:00:00, last seen 2026-11-21 08:00:05, started from session
  d23f0824-128b-4f33-ac5c-7fd0a6a3a450
Program  Kind    Processes     CPU  Peak memory  Read  Written
──────────────────────────────────────────────────────────────
claude   claude          1  0.00 s      4.0 MiB
"
        );
    }
}
