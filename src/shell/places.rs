//! Where a hook, the rc file that sources it and the spool lie.
//!
//! The hook is installed as data of the user, `$XDG_DATA_HOME/odin/shell/`: it has to outlive the state, which may be
//! deleted, and the binary, which may move. bash reads `~/.bashrc`, zsh `$ZDOTDIR/.zshrc`, fish all of `conf.d`.

use std::path::{Path, PathBuf};

use super::hook::Shell;
use crate::config::{Lookup, base_dir, home_dir};

/// There is no home directory.
#[derive(Debug, thiserror::Error)]
#[error("no home directory: set HOME")]
pub struct NoHome;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    pub home: PathBuf,
    data: PathBuf,
    config: PathBuf,
    zdotdir: PathBuf,
    /// Of copies of rc files as they were.
    backups: PathBuf,
}

impl Places {
    pub fn locate(variable: Lookup, backups: &Path) -> Result<Self, NoHome> {
        let home = home_dir(variable).ok_or(NoHome)?;
        Ok(Self {
            data: base_dir(variable, "XDG_DATA_HOME", ".local/share").ok_or(NoHome)?,
            config: base_dir(variable, "XDG_CONFIG_HOME", ".config").ok_or(NoHome)?,
            zdotdir: base_dir(variable, "ZDOTDIR", "").ok_or(NoHome)?,
            backups: backups.join("shell"),
            home,
        })
    }

    pub fn hook(&self, shell: Shell) -> PathBuf {
        self.data.join("odin/shell").join(format!("odin.{}", shell.name()))
    }

    /// The file that an interactive shell reads as it starts.
    pub fn rc(&self, shell: Shell) -> PathBuf {
        match shell {
            Shell::Bash => self.home.join(".bashrc"),
            Shell::Zsh => self.zdotdir.join(".zshrc"),
            Shell::Fish => self.config.join("fish/conf.d/odin.fish"),
        }
    }

    /// What tells that someone uses a shell.
    pub fn trace(&self, shell: Shell) -> PathBuf {
        match shell {
            Shell::Bash | Shell::Zsh => self.rc(shell),
            Shell::Fish => self.config.join("fish"),
        }
    }

    /// The rc file as it was before odin last changed it.
    pub fn backup(&self, shell: Shell) -> PathBuf {
        self.backups.join(match shell {
            Shell::Bash => "bashrc",
            Shell::Zsh => "zshrc",
            Shell::Fish => "odin.fish",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Places;
    use crate::shell::hook::Shell;
    use std::path::Path;

    fn locate(variables: &[(&str, &str)]) -> Places {
        let lookup = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Places::locate(&lookup, Path::new("/state/backups")).unwrap()
    }

    #[test]
    fn by_default_all_lies_in_the_home() {
        let places = locate(&[("HOME", "/home/me")]);
        let rcs = Shell::ALL.map(|shell| places.rc(shell));
        assert_eq!(rcs, ["/home/me/.bashrc", "/home/me/.zshrc", "/home/me/.config/fish/conf.d/odin.fish"].map(Path::new));
        assert_eq!(places.hook(Shell::Zsh), Path::new("/home/me/.local/share/odin/shell/odin.zsh"));
        assert_eq!(places.backup(Shell::Zsh), Path::new("/state/backups/shell/zshrc"));
    }

    #[test]
    fn the_environment_moves_them() {
        let places =
            locate(&[("HOME", "/h"), ("ZDOTDIR", "/z"), ("XDG_CONFIG_HOME", "/c"), ("XDG_DATA_HOME", "/d")]);
        assert_eq!(places.rc(Shell::Zsh), Path::new("/z/.zshrc"));
        assert_eq!(places.rc(Shell::Fish), Path::new("/c/fish/conf.d/odin.fish"));
        assert_eq!(places.hook(Shell::Bash), Path::new("/d/odin/shell/odin.bash"));
    }
}
