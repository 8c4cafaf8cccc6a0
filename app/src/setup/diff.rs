//! Which lines a change takes out and puts in, for people. Values that may be keys are not shown.

use std::borrow::Cow;
use std::ops::Range;

/// Lines shown around a change.
const AROUND: usize = 3;

/// Lines that are the same are not looked for in texts whose lines, multiplied, are more than this.
const MOST_CELLS: usize = 4_000_000;

/// In the names of variables whose values are nobody's business.
const SECRETS: [&str; 5] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "HEADERS"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edit {
    Keep,
    Out,
    In,
}

/// The lines that change, with `-` and `+` before them, and a few around.
pub fn diff(before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let edits = edits(&old, &new);
    let is_near = |at: usize| {
        let near: Range<usize> = at.saturating_sub(AROUND)..(at + AROUND + 1).min(edits.len());
        edits[near].iter().any(|(edit, _)| *edit != Edit::Keep)
    };
    let (mut text, mut is_cut) = (String::new(), false);
    for (at, (edit, line)) in edits.iter().enumerate() {
        if !is_near(at) {
            is_cut = true;
            continue;
        }
        if std::mem::take(&mut is_cut) {
            text += "  …\n";
        }
        let mark = match edit {
            Edit::Keep => ' ',
            Edit::Out => '-',
            Edit::In => '+',
        };
        text += format!("{mark} {}", masked(line)).trim_end();
        text.push('\n');
    }
    text
}

fn masked(line: &str) -> Cow<'_, str> {
    let upper = line.to_uppercase();
    match line.find("\":") {
        Some(at) if SECRETS.iter().any(|name| upper.contains(name)) => format!("{}\": …", &line[..at]).into(),
        _ => line.into(),
    }
}

fn edits<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(Edit, &'t str)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old_rest[..old_rest.len() - tail], &new_rest[..new_rest.len() - tail]);
    let mut edits: Vec<_> = old[..head].iter().map(|line| (Edit::Keep, *line)).collect();
    if a.len().saturating_mul(b.len()) <= MOST_CELLS {
        middle(a, b, &mut edits);
    } else {
        edits.extend(a.iter().map(|line| (Edit::Out, *line)));
        edits.extend(b.iter().map(|line| (Edit::In, *line)));
    }
    edits.extend(old[old.len() - tail..].iter().map(|line| (Edit::Keep, *line)));
    edits
}

/// By the longest sequence of lines that both have.
fn middle<'t>(a: &[&'t str], b: &[&'t str], edits: &mut Vec<(Edit, &'t str)>) {
    let mut common = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] =
                if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            edits.push((Edit::Keep, a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || i < a.len() && common[i + 1][j] >= common[i][j + 1] {
            edits.push((Edit::Out, a[i]));
            i += 1;
        } else {
            edits.push((Edit::In, b[j]));
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::diff;
    use proptest::prelude::*;

    #[test]
    fn changed_lines_stand_with_a_few_around() {
        assert_eq!(diff("a\n", "a\n"), "");
        assert_eq!(diff("", "a\n"), "+ a\n");
        assert_eq!(
            diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n10\n"),
            "  …\n  2\n  3\n  4\n- 5\n+ x\n  6\n  7\n  8\n  9\n+ 10\n"
        );
    }

    #[test]
    fn keys_beside_a_change_are_not_shown() {
        let key = "  \"ANTHROPIC_API_KEY\": \"sk-ant-1\",\n";
        assert_eq!(diff(key, &format!("{key}x\n")), "    \"ANTHROPIC_API_KEY\": …\n+ x\n");
    }

    proptest! {
        #[test]
        fn both_texts_are_in_their_diff(a in "([ab]\n){0,3}", b in "([ab]\n){0,3}") {
            let diff = diff(&a, &b);
            let side = |mark: char| {
                let lines = diff.lines().filter(|line| !line.starts_with(mark)).map(|line| &line[2..]);
                lines.flat_map(|line| [line, "\n"]).collect::<String>()
            };
            if a != b {
                prop_assert_eq!((side('+'), side('-')), (a, b));
            }
        }
    }
}
