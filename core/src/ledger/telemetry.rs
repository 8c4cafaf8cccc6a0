//! What telemetry tells, taken in once: a fact that is sent again, or late, changes nothing.
//!
//! A request that a transcript has is that transcript's response; any other is a response of its own, with provenance 1
//! and without a message id, until a transcript has it. Of a session that has a transcript, the transcript tells of
//! errors, retries, compactions and tool calls, too; telemetry tells of them for other sessions.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::batch::Batch;
use super::names::{Reader, find_or_add, name_id};
use super::responses::REQUEST_INDEX;
use super::sessions::{KINDS, stored};
use super::{Error, Ledger, is_of_the_file};
use crate::model::telemetry::{ApiRequest, Fact, Measure, Point, TelemetryEvent, ToolRun};
use crate::model::{EventKind, Response, fnv1a};

/// As in `telemetry_sum.measure`.
const MEASURES: [Measure; 7] = [
    Measure::Starts,
    Measure::Lines,
    Measure::Commits,
    Measure::PullRequests,
    Measure::Active,
    Measure::EditDecisions,
    Measure::RetriesExhausted,
];

/// How what a transcript shows was asked for.
const SHOWN: [&str; 3] = ["sdk", "repl_main_thread", "agent:"];

/// Whether transcripts show the answers to what was asked for by `query_source`.
pub fn is_shown(query_source: &str) -> bool {
    SHOWN.iter().any(|shown| query_source.starts_with(shown))
}

/// What is counted by telemetry alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryTotal {
    pub measure: Measure,
    /// As in [`Point`].
    pub detail: String,
    pub value: i64,
}

/// How long an answer took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    /// In the order in which telemetry told of them.
    pub id: i64,
    /// That was asked for.
    pub model: String,
    pub duration_ms: Option<i64>,
    /// Until the first token.
    pub ttft_ms: Option<i64>,
}

impl Ledger {
    pub fn telemetry_totals(&self) -> Result<Vec<TelemetryTotal>, Error> {
        let read = || {
            let mut find = self.db.prepare_cached("SELECT measure, detail, value FROM telemetry_total")?;
            let mut rows = find.query([])?;
            let mut totals = Vec::new();
            while let Some(row) = rows.next()? {
                if let Some(measure) = measure(row.get(0)?) {
                    totals.push(TelemetryTotal { measure, detail: row.get(1)?, value: row.get(2)? });
                }
            }
            Ok(totals)
        };
        self.explained(read())
    }

    /// What telemetry told of requests since the one of an id.
    pub fn latencies_after(&self, id: i64, mut each: impl FnMut(Latency)) -> Result<(), Error> {
        let mut read = || {
            let mut find = self.db.prepare_cached(
                "SELECT api_request.id, name, duration_ms, ttft_ms FROM api_request
                   JOIN model ON model.id = model_id WHERE api_request.id > ?1 ORDER BY 1",
            )?;
            let mut rows = find.query([id])?;
            while let Some(row) = rows.next()? {
                let (id, model, duration_ms, ttft_ms) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                each(Latency { id, model, duration_ms, ttft_ms });
            }
            Ok(())
        };
        self.explained(read())
    }
}

impl Batch<'_> {
    /// Takes in one fact. False where it is known already.
    pub fn telemetry(&mut self, fact: &Fact) -> Result<bool, Error> {
        let taken = match fact {
            Fact::Request(request) => self.request(request),
            Fact::ToolRun(run) => remember_run(&self.tx, run),
            Fact::Event(event) => remember_event(&self.tx, event),
            Fact::Point(point) => remember_point(&self.tx, point),
        };
        self.explained(taken)
    }

    fn request(&mut self, request: &ApiRequest) -> rusqlite::Result<bool> {
        let id = match &*request.request_id {
            "" => format!("telemetry:{:016x}", request.key),
            id => id.to_owned(),
        };
        let (key, times) = (fnv1a(id.as_bytes()), (request.duration_ms, request.ttft_ms));
        if !remember_request(&self.tx, key, &request.model, times)? {
            return Ok(false);
        }
        // Without the service's id nobody knows which of a transcript's responses it is.
        if !request.request_id.is_empty() || !is_shown(&request.query_source) {
            let home = home(&self.tx, &request.session)?;
            let home = home.unwrap_or_else(|| Home { reader: self.reader.clone(), ..Home::default() });
            self.add_told(&home.reader, &response(request, id, &home), &request.query_source)?;
        }
        Ok(true)
    }
}

