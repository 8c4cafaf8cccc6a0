//! Sessions as JSON, schemas `odin.sessions/1` and `odin.session/1`, on one line. Names and order of the fields are a
//! promise.

use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Agent, Life, List, Listed, Place, RFC3339, Session, Stretch, local};
use crate::ledger::{ClientCount, ClientCounts, SessionEvent, StoredTree, Usage};
use crate::model::EventKind;
use crate::model::process::{Program, Spent};
use crate::report::json::{Classes, Explained, Sums, Unknown, classes, explained, sums_of_session, unknown};
use crate::report::{Amount, calendar};

#[derive(Serialize)]
struct Sessions<'s> {
    schema: &'static str,
    timezone: String,
    since: Option<String>,
    until: Option<String>,
    found: usize,
    rows: Vec<Line<'s>>,
}

#[derive(Serialize)]
struct Line<'s> {
    session: &'s str,
    began: Option<String>,
    last_answer: Option<String>,
    ended: Option<String>,
    duration_seconds: Option<i64>,
    projects: Vec<Project<'s>>,
    branches: &'s [String],
    accounts: &'s [String],
    hosts: &'s [String],
    models: &'s [String],
    agents: usize,
    #[serde(flatten)]
    sums: Sums,
    marks: Vec<&'static str>,
}

#[derive(Serialize)]
struct Project<'s> {
    project: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<&'s str>,
}

#[derive(Serialize)]
struct Whole<'s> {
    schema: &'static str,
    timezone: String,
    session: &'s str,
    projects: Vec<Project<'s>>,
    branches: &'s [String],
    accounts: &'s [String],
    hosts: &'s [String],
    began: Option<String>,
    last_answer: Option<String>,
    ended: Option<String>,
    duration_seconds: Option<i64>,
    active_seconds: i64,
    stretches: Vec<Run>,
    forked_from: &'s [String],
    forks: &'s [String],
    total: Sums,
    models: Vec<OneModel<'s>>,
    agents: Vec<OneAgent<'s>>,
    tools: Vec<OneTool<'s>>,
    events: Vec<OneEvent<'s>>,
    /// Only where the client's hooks told them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lives: Vec<OneLife<'s>>,
    /// Only where an agent saw them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    processes: Vec<OneTree<'s>>,
    unpriced: Vec<Unknown<'s>>,
    provenance: Provenance,
    /// Null: the client did not say what it counted.
    client: Option<Client<'s>>,
    #[serde(flatten)]
    explained: Explained<'s>,
}

#[derive(Serialize)]
struct Provenance {
    transcript: Sums,
    otel: Sums,
}

/// What the client itself counted, and what the ledger has of it.
#[derive(Serialize)]
struct Client<'s> {
    told: String,
    /// The session is a fork, and what its counts began with is not known.
    is_base_unknown: bool,
    /// By the client's own prices; null: it did not tell.
    cost_picousd: Option<i128>,
    /// Of what no response explains, at list price; not part of the total.
    unexplained_cost_picousd: i64,
    models: Vec<ClientModel<'s>>,
}

#[derive(Serialize)]
struct ClientModel<'s> {
    model: &'s str,
    cost_picousd: Option<i64>,
    counted: Counts,
    inherited: Counts,
    known: Counts,
    later: Counts,
    unexplained: Counts,
}

#[derive(Serialize)]
struct Counts {
    tokens: Classes,
    web_searches: i64,
}

#[derive(Serialize)]
struct Run {
    began: String,
    ended: String,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Serialize)]
struct OneLife<'s> {
    pid: Option<u32>,
    began: Option<String>,
    source: &'s str,
    model: &'s str,
    turns: i64,
    failed_turns: i64,
    ended: Option<String>,
    reason: &'s str,
}

#[derive(Serialize)]
struct OneModel<'s> {
    model: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    priced_as: Option<&'s str>,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Serialize)]
struct OneAgent<'s> {
    /// Empty: the main loop.
    agent: &'s str,
    agent_type: &'s str,
    /// Null: not known, or the main loop itself.
    parent: Option<&'s str>,
    depth: usize,
    models: &'s [String],
    first_answer: Option<String>,
    last_answer: Option<String>,
    duration_seconds: Option<i64>,
    #[serde(flatten)]
    own: Sums,
    with_agents_below: Sums,
}

#[derive(Serialize)]
struct OneTool<'s> {
    tool: &'s str,
    calls: i64,
    ok: i64,
    error: i64,
    denied: i64,
    interrupted: i64,
    open: i64,
}

