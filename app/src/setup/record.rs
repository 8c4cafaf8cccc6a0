//! What a setup changed: each file as it was and as it became. `setup.json` in the state folder, readable to its owner
//! alone, since settings may hold keys.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Error;
use crate::shell::install::{self, PRIVATE};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    pub settings: Vec<Edited>,
    pub service: Option<Edited>,
    /// Names of those that got their hook.
    pub shells: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    pub path: PathBuf,
    /// None: there was no file.
    pub before: Option<String>,
    pub after: String,
}

impl Record {
    pub fn path(state_dir: &Path) -> PathBuf {
        state_dir.join("setup.json")
    }

    /// None: nothing was set up.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        let read = |text: Vec<u8>| serde_json::from_slice(&text);
        let record = install::read(path)?.map(read).transpose();
        record.map_err(|source| Error::Record { path: path.into(), source })
    }

    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self);
        let text = text.map_err(|source| Error::Record { path: path.into(), source })?;
        Ok(install::write(path, text.as_bytes(), PRIVATE)?)
    }
}
