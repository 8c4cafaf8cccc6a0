//! What counters have told a scraper: the ledger may be corrected downwards, a counter never.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::{Error, Ledger, explain, is_of_the_file, state};

/// Behind each value of a label: an empty one is a value, too.
const SEPARATOR: &str = "\u{1f}";

/// A counter's name and the values of its labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    pub family: String,
    pub labels: Vec<String>,
}

/// One series, in whole units: tokens, picodollars, events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exposed {
    /// What the ledger had when it was last told.
    pub truth: i64,
    /// What was told.
    pub value: i64,
    /// Growth that was told before, and will not be told again.
    pub debt: i64,
}

/// Why a ledger has less than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fall {
    /// It was corrected, for good: what comes is new.
    Correction,
    /// The same, because prices are others.
    Repricing,
    /// An older state took its place: what comes has been told, up to where it was.
    Restore,
}

impl Exposed {
    /// What is to be told where the ledger has `truth` now. Never less than before.
    #[must_use]
    pub fn moved_to(self, truth: i64, fall: Fall) -> Self {
        let grown = truth.saturating_sub(self.truth);
        let (news, debt) = if grown >= 0 {
            let paid = grown.min(self.debt);
            (grown - paid, self.debt - paid)
        } else if fall == Fall::Restore {
            (0, self.debt.saturating_sub(grown))
        } else {
            (0, self.debt)
        };
        Self { truth, value: self.value.saturating_add(news), debt }
    }
}

impl Ledger {
    /// All that was ever told.
    pub fn exposed(&self) -> Result<BTreeMap<Series, Exposed>, Error> {
        self.explained(read(&self.db))
    }

    /// Remembers what is about to be told: before it is, so that a crash in between forgets nothing that was.
    pub fn expose(&mut self, series: &BTreeMap<Series, Exposed>) -> Result<(), Error> {
        let path = self.path.clone();
        let mut write = || {
            let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            write(&tx, series)?;
            let epoch: Option<i64> = state::get(&tx, state::EPOCH)?;
            state::set(&tx, state::EXPOSED_EPOCH, epoch)?;
            let prices: Option<String> = state::get(&tx, state::PRICES)?;
            // Where somebody with other prices has written, none is that of all responses.
            match prices {
                Some(prices) => state::set(&tx, state::EXPOSED_PRICES, prices)?,
                None => state::forget(&tx, state::EXPOSED_PRICES)?,
            }
            tx.commit()
        };
        write().map_err(|source| explain(&path, source))
    }

    /// What it means if the ledger has less than was told.
    pub fn fall(&self) -> Result<Fall, Error> {
        let read = || {
            let then: Option<i64> = state::get(&self.db, state::EXPOSED_EPOCH)?;
            if then.is_some() && then != state::get(&self.db, state::EPOCH)? {
                return Ok(Fall::Restore);
            }
            let then: Option<String> = state::get(&self.db, state::EXPOSED_PRICES)?;
            let is_repriced = then.is_some() && then != state::get(&self.db, state::PRICES)?;
            Ok(if is_repriced { Fall::Repricing } else { Fall::Correction })
        };
        self.explained(read())
    }

    /// A number that changes when other contents take the ledger's place.
    pub fn epoch(&self) -> Result<Option<i64>, Error> {
        self.explained(state::get(&self.db, state::EPOCH))
    }

    /// Remembers what another ledger told, of any format. False where it cannot be read.
    pub(super) fn take_over_exposed(&self, other: &Connection) -> Result<bool, Error> {
        let take_over = || {
            if other.table_exists(None, "exposed")? { carry_over(other, &self.db) } else { Ok(()) }
        };
        match take_over() {
            Err(error) if is_of_the_file(&error) => Ok(false),
            done => self.explained(done.map(|()| true)),
        }
    }

    /// A number that changes when another process writes to the ledger.
    pub fn data_version(&self) -> Result<i64, Error> {
        self.explained(self.db.pragma_query_value(None, "data_version", |row| row.get(0)))
    }
}

