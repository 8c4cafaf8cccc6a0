//! Every rule of the corpus generator's edge profile, tokens and cost, in every report that can tell.

use std::collections::BTreeMap;

use crate::compare::{Rows, assert_none, differences, without_responses};
use crate::corpora::{self, Corpus, ZONES};
use crate::harness::{Home, Report, tell};

/// The truth counts the iterations of a response as responses of their own; the ledger does not.
fn rows(home: &Home, by: &str, zone: &str) -> Rows {
    without_responses(home.report(by, zone).rows())
}

#[test]
fn every_rule_is_right() {
    let Some(Corpus { dir, truth }) = corpora::edge() else { return };
    let home = Home::over(&[&dir]);
    let (projects, sessions) = (rows(&home, "project", "UTC"), rows(&home, "session", "UTC"));
    let cases = without_responses(truth.by("case"));
    let true_sessions = without_responses(truth.by("session"));
    let mut wrong = vec![];
    for (case, sums) in &cases {
        let project = projects.get(&format!("-edge-{case}")).map(|sums| (case.clone(), *sums));
        let mut found =
            differences("rule", &Rows::from([(case.clone(), *sums)]), &project.into_iter().collect());
        found.extend(differences("session", &of_case(&true_sessions, case), &of_case(&sessions, case)));
        if !found.is_empty() {
            wrong.push(found.join("\n    "));
        }
    }
    tell(&format!("edge: {} of {} rules right", cases.len() - wrong.len(), cases.len()));
    assert_none(&wrong);
    assert_none(&differences("project", &without_responses(truth.by("project")), &projects));
    assert_none(&differences("session", &true_sessions, &sessions));
}

/// Sessions are named `<case>-<letter or word>`.
fn of_case(sessions: &Rows, case: &str) -> Rows {
    let is_of_case = |name: &str| name.rsplit_once('-').is_some_and(|(before, _)| before == case);
    sessions.iter().filter(|(name, _)| is_of_case(name)).map(|(name, sums)| (name.clone(), *sums)).collect()
}

#[test]
fn the_rules_hold_in_every_grouping() {
    let Some(Corpus { dir, truth }) = corpora::edge() else { return };
    let home = Home::over(&[&dir]);
    let mut wrong = vec![];
    for (by, kind) in [("model", "model"), ("day", "day"), ("day,model", "day_model"), ("month", "month")] {
        wrong.extend(differences(kind, &without_responses(truth.by(kind)), &rows(&home, by, "UTC")));
    }
    for zone in ZONES {
        wrong.extend(differences(
            zone,
            &without_responses(truth.by_local_day(zone)),
            &rows(&home, "day", zone),
        ));
    }
    // The truth names only the agents of the cases that are about agents.
    let agents = rows(&home, "agent", "UTC");
    let of_truth = without_responses(truth.by("subagent"));
    let found = agents.into_iter().filter(|(name, _)| of_truth.contains_key(name)).collect();
    wrong.extend(differences("agent", &of_truth, &found));
    assert_eq!(home.total().without_responses(), truth.total().without_responses());
    assert_none(&wrong);
    home.check();
}

#[test]
fn a_model_without_a_price_is_listed_and_never_free() {
    let Some(Corpus { dir, truth }) = corpora::edge() else { return };
    let home = Home::over(&[&dir]);
    let unpriced = |report: &Report| -> BTreeMap<String, i64> {
        let listed = report.json["unpriced"].as_array().unwrap().iter();
        listed
            .map(|one| (one["model"].as_str().unwrap().into(), one["tokens"]["output"].as_i64().unwrap()))
            .collect()
    };
    let true_models = truth.by("model");
    let expected: BTreeMap<String, i64> = truth
        .unknown_models()
        .into_iter()
        .map(|model| (model.into(), true_models[model].tokens.output))
        .collect();
    assert_eq!(unpriced(&home.report("day", "UTC")), expected);

    for format in ["table", "markdown"] {
        let text = home.done(&format!("cost report --last all --by model --format {format}"));
        for model in truth.unknown_models() {
            let line = text
                .lines()
                .find(|line| line.contains(model))
                .unwrap_or_else(|| panic!("no {model}: {text}"));
            assert!(line.contains("unpriced") && !line.contains('$'), "{line}");
        }
        let total = text.lines().find(|line| line.contains("Total") && line.contains('$')).unwrap();
        assert!(total.contains("≥ $"), "the total must say that it is a lower bound: {total}");
    }
}