/// Where a session was, as a transcript tells.
#[derive(Default)]
struct Home {
    reader: Reader,
    cwd: String,
    branch: String,
}

fn response<'r>(request: &'r ApiRequest, request_id: String, home: &'r Home) -> Response<'r> {
    Response {
        message_id: "".into(),
        request_id: request_id.into(),
        at_ms: request.at_ms,
        is_time_inferred: false,
        session: (&*request.session).into(),
        agent: (&*request.agent).into(),
        agent_type: (&*request.agent_type).into(),
        skill: "".into(),
        mcp_server: "".into(),
        mcp_tool: "".into(),
        cwd: (&*home.cwd).into(),
        branch: (&*home.branch).into(),
        is_sidechain: !request.agent.is_empty(),
        model: (&*request.model).into(),
        requested_model: (&*request.model).into(),
        // What the client tells of it is not what was billed.
        speed: "".into(),
        inference_geo: "".into(),
        service_tier: "".into(),
        tokens: request.tokens,
        is_ttl_unknown: request.is_ttl_unknown,
        web_searches: 0,
        code_executions: 0,
        attempts: vec![],
        tool_uses: vec![],
        is_finished: true,
        is_refused: false,
        is_aborted: false,
    }
}

fn home(tx: &Transaction, session: &str) -> rusqlite::Result<Option<Home>> {
    let home = |row: &Row| {
        let reader = Reader { host: row.get(2)?, config_dir: row.get(3)? };
        Ok(Home { reader, cwd: row.get(0)?, branch: row.get(1)? })
    };
    tx.prepare_cached(
        "SELECT cwd.path, branch.name, host.name, config_dir FROM session
           JOIN origin ON origin.session_id = session.id JOIN cwd ON cwd.id = cwd_id
           JOIN branch ON branch.id = branch_id JOIN host ON host.id = host_id
           JOIN account ON account.id = account_id
          WHERE session.name = ?1 AND cwd.path != '' ORDER BY origin.id LIMIT 1",
    )?
    .query_row([session], home)
    .optional()
}

/// An origin without a directory whose session has one by now.
pub(super) struct Found {
    pub(super) origin: i64,
    /// Between which its responses lie.
    pub(super) rows: Option<(i64, i64)>,
    /// An origin that differs in where it is.
    pub(super) home: i64,
}

/// Finds them, and forgets that they had none.
pub(super) fn homes_found(tx: &Transaction) -> rusqlite::Result<Vec<Found>> {
    let found: Vec<(i64, Option<i64>, Option<i64>, i64)> = tx
        .prepare_cached(
            "SELECT origin.id, origin.first_response, origin.last_response,
                    (SELECT other.id FROM origin AS other JOIN cwd ON cwd.id = other.cwd_id
                      WHERE other.session_id = origin.session_id AND cwd.path != '' ORDER BY other.id LIMIT 1) AS home
               FROM homeless JOIN origin ON origin.id = origin_id WHERE home IS NOT NULL",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut homes = Vec::new();
    for (origin, first, last, beside) in found {
        let home = find_or_add(
            tx,
            "SELECT there.id FROM origin AS it, origin AS beside, origin AS there
              WHERE it.id = ?1 AND beside.id = ?2 AND there.session_id = it.session_id
                AND there.agent_id = it.agent_id AND there.cwd_id = beside.cwd_id
                AND there.branch_id = beside.branch_id AND there.host_id = beside.host_id
                AND there.account_id = beside.account_id AND there.agent_type = it.agent_type
                AND there.skill = it.skill AND there.mcp_server = it.mcp_server
                AND there.mcp_tool = it.mcp_tool AND there.query_source = it.query_source",
            "INSERT INTO origin (session_id, agent_id, cwd_id, branch_id, host_id, account_id, agent_type, skill,
                                 mcp_server, mcp_tool, query_source)
             SELECT it.session_id, it.agent_id, beside.cwd_id, beside.branch_id, beside.host_id, beside.account_id,
                    it.agent_type, it.skill, it.mcp_server, it.mcp_tool, it.query_source
               FROM origin AS it, origin AS beside WHERE it.id = ?1 AND beside.id = ?2",
            [origin, beside],
        )?;
        tx.prepare_cached("DELETE FROM homeless WHERE origin_id = ?1")?.execute([origin])?;
        homes.push(Found { origin, rows: first.zip(last), home });
    }
    Ok(homes)
}

