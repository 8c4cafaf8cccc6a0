//! How much of each budget is spent, and where that leads at the present rate.
//!
//! Only the sums of the periods in question are read, so that it costs the same whatever the ledger holds.

mod json;
mod text;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::blocks::{self, WINDOW_QUARTERS};
use super::calendar::{Calendar, Unit, instant, quarter};
use super::{Amount, Error};
use crate::ledger::{Budget, BudgetPeriod, Dimension, Ledger};
use crate::pricing::half_to_even;

pub use json::render as to_json;
pub use text::{notes, table};

/// With less, a rate says nothing.
const MIN_RATE_SECONDS: i64 = 60;

/// When it is, by whose clock.
#[derive(Debug, Clone)]
pub struct Moment {
    pub now: Timestamp,
    pub zone: TimeZone,
    /// The first day of weeks.
    pub week_starts: Weekday,
}

/// Which spending is asked for: of the present period of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub period: BudgetPeriod,
    /// Its path; empty: of all.
    pub project: String,
    /// A Claude config dir; empty: of all. Of blocks only.
    pub account: String,
}

/// What was spent in a period that goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spending {
    pub amount: Amount,
    /// The period; none: no block has begun.
    pub span: Option<(Timestamp, Timestamp)>,
    /// When there was the first response of a block.
    pub first: Option<Timestamp>,
}

/// A budget, and what of it is spent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub budget: Budget,
    pub spending: Spending,
    /// None: it is too early to tell.
    pub pace: Option<Pace>,
}

/// The average so far, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    pub picousd_per_hour: i128,
    /// At the period's end, should it go on like that.
    pub estimated_picousd: i128,
    /// When all of the budget will be spent; none: not in this period, or it is already.
    pub spent_at: Option<Timestamp>,
}

impl Standing {
    /// More was spent than the budget has.
    pub fn is_over(&self) -> bool {
        self.spending.amount.cost_picousd > i128::from(self.budget.amount_picousd)
    }

    /// Of the budget, rounded.
    pub fn percent(&self) -> i128 {
        half_to_even(self.spending.amount.cost_picousd * 100, self.budget.amount_picousd.max(1).into())
    }
}

/// All budgets, as they stand.
pub fn standings(ledger: &Ledger, moment: &Moment) -> Result<Vec<Standing>, Error> {
    let _snapshot = ledger.snapshot()?;
    let budgets = ledger.budgets()?;
    standings_of(ledger, budgets, moment)
}

/// Some budgets, as they stand.
pub fn standings_of(ledger: &Ledger, budgets: Vec<Budget>, moment: &Moment) -> Result<Vec<Standing>, Error> {
    if budgets.is_empty() {
        return Ok(vec![]);
    }
    let scope = |budget: &Budget| Scope {
        period: budget.period,
        project: budget.project.clone(),
        account: String::new(),
    };
    let scopes: Vec<Scope> = budgets.iter().map(scope).collect();
    let spendings = spendings(ledger, &scopes, moment)?;
    let standing = |(budget, spending): (Budget, Spending)| Standing {
        pace: pace(&spending, budget.amount_picousd.into(), moment.now),
        budget,
        spending,
    };
    Ok(budgets.into_iter().zip(spendings).map(standing).collect())
}

/// Those of which more was spent than they have, of everything and of one project; of all projects where none is named.
pub fn over(ledger: &Ledger, project: Option<&str>, moment: &Moment) -> Result<Vec<Standing>, Error> {
    let mut budgets = ledger.budgets()?;
    budgets.retain(|budget| {
        budget.project.is_empty() || project.is_none_or(|project| budget.project == project)
    });
    let mut standings = standings_of(ledger, budgets, moment)?;
    standings.retain(Standing::is_over);
    Ok(standings)
}

/// A run of quarters, of which only some origins count.
struct Tally {
    scope: usize,
    quarters: Range<i64>,
    account: Option<i64>,
}

