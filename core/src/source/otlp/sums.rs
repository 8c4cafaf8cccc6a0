//! Metrics of the client: sums that only grow, as deltas or so far.

use super::attributes::{Attributes, MAX_COUNT};
use super::{Told, key_of};
use crate::model::telemetry::{Fact, Measure, Point};

/// As in `AggregationTemporality`.
const DELTA: u64 = 1;
const CUMULATIVE: u64 = 2;

/// A metric with all its points, whatever comes first in a body.
#[derive(Debug, Default)]
pub(super) struct Metric {
    /// None where it is nothing to the ledger.
    pub(super) measure: Option<Measure>,
    pub(super) temporality: u64,
    pub(super) is_monotonic: bool,
    pub(super) points: Vec<DataPoint>,
}

#[derive(Debug, Default)]
pub(super) struct DataPoint {
    /// Nanoseconds since the epoch, as below.
    pub(super) start_ns: u64,
    pub(super) time_ns: u64,
    pub(super) value: f64,
    pub(super) attributes: Attributes,
}

/// What a metric counts. Of tokens and costs, requests tell more, each by itself.
pub(super) fn measure(name: &str) -> Option<Measure> {
    Some(match name {
        "claude_code.session.count" => Measure::Starts,
        "claude_code.lines_of_code.count" => Measure::Lines,
        "claude_code.commit.count" => Measure::Commits,
        "claude_code.pull_request.count" => Measure::PullRequests,
        "claude_code.active_time.total" => Measure::Active,
        "claude_code.code_edit_tool.decision" => Measure::EditDecisions,
        _ => return None,
    })
}

impl Told {
    pub(super) fn metric(&mut self, metric: &Metric) {
        let Some(measure) = metric.measure else {
            self.ignored += metric.points.len();
            return;
        };
        for point in &metric.points {
            if point.value == 0.0 {
                self.ignored += 1;
            } else if let Some(point) = fact(measure, metric, point) {
                self.facts.push(Fact::Point(point));
            } else {
                self.invalid += 1;
            }
        }
    }
}

fn fact(measure: Measure, metric: &Metric, point: &DataPoint) -> Option<Point> {
    let attributes = &point.attributes;
    let one_of = |key, known: [&str; 2]| {
        let word = attributes.word(key);
        known.contains(&word).then(|| word.to_owned())
    };
    let detail = match measure {
        Measure::Starts => attributes.word("start_type").into(),
        Measure::Lines => one_of("type", ["added", "removed"])?,
        Measure::Active => one_of("type", ["cli", "user"])?,
        Measure::EditDecisions => {
            let decision = one_of("decision", ["accept", "reject"])?;
            format!("{decision}/{}", attributes.word("tool_name"))
        }
        Measure::Commits | Measure::PullRequests | Measure::RetriesExhausted => String::new(),
    };
    let times = match metric.temporality {
        DELTA if point.time_ns > 0 => [point.start_ns, point.time_ns],
        // From the same start on, the latest is the sum of all.
        CUMULATIVE => [point.start_ns, 0],
        _ => return None,
    };
    let [start, time] = times.map(u64::cast_signed);
    let session = attributes.word("session.id").to_owned();
    let unit = if measure == Measure::Active { 1000.0 } else { 1.0 };
    let value = rounded(point.value * unit)?;
    let key = key_of(&[], &[attributes.hash(), start, time]);
    let is_whole = metric.is_monotonic && !session.is_empty();
    is_whole.then_some(Point { measure, session, detail, key, value })
}

#[expect(clippy::cast_possible_truncation, reason = "the bounds are checked")]
fn rounded(value: f64) -> Option<i64> {
    (0.0..=MAX_COUNT as f64).contains(&value).then_some(value.round() as i64)
}
