//! Attributes of devices: files of sysfs with one value each, of which any may fail without the others.

use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use rustix::io::Errno;

use super::{Error, Failure};

/// What sysfs gives at most, a page of memory.
const MAX_BYTES: usize = 4096;

/// What an attribute says, without its newline; none where the device has no such attribute or no value at
/// the moment, as when it sleeps or is switched off.
///
/// It is read with one call: a driver measures anew for each.
pub fn text(path: &Path) -> Result<Option<String>, Error> {
    let mut bytes = [0; MAX_BYTES];
    let mut read = || {
        let mut file = File::open(path)?;
        loop {
            match file.read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                ended => return ended,
            }
        }
    };
    match read() {
        Ok(length) => Ok(Some(lossy(&bytes[..length]).trim_matches('\n').into())),
        Err(error) if Errno::from_io_error(&error).is_some_and(is_no_value) => Ok(None),
        Err(error) => match Error::at(path, error) {
            Error::Absent { .. } => Ok(None),
            error => Err(error),
        },
    }
}

/// The same for what must be a number.
pub fn number<T: FromStr>(path: &Path) -> Result<Option<T>, Error> {
    text(path)?.map(|text| parse(path, &text)).transpose()
}

/// The number that an attribute's text is.
pub fn parse<T: FromStr>(path: &Path, text: &str) -> Result<T, Error> {
    let unexpected = |_| Error::Parse { path: path.into(), what: format!("{text:?} is no number") };
    text.trim().parse().map_err(unexpected)
}

/// Each run of what is no UTF-8 is one replacement character, as `node_exporter` has it.
fn lossy(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let goes_on = chunk.valid().is_empty() && text.ends_with(char::REPLACEMENT_CHARACTER);
        if !(chunk.invalid().is_empty() || goes_on) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

/// What drivers answer when there is nothing to tell: not now, not here, or never.
fn is_no_value(errno: Errno) -> bool {
    matches!(errno, Errno::NODATA | Errno::INVAL | Errno::OPNOTSUPP | Errno::AGAIN)
}

/// The names in a folder, in order.
pub fn names(folder: &Path) -> Result<Vec<String>, Error> {
    list(folder, |_| Ok(true))
}

/// The devices of a class, by name, in order. A class without any is absent.
pub fn devices(class: &Path) -> Result<Vec<String>, Error> {
    let names = names(class)?;
    if names.is_empty() { Err(Error::Absent { path: class.into() }) } else { Ok(names) }
}

/// The names in a folder without those of folders.
pub fn files(folder: &Path) -> Result<Vec<String>, Error> {
    list(folder, |entry| Ok(!entry.file_type()?.is_dir()))
}

fn list(folder: &Path, keeps: impl Fn(&DirEntry) -> io::Result<bool>) -> Result<Vec<String>, Error> {
    let read = || {
        let mut names = vec![];
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if keeps(&entry)? {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    };
    read().map_err(|source| Error::at(folder, source))
}

/// What failed of that which a collector reads one by one.
#[derive(Debug, Default)]
pub struct Failures(Vec<Error>);

impl Failures {
    /// What was read, if anything was.
    pub fn note<T>(&mut self, read: Result<Option<T>, Error>) -> Option<T> {
        read.unwrap_or_else(|error| {
            self.add(error);
            None
        })
    }

    pub fn add(&mut self, error: Error) {
        if error.failure().is_some() {
            self.0.push(error);
        }
    }

    /// The outcome of the collector.
    pub fn end(self) -> Result<(), Error> {
        let mut errors = self.0.into_iter();
        let Some(first) = errors.next() else { return Ok(()) };
        let mut more: Vec<Failure> = vec![];
        let mut sources = 1;
        for error in errors {
            sources += 1;
            more.extend(error.failures().filter(|failure| Some(*failure) != first.failure()));
        }
        if sources == 1 {
            return Err(first);
        }
        more.sort();
        more.dedup();
        Err(Error::Several { sources, first: Box::new(first), more })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::metrics::exposition::Format;
    use crate::metrics::filter::Filter;
    use crate::metrics::page::Page;
    use crate::metrics::snapshot::Builder;

    /// Makes files, and the folders they lie in.
    pub(in crate::collector) fn write(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    /// The sample lines of what a collector pushed.
    pub(in crate::collector) fn lines(out: Builder) -> Vec<String> {
        let text = Page::new([&out.build()], &Filter::All, usize::MAX).write(Format::Text);
        text.lines().filter(|line| !line.starts_with('#')).map(Into::into).collect()
    }

    #[test]
    fn what_a_device_does_not_have_is_no_failure_and_what_it_refuses_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write(folder.path(), &[("temp", "  42000\n"), ("empty", "\n"), ("odd", "n/a\n"), ("latin", "")]);
        fs::write(path("latin"), b"\xff\xfefan\xe9\xe9\n").unwrap();
        fs::create_dir(path("folder")).unwrap();
        symlink("/proc/self/mem", path("broken")).unwrap();
        assert_eq!(number::<i64>(&path("temp")).unwrap(), Some(42000));
        assert_eq!(text(&path("latin")).unwrap().as_deref(), Some("\u{fffd}fan\u{fffd}"));
        assert_eq!(text(&path("temp")).unwrap().as_deref(), Some("  42000"));
        assert_eq!(text(&path("empty")).unwrap().as_deref(), Some(""));
        assert_eq!(text(&path("none")).unwrap(), None);
        let failure = |name: &str| number::<i64>(&path(name)).unwrap_err().failure();
        assert_eq!(failure("odd"), Some(Failure::Parse));
        assert_eq!(failure("empty"), Some(Failure::Parse));
        // Nothing lies at its beginning.
        assert_eq!(failure("broken"), Some(Failure::Io));
        assert_eq!(failure("folder"), Some(Failure::Io));
        for errno in [Errno::NODATA, Errno::INVAL, Errno::OPNOTSUPP, Errno::AGAIN] {
            assert!(is_no_value(errno));
        }
        assert!(!is_no_value(Errno::ACCESS) && !is_no_value(Errno::IO));
    }

    #[test]
    fn one_failure_is_itself_and_several_are_told_by_the_first_and_counted_by_kind() {
        let (read, parse) = (
            || Error::Read { path: "/a".into(), source: Errno::IO.into() },
            || Error::Parse { path: "/b".into(), what: "odd".into() },
        );
        Failures::default().end().unwrap();
        let mut one = Failures::default();
        assert_eq!(one.note(Ok(Some(1))), Some(1));
        assert_eq!(one.note::<u8>(Ok(None)), None);
        assert_eq!(one.note::<u8>(Err(parse())), None);
        // What is absent fails nobody.
        one.add(Error::Absent { path: "/c".into() });
        assert_eq!(one.end().unwrap_err().to_string(), "cannot make sense of /b: odd");
        let mut several = Failures::default();
        for error in [read(), parse(), read(), parse()] {
            several.add(error);
        }
        let several = several.end().unwrap_err();
        assert_eq!(several.to_string(), "4 sources fail, the first of them");
        assert_eq!(several.failures().collect::<Vec<_>>(), [Failure::Io, Failure::Parse]);
    }
}