#[derive(Serialize)]
struct OneEvent<'s> {
    event: &'static str,
    at: String,
    agent: &'s str,
    detail: &'s str,
}

#[derive(Serialize)]
struct OneTree<'s> {
    host: &'s str,
    began: String,
    /// Null: it runs, or nobody saw its end.
    ended: Option<String>,
    last_seen: String,
    parent_session: Option<&'s str>,
    spawned: u64,
    #[serde(flatten)]
    used: Used,
    context_switches: u64,
    programs: Vec<OneProgram<'s>>,
}

#[derive(Serialize)]
struct OneProgram<'s> {
    program: &'s str,
    kind: &'static str,
    /// The place in this list of what started it.
    parent: Option<usize>,
    processes: u64,
    #[serde(flatten)]
    used: Used,
    first_seen: String,
    last_seen: String,
}

#[derive(Serialize)]
struct Used {
    cpu_user_seconds: f64,
    cpu_system_seconds: f64,
    minor_faults: u64,
    major_faults: u64,
    /// Null where it could not be read.
    read_bytes: Option<u64>,
    written_bytes: Option<u64>,
    peak_rss_bytes: u64,
}

pub fn list(list: &List) -> Result<String, serde_json::Error> {
    let is_contracted = list.rows.iter().any(|row| row.amount.is_contracted);
    let document = Sessions {
        schema: "odin.sessions/1",
        timezone: calendar::zone_name(&list.zone),
        since: list.since.map(|day| day.to_string()),
        until: list.until.map(|day| day.to_string()),
        found: list.found,
        rows: list.rows.iter().map(|row| line(row, &list.zone, is_contracted)).collect(),
    };
    Ok(serde_json::to_string(&document)? + "\n")
}

fn line<'s>(listed: &'s Listed, zone: &TimeZone, is_contracted: bool) -> Line<'s> {
    Line {
        session: &listed.session,
        began: time(listed.began_ms, zone),
        last_answer: time(listed.last_answer_ms, zone),
        ended: time(listed.ended_ms, zone),
        duration_seconds: seconds(listed.duration_ms()),
        projects: listed.projects.iter().map(project).collect(),
        branches: &listed.branches,
        accounts: &listed.accounts,
        hosts: &listed.hosts,
        models: &listed.models,
        agents: listed.agents,
        sums: sums_of_session(&listed.amount, is_contracted),
        marks: listed.marks(),
    }
}

/// Everything that is known of a session.
pub fn one<'s>(session: &'s Session) -> Result<String, serde_json::Error> {
    let zone = &session.zone;
    let sums = |amount: &Amount| sums_of_session(amount, session.total.is_contracted);
    let model = |of: &'s super::Model| OneModel {
        model: &of.name,
        priced_as: of.priced_as.as_deref(),
        sums: sums(&of.amount),
    };
    let document = Whole {
        schema: "odin.session/1",
        timezone: calendar::zone_name(zone),
        session: &session.id,
        projects: session.projects.iter().map(project).collect(),
        branches: &session.branches,
        accounts: &session.accounts,
        hosts: &session.hosts,
        began: time(session.began_ms, zone),
        last_answer: time(session.last_answer_ms, zone),
        ended: time(session.ended_ms, zone),
        duration_seconds: seconds(session.duration_ms()),
        active_seconds: session.active_ms / 1000,
        stretches: session.stretches.iter().map(|stretch| run(stretch, zone, sums)).collect(),
        forked_from: &session.forked_from,
        forks: &session.forks,
        total: sums(&session.total),
        models: session.models.iter().map(model).collect(),
        agents: session.agents.iter().map(|of| agent(of, zone, sums)).collect(),
        tools: session.tools.iter().map(tool).collect(),
        events: session.events.iter().map(|of| event(of, zone)).collect(),
        lives: session.lives.iter().map(|of| life(of, zone)).collect(),
        processes: session.trees.iter().map(|of| tree(of, zone)).collect(),
        unpriced: session.unpriced.iter().map(unknown).collect(),
        provenance: Provenance { transcript: sums(&session.transcript), otel: sums(&session.otel) },
        client: client(&session.client, zone),
        explained: explained(&session.remarks, sums),
    };
    Ok(serde_json::to_string(&document)? + "\n")
}

