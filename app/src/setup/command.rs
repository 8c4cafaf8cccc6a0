//! Command lines that call odin, as the client hands them to `sh`.

use std::path::Path;

use crate::model::Shell;
use crate::shell::rc::quote;

/// None: the path is no text, as a settings file has to be.
pub fn line(program: &Path, command: &str) -> Option<String> {
    let program = String::from_utf8(quote(Shell::Bash, program)).ok()?;
    Some(format!("{program} {command}"))
}

/// Whether a command line calls this command of an odin, wherever that lies.
pub fn is_ours(line: &str, command: &str) -> bool {
    let program = without_options(line).strip_suffix(command).and_then(|rest| rest.strip_suffix(' '));
    let unquoted = program.map(|program| program.trim_matches(['\'', '"']));
    unquoted.is_some_and(|program| program == "odin" || program.ends_with("/odin"))
}

/// The program of such a line.
pub fn program(line: &str) -> &str {
    let (program, _) = without_options(line).rsplit_once(' ').unwrap_or((line, ""));
    program.trim_matches(['\'', '"'])
}

/// Program and command alone.
fn without_options(line: &str) -> &str {
    let line = line.trim();
    line.find(" --").map_or(line, |options| &line[..options])
}

#[cfg(test)]
mod tests {
    use super::{is_ours, line, program};
    use std::path::Path;

    #[test]
    fn a_line_that_was_made_is_known_again() {
        for path in ["/usr/bin/odin", "/home/me/my bin/odin"] {
            let line = line(Path::new(path), "hook").unwrap();
            assert!(is_ours(&line, "hook") && !is_ours(&line, "statusline"), "{line}");
            assert_eq!(program(&line), path);
        }
        assert_eq!(line(Path::new("/a b/odin"), "hook").unwrap(), "'/a b/odin' hook");
        let with_option = line(Path::new("/a b/odin"), "hook --over-budget=warn").unwrap();
        assert!(is_ours(&with_option, "hook") && program(&with_option) == "/a b/odin", "{with_option}");
    }

    #[test]
    fn what_others_call_is_not_ours() {
        for other in
            ["ccusage statusline", "odin hooks", "/usr/bin/odin-next hook", "hook", "", "paladin hook"]
        {
            assert!(!is_ours(other, "hook"), "{other}");
        }
        assert!(is_ours("odin hook", "hook") && is_ours("\"/opt/odin\" hook ", "hook"));
    }
}
