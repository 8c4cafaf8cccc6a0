//! Live sessions as a look from outside finds them: what each has cost, and what its processes take now.
//!
//! [`spending`] is what the ledger has of one; [`Top`] puts that beside two looks at processes, and [`Top::screen`]
//! makes the lines of a terminal of it.

use std::cmp::Reverse;
use std::collections::HashMap;

use jiff::tz::TimeZone;

use super::number::{bytes, counted, cpu_time, push_grouped, push_short};
use super::page::{Column, Page, Row};
use super::sessions::processes::by_origin;
use super::sessions::table::{beginnings, length};
use super::sessions::{Place, local};
use super::text::{decimals_of, push_cost};
use super::{Amount, Error, Projects};
use crate::ledger::Ledger;
use crate::model::process::{Member, SessionTree};

/// Tokens a minute are the average of so long.
pub const RATE_MS: i64 = 5 * 60_000;

const COLUMNS: [Column; 10] = [
    Column::Text("Project"),
    Column::Text("State"),
    Column::Number("Age"),
    Column::Number("Cost"),
    Column::Number("Tokens/min"),
    Column::Number("CPU %"),
    Column::Number("CPU"),
    Column::Number("Memory"),
    Column::Number("Processes"),
    Column::Number("I/O"),
];
const FITS: [&[usize]; 7] = [
    &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    &[0, 1, 2, 3, 4, 5, 6, 7, 8],
    &[0, 1, 3, 4, 5, 6, 7, 8],
    &[0, 1, 3, 4, 5, 7],
    &[1, 3, 4, 5, 7],
    &[3, 5, 7],
    &[3],
];

const TREE_COLUMNS: [Column; 8] = [
    Column::Number("Pid"),
    Column::Text("Kind"),
    Column::Number("CPU %"),
    Column::Number("CPU"),
    Column::Number("Memory"),
    Column::Number("Threads"),
    Column::Number("Files"),
    Column::Number("Age"),
];
const TREE_FITS: [&[usize]; 5] =
    [&[0, 1, 2, 3, 4, 5, 6, 7], &[0, 1, 2, 3, 4, 7], &[0, 2, 3, 4], &[2, 4], &[4]];

/// Lines of a table above its first row.
const TITLES: usize = 2;
/// Sessions that stay in sight beside a tree.
const FEWEST: usize = 3;

const KEYS: &str = "q quit   ↑↓ choose   t tree   s sort";

/// What the ledger has of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spending {
    /// Of its last response.
    pub project: Option<Place>,
    pub amount: Amount,
    /// Times, milliseconds since the epoch, and tokens of its last responses.
    pub recent: Vec<(i64, i64)>,
}

impl Spending {
    fn tokens_per_minute(&self, now_ms: i64) -> i64 {
        let since = now_ms - RATE_MS;
        let tokens: i64 =
            self.recent.iter().filter(|(at_ms, _)| *at_ms > since).map(|(_, tokens)| tokens).sum();
        tokens / (RATE_MS / 60_000)
    }
}

/// Reads a session, of which the ledger may have nothing yet.
pub fn spending(ledger: &Ledger, session: &str, projects: &Projects, now_ms: i64) -> Result<Spending, Error> {
    let _snapshot = ledger.snapshot()?;
    let mut spending = Spending::default();
    let Some((id, _)) = ledger.sessions_named(session)?.into_iter().find(|(_, name)| name == session) else {
        return Ok(spending);
    };
    let origins = ledger.session_origins(id)?;
    let (mut last_ms, mut project) = (i64::MIN, String::new());
    ledger.session_responses(id, &origins, |response| {
        let told = &response.told;
        spending.amount.add(&told.cell, id);
        if told.at_ms > now_ms - RATE_MS {
            spending.recent.push((told.at_ms, told.cell.sums.tokens.total()));
        }
        if told.at_ms >= last_ms {
            last_ms = told.at_ms;
            project.clone_from(&response.origin.project);
        }
    })?;
    spending.amount.settle();
    spending.project = Some(project).filter(|path| !path.is_empty()).map(|path| Place::new(path, projects));
    Ok(spending)
}

