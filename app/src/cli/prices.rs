//! `odin prices`: what models cost, when and why.

use anyhow::anyhow;

use super::{End, cost, now, print};
use crate::config::Config;
use crate::pricing::table::Time;
use crate::pricing::{Error, Prices};
use crate::report::{self, prices as sheets};

pub(super) const EXAMPLES: &str = "\
Examples:
  odin prices                                    models that can be had, and what they cost
  odin prices opus                               all with `opus` in their id, the retired ones too
  odin prices claude-sonnet-5-5                  one over time: prices, notes, sources
  odin prices us.anthropic.claude-opus-4-8-v1:0  how an id is understood
  odin prices claude-opus-4-6 --at 2026-03-12    what held on a day";

#[derive(clap::Args)]
pub(super) struct Options {
    /// A model's id in any spelling, an alias of the config, or a part of some ids [default: all that can be had]
    model: Option<String>,
    /// What held on a day, or at a time as in 2026-03-12T08:00Z [default: today]
    ///
    /// Prices change at midnight UTC.
    #[arg(long, value_name = "DATE")]
    at: Option<Time>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people, fitted to the terminal
    Table,
    /// For programs; the schema is odin.prices/1
    Json,
}

pub(super) fn run(options: &Options, config: &Config) -> anyhow::Result<End> {
    let prices = load(config)?;
    let today = || Time(i64::try_from(now().as_millis()).unwrap_or(i64::MAX)).day();
    let at = options.at.unwrap_or_else(today);
    let sheet = sheets::sheet(prices, options.model.as_deref(), at)
        .map_err(|unknown| anyhow!("{unknown}\n{}", advice(&unknown.asked, config)))?;
    print(&match options.format {
        Format::Table => sheets::table::render(&sheet, cost::width(), cost::is_terminal()),
        Format::Json => sheets::json::render(&sheet)?,
    })?;
    Ok(End::Done)
}

/// The price list and the user's own prices, once for the whole run.
pub(super) fn load(config: &Config) -> anyhow::Result<&'static Prices> {
    match Prices::load(&config.prices) {
        Ok(prices) => Ok(Box::leak(Box::new(prices))),
        Err(error) => match &error {
            Error::NoModel { wanted, known, .. } => {
                let near = report::nearest(wanted, known.iter().map(String::as_str)).join(", ");
                Err(anyhow!("{error}; the nearest: {near}"))
            }
            _ => Err(error.into()),
        },
    }
}

/// What to do about a model without a price.
fn advice(model: &str, config: &Config) -> String {
    let file = &config.prices.origin.path;
    let file = if file.as_os_str().is_empty() {
        "the config file (~/.config/odin/config.toml)".into()
    } else {
        file.display().to_string()
    };
    let id = toml::Value::from(model);
    format!(
        "Responses of it are unpriced: their tokens are kept, and costs are at least what is known.
If it is one of the list under another name, say so in {file}:

  [prices.alias]
  {id} = \"claude-opus-5-5\"

or else what it costs, in USD per million tokens:

  [[prices.model]]
  id = {id}
  input = \"1.50\"
  output = \"6\"
"
    )
}