pub(super) fn remember_homeless(tx: &Transaction, origin: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO homeless VALUES (?1) ON CONFLICT DO NOTHING")?.execute([origin])?;
    Ok(())
}

/// Whether telemetry has ever told of a response.
pub(super) fn is_told(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)")?
        .query_row([REQUEST_INDEX], |row| row.get(0))
}

/// From now on responses are looked up by their requests, too.
pub(super) fn begin(tx: &Transaction) -> rusqlite::Result<()> {
    tx.execute_batch(&format!(
        "CREATE INDEX IF NOT EXISTS {REQUEST_INDEX} ON response (substr(request_id, -6))"
    ))
}

fn remember_request(
    tx: &Transaction,
    key: i64,
    model: &str,
    (duration_ms, ttft_ms): (Option<i64>, Option<i64>),
) -> rusqlite::Result<bool> {
    let model = name_id(tx, "model", "name", model)?;
    let sql = "INSERT INTO api_request (request_key, model_id, duration_ms, ttft_ms) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO NOTHING";
    Ok(tx.prepare_cached(sql)?.execute(params![key, model, duration_ms, ttft_ms])? > 0)
}

fn remember_run(tx: &Transaction, run: &ToolRun) -> rusqlite::Result<bool> {
    remember_run_of(tx, fnv1a(run.tool_use_id.as_bytes()), run)
}

/// Of a call whose id is known by its hash alone.
fn remember_run_of(tx: &Transaction, key: i64, run: &ToolRun) -> rusqlite::Result<bool> {
    let (session, tool) =
        (name_id(tx, "session", "name", &run.session)?, name_id(tx, "tool", "name", &run.tool)?);
    let sql = "INSERT INTO tool_run VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    let values = params![session, key, tool, run.at_ms, run.is_ok, run.duration_ms];
    Ok(tx.prepare_cached(sql)?.execute(values)? > 0)
}

fn remember_event(tx: &Transaction, event: &TelemetryEvent) -> rusqlite::Result<bool> {
    let TelemetryEvent { key, kind, session, agent, at_ms, detail, retries } = event;
    let (session, agent) = (name_id(tx, "session", "name", session)?, name_id(tx, "agent", "name", agent)?);
    let sql = "INSERT INTO telemetry_event VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    let mut insert = tx.prepare_cached(sql)?;
    let mut insert =
        |key: i64, kind| insert.execute(params![session, key, stored(kind), at_ms, agent, detail]);
    let is_new = insert(*key, *kind)? > 0;
    for n in 1..=*retries {
        insert(key.wrapping_add(n), EventKind::Retry)?;
    }
    Ok(is_new)
}

fn remember_point(tx: &Transaction, point: &Point) -> rusqlite::Result<bool> {
    let Point { measure, session, detail, key, value } = point;
    let measure = MEASURES.iter().zip(0..).find_map(|(known, n): (_, i64)| (known == measure).then_some(n));
    let session = name_id(tx, "session", "name", session)?;
    let before: Option<i64> = tx
        .prepare_cached(
            "SELECT value FROM telemetry_sum
              WHERE measure = ?1 AND session_id = ?2 AND detail = ?3 AND point_key = ?4",
        )?
        .query_row(params![measure, session, detail, key], |row| row.get(0))
        .optional()?;
    if before.is_some_and(|before| before >= *value) {
        return Ok(false);
    }
    tx.prepare_cached(
        "INSERT INTO telemetry_sum VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET value = ?5",
    )?
    .execute(params![measure, session, detail, key, value])?;
    tx.prepare_cached(
        "INSERT INTO telemetry_total VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = value + ?3",
    )?
    .execute(params![measure, detail, value - before.unwrap_or(0)])?;
    Ok(true)
}