/// What was spent in each of these, in one pass.
pub fn spendings(ledger: &Ledger, scopes: &[Scope], moment: &Moment) -> Result<Vec<Spending>, Error> {
    let origins = Origins::read(ledger, scopes)?;
    let now = quarter(moment.now);
    let has_blocks = scopes.iter().any(|scope| scope.period == BudgetPeriod::Block);
    let windows =
        if has_blocks { blocks::current(ledger, |origin| origins.account(origin), now)? } else { vec![] };
    let mut spendings = vec![Spending::default(); scopes.len()];
    let mut tallies = vec![];
    for (at, scope) in scopes.iter().enumerate() {
        let mut add = |quarters: Range<i64>, first, account| {
            let spending = &mut spendings[at];
            let (since, until) = (instant(quarters.start), instant(quarters.end));
            let (known, end) = spending.span.unwrap_or((since, until));
            spending.span = Some((known.min(since), end.max(until)));
            spending.first = spending.first.min(first).or(first);
            tallies.push(Tally { scope: at, quarters: quarters.start..now + 1, account });
        };
        let unit = match scope.period {
            BudgetPeriod::Day => Unit::Day,
            BudgetPeriod::Week => Unit::Week,
            BudgetPeriod::Month => Unit::Month,
            BudgetPeriod::Block => {
                for window in &windows {
                    if origins.is_account(window.account, &scope.account) {
                        let quarters = window.start..window.start + WINDOW_QUARTERS;
                        add(quarters, Some(instant(window.first)), Some(window.account));
                    }
                }
                continue;
            }
        };
        add(Calendar::new(&moment.zone, unit, moment.week_starts).period(now), None, None);
    }
    let Some(first) = tallies.iter().map(|tally| tally.quarters.start).min() else { return Ok(spendings) };
    ledger.cells(first..now + 1, |cell| {
        for tally in &tallies {
            let is_of_account = tally.account.is_none_or(|account| account == origins.account(cell.origin));
            if tally.quarters.contains(&cell.quarter)
                && is_of_account
                && origins.is_of_project(cell.origin, &scopes[tally.scope].project)
            {
                spendings[tally.scope].amount.add(&cell, 0);
            }
        }
    })?;
    for spending in &mut spendings {
        spending.amount.settle();
    }
    Ok(spendings)
}

/// What is to be known of origins; nothing is read that nobody asks for.
struct Origins {
    /// Account by id.
    names: HashMap<i64, String>,
    /// Of each origin; empty where there is one account only.
    accounts: HashMap<i64, i64>,
    /// The origins of each project that is asked for.
    projects: HashMap<String, HashSet<i64>>,
}

impl Origins {
    fn read(ledger: &Ledger, scopes: &[Scope]) -> Result<Self, Error> {
        let wanted = scopes.iter().map(|scope| &scope.project).filter(|project| !project.is_empty());
        let mut projects: HashMap<String, HashSet<i64>> =
            wanted.map(|project| (project.clone(), HashSet::new())).collect();
        let has_blocks = scopes.iter().any(|scope| scope.period == BudgetPeriod::Block);
        let names = if has_blocks { ledger.names(Dimension::Account)? } else { HashMap::new() };
        let mut accounts = HashMap::new();
        if names.len() > 1 || !projects.is_empty() {
            let paths =
                if projects.is_empty() { HashMap::new() } else { ledger.names(Dimension::Project)? };
            ledger.origins(&[Dimension::Account, Dimension::Project], |origin, ids| {
                accounts.insert(origin, ids[0]);
                if let Some(origins) = paths.get(&ids[1]).and_then(|path| projects.get_mut(path)) {
                    origins.insert(origin);
                }
            })?;
        }
        if names.len() <= 1 {
            accounts.clear();
        }
        Ok(Self { names, accounts, projects })
    }

    /// 0 where there is one only.
    fn account(&self, origin: i64) -> i64 {
        self.accounts.get(&origin).copied().unwrap_or_default()
    }

