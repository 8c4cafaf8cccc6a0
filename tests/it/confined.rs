//! Odin where it may not do everything: under mounts of its own, or as a user whom the modes of files bind.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::harness::{Home, Run, binary, tell};

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs odin where mounts are its own and end with it, so that none is left behind however a test ends.
pub(crate) struct Namespace {
    flags: &'static str,
}

impl Namespace {
    /// None: mounting is not for us here, which has been told.
    pub(crate) fn new() -> Option<Self> {
        let works = |flags: &&str| {
            let mount = "mount -t tmpfs none /tmp && mount -o remount,size=1m /tmp";
            let made = Command::new("unshare").args([*flags, "sh", "-c", mount]).output();
            made.is_ok_and(|output| output.status.success())
        };
        let found = ["-m", "-rm"].into_iter().find(works);
        if found.is_none() {
            tell("skipped: no right to mount, not even in a user namespace");
        }
        found.map(|flags| Self { flags })
    }

    /// `"$@"` in the script is odin and the arguments.
    pub(crate) fn run(&self, home: &Home, script: &str, args: &str) -> Run {
        let mut command = home.command("unshare");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.args([self.flags, "sh", "-c", script, "sh"]).arg(binary()).args(args.split_whitespace());
        Run::of(&mut command)
    }
}

/// Runs odin as someone whom modes of files bind.
pub(crate) struct Unprivileged {
    is_root: bool,
}

impl Unprivileged {
    const NOBODY: u32 = 65534;

    /// None: it cannot be done here, which has been told.
    pub(crate) fn new(home: &Home) -> Option<Self> {
        let is_root = rustix::process::geteuid().is_root();
        if is_root {
            // The folder that the binary lies in may be closed to others.
            fs::copy(binary(), home.path().join("odin")).unwrap();
            let mut folders = vec![home.path().to_path_buf()];
            while let Some(folder) = folders.pop() {
                chown(&folder, Some(Self::NOBODY), None).unwrap();
                for entry in fs::read_dir(&folder).unwrap() {
                    let path = entry.unwrap().path();
                    chown(&path, Some(Self::NOBODY), None).unwrap();
                    folders.extend(path.is_dir().then_some(path));
                }
            }
        }
        let user = Self { is_root };
        match user.command(home, "--version").output() {
            Ok(output) if output.status.success() => Some(user),
            other => {
                tell(&format!("skipped: no odin as another user: {other:?}"));
                None
            }
        }
    }

    fn command(&self, home: &Home, args: &str) -> Command {
        if !self.is_root {
            return home.odin(args.split_whitespace());
        }
        let mut command = home.command(home.path().join("odin"));
        command.args(args.split_whitespace()).uid(Self::NOBODY).gid(Self::NOBODY);
        command
    }

    pub(crate) fn run(&self, home: &Home, args: &str) -> Run {
        Run::of(&mut self.command(home, args))
    }
}
