//! The client's registry of its processes: `<config dir>/sessions/<pid>.json`, one line, rewritten in place.
//!
//! It is written half a second after the client starts and removed when it ends in good order; one that is killed
//! leaves it behind. `procStart` is the start of the process in clock ticks, so that an entry is never taken for a
//! process that was given the same pid later, nor for one of another PID namespace. The keys that lie beside the entries
//! are never opened.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags};
use serde::Deserialize;

use super::lenient::{Count, Loose, Text, When, Word};
use crate::model::process::{Client, ProcessId};

/// Real ones have some 800 bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// What the registries say.
#[derive(Debug, Default)]
pub struct Registered {
    /// As written: whether such a process runs is for others to see.
    pub clients: Vec<Client>,
    /// Entries that are none, or do not say which process of which session they are of. One that was being written
    /// when it was read is among them.
    pub damaged: usize,
    /// What could not be read.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry<'a> {
    pid: Count,
    proc_start: Count,
    #[serde(borrow)]
    session_id: Word<'a>,
    #[serde(borrow)]
    cwd: Text<'a>,
    #[serde(borrow)]
    entrypoint: Word<'a>,
    #[serde(borrow)]
    kind: Word<'a>,
    #[serde(borrow)]
    version: Word<'a>,
    #[serde(borrow)]
    status: Word<'a>,
    started_at: When,
    updated_at: When,
}

/// Reads the registries of config dirs. A dir without one is no news.
pub fn read(config_dirs: &[PathBuf]) -> Registered {
    let mut registered = Registered::default();
    for config_dir in config_dirs {
        let sessions = config_dir.join("sessions");
        if let Err(error) = read_folder(config_dir, &sessions, &mut registered)
            && error.kind() != io::ErrorKind::NotFound
        {
            registered.unreadable.push((sessions, error));
        }
    }
    registered
}

fn read_folder(config_dir: &Path, sessions: &Path, registered: &mut Registered) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(CWD, sessions, flags, Mode::empty())?;
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let Some(pid) = pid_of(name) else { continue };
        match read_entry(&folder, name) {
            Ok(Some((uid, json))) => match parse(&json, pid, config_dir, uid) {
                Some(client) => registered.clients.push(client),
                None => registered.damaged += 1,
            },
            Ok(None) => registered.damaged += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                registered.unreadable.push((sessions.join(std::ffi::OsStr::from_bytes(name)), error));
            }
        }
    }
    Ok(())
}

fn pid_of(name: &[u8]) -> Option<u32> {
    std::str::from_utf8(name.strip_suffix(b".json")?).ok()?.parse().ok()
}

/// The owner and the bytes of a file; none if it is anything but a file of reasonable size.
fn read_entry(folder: &OwnedFd, name: &[u8]) -> io::Result<Option<(u32, Vec<u8>)>> {
    // Not to wait at a pipe that somebody put there.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::openat(folder, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let mut json = vec![];
    std::fs::File::from(file).take(MAX_BYTES + 1).read_to_end(&mut json)?;
    Ok((json.len() as u64 <= MAX_BYTES).then_some((stat.st_uid, json)))
}

