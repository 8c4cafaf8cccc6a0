//! Runs collectors so that one that hangs costs only itself.
//!
//! Each has a thread of its own, for good: a read that never returns cannot be taken back, so nothing else must wait for
//! its thread. Those that never block share one: a lane. A scrape asks all of them at once and takes what has come by its
//! deadline. One call of a collector is in flight at most, and scrapes that come meanwhile share it. A call that misses
//! its deadline is late: nobody waits for it any more, what it brings is thrown away, and the first scrape after its end
//! asks anew.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::collector::{Collector, Error, Failure};
use crate::metrics::families::collector as families;
use crate::metrics::filter::Filter;
use crate::metrics::snapshot::{Builder, Snapshot};

/// What a scrape waits for collectors at most, whatever time the scraper has.
pub const MOST_PATIENCE: Duration = Duration::from_secs(5);

/// Reserved, not used: a thread touches what its collector needs.
const STACK_BYTES: usize = 256 * 1024;

/// Hears of a collector that fails after it did not.
type Listener = Arc<dyn Fn(&'static str, &Error) + Send + Sync>;

pub struct Runner {
    /// In the order of names.
    seats: Vec<Seat>,
}

/// Where a collector is.
struct Seat {
    name: &'static str,
    lane: Arc<Lane>,
    /// Which of its lane's.
    index: usize,
}

/// The thread of one collector or some, and those who wait for them.
struct Lane {
    state: Mutex<Lined>,
    changed: Condvar,
    listener: Listener,
}

/// In the order of seats.
#[derive(Default)]
struct Lined {
    states: Vec<State>,
    is_stopping: bool,
}

/// Of a collector.
#[derive(Default)]
struct State {
    name: &'static str,
    flight: Option<Flight>,
    /// How many calls have ended.
    ended: u64,
    /// Which of them was the last in time, counted from 1, and what it brought.
    in_time: u64,
    snapshot: Arc<Snapshot>,
    record: Record,
}

/// A call that has not ended.
#[derive(Debug, Clone, Copy)]
struct Flight {
    /// That of the scrape which began it.
    deadline: Instant,
    is_late: bool,
}

/// How a collector fared so far.
#[derive(Debug, Clone, Default)]
struct Record {
    /// None: it was never called.
    is_up: Option<bool>,
    is_supported: Option<bool>,
    /// Of the last call.
    duration: Option<Duration>,
    /// Since the epoch.
    last_success: Option<Duration>,
    /// In the order of the kinds.
    failures: [u64; Failure::ALL.len()],
}

impl Runner {
    /// Starts the threads. When the runner is dropped they end, each after the call it is in.
    pub fn start(
        collectors: Vec<Box<dyn Collector>>,
        listener: impl Fn(&'static str, &Error) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener: Listener = Arc::new(listener);
        let mut runner = Self { seats: vec![] };
        let mut lanes = BTreeMap::<_, Vec<_>>::new();
        for collector in collectors {
            lanes.entry(collector.lane()).or_default().push(collector);
        }
        for (name, collectors) in lanes {
            let names: Vec<_> = collectors.iter().map(|collector| collector.name()).collect();
            let states = names.iter().map(|name| State { name, ..State::default() }).collect();
            let lane = Arc::new(Lane {
                state: Mutex::new(Lined { states, is_stopping: false }),
                changed: Condvar::new(),
                listener: Arc::clone(&listener),
            });
            let seat = |(index, name)| Seat { name, lane: Arc::clone(&lane), index };
            runner.seats.extend(names.into_iter().enumerate().map(seat));
            let thread = thread::Builder::new().name(name.into()).stack_size(STACK_BYTES);
            thread.spawn(move || lane.run(collectors))?;
        }
        runner.seats.sort_by_key(|seat| seat.name);
        Ok(runner)
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.seats.iter().map(|seat| seat.name).collect()
    }

    /// What the wanted collectors have to say by the deadline; before all, how they fare.
    pub fn collect(&self, filter: &Filter, deadline: Instant) -> Vec<Arc<Snapshot>> {
        answers(&self.ask(filter, deadline))
    }

    /// Has the wanted collectors look by the deadline, for nobody who waits.
    pub fn begin(&self, filter: &Filter, deadline: Instant) {
        self.ask(filter, deadline);
    }

    fn ask(&self, filter: &Filter, deadline: Instant) -> Vec<Asked<'_>> {
        let wanted = self.seats.iter().filter(|seat| filter.wants(seat.name));
        wanted.map(|seat| seat.ask(deadline)).collect()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        for seat in &self.seats {
            seat.lane.lock().is_stopping = true;
            seat.lane.changed.notify_all();
        }
    }
}

/// A call that a scrape waits for.
struct Asked<'r> {
    seat: &'r Seat,
    /// Its number; none: the one in flight is late.
    call: Option<u64>,
    deadline: Instant,
}