    fn is_account(&self, id: i64, wanted: &str) -> bool {
        match self.names.get(&id) {
            Some(name) => wanted.is_empty() || name == wanted,
            // The only one.
            None => wanted.is_empty() || self.names.values().any(|name| name == wanted),
        }
    }

    fn is_of_project(&self, origin: i64, project: &str) -> bool {
        project.is_empty() || self.projects.get(project).is_some_and(|origins| origins.contains(&origin))
    }
}

fn pace(spending: &Spending, budget: i128, now: Timestamp) -> Option<Pace> {
    let (since, until) = spending.span?;
    let since = spending.first.unwrap_or(since);
    let (elapsed, remaining) = (now.as_second() - since.as_second(), until.as_second() - now.as_second());
    if elapsed < MIN_RATE_SECONDS {
        return None;
    }
    let cost = spending.amount.cost_picousd;
    let per = |seconds: i64| half_to_even(cost * i128::from(seconds), elapsed.into());
    let left = budget - cost;
    let seconds_left = (cost > 0 && left > 0).then(|| left * i128::from(elapsed) / cost);
    let spent_at = seconds_left.filter(|seconds| *seconds < i128::from(remaining));
    Some(Pace {
        picousd_per_hour: per(3600),
        estimated_picousd: cost + per(remaining),
        spent_at: spent_at
            .and_then(|seconds| Timestamp::from_second(now.as_second() + i64::try_from(seconds).ok()?).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::{Moment, Scope, Standing, over, spendings, standings};
    use crate::ledger::{Budget, BudgetPeriod, Ledger};
    use crate::report::blocks;
    use crate::report::tests::{OPUS, add, empty_ledger, response};
    use crate::report::{Last, Period, Query};
    use jiff::civil::Weekday;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    /// Of a token of output, in picodollars.
    const PRICE: i64 = 20_000_000;

    fn moment(now: &str) -> Moment {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        Moment { now: now.parse().unwrap(), zone, week_starts: Weekday::Monday }
    }

    fn set(ledger: &Ledger, period: BudgetPeriod, project: &str, tokens: i64) {
        let budget = Budget { period, project: project.into(), amount_picousd: tokens * PRICE };
        ledger.set_budget(&budget).unwrap();
    }

    fn tokens(standing: &Standing) -> i128 {
        standing.spending.amount.cost_picousd / i128::from(PRICE)
    }

    #[test]
    fn periods_are_those_of_the_zone_and_projects_count_for_themselves() {
        let (_dir, mut ledger) = empty_ledger();
        let responses = [
            ("2026-10-31T22:59Z", "/w/odin", 1000),
            ("2026-11-01T12:00Z", "/w/odin", 1),
            ("2026-11-22T22:59Z", "/w/web", 2),
            // Monday in Berlin.
            ("2026-11-22T23:00Z", "/w/odin", 4),
            ("2026-11-23T23:00Z", "/w/web", 8),
            ("2026-11-24T11:00Z", "/w/odin", 16),
        ];
        let responses = responses.map(|(at, project, output)| response(at, "s", project, OPUS, output));
        add(&mut ledger, "/home/anna/.claude", responses.into());
        for period in BudgetPeriod::ALL {
            set(&ledger, period, "", 20);
        }
        set(&ledger, BudgetPeriod::Month, "/w/odin", 21);
        set(&ledger, BudgetPeriod::Month, "/w/nothing", 1);
        let now = moment("2026-11-24T12:00Z");
        let found = standings(&ledger, &now).unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|standing| (standing.budget.period.name(), &*standing.budget.project, tokens(standing)))
            .collect();
        assert_eq!(
            told,
            [
                ("day", "", 24),
                ("week", "", 28),
                ("month", "", 31),
                ("block", "", 16),
                ("month", "/w/nothing", 0),
                ("month", "/w/odin", 21)
            ]
        );
        let over = |project| -> Vec<&str> {
            over(&ledger, project, &now).unwrap().iter().map(|over| over.budget.period.name()).collect()
        };
        assert_eq!(over(None), ["day", "week", "month"], "as much as the budget is not more");
        set(&ledger, BudgetPeriod::Month, "/w/odin", 20);
        assert_eq!(over(None), ["day", "week", "month", "month"]);
        assert_eq!(over(Some("/w/web")), ["day", "week", "month"]);
    }

    #[test]
    fn a_pace_says_when_all_is_spent_and_how_much_it_will_be() {
        let (_dir, mut ledger) = empty_ledger();
        add(&mut ledger, "/home/anna/.claude", vec![response("2026-11-24T05:00Z", "s", "/w/odin", OPUS, 60)]);
        set(&ledger, BudgetPeriod::Day, "", 100);
        let pace = |now: &str| standings(&ledger, &moment(now)).unwrap().remove(0).pace;
        // Half of the day is over, and at this rate two thirds of the other half bring it to 100.
        let noon = pace("2026-11-24T11:00Z").unwrap();
        assert_eq!(noon.estimated_picousd, i128::from(120 * PRICE));
        assert_eq!(noon.picousd_per_hour, i128::from(5 * PRICE));
        assert_eq!(noon.spent_at, Some("2026-11-24T19:00Z".parse().unwrap()));
        assert_eq!(pace("2026-11-24T21:00Z").unwrap().spent_at, None, "not before the day is over");
        assert_eq!(pace("2026-11-24T23:00:59Z"), None, "a day that has just begun");
    }

    #[test]
    fn blocks_of_accounts_are_told_apart() {
        let (_dir, mut ledger) = empty_ledger();
        for (account, at, output) in [("/a", "2026-11-24T08:20Z", 1), ("/b", "2026-11-24T11:20Z", 2)] {
            add(&mut ledger, account, vec![response(at, "s", "/w", OPUS, output)]);
        }
        let scope = |account: &str| Scope {
            period: BudgetPeriod::Block,
            project: String::new(),
            account: account.into(),
        };
        let found =
            spendings(&ledger, &["/a", "/b", "", "/c"].map(scope), &moment("2026-11-24T12:00Z")).unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|spending| {
                let until = spending.span.map(|(_, until)| until.strftime("%H:%M").to_string());
                (spending.amount.cost_picousd / i128::from(PRICE), until.unwrap_or_default())
            })
            .collect();
        assert_eq!(told, [(1, "13:00".into()), (2, "16:00".into()), (3, "16:00".into()), (0, String::new())]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_present_block_is_that_of_the_list_of_blocks(
            gaps in prop::collection::vec(0..24_000_i64, 1..40),
            later in 0..20_000_i64,
        ) {
            let (_dir, mut ledger) = empty_ledger();
            let mut at = 1_790_000_000_i64;
            let times: Vec<String> = gaps
                .iter()
                .map(|gap| {
                    at += gap;
                    jiff::Timestamp::from_second(at).unwrap().to_string()
                })
                .collect();
            let responses = times.iter().map(|at| response(at, "s", "/w", OPUS, 1)).collect();
            add(&mut ledger, "/a", responses);
            let now = moment(&jiff::Timestamp::from_second(at + later).unwrap().to_string());
            let scope = Scope { period: BudgetPeriod::Block, project: String::new(), account: String::new() };
            let found = spendings(&ledger, &[scope], &now).unwrap().remove(0);
            let query = Query::new(vec![], Period::Last(Last::All), now.zone.clone(), now.now);
            let all = blocks(&ledger, &query).unwrap();
            let current = all.rows.iter().find(|block| block.current.is_some());
            prop_assert_eq!(found.span, current.map(|block| (block.start, block.end)));
            prop_assert_eq!(
                found.amount.cost_picousd,
                current.map_or(0, |block| block.amount.cost_picousd)
            );
        }
    }
}