fn parse(json: &[u8], pid: u32, config_dir: &Path, uid: u32) -> Option<Client> {
    let entry = serde_json::from_slice::<Loose<Entry>>(json).ok()?.0?;
    let session = entry.session_id.0;
    if entry.pid.0 != Some(i64::from(pid)) || session.is_empty() {
        return None;
    }
    let start_ticks = u64::try_from(entry.proc_start.0?).ok()?;
    Some(Client {
        id: ProcessId { start_ticks, pid },
        session: session.into(),
        config_dir: config_dir.into(),
        uid,
        cwd: entry.cwd.0.into(),
        entrypoint: entry.entrypoint.0.into(),
        kind: entry.kind.0.into(),
        version: entry.version.0.into(),
        status: entry.status.0.into(),
        started_ms: entry.started_at.0.unwrap_or(0),
        updated_ms: entry.updated_at.0.unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::{parse, read};
    use crate::model::process::{Client, ProcessId};
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    /// As client 2.1.330 writes it.
    const ENTRY: &str = r#"{"pid":19262,"sessionId":"534b6444-7551-47b7-a4f4-95d8323da63c","cwd":"/home/dev/proj/slow","startedAt":1795458328814,"procStart":"83666","version":"2.1.330","peerProtocol":1,"peerFeatures":["notify_idle"],"kind":"interactive","entrypoint":"sdk-cli","pidDomain":"linux:3d12:pid:[4026531836]","asksForConvertedSkills":null,"messagingSocketPath":"/home/dev-socks/19262.sock","name":"slow-37","nameSource":"derived","nameSince":1795458328814,"status":"busy","updatedAt":1795458328747,"statusUpdatedAt":1795458328747}"#;

    fn client() -> Client {
        Client {
            id: ProcessId { start_ticks: 83666, pid: 19262 },
            session: "534b6444-7551-47b7-a4f4-95d8323da63c".into(),
            config_dir: "/c".into(),
            uid: 7,
            cwd: "/home/dev/proj/slow".into(),
            entrypoint: "sdk-cli".into(),
            kind: "interactive".into(),
            version: "2.1.330".into(),
            status: "busy".into(),
            started_ms: 1_795_458_328_814,
            updated_ms: 1_795_458_328_747,
        }
    }

    #[test]
    fn an_entry_says_which_process_runs_which_session() {
        assert_eq!(parse(ENTRY.as_bytes(), 19262, Path::new("/c"), 7), Some(client()));
    }

    #[test]
    fn an_entry_that_does_not_prove_its_process_is_none() {
        let cases = [
            ENTRY[..200].to_string(),
            String::new(),
            "[1]".into(),
            "{}".into(),
            ENTRY.replace(r#""procStart":"83666","#, ""),
            ENTRY.replace("83666", "-1"),
            ENTRY.replace("534b6444-7551-47b7-a4f4-95d8323da63c", "two words"),
            ENTRY.replace("\"pid\":19262", "\"pid\":19263"),
        ];
        for json in cases {
            assert_eq!(parse(json.as_bytes(), 19262, Path::new("/c"), 7), None, "{json}");
        }
    }

    #[test]
    fn an_odd_field_is_as_good_as_absent() {
        let odd =
            ENTRY.replace(r#""status":"busy""#, r#""status":["busy"]"#).replace("1795458328814", "null");
        let without = Client { status: String::new(), started_ms: 0, ..client() };
        assert_eq!(parse(odd.as_bytes(), 19262, Path::new("/c"), 7), Some(without));
    }

    #[test]
    fn foreign_files_are_left_alone_and_damaged_ones_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (config, sessions) = (folder.path().join("config"), folder.path().join("config/sessions"));
        fs::create_dir_all(sessions.join("4.json")).unwrap();
        fs::write(sessions.join("19262.json"), ENTRY).unwrap();
        fs::write(sessions.join("5.json"), &ENTRY[..99]).unwrap();
        fs::write(sessions.join("6.json"), vec![b' '; 70_000]).unwrap();
        for foreign in ["19262.0f0f.key", "notes.json", "7.json.tmp", "8"] {
            fs::write(sessions.join(foreign), ENTRY).unwrap();
        }
        let pipe = Command::new("mkfifo").arg(sessions.join("9.json")).status().unwrap();
        assert!(pipe.success());

        let registered = read(&[folder.path().join("without"), config.clone()]);
        let [found] = &registered.clients[..] else { panic!("{registered:?}") };
        assert_eq!((&found.session, &found.config_dir), (&client().session, &config));
        assert_eq!(registered.damaged, 4, "a folder, a pipe, a torn entry and one that is too large");
        assert!(registered.unreadable.is_empty());
    }
}