fn client<'s>(counts: &'s ClientCounts, zone: &TimeZone) -> Option<Client<'s>> {
    let usage = |usage: &Usage| Counts { tokens: classes(&usage.tokens), web_searches: usage.web_searches };
    let model = |of: &'s ClientCount| ClientModel {
        model: &of.model,
        cost_picousd: of.client_picousd,
        counted: usage(&of.client),
        inherited: usage(&of.inherited),
        known: usage(&of.known),
        later: usage(&of.later),
        unexplained: usage(&of.remainder),
    };
    Some(Client {
        told: time(counts.told_ms, zone)?,
        is_base_unknown: counts.is_base_unknown,
        cost_picousd: super::client::cost(counts),
        unexplained_cost_picousd: counts.remainder_picousd,
        models: counts.models.iter().map(model).collect(),
    })
}

fn life<'s>(life: &'s Life, zone: &TimeZone) -> OneLife<'s> {
    OneLife {
        pid: life.pid,
        began: time(life.began_us.map(|at_us| at_us / 1000), zone),
        source: &life.source,
        model: &life.model,
        turns: life.turns,
        failed_turns: life.failures,
        ended: time(life.ended_us.map(|at_us| at_us / 1000), zone),
        reason: &life.reason,
    }
}

fn run(stretch: &Stretch, zone: &TimeZone, sums: impl Fn(&Amount) -> Sums) -> Run {
    let [began, ended] = [stretch.began_ms, stretch.ended_ms].map(|at_ms| local(at_ms, zone, RFC3339));
    Run { began, ended, sums: sums(&stretch.amount) }
}

fn agent<'s>(agent: &'s Agent, zone: &TimeZone, sums: impl Fn(&Amount) -> Sums) -> OneAgent<'s> {
    OneAgent {
        agent: &agent.id,
        agent_type: &agent.agent_type,
        parent: agent.parent.as_deref(),
        depth: agent.depth,
        models: &agent.models,
        first_answer: time(agent.first_answer_ms, zone),
        last_answer: time(agent.last_answer_ms, zone),
        duration_seconds: seconds(agent.duration_ms()),
        own: sums(&agent.own),
        with_agents_below: sums(&agent.total),
    }
}

fn tool(tool: &super::Tool) -> OneTool<'_> {
    let super::Tool { ref name, ok, error, denied, interrupted, open } = *tool;
    OneTool { tool: name, calls: tool.calls(), ok, error, denied, interrupted, open }
}

fn event<'s>(event: &'s SessionEvent, zone: &TimeZone) -> OneEvent<'s> {
    OneEvent {
        event: match event.kind {
            EventKind::Compaction => "compaction",
            EventKind::Retry => "retry",
            EventKind::ApiError => "api_error",
            EventKind::Interruption => "interruption",
            EventKind::ModelFallback => "model_fallback",
        },
        at: local(event.at_ms, zone, RFC3339),
        agent: &event.agent,
        detail: &event.detail,
    }
}

fn tree<'s>(tree: &'s StoredTree, zone: &TimeZone) -> OneTree<'s> {
    let at = |at_ms| local(at_ms, zone, RFC3339);
    let totals = &tree.totals;
    let program = |program: &'s Program| OneProgram {
        program: &program.name,
        kind: program.kind.name(),
        parent: program.parent,
        processes: program.processes,
        used: used(&program.spent, totals.is_io_known, program.peak_rss_bytes),
        first_seen: at(program.first_ms),
        last_seen: at(program.last_ms),
    };
    OneTree {
        host: &tree.host,
        began: at(tree.started_ms),
        ended: time(tree.ended_ms, zone),
        last_seen: at(tree.last_ms),
        parent_session: tree.parent_session.as_deref(),
        spawned: totals.spawned,
        used: used(&totals.spent, totals.is_io_known, totals.peak_rss_bytes),
        context_switches: totals.context_switches,
        programs: tree.programs.iter().map(program).collect(),
    }
}

fn used(spent: &Spent, is_io_known: bool, peak_rss_bytes: u64) -> Used {
    Used {
        cpu_user_seconds: spent.cpu_user_ms as f64 / 1000.0,
        cpu_system_seconds: spent.cpu_system_ms as f64 / 1000.0,
        minor_faults: spent.minor_faults,
        major_faults: spent.major_faults,
        read_bytes: is_io_known.then_some(spent.read_bytes),
        written_bytes: is_io_known.then_some(spent.written_bytes),
        peak_rss_bytes,
    }
}

