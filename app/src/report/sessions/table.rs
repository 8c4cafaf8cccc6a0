//! Sessions for people, fitted to a width.

use std::collections::BTreeMap;

use super::{Agent, List, Listed, MINUTE, Place, SECOND, Session, client, lives, local, processes};
use crate::ledger::{Dimension, SessionEvent};
use crate::model::EventKind;
use crate::report::number::{counted, push_grouped, push_short};
use crate::report::page::{Column, Page, Row};
use crate::report::table::shortened;
use crate::report::text::{decimals_of, heading_of, nothing_for, push_cost, warnings};
use crate::report::{Amount, Key, calendar, remarks};

const INDENT: usize = 2;
/// Of an id that tells sessions apart, as long as it does.
const ID: usize = 8;
/// Of a name that is not the first of its line.
const NAME: usize = 22;

const LIST_COLUMNS: [Column; 12] = [
    Column::Text("Began"),
    Column::Text("Last answer"),
    Column::Number("Duration"),
    Column::Text("Project"),
    Column::Text("Branch"),
    Column::Text("Model"),
    Column::Number("Agents"),
    Column::Number("Responses"),
    Column::Number("Tokens"),
    Column::Number("Cost"),
    Column::Number("Contract"),
    Column::Text("Marks"),
];
const LIST_FITS: [&[usize]; 9] = [
    &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    &[1, 2, 3, 4, 5, 7, 8, 9, 10, 11],
    &[1, 2, 3, 5, 7, 8, 9, 10, 11],
    &[1, 3, 5, 8, 9, 10, 11],
    &[1, 3, 5, 9, 11],
    &[1, 3, 9, 11],
    &[3, 9],
    &[9],
];
const CONTRACT: usize = 10;
const MARKS: usize = 11;

const MODEL_COLUMNS: [Column; 8] = [
    Column::Number("Responses"),
    Column::Number("Input"),
    Column::Number("Output"),
    Column::Number("Cache write"),
    Column::Number("Cache read"),
    Column::Number("Tokens"),
    Column::Number("Cost"),
    Column::Number("Contract"),
];
const MODEL_FITS: [&[usize]; 5] =
    [&[0, 1, 2, 3, 4, 5, 6, 7], &[0, 1, 2, 3, 4, 6, 7], &[0, 2, 5, 6, 7], &[5, 6, 7], &[6]];

const AGENT_COLUMNS: [Column; 7] = [
    Column::Text("Model"),
    Column::Number("Duration"),
    Column::Number("Responses"),
    Column::Number("Tokens"),
    Column::Number("Cost"),
    Column::Number("Total tokens"),
    Column::Number("Total cost"),
];
const AGENT_FITS: [&[usize]; 4] = [&[0, 1, 2, 3, 4, 5, 6], &[1, 2, 3, 4, 5, 6], &[3, 4, 6], &[4, 6]];

const TOOL_COLUMNS: [Column; 6] = [
    Column::Number("Calls"),
    Column::Number("Ok"),
    Column::Number("Error"),
    Column::Number("Denied"),
    Column::Number("Interrupted"),
    Column::Number("Open"),
];
const TOOL_FITS: [&[usize]; 4] = [&[0, 1, 2, 3, 4, 5], &[0, 1, 2, 3, 5], &[0, 1, 2], &[0]];

/// Many, in a line each.
pub fn list(list: &List, width: usize, is_terminal: bool) -> String {
    let heading = heading_of(list.since, list.until, &calendar::zone_name(&list.zone));
    if list.rows.is_empty() {
        return nothing_for(&heading, list.ledger_span);
    }
    let mut page = Page::new(width);
    page.say(0, &heading);
    page.gap();
    let rows: Vec<Row> = list_rows(list);
    let is_contracted = list.rows.iter().any(|row| row.amount.is_contracted);
    let is_marked = list.rows.iter().any(|row| !row.marks().is_empty());
    let fits = without(&[(is_contracted, CONTRACT), (is_marked, MARKS)], &LIST_FITS);
    page.table("Session", &LIST_COLUMNS, &fits, &rows);
    if list.rows.len() < list.found {
        page.gap();
        page.say(0, &format!("{} of {} sessions; all of them: --limit 0", list.rows.len(), list.found));
    }
    page.text(is_terminal)
}

