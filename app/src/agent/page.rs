//! `/metrics`: what the keeper has ready, what collectors find, and how the agent itself fares, in one page.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;

use super::keeper::Kept;
use super::otlp;
use super::runner::{MOST_PATIENCE, Runner};
use crate::endpoint::{Counts, Request, Response, wants_open_metrics};
use crate::metrics::exposition::Format;
use crate::metrics::families::{agent as families, collectors};
use crate::metrics::filter::Filter;
use crate::metrics::histogram::Histogram;
use crate::metrics::page::{MAX_SERIES, Page, Tally};
use crate::metrics::snapshot::{Builder, Snapshot};

/// Makes pages.
pub struct Pages {
    shown: Mutex<(Arc<Kept>, Arc<Runner>)>,
    /// None: nothing is served.
    counts: Mutex<Option<Arc<Counts>>>,
    otlp: otlp::Counts,
    scrapes: Mutex<Scrapes>,
}

struct Scrapes {
    tally: Tally,
    answered: u64,
    /// When that was last.
    last: Option<Instant>,
    /// Asked for what there is not.
    wrong: u64,
    durations: Histogram,
}

impl Pages {
    pub fn new(kept: Arc<Kept>, runner: Arc<Runner>) -> Self {
        let scrapes = Scrapes {
            tally: Tally::default(),
            answered: 0,
            last: None,
            wrong: 0,
            durations: Histogram::new(families::DURATIONS),
        };
        Self {
            shown: Mutex::new((kept, runner)),
            counts: Mutex::new(None),
            otlp: otlp::Counts::default(),
            scrapes: Mutex::new(scrapes),
        }
    }

    /// From now on, of these.
    pub fn show(&self, kept: Arc<Kept>, runner: Arc<Runner>) {
        *self.shown() = (kept, runner);
    }

    pub fn kept(&self) -> Arc<Kept> {
        Arc::clone(&self.shown().0)
    }

    /// What came of telemetry.
    pub fn otlp(&self) -> &otlp::Counts {
        &self.otlp
    }

    pub fn runner(&self) -> Arc<Runner> {
        Arc::clone(&self.shown().1)
    }

    fn shown(&self) -> MutexGuard<'_, (Arc<Kept>, Arc<Runner>)> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of the server's connections, too.
    pub fn count(&self, counts: Arc<Counts>) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = Some(counts);
    }

    pub fn answer(&self, request: &Request) -> Response {
        let begun = Instant::now();
        let values = |name| request.values(name).map(String::from).collect();
        let filter = match Filter::new(values("collect[]"), values("exclude[]"), &collectors()) {
            Ok(filter) => filter,
            Err(error) => {
                self.scrapes.lock().unwrap_or_else(PoisonError::into_inner).wrong += 1;
                return Response::text(StatusCode::BAD_REQUEST, format!("{error}\n"));
            }
        };
        let format = if wants_open_metrics(&request.accept) { Format::OpenMetrics } else { Format::Text };
        let page = self.write(&filter, format, request.budget);
        let mut scrapes = self.scrapes.lock().unwrap_or_else(PoisonError::into_inner);
        scrapes.answered += 1;
        scrapes.last = Some(begun);
        scrapes.durations.observe(begun.elapsed().as_secs_f64());
        Response::new(format.content_type(), page)
    }

    /// What `odin doctor` asks, which is no scrape: the ledger that is kept, when somebody last scraped, and all metrics.
    pub fn about(&self, request: &Request, state_dir: &Path) -> Response {
        let last = self.scrapes.lock().unwrap_or_else(PoisonError::into_inner).last;
        let about = serde_json::json!({
            "schema": "odin.agent/1",
            "state_dir": state_dir.to_string_lossy(),
            "scraped_seconds_ago": last.map(|last| last.elapsed().as_secs_f64()),
            "metrics": self.write(&Filter::All, Format::Text, request.budget),
        });
        Response::new("application/json", about.to_string())
    }

    /// A page of what there is within some time.
    pub fn write(&self, filter: &Filter, format: Format, patience: Duration) -> String {
        let (kept, runner) = self.shown().clone();
        let found = runner.collect(filter, Instant::now() + patience.min(MOST_PATIENCE));
        let kept = kept.snapshot();
        let own = self.own();
        let snapshots = [&*kept, &own].into_iter().chain(found.iter().map(|snapshot| &**snapshot));
        let page = Page::new(snapshots, filter, MAX_SERIES);
        self.scrapes.lock().unwrap_or_else(PoisonError::into_inner).tally.add(&page, filter);
        page.write(format)
    }

    /// How the agent fares.
    fn own(&self) -> Snapshot {
        let mut out = Builder::new();
        let scrapes = self.scrapes.lock().unwrap_or_else(PoisonError::into_inner);
        scrapes.tally.tell(&mut out);
        out.push(&families::SCRAPES, &["ok"], scrapes.answered as f64);
        out.push(&families::SCRAPES, &["error"], scrapes.wrong as f64);
        out.push_histogram(&families::SCRAPE_DURATION_SECONDS, &[], &scrapes.durations);
        if let Some(counts) = &*self.counts.lock().unwrap_or_else(PoisonError::into_inner) {
            let of = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed) as f64;
            for (reason, count) in [
                ("evicted", &counts.evicted),
                ("timeout", &counts.late),
                ("overload", &counts.refused),
                ("auth", &counts.unauthorized),
            ] {
                out.push(&families::HTTP_REJECTED, &[reason], of(count));
            }
            self.otlp.tell(&mut out);
        }
        out.build()
    }
}
