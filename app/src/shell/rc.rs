//! The block that an rc file gets, so that it can be taken out again to the byte.
//!
//! Works on bytes: an rc file need not be UTF-8.

use std::ops::Range;
use std::path::Path;

use crate::model::Shell;

const BEGIN: &str = "# >>> odin >>>";
const END: &str = "# <<< odin <<<";

/// A mark without the other one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Torn {
    #[error(
        "line {line} is `{BEGIN}`, and no `{END}` follows: put that below odin's lines, or delete them all"
    )]
    NoEnd { line: usize },
    #[error(
        "line {line} is `{END}`, and no `{BEGIN}` is above: put that above odin's lines, or delete them all"
    )]
    NoBegin { line: usize },
}

/// What a file was like before it got its block, where taking that out has to put it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    Lines,
    /// Its last line had no newline, which it needed then.
    Unterminated,
    /// There was none.
    Nothing,
}

impl Before {
    pub fn of(text: Option<&[u8]>) -> Self {
        match text {
            None => Self::Nothing,
            Some(text) if text.is_empty() || text.ends_with(b"\n") => Self::Lines,
            Some(_) => Self::Unterminated,
        }
    }

    /// As the block says.
    pub fn of_block(block: &[u8]) -> Self {
        let has = |note| lines(block).any(|line| is(&block[line], note));
        let mut noted = [Self::Unterminated, Self::Nothing].into_iter();
        noted.find(|before| before.note().is_some_and(has)).unwrap_or(Self::Lines)
    }

    fn note(self) -> Option<&'static str> {
        match self {
            Self::Lines => None,
            Self::Unterminated => Some("# The line above had no newline."),
            Self::Nothing => Some("# There was no such file before."),
        }
    }
}

/// The lines that source a hook, if it is there. A home that moves, or a file shared between machines, keeps working.
pub fn block(shell: Shell, hook: &Path, home: &Path, before: Before) -> Vec<u8> {
    let path = match hook.strip_prefix(home) {
        Ok(rest) => [b"\"$HOME\"/".to_vec(), quote(shell, rest)].concat(),
        Err(_) => quote(shell, hook),
    };
    let source: [&[u8]; 5] = match shell {
        Shell::Bash | Shell::Zsh => [b"if [ -r ", &path, b" ]; then . ", &path, b"; fi"],
        Shell::Fish => [b"test -r ", &path, b"; and source ", &path, b""],
    };
    let note = before.note().map(|note| format!("{note}\n")).unwrap_or_default();
    let head = format!("{BEGIN}\n# `odin shell uninstall` takes this out again.\n{note}");
    [head.as_bytes(), &source.concat(), format!("\n{END}\n").as_bytes()].concat()
}

