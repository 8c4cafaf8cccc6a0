//! Which launch a session's responses are of.
//!
//! Where the agent saw a session's process, its ancestors tell the shell that it was started from. Else a response is of
//! a launch of its session's directory that ran at the time. Where several did, two things are concluded, over and over
//! until nothing more can be: between two responses that are surely of one launch, a session stays in it; and while a
//! launch surely has one session, it has no other. What is still open stays so.

/// When a launch ran, in milliseconds since the epoch, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Span {
    fn contains(self, at: i64) -> bool {
        (self.start..=self.end).contains(&at)
    }
}

/// A session that may be of some launches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Candidate {
    /// When its responses came, in the order of time.
    pub(super) instants: Vec<i64>,
    /// Launches of its directories.
    pub(super) launches: Vec<usize>,
    /// Launches whose shells are ancestors of its processes, and when it was seen there.
    pub(super) seen: Vec<(usize, Span)>,
}

/// What is known of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) enum Of {
    /// No launch that is known.
    None,
    Launch(usize),
    /// One of several.
    Open(Vec<usize>),
}

/// For each candidate, for each of its instants, the launch that it is of.
pub(super) fn join(spans: &[Span], candidates: &[Candidate]) -> Vec<Vec<Of>> {
    let mut joined: Vec<Vec<Of>> = candidates
        .iter()
        .map(|candidate| candidate.instants.iter().map(|at| first_guess(spans, candidate, *at)).collect())
        .collect();
    loop {
        let mut has_changed = false;
        for (candidate, of) in candidates.iter().zip(&mut joined) {
            has_changed |= stay(&candidate.instants, of);
        }
        let held = held(candidates, &joined);
        for (session, (candidate, of)) in candidates.iter().zip(&mut joined).enumerate() {
            has_changed |= exclude(session, &candidate.instants, of, &held);
        }
        if !has_changed {
            return joined;
        }
    }
}

fn first_guess(spans: &[Span], candidate: &Candidate, at: i64) -> Of {
    let running = |launch: &usize| spans[*launch].contains(at);
    let mut seen: Vec<usize> = candidate.seen.iter().map(|(launch, _)| *launch).filter(running).collect();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() > 1 {
        let then = candidate.seen.iter().filter(|(_, span)| span.contains(at)).map(|(launch, _)| *launch);
        let then: Vec<usize> = then.filter(running).collect();
        if let [launch] = then[..] {
            return Of::Launch(launch);
        }
    }
    let some =
        if seen.is_empty() { candidate.launches.iter().copied().filter(running).collect() } else { seen };
    settled(some)
}

fn settled(launches: Vec<usize>) -> Of {
    match launches[..] {
        [] => Of::None,
        [launch] => Of::Launch(launch),
        _ => Of::Open(launches),
    }
}

/// Between two responses of one launch, a session is of it.
fn stay(instants: &[i64], of: &mut [Of]) -> bool {
    let mut has_changed = false;
    let mut last: Option<(usize, usize)> = None;
    for at in 0..instants.len() {
        let Of::Launch(launch) = of[at] else { continue };
        if let Some((before, _)) = last.filter(|(_, known)| *known == launch) {
            for between in &mut of[before + 1..at] {
                if matches!(between, Of::Open(launches) if launches.contains(&launch)) {
                    *between = Of::Launch(launch);
                    has_changed = true;
                }
            }
        }
        last = Some((at, launch));
    }
    has_changed
}

/// A session has a launch from one response to the next.
struct Held {
    launch: usize,
    session: usize,
    span: Span,
}

fn held(candidates: &[Candidate], joined: &[Vec<Of>]) -> Vec<Held> {
    let mut held = Vec::new();
    for (session, (candidate, of)) in candidates.iter().zip(joined).enumerate() {
        let sure = candidate.instants.iter().zip(of).filter_map(|(at, of)| match of {
            Of::Launch(launch) => Some((*at, *launch)),
            _ => None,
        });
        let sure: Vec<(i64, usize)> = sure.collect();
        for run in sure.chunk_by(|(_, a), (_, b)| a == b) {
            let span = Span { start: run[0].0, end: run[run.len() - 1].0 };
            held.push(Held { launch: run[0].1, session, span });
        }
    }
    held
}

