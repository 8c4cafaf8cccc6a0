//! `odin generate`: files for packages and shells, made from the command line's own description.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, End, print};
use crate::metrics::docs;

#[derive(clap::Subcommand)]
pub(super) enum GenerateCommand {
    /// Print the completions of a shell
    #[command(after_help = COMPLETION_EXAMPLES)]
    Completions { shell: Shell },
    /// Print the manual page, or write one for each command into a folder
    #[command(after_help = MAN_EXAMPLES)]
    Man { folder: Option<PathBuf> },
    /// Print every metric family that the agent exposes, as Markdown
    #[command(after_help = METRICS_EXAMPLES)]
    MetricsDocs,
}

const COMPLETION_EXAMPLES: &str = "\
Examples:
  odin generate completions bash > ~/.local/share/bash-completion/completions/odin
  odin generate completions zsh > ~/.zfunc/_odin        with fpath+=~/.zfunc before compinit in ~/.zshrc
  odin generate completions fish > ~/.config/fish/completions/odin.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  odin generate man | man -l -
  odin generate man ~/.local/share/man/man1";

const METRICS_EXAMPLES: &str = "\
Examples:
  odin generate metrics-docs > docs/metrics.md";

pub(super) fn run(command: &GenerateCommand) -> anyhow::Result<End> {
    match command {
        GenerateCommand::Completions { shell } => completions(*shell),
        GenerateCommand::Man { folder: None } => manual(),
        GenerateCommand::Man { folder: Some(folder) } => manuals(folder),
        GenerateCommand::MetricsDocs => {
            print(&docs::markdown())?;
            Ok(End::Done)
        }
    }
}

fn completions(shell: Shell) -> anyhow::Result<End> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "odin", &mut text);
    print(&String::from_utf8(text)?)?;
    Ok(End::Done)
}

fn manual() -> anyhow::Result<End> {
    let mut text = Vec::new();
    Man::new(Cli::command()).render(&mut text)?;
    print(&String::from_utf8(text)?)?;
    Ok(End::Done)
}

fn manuals(folder: &Path) -> anyhow::Result<End> {
    let written = || {
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(Cli::command(), folder)
    };
    written().with_context(|| format!("cannot write manual pages to {}", folder.display()))?;
    Ok(End::Done)
}
