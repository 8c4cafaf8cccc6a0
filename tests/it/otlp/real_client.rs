//! The real client with telemetry on, against the mock service of the shared folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;

use super::records;
use crate::agent::Agent;
use crate::harness::{Home, tell};
use crate::real_client::client_and_driver;

#[test]
fn all_that_the_client_reports_by_any_path_equals_what_it_was_served() {
    let Some((client, driver)) = client_and_driver() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("drive");
    let config_dir = folder.path().join("home/.claude");
    fs::create_dir_all(config_dir.join("projects")).unwrap();
    let home = Home::over(&[&config_dir]);
    let agent = Agent::start(&home);
    agent.await_ready();
    let mut drive = Command::new("python3");
    drive.arg(driver).arg("--claude").arg(client).args(["--set", "all", "--out"]).arg(&out);
    drive.arg("--home").arg(folder.path().join("home"));
    for variable in [
        "CLAUDE_CODE_ENABLE_TELEMETRY=1",
        "OTEL_METRICS_EXPORTER=otlp",
        "OTEL_LOGS_EXPORTER=otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        "OTEL_METRIC_EXPORT_INTERVAL=1000",
        "OTEL_LOGS_EXPORT_INTERVAL=500",
        &format!("OTEL_EXPORTER_OTLP_ENDPOINT=http://{}", agent.address),
    ] {
        drive.args(["--env", variable]);
    }
    let run = drive.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    home.done("ingest");
    home.check();

    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let expected: Value = serde_json::from_str(&read("expected.json")).unwrap();
    // Cut off before the client knew of any usage.
    let partial = expected["partial"].as_array().unwrap().iter();
    let lost: BTreeSet<&str> = partial
        .filter(|one| one["in_transcript"] == false)
        .map(|one| one["request_id"].as_str().unwrap())
        .collect();
    let served: Vec<Value> =
        read("ledger.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reported = served.iter().filter(|one| one["billed"] == true);
    let reported = reported.filter(|one| !lost.contains(one["request_id"].as_str().unwrap()));
    let truth: BTreeMap<String, String> = reported
        .map(|one| {
            let tokens = [
                "input_tokens",
                "output_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "cache_creation_1h",
                "web_search_requests",
            ];
            let tokens = tokens.map(|name| one[name].to_string()).join(" ");
            (
                one["request_id"].as_str().unwrap().into(),
                format!("{} {tokens}", one["session_id"].as_str().unwrap()),
            )
        })
        .collect();
    let found = responses(&home);
    assert_eq!(
        found.iter().map(|(id, (_, told))| (id.clone(), told.clone())).collect::<BTreeMap<_, _>>(),
        truth
    );
    let hidden: BTreeSet<&str> =
        found.iter().filter(|(_, (provenance, _))| *provenance == 1).map(|(id, _)| &**id).collect();
    let unrecorded = expected["unrecorded"].as_array().unwrap().iter();
    assert_eq!(hidden, unrecorded.map(|one| one["request_id"].as_str().unwrap()).collect());
    tell(&format!(
        "{} responses, {} of them by telemetry alone, {} lost",
        found.len(),
        hidden.len(),
        lost.len()
    ));

    let page = agent.samples();
    assert_eq!(records(&page, "invalid"), 0.0);
    for reason in ["compaction", "web_search"] {
        assert!(
            page[&format!(r#"odin_claude_hidden_cost_usd_total{{reason="{reason}"}}"#)] > 0.0,
            "{reason}"
        );
    }
}

/// Provenance, and session and tokens, by request.
fn responses(home: &Home) -> BTreeMap<String, (i64, String)> {
    let db = Connection::open(home.ledger()).unwrap();
    let sql = "SELECT request_id, provenance, session.name || ' ' || input || ' ' || output || ' ' || cache_read || ' '
                      || (cache_write_5m + cache_write_1h) || ' ' || cache_write_1h || ' ' || web_searches
                 FROM response JOIN origin ON origin.id = origin_id JOIN session ON session.id = session_id
                WHERE flags & 2 = 0";
    let mut find = db.prepare(sql).unwrap();
    let rows = find.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}