fn answers(asked: &[Asked]) -> Vec<Arc<Snapshot>> {
    let (mut snapshots, mut status) = (vec![Arc::default()], Builder::new());
    for asked in asked {
        snapshots.extend(asked.answer(&mut status));
    }
    snapshots[0] = Arc::new(status.build());
    snapshots
}

impl Asked<'_> {
    /// The samples, if they come in time; in any case how the collector fares.
    fn answer(&self, status: &mut Builder) -> Option<Arc<Snapshot>> {
        let Seat { lane, index, .. } = self.seat;
        let mut lined = lane.lock();
        let mut now = Instant::now();
        while self.call.is_some_and(|call| lined.states[*index].ended < call) && now < self.deadline {
            let waited = lane.changed.wait_timeout(lined, self.deadline - now);
            lined = waited.unwrap_or_else(PoisonError::into_inner).0;
            now = Instant::now();
        }
        let state = &mut lined.states[*index];
        let news = state.find_late(now);
        let samples = self.call.filter(|call| state.in_time >= *call).map(|_| Arc::clone(&state.snapshot));
        let late = state.flight.filter(|flight| flight.is_late);
        let stuck = late.map_or(Duration::ZERO, |flight| now.saturating_duration_since(flight.deadline));
        state.record.tell(state.name, stuck, status);
        let name = state.name;
        drop(lined);
        lane.announce(name, news);
        samples
    }
}

impl Seat {
    fn ask(&self, deadline: Instant) -> Asked<'_> {
        let mut lined = self.lane.lock();
        let state = &mut lined.states[self.index];
        let news = state.find_late(Instant::now());
        let flight = *state.flight.get_or_insert(Flight { deadline, is_late: false });
        let call = (!flight.is_late).then_some(state.ended + 1);
        drop(lined);
        self.lane.changed.notify_all();
        self.lane.announce(self.name, news);
        // Behind the deadline of the call there is nothing to wait for.
        Asked { seat: self, call, deadline: deadline.min(flight.deadline) }
    }
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, Lined> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread.
    fn run(&self, mut collectors: Vec<Box<dyn Collector>>) {
        while let Some(index) = self.next() {
            let started = Instant::now();
            let mut out = Builder::new();
            let result = collectors[index].collect(&mut out);
            self.end(index, started, out.build(), result);
        }
    }

    /// Waits for a scrape, and says which collector it is to be; none: there will be no scrape any more.
    fn next(&self) -> Option<usize> {
        let asked = |lined: &Lined| lined.states.iter().position(|state| state.flight.is_some());
        let is_idle = |lined: &mut Lined| asked(lined).is_none() && !lined.is_stopping;
        let lined = self.changed.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        asked(&lined).filter(|_| !lined.is_stopping)
    }

    fn end(&self, index: usize, started: Instant, snapshot: Snapshot, result: Result<(), Error>) {
        let now = Instant::now();
        let mut lined = self.lock();
        let state = &mut lined.states[index];
        let mut news = state.find_late(now);
        let flight = state.flight.take();
        state.ended += 1;
        state.record.duration = Some(now - started);
        if flight.is_some_and(|flight| !flight.is_late) {
            state.in_time = state.ended;
            state.snapshot = Arc::new(snapshot);
            news = state.record.add(result);
        }
        let name = state.name;
        drop(lined);
        self.changed.notify_all();
        self.announce(name, news);
    }

    fn announce(&self, name: &'static str, news: Option<Error>) {
        if let Some(error) = news {
            (self.listener)(name, &error);
        }
    }
}

impl State {
    /// Looks whether the call in flight is late by now. Brings the error if it is one to tell of.
    fn find_late(&mut self, now: Instant) -> Option<Error> {
        let flight = self.flight.as_mut().filter(|flight| !flight.is_late && now >= flight.deadline)?;
        flight.is_late = true;
        self.record.fail(Failure::Timeout).then(|| Error::Timeout { what: self.name.into() })
    }
}

