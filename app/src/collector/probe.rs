//! Probes: questions to other hosts, asked on a schedule and not when somebody scrapes.
//!
//! What they find is summed up, so that no scraper misses any and several see the same; and a host that does not answer
//! holds up the next round at most.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Error;
use crate::metrics::Family;
use crate::metrics::histogram::Histogram;
use crate::metrics::snapshot::Builder;

/// Time since any moment, which never goes back.
pub type Clock<'c> = &'c dyn Fn() -> Duration;

pub trait Prober: Send + Sync {
    /// That of its families.
    fn name(&self) -> &'static str;

    /// How long after the beginning of a round the next one begins.
    fn pause(&self) -> Duration;

    /// An empty one.
    fn tally(&self) -> Tally;

    /// Whether there is anybody to ask, and a way to.
    fn check(&self) -> Result<(), Error>;

    /// Asks all of them once.
    fn round(&self, tally: &mut Tally, clock: Clock);
}

/// What probes found so far: how long answers took, and how many came of which kind.
#[derive(Debug, Clone)]
pub struct Tally {
    durations: &'static Family,
    bounds: &'static [f64],
    results: &'static Family,
    histograms: BTreeMap<Labels, Histogram>,
    counts: BTreeMap<Labels, u64>,
}

type Labels = Box<[Box<str>]>;

impl Tally {
    /// `bounds` are those of the durations.
    pub fn new(durations: &'static Family, bounds: &'static [f64], results: &'static Family) -> Self {
        Self { durations, bounds, results, histograms: BTreeMap::new(), counts: BTreeMap::new() }
    }

    pub fn observe(&mut self, labels: &[&str], duration: Duration) {
        let histogram = self.histograms.entry(owned(labels)).or_insert_with(|| Histogram::new(self.bounds));
        histogram.observe(duration.as_secs_f64());
    }

    pub fn count(&mut self, labels: &[&str]) {
        *self.counts.entry(owned(labels)).or_default() += 1;
    }

    /// Tells of none from now on, so that the first one is a rise.
    pub fn expect(&mut self, labels: &[&str]) {
        self.counts.entry(owned(labels)).or_default();
    }

    /// Forgets series.
    pub fn retain(&mut self, mut keeps: impl FnMut(&[Box<str>]) -> bool) {
        self.histograms.retain(|labels, _| keeps(labels));
        self.counts.retain(|labels, _| keeps(labels));
    }

    pub fn tell(&self, out: &mut Builder) {
        for (labels, histogram) in &self.histograms {
            out.push_histogram(self.durations, &borrowed(labels), histogram);
        }
        for (labels, count) in &self.counts {
            out.push(self.results, &borrowed(labels), *count as f64);
        }
    }
}

fn owned(labels: &[&str]) -> Labels {
    labels.iter().map(|label| Box::from(*label)).collect()
}

fn borrowed(labels: &Labels) -> Vec<&str> {
    labels.iter().map(AsRef::as_ref).collect()
}