fn measure(stored: u32) -> Option<Measure> {
    usize::try_from(stored).ok().and_then(|stored| MEASURES.get(stored)).copied()
}

/// Takes over what telemetry told another ledger, but for its responses. False where not all can be read; an earlier
/// format has nothing of the kind.
pub(super) fn take_over(tx: &Transaction, other: &Connection) -> rusqlite::Result<bool> {
    if !other.table_exists(None, "api_request").unwrap_or_default() {
        return Ok(true);
    }
    let mut is_whole = true;
    for take in [take_requests, take_runs, take_events, take_points] {
        match take(tx, other) {
            Err(error) if is_of_the_file(&error) => is_whole = false,
            taken => taken?,
        }
    }
    Ok(is_whole)
}

fn take_requests(tx: &Transaction, other: &Connection) -> rusqlite::Result<()> {
    let mut find = other.prepare(
        "SELECT request_key, name, duration_ms, ttft_ms FROM api_request JOIN model ON model.id = model_id
          ORDER BY api_request.id",
    )?;
    let mut rows = find.query([])?;
    while let Some(row) = rows.next()? {
        let model: String = row.get(1)?;
        remember_request(tx, row.get(0)?, &model, (row.get(2)?, row.get(3)?))?;
    }
    Ok(())
}

fn take_runs(tx: &Transaction, other: &Connection) -> rusqlite::Result<()> {
    let mut find = other.prepare(
        "SELECT call_key, session.name, tool.name, at_ms, is_ok, duration_ms FROM tool_run
           JOIN session ON session.id = session_id JOIN tool ON tool.id = tool_id",
    )?;
    let mut rows = find.query([])?;
    while let Some(row) = rows.next()? {
        let run = ToolRun {
            session: row.get(1)?,
            tool_use_id: String::new(),
            tool: row.get(2)?,
            at_ms: row.get(3)?,
            is_ok: row.get(4)?,
            duration_ms: row.get(5)?,
        };
        remember_run_of(tx, row.get(0)?, &run)?;
    }
    Ok(())
}

fn take_events(tx: &Transaction, other: &Connection) -> rusqlite::Result<()> {
    let mut find = other.prepare(
        "SELECT event_key, kind, session.name, agent.name, at_ms, detail FROM telemetry_event
           JOIN session ON session.id = session_id JOIN agent ON agent.id = agent_id",
    )?;
    let mut rows = find.query([])?;
    while let Some(row) = rows.next()? {
        let Some(kind) = KINDS.get(usize::from(row.get::<_, u8>(1)?)) else { continue };
        let (session, agent, at_ms, detail) = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
        let (key, kind) = (row.get(0)?, *kind);
        remember_event(tx, &TelemetryEvent { key, kind, session, agent, at_ms, detail, retries: 0 })?;
    }
    Ok(())
}

