//! Runs probes on threads of their own, and tells scrapes what they have found so far.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::collector::probe::{Prober, Tally};
use crate::collector::{Collector, Error};
use crate::metrics::snapshot::Builder;

/// What the first scrape waits for the first round at most, so that one page has all there is, too.
const FIRST_WAIT: Duration = Duration::from_secs(1);

const STACK_BYTES: usize = 256 << 10;

pub(super) struct Probes {
    prober: Arc<dyn Prober>,
    found: Arc<Found>,
    /// The thread ends when this is dropped.
    _stop: Sender<()>,
}

struct Found {
    /// None before the first round has ended.
    tally: Mutex<Option<Tally>>,
    changed: Condvar,
}

impl Found {
    fn lock(&self) -> MutexGuard<'_, Option<Tally>> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probes {
    pub(super) fn start(prober: Arc<dyn Prober>) -> io::Result<Self> {
        let found = Arc::new(Found { tally: Mutex::new(None), changed: Condvar::new() });
        let (stop, stopped) = channel();
        let (asking, telling) = (Arc::clone(&prober), Arc::clone(&found));
        let name = format!("odin-{}", prober.name());
        thread::Builder::new().name(name).stack_size(STACK_BYTES).spawn(move || {
            let epoch = Instant::now();
            let mut tally = asking.tally();
            loop {
                let begun = Instant::now();
                asking.round(&mut tally, &|| epoch.elapsed());
                *telling.lock() = Some(tally.clone());
                telling.changed.notify_all();
                let left = asking.pause().saturating_sub(begun.elapsed());
                if stopped.recv_timeout(left) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })?;
        Ok(Self { prober, found, _stop: stop })
    }
}

impl Collector for Probes {
    fn name(&self) -> &'static str {
        self.prober.name()
    }

    fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
        self.prober.check()?;
        let is_first = |tally: &mut Option<Tally>| tally.is_none();
        let waited = self.found.changed.wait_timeout_while(self.found.lock(), FIRST_WAIT, is_first);
        if let Some(tally) = &*waited.unwrap_or_else(PoisonError::into_inner).0 {
            tally.tell(out);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;

    use super::*;
    use crate::collector::probe::Clock;
    use crate::metrics::families::path::{PROBE_PACKETS, PROBE_RTT_SECONDS, ROUND_TRIPS};

    /// Says how its rounds end, and when there is one.
    struct Guided {
        rounds: Mutex<Receiver<&'static str>>,
        is_there: bool,
    }

    impl Prober for Guided {
        fn name(&self) -> &'static str {
            "path"
        }

        fn pause(&self) -> Duration {
            Duration::ZERO
        }

        fn tally(&self) -> Tally {
            Tally::new(&PROBE_RTT_SECONDS, ROUND_TRIPS, &PROBE_PACKETS)
        }

        fn check(&self) -> Result<(), Error> {
            if self.is_there { Ok(()) } else { Err(Error::Absent { path: "none".into() }) }
        }

        fn round(&self, tally: &mut Tally, clock: Clock) {
            // The other end is gone at the end of the test.
            if let Ok(result) = self.rounds.lock().unwrap().recv() {
                tally.count(&["gateway4", result]);
                tally.observe(&["gateway4"], clock());
            }
        }
    }

    fn guided(is_there: bool) -> (Probes, Sender<&'static str>) {
        let (end, rounds) = channel();
        let prober = Guided { rounds: Mutex::new(rounds), is_there };
        (Probes::start(Arc::new(prober)).unwrap(), end)
    }

    fn samples(probes: &mut Probes) -> Result<Vec<(String, f64)>, Error> {
        let mut out = Builder::new();
        probes.collect(&mut out)?;
        let snapshot = out.build();
        let results = snapshot.samples().filter(|sample| *sample.family == PROBE_PACKETS);
        Ok(results.map(|sample| (sample.labels.into(), sample.value)).collect())
    }

    #[test]
    fn scrapes_tell_all_rounds_so_far_and_the_first_one_awaits_one() {
        let (mut probes, end) = guided(true);
        end.send("reply").unwrap();
        let reply = || r#"target="gateway4",result="reply""#.to_owned();
        assert_eq!(samples(&mut probes).unwrap(), [(reply(), 1.0)]);
        // A scrape is no round.
        assert_eq!(samples(&mut probes).unwrap(), [(reply(), 1.0)]);
        end.send("reply").unwrap();
        while samples(&mut probes).unwrap() != [(reply(), 2.0)] {
            thread::yield_now();
        }
    }

    #[test]
    fn where_nobody_can_be_asked_there_is_nothing_to_tell() {
        let (mut probes, _end) = guided(false);
        assert!(matches!(samples(&mut probes), Err(Error::Absent { .. })));
    }

    #[test]
    fn probes_that_are_dropped_end_their_thread() {
        let (probes, end) = guided(true);
        let asking = Arc::downgrade(&probes.prober);
        drop(probes);
        drop(end);
        while asking.strong_count() > 0 {
            thread::yield_now();
        }
    }
}
