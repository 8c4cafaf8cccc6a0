//! TLS, client certificates, basic auth and headers, from a file with the keys of Prometheus' exporter-toolkit.
//!
//! <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>. What is different: a key
//! that is not known, or a value that cannot be honoured, is an error with its line and not ignored; client
//! certificates are verified or not asked for; paths are relative to the file; HTTP/2 is never spoken.

mod file;
mod passwords;
mod rate;
mod tls;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::HeaderMap;

use file::File;
use rate::Rate;

pub(super) use passwords::{Passwords, basic};
pub(super) use tls::Tls;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is not a web configuration odin understands", path.display())]
    Parse { path: PathBuf, source: yaml_serde::Error },
    #[error("{}: {what}", path.display())]
    Wrong { path: PathBuf, what: String },
    #[error("{} no longer asks anybody who they are, which takes a restart", path.display())]
    LosesAuth { path: PathBuf },
    #[error("the system gives no random bytes")]
    NoRandom,
}

/// The file, as it is now: it is read again when it, or a file it names, was changed.
#[derive(Debug)]
pub struct WebConfig {
    path: PathBuf,
    /// As it was at first. What was started because of it must not lose it.
    has_auth: bool,
    read: Mutex<Read>,
    pub(super) passwords: Passwords,
}

/// What was read, and of which files.
#[derive(Debug)]
struct Read {
    files: Files,
    settled: Result<Arc<Settled>, Arc<Error>>,
}

/// None: it could not be looked at.
type Files = Vec<(PathBuf, Option<Stamp>)>;

/// Changes with every writing of a file: modification time to the nanosecond, length, device and inode.
type Stamp = (i64, i64, u64, u64, u64);

/// What the file says, ready for use.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) tls: Option<Tls>,
    pub(super) users: passwords::Users,
    pub(super) headers: HeaderMap,
    pub(super) rate: Option<Rate>,
}

impl WebConfig {
    pub fn load(path: &Path) -> Result<Self, Error> {
        let (files, settled) = read(path);
        let settled = Arc::new(settled?);
        let has_auth = settled.has_auth();
        let read = Mutex::new(Read { files, settled: Ok(settled) });
        let passwords = Passwords::new().ok_or(Error::NoRandom)?;
        Ok(Self { path: path.to_owned(), has_auth, read, passwords })
    }

    /// Whether everyone has to say who they are: by a password, or by a certificate.
    pub fn has_auth(&self) -> bool {
        self.has_auth
    }

    /// Whether it is spoken to over TLS.
    pub fn has_tls(&self) -> bool {
        self.current().is_ok_and(|settled| settled.tls.is_some())
    }

    /// Why nobody is answered at the moment, if the file was changed to something that cannot be used.
    pub fn trouble(&self) -> Option<Arc<Error>> {
        self.current().err()
    }

    pub(super) fn current(&self) -> Result<Arc<Settled>, Arc<Error>> {
        let mut last = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if last.files.iter().any(|(path, before)| stamp(path) != *before) {
            let (files, mut settled) = read(&self.path);
            if self.has_auth && settled.as_ref().is_ok_and(|settled| !settled.has_auth()) {
                settled = Err(Error::LosesAuth { path: self.path.clone() });
            }
            *last = Read { files, settled: settled.map(Arc::new).map_err(Arc::new) };
        }
        last.settled.clone()
    }
}

impl Settled {
    fn has_auth(&self) -> bool {
        !self.users.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.requires_certificate)
    }
}

/// Reads the file and those it names, and tells which these are whatever comes of it.
fn read(path: &Path) -> (Files, Result<Settled, Error>) {
    let mut files = vec![stamped(path.to_owned())];
    let settled = File::read(path).and_then(|file| {
        files.extend(file.tls.iter().flat_map(|tls| tls.files(path)).map(stamped));
        Ok(Settled {
            tls: file.tls.map(|tls| Tls::new(path, &tls)).transpose()?,
            users: file.users.unwrap_or_default(),
            headers: file.http.map(|http| http.headers(path)).transpose()?.unwrap_or_default(),
            rate: file.rate_limit.and_then(|limit| limit.rate()),
        })
    });
    (files, settled)
}

/// Before it is read, so that a change in between is noticed.
fn stamped(path: PathBuf) -> (PathBuf, Option<Stamp>) {
    let stamp = stamp(&path);
    (path, stamp)
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = path.metadata().ok()?;
    Some((found.mtime(), found.mtime_nsec(), found.len(), found.dev(), found.ino()))
}
