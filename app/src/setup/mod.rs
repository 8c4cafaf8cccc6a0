//! Sets up what tells odin of the client, and takes it back to the byte.
//!
//! Every file that changes is written down in the record, as it was and as it is, before it is replaced as a whole: a
//! crash at any instant leaves it the one or the other, and the record knows both.

pub mod command;
pub mod diff;
pub mod record;
pub mod service;
pub mod settings;

use std::path::{Path, PathBuf};

use crate::shell::install::{self, Modes, PRIVATE, PUBLIC, may_be_written, read_linked};
use record::{Edited, Record};
use settings::{Found, Malformed, Wanted};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] install::Error),
    #[error("{} cannot be understood, and was left as it is", path.display())]
    Malformed { path: PathBuf, source: Malformed },
    #[error("{} may not be written to: make it writable for you, and its folder", path.display())]
    ReadOnly { path: PathBuf },
    #[error("{} has changed meanwhile, and was left as it is: run odin setup again", path.display())]
    Changed { path: PathBuf },
    #[error("{} cannot be understood: it tells what the setup changed, so look at it before you remove it", path.display())]
    Record { path: PathBuf, source: serde_json::Error },
}

/// A file that is to be replaced, made (`before` is none) or removed (`after` is none).
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    pub path: PathBuf,
    pub before: Option<String>,
    pub after: Option<String>,
    modes: Modes,
}

impl Change {
    /// Does it, unless another hand was faster.
    pub fn apply(&self) -> Result<(), Error> {
        if read(&self.path)? != self.before {
            return Err(Error::Changed { path: self.path.clone() });
        }
        match &self.after {
            Some(text) => install::write(&self.path, text.as_bytes(), self.modes)?,
            None => install::remove(&self.path, 0)?,
        }
        Ok(())
    }
}

/// What a settings file takes, and what it has. The record is told.
pub fn settings(
    path: &Path,
    wanted: &Wanted,
    replaces: bool,
    record: &mut Record,
) -> Result<(Option<Change>, Found), Error> {
    let malformed = |source| Error::Malformed { path: path.into(), source };
    let now = read(path)?;
    let bytes = now.as_deref().map(str::as_bytes);
    let found = settings::look(bytes, wanted).map_err(malformed)?;
    let Some(after) = settings::with(bytes, wanted, replaces).map_err(malformed)? else {
        return Ok((None, found));
    };
    let before = match (record.settings.iter().find(|edited| edited.path == path), &now) {
        (Some(edited), Some(now)) if *now == edited.after => edited.before.clone(),
        // Others have been at it since: it was theirs but for what is odin's.
        (Some(Edited { before, after, .. }), Some(now)) => {
            Some(settings::without(now.as_bytes(), before.as_deref(), after).map_err(malformed)?)
        }
        _ => now.clone(),
    };
    record.settings.retain(|edited| edited.path != path);
    record.settings.push(Edited { path: path.into(), before, after: after.clone() });
    Ok((Some(change(path, now, Some(after), PRIVATE)?), found))
}

/// What taking back the settings of a file takes; none: nothing of it is left. True: what others changed since stays.
pub fn settings_undone(edited: &Edited) -> Result<Option<(Change, bool)>, Error> {
    let Edited { path, before, after } = edited;
    let Some(now) = read(path)? else { return Ok(None) };
    if now == *after {
        return Ok(Some((change(path, Some(now), before.clone(), PRIVATE)?, false)));
    }
    let rest = settings::without(now.as_bytes(), before.as_deref(), after)
        .map_err(|source| Error::Malformed { path: path.clone(), source })?;
    if rest == now {
        return Ok(None);
    }
    Ok(Some((change(path, Some(now), Some(rest), PRIVATE)?, true)))
}

/// What the service takes.
pub enum Service {
    Current,
    Due(Change),
    /// Somebody else wrote it.
    Others,
}

/// The record is told.
pub fn service(path: &Path, text: &str, replaces: bool, record: &mut Record) -> Result<Service, Error> {
    let now = read(path)?;
    let ours = record.service.as_ref().filter(|edited| now.as_ref() == Some(&edited.after));
    if now.as_deref() == Some(text) {
        return Ok(Service::Current);
    }
    if now.is_some() && ours.is_none() && !replaces {
        return Ok(Service::Others);
    }
    let before = ours.map_or_else(|| now.clone(), |edited| edited.before.clone());
    record.service = Some(Edited { path: path.into(), before, after: text.into() });
    Ok(Service::Due(change(path, now, Some(text.into()), PUBLIC)?))
}

/// What taking back the service takes; none: it is gone, or somebody else's by now.
pub fn service_undone(edited: &Edited) -> Result<Option<Change>, Error> {
    let now = read(&edited.path)?;
    if now.as_ref() != Some(&edited.after) {
        return Ok(None);
    }
    Ok(Some(change(&edited.path, now, edited.before.clone(), PUBLIC)?))
}

fn change(path: &Path, before: Option<String>, after: Option<String>, modes: Modes) -> Result<Change, Error> {
    if !may_be_written(path) {
        return Err(Error::ReadOnly { path: path.into() });
    }
    Ok(Change { path: path.into(), before, after, modes })
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    let text = read_linked(path)?.map(String::from_utf8).transpose();
    text.map_err(|_| Error::Malformed { path: path.into(), source: Malformed::Utf8 })
}