fn list_rows(list: &List) -> Vec<Row> {
    let decimals = list.rows.iter().map(|row| decimals_of(&row.amount)).min().unwrap_or(2);
    let ids: Vec<&str> = list.rows.iter().map(|row| row.session.as_str()).collect();
    let ids = beginnings(&ids);
    let time = |at_ms: Option<i64>| at_ms.map(|at_ms| local(at_ms, &list.zone, MINUTE)).unwrap_or_default();
    let row = |(listed, id): (&Listed, String)| {
        let projects: Vec<&str> = listed.projects.iter().map(Place::short).collect();
        let mut cells = vec![
            time(listed.began_ms),
            time(listed.last_answer_ms),
            length(listed.duration_ms()),
            first(&projects, Dimension::Project),
            first(&listed.branches, Dimension::Branch),
            first(&listed.models, Dimension::Model),
            nonzero(i64::try_from(listed.agents).unwrap_or(i64::MAX)),
            grouped(listed.amount.responses),
        ];
        let mut tokens = String::new();
        push_short(&mut tokens, listed.amount.tokens.total());
        cells.push(tokens);
        cells.extend(costs(&listed.amount, decimals));
        cells.push(listed.marks().join(", "));
        Row { label: id, cells, is_sum: false }
    };
    list.rows.iter().zip(ids).map(row).collect()
}

/// Of each id as much as tells it from the others, and a little more.
pub(in crate::report) fn beginnings(ids: &[&str]) -> Vec<String> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    let common = |a: &str, b: &str| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let needed = sorted.windows(2).map(|pair| common(pair[0], pair[1]) + 1).max().unwrap_or_default();
    ids.iter().map(|id| id.chars().take(needed.max(ID)).collect()).collect()
}

/// One, with all that happened in it. `with_events`: each with its time; `explains`: what there is to know of costs.
pub fn one(session: &Session, with_events: bool, explains: bool, width: usize, is_terminal: bool) -> String {
    let decimals = decimals_of(&session.total);
    let mut page = Page::new(width);
    page.title(&format!("Session {}", session.id));
    page.gap();
    page.items(INDENT, &head(session, decimals));
    models(&mut page, session, decimals);
    agents(&mut page, session, decimals);
    tools(&mut page, session);
    events(&mut page, session, with_events);
    stretches(&mut page, session, decimals);
    lives::show(&mut page, &session.lives, &session.zone, INDENT);
    processes::show(&mut page, &session.trees, &session.zone);
    for (at, line) in warnings(&session.unpriced).iter().enumerate() {
        if at == 0 {
            page.gap();
        }
        page.say(if at == 0 { 0 } else { INDENT }, line);
    }
    if explains {
        remarks::show(&mut page, &session.remarks, &session.unpriced, decimals);
        let of = [&session.transcript, &session.otel];
        client::show(&mut page, &session.client, of, &session.zone, decimals);
    }
    page.text(is_terminal)
}

fn head(session: &Session, decimals: u32) -> Vec<(&'static str, String)> {
    let time = |at_ms: i64| local(at_ms, &session.zone, SECOND);
    let zone = calendar::zone_name(&session.zone);
    let place = |place: &Place| match &place.alias {
        Some(alias) => format!("{alias} ({})", place.path),
        None => place.path.clone(),
    };
    let projects: Vec<String> = session.projects.iter().map(place).collect();
    let mut items = vec![
        (plural("project", "projects", &projects), projects.join(", ")),
        (plural("branch", "branches", &session.branches), session.branches.join(", ")),
        (plural("account", "accounts", &session.accounts), session.accounts.join(", ")),
        (plural("host", "hosts", &session.hosts), session.hosts.join(", ")),
        ("began", session.began_ms.map(|at| format!("{}, {zone}", time(at))).unwrap_or_default()),
        ("last answer", session.last_answer_ms.map(time).unwrap_or_default()),
        ("ended", session.ended_ms.map(time).unwrap_or_default()),
        ("duration", duration(session)),
        ("cost", spent(&session.total, decimals)),
        ("forked from", session.forked_from.join(", ")),
        (plural("fork", "forks", &session.forks), session.forks.join(", ")),
    ];
    items.retain(|(_, said)| !said.is_empty());
    items
}

fn plural(one: &'static str, many: &'static str, names: &[String]) -> &'static str {
    if names.len() > 1 { many } else { one }
}

fn duration(session: &Session) -> String {
    let active = length(Some(session.active_ms));
    let duration = length(session.duration_ms());
    if duration.is_empty() { duration } else { format!("{duration}, of it {active} active") }
}

