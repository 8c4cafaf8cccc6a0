//! Budgets: set by a plain command, shown wherever costs are, and told of by an exit code.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::harness::Home;

/// A response of now that cost so many dollars.
pub(crate) fn line(id: &str, cwd: &str, dollars: i64) -> String {
    let line = json!({
        "type": "assistant", "sessionId": "9e1a5cd0-63f2-4d6e-8a0e-3c5b8f1f2a77", "uuid": format!("uuid-{id}"),
        "cwd": cwd, "timestamp": Timestamp::now().to_string(), "requestId": format!("req_{id}"),
        "message": {
            "id": format!("msg_{id}"), "model": "claude-opus-5-5", "stop_reason": "end_turn",
            // 20 dollars a million.
            "usage": {"input_tokens": 0, "output_tokens": 50_000 * dollars},
        },
    });
    line.to_string() + "\n"
}

fn home() -> Home {
    let home = Home::new();
    home.write("-w-odin/a.jsonl", line("a", "/w/odin", 3) + &line("b", "/w/web", 4));
    home
}

fn rows(home: &Home) -> Vec<Value> {
    let told: Value = serde_json::from_str(&home.done("cost budget --format json")).unwrap();
    assert_eq!(told["schema"], "odin.cost.budgets/1");
    told["rows"].as_array().unwrap().clone()
}

#[test]
fn a_check_fails_once_more_was_spent_than_there_is() {
    let home = home();
    assert_eq!(home.run("cost budget check").code, Some(0), "no budgets");
    home.done("cost budget set month 7");
    assert_eq!(home.done("cost budget check"), "No more was spent than any budget has.\n");
    home.append("-w-odin/a.jsonl", line("c", "/w/odin", 1));
    let checked = home.run("cost budget check");
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stdout.contains("month") && checked.stdout.contains("over"), "{checked:?}");
    home.done("cost budget set month $8.00");
    assert_eq!(home.run("cost budget check").code, Some(0));

    home.done("cost budget set day 3.99 --project odin");
    assert_eq!(home.run("cost budget check").code, Some(1));
    assert_eq!(
        home.run("cost budget check --project web").code,
        Some(0),
        "another project's is its own matter"
    );
    home.done("cost budget clear day --project /w/odin");
    assert_eq!(home.run("cost budget check").code, Some(0));
    home.check();
}

#[test]
fn budgets_are_shown_and_stand_below_a_report_of_the_present() {
    let home = home();
    home.done("cost budget set block 20");
    home.done("cost budget set week 14 --project web");
    let rows = rows(&home);
    let told: Vec<_> = rows
        .iter()
        .map(|row| (&row["period"], &row["project"], &row["budget_usd"], &row["cost_usd"], &row["is_over"]))
        .map(|told| json!([told.0, told.1, told.2, told.3, told.4]))
        .collect();
    assert_eq!(told, [json!(["block", "", 20.0, 7.0, false]), json!(["week", "/w/web", 14.0, 4.0, false])]);
    let table = home.done("cost budget");
    assert!(table.contains("block") && table.contains("$7.00") && table.contains("35"), "{table}");
    let report = home.done("cost report");
    assert!(report.contains("Budget of the block: $7.00 of $20.00 (35 %)"), "{report}");
    assert!(report.contains("Budget of the week, /w/web: $4.00 of $14.00 (29 %)"), "{report}");
    let past = home.run("cost report --since 2026-01-01 --until 2026-01-02").stdout;
    assert!(!past.contains("Budget"), "{past}");
    for machine in ["--format csv", "--format markdown"] {
        assert!(!home.done(&format!("cost report {machine}")).contains("Budget"));
    }
}

#[test]
fn what_makes_no_budget_is_told_and_changes_nothing() {
    let home = home();
    for (args, code, want) in [
        ("set month 0", 2, "use dollars"),
        ("set month 1e3", 2, "use dollars"),
        ("set month 12.345", 2, "use dollars"),
        ("set year 100", 2, "possible values: day, week, month, block"),
        ("set block 5 --project odin", 2, "leave out --project"),
        ("set month 5 --project odn", 2, "the nearest: /w/odin"),
        ("rm month", 1, "no budget of the month"),
    ] {
        home.done("ingest -q");
        let run = home.run(&format!("cost budget {args}"));
        assert_eq!(run.code, Some(code), "{args}: {run:?}");
        assert!(run.stderr.contains(want), "{args}: {run:?}");
    }
    assert_eq!(rows(&home), [] as [Value; 0]);
}

#[test]
fn a_running_agent_tells_of_a_budget_once_it_is_set() {
    let home = home();
    let agent = Agent::start(&home);
    let page = agent.await_ready();
    assert!(!page.keys().any(|series| series.starts_with("odin_claude_budget_usd")), "{page:?}");
    home.done("cost budget set month 200");
    home.done("cost budget set day 12.50 --project odin");
    let page = agent
        .await_page(|page| page.contains_key(r#"odin_claude_budget_usd{period="day",project="/w/odin"}"#));
    assert_eq!(page.get(r#"odin_claude_budget_usd{period="day",project="/w/odin"}"#), Some(&12.5));
    assert_eq!(page.get(r#"odin_claude_budget_usd{period="month",project=""}"#), Some(&200.0));
    assert_eq!(page.get(r#"odin_claude_period_cost_usd{period="day",project="/w/odin"}"#), Some(&3.0));
    home.done("cost budget rm month");
    agent.await_page(|page| !page.contains_key(r#"odin_claude_budget_usd{period="month",project=""}"#));
}