/// A launch that has another session is not this one's.
fn exclude(session: usize, instants: &[i64], of: &mut [Of], held: &[Held]) -> bool {
    let mut has_changed = false;
    for (at, of) in instants.iter().zip(of) {
        let Of::Open(launches) = of else { continue };
        let is_taken = |launch: usize| {
            held.iter()
                .any(|held| held.launch == launch && held.session != session && held.span.contains(*at))
        };
        let free: Vec<usize> = launches.iter().copied().filter(|launch| !is_taken(*launch)).collect();
        // Should all be taken, something was concluded that is not so: then nothing is.
        if !free.is_empty() && free.len() < launches.len() {
            *of = settled(free);
            has_changed = true;
        }
    }
    has_changed
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Of, Span, join};
    use proptest::prelude::*;

    fn spans(spans: &[(i64, i64)]) -> Vec<Span> {
        spans.iter().map(|(start, end)| Span { start: *start, end: *end }).collect()
    }

    fn of(launches: &[usize], instants: &[i64]) -> Candidate {
        Candidate { instants: instants.to_vec(), launches: launches.to_vec(), seen: vec![] }
    }

    fn joined(launches: &[(i64, i64)], candidates: &[Candidate]) -> Vec<Vec<Of>> {
        join(&spans(launches), candidates)
    }

    #[test]
    fn a_response_is_of_the_only_launch_of_its_directory_that_ran() {
        assert_eq!(
            joined(&[(10, 20), (30, 40)], &[of(&[0, 1], &[9, 10, 20, 21, 35])]),
            [[Of::None, Of::Launch(0), Of::Launch(0), Of::None, Of::Launch(1)]]
        );
        assert_eq!(joined(&[(10, 20)], &[of(&[], &[15])]), [[Of::None]]);
    }

    #[test]
    fn of_two_launches_at_a_time_each_has_its_session() {
        let got = joined(&[(0, 100), (30, 60)], &[of(&[0, 1], &[5, 40, 90]), of(&[0, 1], &[35, 50])]);
        assert_eq!(got[0], [Of::Launch(0), Of::Launch(0), Of::Launch(0)], "it was there before and after");
        assert_eq!(got[1], [Of::Launch(1), Of::Launch(1)], "the other one was taken");
    }

    #[test]
    fn what_two_launches_may_have_stays_open() {
        assert_eq!(joined(&[(0, 100), (0, 100)], &[of(&[0, 1], &[50])]), [[Of::Open(vec![0, 1])]]);
        // Resumed at once in another launch, while a third ran.
        assert_eq!(
            joined(&[(0, 10), (0, 100), (11, 100)], &[of(&[0, 1, 2], &[9, 12])]),
            [[Of::Open(vec![0, 1]), Of::Open(vec![1, 2])]]
        );
    }

    #[test]
    fn what_the_agent_saw_decides() {
        let seen = |launch, start, end| (launch, Span { start, end });
        let one = Candidate { seen: vec![seen(1, 50, 50)], ..of(&[0, 1], &[50, 70, 130]) };
        assert_eq!(
            joined(&[(0, 150), (0, 100)], &[one]),
            [[Of::Launch(1), Of::Launch(1), Of::Launch(0)]],
            "also where the directory is another's; after the launch, the directory decides"
        );
        let moved = Candidate { seen: vec![seen(0, 0, 50), seen(1, 51, 100)], ..of(&[], &[40, 60]) };
        assert_eq!(joined(&[(0, 100), (0, 100)], &[moved]), [[Of::Launch(0), Of::Launch(1)]]);
    }

    proptest! {
        /// Whatever the order in which they come, and only launches that ran at the time.
        #[test]
        fn the_order_of_sessions_changes_nothing(
            launches in prop::collection::vec((0..50_i64, 0..50_i64), 1..5),
            sessions in prop::collection::vec(prop::collection::btree_set(0..100_i64, 0..8), 1..4),
        ) {
            let launches: Vec<_> = launches.into_iter().map(|(start, length)| (start, start + length)).collect();
            let all: Vec<usize> = (0..launches.len()).collect();
            let candidate = |instants: &std::collections::BTreeSet<i64>| {
                of(&all, &instants.iter().copied().collect::<Vec<_>>())
            };
            let candidates: Vec<_> = sessions.iter().map(candidate).collect();
            let forward = joined(&launches, &candidates);
            let mut backward = joined(&launches, &candidates.iter().rev().cloned().collect::<Vec<_>>());
            backward.reverse();
            prop_assert_eq!(&forward, &backward);
            for (candidate, of) in candidates.iter().zip(&forward) {
                for (at, of) in candidate.instants.iter().zip(of) {
                    let running: Vec<usize> = all.iter().copied()
                        .filter(|launch| (launches[*launch].0..=launches[*launch].1).contains(at)).collect();
                    prop_assert_eq!(*of == Of::None, running.is_empty());
                    if let Of::Launch(launch) = of {
                        prop_assert!(running.contains(launch));
                    }
                }
            }
        }
    }
}
