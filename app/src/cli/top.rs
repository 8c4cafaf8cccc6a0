//! `odin top`: live sessions, once a second.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::tz::TimeZone;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Stylize;
use ratatui::text::{Line, Text};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::cost::{self, Usage};
use super::{End, ingest, is_damaged, ledger, now, print, say};
use crate::agent::word;
use crate::config::{Config, Roots};
use crate::ingest::{Found, Look as Survey, Outcome};
use crate::ledger::Ledger;
use crate::report::Projects;
use crate::report::top::{self, Look, Order, Spending, Style, Top, View};
use crate::source::folders::Extent;
use crate::source::process::procfs::{self, Procfs};
use crate::source::process::trees::Trees;
use crate::source::registry;

pub(super) const EXAMPLES: &str = "\
Examples:
  odin top                                      until q or Ctrl-C
  odin top --once                               one table, for a script

Keys: up, down, j and k choose a session, Enter or t shows its processes, s sorts by another column, q ends.
Tokens are the average of the last five minutes; CPU % is of one core. Costs are of what the transcripts tell by now. \
It looks for itself, with or without odin agent.";

const EVERY: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub(super) struct Options {
    /// Print one table and end
    #[arg(long)]
    once: bool,
    #[arg(long, value_enum, default_value_t = Sort::Cost)]
    sort: Sort,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Sort {
    /// The dearest come first
    Cost,
    /// Those that get the most tokens a minute come first
    Tokens,
    /// Those whose processes are busiest come first
    Cpu,
    /// Those whose processes take the most memory come first
    Memory,
    /// The youngest come first
    Age,
}

impl Sort {
    fn order(self) -> Order {
        match self {
            Self::Cost => Order::Cost,
            Self::Tokens => Order::Tokens,
            Self::Cpu => Order::Cpu,
            Self::Memory => Order::Memory,
            Self::Age => Order::Age,
        }
    }
}

pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<End> {
    let is_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if !options.once && !is_terminal {
        return Err(Usage("odin top needs a terminal; for a script: odin top --once".into()).into());
    }
    let mut watch = Watch::new(config)?;
    watch.look(now_ms())?;
    let mut view = View { order: options.sort.order(), ..View::default() };
    if options.once {
        print(&watch.top().once(view.order, cost::width(), cost::is_terminal()))?;
        return Ok(End::Done);
    }
    let is_over = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&is_over)).context("cannot hear signals")?;
    }
    let mut screen = Screen::enter()?;
    let mut next_look = Instant::now() + EVERY;
    while !is_over.load(Ordering::Relaxed) {
        screen.draw(&watch, &view)?;
        if event::poll(next_look.saturating_duration_since(Instant::now())).context("cannot read keys")? {
            // The size may have changed, too, for which the next drawing asks.
            let event = event::read().context("cannot read keys")?;
            if event.as_key_press_event().is_some_and(|key| !obey(key, &mut view, &watch.top())) {
                break;
            }
        }
        if Instant::now() >= next_look {
            watch.look(now_ms())?;
            next_look = Instant::now() + EVERY;
        }
    }
    Ok(End::Done)
}

/// False: to end.
fn obey(key: KeyEvent, view: &mut View, top: &Top) -> bool {
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
        KeyCode::Down | KeyCode::Char('j') => top.choose(view, 1),
        KeyCode::Up | KeyCode::Char('k') => top.choose(view, -1),
        KeyCode::Enter | KeyCode::Char('t') => {
            // It stays chosen, wherever it is sorted to.
            top.choose(view, 0);
            view.shows_tree = !view.shows_tree;
        }
        KeyCode::Char('s') => view.order = view.order.next(),
        _ => {}
    }
    true
}

fn now_ms() -> i64 {
    i64::try_from(now().as_millis()).unwrap_or(i64::MAX)
}

/// What is looked at, and what was found.
struct Watch<'c> {
    config: &'c Config,
    projects: Projects,
    zone: TimeZone,
    ledger: Ledger,
    is_writable: bool,
    data_version: i64,
    procfs: Procfs,
    trees: Trees,
    now: Look,
    before: Option<Look>,
    spendings: HashMap<String, Spending>,
    /// What somebody should know who sees this.
    note: Option<String>,
}

