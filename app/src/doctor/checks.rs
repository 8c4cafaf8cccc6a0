//! What is checked: one function a link, each over the facts alone.

use super::Health::{Broken, Note, Ok};
use super::page::{samples, sum};
use super::{AgentState, ClaudeDir, Facts, Health, LedgerState, Transcripts, Verdict};
use crate::setup::settings::{Found, Has};

type Check = fn(&Facts) -> Vec<Finding>;

/// In the order of the chain.
const CHECKS: [(&str, Check); 15] = [
    ("state folder", state),
    ("disk", disk),
    ("ledger", ledger),
    ("clock", clock),
    ("prices", prices),
    ("unpriced", unpriced),
    ("transcripts", transcripts),
    ("watches", watches),
    ("shell hook", shells),
    ("client hooks", hooks),
    ("statusline", statusline),
    ("agent", agent),
    ("telemetry", telemetry),
    ("scrape", scrape),
    ("collectors", collectors),
];

const MIB: u64 = 1 << 20;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// A list of prices that is older may lack a model, or a price that has changed.
const PRICES_DAYS: i64 = 90;

/// Prometheus asks each minute where nobody says otherwise.
const SCRAPE_S: f64 = 600.0;

struct Finding {
    health: Health,
    what: String,
    fix: String,
}

/// All of them.
pub fn verdicts(facts: &Facts) -> Vec<Verdict> {
    let mut verdicts = vec![];
    for (check, find) in CHECKS {
        let found = find(facts).into_iter();
        verdicts.extend(found.map(|Finding { health, what, fix }| Verdict { check, health, what, fix }));
    }
    verdicts
}

fn found(health: Health, what: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding { health, what: what.into(), fix: fix.into() }
}

fn one(health: Health, what: impl Into<String>, fix: impl Into<String>) -> Vec<Finding> {
    vec![found(health, what, fix)]
}

fn state(facts: &Facts) -> Vec<Finding> {
    let path = facts.state.path.display();
    match facts.state.mode {
        _ if !facts.state.is_writable => {
            one(Broken, format!("{path} may not be written to"), "make it yours, or set ODIN_STATE_DIR")
        }
        None => one(Note, format!("{path} is not there yet"), "odin ingest"),
        Some(mode) if mode & 0o077 != 0 => {
            one(Note, format!("{path} is open to others"), format!("chmod 700 {path}"))
        }
        Some(_) => one(Ok, format!("{path} is yours alone"), ""),
    }
}

fn disk(facts: &Facts) -> Vec<Finding> {
    let Some(free) = facts.state.free_bytes else { return vec![] };
    let what = format!("{} MiB are free for the ledger", free / MIB);
    match free / MIB {
        0..64 => one(Broken, what, "free some, or move the state folder with ODIN_STATE_DIR"),
        64..1024 => one(Note, what, "free some before it gets less"),
        _ => one(Ok, what, ""),
    }
}

fn ledger(facts: &Facts) -> Vec<Finding> {
    match &facts.ledger {
        LedgerState::Absent => one(Note, "there is none yet", "odin ingest"),
        LedgerState::Broken(why) => one(Broken, why, "odin ledger check tells more"),
        LedgerState::Sound { last_answer_ms: None, .. } => {
            one(Note, "it has no response yet", "start claude, or name the Claude config dirs in the config")
        }
        LedgerState::Sound { last_answer_ms: Some(at_ms), .. } => {
            one(Ok, format!("the last response was {}", ago(facts, *at_ms)), "")
        }
    }
}

fn clock(facts: &Facts) -> Vec<Finding> {
    let fix = "set it, or let something like systemd-timesyncd do so";
    let answered_ms = match facts.ledger {
        LedgerState::Sound { last_answer_ms, .. } => last_answer_ms,
        _ => None,
    };
    if facts.now_ms < facts.prices.as_of_ms {
        return one(Broken, format!("it says a day before {}, when odin was made", facts.prices.as_of), fix);
    }
    if answered_ms.is_some_and(|at_ms| at_ms > facts.now_ms + 5 * MINUTE_MS) {
        return one(Broken, "responses have come that it says are still to come", fix);
    }
    match metrics(facts).and_then(|page| sum(page, "node_timex_sync_status", "")) {
        Some(0.0) => one(Note, "the kernel says that nothing keeps it right", fix),
        Some(_) => one(Ok, "the kernel says that it is kept right", ""),
        None => one(Ok, "it fits what is known", ""),
    }
}