fn project(place: &Place) -> Project<'_> {
    Project { project: &place.path, alias: place.alias.as_deref() }
}

fn time(at_ms: Option<i64>, zone: &TimeZone) -> Option<String> {
    at_ms.map(|at_ms| local(at_ms, zone, RFC3339))
}

fn seconds(milliseconds: Option<i64>) -> Option<i64> {
    milliseconds.map(|milliseconds| milliseconds / 1000)
}

#[cfg(test)]
mod tests {
    use super::{list, one};
    use crate::pricing::Prices;
    use crate::report::sessions::sample::{self, SESSION};
    use crate::report::sessions::{self, Order};

    /// Responses, tokens, cost and unpriced responses, as every object has them.
    fn sums(
        responses: i64,
        [input, output, cache_read, short, long]: [i64; 5],
        cost: &str,
        unpriced: i64,
        saving: &str,
    ) -> String {
        let [picousd, saving_picousd] = [cost, saving].map(|usd| {
            let picousd: i64 = format!("{}000000", usd.replace('.', "")).parse().unwrap();
            picousd
        });
        format!(
            r#""responses":{responses},"tokens":{{"input":{input},"output":{output},"cache_read":{cache_read},"cache_write_5m":{short},"cache_write_1h":{long}}},"web_searches":0,"cost_usd":{cost},"cost_picousd":{picousd},"unpriced_responses":{unpriced},"cache_saving_usd":{saving},"cache_saving_picousd":{saving_picousd}"#
        )
    }

    #[test]
    fn the_text_of_a_list_is_exact() {
        let (_dir, ledger) = sample::ledger();
        let all = sessions::list(&ledger, &sample::all(), Order::Recent, None).unwrap();
        let same = r#""accounts":["/home/anna/.claude"],"hosts":["here"],"models":["#;
        let parts = [
            r#"{"schema":"odin.sessions/1","timezone":"Europe/Berlin","since":"2026-11-20","until":"2026-11-21","found":3,"rows":["#,
            r#"{"session":"9531985d-5d9d-49f8-a818-e811892f902b","began":"2026-11-21T09:05:00.000+01:00","last_answer":"2026-11-21T09:05:00.000+01:00","ended":"2026-11-21T09:05:00.000+01:00","duration_seconds":0,"projects":[{"project":"/home/anna/web","alias":"the web"}],"branches":[""],"#,
            same,
            r#""anthropic.claude-opus-5-5"],"agents":0,"#,
            &sums(1, [1_000_000, 0, 0, 0, 0], "4.000000", 0, "0.000000"),
            r#","marks":["fork"]},{"session":"6513270e-2aaa-4d37-a2a7-4de452e6b438","began":"2026-11-21T09:01:00.000+01:00","last_answer":"2026-11-21T09:01:00.000+01:00","ended":"2026-11-21T09:01:00.000+01:00","duration_seconds":0,"projects":[{"project":"/home/anna/shop"}],"branches":["main"],"#,
            same,
            r#""claude-opus-5-5"],"agents":0,"#,
            &sums(1, [1, 1, 0, 0, 0], "0.000024", 0, "0.000000"),
            r#","marks":[]},{"session":"6513270e-269e-4d37-a2a7-4de452e6b438","began":"2026-11-20T09:59:15.000+01:00","last_answer":"2026-11-21T09:00:00.000+01:00","ended":"2026-11-21T09:00:05.000+01:00","duration_seconds":82850,"projects":[{"project":"/home/anna/shop"}],"branches":["main","checkout"],"#,
            same,
            r#""claude-opus-5-5","claude-sonnet-5-5","claude-haiku-5-5","claude-next"],"agents":2,"#,
            &sums(6, [4540, 3301, 108_000, 1400, 4000], "0.114690", 1, "0.382000"),
            r#","marks":["fork","interrupted"]}]}"#,
            "\n",
        ];
        assert_eq!(list(&all).unwrap(), parts.concat());
    }

