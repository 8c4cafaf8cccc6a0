//! What installing and uninstalling a hook takes, step by step, so that it can be shown before it is done.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::hook::Shell;
use super::places::Places;
use super::rc;

/// Of a file that is new.
const MODE: u32 = 0o644;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot remove {}", path.display())]
    Remove { path: PathBuf, source: io::Error },
    #[error("{} is a link to nothing", path.display())]
    Dangling { path: PathBuf },
    #[error("{} has a damaged block", path.display())]
    Torn { path: PathBuf, source: rc::Torn },
}

#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Of the hook.
    WriteHook { path: PathBuf, text: &'static str },
    /// Of an rc file. `block` is what is added; none: it is taken out.
    EditRc { path: PathBuf, text: Vec<u8>, block: Option<Vec<u8>>, backup: Option<Backup> },
    /// Of a file, and of `folders` above it that hold nothing else then.
    Remove { path: PathBuf, folders: usize },
}

/// What a file held, and where to keep it.
#[derive(Debug, PartialEq, Eq)]
pub struct Backup {
    pub path: PathBuf,
    pub text: Vec<u8>,
}

/// The steps that are missing; none: it is installed.
pub fn install(shell: Shell, places: &Places) -> Result<Vec<Step>, Error> {
    let mut steps = vec![];
    let (hook, text) = (places.hook(shell), shell.hook());
    if read(&hook)?.as_deref() != Some(text.as_bytes()) {
        steps.push(Step::WriteHook { path: hook.clone(), text });
    }
    let path = places.rc(shell);
    let before = read(&path)?;
    let bytes = before.as_deref().unwrap_or_default();
    let found = rc::find_block(bytes).map_err(|source| torn(&path, source))?;
    let makes_file = found.map_or(before.is_none(), rc::is_made);
    let block = rc::block(shell, &hook, &places.home, makes_file);
    if found != Some(&block) {
        let text = rc::with_block(bytes, &block).map_err(|source| torn(&path, source))?;
        let backup = before.map(|text| Backup { path: places.backup(shell), text });
        steps.push(Step::EditRc { path, text, block: Some(block), backup });
    }
    Ok(steps)
}

/// The steps that leave nothing of an installation; none: there is none.
pub fn uninstall(shell: Shell, places: &Places) -> Result<Vec<Step>, Error> {
    let mut steps = vec![];
    let path = places.rc(shell);
    let before = read(&path)?.unwrap_or_default();
    let is_made = rc::find_block(&before).map_err(|source| torn(&path, source))?.is_some_and(rc::is_made);
    if let Some(text) = rc::without_block(&before).map_err(|source| torn(&path, source))? {
        if is_made && text.is_empty() {
            steps.push(Step::Remove { path, folders: 0 });
        } else {
            let backup = Some(Backup { path: places.backup(shell), text: before });
            steps.push(Step::EditRc { path, text, block: None, backup });
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
        Step::WriteHook { path, text } => write(path, text.as_bytes()),
        Step::EditRc { path, text, backup, .. } => {
            if let Some(backup) = backup {
                write(&backup.path, &backup.text)?;
            }
            write(path, text)
        }
        Step::Remove { path, folders } => remove(path, *folders),
    }
}

/// None: there is no such file.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read { path: path.into(), source }),
    }
}

fn torn(path: &Path, source: rc::Torn) -> Error {
    Error::Torn { path: path.into(), source }
}

/// Replaces a file as a whole: what reads it meanwhile, or a full disk, never sees half of it. A link stays one, and
/// what it leads to keeps its mode and owner.
fn write(path: &Path, text: &[u8]) -> Result<(), Error> {
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(_) if path.is_symlink() => return Err(Error::Dangling { path: path.into() }),
        Err(_) => path.into(),
    };
    replace(&target, text).map_err(|source| Error::Write { path: target, source })
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".odin-").tempfile_in(folder)?;
    file.write_all(text)?;
    match fs::metadata(path) {
        Ok(old) => keep_attributes(file.as_file(), &old)?,
        Err(_) => file.as_file().set_permissions(PermissionsExt::from_mode(MODE))?,
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

fn remove(path: &Path, folders: usize) -> Result<(), Error> {
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
