//! Verdicts for people and for programs.

use serde::Serialize;

use super::{Health, Verdict};

#[derive(Serialize)]
struct Document<'v> {
    schema: &'static str,
    is_sound: bool,
    checks: Vec<Line<'v>>,
}

#[derive(Serialize)]
struct Line<'v> {
    check: &'static str,
    state: &'static str,
    what: &'v str,
    fix: Option<&'v str>,
}

/// A line each, with what to do below it.
pub fn text(verdicts: &[Verdict]) -> String {
    let width = verdicts.iter().map(|verdict| verdict.check.len()).max().unwrap_or_default();
    let line = |Verdict { check, health, what, fix }: &Verdict| {
        let fix = if fix.is_empty() { String::new() } else { format!(" → {fix}") };
        format!("{:6}  {check:width$}  {what}{fix}\n", health.name())
    };
    verdicts.iter().map(line).collect::<Vec<_>>().concat()
}

/// Schema `odin.doctor/1`, on one line. Names and order of the fields are a promise.
pub fn json(verdicts: &[Verdict]) -> serde_json::Result<String> {
    let checks = verdicts.iter().map(|Verdict { check, health, what, fix }| Line {
        check,
        state: health.name(),
        what,
        fix: Some(fix.as_str()).filter(|fix| !fix.is_empty()),
    });
    let checks = checks.collect();
    let document = Document { schema: "odin.doctor/1", is_sound: is_sound(verdicts), checks };
    Ok(serde_json::to_string(&document)? + "\n")
}

/// Nothing is broken.
pub fn is_sound(verdicts: &[Verdict]) -> bool {
    verdicts.iter().all(|verdict| verdict.health != Health::Broken)
}

#[cfg(test)]
mod tests {
    use super::{json, text};
    use crate::doctor::{Health, Verdict};

    #[test]
    fn a_verdict_is_one_line_with_its_fix() {
        let verdict =
            |check, health, fix: &str| Verdict { check, health, what: "this".into(), fix: fix.into() };
        let verdicts = [verdict("disk", Health::Ok, ""), verdict("agent", Health::Broken, "odin agent")];
        assert_eq!(text(&verdicts), "ok      disk   this\nbroken  agent  this → odin agent\n");
        assert_eq!(
            json(&verdicts).unwrap(),
            "{\"schema\":\"odin.doctor/1\",\"is_sound\":false,\"checks\":[{\"check\":\"disk\",\"state\":\"ok\",\"what\":\"this\",\"fix\":null},{\"check\":\"agent\",\"state\":\"broken\",\"what\":\"this\",\"fix\":\"odin agent\"}]}\n"
        );
    }
}
