//! What installing and uninstalling a hook takes, step by step, so that it can be shown before it is done.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::places::Places;
use super::rc::{self, Before};
use crate::model::Shell;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot remove {}", path.display())]
    Remove { path: PathBuf, source: io::Error },
    #[error("{} leads to {}, which is not there: make that file, or remove the link", path.display(), target.display())]
    Dangling { path: PathBuf, target: PathBuf },
    #[error("{} is no file: put one in its place", path.display())]
    NoFile { path: PathBuf },
    #[error("{} has a torn block", path.display())]
    Torn { path: PathBuf, source: rc::Torn },
    /// As where a tool makes the file from another one.
    #[error(
        "{} may not be written to: make it writable, or put these lines there in another way and try again\n\n{block}",
        path.display()
    )]
    CannotGain { path: PathBuf, block: String },
    #[error("{} may not be written to: make it writable, or take odin's block out in another way and try again", path.display())]
    CannotLose { path: PathBuf },
    #[error(
        "{} speaks of ZDOTDIR, which is not in the environment: try again with ZDOTDIR=FOLDER in front, the one that .zshrc is in",
        path.display()
    )]
    Zdotdir { path: PathBuf },
}

#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Of the hook.
    Write { path: PathBuf, text: &'static str },
    /// Of an rc file as it is.
    Keep { path: PathBuf, copy: PathBuf, text: Vec<u8> },
    /// Of an rc file, as a whole. `block` is what it gains; none: it loses it.
    Edit { path: PathBuf, text: Vec<u8>, block: Option<Vec<u8>> },
    /// Of a file, and of `folders` above it that hold nothing else then.
    Remove { path: PathBuf, folders: usize },
}

/// The steps that are missing; none: it is installed.
pub fn install(shell: Shell, places: &Places) -> Result<Vec<Step>, Error> {
    let mut steps = vec![];
    let (hook, text) = (places.hook(shell), super::hook::text(shell));
    if read(&hook)?.as_deref() != Some(text.as_bytes()) {
        steps.push(Step::Write { path: hook, text });
    }
    let (path, before) = rc_file(shell, places)?;
    let bytes = before.as_deref().unwrap_or_default();
    let block = wanted_block(shell, places, before.as_deref()).map_err(|source| torn(&path, source))?;
    if rc::blocks(bytes).map_err(|source| torn(&path, source))? != [&block] {
        if !may_be_written(&path) {
            return Err(Error::CannotGain { path, block: String::from_utf8_lossy(&block).into() });
        }
        let text = rc::with_block(bytes, &block).map_err(|source| torn(&path, source))?;
        steps.extend(before.map(|text| Step::Keep { path: path.clone(), copy: places.backup(shell), text }));
        steps.push(Step::Edit { path, text, block: Some(block) });
    }
    Ok(steps)
}

/// The steps that leave nothing of an installation; none: there is none.
pub fn uninstall(shell: Shell, places: &Places) -> Result<Vec<Step>, Error> {
    let mut steps = vec![];
    let (path, before) = rc_file(shell, places)?;
    let before = before.unwrap_or_default();
    let blocks = rc::blocks(&before).map_err(|source| torn(&path, source))?;
    if let Some(block) = blocks.first() {
        if !may_be_written(&path) {
            return Err(Error::CannotLose { path });
        }
        let is_ours = Before::of_block(block) == Before::Nothing;
        let text = rc::without_block(&before).map_err(|source| torn(&path, source))?.unwrap_or_default();
        if is_ours && text.is_empty() {
            steps.push(Step::Remove { path, folders: 0 });
        } else {
            steps.push(Step::Keep { path: path.clone(), copy: places.backup(shell), text: before });
            steps.push(Step::Edit { path, text, block: None });
        }
    }
    let hook = places.hook(shell);
    if read(&hook)?.is_some() {
        steps.push(Step::Remove { path: hook, folders: 2 });
    }
    Ok(steps)
}

pub fn apply(step: &Step) -> Result<(), Error> {
    match step {
        Step::Write { path, text } => write(path, text.as_bytes(), PUBLIC),
        Step::Keep { copy, text, .. } => write(copy, text, PRIVATE),
        Step::Edit { path, text, .. } => write(path, text, PUBLIC),
        Step::Remove { path, folders } => remove(path, *folders),
    }
}

