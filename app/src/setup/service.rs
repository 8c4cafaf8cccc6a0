//! The agent as a service of the user's own systemd.

use std::path::Path;

const UNIT: &str = include_str!("../../../deploy/systemd/odin.service");
const START: &str = "ExecStart=%h/.local/bin/odin agent\n";

/// The unit of `deploy/systemd`, for a program elsewhere, its arguments, and variables that decide which ledger it is.
pub fn unit(program: &Path, arguments: &[String], environment: &[(&str, String)]) -> String {
    let program = program.to_string_lossy();
    let words = std::iter::once(&*program).chain(["agent"]).chain(arguments.iter().map(String::as_str));
    // In a command, unlike elsewhere, a dollar is a variable.
    let words: Vec<String> = words.map(|word| quoted(word).replace('$', "$$")).collect();
    let mut service = vec![format!("ExecStart={}\n", words.join(" "))];
    let variable = |(name, value): &(&str, String)| quoted(&format!("{name}={value}"));
    service.extend(environment.iter().map(|named| format!("Environment={}\n", variable(named))));
    let unit = UNIT.replace(START, &service.concat());
    format!("# Written by `odin setup`; `odin setup --undo` takes it away.\n{unit}")
}

/// As `systemd.syntax(7)` has it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:,=@".contains(c);
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    if !word.is_empty() && word.chars().all(is_plain) { escaped } else { format!("\"{escaped}\"") }
}

#[cfg(test)]
mod tests {
    use super::{START, UNIT, unit};
    use std::path::Path;

    #[test]
    fn the_unit_starts_the_program_wherever_it_lies() {
        assert_eq!(UNIT.matches(START).count(), 1);
        let arguments = ["--listen".into(), "127.0.0.1:9478".into()];
        let text =
            unit(Path::new("/opt/my $odin/100%"), &arguments, &[("ODIN_STATE_DIR", "/a \"b\"".into())]);
        assert!(
            text.contains(
                "\nExecStart=\"/opt/my $$odin/100%%\" agent --listen 127.0.0.1:9478\nEnvironment=\"ODIN_STATE_DIR=/a \\\"b\\\"\"\n"
            ),
            "{text}"
        );
        assert!(text.contains("Restart=on-failure"));
        assert!(unit(Path::new("/usr/bin/odin"), &[], &[]).contains("\nExecStart=/usr/bin/odin agent\n"));
    }
}
