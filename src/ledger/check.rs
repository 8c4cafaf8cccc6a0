//! Whether the ledger agrees with itself.

use super::{Error, Ledger};
use crate::ledger::row::flag;

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
              GROUP BY message_key, message_id, request_id HAVING count(*) > 1",
        ))?);
        found.extend(self.explained(self.texts(&rollup_differences()))?);
        Ok(found)
    }

    fn texts(&self, sql: &str) -> rusqlite::Result<Vec<String>> {
        self.db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    }
}

/// Sums of the responses and their extra attempts, less those of the rollup: rows where they differ.
fn rollup_differences() -> String {
    let copy = flag::COPY;
    let quarter = super::QUARTER_MS;
    format!(
        "WITH entry AS (
            SELECT at_ms / {quarter} AS quarter, origin_id, model_id, provenance, cost_picousd IS NOT NULL AS is_priced,
                   1 AS responses, input, output, cache_read, cache_write_5m, cache_write_1h, web_searches,
                   coalesce(cost_picousd, 0) AS cost
              FROM response JOIN terms ON terms.id = terms_id WHERE flags & {copy} = 0
            UNION ALL
            SELECT at_ms / {quarter}, origin_id, coalesce(attempt.model_id, terms.model_id), provenance,
                   attempt.cost_picousd IS NOT NULL, 0, attempt.input, attempt.output, attempt.cache_read,
                   attempt.cache_write_5m, attempt.cache_write_1h, 0, coalesce(attempt.cost_picousd, 0)
              FROM attempt JOIN response ON response.id = response_id JOIN terms ON terms.id = terms_id
             WHERE is_extra AND flags & {copy} = 0
            UNION ALL
            SELECT quarter, origin_id, model_id, provenance, is_priced, -responses, -input, -output, -cache_read,
                   -cache_write_5m, -cache_write_1h, -web_searches, -cost_picousd
              FROM rollup JOIN terms ON terms.id = terms_id
        )
        SELECT 'the sums of ' || datetime(quarter * {quarter} / 1000, 'unixepoch') || ' UTC, model ' || name
               || ', differ from their responses by ' || sum(responses) || ' responses, '
               || sum(input + output + cache_read + cache_write_5m + cache_write_1h) || ' tokens, '
               || sum(cost) || ' picodollars'
          FROM entry JOIN model ON model.id = model_id
         GROUP BY quarter, origin_id, model_id, provenance, is_priced
        HAVING sum(responses) != 0 OR sum(input) != 0 OR sum(output) != 0 OR sum(cache_read) != 0
            OR sum(cache_write_5m) != 0 OR sum(cache_write_1h) != 0 OR sum(web_searches) != 0 OR sum(cost) != 0"
    )
}