fn prices(facts: &Facts) -> Vec<Finding> {
    let days = (facts.now_ms - facts.prices.as_of_ms) / DAY_MS;
    let what = format!("the list is of {}", facts.prices.as_of);
    if days > PRICES_DAYS {
        return one(
            Note,
            format!("{what}, {days} days old"),
            "update odin, or name a newer list in [prices] of the config",
        );
    }
    one(Ok, what, "")
}

fn unpriced(facts: &Facts) -> Vec<Finding> {
    let LedgerState::Sound { unpriced, .. } = &facts.ledger else { return vec![] };
    if unpriced.is_empty() {
        return one(Ok, "every response has its price", "");
    }
    let finding = |(model, responses): &(String, i64)| {
        let what = format!("{model} has no price: {responses} responses are in no cost");
        found(Broken, what, format!("odin prices {model} tells what to enter"))
    };
    unpriced.iter().map(finding).collect()
}

fn transcripts(facts: &Facts) -> Vec<Finding> {
    if facts.claude.is_empty() {
        return one(Broken, "there is no Claude config dir", "start claude once, or set CLAUDE_CONFIG_DIR");
    }
    let finding = |dir: &ClaudeDir| {
        let path = dir.path.display();
        match &dir.transcripts {
            Transcripts::None => found(Note, format!("{path} has none yet"), "start claude"),
            Transcripts::Readable => found(Ok, format!("those of {path} can be read"), ""),
            Transcripts::Unreadable(why) => found(Broken, why, "make them readable for you"),
            Transcripts::Untold => found(
                Note,
                format!("{path} is shared by machines: what others write is seen after some seconds"),
                "",
            ),
        }
    };
    facts.claude.iter().map(finding).collect()
}

fn watches(facts: &Facts) -> Vec<Finding> {
    let Some(most) = facts.watches else { return vec![] };
    let what = format!("{} folders to watch, {most} watches for all programs of yours", facts.folders);
    if facts.folders.saturating_mul(10) > most.saturating_mul(9) {
        let wanted = facts.folders.saturating_mul(2);
        return one(Broken, what, format!("sudo sysctl fs.inotify.max_user_watches={wanted}"));
    }
    one(Ok, what, "")
}

fn shells(facts: &Facts) -> Vec<Finding> {
    if !facts.shell_problems.is_empty() {
        let problems = facts.shell_problems.iter();
        return problems.map(|problem| found(Broken, &problem.what, &problem.fix)).collect();
    }
    match &facts.shells[..] {
        [] => one(Note, "no shell has one: launches are not noted", "odin shell install"),
        shells => one(Ok, format!("{} note launches", shells.join(", ")), ""),
    }
}

fn hooks(facts: &Facts) -> Vec<Finding> {
    let called_ms = match facts.ledger {
        LedgerState::Sound { last_hook_ms, .. } => last_hook_ms,
        _ => None,
    };
    let seen = match called_ms {
        Some(at_ms) => found(Ok, format!("last called {}", ago(facts, at_ms)), ""),
        None => found(Note, "entered, and not called yet", "start claude anew"),
    };
    of_settings(facts, "the client calls none", |has| &has.hook, seen)
}

fn statusline(facts: &Facts) -> Vec<Finding> {
    let context = metrics(facts).and_then(|page| sum(page, "odin_claude_context_used_ratio", ""));
    let seen = match context {
        Some(_) => found(Ok, "entered, and the agent knows what it told", ""),
        None => found(Ok, "entered; what it tells is not known yet", ""),
    };
    of_settings(facts, "the client shows none of odin's", |has| &has.statusline, seen)
}

fn telemetry(facts: &Facts) -> Vec<Finding> {
    let accepted =
        metrics(facts).and_then(|page| sum(page, "odin_otlp_requests_total", "result=\"accepted\""));
    let seen = match accepted {
        Some(requests) if requests > 0.0 => {
            found(Ok, format!("{requests} reports since the agent began"), "")
        }
        _ if metrics(facts).is_none() => {
            found(Note, "the client sends it, and no agent takes it", &facts.start)
        }
        _ => found(Note, "nothing has come since the agent began", "start claude anew"),
    };
    of_settings(facts, "the client sends none", |has| &has.telemetry, seen)
}