/// Takes what was told over from one ledger to another that takes its place.
pub(super) fn carry_over(from: &Connection, to: &Connection) -> rusqlite::Result<()> {
    let told = read(from)?;
    to.execute("DELETE FROM exposed", [])?;
    write(to, &told)?;
    let epoch: Option<i64> = state::get(from, state::EXPOSED_EPOCH)?;
    match epoch {
        Some(epoch) => state::set(to, state::EXPOSED_EPOCH, epoch),
        None => state::forget(to, state::EXPOSED_EPOCH),
    }
}

fn read(db: &Connection) -> rusqlite::Result<BTreeMap<Series, Exposed>> {
    let series = |row: &Row| {
        let labels: String = row.get(1)?;
        let labels = labels.split_terminator(SEPARATOR).map(String::from).collect();
        let exposed = Exposed { truth: row.get(2)?, value: row.get(3)?, debt: row.get(4)? };
        Ok((Series { family: row.get(0)?, labels }, exposed))
    };
    db.prepare_cached("SELECT family, labels, truth, value, debt FROM exposed")?
        .query_map([], series)?
        .collect()
}

fn write(db: &Connection, series: &BTreeMap<Series, Exposed>) -> rusqlite::Result<()> {
    let mut put = db.prepare_cached(
        "INSERT INTO exposed VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET truth = ?3, value = ?4, debt = ?5",
    )?;
    for (Series { family, labels }, Exposed { truth, value, debt }) in series {
        let labels: String = labels.iter().flat_map(|label| [label, SEPARATOR]).collect();
        put.execute(params![family, labels, truth, value, debt])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Exposed, Fall, Series};
    use crate::ledger::Ledger;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn told(truths: &[(i64, Fall)]) -> Vec<i64> {
        let mut exposed = Exposed::default();
        truths
            .iter()
            .map(|(truth, fall)| {
                exposed = exposed.moved_to(*truth, *fall);
                exposed.value
            })
            .collect()
    }

    #[test]
    fn what_was_told_is_remembered_for_each_value_of_labels_that_may_be_empty() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        let series = |labels: &[&str]| Series {
            family: "f".into(),
            labels: labels.iter().map(|label| (*label).to_string()).collect(),
        };
        let told: BTreeMap<_, _> = [&[][..], &[""], &["", ""], &["a"], &["a", ""], &["", "a"]]
            .iter()
            .zip(1..)
            .map(|(labels, value)| (series(labels), Exposed { truth: value, value, debt: 0 }))
            .collect();
        ledger.expose(&told).unwrap();
        assert_eq!(ledger.exposed().unwrap(), told);
    }

    #[test]
    fn after_a_correction_growth_is_told_at_once() {
        use Fall::Correction;
        assert_eq!(told(&[(100, Correction), (60, Correction), (70, Correction)]), [100, 100, 110]);
    }

    #[test]
    fn what_comes_again_after_a_restore_is_not_told_again() {
        use Fall::{Correction, Restore};
        assert_eq!(
            told(&[
                (100, Correction),
                (60, Restore),
                (90, Correction),
                (130, Correction),
                (120, Correction),
                (125, Correction)
            ]),
            [100, 100, 100, 130, 130, 135]
        );
    }

    proptest! {
        #[test]
        fn a_counter_never_falls_and_growth_is_told_once(
            steps in prop::collection::vec((0..1000_i64, any::<bool>()), 1..40)
        ) {
            let steps: Vec<_> =
                steps.into_iter().map(|(truth, is_restore)| {
                    (truth, if is_restore { Fall::Restore } else { Fall::Correction })
                }).collect();
            let told = told(&steps);
            prop_assert!(told.windows(2).all(|pair| pair[0] <= pair[1]));
            let growth: i64 = [(0, Fall::Correction)].iter().chain(&steps).zip(&steps)
                .map(|((before, _), (after, _))| (after - before).max(0)).sum();
            prop_assert!(told[told.len() - 1] <= growth);
        }
    }
}
