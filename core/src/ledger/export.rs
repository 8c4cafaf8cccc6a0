//! All that the ledger knows of each response, for other programs.

use rusqlite::Row;

use super::responses::tokens_at;
use super::row::flag;
use super::{Error, Ledger};
use crate::model::Tokens;
use crate::pricing::Flags;

/// One response, or an extra attempt behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    pub message_id: String,
    pub request_id: String,
    /// Milliseconds since the epoch, UTC.
    pub at_ms: i64,
    /// Empty for the response itself; of an extra attempt `advisor`, `compaction` or `declined`.
    pub attempt: &'static str,
    pub session: String,
    pub agent: String,
    pub agent_type: String,
    pub skill: String,
    pub mcp_server: String,
    pub mcp_tool: String,
    pub project: String,
    pub cwd: String,
    pub branch: String,
    pub host: String,
    pub account: String,
    pub model: String,
    pub requested_model: String,
    pub speed: String,
    pub inference_geo: String,
    pub service_tier: String,
    pub provenance: &'static str,
    pub tokens: Tokens,
    pub web_searches: i64,
    /// None: no price known.
    pub cost_picousd: Option<i64>,
    /// By the user's own prices; none: these say nothing of it.
    pub contract_picousd: Option<i64>,
    /// The price list that priced it.
    pub price_list: String,
    /// What to know before trusting it.
    pub flags: Vec<&'static str>,
}

/// Flags of the ledger's own that are worth telling.
const FLAGS: [(i64, &str); 4] = [
    (flag::ABORTED, "aborted"),
    (flag::REFUSED, "refused"),
    (flag::TIME_INFERRED, "time_inferred"),
    (flag::TTL_UNKNOWN, "ttl_unknown"),
];

impl Ledger {
    /// Tells of every response that counts, each followed by its extra attempts, until `each` has had enough (false).
    /// In the order in which the ledger learned of them. A name that is lost (`check` tells) is empty.
    pub fn export(&self, mut each: impl FnMut(Exported) -> bool) -> Result<(), Error> {
        let mut read = || {
            let mut all = self.db.prepare(&format!(
                "SELECT message_id, request_id, at_ms, ifnull(session.name, ''), ifnull(agent.name, ''),
                        ifnull(agent_type, ''), ifnull(skill, ''), ifnull(mcp_server, ''), ifnull(mcp_tool, ''),
                        ifnull(project.path, ''), ifnull(cwd.path, ''), ifnull(branch.name, ''),
                        ifnull(host.name, ''), ifnull(config_dir, ''), ifnull(model.name, ''),
                        ifnull(requested_model, ''), ifnull(speed, ''), ifnull(inference_geo, ''),
                        ifnull(service_tier, ''), provenance, web_searches, ifnull(price_list.version, ''), flags,
                        cost_picousd, contract_picousd, input, output, cache_read, cache_write_5m, cache_write_1h,
                        response.id
                   FROM response
                   LEFT JOIN origin ON origin.id = origin_id LEFT JOIN session ON session.id = session_id
                   LEFT JOIN agent ON agent.id = agent_id LEFT JOIN cwd ON cwd.id = cwd_id
                   LEFT JOIN project ON project.id = project_id LEFT JOIN branch ON branch.id = branch_id
                   LEFT JOIN host ON host.id = host_id LEFT JOIN account ON account.id = account_id
                   LEFT JOIN terms ON terms.id = terms_id LEFT JOIN model ON model.id = model_id
                   LEFT JOIN price_list ON price_list.id = price_list_id
                  WHERE flags & {} = 0 ORDER BY response.id",
                flag::COPY
            ))?;
            let mut extras = self.db.prepare(
                "SELECT kind, model.name, cost_picousd, contract_picousd,
                        input, output, cache_read, cache_write_5m, cache_write_1h
                   FROM attempt LEFT JOIN model ON model.id = model_id
                  WHERE response_id = ?1 AND is_extra ORDER BY n",
            )?;
            let mut rows = all.query([])?;
            while let Some(row) = rows.next()? {
                let response = exported(row)?;
                if row.get::<_, i64>(22)? & flag::ATTEMPTS == 0 {
                    if !each(response) {
                        return Ok(());
                    }
                    continue;
                }
                let mut told = vec![response];
                let mut found = extras.query([row.get::<_, i64>(30)?])?;
                while let Some(row) = found.next()? {
                    let extra = extra(row, &told[0])?;
                    told.push(extra);
                }
                if !told.into_iter().all(&mut each) {
                    return Ok(());
                }
            }
            Ok(())
        };
        self.explained(read())
    }
}

fn exported(row: &Row) -> rusqlite::Result<Exported> {
    let flags: i64 = row.get(22)?;
    let own = FLAGS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name);
    let of_price = Flags::from_bits(u32::try_from(flags).unwrap_or_default());
    Ok(Exported {
        message_id: row.get(0)?,
        request_id: row.get(1)?,
        at_ms: row.get(2)?,
        attempt: "",
        session: row.get(3)?,
        agent: row.get(4)?,
        agent_type: row.get(5)?,
        skill: row.get(6)?,
        mcp_server: row.get(7)?,
        mcp_tool: row.get(8)?,
        project: row.get(9)?,
        cwd: row.get(10)?,
        branch: row.get(11)?,
        host: row.get(12)?,
        account: row.get(13)?,
        model: row.get(14)?,
        requested_model: row.get(15)?,
        speed: row.get(16)?,
        inference_geo: row.get(17)?,
        service_tier: row.get(18)?,
        provenance: if row.get::<_, i64>(19)? == 0 { "transcript" } else { "otel" },
        tokens: tokens_at(row, 25)?,
        web_searches: row.get(20)?,
        cost_picousd: row.get(23)?,
        contract_picousd: row.get(24)?,
        price_list: row.get(21)?,
        flags: own.chain(of_price.names()).collect(),
    })
}

fn extra(row: &Row, of: &Exported) -> rusqlite::Result<Exported> {
    let model: Option<String> = row.get(1)?;
    Ok(Exported {
        attempt: match row.get::<_, i64>(0)? {
            2 => "advisor",
            3 => "compaction",
            _ => "declined",
        },
        model: model.unwrap_or_else(|| of.model.clone()),
        requested_model: String::new(),
        tokens: tokens_at(row, 4)?,
        web_searches: 0,
        cost_picousd: row.get(2)?,
        contract_picousd: row.get(3)?,
        ..of.clone()
    })
}