fn spent(amount: &Amount, decimals: u32) -> String {
    let mut text = list_cost(amount, decimals);
    if amount.is_contracted {
        text += " (contract ";
        push_cost(&mut text, amount.contract_picousd, amount.contract_priced(), decimals);
        text.push(')');
    }
    let responses = counted(amount.responses, "response");
    format!("{text} for {responses}, {}", counted(amount.tokens.total(), "token"))
}

fn models(page: &mut Page, session: &Session, decimals: u32) {
    if session.models.is_empty() {
        return;
    }
    let row = |name: &str, amount: &Amount, is_sum| {
        let tokens = &amount.tokens;
        let counts = [
            amount.responses,
            tokens.input,
            tokens.output,
            tokens.cache_write_5m + tokens.cache_write_1h,
            tokens.cache_read,
            tokens.total(),
        ];
        let cells = counts.into_iter().map(grouped).chain(costs(amount, decimals)).collect();
        Row { label: name.into(), cells, is_sum }
    };
    let mut rows: Vec<Row> =
        session.models.iter().map(|model| row(name_or_none(&model.name), &model.amount, false)).collect();
    if rows.len() > 1 {
        rows.push(row("Total", &session.total, true));
    }
    let fits = without(&[(session.total.is_contracted, 7)], &MODEL_FITS);
    page.gap();
    page.table("Model", &MODEL_COLUMNS, &fits, &rows);
}

/// Without the columns that have nothing to say.
fn without(columns: &[(bool, usize)], fits: &[&[usize]]) -> Vec<Vec<usize>> {
    let is_shown =
        |at: &&usize| columns.iter().all(|(has_something, column)| *has_something || column != *at);
    fits.iter().map(|fit| fit.iter().filter(is_shown).copied().collect()).collect()
}

fn agents(page: &mut Page, session: &Session, decimals: u32) {
    if session.agents.len() < 2 {
        return;
    }
    let row = |agent: &Agent| {
        let [own, total] = [&agent.own, &agent.total];
        let cells = vec![
            first(&agent.models, Dimension::Model),
            length(agent.duration_ms()),
            grouped(own.responses),
            grouped(own.tokens.total()),
            list_cost(own, decimals),
            grouped(total.tokens.total()),
            list_cost(total, decimals),
        ];
        Row { label: format!("{}{}", "  ".repeat(agent.depth), agent_name(agent)), cells, is_sum: false }
    };
    let rows: Vec<Row> = session.agents.iter().map(row).collect();
    page.gap();
    page.table("Agent", &AGENT_COLUMNS, &AGENT_FITS, &rows);
}

fn agent_name(agent: &Agent) -> String {
    match (agent.id.as_str(), agent.agent_type.as_str()) {
        ("", _) => "main".into(),
        (id, "") => id.into(),
        (id, agent_type) => format!("{agent_type} {id}"),
    }
}

fn tools(page: &mut Page, session: &Session) {
    if session.tools.is_empty() {
        return;
    }
    let row = |tool: &super::Tool| {
        let counts = [tool.ok, tool.error, tool.denied, tool.interrupted, tool.open];
        let cells = [grouped(tool.calls())].into_iter().chain(counts.map(nonzero)).collect();
        Row { label: name_or_none(&tool.name).into(), cells, is_sum: false }
    };
    let rows: Vec<Row> = session.tools.iter().map(row).collect();
    page.gap();
    page.table("Tool", &TOOL_COLUMNS, &TOOL_FITS, &rows);
}

fn events(page: &mut Page, session: &Session, with_times: bool) {
    if session.events.is_empty() {
        return;
    }
    page.gap();
    if with_times {
        let row = |event: &SessionEvent| Row {
            label: local(event.at_ms, &session.zone, SECOND),
            cells: vec![one_of(event.kind).into(), event.detail.clone(), event.agent.clone()],
            is_sum: false,
        };
        let rows: Vec<Row> = session.events.iter().map(row).collect();
        let columns = [Column::Text("Event"), Column::Text("Detail"), Column::Text("Agent")];
        return page.table("Time", &columns, &[&[0, 1, 2][..], &[0, 1], &[0]], &rows);
    }
    page.title("Events");
    let mut kinds: BTreeMap<EventKind, BTreeMap<&str, i64>> = BTreeMap::new();
    for event in &session.events {
        *kinds.entry(event.kind).or_default().entry(&event.detail).or_default() += 1;
    }
    for (kind, details) in kinds {
        let all = counted(details.values().sum(), one_of(kind));
        let is_one = details.len() == 1;
        let told = details.iter().filter(|(detail, _)| !detail.is_empty()).map(|(detail, count)| {
            if is_one { (*detail).into() } else { format!("{} {detail}", grouped(*count)) }
        });
        let told: Vec<String> = told.collect();
        page.say(INDENT, &if told.is_empty() { all } else { format!("{all}: {}", told.join(", ")) });
    }
}

