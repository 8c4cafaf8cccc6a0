//! A ledger with sessions to test the formats with.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tempfile::TempDir;

use super::{Order, Session, list, one};
use crate::ledger::{Batch, ClientCount, ClientCounts, Ledger, Reader, StoredTree, Usage};
use crate::model::process::{ProcessKind, Program, SessionTree, Spent, Totals};
use crate::model::{
    Attempt, AttemptKind, Event, EventKind, Fork, Response, Tokens, ToolOutcome, ToolResult, ToolUse,
};
use crate::pricing::Prices;
use crate::report::{Last, Period, Projects, Query};

pub(in crate::report) const SESSION: &str = "6513270e-269e-4d37-a2a7-4de452e6b438";
pub(super) const PARENT: &str = "d23f0824-128b-4f33-ac5c-7fd0a6a3a450";
pub(super) const FORK: &str = "9531985d-5d9d-49f8-a818-e811892f902b";
/// Begins like [`SESSION`].
pub(super) const OTHER: &str = "6513270e-2aaa-4d37-a2a7-4de452e6b438";

/// A session with an agent and an agent of that, tools that ended in every way, events, a fork of another and forked
/// itself, resumed on the next day; and two more.
pub(in crate::report) fn ledger() -> (TempDir, Ledger) {
    ledger_at(Prices::embedded())
}

pub(super) fn ledger_at(prices: &'static Prices) -> (TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap().priced_by(prices);
    let reader = Reader { host: "here".into(), config_dir: "/home/anna/.claude".into() };
    let mut project_of = |cwd: &str| cwd.to_string();
    let mut batch = ledger.batch(&reader, &mut project_of).unwrap();
    fill(&mut batch);
    batch.commit().unwrap();
    (dir, ledger)
}

/// List prices, and a contract for half of them.
pub(super) fn halved() -> &'static Prices {
    let overlay = toml::from_str("[[discount]]\npercent = '50'").unwrap();
    Box::leak(Box::new(Prices::load(&overlay).unwrap()))
}

fn fill(batch: &mut Batch) {
    let mut add = |response: Response| batch.add(&response, 0).unwrap();
    let opus = "claude-opus-5-5";
    let advised = answer("2026-11-20T09:02Z", opus, [10, 500, 35_000, 1000, 0]);
    let attempts = vec![
        Attempt { kind: AttemptKind::Message, model: None, tokens: advised.tokens },
        Attempt {
            kind: AttemptKind::Advisor,
            model: Some("claude-haiku-5-5".into()),
            tokens: Tokens { input: 1000, output: 200, ..Tokens::default() },
        },
    ];
    add(Response {
        tool_uses: calls(&[("t1", "Bash"), ("t2", "Read")]),
        ..answer("2026-11-20T09:00Z", opus, [1000, 2000, 30_000, 0, 4000])
    });
    add(Response { tool_uses: calls(&[("t3", "Bash"), ("t4", "Agent")]), attempts, ..advised });
    add(Response {
        agent: "a1b2c3d4e5f6a7b8c".into(),
        agent_type: "Explore".into(),
        is_sidechain: true,
        tool_uses: calls(&[("t5", "Grep")]),
        ..answer("2026-11-20T09:03Z", "claude-haiku-5-5", [2000, 300, 0, 0, 0])
    });
    // Others' rows lie between.
    add(Response {
        session: FORK.into(),
        cwd: "/home/anna/web".into(),
        branch: "".into(),
        ..answer("2026-11-21T08:05Z", "anthropic.claude-opus-5-5", [1_000_000, 0, 0, 0, 0])
    });
    add(Response { session: OTHER.into(), ..answer("2026-11-21T08:01Z", opus, [1, 1, 0, 0, 0]) });
    add(Response {
        agent: "a2d4f6b8a0c2e4f6a".into(),
        agent_type: "general-purpose".into(),
        is_sidechain: true,
        tool_uses: calls(&[("t6", "Bash")]),
        ..answer("2026-11-20T09:03:30Z", "claude-sonnet-5-5", [500, 100, 0, 0, 0])
    });
    add(Response {
        is_ttl_unknown: true,
        ..answer("2026-11-20T09:10Z", "claude-next", [10, 200, 3000, 400, 0])
    });
    add(Response {
        is_aborted: true,
        branch: "checkout".into(),
        ..answer("2026-11-21T08:00Z", opus, [20, 1, 40_000, 0, 0])
    });
    for (id, outcome) in [
        ("t1", ToolOutcome::Ok),
        ("t3", ToolOutcome::Error),
        ("t4", ToolOutcome::Ok),
        ("t5", ToolOutcome::Denied),
        ("t6", ToolOutcome::Interrupted),
    ] {
        batch.tool_result(&ToolResult { tool_use_id: id.into(), outcome }).unwrap();
    }
    for (at, kind, agent, detail) in [
        ("2026-11-20T09:01:10Z", EventKind::Retry, "", "overloaded_error"),
        ("2026-11-20T09:01:20Z", EventKind::Retry, "", "ECONNRESET"),
        ("2026-11-20T09:01:40Z", EventKind::Retry, "", "overloaded_error"),
        ("2026-11-20T09:04:00Z", EventKind::Interruption, "a1b2c3d4e5f6a7b8c", "tool_use"),
        ("2026-11-20T09:05:00Z", EventKind::Compaction, "", "auto"),
        ("2026-11-20T09:09:00Z", EventKind::ModelFallback, "", "overloaded"),
        ("2026-11-20T09:09:30Z", EventKind::ApiError, "", ""),
    ] {
        let (uuid, session) = (at.into(), SESSION.into());
        let event = Event { uuid, kind, at_ms: ms(at), session, agent: agent.into(), detail: detail.into() };
        batch.event(&event, 0).unwrap();
    }
    for (session, from) in [(SESSION, PARENT), (FORK, SESSION)] {
        batch.fork(&Fork { session: session.into(), from: from.into() }).unwrap();
    }
    batch.span(SESSION, ms("2026-11-20T08:59:15Z"), ms("2026-11-21T08:00:05Z")).unwrap();
    batch.agent("a1b2c3d4e5f6a7b8c", "").unwrap();
    batch.agent("a2d4f6b8a0c2e4f6a", "a1b2c3d4e5f6a7b8c").unwrap();
}

