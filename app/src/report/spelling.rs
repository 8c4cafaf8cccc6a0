//! What somebody may have meant.

/// Enough to see the slip, few enough to read.
const MAX_NEAREST: usize = 5;

/// The names most like `wanted`, the nearest first. Of a path, the last component counts as well as the whole.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    by_distance(names, |name| {
        let last = name.rsplit('/').next().unwrap_or(name);
        edits(wanted, name).min(edits(wanted, last))
    })
}

/// The same of names that are known by as much of them as `wanted` has.
pub(super) fn nearest_beginnings<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let length = wanted.chars().count();
    by_distance(names, |name| edits(wanted, &name.chars().take(length).collect::<String>()))
}

fn by_distance<'a>(
    names: impl IntoIterator<Item = &'a str>,
    distance: impl Fn(&str) -> usize,
) -> Vec<String> {
    let mut names: Vec<_> =
        names.into_iter().filter(|name| !name.is_empty()).map(|name| (distance(name), name)).collect();
    names.sort_unstable();
    names.into_iter().take(MAX_NEAREST).map(|(_, name)| name.into()).collect()
}

/// Levenshtein's distance, without regard to case.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (above, a) in a.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (at, b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{edits, nearest, nearest_beginnings};

    #[test]
    fn edits_are_counted() {
        for (a, b, want) in
            [("kitten", "sitting", 3), ("", "abc", 3), ("Odin", "odin", 0), ("main", "mian", 2)]
        {
            assert_eq!((edits(a, b), edits(b, a)), (want, want), "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_comes_first_and_five_are_enough() {
        let names = ["/w/a", "/w/b", "/w/odin", "/w/oden-long-name", "/w/c", "", "/w/d"];
        assert_eq!(nearest("odni", names)[0], "/w/odin");
        assert_eq!(nearest("odni", names).len(), 5);
        let ids = ["6513270e-269e", "d23f0824-128b", "9531985d-5d9d"];
        assert_eq!(nearest_beginnings("d23f08", ids)[0], ids[1]);
        assert_eq!(nearest_beginnings("651327a", ids)[0], ids[0]);
        assert_eq!(nearest("europe/berln", ["Europe/Berlin", "Europe/Bern"])[0], "Europe/Berlin");
    }
}