/// What a part of the settings is like in each config dir; `seen` where it is as it should be.
fn of_settings(facts: &Facts, none: &str, part: fn(&Found) -> &Has, seen: Finding) -> Vec<Finding> {
    let mut findings = vec![];
    let mut is_ours = false;
    for dir in &facts.claude {
        let path = dir.settings_path.display();
        let settings = match &dir.settings {
            Result::Ok(settings) => settings,
            Err(why) => {
                findings.push(found(Broken, why, format!("mend {path}")));
                continue;
            }
        };
        match part(settings) {
            Has::Ours | Has::Outdated if settings.is_disabled => {
                findings.push(found(Broken, format!("disableAllHooks in {path}"), "take that out"));
            }
            Has::Ours if dir.missing_programs.is_empty() => is_ours = true,
            Has::Ours | Has::Outdated if !dir.missing_programs.is_empty() => {
                let what = format!("{path} calls {}, which is not there", dir.missing_programs.join(" and "));
                findings.push(found(Broken, what, "odin setup"));
            }
            Has::Outdated => {
                findings.push(found(Broken, format!("not as it should be in {path}"), "odin setup"));
            }
            Has::Nothing => findings.push(found(Note, format!("{none} ({path})"), "odin setup")),
            Has::Others(what) => {
                findings.push(found(Note, format!("{path} has another: {what}"), "odin setup --replace"));
            }
            Has::Ours => {}
        }
    }
    if is_ours {
        findings.push(seen);
    }
    findings
}

fn agent(facts: &Facts) -> Vec<Finding> {
    match &facts.agent {
        AgentState::Unreachable(why) => {
            one(Broken, format!("nothing answers at {}: {why}", facts.address), &facts.start)
        }
        AgentState::Guarded(why) => {
            one(Note, format!("{} answers, but not to the doctor: {why}", facts.address), "")
        }
        AgentState::Answers { state_dir, .. } if *state_dir != facts.state.path => {
            let what =
                format!("the one at {} keeps another ledger, in {}", facts.address, state_dir.display());
            one(Broken, what, "start one for this ledger, at another --listen")
        }
        AgentState::Answers { .. } => one(Ok, format!("answers at {}", facts.address), ""),
    }
}

fn scrape(facts: &Facts) -> Vec<Finding> {
    let AgentState::Answers { scraped_s_ago, .. } = &facts.agent else { return vec![] };
    match scraped_s_ago {
        None => {
            one(Note, "nobody has asked since the agent began", "let Prometheus scrape it: docs/setup.md")
        }
        Some(seconds) if *seconds > SCRAPE_S => one(
            Broken,
            format!("the last was {:.0} min ago", seconds / 60.0),
            "look at the targets of Prometheus",
        ),
        Some(seconds) => one(Ok, format!("the last was {seconds:.0} s ago"), ""),
    }
}

fn collectors(facts: &Facts) -> Vec<Finding> {
    let Some(page) = metrics(facts) else { return vec![] };
    let mut findings = vec![];
    for (collector, _) in samples(page, "odin_collector_up", "collector").filter(|(_, up)| *up == 0.0) {
        let pair = format!("collector=\"{collector}\"");
        let kinds = samples(page, "odin_collector_errors_total", "kind").filter(|(_, count)| *count > 0.0);
        let kinds = kinds.map(|(kind, _)| kind).filter(|kind| {
            sum(page, "odin_collector_errors_total", &format!("{pair},kind=\"{kind}\""))
                .is_some_and(|sum| sum > 0.0)
        });
        let mut kinds: Vec<&str> = kinds.collect();
        kinds.sort_unstable();
        kinds.dedup();
        let what = format!("{collector} fails ({})", kinds.join(", "));
        findings.push(found(Broken, what, "the agent's log says why: journalctl --user -u odin"));
    }
    let absent = samples(page, "odin_collector_supported", "collector").filter(|(_, is)| *is == 0.0);
    let absent: Vec<&str> = absent.map(|(collector, _)| collector).collect();
    if !absent.is_empty() {
        findings.push(found(Note, format!("this machine has nothing to tell for {}", absent.join(", ")), ""));
    }
    if findings.is_empty() { one(Ok, "all that run have told", "") } else { findings }
}

