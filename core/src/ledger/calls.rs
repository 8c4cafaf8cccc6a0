//! Tool calls of a response, packed: a few bytes each, because there is about one a response.
//!
//! A call is the low three bytes of its id's FNV-1a hash (little endian), which tell the few calls of one response
//! apart, and one LEB128 number: the tool's id and, in its low three bits, the outcome.

use crate::ledger::cells::{put, take};
use crate::model::ToolOutcome;

/// A call of one of the client's tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    /// The low 24 bits of the hash of its id.
    pub(super) key: u32,
    /// Id of the tool.
    pub(super) tool: i64,
    /// None: not known yet.
    pub(super) outcome: Option<ToolOutcome>,
}

/// As stored; 0 is not known yet.
const OUTCOMES: [ToolOutcome; 4] =
    [ToolOutcome::Ok, ToolOutcome::Error, ToolOutcome::Denied, ToolOutcome::Interrupted];

impl Call {
    /// Takes in what another line says of the same call: the lesser outcome is right.
    pub(super) fn learn(&mut self, outcome: Option<ToolOutcome>) {
        self.outcome = match (self.outcome, outcome) {
            (Some(known), Some(told)) => Some(known.min(told)),
            (known, told) => known.or(told),
        };
    }
}

/// Nothing that is still to come can change it.
pub(super) fn is_final(outcome: ToolOutcome) -> bool {
    outcome != ToolOutcome::Interrupted
}

/// Adds the calls of `others` that are not there, and what they know of those that are; in the order of keys.
pub(super) fn join(calls: &mut Vec<Call>, others: &[Call]) {
    for other in others {
        match calls.iter_mut().find(|call| call.key == other.key) {
            Some(call) => {
                call.learn(other.outcome);
                // One line may have the name that another lacks; which one wins must not depend on the order.
                call.tool = call.tool.max(other.tool);
            }
            None => calls.push(*other),
        }
    }
    calls.sort_unstable_by_key(|call| call.key);
}

/// None where there are none.
pub(super) fn pack(calls: &[Call]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(calls.len() * 5);
    for call in calls {
        let [a, b, c, _] = call.key.to_le_bytes();
        bytes.extend([a, b, c]);
        put(&mut bytes, call.tool.cast_unsigned() << 3 | u64::from(stored(call.outcome)));
    }
    (!bytes.is_empty()).then_some(bytes)
}

/// Takes them apart, as far as the bytes go.
pub(super) fn unpack(mut bytes: &[u8]) -> Vec<Call> {
    let mut calls = Vec::new();
    while let Some(([a, b, c], rest)) = bytes.split_first_chunk() {
        bytes = rest;
        let Some(number) = take(&mut bytes) else { break };
        calls.push(Call {
            key: u32::from_le_bytes([*a, *b, *c, 0]),
            tool: (number >> 3).cast_signed(),
            outcome: outcome(number.to_le_bytes()[0] & 7),
        });
    }
    calls
}

pub(super) fn stored(outcome: Option<ToolOutcome>) -> u8 {
    OUTCOMES.iter().zip(1..).find_map(|(known, n)| (Some(*known) == outcome).then_some(n)).unwrap_or(0)
}

/// None: not known yet.
pub(super) fn outcome(stored: u8) -> Option<ToolOutcome> {
    OUTCOMES.get(usize::from(stored).wrapping_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::{Call, OUTCOMES, is_final, join, pack, unpack};
    use crate::model::ToolOutcome;
    use proptest::prelude::*;

    fn call() -> impl Strategy<Value = Call> {
        let outcome = prop::option::of(prop::sample::select(&OUTCOMES[..]));
        (0..6_u32, 0..1000_i64, outcome).prop_map(|(key, tool, outcome)| Call { key, tool, outcome })
    }

    fn joined(calls: &[Call]) -> Vec<Call> {
        let mut all = vec![];
        for call in calls {
            join(&mut all, std::slice::from_ref(call));
        }
        all
    }

    #[test]
    fn an_interruption_may_be_taken_back_and_nothing_else() {
        let mut call = Call { key: 1, tool: 1, outcome: None };
        for (told, want) in [
            (ToolOutcome::Interrupted, ToolOutcome::Interrupted),
            (ToolOutcome::Ok, ToolOutcome::Ok),
            (ToolOutcome::Interrupted, ToolOutcome::Ok),
        ] {
            call.learn(Some(told));
            assert_eq!(call.outcome, Some(want));
            assert_eq!(is_final(told), told == want && told == ToolOutcome::Ok);
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out(calls in prop::collection::vec(call(), 0..8)) {
            prop_assert_eq!(unpack(&pack(&calls).unwrap_or_default()), calls);
        }

        #[test]
        fn joined_in_any_order_they_are_the_same(calls in prop::collection::vec(call(), 0..8), turn in 0..8_usize) {
            let mut turned = calls.clone();
            turned.rotate_left(turn.min(calls.len()));
            prop_assert_eq!(joined(&calls), joined(&turned));
            turned.reverse();
            prop_assert_eq!(joined(&calls), joined(&turned));
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            unpack(&bytes);
        }
    }
}
