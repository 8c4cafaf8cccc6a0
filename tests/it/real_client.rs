//! The real client against the mock service of the shared folder: what it wrote down equals what it was served.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use odin::model::Tokens;
use serde_json::Value;

use crate::compare::{Rows, Sums, assert_none, differences, whole};
use crate::corpora::from_shared;
use crate::harness::{Home, is_set, tell, transcripts};

#[test]
fn what_the_real_client_wrote_equals_what_it_was_served() {
    if !is_set("ODIN_TEST_REAL_CLIENT") {
        return tell("skipped: the real client (ODIN_TEST_REAL_CLIENT=1 and ODIN_TEST_CLIENT=PATH run it)");
    }
    let client = std::env::var_os("ODIN_TEST_CLIENT").expect("ODIN_TEST_CLIENT is the path of the client");
    let Some(driver) = from_shared("claude-code-mock/drive.py") else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("drive");
    let run = Command::new("python3")
        .arg(driver)
        .arg("--claude")
        .arg(client)
        .args(["--set", "all", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    compare(&out);
}

fn compare(out: &Path) {
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(out.join("expected.json")).unwrap()).unwrap();
    let recorded = &expected["recorded"];
    let config_dir = out.join("home/.claude");
    let home = Home::over(&[&config_dir]);
    let (models, sessions) = (truth(&recorded["by_model"]), truth(&recorded["by_session"]));
    let (found_models, found_sessions) = (found(&home, "model"), found(&home, "session"));

    tell("model responses input output read w5 w1 searches");
    for (model, sums) in &models {
        let Tokens { input, output, cache_read, cache_write_5m, cache_write_1h } = sums.tokens;
        let verdict = if found_models.get(model) == Some(sums) { "equal" } else { "DIFFERENT" };
        tell(&format!(
            "{model} {} {input} {output} {cache_read} {cache_write_5m} {cache_write_1h} {}: {verdict}",
            sums.responses, sums.web_searches
        ));
    }
    let unrecorded = expected["unrecorded"].as_array().unwrap();
    let partial = expected["partial"].as_array().unwrap().iter().filter(|one| one["in_transcript"] == false);
    for one in unrecorded.iter().chain(partial) {
        tell(&format!(
            "in no transcript: {} of {}, {} input and {} output tokens",
            one["reason"].as_str().unwrap(),
            one["model"].as_str().unwrap(),
            one["input_tokens"],
            one["output_tokens"]
        ));
    }

    let mut wrong = differences("model", &models, &found_models);
    wrong.extend(differences("session", &sessions, &found_sessions));
    assert_none(&wrong);
    let mut total = home.report("day", "UTC").total();
    total.cost_picousd = 0;
    assert_eq!(total, sums(&recorded["total"]));
    assert_eq!(home.report("session", "UTC").rows().len(), sessions.len(), "no session is made up");
    assert!(!transcripts(&config_dir).is_empty());
    home.check();
}

/// Rows without their cost: the service told none.
fn found(home: &Home, by: &str) -> Rows {
    home.report(by, "UTC")
        .rows()
        .into_iter()
        .map(|(name, sums)| (name, Sums { cost_picousd: 0, ..sums }))
        .collect()
}

fn truth(buckets: &Value) -> Rows {
    let buckets: BTreeMap<_, _> = buckets.as_object().unwrap().iter().collect();
    buckets.into_iter().map(|(name, bucket)| (name.clone(), sums(bucket))).collect()
}

fn sums(bucket: &Value) -> Sums {
    Sums {
        responses: whole(&bucket["responses"]),
        tokens: Tokens {
            input: whole(&bucket["input_tokens"]),
            output: whole(&bucket["output_tokens"]),
            cache_read: whole(&bucket["cache_read_input_tokens"]),
            cache_write_5m: whole(&bucket["cache_creation_5m"]),
            cache_write_1h: whole(&bucket["cache_creation_1h"]),
        },
        web_searches: whole(&bucket["web_search_requests"]),
        cost_picousd: 0,
    }
}
