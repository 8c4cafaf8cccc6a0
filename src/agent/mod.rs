//! Runs all day: one thread writes the ledger, one serves, one for each collector; and what they do for each other.

pub mod claude;
pub mod keeper;
pub mod lock;
pub mod notify;
pub mod page;
pub mod runner;
pub mod sessions;
pub mod word;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use hyper::StatusCode;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing::{info, warn};

use crate::collector::{self, Collector};
use crate::config::{Config, Roots};
use crate::endpoint::{self, Response, Route, Server, check_bind, web_config::WebConfig};
use crate::ledger::Ledger;
use crate::metrics::exposition::Format;
use crate::metrics::filter::Filter;
use claude::{Calendar, Claude};
use keeper::{Keeper, Kept, Setup};
use notify::Notify;
use page::Pages;
use runner::Runner;
use sessions::{Seen, Sessions};

/// How often processes are looked at when nobody scrapes: what comes and goes in between is charged to its parent.
const TICK: Duration = Duration::from_secs(5);

/// Between two looks, when clients come and go.
const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// How long a stop may take. What is cut off then is taken in at the next start.
const STOP: Duration = Duration::from_millis(1_500);

/// Of threads that do little.
const STACK_BYTES: usize = 512 * 1024;

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

/// Why an agent ended.
pub enum Ended {
    Stopped,
    /// To begin again with another configuration.
    Reloaded(Box<Config>),
}

/// What wakes the thread that waits for all of it.
enum Heard {
    Signal(i32),
    /// Came or went.
    Clients,
}

/// What runs, or stands ready to.
struct Parts {
    keeper: Keeper,
    kept: Arc<Kept>,
    runner: Arc<Runner>,
    pages: Arc<Pages>,
    seen: Arc<Mutex<Seen>>,
}

impl Parts {
    fn new(
        config: &Config,
        host: &str,
        calendar: Calendar,
        ledger: Ledger,
        options: &Options,
        poke: Box<dyn Fn() + Send>,
    ) -> anyhow::Result<Self> {
        let claude = Claude::resume(&ledger, calendar)?;
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let mut collectors = collector::chosen(&options.roots, &config.collectors)?;
        if config.collectors.get("session").copied().unwrap_or(true) {
            collectors.push(
                Box::new(Sessions::new(config, &options.roots, Arc::clone(&seen))) as Box<dyn Collector>
            );
        }
        let listener = |name: &'static str, error: &collector::Error| {
            let cause =
                std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
            warn!("collector {name}: {error}{cause}");
        };
        let runner = Arc::new(Runner::start(collectors, listener).context("cannot start collectors")?);
        let setup = Setup {
            config,
            host: host.into(),
            ledger,
            claude,
            seen: Arc::clone(&seen),
            tidy: options.tidy,
            poke,
        };
        let keeper = Keeper::new(setup).context("cannot start the keeper of the ledger")?;
        let kept = keeper.kept();
        let pages = Arc::new(Pages::new(Arc::clone(&kept), Arc::clone(&runner)));
        Ok(Self { keeper, kept, runner, pages, seen })
    }
}

/// One page of metrics, without a server.
pub fn once(
    config: &Config,
    host: &str,
    calendar: Calendar,
    ledger: Ledger,
    options: &Options,
) -> anyhow::Result<String> {
    let Parts { mut keeper, pages, .. } =
        Parts::new(config, host, calendar, ledger, options, Box::new(|| {}))?;
    keeper.be_ready()?;
    Ok(pages.write(&Filter::All, Format::Text, runner::MOST_PATIENCE))
}