/// Of the main loop of [`SESSION`].
fn answer<'a>(at: &'a str, model: &'a str, tokens: [i64; 5]) -> Response<'a> {
    let [input, output, cache_read, short, long] = tokens;
    Response {
        message_id: format!("msg_{at}").into(),
        request_id: format!("req_{at}").into(),
        at_ms: ms(at),
        is_time_inferred: false,
        session: SESSION.into(),
        agent: "".into(),
        agent_type: "".into(),
        skill: "".into(),
        mcp_server: "".into(),
        mcp_tool: "".into(),
        cwd: "/home/anna/shop".into(),
        branch: "main".into(),
        is_sidechain: false,
        model: model.into(),
        requested_model: "".into(),
        speed: "".into(),
        inference_geo: "".into(),
        service_tier: "".into(),
        tokens: Tokens { input, output, cache_read, cache_write_5m: short, cache_write_1h: long },
        is_ttl_unknown: false,
        web_searches: 0,
        code_executions: 0,
        attempts: vec![],
        tool_uses: vec![],
        is_finished: true,
        is_refused: false,
        is_aborted: false,
    }
}

fn calls(calls: &[(&'static str, &'static str)]) -> Vec<ToolUse<'static>> {
    calls.iter().map(|(id, name)| ToolUse { id: (*id).into(), name: (*name).into() }).collect()
}

fn ms(at: &str) -> i64 {
    at.parse::<Timestamp>().unwrap().as_millisecond()
}

pub(in crate::report) fn projects() -> Projects {
    Projects::new(&[("/home/anna/web".into(), "the web".into())], &[]).unwrap()
}

pub(super) fn session(ledger: &Ledger, id: &str) -> Session {
    one(ledger, id, &projects(), &TimeZone::get("Europe/Berlin").unwrap()).unwrap()
}

pub(super) fn all() -> Query {
    let (berlin, now) = (TimeZone::get("Europe/Berlin").unwrap(), "2026-11-23T12:00Z".parse().unwrap());
    Query { projects: projects(), ..Query::new(vec![], Period::Last(Last::All), berlin, now) }
}

/// The ids that a query lists.
pub(super) fn listed(ledger: &Ledger, query: &Query, order: Order, limit: Option<usize>) -> Vec<String> {
    list(ledger, query, order, limit).unwrap().rows.into_iter().map(|row| row.session).collect()
}