impl Record {
    /// Takes down how a call ended. Brings the error if it is one to tell of.
    fn add(&mut self, result: Result<(), Error>) -> Option<Error> {
        if let Err(error) = &result
            && let Some(first) = error.failure()
        {
            let is_news = self.fail(first);
            // One call fails, of several kinds.
            for more in error.failures().skip(1) {
                self.fail(more);
            }
            return result.err().filter(|_| is_news);
        }
        self.is_supported = Some(result.is_ok());
        self.is_up = Some(true);
        self.last_success = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        None
    }

    /// True if the call before did not fail.
    fn fail(&mut self, failure: Failure) -> bool {
        self.failures[failure as usize] += 1;
        self.is_up.replace(false) != Some(false)
    }

    fn tell(&self, name: &str, stuck: Duration, out: &mut Builder) {
        let flag = |flag: bool| f64::from(u8::from(flag));
        for (family, value) in [
            (&families::UP, self.is_up.map(flag)),
            (&families::SUPPORTED, self.is_supported.map(flag)),
            (&families::DURATION_SECONDS, self.duration.map(|time| time.as_secs_f64())),
            (&families::LAST_SUCCESS_TIMESTAMP_SECONDS, self.last_success.map(|time| time.as_secs_f64())),
            (&families::STUCK_SECONDS, Some(stuck.as_secs_f64())),
        ] {
            if let Some(value) = value {
                out.push(family, &[name], value);
            }
        }
        for (failure, count) in Failure::ALL.iter().zip(self.failures) {
            out.push(&families::ERRORS, &[name, failure.name()], count as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{BufRead, BufReader, Write};
    use std::path::PathBuf;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;
    use crate::metrics::exposition::Format;
    use crate::metrics::families::{claude, processes, session};
    use crate::metrics::page::Page;

    /// Any collector.
    struct Fake<F>(&'static str, F);

    /// One that shares a lane.
    struct Lined<F>(Fake<F>);

    impl<F: FnMut(&mut Builder) -> Result<(), Error> + Send> Collector for Fake<F> {
        fn name(&self) -> &'static str {
            self.0
        }

        fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
            self.1(out)
        }
    }

    impl<F: FnMut(&mut Builder) -> Result<(), Error> + Send> Collector for Lined<F> {
        fn name(&self) -> &'static str {
            self.0.name()
        }

        fn lane(&self) -> &'static str {
            "all in line"
        }

        fn collect(&mut self, out: &mut Builder) -> Result<(), Error> {
            self.0.collect(out)
        }
    }

    fn runner(collectors: Vec<Box<dyn Collector>>) -> Runner {
        Runner::start(collectors, |_, _| {}).unwrap()
    }

    /// Says 7 commits.
    fn quick() -> Box<dyn Collector> {
        Box::new(Fake("claude", |out: &mut Builder| {
            out.push(&claude::COMMITS, &[], 7.0);
            Ok(())
        }))
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(600)
    }

    /// A deadline that nobody keeps.
    fn past() -> Instant {
        Instant::now().checked_sub(Duration::from_secs(1)).unwrap()
    }

    fn only(collector: &str) -> Filter {
        Filter::Only(vec![collector.into()])
    }

    /// The samples of a scrape, without those that are another time each time.
    fn lines(snapshots: &[Arc<Snapshot>]) -> Vec<String> {
        let page = Page::new(snapshots.iter().map(Arc::as_ref), &Filter::All, 999).write(Format::Text);
        let keeps =
            |line: &&str| !line.starts_with('#') && !line.contains("seconds{") && !line.ends_with("} 0");
        page.lines().filter(keeps).map(|line| line.replace("odin_", "")).collect()
    }