/// The trees of a moment.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    pub trees: Vec<SessionTree>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The dearest first.
    #[default]
    Cost,
    Tokens,
    Cpu,
    Memory,
    /// The youngest first.
    Age,
}

impl Order {
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Cost => Self::Tokens,
            Self::Tokens => Self::Cpu,
            Self::Cpu => Self::Memory,
            Self::Memory => Self::Age,
            Self::Age => Self::Cost,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Tokens => "tokens a minute",
            Self::Cpu => "CPU",
            Self::Memory => "memory",
            Self::Age => "age",
        }
    }
}

/// What somebody looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    pub order: Order,
    pub chosen: Option<String>,
    pub shows_tree: bool,
}

/// How a line is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Bold,
    Chosen,
}

/// All that is known of live sessions.
#[derive(Debug, Clone, Copy)]
pub struct Top<'t> {
    pub now: &'t Look,
    /// The one before, which tells what is going on.
    pub before: Option<&'t Look>,
    pub spendings: &'t HashMap<String, Spending>,
    pub zone: &'t TimeZone,
}

impl<'t> Top<'t> {
    /// Those that run, and those that have left processes behind.
    pub fn sessions(&self, order: Order) -> Vec<&'t SessionTree> {
        let is_live = |tree: &&SessionTree| !tree.clients.is_empty() || !tree.members.is_empty();
        let mut sessions: Vec<&SessionTree> = self.now.trees.iter().filter(is_live).collect();
        sessions.sort_by_cached_key(|tree| {
            let spending = self.spendings.get(&tree.session);
            let rank: i128 = match order {
                Order::Cost => spending.map_or(0, |spending| spending.amount.cost_picousd),
                Order::Tokens => self.tokens_per_minute(tree).into(),
                Order::Cpu => self.cpu_percent(tree).unwrap_or_default().into(),
                Order::Memory => tree.rss_bytes().into(),
                Order::Age => tree.started_ms.into(),
            };
            (Reverse(rank), tree.session.clone())
        });
        sessions
    }

    /// Goes so many sessions down, or up, from the one that is chosen.
    pub fn choose(&self, view: &mut View, step: isize) {
        let sessions = self.sessions(view.order);
        let at = chosen(&sessions, view).saturating_add_signed(step);
        view.chosen = sessions.get(at.min(sessions.len().saturating_sub(1))).map(|tree| tree.session.clone());
    }

    /// One table, for a script.
    pub fn once(&self, order: Order, width: usize, is_terminal: bool) -> String {
        let sessions = self.sessions(order);
        let mut page = Page::new(width);
        self.table(&mut page, &sessions);
        page.text(is_terminal)
    }

    /// The lines of a terminal. `note` stands at the bottom.
    pub fn screen(
        &self,
        view: &View,
        width: usize,
        height: usize,
        note: Option<&str>,
    ) -> Vec<(String, Style)> {
        let sessions = self.sessions(view.order);
        let chosen = chosen(&sessions, view);
        let heading = format!(
            "odin top  {}  {} by {}",
            local(self.now.at_ms, self.zone, "%T"),
            counted(i64::try_from(sessions.len()).unwrap_or(i64::MAX), "live session"),
            view.order.name()
        );
        let mut page = Page::new(width);
        self.table(&mut page, &sessions);
        let mut lines = page.lines();
        let bottom = lines.split_off(lines.len().min(TITLES + sessions.len()));
        let rows = lines.split_off(lines.len().min(TITLES));
        let tree = sessions.get(chosen).filter(|_| view.shows_tree).map(|tree| self.tree(tree, width));
        let mut room = height.saturating_sub(2 + TITLES + bottom.len() + 1);
        if tree.is_some() {
            room = room.min((room / 2).max(FEWEST));
        }
        let first = (chosen + 1).saturating_sub(room);
        let style = |is_bold| if is_bold { Style::Bold } else { Style::Plain };
        let mut shown = vec![(heading, Style::Bold), (String::new(), Style::Plain)];
        shown.extend(lines.into_iter().map(|(line, is_bold)| (line, style(is_bold))));
        for (at, (line, is_bold)) in rows.into_iter().enumerate().skip(first).take(room) {
            shown.push((line, if at == chosen { Style::Chosen } else { style(is_bold) }));
        }
        let rest = bottom.into_iter().chain(tree.unwrap_or_default());
        shown.extend(rest.map(|(line, is_bold)| (line, style(is_bold))));
        shown.resize(height.saturating_sub(1), (String::new(), Style::Plain));
        shown.push((note.map_or_else(|| KEYS.into(), |note| format!("{KEYS}   {note}")), Style::Plain));
        shown
    }

    fn table(&self, page: &mut Page, sessions: &[&SessionTree]) {
        if sessions.is_empty() {
            return page.say(0, "No session is live.");
        }
        let amounts = sessions.iter().filter_map(|tree| Some(&self.spendings.get(&tree.session)?.amount));
        let decimals = amounts.clone().map(decimals_of).min().unwrap_or(2);
        let mut total = Amount::default();
        amounts.for_each(|amount| total.merge(amount));
        total.settle();
        let ids: Vec<&str> = sessions.iter().map(|tree| tree.session.as_str()).collect();
        let mut rows: Vec<Row> = vec![];
        for (tree, label) in sessions.iter().zip(beginnings(&ids)) {
            let spending = self.spendings.get(&tree.session);
            let place = spending.and_then(|spending| spending.project.clone());
            let place = place.unwrap_or_else(|| Place { path: tree.cwd.clone(), alias: None });
            let amount = spending.map(|spending| &spending.amount);
            let mut cells = vec![place.short().into(), state(tree).into(), self.age(tree.started_ms)];
            cells.push(amount.map(|amount| cost(amount, decimals)).unwrap_or_default());
            cells.extend([short(self.tokens_per_minute(tree)), percent(self.cpu_percent(tree))]);
            cells.extend(resources(&[tree]));
            rows.push(Row { label, cells, is_sum: false });
        }
        if sessions.len() > 1 {
            let mut cells = vec![String::new(), String::new(), String::new(), cost(&total, decimals)];
            cells.push(short(sessions.iter().map(|tree| self.tokens_per_minute(tree)).sum()));
            cells.push(percent(
                sessions.iter().filter_map(|tree| self.cpu_percent(tree)).reduce(|a, b| a + b),
            ));
            cells.extend(resources(sessions));
            rows.push(Row { label: "Total".into(), cells, is_sum: true });
        }
        page.table("Session", &COLUMNS, &said(&FITS, &rows), &rows);
    }

    /// The processes of a session that live.
    fn tree(&self, tree: &SessionTree, width: usize) -> Vec<(String, bool)> {
        let mut page = Page::new(width);
        page.gap();
        let parent = tree.parent_session.as_ref().map(|parent| format!(", started from session {parent}"));
        page.title(&format!("Session {} in {}{}", tree.session, tree.cwd, parent.unwrap_or_default()));
        let places: HashMap<u32, usize> =
            tree.members.iter().enumerate().map(|(at, member)| (member.id.pid, at)).collect();
        let of_member = |member: &Member| (places.get(&member.ppid).copied(), member.spent.cpu_ms());
        let members: Vec<_> = tree.members.iter().map(of_member).collect();
        let row = |(at, depth): (usize, usize)| {
            let member: &Member = &tree.members[at];
            let cells = vec![
                member.id.pid.to_string(),
                member.kind.name().into(),
                percent(self.member_cpu_percent(member)),
                cpu_time(member.spent.cpu_ms()),
                bytes(member.rss_bytes),
                grouped(member.threads),
                member.open_fds.map(grouped).unwrap_or_default(),
                self.age(member.started_ms),
            ];
            Row { label: format!("{}{}", "  ".repeat(depth), member.name), cells, is_sum: false }
        };
        let rows: Vec<Row> = by_origin(&members).into_iter().map(row).collect();
        page.table("Process", &TREE_COLUMNS, &said(&TREE_FITS, &rows), &rows);
        page.lines()
    }

    fn tokens_per_minute(&self, tree: &SessionTree) -> i64 {
        let spending = self.spendings.get(&tree.session);
        spending.map_or(0, |spending| spending.tokens_per_minute(self.now.at_ms))
    }

    fn age(&self, started_ms: i64) -> String {
        length(Some(self.now.at_ms - started_ms))
    }

    /// Of one core, since the look before.
    fn cpu_percent(&self, tree: &SessionTree) -> Option<u64> {
        let trees = &self.before?.trees;
        let before = trees.iter().find(|before| before.session == tree.session)?;
        self.rate(before.totals.spent.cpu_ms(), tree.totals.spent.cpu_ms())
    }

    fn member_cpu_percent(&self, member: &Member) -> Option<u64> {
        let mut members = self.before?.trees.iter().flat_map(|tree| &tree.members);
        let before = members.find(|before| before.id == member.id)?;
        self.rate(before.spent.cpu_ms(), member.spent.cpu_ms())
    }

    fn rate(&self, before_ms: u64, now_ms: u64) -> Option<u64> {
        let passed_ms = u64::try_from(self.now.at_ms - self.before?.at_ms).ok()?;
        (now_ms.saturating_sub(before_ms) * 100).checked_div(passed_ms)
    }
}

