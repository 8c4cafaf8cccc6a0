//! How the integration fares: what is installed, what it noted last, and what is wrong with it.

use std::path::{Path, PathBuf};

use super::hook::{self, version};
use super::install::{Error, may_be_written, rc_file, read, wanted_block};
use super::places::Places;
use super::rc;
use super::spool::{self, Offsets, Survey};
use crate::model::Shell;

#[derive(Debug)]
pub struct Status {
    /// Below which paths can be told in short.
    pub home: PathBuf,
    /// Of the hooks that this odin has.
    pub version: Option<u32>,
    pub shells: Vec<ShellStatus>,
    pub spool: PathBuf,
    pub survey: Survey,
    pub problems: Vec<Problem>,
}

#[derive(Debug)]
pub struct ShellStatus {
    pub shell: Shell,
    pub hook_path: PathBuf,
    pub hook: Hook,
    pub rc_path: PathBuf,
    pub block: Block,
}

/// The installed file.
#[derive(Debug)]
pub enum Hook {
    Absent,
    /// The one that this odin has.
    Current,
    /// Another one, of the version that it says.
    Other(Option<u32>),
    Unreadable(Error),
}

/// The block of the rc file.
#[derive(Debug)]
pub enum Block {
    Absent,
    Current,
    /// Another one, or more than one.
    Other,
    /// Torn, or the file cannot be read.
    Unreadable(Error),
}

/// Something that is wrong with an integration that is installed.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// None: it is the same for all of them.
    pub shell: Option<Shell>,
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

/// Looks at what is installed for some shells, and at the spool, of which the ledger has read so much.
pub fn look(shells: &[Shell], places: &Places, spool: &Path, read: &Offsets) -> Status {
    let version = version(hook::text(Shell::Bash).as_bytes());
    let shells: Vec<ShellStatus> = shells.iter().map(|shell| ShellStatus::of(*shell, places)).collect();
    let mut problems: Vec<Problem> = shells.iter().flat_map(|status| status.problems(version)).collect();
    let survey = spool::survey(spool, read).unwrap_or_else(|error| {
        problems.push(Problem { shell: None, what: told(&error), fix: "make it readable for you".into() });
        Survey::default()
    });
    // The hooks are silent about it.
    if shells.iter().any(ShellStatus::is_installed) && !may_be_written(&spool.join("launches.tsv")) {
        let what = format!("launches cannot be noted in {}", spool.display());
        let fix = "make it, or the nearest folder above it that is there, writable for you".into();
        problems.push(Problem { shell: None, what, fix });
    }
    Status { home: places.home.clone(), version, shells, spool: spool.into(), survey, problems }
}

impl ShellStatus {
    pub fn of(shell: Shell, places: &Places) -> Self {
        let (hook_path, rc_path) = (places.hook(shell), places.rc(shell));
        let hook = match read(&hook_path) {
            Ok(None) => Hook::Absent,
            Ok(Some(text)) if text == hook::text(shell).as_bytes() => Hook::Current,
            Ok(Some(text)) => Hook::Other(version(&text)),
            Err(error) => Hook::Unreadable(error),
        };
        let block = block_of(shell, places).unwrap_or_else(Block::Unreadable);
        Self { shell, hook_path, hook, rc_path, block }
    }

    pub fn is_installed(&self) -> bool {
        match (&self.hook, &self.block) {
            (Hook::Absent, Block::Unreadable(error)) => matches!(error, Error::Torn { .. }),
            (Hook::Absent, Block::Absent) => false,
            _ => true,
        }
    }

    fn problems(&self, newest: Option<u32>) -> Vec<Problem> {
        if !self.is_installed() {
            return vec![];
        }
        let (hook, rc) = (self.hook_path.display(), self.rc_path.display());
        let of_hook = match &self.hook {
            Hook::Current => None,
            Hook::Absent => Some(format!("{hook} is missing")),
            Hook::Other(found @ Some(version)) if *found != newest => {
                Some(format!("{hook} is of version {version}, not of this odin's"))
            }
            Hook::Other(_) => Some(format!("{hook} is not the hook of this odin")),
            Hook::Unreadable(error) => Some(told(error)),
        };
        let of_rc = match &self.block {
            Block::Current => None,
            Block::Absent => Some(format!("{rc} does not source the hook")),
            Block::Other => Some(format!("{rc} has not the block that it should have")),
            Block::Unreadable(error) => Some(told(error)),
        };
        let fix = format!("odin shell install --shell {}", self.shell.name());
        let problem = |what| Problem { shell: Some(self.shell), what, fix: fix.clone() };
        of_hook.into_iter().chain(of_rc).map(problem).collect()
    }
}

fn block_of(shell: Shell, places: &Places) -> Result<Block, Error> {
    let (path, text) = rc_file(shell, places)?;
    let torn = |source| Error::Torn { path: path.clone(), source };
    let wanted = wanted_block(shell, places, text.as_deref()).map_err(torn)?;
    Ok(match &rc::blocks(text.as_deref().unwrap_or_default()).map_err(torn)?[..] {
        [] => Block::Absent,
        [block] if *block == wanted => Block::Current,
        _ => Block::Other,
    })
}

/// With all its causes.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