impl<'c> Watch<'c> {
    /// Takes in what is new in the transcripts, which takes a while where nobody did for long.
    fn new(config: &'c Config) -> anyhow::Result<Self> {
        let zone = cost::zone(None, config.timezone.as_deref())?;
        let projects = cost::projects(config)?;
        let (mut ledger, writable) = ledger::open_at_least_to_read(config)?;
        let is_writable = writable.is_ok();
        let news = match writable {
            Ok(()) if word::is_current(&config.state_dir, &config.claude_dirs) => Ok(()),
            Ok(()) => {
                let found = ingest::looks(&ledger, config, Extent::Awake)?;
                let found = found.into_iter().map(Survey::finish).collect();
                ingest::quietly(&mut ledger, found, Outcome::default())
            }
            Err(error) => Err(error),
        };
        let note = match news {
            Ok(()) => None,
            Err(error) if is_damaged(&error) => return Err(error),
            Err(error) => {
                let note = format!("costs lack what is new: {error:#}");
                say(&format!("odin: {note}"));
                Some(note)
            }
        };
        let roots = Roots::default();
        // Programs that ended before this began, as an agent saw them.
        let boot = procfs::boot_id(&roots);
        let past = boot.map(|boot| ledger.past_trees(&ingest::host(), &boot)).transpose()?;
        Ok(Self {
            config,
            projects,
            zone,
            data_version: ledger.data_version()?,
            ledger,
            is_writable,
            procfs: Procfs::open(&roots, false)?,
            trees: Trees::resume(past.unwrap_or_default()),
            now: Look::default(),
            before: None,
            spendings: HashMap::new(),
            note,
        })
    }

    fn top(&self) -> Top<'_> {
        Top { now: &self.now, before: self.before.as_ref(), spendings: &self.spendings, zone: &self.zone }
    }

    fn look(&mut self, now_ms: i64) -> anyhow::Result<()> {
        let registered = registry::read(&self.config.claude_dirs);
        // What children that have ended used is charged by the look after the one that found it.
        let looks = if self.now.at_ms == 0 { 2 } else { 1 };
        for _ in 0..looks {
            let snapshot = self.procfs.snapshot()?;
            self.trees.update(&snapshot, &mut self.procfs, &registered.clients, now_ms);
        }
        let now = Look { at_ms: now_ms, trees: self.trees.sessions() };
        let before = std::mem::replace(&mut self.now, now);
        self.before = Some(before).filter(|before| before.at_ms > 0);
        match self.read() {
            Err(error) if is_damaged(&error) => Err(error),
            Err(error) => {
                self.note = Some(format!("costs lack what is new: {error:#}"));
                Ok(())
            }
            Ok(()) => {
                if self.is_writable {
                    self.note = None;
                }
                Ok(())
            }
        }
    }

    /// Takes in what is new, and reads of live sessions what may have changed.
    fn read(&mut self) -> anyhow::Result<()> {
        let is_first = self.before.is_none();
        let has_grown = !is_first && self.take_in()?;
        let version = self.ledger.data_version()?;
        if has_grown || version != self.data_version {
            self.spendings.clear();
            self.data_version = version;
        }
        for tree in &self.now.trees {
            if !self.spendings.contains_key(&tree.session) {
                let spending = top::spending(&self.ledger, &tree.session, &self.projects, self.now.at_ms)?;
                self.spendings.insert(tree.session.clone(), spending);
            }
        }
        Ok(())
    }

    /// Whether there was any.
    fn take_in(&mut self) -> anyhow::Result<bool> {
        if !self.is_writable || word::is_current(&self.config.state_dir, &self.config.claude_dirs) {
            return Ok(false);
        }
        let looks = ingest::looks(&self.ledger, self.config, Extent::Awake)?;
        let found: Vec<Found> = looks.into_iter().map(Survey::finish).collect();
        let is_any = found.iter().any(Found::is_any);
        for found in found {
            found.take_in(&mut self.ledger, &mut ())?;
        }
        Ok(is_any)
    }
}

/// A terminal that is drawn upon; it is as it was when this is dropped, and after a panic.
struct Screen(DefaultTerminal);

impl Screen {
    fn enter() -> anyhow::Result<Self> {
        Ok(Self(ratatui::try_init().context("cannot draw on this terminal")?))
    }

    fn draw(&mut self, watch: &Watch, view: &View) -> anyhow::Result<()> {
        let drawn = self.0.draw(|frame| {
            let area = frame.area();
            let lines =
                watch.top().screen(view, area.width.into(), area.height.into(), watch.note.as_deref());
            let line = |(line, style): (String, Style)| match style {
                Style::Plain => Line::from(line),
                Style::Bold => Line::from(line).bold(),
                Style::Chosen => Line::from(format!("{line:<width$}", width = area.width.into())).reversed(),
            };
            frame.render_widget(lines.into_iter().map(line).collect::<Text>(), area);
        });
        drawn.context("cannot draw on this terminal").map(|_| ())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}
