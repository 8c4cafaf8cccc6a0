//! The agent's word that the ledger has everything, for reports that would have to look at thousands of files else.
//!
//! A Unix socket in the state folder, for its owner alone. Asked with the config dirs of interest, one a line and an
//! empty line at the end, it answers `current` once all that was written before the question is in the ledger, or `look`.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::keeper::Kept;

/// How long a report waits for the word; looking itself takes about as long.
const PATIENCE: Duration = Duration::from_millis(150);

const CURRENT: &str = "current\n";

fn socket(state_dir: &Path) -> PathBuf {
    state_dir.join("agent.sock")
}

/// Listens; to be done by whoever holds the lock. A socket that a killed agent left is replaced.
pub fn listen(state_dir: &Path) -> io::Result<UnixListener> {
    let path = socket(state_dir);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers for ever, one after another; of whoever keeps the ledger then.
pub fn answer(listener: &UnixListener, kept: impl Fn() -> Arc<Kept>) {
    for stream in listener.incoming() {
        // Who went away or says nothing gets nothing.
        let _ = stream.and_then(|stream| answer_one(&stream, &kept()));
    }
}

fn answer_one(mut stream: &UnixStream, kept: &Kept) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut dirs = vec![];
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        dirs.push(PathBuf::from(line));
    }
    let is_current = kept.is_current(dirs, PATIENCE);
    stream.write_all(if is_current { CURRENT } else { "look\n" }.as_bytes())
}

/// Whether an agent says that the ledger has all that was written below these config dirs. False where none runs.
pub fn is_current(state_dir: &Path, dirs: &[PathBuf]) -> bool {
    let ask = || -> io::Result<bool> {
        let mut stream = UnixStream::connect(socket(state_dir))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut question = String::new();
        for dir in dirs {
            let dir = dir.to_str().filter(|dir| !dir.contains('\n') && !dir.is_empty());
            question += dir.ok_or(io::ErrorKind::InvalidInput)?;
            question.push('\n');
        }
        question.push('\n');
        stream.write_all(question.as_bytes())?;
        let mut answer = String::new();
        BufReader::new(&stream).read_line(&mut answer)?;
        Ok(answer == CURRENT)
    };
    ask().unwrap_or_default()
}
