//! `odin up --demo`: the report of a small bundled sample, from a ledger that is thrown away.
//!
//! Four transcripts of one project: a session with its subagent, another one, and a fork of that, whose copied lines
//! must not count twice.

use std::fs;

use anyhow::Context;

use super::{End, ingest, print, say, up};
use crate::config::Config;
use crate::ledger::Ledger;

const FOLDER: &str = ".claude/projects/-home-dev-shop";
const TRANSCRIPTS: [(&str, &str); 4] = [
    ("main.jsonl", include_str!("demo/main.jsonl")),
    ("main/subagents/agent-a5f0c1d2e3b4a5968.jsonl", include_str!("demo/agent.jsonl")),
    ("checkout.jsonl", include_str!("demo/checkout.jsonl")),
    ("fork.jsonl", include_str!("demo/fork.jsonl")),
];

pub(super) fn run(config: &Config) -> anyhow::Result<End> {
    let scratch = tempfile::tempdir().context("cannot create a temporary folder")?;
    for (name, text) in TRANSCRIPTS {
        let path = scratch.path().join(FOLDER).join(name);
        let folder = path.parent().context("a transcript lies in a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let config = Config {
        state_dir: scratch.path().join("state"),
        claude_dirs: vec![scratch.path().join(".claude")],
        ..config.clone()
    };
    let mut ledger = Ledger::open(&config.ledger_path())?;
    let outcome = ingest::all(&mut ledger, &config, &mut ())?;
    say(&ingest::summary(&outcome));
    for options in [&["--last", "all"][..], &["--last", "all", "--by", "branch,model"]] {
        print(&format!("\nodin cost report {}\n", options.join(" ")))?;
        up::show(&ledger, &config, options)?;
    }
    say("\nThis was a sample; `odin up` shows your own.");
    Ok(End::Done)
}