    #[test]
    fn what_the_client_counted_is_told_by_model() {
        let (_dir, ledger) = sample::ledger();
        let mut session = sample::session(&ledger, SESSION);
        session.client = sample::client();
        let text = one(&session).unwrap();
        for part in [
            r#""client":{"told":"2026-11-21T09:00:00.000+01:00","is_base_unknown":false,"cost_picousd":30000000000,"unexplained_cost_picousd":6000000000,"models":[{"model":"claude-haiku-5-5","cost_picousd":null,"counted":{"tokens":{"input":0,"#,
            r#"{"model":"claude-opus-5-5","cost_picousd":30000000000,"counted":{"tokens":{"input":900,"output":100,"#,
            r#""unexplained":{"tokens":{"input":0,"output":300,"#,
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn the_text_of_a_session_is_exact() {
        let (_dir, ledger) = sample::ledger();
        let total = sums(6, [4540, 3301, 108_000, 1400, 4000], "0.114690", 1, "0.382000");
        let sonnet = sums(1, [500, 100, 0, 0, 0], "0.002000", 0, "0.000000");
        let unpriced = sums(1, [10, 200, 3000, 400, 0], "0.000000", 1, "0.000000");
        let aborted = sums(1, [20, 1, 40_000, 0, 0], "0.008100", 0, "0.152000");
        let parts = [
            r#"{"schema":"odin.session/1","timezone":"Europe/Berlin","session":"6513270e-269e-4d37-a2a7-4de452e6b438","#,
            r#""projects":[{"project":"/home/anna/shop"}],"branches":["main","checkout"],"accounts":["/home/anna/.claude"],"hosts":["here"],"#,
            r#""began":"2026-11-20T09:59:15.000+01:00","last_answer":"2026-11-21T09:00:00.000+01:00","ended":"2026-11-21T09:00:05.000+01:00","duration_seconds":82850,"active_seconds":650,"#,
            r#""stretches":[{"began":"2026-11-20T09:59:15.000+01:00","ended":"2026-11-20T10:10:00.000+01:00","#,
            &sums(5, [4520, 3300, 68_000, 1400, 4000], "0.106590", 1, "0.230000"),
            r#"},{"began":"2026-11-21T09:00:00.000+01:00","ended":"2026-11-21T09:00:05.000+01:00","#,
            &aborted,
            r#"}],"forked_from":["d23f0824-128b-4f33-ac5c-7fd0a6a3a450"],"forks":["9531985d-5d9d-49f8-a818-e811892f902b"],"total":{"#,
            &total,
            r#"},"models":[{"model":"claude-opus-5-5","#,
            &sums(3, [1030, 2501, 105_000, 1000, 4000], "0.112140", 0, "0.382000"),
            r#"},{"model":"claude-sonnet-5-5","#,
            &sonnet,
            r#"},{"model":"claude-haiku-5-5","#,
            &sums(1, [3000, 500, 0, 0, 0], "0.000550", 0, "0.000000"),
            r#"},{"model":"claude-next","#,
            &unpriced,
            r#"}],"agents":[{"agent":"","agent_type":"","parent":null,"depth":0,"models":["claude-opus-5-5","claude-haiku-5-5","claude-next"],"first_answer":"2026-11-20T10:00:00.000+01:00","last_answer":"2026-11-21T09:00:00.000+01:00","duration_seconds":82800,"#,
            &sums(4, [2040, 2901, 108_000, 1400, 4000], "0.112340", 1, "0.382000"),
            r#","with_agents_below":{"#,
            &total,
            r#"}},{"agent":"a1b2c3d4e5f6a7b8c","agent_type":"Explore","parent":"","depth":1,"models":["claude-haiku-5-5"],"first_answer":"2026-11-20T10:03:00.000+01:00","last_answer":"2026-11-20T10:03:00.000+01:00","duration_seconds":0,"#,
            &sums(1, [2000, 300, 0, 0, 0], "0.000350", 0, "0.000000"),
            r#","with_agents_below":{"#,
            &sums(2, [2500, 400, 0, 0, 0], "0.002350", 0, "0.000000"),
            r#"}},{"agent":"a2d4f6b8a0c2e4f6a","agent_type":"general-purpose","parent":"a1b2c3d4e5f6a7b8c","depth":2,"models":["claude-sonnet-5-5"],"first_answer":"2026-11-20T10:03:30.000+01:00","last_answer":"2026-11-20T10:03:30.000+01:00","duration_seconds":0,"#,
            &sonnet,
            r#","with_agents_below":{"#,
            &sonnet,
            r#"}}],"tools":[{"tool":"Bash","calls":3,"ok":1,"error":1,"denied":0,"interrupted":1,"open":0},{"tool":"Agent","calls":1,"ok":1,"error":0,"denied":0,"interrupted":0,"open":0},"#,
            r#"{"tool":"Grep","calls":1,"ok":0,"error":0,"denied":1,"interrupted":0,"open":0},{"tool":"Read","calls":1,"ok":0,"error":0,"denied":0,"interrupted":0,"open":1}],"#,
            r#""events":[{"event":"retry","at":"2026-11-20T10:01:10.000+01:00","agent":"","detail":"overloaded_error"},{"event":"retry","at":"2026-11-20T10:01:20.000+01:00","agent":"","detail":"ECONNRESET"},"#,
            r#"{"event":"retry","at":"2026-11-20T10:01:40.000+01:00","agent":"","detail":"overloaded_error"},{"event":"interruption","at":"2026-11-20T10:04:00.000+01:00","agent":"a1b2c3d4e5f6a7b8c","detail":"tool_use"},"#,
            r#"{"event":"compaction","at":"2026-11-20T10:05:00.000+01:00","agent":"","detail":"auto"},{"event":"model_fallback","at":"2026-11-20T10:09:00.000+01:00","agent":"","detail":"overloaded"},"#,
            r#"{"event":"api_error","at":"2026-11-20T10:09:30.000+01:00","agent":"","detail":""}],"#,
            r#""unpriced":[{"model":"claude-next","responses":1,"tokens":{"input":10,"output":200,"cache_read":3000,"cache_write_5m":400,"cache_write_1h":0}}],"#,
            r#""provenance":{"transcript":{"#,
            &total,
            r#"},"otel":{"#,
            &sums(0, [0; 5], "0.000000", 0, "0.000000"),
            r#"}},"client":null,"#,
            r#""remarks":[{"remark":"aborted","meaning":"The response was cut short and its last usage never came; the output is a lower bound.","#,
            &aborted,
            r#"},{"remark":"ttl_unknown","meaning":"Cache writes came without their lifetime; taken as 5-minute writes, a lower bound.","#,
            &unpriced,
            r#"}],"price_lists":[{"version":""#,
            &Prices::embedded().version,
            r#"","responses":6}]}"#,
            "\n",
        ];
        assert_eq!(one(&sample::session(&ledger, SESSION)).unwrap(), parts.concat());
    }

    #[test]
    fn the_text_of_processes_is_exact() {
        let (_dir, ledger) = sample::ledger();
        let mut session = sample::session(&ledger, SESSION);
        session.trees = sample::trees();
        session.trees[0].programs.truncate(2);
        let text = one(&session).unwrap();
        let (_, text) = text.split_once(r#","processes":["#).unwrap();
        let parts = [
            r#"{"host":"here","began":"2026-11-20T09:59:15.000+01:00","ended":"2026-11-20T10:10:00.000+01:00","last_seen":"2026-11-20T10:09:59.000+01:00","parent_session":null,"spawned":213,"#,
            r#""cpu_user_seconds":250.0,"cpu_system_seconds":5.29,"minor_faults":0,"major_faults":0,"read_bytes":2149056512,"written_bytes":870400,"peak_rss_bytes":1717986918,"context_switches":4000,"programs":["#,
            r#"{"program":"claude","kind":"claude","parent":null,"processes":1,"cpu_user_seconds":14.2,"cpu_system_seconds":0.0,"minor_faults":0,"major_faults":0,"read_bytes":1572864,"written_bytes":0,"peak_rss_bytes":325058560,"first_seen":"2026-11-20T09:59:15.000+01:00","last_seen":"2026-11-20T10:09:59.000+01:00"},"#,
            r#"{"program":"bash","kind":"shell","parent":0,"processes":3,"cpu_user_seconds":0.09,"cpu_system_seconds":0.0,"minor_faults":0,"major_faults":0,"read_bytes":0,"written_bytes":0,"peak_rss_bytes":4194304,"first_seen":"2026-11-20T09:59:15.000+01:00","last_seen":"2026-11-20T10:09:59.000+01:00"}]},"#,
            r#"{"host":"here","began":"2026-11-21T09:00:00.000+01:00","ended":null,"last_seen":"2026-11-21T09:00:05.000+01:00","parent_session":"d23f0824-128b-4f33-ac5c-7fd0a6a3a450","spawned":0,"#,
            r#""cpu_user_seconds":0.0,"cpu_system_seconds":0.0,"minor_faults":0,"major_faults":0,"read_bytes":null,"written_bytes":null,"peak_rss_bytes":4194304,"context_switches":0,"programs":["#,
        ];
        assert!(text.starts_with(&parts.concat()), "{text}");
    }
}