    #[test]
    fn a_scrape_has_what_all_collectors_say_and_how_they_fare() {
        let absent = Fake("ledger", |_: &mut Builder| Err(Error::Absent { path: "/dev/none".into() }));
        let broken = Fake("session", |out: &mut Builder| {
            out.push(&session::THREADS, &["a"], 3.0);
            Err(Error::Parse { path: "/proc/x".into(), what: "half".into() })
        });
        let runner = runner(vec![Box::new(broken), quick(), Box::new(absent)]);
        assert_eq!(runner.names(), ["claude", "ledger", "session"]);
        runner.collect(&Filter::All, far());
        let all = [
            "claude_commits_total 7",
            r#"collector_errors_total{collector="session",kind="parse"} 2"#,
            r#"collector_supported{collector="claude"} 1"#,
            r#"collector_up{collector="claude"} 1"#,
            r#"collector_up{collector="ledger"} 1"#,
            r#"session_threads{session="a"} 3"#,
        ];
        assert_eq!(lines(&runner.collect(&Filter::All, far())), all);
        let only = runner.collect(&only("session"), far());
        assert_eq!(lines(&only), [all[1].replace("} 2", "} 3"), all[5].into()]);
    }

    /// A collector whose source blocks, as a broken device does: each call reads a line of a FIFO.
    fn blocked(fifo: PathBuf) -> Box<dyn Collector> {
        let mut source: Option<BufReader<File>> = None;
        Box::new(Fake("processes", move |out: &mut Builder| {
            let mut line = String::new();
            let source = match &mut source {
                Some(source) => source,
                none => none.insert(BufReader::new(File::open(&fifo).unwrap())),
            };
            source.read_line(&mut line).map_err(|error| Error::at(&fifo, error))?;
            out.push(&processes::PROCESSES, &["R"], line.trim().parse().unwrap());
            Ok(())
        }))
    }

    #[test]
    fn a_read_that_blocks_costs_only_itself_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let (tell, told) = channel();
        let listener =
            move |name: &'static str, error: &Error| tell.send(format!("{name}: {error}")).unwrap();
        let runner = Runner::start(vec![quick(), blocked(fifo.clone())], listener).unwrap();