/// CPU time, memory, processes and I/O.
fn resources(trees: &[&SessionTree]) -> [String; 4] {
    let sum = |of: fn(&SessionTree) -> u64| trees.iter().map(|tree| of(tree)).sum::<u64>();
    let is_io_known = trees.iter().any(|tree| tree.totals.is_io_known);
    let io = sum(|tree| tree.totals.spent.read_bytes + tree.totals.spent.written_bytes);
    [
        cpu_time(sum(|tree| tree.totals.spent.cpu_ms())),
        bytes(sum(SessionTree::rss_bytes)),
        grouped(sum(|tree| tree.members.len() as u64)),
        if is_io_known { bytes(io) } else { String::new() },
    ]
}

/// Without the columns that say nothing.
fn said(fits: &[&[usize]], rows: &[Row]) -> Vec<Vec<usize>> {
    let is_said = |at: &usize| rows.iter().any(|row| !row.cells[*at].is_empty());
    fits.iter().map(|fit| fit.iter().copied().filter(is_said).collect()).collect()
}

/// Where the chosen session is; the first if none is chosen, or it is gone.
fn chosen(sessions: &[&SessionTree], view: &View) -> usize {
    let is_chosen = |tree: &&SessionTree| Some(&tree.session) == view.chosen.as_ref();
    sessions.iter().position(is_chosen).unwrap_or_default()
}