/// The page of an agent that keeps this ledger.
fn metrics(facts: &Facts) -> Option<&str> {
    match &facts.agent {
        AgentState::Answers { state_dir, metrics, .. } if *state_dir == facts.state.path => Some(metrics),
        _ => None,
    }
}

fn ago(facts: &Facts, at_ms: i64) -> String {
    match (facts.now_ms - at_ms) / MINUTE_MS {
        minutes if minutes < 1 => "just now".into(),
        minutes if minutes < 120 => format!("{minutes} min ago"),
        minutes if minutes < 48 * 60 => format!("{} h ago", minutes / 60),
        minutes => format!("{} days ago", minutes / (24 * 60)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Prices, State};
    use super::*;
    use crate::shell::status::Problem;

    const NOW_MS: i64 = 1_795_500_000_000;

    fn page() -> String {
        "odin_collector_up{collector=\"agent\"} 1\nodin_collector_supported{collector=\"agent\"} 1\n\
         odin_otlp_requests_total{signal=\"logs\",result=\"accepted\"} 3\n"
            .into()
    }

    fn ours() -> Found {
        Found { statusline: Has::Ours, hook: Has::Ours, telemetry: Has::Ours, is_disabled: false }
    }

    fn sound() -> Facts {
        let dir = ClaudeDir {
            path: "/home/me/.claude".into(),
            transcripts: Transcripts::Readable,
            settings: Result::Ok(ours()),
            settings_path: "/home/me/.claude/settings.json".into(),
            missing_programs: vec![],
        };
        Facts {
            now_ms: NOW_MS,
            state: State {
                path: "/state".into(),
                mode: Some(0o700),
                is_writable: true,
                free_bytes: Some(10_000 * MIB),
            },
            ledger: LedgerState::Sound {
                last_answer_ms: Some(NOW_MS - 5 * MINUTE_MS),
                last_hook_ms: Some(NOW_MS - 4 * MINUTE_MS),
                unpriced: vec![],
            },
            claude: vec![dir],
            folders: 40,
            watches: Some(65_536),
            agent: AgentState::Answers {
                state_dir: "/state".into(),
                scraped_s_ago: Some(12.0),
                metrics: page(),
            },
            address: "127.0.0.1:9477".into(),
            start: "odin agent".into(),
            prices: Prices { as_of: "2026-11-23".into(), as_of_ms: NOW_MS - DAY_MS },
            shells: vec!["bash"],
            shell_problems: vec![],
        }
    }

    fn with_page(facts: &mut Facts, more: &str) {
        if let AgentState::Answers { metrics, .. } = &mut facts.agent {
            metrics.push_str(more);
        }
    }

    #[test]
    fn where_all_is_well_every_check_says_so() {
        let verdicts = verdicts(&sound());
        let not_ok: Vec<_> = verdicts.iter().filter(|verdict| verdict.health != Ok).collect();
        assert!(not_ok.is_empty(), "{not_ok:#?}");
        let names: Vec<&str> = verdicts.iter().map(|verdict| verdict.check).collect();
        assert_eq!(names, CHECKS.map(|(name, _)| name));
    }

    #[test]
    fn each_link_that_breaks_is_told_by_its_check_alone_with_a_fix() {
        type Breaking = (&'static str, Health, &'static str, fn(&mut Facts));
        let cases: [Breaking; 28] = [
            ("state folder", Broken, "may not be written", |f| f.state.is_writable = false),
            ("state folder", Note, "not there yet", |f| f.state.mode = None),
            ("state folder", Note, "open to others", |f| f.state.mode = Some(0o755)),
            ("disk", Broken, "20 MiB", |f| f.state.free_bytes = Some(20 * MIB)),
            ("disk", Note, "900 MiB", |f| f.state.free_bytes = Some(900 * MIB)),
            ("ledger", Broken, "is damaged", |f| f.ledger = LedgerState::Broken("it is damaged".into())),
            ("clock", Broken, "a day before", |f| f.prices.as_of_ms = NOW_MS + DAY_MS),
            ("clock", Note, "nothing keeps it right", |f| with_page(f, "node_timex_sync_status 0\n")),
            ("prices", Note, "100 days old", |f| f.prices.as_of_ms = NOW_MS - 100 * DAY_MS),
            ("transcripts", Broken, "no Claude config dir", |f| f.claude.clear()),
            ("transcripts", Note, "none yet", |f| f.claude[0].transcripts = Transcripts::None),
            ("transcripts", Note, "shared", |f| f.claude[0].transcripts = Transcripts::Untold),
            ("transcripts", Broken, "denied", |f| {
                f.claude[0].transcripts = Transcripts::Unreadable("denied".into());
            }),
            ("watches", Broken, "40 folders", |f| f.watches = Some(44)),
            ("shell hook", Note, "no shell has one", |f| f.shells.clear()),
            ("shell hook", Broken, "torn", |f| {
                let problem = || Problem { shell: None, what: "torn".into(), fix: "mend".into() };
                f.shell_problems = vec![problem()];
            }),
            ("agent", Broken, "nothing answers", |f| f.agent = AgentState::Unreachable("refused".into())),
            ("agent", Note, "not to the doctor", |f| f.agent = AgentState::Guarded("401".into())),
            ("agent", Broken, "another ledger", |f| f.state.path = "/other".into()),
            ("scrape", Note, "nobody has asked", |f| set_scrape(f, None)),
            ("scrape", Broken, "20 min ago", |f| set_scrape(f, Some(1200.0))),
            ("collectors", Broken, "gpu fails (driver)", |f| {
                let errors = "odin_collector_errors_total{collector=\"gpu\",kind=\"driver\"} 2\nodin_collector_errors_total{collector=\"gpu\",kind=\"io\"} 0\n";
                with_page(f, &format!("odin_collector_up{{collector=\"gpu\"}} 0\n{errors}"));
            }),
            ("collectors", Note, "nothing to tell for gpu", |f| {
                with_page(f, "odin_collector_supported{collector=\"gpu\"} 0\n");
            }),
            ("client hooks", Note, "calls none", |f| settings(f, |has| has.hook = Has::Nothing)),
            ("client hooks", Broken, "not as it should be", |f| settings(f, |has| has.hook = Has::Outdated)),
            ("statusline", Note, "ccusage", |f| {
                settings(f, |has| has.statusline = Has::Others("ccusage".into()));
            }),
            ("telemetry", Note, "sends none", |f| settings(f, |has| has.telemetry = Has::Nothing)),
            ("unpriced", Broken, "claude-next has no price", |f| {
                if let LedgerState::Sound { unpriced, .. } = &mut f.ledger {
                    unpriced.push(("claude-next".into(), 3));
                }
            }),
        ];
        for (check, health, words, broken) in cases {
            let mut facts = sound();
            broken(&mut facts);
            let verdicts = verdicts(&facts);
            let told = verdicts.iter().find(|verdict| verdict.check == check && verdict.health == health);
            assert!(told.is_some_and(|told| told.what.contains(words)), "{check}, {words}: {verdicts:#?}");
            assert!(
                health != Broken || told.is_some_and(|told| !told.fix.is_empty()),
                "{check}: broken, and nothing to do about it"
            );
        }
    }

    fn set_scrape(facts: &mut Facts, at: Option<f64>) {
        if let AgentState::Answers { scraped_s_ago, .. } = &mut facts.agent {
            *scraped_s_ago = at;
        }
    }

    fn settings(facts: &mut Facts, change: impl FnOnce(&mut Found)) {
        if let Result::Ok(found) = &mut facts.claude[0].settings {
            change(found);
        }
    }

    #[test]
    fn settings_that_the_client_cannot_use_break_every_part_of_them() {
        let broken = |facts: &Facts| {
            let verdicts = verdicts(facts);
            let broken = verdicts.into_iter().filter(|verdict| verdict.health == Broken);
            broken.map(|verdict| verdict.check).collect::<Vec<_>>()
        };
        let parts = ["client hooks", "statusline", "telemetry"];
        let mut facts = sound();
        facts.claude[0].settings = Err("line 3: no value".into());
        assert_eq!(broken(&facts), parts);
        let mut facts = sound();
        facts.claude[0].missing_programs = vec!["/old/odin".into()];
        assert_eq!(broken(&facts), parts);
    }
}
