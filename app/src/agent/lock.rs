//! One agent for each state folder.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("an agent runs for {} already, process {pid}", state_dir.display())]
    Taken { state_dir: PathBuf, pid: String },
    #[error("cannot lock {}", path.display())]
    Lock { path: PathBuf, source: io::Error },
}

/// Held as long as it is there; the kernel lets go of it when the process ends, however it does.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "it is there to be dropped")] File);

pub fn take(state_dir: &Path) -> Result<Lock, Error> {
    let path = state_dir.join("agent.lock");
    let failed = |source| Error::Lock { path: path.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(state_dir).map_err(failed)?;
    let mut file =
        File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut pid = String::new();
            file.read_to_string(&mut pid).map_err(failed)?;
            return Err(Error::Taken { state_dir: state_dir.into(), pid: pid.trim().into() });
        }
        Err(errno) => return Err(failed(errno.into())),
    }
    file.set_len(0).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(Lock(file))
}

#[cfg(test)]
mod tests {
    use super::{Error, take};

    #[test]
    fn a_second_one_is_told_who_has_it_until_that_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let lock = take(dir.path()).unwrap();
        match take(dir.path()) {
            Err(Error::Taken { pid, .. }) => assert_eq!(pid, std::process::id().to_string()),
            other => panic!("{other:?}"),
        }
        drop(lock);
        take(dir.path()).unwrap();
    }
}
