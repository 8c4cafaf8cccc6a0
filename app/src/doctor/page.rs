//! A page of metrics, as far as a check asks it: values of a family, by a label.

/// The value of a label and that of the sample, of each sample of a family that has the label.
pub fn samples<'p>(page: &'p str, family: &'p str, label: &'p str) -> impl Iterator<Item = (&'p str, f64)> {
    all(page, family).filter_map(move |(labels, value)| Some((of(labels, label)?, value)))
}

/// What the samples of a family add up to, of those whose labels read so; none: the page has none.
pub fn sum(page: &str, family: &str, pair: &str) -> Option<f64> {
    let values = all(page, family).filter(|(labels, _)| labels.contains(pair)).map(|(_, value)| value);
    values.fold(None, |sum, value| Some(sum.unwrap_or_default() + value))
}

fn all<'p>(page: &'p str, family: &'p str) -> impl Iterator<Item = (&'p str, f64)> {
    page.lines().filter_map(move |line| {
        let rest = line.strip_prefix(family)?;
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.rsplit_once("} ")?,
            None => ("", rest.strip_prefix(' ')?),
        };
        Some((labels, value.split(' ').next()?.parse().ok()?))
    })
}

fn of<'l>(labels: &'l str, label: &str) -> Option<&'l str> {
    let mut pairs = labels.split("\",");
    pairs
        .find_map(|pair| pair.strip_prefix(label)?.strip_prefix("=\""))
        .map(|value| value.trim_end_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::{samples, sum};

    const PAGE: &str = "# TYPE up gauge\nup{collector=\"agent\"} 1\nup{collector=\"gpu\",host=\"a\"} 0\nup_total 3\nplain 7.5\n";

    #[test]
    fn samples_are_found_by_family_and_label() {
        assert_eq!(samples(PAGE, "up", "collector").collect::<Vec<_>>(), [("agent", 1.0), ("gpu", 0.0)]);
        assert_eq!(samples(PAGE, "up", "host").collect::<Vec<_>>(), [("a", 0.0)]);
        assert_eq!(samples(PAGE, "down", "collector").count(), 0);
        assert_eq!((sum(PAGE, "up", ""), sum(PAGE, "up", "host=\"a\"")), (Some(1.0), Some(0.0)));
        assert_eq!((sum(PAGE, "plain", ""), sum(PAGE, "none", "")), (Some(7.5), None));
    }
}
