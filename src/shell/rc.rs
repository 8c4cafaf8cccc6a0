//! The block that an rc file gets, so that it can be taken out again to the byte.
//!
//! Works on bytes: an rc file need not be UTF-8.

use std::ops::Range;
use std::path::Path;

use super::hook::Shell;

const BEGIN: &str = "# >>> odin >>>";
const END: &str = "# <<< odin <<<";
/// Stands in the block of a file that was made for it, and goes with it.
const MADE: &str = "# This file was made for this block.";

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is `{BEGIN}`, but no `{END}` follows: put that below odin's lines, or delete them")]
pub struct Torn {
    pub line: usize,
}

/// The lines that source a hook, if it is there. A home that moves, or a file shared between machines, keeps working.
pub fn block(shell: Shell, hook: &Path, home: &Path, makes_file: bool) -> Vec<u8> {
    let path = match hook.strip_prefix(home) {
        Ok(rest) => [b"\"$HOME\"/".to_vec(), quote(shell, rest)].concat(),
        Err(_) => quote(shell, hook),
    };
    let source: [&[u8]; 5] = match shell {
        Shell::Bash | Shell::Zsh => [b"if [ -r ", &path, b" ]; then . ", &path, b"; fi"],
        Shell::Fish => [b"test -r ", &path, b"; and source ", &path, b""],
    };
    let note = if makes_file { format!("{MADE}\n") } else { String::new() };
    let head = format!("{BEGIN}\n# `odin shell uninstall` takes this out again.\n{note}");
    [head.as_bytes(), &source.concat(), format!("\n{END}\n").as_bytes()].concat()
}

/// In single quotes, in which bash and zsh know no escape, and fish knows two.
fn quote(shell: Shell, path: &Path) -> Vec<u8> {
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

/// The text with the block: where an earlier one stood, else at the end.
pub fn with_block(text: &[u8], block: &[u8]) -> Result<Vec<u8>, Torn> {
    if let Some(found) = find(text)? {
        return Ok([&text[..found.start], block, &text[found.end..]].concat());
    }
    let gap: &[u8] = if text.is_empty() { b"" } else { b"\n" };
    Ok([text, gap, block].concat())
}

/// The text as it was without the block; none if there is none.
pub fn without_block(text: &[u8]) -> Result<Option<Vec<u8>>, Torn> {
    let Some(found) = find(text)? else { return Ok(None) };
    let after = &text[found.end..];
    let before = &text[..found.start];
    // The newline that `with_block` put before it, unless by now it is all that parts two lines.
    let before = match before.strip_suffix(b"\n") {
        Some(shorter) if shorter.ends_with(b"\n") || after.is_empty() => shorter,
        _ => before,
    };
    let without = [before, after].concat();
    // Should there be another one, from a copied file.
    Ok(Some(without_block(&without)?.unwrap_or(without)))
}

/// The block in a text.
pub fn find_block(text: &[u8]) -> Result<Option<&[u8]>, Torn> {
    Ok(find(text)?.map(|found| &text[found]))
}

/// Whether the file was made for its block.
pub fn is_made(block: &[u8]) -> bool {
    lines(block).any(|line| is(&block[line], MADE))
}

fn find(text: &[u8]) -> Result<Option<Range<usize>>, Torn> {
    let mut begin = None;
    for (index, line) in lines(text).enumerate() {
        match begin {
            None if is(&text[line.clone()], BEGIN) => begin = Some((index, line.start)),
            Some((_, start)) if is(&text[line.clone()], END) => return Ok(Some(start..line.end)),
            _ => {}
        }
    }
    begin.map_or(Ok(None), |(index, _)| Err(Torn { line: index + 1 }))
}

fn is(line: &[u8], marker: &str) -> bool {
    line.trim_ascii_end() == marker.as_bytes()
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
    use super::{Torn, block, find_block, is_made, with_block, without_block};
    use crate::shell::hook::Shell;
    use proptest::prelude::*;
    use std::path::Path;

    fn of_bash(makes_file: bool) -> Vec<u8> {
        let home = Path::new("/home/me");
        block(Shell::Bash, &home.join(".local/share/odin/shell/odin.bash"), home, makes_file)
    }

    #[test]
    fn a_block_sources_the_hook_below_any_home() {
        let text = String::from_utf8(of_bash(false)).unwrap();
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
        for (shell, quoted) in
            [(Shell::Bash, r"'/o'\''d $\d/hook'"), (Shell::Zsh, r"'/o'\''d $\d/hook'"), (Shell::Fish, r"'/o\'d $\\d/hook'")]
        {
            let text = String::from_utf8(block(shell, odd, Path::new("/home/me"), false)).unwrap();
            assert!(text.contains(&format!("-r {quoted}")), "{text}");
        }
    }

    #[test]
    fn what_was_put_in_is_taken_out_to_the_byte() {
        for before in ["", "\n", "a", "a\n", "a\n\n", "\r\n", "# >>> odin\n", "\u{fc}\n"] {
            let with = with_block(before.as_bytes(), &of_bash(false)).unwrap();
            assert_eq!(without_block(&with).unwrap().as_deref(), Some(before.as_bytes()), "{before:?}");
        }
    }

    #[test]
    fn twice_is_once_and_a_new_block_takes_the_place_of_the_old() {
        let once = with_block(b"a\n", &of_bash(true)).unwrap();
        let more = [&once[..], b"b\n"].concat();
        let twice = with_block(&more, &of_bash(false)).unwrap();
        assert_eq!(twice, [b"a\n\n", &of_bash(false)[..], b"b\n"].concat());
        assert_eq!(without_block(&twice).unwrap().unwrap(), b"a\nb\n");
    }

    #[test]
    fn lines_that_were_written_behind_a_block_stay_lines() {
        let with = [&with_block(b"a", &of_bash(false)).unwrap()[..], b"b\n"].concat();
        assert_eq!(without_block(&with).unwrap().unwrap(), b"a\nb\n");
    }

    #[test]
    fn every_copy_of_a_block_goes() {
        let two = [b"a\n", &of_bash(false)[..], b"b\n", &of_bash(false)[..]].concat();
        assert_eq!(without_block(&two).unwrap().unwrap(), b"a\nb");
    }

    #[test]
    fn a_block_without_its_end_is_left_alone() {
        let torn = b"a\n# >>> odin >>>\nb\n";
        assert_eq!(without_block(torn), Err(Torn { line: 2 }));
        assert_eq!(with_block(torn, &of_bash(false)), Err(Torn { line: 2 }));
    }

    #[test]
    fn a_block_remembers_that_its_file_was_made_for_it() {
        for made in [true, false] {
            let text = with_block(b"", &of_bash(made)).unwrap();
            assert_eq!(is_made(find_block(&text).unwrap().unwrap()), made);
        }
        assert_eq!(find_block(b"a\n").unwrap(), None);
    }

    proptest! {
        #[test]
        fn any_file_survives_install_and_uninstall(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            let with = with_block(&text, &of_bash(false)).unwrap();
            prop_assert_eq!(without_block(&with).unwrap().unwrap(), text);
        }
    }
}
