//! Runs all day: one thread writes the ledger, one serves, one for each collector; and what they do for each other.

pub mod claude;
pub mod keeper;
pub mod latency;
pub mod lock;
pub mod memory;
mod network;
pub mod notify;
pub mod otlp;
pub mod page;
mod probes;
pub mod processes;
pub mod runner;
pub mod sessions;
pub mod word;

use std::io;
use std::iter::successors;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use hyper::StatusCode;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing::{error, info, warn};

use crate::collector::{self, rapl};
use crate::config::{Config, Roots};
use crate::endpoint::{self, Response, Route, Server, check_bind, web_config::WebConfig};
use crate::ledger::Ledger;
use crate::metrics::exposition::Format;
use crate::metrics::filter::Filter;
use claude::{Calendar, Claude};
use keeper::{Keeper, Kept, Setup};
use notify::Notify;
use page::Pages;
use processes::Processes;
use runner::Runner;
use sessions::{Seen, Sessions};

/// How often processes are looked at when nobody scrapes: what comes and goes in between is charged to its parent.
const TICK: Duration = Duration::from_secs(5);

/// How often counters that wrap are looked at, whoever scrapes: `rapl::MOST_WATTS` wraps none of them in that time.
const WRAP_TICK: Duration = Duration::from_secs(30);

/// Between two looks, when clients come and go.
const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// How long a stop may take. What is cut off then is taken in at the next start.
const STOP: Duration = Duration::from_millis(1_500);

/// Of threads that do little, and of the keeper's.
const STACK_BYTES: usize = 512 << 10;
const KEEPER_STACK_BYTES: usize = 2 << 20;

/// What the agent is told on the command line.
#[derive(Debug, Clone)]
pub struct Options {
    pub listen: SocketAddr,
    pub roots: Roots,
    /// TLS, client certificates and passwords.
    pub web_config: Option<PathBuf>,
    /// Serve other machines without asking who they are.
    pub is_insecure: bool,
    /// Names that the page and its API answer to, besides those of loopback.
    pub hosts: Vec<String>,
    /// What is left to be done when nothing else is, such as a backup of the day.
    pub tidy: fn(&mut Ledger, &Config),
}

/// What the configuration decides: read at the start, and again on SIGHUP.
pub struct Settings {
    pub config: Config,
    pub calendar: Calendar,
    /// The name of this machine.
    pub host: String,
}

/// What makes the samples of a page, under one configuration.
struct Parts {
    keeper: Keeper,
    kept: Arc<Kept>,
    runner: Arc<Runner>,
}

impl Parts {
    /// `poke` hears that clients came or went.
    fn new(
        settings: &Settings,
        ledger: Ledger,
        options: &Options,
        poke: impl Fn() + Send + 'static,
    ) -> anyhow::Result<Self> {
        let Settings { config, calendar, host } = settings;
        let claude = Claude::resume(&ledger, calendar.clone())?;
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let mut collectors = collector::chosen(&options.roots, &config.collectors, config.tells_node)?;
        let is_chosen = |name| config.collectors.get(name).copied().unwrap_or(true);
        if is_chosen("session") {
            let sessions = Sessions::resume(config, &options.roots, &ledger, host, Arc::clone(&seen))?;
            collectors.push(Box::new(sessions));
        }
        if is_chosen(processes::NAME) {
            collectors.push(Box::new(Processes::new(&options.roots)));
        }
        collectors.extend(network::chosen(config, &options.roots).context("cannot start probes")?);
        let listener = |name: &'static str, error: &collector::Error| {
            let causes = successors(Some(error as &dyn std::error::Error), |error| error.source());
            let causes: Vec<String> = causes.map(ToString::to_string).collect();
            warn!("collector {name}: {}", causes.join(": "));
        };
        let runner = Arc::new(Runner::start(collectors, listener).context("cannot start collectors")?);
        let (tidy, poke) = (options.tidy, Box::new(poke));
        let setup = Setup { config, host: host.clone(), ledger, claude, seen, tidy, poke };
        let keeper = Keeper::new(setup).context("cannot start the keeper of the ledger")?;
        let kept = keeper.kept();
        Ok(Self { keeper, kept, runner })
    }
}