/// What a client counted of two models, of which it asked one only after it last told.
pub(super) fn client() -> ClientCounts {
    let usage = |input, output| {
        let tokens = Tokens { input, output, ..Tokens::default() };
        Usage { tokens, web_searches: 0 }
    };
    let opus = ClientCount {
        model: "claude-opus-5-5".into(),
        client: usage(900, 100),
        client_picousd: Some(30_000_000_000),
        inherited: usage(200, 0),
        known: usage(700, 0),
        later: Usage::default(),
        remainder: usage(0, 300),
    };
    let haiku =
        ClientCount { model: "claude-haiku-5-5".into(), later: usage(10, 2), ..ClientCount::default() };
    ClientCounts {
        told_ms: Some(ms("2026-11-21T08:00Z")),
        is_base_unknown: false,
        models: vec![haiku, opus],
        remainder_picousd: 6_000_000_000,
        is_remainder_priced: true,
    }
}

/// Two runs of [`SESSION`], the second of which nobody saw end.
pub(super) fn trees() -> Vec<StoredTree> {
    let first = StoredTree {
        session: SESSION.into(),
        host: "here".into(),
        parent_session: None,
        boot: "b".into(),
        clients: vec![],
        started_ms: ms("2026-11-20T08:59:15Z"),
        ended_ms: Some(ms("2026-11-20T09:10:00Z")),
        last_ms: ms("2026-11-20T09:09:59Z"),
        processes: 0,
        totals: Totals {
            spent: Spent {
                cpu_user_ms: 250_000,
                cpu_system_ms: 5290,
                read_bytes: 2_149_056_512,
                written_bytes: 870_400,
                ..Spent::default()
            },
            is_io_known: true,
            context_switches: 4000,
            spawned: 213,
            peak_rss_bytes: 1_717_986_918,
        },
        programs: vec![
            Program {
                spent: Spent { cpu_user_ms: 14_200, read_bytes: 1_572_864, ..Spent::default() },
                peak_rss_bytes: 310 << 20,
                ..program(None, "claude", 0)
            },
            Program { kind: ProcessKind::Shell, processes: 3, ..program(Some(0), "bash", 90) },
            Program {
                kind: ProcessKind::Compiler,
                processes: 210,
                spent: Spent {
                    cpu_user_ms: 235_710,
                    cpu_system_ms: 5290,
                    read_bytes: 2 << 30,
                    written_bytes: 870_400,
                    ..Spent::default()
                },
                peak_rss_bytes: 1_288_490_189,
                ..program(Some(1), "cargo", 0)
            },
        ],
    };
    let second = StoredTree {
        parent_session: Some(PARENT.into()),
        started_ms: ms("2026-11-21T08:00Z"),
        ended_ms: None,
        last_ms: ms("2026-11-21T08:00:05Z"),
        totals: Totals { peak_rss_bytes: 4 << 20, ..Totals::default() },
        programs: vec![Program { last_ms: ms("2026-11-21T08:00:05Z"), ..program(None, "claude", 0) }],
        ..first.clone()
    };
    vec![first, second]
}

pub(super) fn program(parent: Option<usize>, name: &str, cpu_user_ms: u64) -> Program {
    Program {
        parent,
        kind: ProcessKind::Claude,
        name: name.into(),
        processes: 1,
        spent: Spent { cpu_user_ms, ..Spent::default() },
        peak_rss_bytes: 4 << 20,
        first_ms: ms("2026-11-20T08:59:15Z"),
        last_ms: ms("2026-11-20T09:09:59Z"),
    }
}

/// As the agent saw it.
pub(super) fn live(tree: &StoredTree) -> SessionTree {
    let StoredTree { session, parent_session, clients, started_ms, ended_ms, totals, programs, .. } =
        tree.clone();
    SessionTree {
        session,
        parent_session,
        clients,
        config_dir: "/home/anna/.claude".into(),
        cwd: "/home/anna/shop".into(),
        entrypoint: "cli".into(),
        kind: "interactive".into(),
        version: "2.1.330".into(),
        status: "idle".into(),
        started_ms,
        ended_ms,
        members: vec![],
        totals,
        programs,
    }
}
