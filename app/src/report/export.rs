//! Responses one by one, as JSON Lines (schema `odin.ledger.response/1`) or CSV. The names of the fields are a promise.

use jiff::Timestamp;
use serde::Serialize;

use super::csv::quoted;
use super::number::exact_usd;
use crate::ledger::Exported;

/// A response as JSON has it.
#[derive(Serialize)]
struct Line<'e> {
    schema: &'static str,
    message_id: &'e str,
    request_id: &'e str,
    at: String,
    attempt: &'static str,
    session: &'e str,
    agent: &'e str,
    agent_type: &'e str,
    skill: &'e str,
    mcp_server: &'e str,
    mcp_tool: &'e str,
    project: &'e str,
    cwd: &'e str,
    branch: &'e str,
    host: &'e str,
    account: &'e str,
    model: &'e str,
    requested_model: &'e str,
    speed: &'e str,
    inference_geo: &'e str,
    service_tier: &'e str,
    provenance: &'static str,
    input: i64,
    output: i64,
    cache_read: i64,
    cache_write_5m: i64,
    cache_write_1h: i64,
    web_searches: i64,
    cost_picousd: Option<i64>,
    contract_picousd: Option<i64>,
    price_list: &'e str,
    flags: &'e [&'static str],
}

/// The first line of a CSV.
pub const CSV_HEADER: &str = "message_id,request_id,at,attempt,session,agent,agent_type,skill,mcp_server,mcp_tool,\
    project,cwd,branch,host,account,model,requested_model,speed,inference_geo,service_tier,provenance,input,output,\
    cache_read,cache_write_5m,cache_write_1h,web_searches,cost_usd,cost_picousd,contract_picousd,price_list,flags\n";

/// One object on one line. An unpriced response has a `cost_picousd` of `null`.
pub fn json(exported: &Exported) -> Result<String, serde_json::Error> {
    let e = exported;
    let line = Line {
        schema: "odin.ledger.response/1",
        message_id: &e.message_id,
        request_id: &e.request_id,
        at: time(e.at_ms),
        attempt: e.attempt,
        session: &e.session,
        agent: &e.agent,
        agent_type: &e.agent_type,
        skill: &e.skill,
        mcp_server: &e.mcp_server,
        mcp_tool: &e.mcp_tool,
        project: &e.project,
        cwd: &e.cwd,
        branch: &e.branch,
        host: &e.host,
        account: &e.account,
        model: &e.model,
        requested_model: &e.requested_model,
        speed: &e.speed,
        inference_geo: &e.inference_geo,
        service_tier: &e.service_tier,
        provenance: e.provenance,
        input: e.tokens.input,
        output: e.tokens.output,
        cache_read: e.tokens.cache_read,
        cache_write_5m: e.tokens.cache_write_5m,
        cache_write_1h: e.tokens.cache_write_1h,
        web_searches: e.web_searches,
        cost_picousd: e.cost_picousd,
        contract_picousd: e.contract_picousd,
        price_list: &e.price_list,
        flags: &e.flags,
    };
    Ok(serde_json::to_string(&line)? + "\n")
}

/// One line. An unpriced response has empty costs; flags are separated by spaces.
pub fn csv(exported: &Exported) -> String {
    let e = exported;
    let tokens = &e.tokens;
    let texts = [
        &e.message_id,
        &e.request_id,
        &time(e.at_ms),
        e.attempt,
        &e.session,
        &e.agent,
        &e.agent_type,
        &e.skill,
        &e.mcp_server,
        &e.mcp_tool,
        &e.project,
        &e.cwd,
        &e.branch,
        &e.host,
        &e.account,
        &e.model,
        &e.requested_model,
        &e.speed,
        &e.inference_geo,
        &e.service_tier,
        e.provenance,
    ]
    .map(quoted);
    let counts = [
        tokens.input,
        tokens.output,
        tokens.cache_read,
        tokens.cache_write_5m,
        tokens.cache_write_1h,
        e.web_searches,
    ]
    .map(|count| count.to_string());
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let usd = e.cost_picousd.map(|cost| exact_usd(cost.into())).unwrap_or_default();
    let costs = [usd, number(e.cost_picousd), number(e.contract_picousd)];
    let rest = [quoted(&e.price_list), e.flags.join(" ")];
    let fields: Vec<String> = texts.into_iter().chain(counts).chain(costs).chain(rest).collect();
    fields.join(",") + "\n"
}

/// RFC 3339 in UTC, with milliseconds.
fn time(at_ms: i64) -> String {
    let at =
        Timestamp::from_millisecond(at_ms).unwrap_or(if at_ms > 0 { Timestamp::MAX } else { Timestamp::MIN });
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use super::{CSV_HEADER, csv, json};
    use crate::ledger::Exported;
    use crate::model::Tokens;

    fn response(cost_picousd: Option<i64>) -> Exported {
        Exported {
            message_id: "msg_1".into(),
            request_id: "req_1".into(),
            at_ms: 1_795_458_328_814,
            attempt: "",
            session: "s".into(),
            agent: String::new(),
            agent_type: String::new(),
            skill: "a, \"b\"".into(),
            mcp_server: String::new(),
            mcp_tool: String::new(),
            project: "/w/odin".into(),
            cwd: "/w/odin/src".into(),
            branch: "main".into(),
            host: "here".into(),
            account: "/home/anna/.claude".into(),
            model: "claude-opus-5-5".into(),
            requested_model: "claude-opus-5-5".into(),
            speed: "standard".into(),
            inference_geo: String::new(),
            service_tier: "standard".into(),
            provenance: "transcript",
            tokens: Tokens { input: 1, output: 2, cache_read: 3, cache_write_5m: 4, cache_write_1h: 5 },
            web_searches: 6,
            cost_picousd,
            contract_picousd: None,
            price_list: "2026-11-23/1".into(),
            flags: vec!["aborted", "ttl_unknown"],
        }
    }

    #[test]
    fn a_line_of_csv_has_the_headers_fields() {
        let line = csv(&response(Some(1_230_000_000_000)));
        assert_eq!(
            line,
            "msg_1,req_1,2026-11-23T18:25:28.814Z,,s,,,\"a, \"\"b\"\"\",,,/w/odin,/w/odin/src,main,here,\
             /home/anna/.claude,claude-opus-5-5,claude-opus-5-5,standard,,standard,transcript,1,2,3,4,5,6,1.23,\
             1230000000000,,2026-11-23/1,aborted ttl_unknown\n"
        );
        let plain = csv(&Exported { skill: String::new(), ..response(None) });
        assert_eq!(plain.split(',').count(), CSV_HEADER.split(',').count());
    }

    #[test]
    fn what_has_no_price_is_null_and_not_zero() {
        let value: serde_json::Value = serde_json::from_str(&json(&response(None)).unwrap()).unwrap();
        assert!(value["cost_picousd"].is_null());
        assert_eq!(value["at"], "2026-11-23T18:25:28.814Z");
        assert_eq!(value["flags"][1], "ttl_unknown");
        assert!(csv(&response(None)).contains(",6,,,,2026-11-23/1,"));
    }
}