fn take_points(tx: &Transaction, other: &Connection) -> rusqlite::Result<()> {
    let mut find = other.prepare(
        "SELECT measure, session.name, detail, point_key, value FROM telemetry_sum
           JOIN session ON session.id = session_id",
    )?;
    let mut rows = find.query([])?;
    while let Some(row) = rows.next()? {
        let Some(measure) = measure(row.get(0)?) else { continue };
        let (session, detail, key, value) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
        remember_point(tx, &Point { measure, session, detail, key, value })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::row::OTEL;
    use crate::model::Tokens;

    const AT_MS: i64 = 1_795_509_581_344;

    fn opened() -> (tempfile::TempDir, Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        (dir, ledger)
    }

    fn request(id: &str, query_source: &str) -> ApiRequest {
        ApiRequest {
            request_id: id.into(),
            session: "s".into(),
            agent: String::new(),
            agent_type: String::new(),
            query_source: query_source.into(),
            model: "claude-opus-5-5".into(),
            at_ms: AT_MS,
            tokens: Tokens {
                input: 39,
                output: 292,
                cache_read: 15_636,
                cache_write_5m: 768,
                cache_write_1h: 0,
            },
            is_ttl_unknown: false,
            duration_ms: Some(21),
            ttft_ms: None,
            key: fnv1a(id.as_bytes()),
        }
    }

    fn reader() -> Reader {
        Reader { host: "h".into(), config_dir: "/c".into() }
    }

    /// How many of the facts are new.
    fn tell(ledger: &mut Ledger, facts: &[Fact]) -> usize {
        let (reader, mut project_of) = (reader(), |cwd: &str| cwd.to_string());
        let mut batch = ledger.batch(&reader, &mut project_of).unwrap();
        let new = facts.iter().filter(|fact| batch.telemetry(fact).unwrap()).count();
        batch.commit().unwrap();
        new
    }

    /// What a transcript would show of a request.
    fn show(ledger: &mut Ledger, request: &ApiRequest) {
        let (reader, mut project_of) = (reader(), |cwd: &str| cwd.to_string());
        let home = Home { reader: reader.clone(), cwd: "/w".into(), branch: "main".into() };
        let mut batch = ledger.batch(&reader, &mut project_of).unwrap();
        let id = request.request_id.clone();
        let response = Response { message_id: "msg".into(), ..response(request, id, &home) };
        batch.add(&response, AT_MS).unwrap();
        batch.span(&request.session, AT_MS, AT_MS).unwrap();
        batch.commit().unwrap();
    }

    /// Of each response: provenance, project, query source, picodollars.
    fn responses(ledger: &Ledger) -> Vec<(i64, String, String, i64)> {
        assert_eq!(ledger.check().unwrap(), [""; 0]);
        let sql = "SELECT provenance, project.path, query_source, cost_picousd FROM response
                     JOIN origin ON origin.id = origin_id JOIN cwd ON cwd.id = cwd_id
                     JOIN project ON project.id = project_id ORDER BY 1, 3";
        let mut find = ledger.db.prepare(sql).unwrap();
        let rows = find.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
        rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    const COST: i64 = 12_963_200_000;

    #[test]
    fn a_request_is_one_response_whoever_tells_first_and_however_often() {
        for order in ["TE", "ET", "EET", "TEE", "ETE", "TET", "TTE"] {
            let (_dir, mut ledger) = opened();
            let request = request("req_1", "sdk");
            for teller in order.chars() {
                match teller {
                    'T' => show(&mut ledger, &request),
                    _ => _ = tell(&mut ledger, &[Fact::Request(request.clone())]),
                }
            }
            assert_eq!(responses(&ledger), [(0, "/w".into(), String::new(), COST)], "{order}");
        }
    }

    #[test]
    fn what_no_transcript_shows_is_a_response_of_its_own_where_its_session_is() {
        let (hidden, shown) = (request("req_2", "compact"), request("req_1", "sdk"));
        for is_early in [true, false] {
            let (_dir, mut ledger) = opened();
            if is_early {
                assert_eq!(tell(&mut ledger, &[Fact::Request(hidden.clone())]), 1);
                assert_eq!(responses(&ledger), [(OTEL, String::new(), "compact".into(), COST)]);
            }
            show(&mut ledger, &shown);
            assert_eq!(tell(&mut ledger, &[Fact::Request(hidden.clone())]), usize::from(!is_early));
            let here = |provenance, source: &str| (provenance, "/w".to_string(), source.to_string(), COST);
            assert_eq!(responses(&ledger), [here(0, ""), here(OTEL, "compact")]);
            let homeless: i64 =
                ledger.db.query_row("SELECT count(*) FROM homeless", [], |row| row.get(0)).unwrap();
            assert_eq!(homeless, 0);
        }
    }

    #[test]
    fn a_response_is_found_by_its_request_without_looking_at_others() {
        let (_dir, mut ledger) = opened();
        tell(&mut ledger, &[Fact::Request(request("req_2", "compact"))]);
        let sql = format!("EXPLAIN QUERY PLAN {}", crate::ledger::responses::OF_REQUEST);
        let mut find = ledger.db.prepare(&sql).unwrap();
        let plan = find.query_map(["req_2"], |row| row.get(3)).unwrap();
        let plan: Vec<String> = plan.collect::<rusqlite::Result<_>>().unwrap();
        assert!(plan[0].contains(REQUEST_INDEX), "{plan:?}");
    }

    #[test]
    fn without_a_request_id_only_what_transcripts_never_show_is_a_response() {
        let (_dir, mut ledger) = opened();
        let facts = ["sdk", "agent:builtin:Explore", "compact"]
            .map(|source| Fact::Request(ApiRequest { key: fnv1a(source.as_bytes()), ..request("", source) }));
        assert_eq!(tell(&mut ledger, &facts), 3);
        assert_eq!(tell(&mut ledger, &facts), 0);
        let sources: Vec<String> = responses(&ledger).into_iter().map(|row| row.2).collect();
        assert_eq!(sources, ["compact"]);
    }

    fn facts() -> Vec<Fact> {
        let point = |measure, detail: &str, key, value| {
            Fact::Point(Point { measure, session: "s".into(), detail: detail.into(), key, value })
        };
        vec![
            Fact::Request(request("req_2", "compact")),
            point(Measure::Lines, "added", 1, 3),
            point(Measure::Lines, "added", 2, 4),
            point(Measure::Starts, "clear", 1, 1),
            Fact::ToolRun(ToolRun {
                session: "s".into(),
                tool_use_id: "toolu_1".into(),
                tool: "Bash".into(),
                at_ms: AT_MS,
                is_ok: false,
                duration_ms: Some(12),
            }),
            Fact::Event(TelemetryEvent {
                key: 1,
                kind: EventKind::Compaction,
                session: "s".into(),
                agent: String::new(),
                at_ms: AT_MS,
                detail: "manual".into(),
                retries: 0,
            }),
            Fact::Event(TelemetryEvent {
                key: 7,
                kind: EventKind::ApiError,
                session: "s".into(),
                agent: String::new(),
                at_ms: AT_MS,
                detail: "529".into(),
                retries: 2,
            }),
        ]
    }

    /// All that is told of facts, in words.
    fn told(ledger: &Ledger) -> String {
        let mut latencies = vec![];
        ledger.latencies_after(0, |latency| latencies.push((latency.model, latency.duration_ms))).unwrap();
        format!(
            "{:?} {latencies:?} {:?} {:?} {:?}",
            ledger
                .telemetry_totals()
                .unwrap()
                .iter()
                .map(|total| (&total.detail, total.value))
                .collect::<Vec<_>>(),
            ledger.tool_calls().unwrap(),
            ledger.event_counts().unwrap(),
            ledger.session_counts().unwrap()
        )
    }

    #[test]
    fn facts_are_told_once_in_any_order_and_by_any_ledger_that_takes_over() {
        let (dir, mut ledger) = opened();
        assert_eq!(tell(&mut ledger, &facts()), 7);
        let once = told(&ledger);
        assert!(once.contains(r#"[("clear", 1), ("added", 7)]"#), "{once}");
        assert!(once.contains(r#"tool: "Bash", outcome: Some(Error), calls: 1"#), "{once}");
        assert!(
            once.contains(r#"(Compaction, "manual", 1), (Retry, "529", 2), (ApiError, "529", 1)"#),
            "{once}"
        );
        let mut again = facts();
        again.reverse();
        assert_eq!(tell(&mut ledger, &again), 0);
        assert_eq!(told(&ledger), once);

        let (_other_dir, mut other) = opened();
        assert!(!other.absorb(&dir.path().join("ledger.db")).unwrap().is_damaged);
        assert_eq!(told(&other), once);
        assert_eq!(responses(&other), responses(&ledger));
        show(&mut other, &request("req_1", "sdk"));
        assert_eq!(responses(&other)[1].1, "/w", "it finds home there, too");
    }

    #[test]
    fn of_a_session_with_a_transcript_the_transcript_tells() {
        let (_dir, mut ledger) = opened();
        tell(&mut ledger, &facts());
        show(&mut ledger, &request("req_1", "sdk"));
        assert_eq!(ledger.tool_calls().unwrap(), []);
        assert_eq!(ledger.event_counts().unwrap(), []);
    }

    #[test]
    fn a_sum_so_far_grows_and_never_falls() {
        let (_dir, mut ledger) = opened();
        for value in [5, 9, 7, 9, 12] {
            tell(
                &mut ledger,
                &[Fact::Point(Point {
                    measure: Measure::Active,
                    session: "s".into(),
                    detail: "cli".into(),
                    key: 1,
                    value,
                })],
            );
        }
        assert_eq!(ledger.telemetry_totals().unwrap()[0].value, 12);
        assert_eq!(ledger.check().unwrap(), [""; 0]);
    }
}