/// One page of metrics, without a server.
pub fn once(settings: &Settings, ledger: Ledger, options: &Options) -> anyhow::Result<String> {
    let Parts { mut keeper, kept, runner } = Parts::new(settings, ledger, options, || {})?;
    keeper.be_ready()?;
    Ok(Pages::new(kept, runner).write(&Filter::All, Format::Text, runner::MOST_PATIENCE))
}

/// What happens to a running agent.
#[derive(Debug, Clone, Copy)]
enum Event {
    Signal(i32),
    /// Clients came or went.
    Clients,
    KeeperEnded,
    ServerEnded,
}

/// Runs until a signal ends it. `read` reads the configuration again, `open` opens its ledger; `started` hears where the
/// page is.
pub fn run(
    settings: &Settings,
    options: &Options,
    read: impl Fn() -> anyhow::Result<Settings>,
    open: impl Fn(&Config) -> anyhow::Result<Ledger>,
    started: impl FnOnce(&str),
) -> anyhow::Result<()> {
    memory::share();
    let state_dir = &settings.config.state_dir;
    let _lock = lock::take(state_dir)?;
    let web = options.web_config.as_deref().map(WebConfig::load).transpose()?.map(Arc::new);
    check_bind(options.listen, web.as_ref().is_some_and(|web| web.has_auth()), options.is_insecure)?;
    let bound = TcpListener::bind(options.listen);
    let bound =
        bound.with_context(|| format!("cannot listen on {}: name another with --listen", options.listen))?;
    let (sender, events) = channel();
    let poke = || {
        let sender = sender.clone();
        move || _ = sender.send(Event::Clients)
    };
    let Parts { keeper, kept, runner } = Parts::new(settings, open(&settings.config)?, options, poke())?;
    let pages = Arc::new(Pages::new(kept, runner));

    let scheme = if web.as_ref().is_some_and(|web| web.has_tls()) { "https" } else { "http" };
    let offer = endpoint::Options { hosts: options.hosts.clone(), web, ..endpoint::Options::default() };
    let server = Server::new(bound, offer, routes(&pages, state_dir)).context("cannot serve")?;
    pages.count(server.counts());
    let (stop, address) = (server.stop(), server.address());

    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).context("cannot hear signals")?;
    let hearing = signals.handle();
    let signalled = sender.clone();
    spawn("odin-signals", STACK_BYTES, move || {
        _ = signals.forever().try_for_each(|signal| signalled.send(Event::Signal(signal)));
    })?;
    let keep = |keeper: Keeper| {
        let end = Told(sender.clone(), Event::KeeperEnded);
        spawn("odin-keeper", KEEPER_STACK_BYTES, move || {
            let _end = end;
            keeper.run();
        })
    };
    keep(keeper)?;
    let end = Told(sender.clone(), Event::ServerEnded);
    spawn("odin-server", STACK_BYTES, move || {
        let _end = end;
        if let Err(error) = server.run() {
            error!("{:#}", anyhow::Error::from(error));
        }
    })?;
    match word::listen(state_dir) {
        Ok(word) => {
            let pages = Arc::clone(&pages);
            spawn("odin-word", STACK_BYTES, move || word::answer(&word, || pages.kept()))?;
        }
        Err(error) => {
            warn!("reports look for news themselves: cannot listen in {}: {error}", state_dir.display());
        }
    }

    let notify = Notify::from_environment();
    let tell = |state: &str| notify.tell(state).unwrap_or_else(|error| warn!("cannot tell systemd: {error}"));
    tell("READY=1");
    started(&format!("{scheme}://{address}"));
    let go_on = |settings: &Settings| -> anyhow::Result<()> {
        let Parts { keeper, kept, runner } = Parts::new(settings, open(&settings.config)?, options, poke())?;
        pages.show(kept, runner);
        keep(keeper)?;
        info!("the configuration was read again");
        tell("READY=1");
        Ok(())
    };
    let read = || {
        let settings = read()?;
        collector::chosen(&options.roots, &settings.config.collectors, settings.config.tells_node)?;
        Ok(settings)
    };
    let ended = live(&events, &pages, read, go_on, tell);
    tell("STOPPING=1");
    info!("stopping");
    pages.kept().stop();
    stop.stop();
    hearing.close();
    wait_for_both(&events);
    ended
}

