//! `odin agent`: the ledger kept up to date all day, and one endpoint for Prometheus.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::tz::TimeZone;

use super::cost::{self, Usage};
use super::{End, ingest, ledger, prices, print, say};
use crate::agent::claude::Calendar;
use crate::agent::{self, Settings};
use crate::config::{Config, Roots};
use crate::metrics::families;

pub(super) const EXAMPLES: &str = "\
Examples:
  odin agent                                    in the foreground; http://127.0.0.1:9477/metrics
  odin agent --once                             print the page of metrics and end
  odin agent --listen 0.0.0.0:9477 --web.config.file web.yaml
  odin agent --compat.node=off --collector.filesystem=off    beside node_exporter

--collector.NAME=on|off switches a collector on or off; docs/metrics.md has their names.
Ends on SIGTERM or SIGINT, and reads the configuration again on SIGHUP. A service for systemd lies in deploy/systemd.";

/// Where the agent serves if nobody says otherwise.
pub(super) const LISTEN: &str = "127.0.0.1:9477";

#[derive(clap::Args)]
pub(super) struct Options {
    /// Where to serve; a name or address that other machines reach needs users, certificates or --web.insecure
    #[arg(long, value_name = "ADDR:PORT", default_value = LISTEN, env = "ODIN_LISTEN")]
    listen: SocketAddr,
    /// Print the page of metrics once and end
    #[arg(long)]
    once: bool,
    /// TLS, client certificates and users, as Prometheus' exporters have them
    #[arg(long = "web.config.file", value_name = "FILE")]
    web_config: Option<PathBuf>,
    /// Serve other machines without asking who they are
    #[arg(long = "web.insecure")]
    is_insecure: bool,
    /// A name that the page and its API answer to, besides localhost and addresses
    #[arg(long = "web.hosts", value_name = "NAME")]
    hosts: Vec<String>,
    /// Where procfs is mounted
    #[arg(long = "path.procfs", value_name = "DIR", default_value = "/proc")]
    procfs: PathBuf,
    /// Where sysfs is mounted
    #[arg(long = "path.sysfs", value_name = "DIR", default_value = "/sys")]
    sysfs: PathBuf,
    /// Where the root file system is mounted
    #[arg(long = "path.rootfs", value_name = "DIR", default_value = "/")]
    rootfs: PathBuf,
    /// Whether to tell what Prometheus' node exporter tells, too, under its names; off where it runs beside odin
    #[arg(long = "compat.node", value_name = "on|off", value_parser = switch())]
    tells_node: Option<bool>,
    #[command(flatten)]
    collectors: Collectors,
}

/// What `--collector.NAME=on|off` says, by name.
#[derive(Debug, Clone, Default)]
struct Collectors(BTreeMap<String, bool>);

fn switch() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["on", "off"]).map(|value| value == "on")
}

fn flag(collector: &str) -> String {
    format!("collector.{collector}")
}

impl clap::Args for Collectors {
    fn augment_args(mut command: clap::Command) -> clap::Command {
        for name in families::collectors() {
            let arg = clap::Arg::new(flag(name)).long(flag(name)).value_name("on|off").value_parser(switch());
            // There are many, all alike: the examples name them once.
            command = command.arg(arg.hide(true));
        }
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Collectors {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let chosen = families::collectors().into_iter().filter_map(|name| {
            let is_on = matches.get_one::<bool>(&flag(name))?;
            Some((name.to_owned(), *is_on))
        });
        Ok(Self(chosen.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}

impl Options {
    /// As without any other option.
    pub(super) fn at(listen: SocketAddr) -> Self {
        Self {
            listen,
            once: false,
            web_config: None,
            is_insecure: false,
            hosts: vec![],
            procfs: "/proc".into(),
            sysfs: "/sys".into(),
            rootfs: "/".into(),
            tells_node: None,
            collectors: Collectors::default(),
        }
    }

    /// What the command line says beats the file.
    fn choose(&self, mut config: Config) -> Config {
        config.tells_node = self.tells_node.unwrap_or(config.tells_node);
        config.collectors.extend(self.collectors.0.clone());
        config
    }
}

/// `load` reads the configuration again.
pub(super) fn run(
    options: &Options,
    config: &Config,
    load: impl Fn() -> anyhow::Result<Config>,
) -> anyhow::Result<End> {
    let told = agent::Options {
        listen: options.listen,
        roots: Roots {
            proc: options.procfs.clone(),
            sys: options.sysfs.clone(),
            root: options.rootfs.clone(),
        },
        web_config: options.web_config.clone(),
        is_insecure: options.is_insecure,
        hosts: options.hosts.clone(),
        tidy: ledger::tidy,
    };
    let settings = settle(options.choose(config.clone()))?;
    if options.once {
        print(&agent::once(&settings, ledger::open(config)?, &told)?)?;
        return Ok(End::Done);
    }
    log();
    let started = |address: &str| say(&format!("{address}/metrics  for Prometheus; Ctrl-C ends the agent"));
    agent::run(&settings, &told, || settle(options.choose(load()?)), ledger::open, started)?;
    Ok(End::Done)
}

/// Fails where the agent could not go by it.
fn settle(config: Config) -> anyhow::Result<Settings> {
    prices::load(&config)?;
    Ok(Settings { calendar: calendar(&config)?, host: ingest::host(), config })
}

fn calendar(config: &Config) -> Result<Calendar, Usage> {
    let zone: TimeZone = cost::zone(None, config.timezone.as_deref())?;
    Ok(Calendar { zone, week_starts: config.week_starts, projects: cost::projects(config)? })
}

/// To standard error: with times, unless the journal adds them.
fn log() {
    let to_stderr =
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_target(false);
    // Who calls twice keeps the first.
    _ = if std::env::var_os("JOURNAL_STREAM").is_some() {
        to_stderr.without_time().try_init()
    } else {
        to_stderr.try_init()
    };
}