/// Runs until a signal ends it. `reload` reads the configuration again; `started` hears where the page is.
pub fn run(
    config: &Config,
    host: &str,
    calendar: Calendar,
    ledger: Ledger,
    options: &Options,
    reload: impl Fn() -> anyhow::Result<Config>,
    started: impl FnOnce(&str),
) -> anyhow::Result<Ended> {
    let _lock = lock::take(&config.state_dir)?;
    let web = options.web_config.as_deref().map(WebConfig::load).transpose()?.map(Arc::new);
    check_bind(options.listen, web.as_ref().is_some_and(|web| web.has_auth()), options.is_insecure)?;
    let bound = TcpListener::bind(options.listen);
    let bound =
        bound.with_context(|| format!("cannot listen on {}: name another with --listen", options.listen))?;
    let word = word::listen(&config.state_dir).context("cannot listen to reports")?;
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).context("cannot hear signals")?;

    let scheme = if web.as_ref().is_some_and(|web| web.has_tls()) { "https" } else { "http" };
    let (sender, heard) = channel();
    let poked = sender.clone();
    let poke = Box::new(move || _ = poked.send(Heard::Clients));
    let Parts { keeper, kept, runner, pages, seen } =
        Parts::new(config, host, calendar, ledger, options, poke)?;
    let options = endpoint::Options { hosts: options.hosts.clone(), web, ..endpoint::Options::default() };
    let server = Server::new(bound, options, routes(&kept, &pages)).context("cannot serve")?;
    pages.count(server.counts());
    let (stop, address) = (server.stop(), server.address());

    let named = |name: &str| thread::Builder::new().name(name.into()).stack_size(STACK_BYTES);
    let keeping = named("odin-keeper").stack_size(2 << 20).spawn(move || keeper.run())?;
    let serving = named("odin-server").spawn(move || server.run())?;
    let answering = Arc::clone(&kept);
    named("odin-word").spawn(move || word::answer(&word, &answering))?;
    named("odin-signals")
        .spawn(move || signals.forever().try_for_each(|signal| sender.send(Heard::Signal(signal))))?;

    let notify = Notify::from_environment();
    let tell = |state: &str| notify.tell(state).unwrap_or_else(|error| warn!("cannot tell systemd: {error}"));
    tell("READY=1");
    started(&format!("{scheme}://{address}"));
    let watchdog = notify::watchdog();
    let sessions = Filter::Only(vec!["session".into()]);
    let (mut last_look, mut next_look) = (Instant::now(), Instant::now());
    let ended = loop {
        let wait = watchdog.unwrap_or(TICK).min(next_look.saturating_duration_since(Instant::now()));
        match heard.recv_timeout(wait) {
            Ok(Heard::Signal(SIGHUP)) => match reload() {
                Ok(config) => break Ended::Reloaded(Box::new(config)),
                Err(error) => warn!("the configuration stays as it was: {error:#}"),
            },
            Ok(Heard::Signal(_)) | Err(RecvTimeoutError::Disconnected) => break Ended::Stopped,
            Ok(Heard::Clients) => next_look = next_look.min(last_look + LOOK_PAUSE),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if keeping.is_finished() {
            info!("the ledger was made anew: beginning again with it");
            break Ended::Reloaded(Box::new(config.clone()));
        }
        anyhow::ensure!(!serving.is_finished(), "the server ended");
        if Instant::now() >= next_look {
            let live = || seen.lock().unwrap_or_else(PoisonError::into_inner).live.clone();
            let before = live();
            runner.collect(&sessions, Instant::now() + TICK);
            last_look = Instant::now();
            next_look = last_look + TICK;
            if live() != before {
                kept.refresh();
            }
        }
        if watchdog.is_some() {
            tell("WATCHDOG=1");
        }
    };
    tell("STOPPING=1");
    info!("stopping");
    kept.stop();
    stop.stop();
    let deadline = Instant::now() + STOP;
    while Instant::now() < deadline && !(keeping.is_finished() && serving.is_finished()) {
        thread::sleep(Duration::from_millis(10));
    }
    Ok(ended)
}

fn routes(kept: &Arc<Kept>, pages: &Arc<Pages>) -> Vec<Route> {
    let (ready, pages) = (Arc::clone(kept), Arc::clone(pages));
    vec![
        Route::get("/metrics", move |request| pages.answer(request)).for_any_host(),
        Route::get("/healthz", |_| Response::text(StatusCode::OK, "alive\n")).quick().for_any_host(),
        Route::get("/readyz", move |_| {
            if ready.is_ready() {
                Response::text(StatusCode::OK, "ready\n")
            } else {
                Response::text(StatusCode::SERVICE_UNAVAILABLE, "still reading transcripts\n")
            }
        })
        .quick()
        .for_any_host(),
        Route::get("/", |_| Response::text(StatusCode::OK, INDEX)),
    ]
}

const INDEX: &str = "\
odin

/metrics   for Prometheus: text or OpenMetrics, collect[]= and exclude[]= choose collectors
/healthz   alive
/readyz    all transcripts have been read
";