fn state(tree: &SessionTree) -> &str {
    match tree.status.as_str() {
        _ if tree.clients.is_empty() => "ended",
        "" => "live",
        status => status,
    }
}

fn cost(amount: &Amount, decimals: u32) -> String {
    let mut text = String::new();
    push_cost(&mut text, amount.cost_picousd, amount.priced(), decimals);
    text
}

fn percent(percent: Option<u64>) -> String {
    percent.map(|percent| percent.to_string()).unwrap_or_default()
}

fn short(count: i64) -> String {
    let mut text = String::new();
    push_short(&mut text, count);
    text
}

fn grouped(count: u64) -> String {
    let mut text = String::new();
    push_grouped(&mut text, i64::try_from(count).unwrap_or(i64::MAX));
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use jiff::tz::TimeZone;

    use super::{Look, Order, Spending, Style, Top, View, spending};
    use crate::model::process::{Member, ProcessId, ProcessKind, SessionTree, Spent, Totals};
    use crate::report::sessions::sample::{self, SESSION};

    const NOW_MS: i64 = 1_795_536_000_000;

    fn member(pid: u32, parent: u32, name: &str, cpu_user_ms: u64) -> Member {
        Member {
            ppid: parent,
            kind: if parent == 1 { ProcessKind::Claude } else { ProcessKind::Shell },
            name: name.into(),
            spent: Spent { cpu_user_ms, ..Spent::default() },
            threads: 3,
            rss_bytes: u64::from(pid) << 20,
            open_fds: Some(20),
            ..Member::new(ProcessId { start_ticks: pid.into(), pid }, NOW_MS - 65_000)
        }
    }

    /// Whose client has pid and memory in MiB of `pid`.
    fn session(name: &str, pid: u32, cpu_user_ms: u64) -> SessionTree {
        let client = member(pid, 1, "claude", cpu_user_ms);
        SessionTree {
            session: name.into(),
            parent_session: None,
            clients: vec![client.id],
            config_dir: "/c".into(),
            cwd: "/work/shop".into(),
            entrypoint: "cli".into(),
            kind: "interactive".into(),
            version: "2.1.330".into(),
            status: "busy".into(),
            started_ms: NOW_MS - i64::from(pid) * 1000,
            ended_ms: None,
            totals: Totals { spent: client.spent, ..Totals::default() },
            members: vec![client, member(pid + 1, pid, "bash", 0)],
            programs: vec![],
        }
    }

    fn spent(cost_picousd: i128, recent: &[(i64, i64)]) -> Spending {
        let mut spending = Spending { recent: recent.to_vec(), ..Spending::default() };
        spending.amount.cost_picousd = cost_picousd;
        spending
    }

    /// One that is dear, one that is busy and has much memory, and one that has just ended; a second apart.
    fn looks() -> (Look, Look, HashMap<String, Spending>) {
        let before = vec![session("dear", 100, 1000), session("busy", 300, 1000)];
        let mut now = vec![session("dear", 100, 1000), session("busy", 300, 1900), session("over", 50, 0)];
        now[2].clients.clear();
        let mut gone = session("gone", 10, 0);
        gone.clients.clear();
        gone.members.clear();
        now.push(gone);
        let dear = spent(2_000_000_000_000, &[(NOW_MS - 1000, 700), (NOW_MS - 400_000, 9000)]);
        let spendings = HashMap::from([("dear".into(), dear), ("busy".into(), spent(0, &[]))]);
        (Look { at_ms: NOW_MS - 1000, trees: before }, Look { at_ms: NOW_MS, trees: now }, spendings)
    }

    #[test]
    fn sessions_are_sorted_by_what_is_asked_for() {
        let (before, now, spendings) = looks();
        let top = Top { now: &now, before: Some(&before), spendings: &spendings, zone: &TimeZone::UTC };
        let sorted = |order| {
            let sessions = top.sessions(order);
            sessions.iter().map(|tree| tree.session.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(sorted(Order::Cost), ["dear", "busy", "over"], "what left nothing behind is not shown");
        assert_eq!(sorted(Order::Tokens), ["dear", "busy", "over"]);
        assert_eq!(sorted(Order::Cpu), ["busy", "dear", "over"]);
        assert_eq!(sorted(Order::Memory), ["busy", "dear", "over"]);
        assert_eq!(sorted(Order::Age), ["over", "dear", "busy"]);
        let mut order = Order::Cost;
        for _ in 0..5 {
            order = order.next();
        }
        assert_eq!(order, Order::Cost);
    }

    #[test]
    fn once_is_a_table_alone() {
        let (_, now, spendings) = looks();
        let top = Top { now: &now, before: None, spendings: &spendings, zone: &TimeZone::UTC };
        assert_eq!(
            top.once(Order::Cost, 120, false),
            "
Session  Project  State         Age   Cost  Tokens/min     CPU   Memory  Processes
──────────────────────────────────────────────────────────────────────────────────
dear     shop     busy   1 min 40 s  $2.00         140  1.00 s  201 MiB          2
busy     shop     busy   5 min 00 s  $0.00           0  1.90 s  601 MiB          2
over     shop     ended        50 s                  0  0.00 s  101 MiB          2
──────────────────────────────────────────────────────────────────────────────────
Total                                $2.00         140  2.90 s  903 MiB          6
"
            .trim_start()
        );
        let nothing = Look::default();
        let top = Top { now: &nothing, ..top };
        assert_eq!(top.once(Order::Cost, 120, false), "No session is live.\n");
    }

    #[test]
    fn a_screen_shows_the_chosen_session_and_its_tree() {
        let (before, now, spendings) = looks();
        let top = Top { now: &now, before: Some(&before), spendings: &spendings, zone: &TimeZone::UTC };
        let mut view = View { shows_tree: true, ..View::default() };
        top.choose(&mut view, 1);
        assert_eq!(view.chosen.as_deref(), Some("busy"));
        let screen = top.screen(&view, 100, 18, Some("a note"));
        let text: Vec<&str> = screen.iter().map(|(line, _)| line.as_str()).collect();
        assert_eq!(
            text.join("\n"),
            "
odin top  16:00:00  3 live sessions by cost

Session  Project  State         Age   Cost  Tokens/min  CPU %     CPU   Memory  Processes
─────────────────────────────────────────────────────────────────────────────────────────
dear     shop     busy   1 min 40 s  $2.00         140      0  1.00 s  201 MiB          2
busy     shop     busy   5 min 00 s  $0.00           0     90  1.90 s  601 MiB          2
over     shop     ended        50 s                  0         0.00 s  101 MiB          2
─────────────────────────────────────────────────────────────────────────────────────────
Total                                $2.00         140     90  2.90 s  903 MiB          6

Session busy in /work/shop
Process  Pid  Kind    CPU %     CPU   Memory  Threads  Files         Age
────────────────────────────────────────────────────────────────────────
claude   300  claude     90  1.90 s  300 MiB        3     20  1 min 05 s
  bash   301  shell       0  0.00 s  301 MiB        3     20  1 min 05 s


q quit   ↑↓ choose   t tree   s sort   a note"
                .trim_start()
        );
        let chosen: Vec<usize> = (0..screen.len()).filter(|at| screen[*at].1 == Style::Chosen).collect();
        assert_eq!(chosen, [5]);
    }

    #[test]
    fn a_choice_stays_with_its_session_and_within_the_list() {
        let (before, mut now, spendings) = looks();
        let mut view = View::default();
        let top = Top { now: &now, before: Some(&before), spendings: &spendings, zone: &TimeZone::UTC };
        top.choose(&mut view, -1);
        assert_eq!(view.chosen.as_deref(), Some("dear"));
        top.choose(&mut view, 9);
        assert_eq!(view.chosen.as_deref(), Some("over"));
        view.order = Order::Age;
        top.choose(&mut view, 0);
        assert_eq!(view.chosen.as_deref(), Some("over"), "it is first now");
        now.trees.clear();
        let top = Top { now: &now, before: None, spendings: &spendings, zone: &TimeZone::UTC };
        top.choose(&mut view, 1);
        assert_eq!(view.chosen, None);
    }

    #[test]
    fn the_chosen_session_is_in_sight_on_any_terminal() {
        let (before, now, spendings) = looks();
        let top = Top { now: &now, before: Some(&before), spendings: &spendings, zone: &TimeZone::UTC };
        for height in 0..30 {
            for width in [0, 20, 60, 200] {
                for (shows_tree, chosen) in [(false, "over"), (true, "over"), (false, "dear"), (true, "dear")]
                {
                    let view = View { shows_tree, chosen: Some(chosen.into()), ..View::default() };
                    let screen = top.screen(&view, width, height, None);
                    assert_eq!(screen.len(), height.max(1));
                    let is_in_sight = screen.iter().any(|(_, style)| *style == Style::Chosen);
                    assert_eq!(is_in_sight, height >= 8, "{width} by {height}: {screen:?}");
                }
            }
        }
    }

    #[test]
    fn spending_is_of_the_whole_session_and_of_its_last_minutes() {
        let (_dir, ledger) = sample::ledger();
        let at_ms = "2026-11-20T09:04Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let found = spending(&ledger, SESSION, &sample::projects(), at_ms).unwrap();
        assert_eq!((found.amount.responses, found.project.unwrap().path.as_str()), (6, "/home/anna/shop"));
        let unknown = spending(&ledger, &SESSION[..8], &sample::projects(), at_ms).unwrap();
        assert_eq!(unknown, Spending::default(), "a beginning is not the id");
    }
}
