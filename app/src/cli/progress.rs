//! How far an ingest has come: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::say;
use crate::ingest::Watcher;

/// An ingest shorter than this is over before a bar could be read.
const WORTH_A_BAR_BYTES: u64 = 64 << 20;
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Draws a bar.
struct Bar(ProgressBar);

impl Watcher for Bar {
    fn found(&mut self, bytes: u64) {
        if bytes >= WORTH_A_BAR_BYTES {
            self.0.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.0.set_length(bytes);
        self.0.reset();
    }

    fn read(&mut self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Prints a line each few seconds.
#[derive(Default)]
struct Lines {
    total: u64,
    done: u64,
    told: Option<Instant>,
}

impl Watcher for Lines {
    fn found(&mut self, bytes: u64) {
        (self.total, self.done, self.told) = (bytes, 0, Some(Instant::now()));
        if bytes >= WORTH_A_BAR_BYTES {
            say(&format!("reading {} of transcripts", HumanBytes(bytes)));
        }
    }

    fn read(&mut self, bytes: u64) {
        self.done += bytes;
        if self.told.is_some_and(|told| told.elapsed() >= BETWEEN_LINES) {
            say(&format!("read {} of {}", HumanBytes(self.done), HumanBytes(self.total)));
            self.told = Some(Instant::now());
        }
    }
}

/// The watcher for whoever is looking.
pub(super) fn watcher() -> Box<dyn Watcher> {
    if !std::io::stderr().is_terminal() {
        return Box::new(Lines::default());
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let style = ProgressStyle::with_template(
        "reading {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
    );
    Box::new(Bar(match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }))
}