/// To be counted.
fn one_of(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Compaction => "compaction",
        EventKind::Retry => "retried request",
        EventKind::ApiError => "API error",
        EventKind::Interruption => "interruption",
        EventKind::ModelFallback => "model fallback",
    }
}

fn stretches(page: &mut Page, session: &Session, decimals: u32) {
    if session.stretches.len() < 2 {
        return;
    }
    page.gap();
    page.title(&format!("Active {} times, with pauses of more than an hour", session.stretches.len()));
    for stretch in &session.stretches {
        let [began, ended] = [stretch.began_ms, stretch.ended_ms].map(|at| local(at, &session.zone, MINUTE));
        let ended = ended.strip_prefix(&began[..began.len().min(11)]).map_or(ended.clone(), String::from);
        page.say(INDENT, &format!("{began} to {ended}: {}", spent(&stretch.amount, decimals)));
    }
}

/// At list price, and at the user's own.
fn costs(amount: &Amount, decimals: u32) -> [String; 2] {
    let mut contract = String::new();
    push_cost(&mut contract, amount.contract_picousd, amount.contract_priced(), decimals);
    [list_cost(amount, decimals), contract]
}

fn list_cost(amount: &Amount, decimals: u32) -> String {
    let mut text = String::new();
    push_cost(&mut text, amount.cost_picousd, amount.priced(), decimals);
    text
}

/// The first of some names, and how many there are besides.
fn first(names: &[impl AsRef<str>], of: Dimension) -> String {
    let Some((first, others)) = names.split_first() else { return String::new() };
    let name = shortened(name_or_none(first.as_ref()), Key::Name(of), NAME);
    if others.is_empty() { name.into() } else { format!("{name} +{}", others.len()) }
}

fn name_or_none(name: &str) -> &str {
    if name.is_empty() { "(none)" } else { name }
}

fn grouped(count: i64) -> String {
    let mut text = String::new();
    push_grouped(&mut text, count);
    text
}

fn nonzero(count: i64) -> String {
    if count == 0 { String::new() } else { grouped(count) }
}

