//! The hook of each shell, as the binary carries it.

use crate::model::Shell;

/// The text of a shell's hook.
pub fn text(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("../../../shell/odin.bash"),
        Shell::Zsh => include_str!("../../../shell/odin.zsh"),
        Shell::Fish => include_str!("../../../shell/odin.fish"),
    }
}

/// The version that a hook says it has.
pub fn version(hook: &[u8]) -> Option<u32> {
    let mut lines = hook.split(|byte| *byte == b'\n');
    let number = lines.find_map(|line| line.strip_prefix(b"# odin hook version "))?;
    std::str::from_utf8(number).ok()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{text, version};
    use crate::model::Shell;

    #[test]
    fn all_hooks_are_of_one_version() {
        let versions = Shell::ALL.map(|shell| version(text(shell).as_bytes()));
        assert!(versions[0].is_some() && versions.iter().all(|one| *one == versions[0]), "{versions:?}");
    }

    #[test]
    fn a_file_that_is_no_hook_has_no_version() {
        assert_eq!(version(b"# odin hook version next\n"), None);
        assert_eq!(version(b""), None);
    }
}