/// In single quotes, in which bash and zsh know no escape, and fish knows two.
pub fn quote(shell: Shell, path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+,@".contains(byte)) {
        return bytes.to_vec();
    }
    let mut quoted = vec![b'\''];
    for byte in bytes {
        match (byte, shell) {
            (b'\'', Shell::Bash | Shell::Zsh) => quoted.extend(b"'\\''"),
            (b'\'' | b'\\', Shell::Fish) => quoted.extend([b'\\', *byte]),
            _ => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

/// The text with the block, once: where one stood, else at the end.
pub fn with_block(text: &[u8], block: &[u8]) -> Result<Vec<u8>, Torn> {
    let found = find(text)?;
    let Some((first, copies)) = found.split_first() else {
        let gap: &[u8] = if text.is_empty() { b"" } else { b"\n" };
        return Ok([text, gap, block].concat());
    };
    let mut text = text.to_vec();
    for copy in copies.iter().rev() {
        cut(&mut text, copy);
    }
    text.splice(first.clone(), block.iter().copied());
    Ok(text)
}

/// The text as it was without the block; none if there is none.
pub fn without_block(text: &[u8]) -> Result<Option<Vec<u8>>, Torn> {
    let found = find(text)?;
    let mut without = text.to_vec();
    for block in found.iter().rev() {
        cut(&mut without, block);
    }
    Ok((!found.is_empty()).then_some(without))
}

/// The blocks in a text: more than one where it was copied.
pub fn blocks(text: &[u8]) -> Result<Vec<&[u8]>, Torn> {
    Ok(find(text)?.into_iter().map(|found| &text[found]).collect())
}

/// Takes out a block and the newline that `with_block` put before it.
fn cut(text: &mut Vec<u8>, block: &Range<usize>) {
    let before = &text[..block.start];
    let is_last = block.end == text.len();
    let has_gap = match Before::of_block(&text[block.clone()]) {
        // By now it may be all that parts two lines.
        Before::Unterminated => before.ends_with(b"\n") && is_last,
        Before::Lines | Before::Nothing => before.ends_with(b"\n\n"),
    };
    text.drain(block.start - usize::from(has_gap)..block.end);
}

fn find(text: &[u8]) -> Result<Vec<Range<usize>>, Torn> {
    let (mut found, mut begin) = (vec![], None);
    for (index, line) in lines(text).enumerate() {
        let bytes = &text[line.clone()];
        if is(bytes, BEGIN) {
            // What lies between two beginnings may be the user's.
            no_end(begin)?;
            begin = Some((index + 1, line.start));
        } else if is(bytes, END) {
            let (_, start) = begin.take().ok_or(Torn::NoBegin { line: index + 1 })?;
            found.push(start..line.end);
        }
    }
    no_end(begin)?;
    Ok(found)
}

fn no_end(begin: Option<(usize, usize)>) -> Result<(), Torn> {
    begin.map_or(Ok(()), |(line, _)| Err(Torn::NoEnd { line }))
}

fn is(line: &[u8], mark: &str) -> bool {
    line.trim_ascii_end() == mark.as_bytes()
}

/// Lines with their newlines.
fn lines(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split_inclusive(|byte| *byte == b'\n').map(move |line| {
        let range = start..start + line.len();
        start = range.end;
        range
    })
}

#[cfg(test)]
mod tests {
    use super::{Before, Torn, block, blocks, with_block, without_block};
    use crate::model::Shell;
    use proptest::prelude::*;
    use std::path::Path;

    fn of_bash(before: Before) -> Vec<u8> {
        let home = Path::new("/home/me");
        block(Shell::Bash, &home.join(".local/share/odin/shell/odin.bash"), home, before)
    }

    fn installed(text: &[u8]) -> Vec<u8> {
        with_block(text, &of_bash(Before::of(Some(text)))).unwrap()
    }

    #[test]
    fn a_block_sources_the_hook_below_any_home() {
        let text = String::from_utf8(of_bash(Before::Lines)).unwrap();
        assert_eq!(
            text,
            "# >>> odin >>>\n\
             # `odin shell uninstall` takes this out again.\n\
             if [ -r \"$HOME\"/.local/share/odin/shell/odin.bash ]; then . \"$HOME\"/.local/share/odin/shell/odin.bash; fi\n\
             # <<< odin <<<\n"
        );
    }

    #[test]
    fn odd_paths_are_quoted_as_the_shell_wants_it() {
        let odd = Path::new(r"/o'd $\d/hook");
        for (shell, quoted) in [
            (Shell::Bash, r"'/o'\''d $\d/hook'"),
            (Shell::Zsh, r"'/o'\''d $\d/hook'"),
            (Shell::Fish, r"'/o\'d $\\d/hook'"),
        ] {
            let text = String::from_utf8(block(shell, odd, Path::new("/home/me"), Before::Lines)).unwrap();
            assert!(text.contains(&format!("-r {quoted}")), "{text}");
        }
    }

    #[test]
    fn what_was_put_in_is_taken_out_to_the_byte() {
        for before in ["", "\n", "a", "a\n", "a\n\n", "a\r\nb\r\n", "a\r\nb", "# >>> odin\n", "\u{fc}\n"] {
            let with = installed(before.as_bytes());
            assert_eq!(without_block(&with).unwrap().as_deref(), Some(before.as_bytes()), "{before:?}");
        }
    }

    #[test]
    fn twice_is_once_and_a_new_block_takes_the_place_of_the_old() {
        let more = [&installed(b"a\n"), &b"b\n"[..]].concat();
        let newer = block(Shell::Bash, Path::new("/newer"), Path::new("/home/me"), Before::Lines);
        let twice = with_block(&more, &newer).unwrap();
        assert_eq!(twice, [b"a\n\n", &newer[..], b"b\n"].concat());
        assert_eq!(without_block(&twice).unwrap().unwrap(), b"a\nb\n");
    }

    #[test]
    fn lines_that_others_put_around_a_block_stay_lines() {
        let behind = [&installed(b"a"), &b"b\n"[..]].concat();
        assert_eq!(without_block(&behind).unwrap().unwrap(), b"a\nb\n");
        let moved = [b"a\n", &of_bash(Before::Lines)[..]].concat();
        assert_eq!(without_block(&moved).unwrap().unwrap(), b"a\n");
    }

    #[test]
    fn of_copies_of_a_block_one_stays_or_none() {
        let two = [&installed(b"a\n"), &b"b\n\n"[..], &of_bash(Before::Lines), b"c\n"].concat();
        assert_eq!(blocks(&two).unwrap().len(), 2);
        let one = [&installed(b"a\n"), &b"b\nc\n"[..]].concat();
        assert_eq!(with_block(&two, &of_bash(Before::Lines)).unwrap(), one);
        assert_eq!(without_block(&two).unwrap().unwrap(), b"a\nb\nc\n");
    }

    #[test]
    fn a_mark_without_the_other_leaves_all_alone() {
        for (torn, expected) in [
            ("a\n# >>> odin >>>\nb\n", Torn::NoEnd { line: 2 }),
            ("# >>> odin >>>\nmine\n# >>> odin >>>\n# <<< odin <<<\n", Torn::NoEnd { line: 1 }),
            ("a\nb\n# <<< odin <<<", Torn::NoBegin { line: 3 }),
        ] {
            assert_eq!(with_block(torn.as_bytes(), b"block").as_ref(), Err(&expected), "{torn}");
            assert_eq!(without_block(torn.as_bytes()), Err(expected), "{torn}");
        }
    }

    #[test]
    fn marks_are_found_whatever_an_editor_did_to_their_ends() {
        let odd = "a\n\n# >>> odin >>> \r\nx\r\n# <<< odin <<<";
        assert_eq!(without_block(odd.as_bytes()).unwrap().unwrap(), b"a\n");
        assert_eq!(without_block(b"echo '# >>> odin >>>'\n"), Ok(None));
    }

    #[test]
    fn a_block_remembers_what_the_file_was_like() {
        for before in [Before::Lines, Before::Unterminated, Before::Nothing] {
            assert_eq!(Before::of_block(&of_bash(before)), before);
        }
    }

    proptest! {
        #[test]
        fn any_file_survives_install_and_uninstall(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(without_block(&installed(&text)).unwrap().unwrap(), text);
        }
    }
}
