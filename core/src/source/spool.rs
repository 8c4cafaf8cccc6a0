//! Launches, from the spool that the shell hooks write: one line for each run of claude that ended or was stopped.
//!
//! A file a month, `launches-YYYY-MM.tsv`, with tabs between the fields of a line:
//!
//! ```text
//! 1  shell  shell_version  shell_pid  child_pid  started_us  ended_us  exit  tty  cwd  branch
//! ```
//!
//! The first field is the version of the format. Empty is unknown. In `cwd`, `\\`, `\t` and `\n` stand for a backslash,
//! a tab and a newline.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::model::{Launch, Shell};

const VERSION: &[u8] = b"1";
const FIELDS: usize = 11;

/// The last microsecond that a calendar has a name for.
const MAX_US: i64 = 253_402_207_200_000_000;

/// Why a line is no launch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("a later odin wrote it, in format {0}")]
    Version(u32),
    #[error("it has {found} fields instead of {wanted}")]
    Fields { found: usize, wanted: usize },
    #[error("its {0} cannot be read")]
    Field(&'static str),
}

/// A kind of file in the spool: what its name begins with, and what is behind it, with `0` for any digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub beginning: &'static str,
    behind: &'static str,
}

/// Launches, one a month.
pub const LAUNCHES: Kind = Kind { beginning: "launches-", behind: "0000-00.tsv" };
/// Calls of the client's hooks, one a month.
pub const HOOKS: Kind = Kind { beginning: "hooks-", behind: "0000-00.tsv" };
/// What status lines were told, one a day.
pub const STATUS: Kind = Kind { beginning: "status-", behind: "0000-00-00.tsv" };

/// Files of a spool, in the order of their times. One that is not there has none.
pub fn files(spool: &Path, kind: Kind) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(spool) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries?,
    };
    let mut files = vec![];
    for entry in entries {
        let entry = entry?;
        if kind.is_of(entry.file_name().as_encoded_bytes()) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

impl Kind {
    fn is_of(self, name: &[u8]) -> bool {
        name.strip_prefix(self.beginning.as_bytes()).is_some_and(|rest| {
            let is_as =
                |(byte, want): (&u8, u8)| if want == b'0' { byte.is_ascii_digit() } else { *byte == want };
            rest.len() == self.behind.len() && rest.iter().zip(self.behind.bytes()).all(is_as)
        })
    }
}

/// Reads a line without its newline.
pub fn parse(line: &[u8]) -> Result<Launch, Malformed> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
    version(fields[0])?;
    let Ok([_, shell, shell_version, shell_pid, child_pid, started, ended, exit, tty, cwd, branch]) =
        <[&[u8]; FIELDS]>::try_from(&fields[..])
    else {
        return Err(Malformed::Fields { found: fields.len(), wanted: FIELDS });
    };
    let shell = Shell::ALL.into_iter().find(|known| known.name().as_bytes() == shell);
    Ok(Launch {
        shell: shell.ok_or(Malformed::Field("shell"))?,
        shell_version: required("shell_version", shell_version, text)?.into(),
        shell_pid: required("shell_pid", shell_pid, number)?,
        child_pid: optional("child_pid", child_pid, number)?,
        started_us: required("started_us", started, time)?,
        ended_us: required("ended_us", ended, time)?,
        exit: optional("exit", exit, number)?,
        tty: optional("tty", tty, path)?,
        cwd: optional("cwd", cwd, path)?,
        branch: optional("branch", branch, |bytes| Some(String::from_utf8_lossy(bytes).into_owned()))?,
    })
}

/// Whether a line is of the format that is known.
pub(super) fn version(field: &[u8]) -> Result<(), Malformed> {
    match number(field) {
        _ if field == VERSION => Ok(()),
        Some(later) => Err(Malformed::Version(later)),
        None => Err(Malformed::Field("version")),
    }
}

pub(super) fn required<'a, T>(
    name: &'static str,
    field: &'a [u8],
    read: impl Fn(&'a [u8]) -> Option<T>,
) -> Result<T, Malformed> {
    read(field).ok_or(Malformed::Field(name))
}

pub(super) fn optional<'a, T>(
    name: &'static str,
    field: &'a [u8],
    read: impl Fn(&'a [u8]) -> Option<T>,
) -> Result<Option<T>, Malformed> {
    if field.is_empty() { Ok(None) } else { required(name, field, read).map(Some) }
}

pub(super) fn text(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field).ok()
}

pub(super) fn number<N: FromStr>(field: &[u8]) -> Option<N> {
    text(field)?.parse().ok()
}

pub(super) fn time(field: &[u8]) -> Option<i64> {
    number(field).filter(|us| (0..=MAX_US).contains(us))
}

