//! What lies in the spool, and how much of it is in the ledger.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::{Launch, Shell};
use crate::source::spool::{LAUNCHES, Malformed, files, parse};

/// By name of file, how many bytes of it the ledger has read.
pub type Offsets = BTreeMap<String, u64>;

#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Whole ones: what follows the last newline is still being written.
    pub lines: usize,
    /// Those that the ledger has not read.
    pub unread: usize,
    pub malformed: Vec<MalformedLine>,
    /// The launch of each shell that ended last.
    pub last: BTreeMap<Shell, Launch>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct MalformedLine {
    pub path: PathBuf,
    /// From 1 on.
    pub number: usize,
    pub why: Malformed,
}

/// Looks through a spool; one that is not there is empty.
pub fn survey(spool: &Path, read: &Offsets) -> Result<Survey, Error> {
    let failed = |path: &Path, source| Error { path: path.into(), source };
    let mut survey = Survey::default();
    for file in files(spool, LAUNCHES).map_err(|source| failed(spool, source))? {
        let bytes = fs::read(&file).map_err(|source| failed(&file, source))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let read = read.get(name.as_ref()).copied().unwrap_or_default();
        survey.add(&file, &bytes, read);
    }
    Ok(survey)
}

impl Survey {
    /// Adds a file, of which the ledger has read so many bytes.
    pub fn add(&mut self, path: &Path, bytes: &[u8], read: u64) {
        let mut end = 0;
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
        for (index, line) in lines.enumerate() {
            end += line.len() as u64 + 1;
            self.lines += 1;
            self.unread += usize::from(end > read);
            match parse(line) {
                Ok(launch) => {
                    let last = self.last.entry(launch.shell).or_insert_with(|| launch.clone());
                    if last.ended_us < launch.ended_us {
                        *last = launch;
                    }
                }
                Err(why) => self.malformed.push(MalformedLine { path: path.into(), number: index + 1, why }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MalformedLine, Offsets, Survey, survey};
    use crate::model::Shell;
    use crate::source::spool::Malformed;
    use std::fs;
    use std::path::Path;

    const LINE: &str = "1\tbash\t5.2.15(1)-release\t812\t\t1795459504726614\t1795459511002200\t0\t\t/\t\n";

    #[test]
    fn a_survey_counts_lines_and_keeps_the_last_launch_of_each_shell() {
        let mut found = Survey::default();
        let zsh = LINE.replace("bash", "zsh");
        let later = LINE.replace("1002200", "1002201");
        found.add(Path::new("a"), format!("{LINE}{zsh}torn{LINE}{later}{LINE}1\tbash\t5.2").as_bytes(), 0);
        let torn = MalformedLine { path: "a".into(), number: 3, why: Malformed::Field("version") };
        assert_eq!((found.lines, &found.malformed), (5, &vec![torn]));
        assert_eq!(found.last[&Shell::Bash].ended_us, 1_795_459_511_002_201);
        assert!(found.last.contains_key(&Shell::Zsh) && !found.last.contains_key(&Shell::Fish));
    }

    #[test]
    fn what_is_behind_the_offset_of_its_file_is_unread() {
        let spool = tempfile::tempdir().unwrap();
        for month in ["10", "11"] {
            fs::write(spool.path().join(format!("launches-2026-{month}.tsv")), LINE.repeat(3)).unwrap();
        }
        let line = LINE.len() as u64;
        for (read, unread) in [(0, 6), (line - 1, 6), (line, 5), (2 * line, 4), (3 * line, 3)] {
            let offsets = Offsets::from([("launches-2026-11.tsv".into(), read)]);
            assert_eq!(survey(spool.path(), &offsets).unwrap().unread, unread, "{read} bytes");
        }
        assert_eq!(survey(&spool.path().join("missing"), &Offsets::new()).unwrap(), Survey::default());
    }
}
