//! Steps of an installation, or of taking one back, for people.

use std::path::Path;

use super::short;
use crate::shell::hook::version;
use crate::shell::install::Step;

/// A line a step, and the lines of a block. `is_dry`: nothing of it was done.
pub fn render(steps: &[Step], home: &Path, is_dry: bool) -> String {
    let did = |done: &str, todo: &str| if is_dry { format!("would {todo}") } else { done.to_string() };
    let short = |path| short(path, home);
    let mut out = String::new();
    for step in steps {
        let line = match step {
            Step::Write { path, text } => {
                let version = version(text.as_bytes()).unwrap_or_default();
                format!("{} {}, the hook of version {version}", did("wrote", "write"), short(path))
            }
            Step::Keep { path, copy, .. } => {
                format!("{} a copy of {} in {}", did("kept", "keep"), short(path), short(copy))
            }
            Step::Edit { path, block: Some(block), .. } => {
                let block = String::from_utf8_lossy(block).trim_end().replace('\n', "\n    ");
                format!("{} {}:\n    {block}", did("added to", "add to"), short(path))
            }
            Step::Edit { path, block: None, .. } => {
                format!("{} {}", did("took odin's block out of", "take odin's block out of"), short(path))
            }
            Step::Remove { path, .. } => format!("{} {}", did("removed", "remove"), short(path)),
        };
        out.extend(["  ", &line, "\n"]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::shell::install::Step;
    use std::path::Path;

    #[test]
    fn steps_are_told_before_and_after() {
        let rc = || "/home/me/.bashrc".into();
        let steps = [
            Step::Write { path: "/data/odin.bash".into(), text: "# odin hook version 3\n" },
            Step::Keep { path: rc(), copy: "/home/me/copy".into(), text: vec![] },
            Step::Edit { path: rc(), text: vec![], block: Some(b"# begin\n# end\n".to_vec()) },
            Step::Edit { path: rc(), text: vec![], block: None },
            Step::Remove { path: "/data/odin.bash".into(), folders: 2 },
        ];
        let home = Path::new("/home/me");
        assert_eq!(
            render(&steps, home, true),
            "  would write /data/odin.bash, the hook of version 3
  would keep a copy of ~/.bashrc in ~/copy
  would add to ~/.bashrc:
    # begin
    # end
  would take odin's block out of ~/.bashrc
  would remove /data/odin.bash
"
        );
        assert!(
            render(&steps, home, false)
                .starts_with("  wrote /data/odin.bash, the hook of version 3\n  kept a copy")
        );
    }
}