fn path(field: &[u8]) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                b'\\' => b'\\',
                b't' => b'\t',
                b'n' => b'\n',
                _ => return None,
            },
            plain => *plain,
        });
    }
    let path = PathBuf::from(OsString::from_vec(bytes));
    path.is_absolute().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::{HOOKS, LAUNCHES, MAX_US, Malformed, files, parse};
    use crate::model::{Launch, Shell};
    use proptest::prelude::*;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    const LINE: &str = "1\tbash\t5.2.15(1)-release\t812\t\t1795459504726614\t1795459511002200\t0\t/dev/pts/3\t/home/me/work\tmain";

    fn launch() -> Launch {
        Launch {
            shell: Shell::Bash,
            shell_version: "5.2.15(1)-release".into(),
            shell_pid: 812,
            child_pid: None,
            started_us: 1_795_459_504_726_614,
            ended_us: 1_795_459_511_002_200,
            exit: Some(0),
            tty: Some("/dev/pts/3".into()),
            cwd: Some("/home/me/work".into()),
            branch: Some("main".into()),
        }
    }

    #[test]
    fn a_line_tells_a_launch() {
        assert_eq!(parse(LINE.as_bytes()), Ok(launch()));
        let stopped = LINE.replace("812\t", "812\t900").replace("\t0\t", "\t148\t").replace("bash", "zsh");
        let expected = Launch { shell: Shell::Zsh, child_pid: Some(900), exit: Some(148), ..launch() };
        assert_eq!(parse(stopped.as_bytes()), Ok(expected));
    }

    #[test]
    fn what_is_not_known_is_empty() {
        let launch = parse(b"1\tfish\t3.6.0\t1\t\t2\t3\t\t\t\t").unwrap();
        assert_eq!(
            (launch.child_pid, launch.exit, launch.tty, launch.cwd, launch.branch),
            Default::default()
        );
    }

    #[test]
    fn what_is_wrong_with_a_line_is_told() {
        let fields = |found| Malformed::Fields { found, wanted: 11 };
        for (part, wrong, expected) in [
            ("1\tbash", "2\tbash", Malformed::Version(2)),
            (LINE, "2\twhatever", Malformed::Version(2)),
            ("1\tbash", "x\tbash", Malformed::Field("version")),
            ("1\tbash", "\tbash", Malformed::Field("version")),
            ("bash", "ksh", Malformed::Field("shell")),
            ("812", "", Malformed::Field("shell_pid")),
            ("812", "-812", Malformed::Field("shell_pid")),
            ("1795459504726614", "1795459504,726614", Malformed::Field("started_us")),
            ("1795459504726614", "-1", Malformed::Field("started_us")),
            ("1795459511002200", "9795459511002200000", Malformed::Field("ended_us")),
            ("\t0\t", "\t256\t", Malformed::Field("exit")),
            ("/dev/pts/3", "not a tty", Malformed::Field("tty")),
            ("/home/me/work", r"/home/me\work", Malformed::Field("cwd")),
            ("/home/me/work", "/home/me\\", Malformed::Field("cwd")),
            ("/home/me/work", "/home/me\twork", fields(12)),
            ("\tmain", "", fields(10)),
            (LINE, "", Malformed::Field("version")),
        ] {
            let line = LINE.replacen(part, wrong, 1);
            assert_eq!(parse(line.as_bytes()), Err(expected), "{part} -> {wrong}");
        }
        let not_utf8: Vec<u8> = LINE.bytes().map(|byte| if byte == b'(' { 0xff } else { byte }).collect();
        assert_eq!(parse(&not_utf8), Err(Malformed::Field("shell_version")));
    }

    #[test]
    fn only_147_and_148_are_stops() {
        let stops = (0..=255).filter(|exit| Launch { exit: Some(*exit), ..launch() }.is_stopped());
        assert_eq!(stops.collect::<Vec<_>>(), [147, 148]);
        assert!(!Launch { exit: None, ..launch() }.is_stopped());
    }

    #[test]
    fn every_time_has_a_place_in_the_calendar() {
        jiff::Timestamp::from_microsecond(MAX_US).unwrap();
    }

    #[test]
    fn only_what_hooks_write_is_listed_and_in_order() {
        let spool = tempfile::tempdir().unwrap();
        assert_eq!(files(&spool.path().join("missing"), LAUNCHES).unwrap(), <[&Path; 0]>::default());
        for name in [
            "launches-2026-12.tsv",
            "launches-2026-11.tsv",
            "launches-2026-11.tsv~",
            "launches-2026-1a.tsv",
            "hooks-2026-11.tsv",
            "notes",
        ] {
            fs::write(spool.path().join(name), "x\n").unwrap();
        }
        let names = ["launches-2026-11.tsv", "launches-2026-12.tsv"].map(|name| spool.path().join(name));
        assert_eq!(files(spool.path(), LAUNCHES).unwrap(), names);
        assert_eq!(files(spool.path(), HOOKS).unwrap(), [spool.path().join("hooks-2026-11.tsv")]);
    }

    proptest! {
        #[test]
        fn a_directory_may_have_any_name(name in proptest::collection::vec(1u8.., 0..40)) {
            let mut escaped = vec![];
            for byte in &name {
                match byte {
                    b'\\' => escaped.extend(br"\\"),
                    b'\t' => escaped.extend(br"\t"),
                    b'\n' => escaped.extend(br"\n"),
                    plain => escaped.push(*plain),
                }
            }
            let (before, after) = LINE.split_once("home/me/work").unwrap();
            let line = [before.as_bytes(), &escaped, after.as_bytes()].concat();
            let cwd = Path::new("/").join(OsStr::from_bytes(name.strip_prefix(b"/").unwrap_or(&name)));
            prop_assert_eq!(parse(&line), Ok(Launch { cwd: Some(cwd), ..launch() }));
        }

        #[test]
        fn any_bytes_are_a_launch_or_told(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse(&line).is_err());
        }
    }
}
