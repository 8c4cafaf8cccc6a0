//! The units that come with odin, as systemd understands them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::{binary, skip};

/// A unit of `deploy/systemd` in a folder of its own, which starts the binary under test.
fn unit(name: &str, installed: &str) -> (TempDir, PathBuf) {
    let text = fs::read_to_string(Path::new("deploy/systemd").join(name)).unwrap();
    assert!(text.contains(&format!("\nExecStart={installed} agent\n")), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text.replace(installed, binary().to_str().unwrap())).unwrap();
    (folder, path)
}

/// None: systemd is not installed here, which has been told.
fn analyze(args: &[&str], unit: &Path) -> Option<Output> {
    let mut command = Command::new("systemd-analyze");
    // A user's units are looked for below it.
    command.args(args).arg(unit).env("XDG_RUNTIME_DIR", unit.parent().unwrap());
    match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skip("systemd-analyze is not installed");
            None
        }
        output => Some(output.unwrap()),
    }
}

#[track_caller]
fn assert_is_clean(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
}

#[test]
fn systemd_understands_every_word_of_both_units() {
    let (_folder, system) = unit("odin@.service", "/usr/local/bin/odin");
    let Some(output) = analyze(&["verify"], &system) else { return };
    assert_is_clean(&output);
    let (_folder, user) = unit("odin.service", "%h/.local/bin/odin");
    assert_is_clean(&analyze(&["verify", "--user"], &user).unwrap());
}

#[test]
fn the_system_unit_is_exposed_to_little() {
    let (_folder, system) = unit("odin@.service", "/usr/local/bin/odin");
    // In tenths.
    let args = ["security", "--offline=true", "--threshold=25", "--no-pager"];
    let Some(output) = analyze(&args, &system) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_user_unit_asks_for_nothing_that_hides_processes_from_it() {
    let text = fs::read_to_string("deploy/systemd/odin.service").unwrap();
    let keys = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    for (key, _) in keys {
        let needs_namespace = ["Private", "Protect", "ReadWrite", "ReadOnly", "Bind", "Inaccessible", "Root"];
        assert!(
            !needs_namespace.iter().any(|prefix| key.starts_with(prefix)),
            "{key}= implies PrivateUsers="
        );
    }
}
