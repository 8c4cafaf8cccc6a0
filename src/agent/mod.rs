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
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
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
use sessions::Sessions;

/// How often processes are looked at when nobody scrapes: what comes and goes in between is charged to its parent.
const TICK: Duration = Duration::from_secs(5);

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
}

/// Why an agent ended.
pub enum Ended {
    Stopped,
    /// To begin again with another configuration.
    Reloaded(Box<Config>),
}

/// What runs, or stands ready to.
struct Parts {
    keeper: Keeper,
    kept: Arc<Kept>,
    runner: Arc<Runner>,
    pages: Arc<Pages>,
}

impl Parts {
    fn new(
        config: &Config,
        host: &str,
        calendar: Calendar,
        ledger: Ledger,
        options: &Options,
    ) -> anyhow::Result<Self> {
        let claude = Claude::resume(&ledger, calendar)?;
        let seen = Arc::default();
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
        let setup = Setup { config, host: host.into(), ledger, claude, seen };
        let keeper = Keeper::new(setup).context("cannot start the keeper of the ledger")?;
        let kept = keeper.kept();
        let pages = Arc::new(Pages::new(Arc::clone(&kept), Arc::clone(&runner)));
        Ok(Self { keeper, kept, runner, pages })
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
    let Parts { mut keeper, pages, .. } = Parts::new(config, host, calendar, ledger, options)?;
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
    let Parts { keeper, kept, runner, pages } = Parts::new(config, host, calendar, ledger, options)?;
    let options = endpoint::Options { hosts: options.hosts.clone(), web, ..endpoint::Options::default() };
    let server = Server::new(bound, options, routes(&kept, &pages)).context("cannot serve")?;
    pages.count(server.counts());
    let (stop, address) = (server.stop(), server.address());

    let named = |name: &str| thread::Builder::new().name(name.into()).stack_size(STACK_BYTES);
    let keeping = named("odin-keeper").stack_size(2 << 20).spawn(move || keeper.run())?;
    let serving = named("odin-server").spawn(move || server.run())?;
    let answering = Arc::clone(&kept);
    named("odin-word").spawn(move || word::answer(&word, &answering))?;
    let (sender, heard) = channel();
    named("odin-signals").spawn(move || signals.forever().try_for_each(|signal| sender.send(signal)))?;

    let notify = Notify::from_environment();
    let tell = |state: &str| notify.tell(state).unwrap_or_else(|error| warn!("cannot tell systemd: {error}"));
    tell("READY=1");
    started(&format!("{scheme}://{address}"));
    let watchdog = notify::watchdog();
    let sessions = Filter::Only(vec!["session".into()]);
    let mut next_look = Instant::now();
    let ended = loop {
        let wait = watchdog.unwrap_or(TICK).min(TICK);
        match heard.recv_timeout(wait) {
            Ok(SIGHUP) => match reload() {
                Ok(config) => break Ended::Reloaded(Box::new(config)),
                Err(error) => warn!("the configuration stays as it was: {error:#}"),
            },
            Ok(_) | Err(RecvTimeoutError::Disconnected) => break Ended::Stopped,
            Err(RecvTimeoutError::Timeout) => {}
        }
        anyhow::ensure!(!keeping.is_finished(), "the keeper of the ledger ended");
        anyhow::ensure!(!serving.is_finished(), "the server ended");
        if Instant::now() >= next_look {
            runner.collect(&sessions, Instant::now() + TICK);
            next_look = Instant::now() + TICK;
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