/// As in `42 s`, `12 min 05 s`, `1 h 38 min` and `12 d 03 h`; empty: not known.
pub(in crate::report) fn length(milliseconds: Option<i64>) -> String {
    let Some(seconds) = milliseconds.map(|ms| ms.max(0) / 1000) else { return String::new() };
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes:02} min"),
        (days, hours, ..) => format!("{days} d {hours:02} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::{beginnings, length, list, one};
    use crate::pricing::Prices;
    use crate::report::sessions::sample::{self, FORK, PARENT, SESSION};
    use crate::report::sessions::{self, List, Order};
    use crate::report::table::columns_of;

    fn all() -> List {
        let (_dir, ledger) = sample::ledger();
        sessions::list(&ledger, &sample::all(), Order::Recent, None).unwrap()
    }

    /// The lines from one title up to the next gap.
    fn section(text: &str, title: &str) -> String {
        let lines = text.lines().skip_while(|line| !line.starts_with(title));
        lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_session_has_a_line() {
        assert_eq!(
            list(&all(), 160, false),
            "
2026-11-20 to 2026-11-21, Europe/Berlin

Session      Began             Last answer          Duration  Project  Branch   Model                   Agents  Responses  Tokens     Cost  Marks
─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
9531985d-5d  2026-11-21 09:05  2026-11-21 09:05          0 s  the web  (none)   anthropic.c…e-opus-5-5                  1    1.0M    $4.00  fork
6513270e-2a  2026-11-21 09:01  2026-11-21 09:01          0 s  shop     main     claude-opus-5-5                         1       2   <$0.01
6513270e-26  2026-11-20 09:59  2026-11-21 09:00  23 h 00 min  shop     main +1  claude-opus-5-5 +3           2          6    121k  ≥ $0.11  fork, interrupted
"
            .trim_start()
        );
    }

    #[test]
    fn what_has_no_room_goes_and_what_is_left_out_is_told() {
        let (_dir, ledger) = sample::ledger();
        let one = sessions::list(&ledger, &sample::all(), Order::Cost, Some(1)).unwrap();
        assert_eq!(
            list(&one, 80, false),
            "
2026-11-20 to 2026-11-21, Europe/Berlin

Session   Last answer       Project  Model                    Cost  Marks
─────────────────────────────────────────────────────────────────────────
9531985d  2026-11-21 09:05  the web  anthropic.c…e-opus-5-5  $4.00  fork

1 of 3 sessions; all of them: --limit 0
"
            .trim_start()
        );
    }

    #[test]
    fn one_session_tells_all_that_happened_in_it() {
        let (_dir, ledger) = sample::ledger();
        assert_eq!(
            one(&sample::session(&ledger, SESSION), false, false, 132, false),
            "
Session 6513270e-269e-4d37-a2a7-4de452e6b438

  project      /home/anna/shop
  branches     main, checkout
  account      /home/anna/.claude
  host         here
  began        2026-11-20 09:59:15, Europe/Berlin
  last answer  2026-11-21 09:00:00
  ended        2026-11-21 09:00:05
  duration     23 h 00 min, of it 10 min 50 s active
  cost         ≥ $0.11 for 6 responses, 121,241 tokens
  forked from  d23f0824-128b-4f33-ac5c-7fd0a6a3a450
  fork         9531985d-5d9d-49f8-a818-e811892f902b

Model              Responses  Input  Output  Cache write  Cache read   Tokens      Cost
───────────────────────────────────────────────────────────────────────────────────────
claude-opus-5-5            3  1,030   2,501        5,000     105,000  113,531     $0.11
claude-sonnet-5-5          1    500     100            0           0      600    <$0.01
claude-haiku-5-5           1  3,000     500            0           0    3,500    <$0.01
claude-next                1     10     200          400       3,000    3,610  unpriced
───────────────────────────────────────────────────────────────────────────────────────
Total                      6  4,540   3,301        5,400     108,000  121,241   ≥ $0.11

Agent                                  Model                  Duration  Responses   Tokens     Cost  Total tokens  Total cost
─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
main                                   claude-opus-5-5 +2  23 h 00 min          4  118,341  ≥ $0.11       121,241     ≥ $0.11
  Explore a1b2c3d4e5f6a7b8c            claude-haiku-5-5            0 s          1    2,300   <$0.01         2,900      <$0.01
    general-purpose a2d4f6b8a0c2e4f6a  claude-sonnet-5-5           0 s          1      600   <$0.01           600      <$0.01

Tool   Calls  Ok  Error  Denied  Interrupted  Open
──────────────────────────────────────────────────
Bash       3   1      1                    1
Agent      1   1
Grep       1                  1
Read       1                                     1

Events
  1 compaction: auto
  3 retried requests: 1 ECONNRESET, 2 overloaded_error
  1 API error
  1 interruption: tool_use
  1 model fallback: overloaded

Active 2 times, with pauses of more than an hour
  2026-11-20 09:59 to 10:10: ≥ $0.11 for 5 responses, 81,220 tokens
  2026-11-21 09:00 to 09:00: $0.01 for 1 response, 40,021 tokens

No price known, so costs are at least (≥). Update odin.
  claude-next: 1 response, 3,610 tokens
"
            .trim_start()
        );
    }

    #[test]
    fn events_have_times_on_request() {
        let (_dir, ledger) = sample::ledger();
        let text = one(&sample::session(&ledger, SESSION), true, false, 100, false);
        assert_eq!(
            section(&text, "Time"),
            "
Time                 Event            Detail            Agent
─────────────────────────────────────────────────────────────────────────
2026-11-20 10:01:10  retried request  overloaded_error
2026-11-20 10:01:20  retried request  ECONNRESET
2026-11-20 10:01:40  retried request  overloaded_error
2026-11-20 10:04:00  interruption     tool_use          a1b2c3d4e5f6a7b8c
2026-11-20 10:05:00  compaction       auto
2026-11-20 10:09:00  model fallback   overloaded
2026-11-20 10:09:30  API error"
                .trim_start()
        );
    }

    #[test]
    fn costs_are_explained_on_request() {
        let (_dir, ledger) = sample::ledger();
        let text = one(&sample::session(&ledger, SESSION), false, true, 100, false);
        assert_eq!(
            section(&text, "What to know"),
            format!(
                "
What to know of these costs
  aborted: 1 response, 40,021 tokens, $0.01
    The response was cut short and its last usage never came; the output is a lower bound.
  ttl_unknown: 1 response, 3,610 tokens, unpriced
    Cache writes came without their lifetime; taken as 5-minute writes, a lower bound.
  no price for claude-next: 1 response, 3,610 tokens
    Update odin, or say what it costs: `odin prices claude-next` tells how.
  Priced by {}: 6 responses",
                Prices::embedded().version
            )
            .trim_start()
        );
        let text = one(&sample::session(&ledger, FORK), false, true, 200, false);
        let said = section(&text, "What to know");
        assert!(
            said.contains("region_unknown: 1 response, 1,000,000 tokens, $4.00\n    Ran on a cloud"),
            "{said}"
        );
    }

    #[test]
    fn a_session_that_asked_nothing_has_its_links_alone() {
        let (_dir, ledger) = sample::ledger();
        let text = one(&sample::session(&ledger, PARENT), true, true, 100, false);
        let want =
            format!("Session {PARENT}\n\n  cost  $0.00 for 0 responses, 0 tokens\n  fork  {SESSION}\n");
        assert!(text.starts_with(&want), "{text}");
    }

    #[test]
    fn a_contract_has_a_column_where_there_is_one() {
        let (_dir, ledger) = sample::ledger_at(sample::halved());
        let all = sessions::list(&ledger, &sample::all(), Order::Recent, None).unwrap();
        let lists = list(&all, 160, false);
        assert!(lists.contains("Contract") && lists.contains("$4.00     $2.00"), "{lists}");
        let text = one(&sample::session(&ledger, FORK), false, false, 160, false);
        assert!(text.contains("$4.00 (contract $2.00) for 1 response"), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_but_for_a_long_word() {
        let (_dir, ledger) = sample::ledger_at(sample::halved());
        let all = sessions::list(&ledger, &sample::all(), Order::Recent, None).unwrap();
        let session = sample::session(&ledger, SESSION);
        for width in 30..170 {
            for line in [list(&all, width, false), one(&session, true, true, width, false)].concat().lines() {
                let is_word = line.split_whitespace().count() <= 3;
                assert!(columns_of(line) <= width || is_word, "{width}: {line}");
            }
        }
    }

    #[test]
    fn only_a_terminal_gets_escape_codes_and_none_from_outside() {
        let (_dir, ledger) = sample::ledger();
        let mut session = sample::session(&ledger, SESSION);
        session.branches = vec!["\x1b[31mred\r".into()];
        session.tools[0].name = "\x1b]0;x\x07".into();
        assert!(!one(&session, true, true, 100, false).contains(['\x1b', '\r', '\x07']));
        assert!(
            list(&all(), 100, true).starts_with("2026-11-20 to 2026-11-21, Europe/Berlin\n\n\x1b[1mSession")
        );
    }

    #[test]
    fn an_empty_list_says_what_there_is() {
        let mut list = List { rows: vec![], ..all() };
        let nothing = "Nothing for 2026-11-20 to 2026-11-21, Europe/Berlin: the ledger holds 2026-11-20 to 2026-11-21.\n";
        assert_eq!(super::list(&list, 80, false), nothing);
        list.ledger_span = None;
        assert_eq!(super::list(&list, 80, false), "Nothing yet: the ledger is empty.\n");
    }

    #[test]
    fn a_length_has_two_units_at_most() {
        for (seconds, want) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 00 s"),
            (3599, "59 min 59 s"),
            (3600, "1 h 00 min"),
            (86_399, "23 h 59 min"),
            (86_400, "1 d 00 h"),
            (-5, "0 s"),
        ] {
            assert_eq!(length(Some(seconds * 1000)), want);
        }
        assert_eq!(length(None), "");
    }

    #[test]
    fn ids_are_as_long_as_it_takes_to_tell_them_apart() {
        assert_eq!(beginnings(&["0123456789", "abcdefghij"]), ["01234567", "abcdefgh"]);
        assert_eq!(beginnings(&["0123456789", "ab", "0123456799"]), ["012345678", "ab", "012345679"]);
        assert_eq!(beginnings(&["0123456789"]), ["01234567"]);
        assert_eq!(beginnings(&[]), [""; 0]);
    }
}
