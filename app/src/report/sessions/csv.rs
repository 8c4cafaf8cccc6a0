//! Sessions as CSV: a header, then a line per session. What a session has several of, the dearest first, is joined by
//! semicolons.

use super::{List, Listed, RFC3339, local};
use crate::report::csv::{CONTRACT_FIELDS, FIELDS, contract, fields, quoted};

const HEADER: &str =
    "session,began,last_answer,ended,duration_seconds,projects,branches,accounts,hosts,models,agents,marks";

pub fn list(list: &List) -> String {
    let is_contracted = list.rows.iter().any(|row| row.amount.is_contracted);
    let header = [HEADER, FIELDS].into_iter().chain(is_contracted.then_some(CONTRACT_FIELDS));
    let line = |listed: &Listed| {
        let time =
            |at_ms: Option<i64>| at_ms.map(|at_ms| local(at_ms, &list.zone, RFC3339)).unwrap_or_default();
        let duration = listed.duration_ms().map(|duration| (duration / 1000).to_string());
        let paths: Vec<&str> = listed.projects.iter().map(|place| place.path.as_str()).collect();
        let names = [
            quoted(&listed.session),
            time(listed.began_ms),
            time(listed.last_answer_ms),
            time(listed.ended_ms),
            duration.unwrap_or_default(),
            quoted(&paths.join(";")),
            quoted(&listed.branches.join(";")),
            quoted(&listed.accounts.join(";")),
            quoted(&listed.hosts.join(";")),
            quoted(&listed.models.join(";")),
            listed.agents.to_string(),
            listed.marks().join(";"),
        ];
        let contract = is_contracted.then(|| contract(&listed.amount)).into_iter().flatten();
        names.into_iter().chain(fields(&listed.amount)).chain(contract).collect::<Vec<_>>().join(",")
    };
    let lines = [header.collect::<Vec<_>>().join(",")].into_iter().chain(list.rows.iter().map(line));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::list;
    use crate::report::sessions::sample;
    use crate::report::sessions::{self, Order};

    #[test]
    fn a_line_has_the_names_and_the_numbers() {
        let (_dir, ledger) = sample::ledger();
        let all = sessions::list(&ledger, &sample::all(), Order::Cost, None).unwrap();
        let text = list(&all);
        let lines: Vec<&str> = text.lines().collect();
        let fields = "session,began,last_answer,ended,duration_seconds,projects,branches,accounts,hosts,models,agents,marks,responses,sessions,input,output,";
        assert!(lines[0].starts_with(fields), "{text}");
        assert_eq!(
            lines[2].split_once("1400,4000").unwrap().0,
            "6513270e-269e-4d37-a2a7-4de452e6b438,2026-11-20T09:59:15.000+01:00,2026-11-21T09:00:00.000+01:00,2026-11-21T09:00:05.000+01:00,82850,\
             /home/anna/shop,main;checkout,/home/anna/.claude,here,\
             claude-opus-5-5;claude-sonnet-5-5;claude-haiku-5-5;claude-next,2,fork;interrupted,6,1,4540,3301,108000,"
        );
        assert!(lines.iter().all(|line| line.split(',').count() == lines[0].split(',').count()), "{text}");
    }
}
