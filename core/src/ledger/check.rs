//! Whether the ledger agrees with itself.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cells::unpack;
use super::rollup::{self, Key, QUARTER_MS, Sums};
use super::{Error, Ledger, calls, remainder, state};
use crate::pricing::saving::Saved;

impl Ledger {
    /// What is wrong, one sentence each; empty if all is well.
    ///
    /// Checks the database's own structure, every reference, and the rollup against the responses it sums.
    pub fn check(&self) -> Result<Vec<String>, Error> {
        let mut found = self.explained(
            self.texts("SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check != 'ok'"),
        )?;
        found.extend(self.explained(self.texts(
            "SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' refers to a row of ' || parent || ' that is not there'
               FROM pragma_foreign_key_check",
        ))?);
        found.extend(self.explained(self.texts(
            "SELECT 'response ' || message_id || ' ' || request_id || ' stands more than once' FROM response
              GROUP BY message_id, request_id HAVING count(*) > 1",
        ))?);
        found.extend(self.explained(self.texts(
            "SELECT 'request ' || told.request_id || ' counts for telemetry and for a transcript'
               FROM response AS told CROSS JOIN response AS other
                 ON substr(other.request_id, -6) = substr(told.request_id, -6) AND other.request_id = told.request_id
              WHERE told.provenance = 1 AND told.message_id = '' AND other.id != told.id",
        ))?);
        found.extend(self.explained(self.texts(
            "SELECT 'total ' || measure || ' ' || detail || ' of telemetry differs from its points by ' || sum(value)
               FROM (SELECT measure, detail, value FROM telemetry_total
                      UNION ALL SELECT measure, detail, -value FROM telemetry_sum)
              GROUP BY measure, detail HAVING sum(value) != 0",
        ))?);
        found.extend(self.explained(self.rollup_differences())?);
        found.extend(self.saving_differences()?);
        found.extend(self.explained(self.call_differences())?);
        found.extend(self.explained(self.remainder_differences())?);
        Ok(found)
    }

    fn texts(&self, sql: &str) -> rusqlite::Result<Vec<String>> {
        self.db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    }

    /// Sums of the responses and their extra attempts, less those of the rollup: cells where they differ.
    fn rollup_differences(&self) -> rusqlite::Result<Vec<String>> {
        let mut differences: BTreeMap<Key, Sums> = BTreeMap::new();
        let mut add = |key, sums| *differences.entry(key).or_default() += sums;
        rollup::counted(&self.db, &mut add)?;
        remainder::counted(&self.db, &mut add)?;
        let mut days = self.db.prepare("SELECT day, cells FROM rollup")?;
        let mut rows = days.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let day: i64 = row.get(0)?;
            // Which no row tells.
            let subtract = |key, sums: Sums| {
                *differences.entry(key).or_default() += Sums { saved: Saved::default(), ..sums }.negated();
            };
            if !unpack(day, row.get_ref(1)?.as_blob()?, subtract) {
                found.push(format!("the sums of day {day} since 1970 are damaged"));
            }
        }
        differences.retain(|_, sums| *sums != Sums::default());
        for (key, sums) in differences {
            let sql = "SELECT datetime(?1, 'unixepoch') || ' UTC, model ' || coalesce((SELECT name FROM terms
                         JOIN model ON model.id = model_id WHERE terms.id = ?2), '?')";
            let at = key.quarter * QUARTER_MS / 1000;
            let place: String = self.db.query_row(sql, [at, key.terms], |row| row.get(0))?;
            found.push(format!(
                "the sums of {place}, differ from their responses by {} responses, {} tokens, {} picodollars",
                sums.responses,
                sums.tokens.total(),
                sums.cost_picousd
            ));
        }
        Ok(found)
    }

    /// What the cache saved of the responses, less what the rollup says: hours where that differs.
    fn saving_differences(&self) -> Result<Vec<String>, Error> {
        let priced_by: Option<String> = self.explained(state::get(&self.db, state::PRICES))?;
        if priced_by.as_ref() != Some(&self.prices().version) {
            // Opened without the user's prices, or they have changed: then whoever writes makes all sums anew.
            return Ok(vec![]);
        }
        let mut differences: BTreeMap<i64, Saved> = BTreeMap::new();
        let mut add = |quarter: i64, saved| *differences.entry(quarter.div_euclid(4)).or_default() += saved;
        self.responses(&(i64::MIN..i64::MAX), |told| add(told.cell.quarter, told.cell.sums.saved))?;
        self.cells(i64::MIN..i64::MAX, |cell| add(cell.quarter, -cell.sums.saved))?;
        differences.retain(|_, saved| *saved != Saved::default());
        let tell = |(hour, Saved { reads_picousd, writes_picousd }): (i64, Saved)| {
            let at = Timestamp::from_second(hour * 3600).map(|at| at.to_string()).unwrap_or_default();
            format!(
                "what the cache saved in the hour of {at} differs from its responses by {reads_picousd} picodollars of \
                 reads and {writes_picousd} of writes"
            )
        };
        Ok(differences.into_iter().map(tell).collect())
    }

    /// Tool calls of the responses, less those that are summed.
    fn call_differences(&self) -> rusqlite::Result<Vec<String>> {
        let mut differences: BTreeMap<(i64, u8), i64> = BTreeMap::new();
        rollup::counted_calls(&self.db, |calls| {
            for call in calls {
                *differences.entry((call.tool, calls::stored(call.outcome))).or_default() += 1;
            }
        })?;
        let mut sums = self.db.prepare("SELECT tool_id, outcome, calls FROM tool_calls")?;
        let mut rows = sums.query([])?;
        while let Some(row) = rows.next()? {
            *differences.entry((row.get(0)?, row.get(1)?)).or_default() -= row.get::<_, i64>(2)?;
        }
        differences.retain(|_, difference| *difference != 0);
        let tell = |((tool, outcome), calls)| {
            format!("calls of tool {tool} with outcome {outcome} differ from their responses by {calls}")
        };
        Ok(differences.into_iter().map(tell).collect())
    }
}
