//! Where a hook, the rc file that sources it and a copy of that lie.
//!
//! The hook is installed as data of the user, `$XDG_DATA_HOME/odin/shell/`: it has to outlive the state, which may be
//! deleted, and the binary, which may move. bash reads `~/.bashrc`, zsh `$ZDOTDIR/.zshrc`, fish all of `conf.d`.

use std::path::{Path, PathBuf};

use crate::config::{Lookup, base_dir, home_dir};
use crate::model::Shell;

/// There is no home directory.
#[derive(Debug, thiserror::Error)]
#[error("no home directory: set HOME")]
pub struct NoHome;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    pub home: PathBuf,
    data: PathBuf,
    config: PathBuf,
    /// None where the environment does not say, which zsh's own files may.
    zdotdir: Option<PathBuf>,
    /// Of copies of rc files as they were.
    backups: PathBuf,
}

impl Places {
    pub fn locate(variable: Lookup, backups: &Path) -> Result<Self, NoHome> {
        let named = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Ok(Self {
            home: home_dir(variable).ok_or(NoHome)?,
            data: base_dir(variable, "XDG_DATA_HOME", ".local/share").ok_or(NoHome)?,
            config: base_dir(variable, "XDG_CONFIG_HOME", ".config").ok_or(NoHome)?,
            zdotdir: named("ZDOTDIR"),
            backups: backups.join("shell"),
        })
    }

    pub fn hook(&self, shell: Shell) -> PathBuf {
        self.data.join("odin/shell").join(format!("odin.{}", shell.name()))
    }

    /// The file that an interactive shell reads as it starts.
    pub fn rc(&self, shell: Shell) -> PathBuf {
        match shell {
            Shell::Bash => self.home.join(".bashrc"),
            Shell::Zsh => self.zdotdir.as_ref().unwrap_or(&self.home).join(".zshrc"),
            Shell::Fish => self.config.join("fish/conf.d/odin.fish"),
        }
    }

    /// What may say, unknown to us, that zsh's files are elsewhere.
    pub fn zshenv(&self) -> Option<PathBuf> {
        self.zdotdir.is_none().then(|| self.home.join(".zshenv"))
    }

    /// Whether someone has set a shell up.
    pub fn is_used(&self, shell: Shell) -> bool {
        match shell {
            Shell::Bash | Shell::Zsh => self.rc(shell).exists(),
            Shell::Fish => self.config.join("fish").exists(),
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
    use crate::model::Shell;
    use std::path::Path;

    fn locate(variables: &[(&str, &str)]) -> Places {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Places::locate(&lookup, Path::new("/state/backups")).unwrap()
    }

    #[test]
    fn by_default_all_lies_in_the_home() {
        let places = locate(&[("HOME", "/home/me")]);
        let rcs = Shell::ALL.map(|shell| places.rc(shell));
        assert_eq!(
            rcs,
            ["/home/me/.bashrc", "/home/me/.zshrc", "/home/me/.config/fish/conf.d/odin.fish"].map(Path::new)
        );
        assert_eq!(places.hook(Shell::Zsh), Path::new("/home/me/.local/share/odin/shell/odin.zsh"));
        assert_eq!(places.backup(Shell::Zsh), Path::new("/state/backups/shell/zshrc"));
        assert_eq!(places.zshenv().as_deref(), Some(Path::new("/home/me/.zshenv")));
    }

    #[test]
    fn the_environment_moves_them() {
        let places = locate(&[
            ("HOME", "/h"),
            ("ZDOTDIR", "/z"),
            ("XDG_CONFIG_HOME", "/c"),
            ("XDG_DATA_HOME", "relative"),
        ]);
        assert_eq!(places.rc(Shell::Zsh), Path::new("/z/.zshrc"));
        assert_eq!(places.rc(Shell::Fish), Path::new("/c/fish/conf.d/odin.fish"));
        assert_eq!(places.hook(Shell::Bash), Path::new("/h/.local/share/odin/shell/odin.bash"));
        assert_eq!(places.zshenv(), None);
    }
}