/// The rc file of a shell, and what it holds; none: it is not there.
pub fn rc_file(shell: Shell, places: &Places) -> Result<(PathBuf, Option<Vec<u8>>), Error> {
    if shell == Shell::Zsh
        && let Some(path) = places.zshenv()
        && read(&path)?.is_some_and(|text| memchr::memmem::find(&text, b"ZDOTDIR").is_some())
    {
        return Err(Error::Zdotdir { path });
    }
    let path = places.rc(shell);
    let text = read_linked(&path)?;
    Ok((path, text))
}

/// As [`read`]; but a link that leads to nothing is no missing file, for what replaced it would lie elsewhere.
pub fn read_linked(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let text = read(path)?;
    if text.is_none() && path.is_symlink() {
        let target = fs::read_link(path).map_err(|source| Error::Read { path: path.into(), source })?;
        return Err(Error::Dangling { target: path.with_file_name(target), path: path.into() });
    }
    Ok(text)
}

/// The block that belongs into an rc file.
pub fn wanted_block(shell: Shell, places: &Places, text: Option<&[u8]>) -> Result<Vec<u8>, rc::Torn> {
    let blocks = rc::blocks(text.unwrap_or_default())?;
    let before = blocks.first().map_or(Before::of(text), |block| Before::of_block(block));
    Ok(rc::block(shell, &places.hook(shell), &places.home, before))
}

/// None: there is no such file. What only looks like one, as `/dev/null`, must be neither read nor replaced.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let content = || if fs::metadata(path)?.is_file() { fs::read(path).map(Some) } else { Ok(None) };
    match content() {
        Ok(None) => Err(Error::NoFile { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        content => content.map_err(|source| Error::Read { path: path.into(), source }),
    }
}

/// Whether a file that is there may be, and the folder that it is in, or the nearest one that is there.
pub fn may_be_written(path: &Path) -> bool {
    let path = fs::canonicalize(path).unwrap_or(path.into());
    let is_allowed = |path: &Path, what| access(path, what).is_ok();
    let mut folders = path.ancestors().skip(1);
    (!path.exists() || is_allowed(&path, Access::WRITE_OK))
        && folders
            .find(|folder| folder.exists())
            .is_some_and(|folder| folder.is_dir() && is_allowed(folder, Access::WRITE_OK | Access::EXEC_OK))
}

fn torn(path: &Path, source: rc::Torn) -> Error {
    Error::Torn { path: path.into(), source }
}

/// Modes of folders and files that are new, less the umask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    folder: u32,
    file: u32,
}

pub const PUBLIC: Modes = Modes { folder: 0o777, file: 0o666 };
/// An rc file may hold what is nobody else's business.
pub const PRIVATE: Modes = Modes { folder: 0o700, file: 0o600 };

/// Replaces a file as a whole: what reads it meanwhile, or a full disk, never sees half of it. A link stays one, and
/// what it leads to keeps its mode and owner.
pub fn write(path: &Path, text: &[u8], modes: Modes) -> Result<(), Error> {
    let target = fs::canonicalize(path).unwrap_or(path.into());
    replace(&target, text, modes).map_err(|source| Error::Write { path: target, source })
}

fn replace(path: &Path, text: &[u8], modes: Modes) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(modes.folder).create(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".odin-")
        .permissions(Permissions::from_mode(modes.file))
        .tempfile_in(folder)?;
    file.write_all(text)?;
    match fs::metadata(path) {
        Ok(old) => keep_attributes(file.as_file(), &old)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn keep_attributes(file: &File, old: &fs::Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()))?;
    }
    file.set_permissions(old.permissions())
}

/// Removes a file, and so many folders above it as long as they hold nothing else.
pub fn remove(path: &Path, folders: usize) -> Result<(), Error> {
    let failed = |source| Error::Remove { path: path.into(), source };
    fs::remove_file(path).map_err(failed)?;
    for folder in path.ancestors().skip(1).take(folders) {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => return Ok(()),
            removed => removed.map_err(failed)?,
        }
    }
    Ok(())
}
