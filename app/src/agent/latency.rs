//! How long answers took, as telemetry tells, in histograms that grow while the agent runs.

use std::collections::BTreeMap;

use crate::ledger::{self, Latency, Ledger};
use crate::metrics::capped::Capped;
use crate::metrics::families::claude as families;
use crate::metrics::histogram::Histogram;
use crate::metrics::snapshot::Builder;
use crate::metrics::{Family, Kind};

/// By model.
#[derive(Default)]
pub struct Latencies {
    /// Of the ledger that the id is of.
    epoch: Option<i64>,
    /// The last request that was counted.
    last: i64,
    durations: BTreeMap<String, Histogram>,
    first_tokens: BTreeMap<String, Histogram>,
}

impl Latencies {
    /// Takes in what is new, and tells all.
    pub fn tell(
        &mut self,
        ledger: &Ledger,
        models: &mut Capped,
        out: &mut Builder,
    ) -> Result<(), ledger::Error> {
        let epoch = ledger.epoch()?;
        if epoch != self.epoch {
            // Another state took its place. All of it is counted anew: a scraper takes that for a restart.
            *self = Self { epoch, ..Self::default() };
        }
        let Self { last, durations, first_tokens, .. } = self;
        ledger.latencies_after(*last, |Latency { id, model, duration_ms, ttft_ms }| {
            *last = id;
            let model = models.keep(&model);
            observe(durations, &families::API_REQUEST_DURATION_SECONDS, model, duration_ms);
            observe(first_tokens, &families::TTFT_SECONDS, model, ttft_ms);
        })?;
        for (model, histogram) in durations {
            out.push_histogram(&families::API_REQUEST_DURATION_SECONDS, &[model], histogram);
        }
        for (model, histogram) in first_tokens {
            out.push_histogram(&families::TTFT_SECONDS, &[model], histogram);
        }
        Ok(())
    }
}

fn observe(by_model: &mut BTreeMap<String, Histogram>, family: &Family, model: &str, millis: Option<i64>) {
    if let (Kind::Histogram(bounds), Some(millis)) = (family.kind, millis) {
        let histogram = by_model.entry(model.into()).or_insert_with(|| Histogram::new(bounds));
        histogram.observe(millis as f64 / 1000.0);
    }
}
