//! The agent beside a mount that never answers.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{Home, Run, binary, skip};
use crate::node_fixtures::samples;

/// Mounts a FUSE file system that nobody serves, and lists it to the first process of a namespace of its own.
const SCRIPT: &str = r#"exec 3<>/dev/fuse || exit 9
mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 deadnas "$HOME/dead" || exit 9
"$@""#;

#[test]
fn a_dead_fuse_mount_is_told_and_costs_nothing_else() {
    let home = Home::new();
    let dead = home.path().join("dead");
    fs::create_dir(&dead).unwrap();
    let mut command = home.command("unshare");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.args(["-m", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-c", SCRIPT, "sh"]);
    command.arg(binary()).args(["agent", "--once"]);
    let made = Path::new("/dev/fuse").exists() && Command::new("unshare").arg("--version").output().is_ok();
    let run =
        made.then(|| Run::of_one_that_ends(&mut command)).filter(|run| !matches!(run.code, Some(1 | 9)));
    let Some(run) = run else { return skip("no right to mount a FUSE file system") };
    let page = samples(&run.done());
    let labels = |error: &str| {
        format!(r#"device="deadnas",device_error="{error}",fstype="fuse",mountpoint="{}""#, dead.display())
    };
    assert_eq!(
        page.get(&("node_filesystem_device_error".into(), labels("mountpoint timeout"))),
        Some(&1.0),
        "{page:#?}"
    );
    assert_eq!(page.get(&("odin_collector_up".into(), r#"collector="filesystem""#.into())), Some(&1.0));
    let others =
        page.keys().filter(|(name, labels)| name == "node_filesystem_size_bytes" && !labels.contains("dead"));
    assert!(others.count() > 0 && page.contains_key(&("node_load1".into(), String::new())), "{page:#?}");
}
