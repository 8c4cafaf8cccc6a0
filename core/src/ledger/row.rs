//! One row of `response`: how what several lines say becomes one, and which of several rows counts.
//!
//! Both rules give the same result in whatever order lines and files arrive.

use std::cmp::Reverse;

use super::calls::{self, Call};
use crate::model::{Attempt, Tokens};

/// Bits of `response.flags`; those of [`pricing::Flags`](crate::pricing::Flags) lie above them.
pub(super) mod flag {
    /// Only sidechain lines told of it: a subagent's, or a side question's copy.
    pub(in crate::ledger) const SIDECHAIN: i64 = 1;
    /// Repeats another response under another request id, and is not counted.
    pub(in crate::ledger) const COPY: i64 = 1 << 1;
    /// The usage is final, not a placeholder of the stream's start.
    pub(in crate::ledger) const FINISHED: i64 = 1 << 2;
    /// Cut short: the output is a lower bound.
    pub(in crate::ledger) const ABORTED: i64 = 1 << 3;
    pub(in crate::ledger) const REFUSED: i64 = 1 << 4;
    /// `attempt` has rows for it.
    pub(in crate::ledger) const ATTEMPTS: i64 = 1 << 5;
    pub(in crate::ledger) const TIME_INFERRED: i64 = 1 << 6;
    pub(in crate::ledger) const TTL_UNKNOWN: i64 = 1 << 7;
    pub(in crate::ledger) const CODE_EXECUTION: i64 = 1 << 8;

    /// Those that describe the usage, and change hands with it.
    pub(in crate::ledger) const OF_USAGE: i64 = FINISHED | REFUSED | ATTEMPTS | TTL_UNKNOWN | CODE_EXECUTION;
    /// Those that the ledger sets, as against the price list.
    pub(in crate::ledger) const OF_LEDGER: i64 = (1 << 12) - 1;
}

/// As in `response.provenance`; a transcript's is 0.
pub(super) const OTEL: i64 = 1;

/// The largest output that a stream has been seen to start with.
const MAX_PLACEHOLDER: i64 = 8;

/// An [`Attempt`] with what it cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Charged {
    pub(super) attempt: Attempt,
    /// Billed on top of the response's own tokens.
    pub(super) is_extra: bool,
    pub(super) cost_picousd: Option<i64>,
    pub(super) contract_picousd: Option<i64>,
}

impl Charged {
    /// Not priced yet.
    pub(super) fn new(attempt: Attempt) -> Self {
        Self { attempt, is_extra: false, cost_picousd: None, contract_picousd: None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// None until it is stored.
    pub(super) id: Option<i64>,
    pub(super) message_id: String,
    pub(super) request_id: String,
    pub(super) at_ms: i64,
    /// Of the line that gave the usage.
    pub(super) usage_at_ms: i64,
    pub(super) claim_ms: i64,
    pub(super) origin: i64,
    /// Of `origin`.
    pub(super) session: i64,
    pub(super) terms: i64,
    /// Of `terms`: the same for the same text in every ledger, unlike the id.
    pub(super) terms_hash: i64,
    pub(super) provenance: i64,
    pub(super) tokens: Tokens,
    pub(super) web_searches: i64,
    pub(super) cost_picousd: Option<i64>,
    pub(super) contract_picousd: Option<i64>,
    pub(super) flags: i64,
    pub(super) attempts: Vec<Charged>,
    /// In the order of keys.
    pub(super) calls: Vec<Call>,
}

impl Row {
    /// What rows of one message share.
    pub(super) fn message(&self) -> &str {
        if self.message_id.is_empty() { &self.request_id } else { &self.message_id }
    }

    /// Telemetry tells of it, and no transcript does.
    pub(super) fn is_told(&self) -> bool {
        self.provenance == OTEL && self.message_id.is_empty()
    }

    pub(super) fn has(&self, flag: i64) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn set(&mut self, flag: i64, on: bool) {
        if on { self.flags |= flag } else { self.flags &= !flag }
    }

    /// Takes in what `other`, of the same identity, adds: the larger usage as a whole, the earliest time, and the
    /// origin that the earliest written file claims.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.weight() > self.weight() {
            self.tokens = other.tokens;
            self.usage_at_ms = other.usage_at_ms;
            self.web_searches = other.web_searches;
            (self.terms, self.terms_hash) = (other.terms, other.terms_hash);
            self.attempts.clone_from(&other.attempts);
            self.flags = self.flags & !flag::OF_USAGE | other.flags & flag::OF_USAGE;
        }
        if (other.has(flag::TIME_INFERRED), other.at_ms) < (self.has(flag::TIME_INFERRED), self.at_ms) {
            self.at_ms = other.at_ms;
            self.set(flag::TIME_INFERRED, other.has(flag::TIME_INFERRED));
        }
        if (other.has(flag::SIDECHAIN), other.claim_ms) < (self.has(flag::SIDECHAIN), self.claim_ms) {
            (self.claim_ms, self.origin, self.session) = (other.claim_ms, other.origin, other.session);
        }
        self.set(flag::SIDECHAIN, self.has(flag::SIDECHAIN) && other.has(flag::SIDECHAIN));
        self.set(flag::ABORTED, self.has(flag::ABORTED) || other.has(flag::ABORTED));
        self.provenance = self.provenance.min(other.provenance);
        calls::join(&mut self.calls, &other.calls);
    }