/// Until a signal says that it is enough, or something fails that nothing goes without.
fn live(
    events: &Receiver<Event>,
    pages: &Pages,
    read: impl Fn() -> anyhow::Result<Settings>,
    go_on: impl Fn(&Settings) -> anyhow::Result<()>,
    tell: impl Fn(&str),
) -> anyhow::Result<()> {
    let watchdog = notify::watchdog();
    let sessions = Filter::Only(vec!["session".into()]);
    let wrapping = Filter::Only(vec![rapl::NAME.into()]);
    let (mut last_look, mut next_look) = (Instant::now(), Instant::now());
    let mut next_wrap_look = Instant::now();
    let mut next = None;
    loop {
        match events
            .recv_timeout(watchdog.unwrap_or(TICK).min(next_look.saturating_duration_since(Instant::now())))
        {
            // One keeper follows the other: two would both remember what they told.
            Ok(Event::Signal(SIGHUP)) => match read() {
                Ok(settings) => {
                    tell("RELOADING=1");
                    pages.kept().stop();
                    next = Some(settings);
                }
                Err(error) => warn!("the configuration stays as it was: {error:#}"),
            },
            Ok(Event::Signal(_)) => return Ok(()),
            Ok(Event::Clients) => next_look = next_look.min(last_look + LOOK_PAUSE),
            Ok(Event::KeeperEnded) => go_on(&next.take().context("the keeper of the ledger ended")?)?,
            Ok(Event::ServerEnded) => bail!("the server ended"),
            Err(_) => {}
        }
        if Instant::now() >= next_look {
            last_look = Instant::now();
            next_look = last_look + TICK;
            pages.runner().begin(&sessions, next_look);
        }
        if Instant::now() >= next_wrap_look {
            next_wrap_look = Instant::now() + WRAP_TICK;
            pages.runner().begin(&wrapping, next_wrap_look);
        }
        if watchdog.is_some() {
            tell("WATCHDOG=1");
        }
    }
}

/// For keeper and server to end, or for time to run out. A signal says that somebody cannot wait.
fn wait_for_both(events: &Receiver<Event>) {
    let deadline = Instant::now() + STOP;
    let (mut keeps, mut serves) = (true, true);
    while keeps || serves {
        match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Event::KeeperEnded) => keeps = false,
            Ok(Event::ServerEnded) => serves = false,
            Ok(Event::Clients) => {}
            Ok(Event::Signal(_)) | Err(_) => return,
        }
    }
}

fn spawn(name: &str, stack_bytes: usize, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).stack_size(stack_bytes).spawn(run).map(|_| ())
}

/// Tells of the end of the thread that has it, however that comes.
struct Told(Sender<Event>, Event);

impl Drop for Told {
    fn drop(&mut self) {
        // An agent that is gone need not know.
        _ = self.0.send(self.1);
    }
}

fn routes(pages: &Arc<Pages>, state_dir: &Path) -> Vec<Route> {
    let telemetry = otlp::routes(pages);
    let (ready, pages, told) = (Arc::clone(pages), Arc::clone(pages), Arc::clone(pages));
    let state_dir = state_dir.to_path_buf();
    let mut routes = vec![
        Route::get("/metrics", move |request| pages.answer(request)).for_any_host(),
        Route::get("/healthz", |_| Response::text(StatusCode::OK, "alive\n")).quick().for_any_host(),
        Route::get("/readyz", move |_| {
            if ready.kept().is_ready() {
                Response::text(StatusCode::OK, "ready\n")
            } else {
                Response::text(StatusCode::SERVICE_UNAVAILABLE, "still reading transcripts\n")
            }
        })
        .quick()
        .for_any_host(),
        Route::get("/api/agent", move |request| told.about(request, &state_dir)),
        Route::get("/", |_| Response::text(StatusCode::OK, INDEX)),
    ];
    routes.extend(telemetry);
    routes
}

const INDEX: &str = "\
odin

/metrics   for Prometheus: text or OpenMetrics, collect[]= and exclude[]= choose collectors
/healthz   alive
/readyz    all transcripts have been read
/v1/…      logs and metrics of Claude Code's telemetry, by OTLP/HTTP
/api/agent what odin doctor asks
";
