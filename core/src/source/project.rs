//! Which repository a working directory belongs to.
//!
//! A `.git` folder marks the root of a repository; a `.git` file (`gitdir: PATH`) a worktree or a submodule
//! (`gitrepository-layout(5)`). A worktree's `PATH/commondir` leads to the repository it was made from, and
//! its work is that repository's; a submodule has no `commondir` and is a repository of its own.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// The root of the repository that `cwd` lies in, worktrees folded into theirs; without one, `cwd` itself.
///
/// Folders that are gone (a removed worktree, say) are passed over: what counts is the nearest one above
/// that still has a repository.
pub fn root(cwd: &str) -> String {
    let path = Path::new(cwd);
    if !path.is_absolute() {
        return cwd.into();
    }
    let found = path.ancestors().find_map(|folder| {
        let marker = folder.join(".git");
        let meta = fs::metadata(&marker).ok()?;
        if meta.is_dir() { Some(folder.to_path_buf()) } else { main_of(&marker).or(Some(folder.into())) }
    });
    match found {
        Some(root) => root.to_string_lossy().into_owned(),
        None => cwd.into(),
    }
}

/// The repository behind a worktree's `.git` file.
fn main_of(marker: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(marker).ok()?;
    let gitdir = marker.parent()?.join(text.strip_prefix("gitdir:")?.trim());
    let common = fs::read_to_string(gitdir.join("commondir")).ok()?;
    let common = normal(&gitdir.join(common.trim()));
    // A bare repository has no folder of work around it: it is its own root.
    if common.file_name()? == ".git" { Some(common.parent()?.into()) } else { Some(common) }
}

/// Resolves `..` by name, so that the answer does not depend on what still exists.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = out.pop(),
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::root;
    use std::fs;

    #[test]
    fn folders_of_a_repository_are_one_project() {
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path().join("repo");
        fs::create_dir_all(repo.join(".git")).unwrap();
        let want = repo.to_str().unwrap();
        assert_eq!(root(want), want);
        assert_eq!(root(repo.join("src/deep").to_str().unwrap()), want, "though src/deep is gone");
    }

    #[test]
    fn a_worktree_is_the_project_it_was_made_from() {
        let dir = tempfile::tempdir().unwrap();
        let (repo, tree) = (dir.path().join("repo"), dir.path().join("elsewhere/tree"));
        let admin = repo.join(".git/worktrees/tree");
        fs::create_dir_all(&admin).unwrap();
        fs::create_dir_all(&tree).unwrap();
        fs::write(admin.join("commondir"), "../..\n").unwrap();
        fs::write(tree.join(".git"), format!("gitdir: {}\n", admin.display())).unwrap();
        assert_eq!(root(tree.join("src").to_str().unwrap()), repo.to_str().unwrap());
    }

    #[test]
    fn a_submodule_is_a_project_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let sub = dir.path().join("repo/sub");
        fs::create_dir_all(dir.path().join("repo/.git/modules/sub")).unwrap();
        fs::create_dir_all(&sub).unwrap();
        fs::write(sub.join(".git"), "gitdir: ../.git/modules/sub\n").unwrap();
        assert_eq!(root(sub.to_str().unwrap()), sub.to_str().unwrap());
    }

    #[test]
    fn without_a_repository_the_directory_stands_for_itself() {
        let dir = tempfile::tempdir().unwrap();
        let bare = dir.path().join("none").to_str().unwrap().to_owned();
        assert_eq!(root(&bare), bare);
        assert_eq!(root("-home-dev-x"), "-home-dev-x");
        assert_eq!(root(""), "");
    }
}