    /// A stream's early lines hold placeholders: a line with the final usage knows more, and where clients before 2.1
    /// do not tell which that is, the one with the largest output; but if that could be a placeholder, too, the latest.
    ///
    /// What follows the output only has to be a total order.
    fn weight(&self) -> (bool, bool, i64, i64, usize, [i64; 6]) {
        let Tokens { input, output, cache_read, cache_write_1h, .. } = self.tokens;
        let prompt = self.tokens.prompt();
        let rest = [prompt, self.web_searches, input, cache_read, cache_write_1h, self.terms_hash];
        let is_finished = self.has(flag::FINISHED);
        let is_placeholder = !is_finished && output <= MAX_PLACEHOLDER;
        let time = if is_placeholder { self.usage_at_ms } else { 0 };
        (is_finished, !is_placeholder, time, output, self.attempts.len(), rest)
    }

    /// As stored; 0 where it cannot matter.
    pub(super) fn usage_after_ms(&self) -> i64 {
        if self.has(flag::FINISHED) { 0 } else { self.usage_at_ms.saturating_sub(self.at_ms) }
    }

    /// What a copy shares with what it repeats, and a new request under a reused message id does not.
    fn prompt(&self) -> (i64, i64, i64) {
        let tokens = &self.tokens;
        (tokens.input, tokens.cache_read, tokens.cache_write_5m + tokens.cache_write_1h)
    }

    /// The service gave no request id (a gateway, a cloud): `request_id` is made from the line's own time.
    fn is_by_time(&self) -> bool {
        self.request_id.starts_with("at:")
    }
}

