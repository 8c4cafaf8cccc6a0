//! Observations, counted by size.

/// Counts for the buckets of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    /// Not cumulative; one more than bounds.
    counts: Box<[u64]>,
    sum: f64,
}

impl Histogram {
    /// `bounds` as in [`Kind::Histogram`](super::Kind::Histogram).
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1].into(), sum: 0.0 }
    }

    pub fn observe(&mut self, value: f64) {
        self.counts[self.bounds.partition_point(|bound| *bound < value)] += 1;
        self.sum += value;
    }

    /// How many there were up to each bound, and in all.
    pub fn cumulative(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        })
    }

    pub fn sum(&self) -> f64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_all_above() {
        let mut histogram = Histogram::new(&[1.0, 2.5]);
        for value in [0.5, 1.0, 1.5, 2.5, 100.0] {
            histogram.observe(value);
        }
        assert_eq!(histogram.cumulative().collect::<Vec<_>>(), [2, 4, 5]);
        assert!((histogram.sum() - 105.5).abs() < f64::EPSILON);
    }
}