        let without = [
            "claude_commits_total 7",
            r#"collector_errors_total{collector="processes",kind="timeout"} 1"#,
            r#"collector_supported{collector="claude"} 1"#,
            r#"collector_up{collector="claude"} 1"#,
        ];
        let mut asked = runner.ask(&only("claude"), far());
        asked.extend(runner.ask(&only("processes"), past()));
        let snapshots = answers(&asked);
        assert_eq!(lines(&snapshots), without);
        assert!(stuck(&snapshots) >= 1.0);
        // This one does not wait at all, and does not ask again.
        let snapshots = runner.collect(&Filter::All, far());
        assert_eq!(lines(&snapshots), without);
        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["processes: no answer from processes"]);

        let mut source = File::options().write(true).open(&fifo).unwrap();
        source.write_all(b"1\n2\n").unwrap();
        let after = loop {
            let lines = lines(&runner.collect(&Filter::All, far()));
            if lines.len() > without.len() {
                break lines;
            }
            thread::yield_now();
        };
        // What came late is not shown.
        assert_eq!(
            after,
            [
                without[0],
                without[1],
                without[2],
                r#"collector_supported{collector="processes"} 1"#,
                without[3],
                r#"collector_up{collector="processes"} 1"#,
                r#"processes{state="R"} 2"#,
            ]
        );
    }

    /// How long any collector has been stuck.
    fn stuck(snapshots: &[Arc<Snapshot>]) -> f64 {
        let samples = snapshots.iter().flat_map(|snapshot| snapshot.samples());
        samples.filter(|sample| *sample.family == families::STUCK_SECONDS).map(|sample| sample.value).sum()
    }

    /// A collector that says when it is called, and waits for what to answer.
    fn guided() -> (Box<dyn Collector>, Receiver<()>, Sender<f64>) {
        let ((call, called), (answer, answers)) = (channel(), channel());
        let collector = Fake("claude", move |out: &mut Builder| {
            call.send(()).unwrap();
            // The other end is gone where a test has failed.
            out.push(&claude::COMMITS, &[], answers.recv().unwrap_or(f64::NAN));
            Ok(())
        });
        (Box::new(collector), called, answer)
    }

    #[test]
    fn scrapes_that_come_during_a_call_share_it() {
        let (collector, called, answer) = guided();
        let runner = runner(vec![collector]);
        let first = runner.ask(&Filter::All, far());
        called.recv().unwrap();
        let second = runner.ask(&Filter::All, far());
        answer.send(1.0).unwrap();
        for asked in [first, second] {
            assert_eq!(lines(&answers(&asked))[0], "claude_commits_total 1");
        }
        // What was said then is not said again.
        answer.send(2.0).unwrap();
        assert_eq!(lines(&runner.collect(&Filter::All, far()))[0], "claude_commits_total 2");
        assert_eq!(called.try_iter().count(), 1);
    }

    #[test]
    fn a_call_is_late_by_the_deadline_of_the_scrape_that_began_it() {
        let (collector, _called, answer) = guided();
        let runner = runner(vec![collector]);
        let first = runner.ask(&Filter::All, past());
        let second = runner.ask(&Filter::All, far());
        assert_eq!(
            lines(&answers(&first)),
            [r#"collector_errors_total{collector="claude",kind="timeout"} 1"#]
        );
        answer.send(1.0).unwrap();
        assert_eq!(
            lines(&answers(&second)),
            [r#"collector_errors_total{collector="claude",kind="timeout"} 1"#]
        );
    }

    #[test]
    fn collectors_of_a_lane_take_turns_on_one_thread_and_fare_each_for_itself() {
        let on = |name: &'static str| {
            let lined = Lined(Fake(name, move |out: &mut Builder| {
                out.push(&session::THREADS, &[&format!("{name} {:?}", thread::current().id())], 1.0);
                if name == "ledger" { Err(Error::Driver { what: "a".into() }) } else { Ok(()) }
            }));
            Box::new(lined) as Box<dyn Collector>
        };
        let runner = runner(vec![on("session"), on("ledger"), on("agent")]);
        assert_eq!(runner.names(), ["agent", "ledger", "session"]);
        let lines = lines(&runner.collect(&Filter::All, far()));
        assert_eq!(lines[0], r#"collector_errors_total{collector="ledger",kind="driver"} 1"#);
        let threads = lines.iter().filter_map(|line| line.strip_prefix(r#"session_threads{session=""#));
        let threads: Vec<(&str, &str)> = threads.map(|line| line.split_once(' ').unwrap()).collect();
        assert_eq!(threads.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["agent", "ledger", "session"]);
        assert!(threads.iter().all(|(_, thread)| *thread == threads[0].1), "{threads:?}");
    }

    #[test]
    fn failures_are_told_when_they_begin() {
        let mut results = [Ok(()), Err("a"), Err("b"), Ok(()), Err("c")].into_iter();
        let (tell, told) = channel();
        let flaky = Fake("ledger", move |_: &mut Builder| {
            results.next().unwrap().map_err(|what: &str| Error::Driver { what: what.into() })
        });
        let listener = move |_: &'static str, error: &Error| tell.send(error.to_string()).unwrap();
        let runner = Runner::start(vec![Box::new(flaky)], listener).unwrap();
        for _ in 0..5 {
            runner.collect(&Filter::All, far());
        }
        drop(runner);
        assert_eq!(told.iter().collect::<Vec<_>>(), ["the driver refuses a", "the driver refuses c"]);
    }

    #[test]
    fn of_several_failures_of_one_call_each_kind_is_counted_and_the_call_is_told_once() {
        let (tell, told) = channel();
        let partly = Fake("session", |out: &mut Builder| {
            out.push(&session::THREADS, &["a"], 3.0);
            let first = Box::new(Error::Driver { what: "a".into() });
            Err(Error::Several { sources: 4, first, more: vec![Failure::Io, Failure::Perm] })
        });
        let listener = move |_: &'static str, error: &Error| tell.send(error.to_string()).unwrap();
        let runner = Runner::start(vec![Box::new(partly)], listener).unwrap();
        runner.collect(&Filter::All, far());
        assert_eq!(
            lines(&runner.collect(&Filter::All, far())),
            [
                r#"collector_errors_total{collector="session",kind="driver"} 2"#,
                r#"collector_errors_total{collector="session",kind="io"} 2"#,
                r#"collector_errors_total{collector="session",kind="perm"} 2"#,
                r#"session_threads{session="a"} 3"#,
            ]
        );
        drop(runner);
        assert_eq!(told.iter().collect::<Vec<_>>(), ["4 sources fail, the first of them"]);
    }

    #[test]
    fn a_runner_that_is_dropped_ends_its_threads() {
        let (collector, called, answer) = guided();
        let runner = runner(vec![collector]);
        runner.ask(&Filter::All, far());
        called.recv().unwrap();
        drop(runner);
        answer.send(1.0).unwrap();
        // The thread owns the other end.
        assert!(called.recv().is_err());
    }
}