/// Decides which rows of one `message_id` count; the others are copies.
///
/// * A sidechain row repeats the main one of the same prompt: side questions replay their parent's messages under
///   request ids of their own. Among sidechain rows alone, the earliest counts.
/// * Rows without a request id, of one session and one prompt, are the lines of one response.
pub(super) fn settle(rows: &mut [Row]) {
    let mut earliest = vec![None; rows.len()];
    for i in 0..rows.len() {
        let row = &rows[i];
        let mut is_copy = false;
        for other in
            rows.iter().filter(|other| other.request_id != row.request_id && other.prompt() == row.prompt())
        {
            if row.is_by_time() && other.is_by_time() && row.session == other.session {
                let order = |row: &Row| (Reverse(row.weight()), row.at_ms, row.request_id.clone());
                is_copy |= order(other) < order(row);
                earliest[i] = earliest[i].min(Some(other.at_ms)).or(Some(other.at_ms));
            } else if row.has(flag::SIDECHAIN) {
                let order = |row: &Row| (row.has(flag::SIDECHAIN), row.at_ms, row.request_id.clone());
                is_copy |= order(other) < order(row);
            }
        }
        rows[i].set(flag::COPY, is_copy);
    }
    for (row, earliest) in rows.iter_mut().zip(earliest) {
        row.at_ms = earliest.map_or(row.at_ms, |at_ms| at_ms.min(row.at_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, flag, settle};
    use crate::model::Tokens;

    fn row(request: &str, output: i64, at_ms: i64, flags: i64) -> Row {
        Row {
            id: None,
            message_id: "msg".into(),
            request_id: request.into(),
            at_ms,
            usage_at_ms: at_ms,
            claim_ms: at_ms,
            origin: at_ms,
            session: 1,
            terms: output,
            terms_hash: output,
            provenance: 0,
            tokens: Tokens { input: 10, output, ..Tokens::default() },
            web_searches: 0,
            cost_picousd: None,
            contract_picousd: None,
            flags,
            attempts: vec![],
            calls: vec![],
        }
    }

    /// Merges in every order; all must agree.
    fn merged(rows: &[Row]) -> Row {
        let results: Vec<Row> = orders(rows)
            .into_iter()
            .map(|mut order| {
                let mut first = order.remove(0);
                for other in &order {
                    first.merge(other);
                }
                first
            })
            .collect();
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:#?}");
        results[0].clone()
    }

    fn orders(rows: &[Row]) -> Vec<Vec<Row>> {
        if rows.len() < 2 {
            return vec![rows.to_vec()];
        }
        let with_first = |i: usize| {
            let rest: Vec<Row> = [&rows[..i], &rows[i + 1..]].concat();
            orders(&rest).into_iter().map(move |order| [vec![rows[i].clone()], order].concat())
        };
        (0..rows.len()).flat_map(with_first).collect()
    }

    /// The request ids that count, whatever the order; and the times of all, by request id.
    fn counted(rows: &[Row]) -> (Vec<String>, Vec<i64>) {
        let results: Vec<_> = orders(rows)
            .into_iter()
            .map(|mut order| {
                settle(&mut order);
                order.sort_by(|a, b| a.request_id.cmp(&b.request_id));
                let counted =
                    order.iter().filter(|row| !row.has(flag::COPY)).map(|row| row.request_id.clone());
                (counted.collect::<Vec<_>>(), order.iter().map(|row| row.at_ms).collect::<Vec<_>>())
            })
            .collect();
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:#?}");
        results[0].clone()
    }

    #[test]
    fn the_final_line_wins_whole_and_the_first_gives_the_time() {
        let got = merged(&[row("r", 8, 100, 0), row("r", 5, 300, flag::FINISHED), row("r", 1, 200, 0)]);
        assert_eq!((got.tokens.output, got.terms, got.at_ms, got.origin), (5, 5, 100, 100));
    }

    #[test]
    fn among_placeholders_the_largest_output_wins() {
        assert_eq!(merged(&[row("r", 1, 100, 0), row("r", 9, 200, 0), row("r", 8, 300, 0)]).tokens.output, 9);
    }

    #[test]
    fn among_what_could_all_be_placeholders_the_latest_wins() {
        assert_eq!(merged(&[row("r", 3, 100, 0), row("r", 8, 200, 0), row("r", 4, 300, 0)]).tokens.output, 4);
    }

    #[test]
    fn a_main_line_claims_before_a_sidechain_and_a_read_time_before_an_inferred_one() {
        let copied = row("r", 5, 100, flag::SIDECHAIN | flag::TIME_INFERRED);
        let got = merged(&[copied, row("r", 5, 200, 0)]);
        assert_eq!((got.origin, got.at_ms, got.flags), (200, 200, 0));
    }

    #[test]
    fn a_replay_counts_once_and_under_its_own_request() {
        let replay = |request, at_ms| row(request, 5, at_ms, flag::SIDECHAIN);
        assert_eq!(counted(&[row("main", 5, 300, 0), replay("side", 100), replay("other", 200)]).0, ["main"]);
        assert_eq!(counted(&[replay("side", 100), replay("other", 200)]).0, ["side"]);
    }

    #[test]
    fn a_reused_message_id_is_not_a_replay() {
        let mut other = row("other", 5, 200, flag::SIDECHAIN);
        other.tokens.input = 11;
        assert_eq!(counted(&[row("one", 5, 100, 0), other]).0, ["one", "other"]);
        assert_eq!(counted(&[row("one", 5, 100, 0), row("two", 5, 200, 0)]).0, ["one", "two"]);
    }

    #[test]
    fn lines_without_a_request_id_are_one_response_of_their_session() {
        let rows = [row("at:100", 1, 100, 0), row("at:200", 7, 200, flag::FINISHED)];
        assert_eq!(counted(&rows), (vec!["at:200".into()], vec![100, 100]));
        let mut elsewhere = rows[0].clone();
        elsewhere.session = 2;
        assert_eq!(counted(&[elsewhere, rows[1].clone()]).0, ["at:100", "at:200"]);
    }
}
