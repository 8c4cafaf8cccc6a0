//! The spool: what the hooks note, one line per run of claude that ended or was stopped.
//!
//! `docs/shell.md` is the description of a line; this module reads what the hooks write.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::hook::Shell;

/// The first field of a line that this module understands.
const FORMAT: &[u8] = b"1";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// One run of claude as a shell saw it, or the part of one that Ctrl-Z ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    pub shell: Shell,
    pub shell_version: String,
    pub shell_pid: u32,
    /// First process of the job: claude itself, unless the line was a pipeline. Known only of a run that was stopped.
    pub child_pid: Option<u32>,
    /// Of the line; µs since the epoch by the wall clock, which may be set back in between.
    pub started_us: i64,
    pub ended_us: i64,
    /// As in `$?`; none where the shell does not know it.
    pub exit: Option<u8>,
    pub tty: Option<PathBuf>,
    /// None if it was too long for a line.
    pub cwd: Option<PathBuf>,
    pub branch: Option<String>,
}

impl Launch {
    /// Stopped by Ctrl-Z (or SIGSTOP), not ended: a later line may continue it.
    pub fn is_stopped(&self) -> bool {
        matches!(self.exit, Some(147 | 148))
    }
}

/// Reads a line without its newline. None: it is malformed, or of a later format.
pub fn parse(line: &[u8]) -> Option<Launch> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
    let Ok([FORMAT, shell, shell_version, shell_pid, child_pid, started, ended, exit, tty, cwd, branch]) =
        <[&[u8]; 11]>::try_from(fields)
    else {
        return None;
    };
    Some(Launch {
        shell: Shell::ALL.into_iter().find(|known| known.name().as_bytes() == shell)?,
        shell_version: text(shell_version)?.into(),
        shell_pid: number(shell_pid)?,
        child_pid: optional(child_pid, number)?,
        started_us: number(started)?,
        ended_us: number(ended)?,
        exit: optional(exit, number)?,
        tty: optional(tty, path)?,
        cwd: optional(cwd, path)?,
        branch: optional(branch, |bytes| Some(String::from_utf8_lossy(bytes).into_owned()))?,
    })
}

/// `Some(None)` for an empty field, `None` for one that `read` refuses.
fn optional<T>(field: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<Option<T>> {
    if field.is_empty() { Some(None) } else { read(field).map(Some) }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn number<N: std::str::FromStr>(bytes: &[u8]) -> Option<N> {
    text(bytes)?.parse().ok()
}

/// Undoes `\\`, `\t` and `\n`.
fn path(escaped: &[u8]) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.iter();
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
    Some(OsString::from_vec(bytes).into())
}

/// What lies in a spool.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Survey {
    pub lines: u64,
    /// Lines that could not be read, each with its place: file and line number.
    pub malformed: Vec<(PathBuf, usize)>,
    /// The launch of each shell that ended last.
    pub last: BTreeMap<Shell, Launch>,
}

/// Looks through a spool; one that is not there is empty.
pub fn survey(spool: &Path) -> Result<Survey, Error> {
    let mut survey = Survey::default();
    for file in files(spool)? {
        let bytes = fs::read(&file).map_err(|source| Error::Read { path: file.clone(), source })?;
        survey.add(&file, &bytes);
    }
    Ok(survey)
}

impl Survey {
    /// What follows the last newline is still being written, and counts once it is a line.
    fn add(&mut self, file: &Path, bytes: &[u8]) {
        let whole = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
        for (index, line) in whole.enumerate() {
            self.lines += 1;
            let Some(launch) = parse(line) else {
                self.malformed.push((file.into(), index + 1));
                continue;
            };
            let last = self.last.entry(launch.shell).or_insert_with(|| launch.clone());
            if last.ended_us < launch.ended_us {
                *last = launch;
            }
        }
    }
}

/// The files that hooks write, in the order of their months.
fn files(spool: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Read { path: spool.into(), source };
    let entries = match fs::read_dir(spool) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.map_err(failed)?,
    };
    let mut files = vec![];
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.starts_with(b"launches-") && name.ends_with(b".tsv") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::{Launch, Survey, files, parse, survey};
    use crate::shell::hook::Shell;
    use std::fs;
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
        assert_eq!(parse(LINE.as_bytes()), Some(launch()));
    }

    #[test]
    fn what_is_not_known_is_empty() {
        let launch = parse(b"1\tfish\t3.6.0\t1\t\t2\t3\t\t\t\t").unwrap();
        assert_eq!((launch.child_pid, launch.exit, launch.tty, launch.cwd, launch.branch), Default::default());
    }

    #[test]
    fn a_directory_may_hold_tabs_newlines_and_backslashes() {
        let line = LINE.replace("/home/me/work", r"/a\tb\nc\\n");
        assert_eq!(parse(line.as_bytes()).unwrap().cwd.as_deref(), Some(Path::new("/a\tb\nc\\n")));
    }

    #[test]
    fn a_malformed_line_is_none() {
        for (part, wrong) in [
            ("1\tbash", "2\tbash"),
            ("bash", "ksh"),
            ("812", ""),
            ("812", "-812"),
            ("1795459504726614", "1795459504,726614"),
            ("\t0\t", "\t256\t"),
            ("/home/me/work", r"/home/me\work"),
            ("/home/me/work", "/home/me\twork"),
            ("\tmain", ""),
        ] {
            assert_eq!(parse(LINE.replacen(part, wrong, 1).as_bytes()), None, "{part} -> {wrong}");
        }
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn only_147_and_148_are_stops() {
        let stops = (0..=255).filter(|exit| Launch { exit: Some(*exit), ..launch() }.is_stopped());
        assert_eq!(stops.collect::<Vec<_>>(), [147, 148]);
        assert!(!Launch { exit: None, ..launch() }.is_stopped());
    }

    #[test]
    fn a_survey_counts_lines_and_keeps_the_last_launch_of_each_shell() {
        let mut found = Survey::default();
        let zsh = LINE.replace("bash", "zsh");
        let later = LINE.replace("1795459511002200", "1795459511002201");
        let text = format!("{LINE}\n{zsh}\ntorn{LINE}\n{later}\n{LINE}\n1\tbash\t5.2");
        found.add(Path::new("a"), text.as_bytes());
        assert_eq!((found.lines, &found.malformed[..]), (5, &[("a".into(), 3)][..]));
        assert_eq!(found.last[&Shell::Bash].ended_us, 1_795_459_511_002_201);
        assert!(found.last.contains_key(&Shell::Zsh) && !found.last.contains_key(&Shell::Fish));
    }

    #[test]
    fn only_what_hooks_write_is_read() {
        let spool = tempfile::tempdir().unwrap();
        for name in ["launches-2026-12.tsv", "launches-2026-11.tsv", "launches-2026-11.tsv~", "notes.tsv"] {
            fs::write(spool.path().join(name), "x\n").unwrap();
        }
        let names = ["launches-2026-11.tsv", "launches-2026-12.tsv"].map(|name| spool.path().join(name));
        assert_eq!(files(spool.path()).unwrap(), names);
        assert_eq!(survey(&spool.path().join("missing")).unwrap(), Survey::default());
    }
}
