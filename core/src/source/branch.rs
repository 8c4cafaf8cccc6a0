//! The git branch of a directory, read from `.git/HEAD` (`gitrepository-layout(5)`) without git.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Names of branches have at most 255 bytes a component, and few have two.
const MAX_BYTES: u64 = 4096;

/// Of an id of a commit.
const SHORT: usize = 7;

/// The branch that the directory's repository or worktree is on; of a detached head, the beginning of its commit's id.
pub fn of(cwd: &Path) -> Option<String> {
    let git = cwd.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())?;
    let git = if git.is_dir() { git } else { git_dir(&git)? };
    let head = read(&git.join("HEAD"))?;
    match head.trim_end().strip_prefix("ref:") {
        Some(reference) => {
            let reference = reference.trim_start();
            Some(reference.strip_prefix("refs/heads/").unwrap_or(reference).into())
        }
        None => {
            head.get(..SHORT).filter(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit())).map(String::from)
        }
    }
}

/// Where the file of a worktree or a submodule leads.
fn git_dir(file: &Path) -> Option<PathBuf> {
    Some(file.parent()?.join(read(file)?.strip_prefix("gitdir:")?.trim()))
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::of;
    use std::fs;

    #[test]
    fn a_branch_is_found_from_below_in_a_worktree_and_without_one() {
        let dir = tempfile::tempdir().unwrap();
        let (repo, tree) = (dir.path().join("repo"), dir.path().join("tree"));
        let admin = repo.join(".git/worktrees/tree");
        for folder in [&admin, &tree, &repo.join("src/deep")] {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(repo.join(".git/HEAD"), "ref: refs/heads/feature/a b\n").unwrap();
        fs::write(admin.join("HEAD"), "4b825dc642cb6eb9a060e54bf8d69288fbee4904\n").unwrap();
        fs::write(tree.join(".git"), "gitdir: ../repo/.git/worktrees/tree\n").unwrap();
        assert_eq!(of(&repo.join("src/deep")).as_deref(), Some("feature/a b"));
        assert_eq!(of(&tree).as_deref(), Some("4b825dc"));
        fs::write(tree.join(".git"), "gitdir: /nowhere\n").unwrap();
        assert_eq!(of(&tree), None);
    }
}
