//! A bound on the values of a label.

use std::collections::BTreeSet;

/// Stands for all values that have no series of their own.
pub const OTHER: &str = "other";

/// The first values to come, as many as there is room for. They stay, so that no series ever takes over the past of
/// another one; for what must last longer than this, give it the values of old first.
#[derive(Debug)]
pub struct Capped {
    cap: usize,
    kept: BTreeSet<Box<str>>,
}

impl Capped {
    pub fn new(cap: usize) -> Self {
        Self { cap, kept: BTreeSet::new() }
    }

    /// The value itself where it has its series, or gets it now; else [`OTHER`].
    pub fn keep<'v>(&mut self, value: &'v str) -> &'v str {
        if self.kept.contains(value) {
            return value;
        }
        if value == OTHER || self.kept.len() >= self.cap {
            return OTHER;
        }
        self.kept.insert(value.into());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_keep_their_series_and_the_rest_is_other() {
        let mut capped = Capped::new(2);
        let kept = ["b", "other", "a", "c", "b", "", "a"].map(|value| capped.keep(value));
        assert_eq!(kept, ["b", "other", "a", "other", "b", "other", "a"]);
    }
}
