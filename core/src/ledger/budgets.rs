//! Budgets: what is to be spent in a period at most. They are the user's word, not facts of the past, so that neither a
//! backup that is restored nor a ledger that is made anew changes them.

use rusqlite::{Connection, Row, params};

use super::{Error, Ledger, damaged_value, is_of_the_file};

/// What a budget is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BudgetPeriod {
    Day,
    Week,
    Month,
    /// A window of five hours.
    Block,
}

impl BudgetPeriod {
    /// In the order of their numbers in the ledger.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Block];

    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Block => "block",
        }
    }

    fn number(self) -> i64 {
        Self::ALL.iter().zip(0..).find_map(|(known, number)| (*known == self).then_some(number)).unwrap_or(0)
    }
}

/// The most that is to be spent in each such period.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Budget {
    pub period: BudgetPeriod,
    /// Its path; empty: all together.
    pub project: String,
    pub amount_picousd: i64,
}

impl Ledger {
    /// All of them: those for everything first, then by project.
    pub fn budgets(&self) -> Result<Vec<Budget>, Error> {
        self.explained(read(&self.db))
    }

    /// Takes the place of one for the same period and project.
    pub fn set_budget(&self, budget: &Budget) -> Result<(), Error> {
        self.explained(write(&self.db, budget))
    }

    /// Whether there was one.
    pub fn remove_budget(&self, period: BudgetPeriod, project: &str) -> Result<bool, Error> {
        let sql = "DELETE FROM budget WHERE period = ?1 AND project = ?2";
        Ok(self.explained(self.db.execute(sql, params![period.number(), project]))? > 0)
    }

    /// Takes over those of another ledger, of any format. False where they cannot be read.
    pub(super) fn take_over_budgets(&self, other: &Connection) -> Result<bool, Error> {
        match carry_over(other, &self.db) {
            Err(error) if is_of_the_file(&error) => Ok(false),
            done => self.explained(done.map(|()| true)),
        }
    }
}

/// Has one ledger keep the budgets of another that it takes the place of.
pub(super) fn carry_over(from: &Connection, to: &Connection) -> rusqlite::Result<()> {
    if !from.table_exists(None, "budget")? {
        return Ok(());
    }
    let budgets = read(from)?;
    to.execute("DELETE FROM budget", [])?;
    budgets.iter().try_for_each(|budget| write(to, budget))
}

fn read(db: &Connection) -> rusqlite::Result<Vec<Budget>> {
    let budget = |row: &Row| {
        let number: i64 = row.get(0)?;
        let period = usize::try_from(number).ok().and_then(|number| BudgetPeriod::ALL.get(number));
        let period = *period.ok_or_else(|| damaged_value("budget", number))?;
        Ok(Budget { period, project: row.get(1)?, amount_picousd: row.get(2)? })
    };
    db.prepare_cached("SELECT period, project, amount_picousd FROM budget ORDER BY project, period")?
        .query_map([], budget)?
        .collect()
}

fn write(db: &Connection, budget: &Budget) -> rusqlite::Result<()> {
    let Budget { period, project, amount_picousd } = budget;
    db.prepare_cached(
        "INSERT INTO budget VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET amount_picousd = ?3",
    )?
    .execute(params![period.number(), project, amount_picousd])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Budget, BudgetPeriod};
    use crate::ledger::Ledger;

    fn budget(period: BudgetPeriod, project: &str, amount_picousd: i64) -> Budget {
        Budget { period, project: project.into(), amount_picousd }
    }

    #[test]
    fn a_period_of_a_project_has_one_budget() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        for set in [("/w/odin", 1), ("", 2), ("/w/odin", 3)] {
            ledger.set_budget(&budget(BudgetPeriod::Month, set.0, set.1)).unwrap();
        }
        let (all, odin) = (budget(BudgetPeriod::Month, "", 2), budget(BudgetPeriod::Month, "/w/odin", 3));
        assert_eq!(ledger.budgets().unwrap(), [all.clone(), odin]);
        assert!(ledger.remove_budget(BudgetPeriod::Month, "/w/odin").unwrap());
        assert!(!ledger.remove_budget(BudgetPeriod::Day, "").unwrap());
        assert_eq!(ledger.budgets().unwrap(), [all]);
    }

    #[test]
    fn budgets_outlive_a_restored_backup_and_a_ledger_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        let mut ledger = Ledger::open(&path).unwrap();
        ledger.set_budget(&budget(BudgetPeriod::Day, "", 1)).unwrap();
        let backup = dir.path().join("backup.db");
        ledger.backup(&backup).unwrap();
        let now = [budget(BudgetPeriod::Day, "", 2), budget(BudgetPeriod::Week, "/w", 3)];
        for budget in &now {
            ledger.set_budget(budget).unwrap();
        }
        ledger.restore(&backup).unwrap();
        assert_eq!(ledger.budgets().unwrap(), now);

        let mut anew = Ledger::begin_anew(&path, Some(&backup)).unwrap();
        assert!(!anew.absorb(&path).unwrap().is_damaged);
        assert_eq!(anew.budgets().unwrap(), now);
    }
}
