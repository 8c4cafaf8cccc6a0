//! The client's `settings.json`, changed as a person would: what is not odin's stays as it is, comments, order, line ends
//! and indentation included.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{
    CstArray, CstContainerNode, CstInputValue, CstLeafNode, CstNode, CstObject, CstObjectProp, CstRootNode,
};

use super::command::{is_ours, program};
use crate::model::hook::HookKind;

const BOM: &str = "\u{feff}";

/// Seconds after which the client goes on without an answer of the hook. It takes milliseconds.
const HOOK_TIMEOUT: &str = "5";

/// What sends telemetry elsewhere, or in another way, than the variables that odin sets.
const OTHERS: [&str; 4] = [
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
];

/// Something of the file is not as the client wants it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("line {line}, column {column}: {what}")]
    Json { line: usize, column: usize, what: String },
    #[error("it is not UTF-8")]
    Utf8,
    #[error("`{name}` is not {wanted}")]
    Type { name: String, wanted: &'static str },
    #[error("`{0}` stands there twice: leave one")]
    Twice(String),
}

/// What the file is to have; none of a part: it is left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// A command line.
    pub statusline: Option<String>,
    /// A command line.
    pub hook: Option<String>,
    /// Where the agent takes telemetry.
    pub endpoint: Option<String>,
}

/// What the file has of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Has {
    Nothing,
    /// As it is wanted.
    Ours,
    /// Of odin's, but not, or not all, as it is wanted.
    Outdated,
    /// What the user, or another program, has put there.
    Others(String),
}

/// By part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub statusline: Has,
    pub hook: Has,
    pub telemetry: Has,
    /// The client calls neither hooks nor statusline.
    pub is_disabled: bool,
}

/// The variables of the telemetry: metrics and events, and no prompts, which the client leaves out unless it is told.
pub fn telemetry(endpoint: &str) -> [(&'static str, &str); 5] {
    [
        ("CLAUDE_CODE_ENABLE_TELEMETRY", "1"),
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
    ]
}

/// What a file has; none: there is no file.
pub fn look(text: Option<&[u8]>, wanted: &Wanted) -> Result<Found, Malformed> {
    let file = File::read(text)?;
    file.look(wanted)
}

/// The programs that the commands of odin in a file call.
pub fn programs(text: &[u8]) -> Result<Vec<String>, Malformed> {
    let root = File::read(Some(text))?.root.object_value();
    let statusline = root.as_ref().and_then(|root| text_of(&root.object_value("statusLine")?, "command"));
    let mut lines: Vec<String> = statusline.into_iter().filter(|line| is_ours(line, "statusline")).collect();
    if let Some(hooks) = root.and_then(|root| root.object_value("hooks")) {
        let groups = HookKind::ALL.iter().filter_map(|kind| hooks.array_value(kind.name()));
        let handlers = groups.flat_map(|groups| our_handlers(&groups));
        lines.extend(handlers.filter_map(|(_, handler)| text_of(&handler, "command")));
    }
    let mut programs: Vec<String> = lines.iter().map(|line| program(line).into()).collect();
    programs.sort_unstable();
    programs.dedup();
    Ok(programs)
}

/// The text with what is wanted; none: it has it. What others have put there stays, unless it is to be replaced.
pub fn with(text: Option<&[u8]>, wanted: &Wanted, replaces: bool) -> Result<Option<String>, Malformed> {
    let file = File::read(text)?;
    let found = file.look(wanted)?;
    let is_due = |has: &Has| match has {
        Has::Ours => false,
        Has::Others(_) => replaces,
        Has::Nothing | Has::Outdated => true,
    };
    let root = || file.root.object_value_or_set();
    let as_read = file.text();
    if let Some(endpoint) = wanted.endpoint.as_deref().filter(|_| is_due(&found.telemetry)) {
        let env = root().object_value_or_set("env");
        for other in OTHERS {
            env.get(other).into_iter().for_each(CstObjectProp::remove);
        }
        for (name, value) in telemetry(endpoint) {
            set(&env, name, value.into());
        }
    }
    if let Some(command) = wanted.hook.as_deref().filter(|_| is_due(&found.hook)) {
        let hooks = root().object_value_or_set("hooks");
        for kind in HookKind::ALL {
            let groups = hooks.array_value_or_set(kind.name());
            match our_handlers(&groups).first() {
                Some((_, handler)) => set(handler, "command", command.into()),
                None => _ = groups.append(group(command)),
            }
        }
    }
    if let Some(command) = wanted.statusline.as_deref().filter(|_| is_due(&found.statusline)) {
        set(&root(), "statusLine", object([("type", "command".into()), ("command", command.into())]));
    }
    Ok(Some(file.text()).filter(|text| *text != as_read))
}

/// The text without what turned `before` into `after`; what came to be since then stays.
pub fn without(text: &[u8], before: Option<&str>, after: &str) -> Result<String, Malformed> {
    let file = File::read(Some(text))?;
    let (before, after) = (File::read(before.map(str::as_bytes))?, File::read(Some(after.as_bytes()))?);
    let objects = [&file, &before, &after].map(|file| file.root.object_value());
    put_back(&objects, "statusLine");
    let envs = objects.each_ref().map(|object| object.as_ref()?.object_value("env"));
    for name in telemetry("").map(|(name, _)| name).into_iter().chain(OTHERS) {
        put_back(&envs, name);
    }
    let hooks = objects.each_ref().map(|object| object.as_ref()?.object_value("hooks"));
    for kind in HookKind::ALL {
        let groups = hooks.each_ref().map(|hooks| hooks.as_ref()?.array_value(kind.name()));
        let had = groups[1].as_ref().is_some_and(|groups| !our_handlers(groups).is_empty());
        if let Some(groups) = groups[0].as_ref().filter(|_| !had) {
            for (group, handler) in our_handlers(groups) {
                handler.remove();
                if group.array_value("hooks").is_some_and(|handlers| handlers.elements().is_empty()) {
                    group.remove();
                }
            }
        }
        let is_empty = groups[0].as_ref().is_some_and(|groups| groups.elements().is_empty());
        remove_if(is_empty && groups[1].is_none(), hooks[0].as_ref(), kind.name());
    }
    for (name, object) in [("env", envs), ("hooks", hooks)] {
        let is_empty = object[0].as_ref().is_some_and(|object| object.properties().is_empty());
        remove_if(is_empty && object[1].is_none(), objects[0].as_ref(), name);
    }
    Ok(file.text())
}

struct File {
    has_bom: bool,
    root: CstRootNode,
}

impl File {
    fn read(text: Option<&[u8]>) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(text.unwrap_or_default()).map_err(|_| Malformed::Utf8)?;
        let (has_bom, text) = match text.strip_prefix(BOM) {
            Some(text) => (true, text),
            None => (false, text),
        };
        // What the client does not take, odin must not add to.
        let options = ParseOptions {
            allow_comments: true,
            allow_trailing_commas: true,
            allow_loose_object_property_names: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        let text = if text.trim().is_empty() { "{}\n" } else { text };
        let root = CstRootNode::parse(text, &options).map_err(|error| Malformed::Json {
            line: error.line_display(),
            column: error.column_display(),
            what: error.kind().to_string(),
        })?;
        Ok(Self { has_bom, root })
    }

    fn text(&self) -> String {
        let bom = if self.has_bom { BOM } else { "" };
        format!("{bom}{}", self.root)
    }

    fn look(&self, wanted: &Wanted) -> Result<Found, Malformed> {
        let root = self.root.object_value().ok_or_else(|| wrong("settings.json", "an object"))?;
        let statusline = statusline(&root, wanted.statusline.as_deref())?;
        let env = member(&root, "env", "an object", CstObjectProp::object_value)?;
        let telemetry = telemetry_of(env.as_ref(), wanted.endpoint.as_deref())?;
        let hooks = member(&root, "hooks", "an object", CstObjectProp::object_value)?;
        let hook = hooks_of(hooks.as_ref(), wanted.hook.as_deref())?;
        let is_disabled = one(&root, "disableAllHooks")?.and_then(|prop| prop.value()?.as_boolean_lit());
        let is_disabled = is_disabled.is_some_and(|flag| flag.value());
        Ok(Found { statusline, hook, telemetry, is_disabled })
    }
}

fn statusline(root: &CstObject, wanted: Option<&str>) -> Result<Has, Malformed> {
    let Some(prop) = one(root, "statusLine")? else { return Ok(Has::Nothing) };
    let command = prop.object_value().and_then(|line| text_of(&line, "command"));
    Ok(match command {
        Some(command) if Some(command.as_str()) == wanted => Has::Ours,
        Some(command) if is_ours(&command, "statusline") => Has::Outdated,
        Some(command) => Has::Others(command),
        None => Has::Others("something that is no command".into()),
    })
}

fn telemetry_of(env: Option<&CstObject>, wanted: Option<&str>) -> Result<Has, Malformed> {
    let Some(env) = env else { return Ok(Has::Nothing) };
    let (mut same, mut others) = (0, vec![]);
    let wanted = telemetry(wanted.unwrap_or_default());
    for (name, value) in wanted {
        let Some(prop) = one(env, name)? else { continue };
        let found = prop.value().map(|value| text(&value)).unwrap_or_default();
        if found == value {
            same += 1;
        } else {
            others.push(format!("{name}={found}"));
        }
    }
    for name in OTHERS {
        if one(env, name)?.is_some() {
            others.push(name.into());
        }
    }
    Ok(match (same, &others[..]) {
        (_, [_, ..]) => Has::Others(others.join(", ")),
        (0, []) => Has::Nothing,
        (same, []) if same == wanted.len() => Has::Ours,
        _ => Has::Outdated,
    })
}

fn hooks_of(hooks: Option<&CstObject>, wanted: Option<&str>) -> Result<Has, Malformed> {
    let Some(hooks) = hooks else { return Ok(Has::Nothing) };
    let (mut found, mut current) = (0, 0);
    for kind in HookKind::ALL {
        let Some(groups) = member(hooks, kind.name(), "an array", CstObjectProp::array_value)? else {
            continue;
        };
        let handlers = our_handlers(&groups);
        found += usize::from(!handlers.is_empty());
        let is_current =
            |(_, handler): &(CstObject, CstObject)| text_of(handler, "command").as_deref() == wanted;
        current += usize::from(handlers.first().is_some_and(is_current));
    }
    Ok(match (found, current) {
        (0, _) => Has::Nothing,
        (_, current) if current == HookKind::ALL.len() => Has::Ours,
        _ => Has::Outdated,
    })
}

/// Those that call odin, each with its group.
fn our_handlers(groups: &CstArray) -> Vec<(CstObject, CstObject)> {
    let mut found = vec![];
    for group in groups.elements().iter().filter_map(CstNode::as_object) {
        let handlers = group.array_value("hooks").map(|handlers| handlers.elements()).unwrap_or_default();
        for handler in handlers.iter().filter_map(CstNode::as_object) {
            if text_of(&handler, "command").is_some_and(|command| is_ours(&command, "hook")) {
                found.push((group.clone(), handler));
            }
        }
    }
    found
}

fn group(command: &str) -> CstInputValue {
    let timeout = CstInputValue::Number(HOOK_TIMEOUT.into());
    let handler = object([("type", "command".into()), ("command", command.into()), ("timeout", timeout)]);
    object([("hooks", CstInputValue::Array(vec![handler]))])
}

fn object<const N: usize>(members: [(&str, CstInputValue); N]) -> CstInputValue {
    CstInputValue::Object(members.map(|(name, value)| (name.into(), value)).into())
}

fn set(object: &CstObject, name: &str, value: CstInputValue) {
    match object.get(name) {
        Some(prop) => prop.set_value(value),
        None => _ = object.append(name, value),
    }
}

/// Gives a member the value that it had, where it has the one that it got. Objects as they are, were before, and after.
fn put_back(objects: &[Option<CstObject>; 3], name: &str) {
    let [now, before, after] =
        objects.each_ref().map(|object| object.as_ref().and_then(|object| object.get(name)?.value()));
    let meant = |node: &Option<CstNode>| node.as_ref().map(|node| meaning(&copied(node)));
    let same = |a, b| meant(a) == meant(b);
    let Some(object) = objects[0].as_ref().filter(|_| same(&now, &after) && !same(&before, &after)) else {
        return;
    };
    match before {
        Some(before) => set(object, name, copied(&before)),
        None => remove_if(true, Some(object), name),
    }
}

/// The same for whatever is the same but for layout and the order of members: the client may have written it anew.
fn meaning(value: &CstInputValue) -> String {
    match value {
        CstInputValue::Object(members) => {
            let mut members: Vec<String> =
                members.iter().map(|(name, value)| format!("{name:?}:{}", meaning(value))).collect();
            members.sort_unstable();
            format!("{{{}}}", members.join(","))
        }
        CstInputValue::Array(items) => {
            format!("[{}]", items.iter().map(meaning).collect::<Vec<_>>().join(","))
        }
        plain => format!("{plain:?}"),
    }
}

fn copied(node: &CstNode) -> CstInputValue {
    match node {
        CstNode::Container(CstContainerNode::Object(object)) => {
            let member = |prop: &CstObjectProp| Some((prop.decoded_name()?, copied(&prop.value()?)));
            CstInputValue::Object(object.properties().iter().filter_map(member).collect())
        }
        CstNode::Container(CstContainerNode::Array(array)) => {
            CstInputValue::Array(array.elements().iter().map(copied).collect())
        }
        CstNode::Leaf(CstLeafNode::BooleanLit(flag)) => CstInputValue::Bool(flag.value()),
        CstNode::Leaf(CstLeafNode::NumberLit(number)) => CstInputValue::Number(number.to_string()),
        CstNode::Leaf(CstLeafNode::StringLit(_)) => CstInputValue::String(text(node)),
        _ => CstInputValue::Null,
    }
}

fn remove_if(is_due: bool, object: Option<&CstObject>, name: &str) {
    let prop = object.filter(|_| is_due).and_then(|object| object.get(name));
    prop.into_iter().for_each(CstObjectProp::remove);
}

/// The member of a name; the client takes the last where there are two, so that one could be changed in vain.
fn one(object: &CstObject, name: &str) -> Result<Option<CstObjectProp>, Malformed> {
    let mut props = object.properties();
    props.retain(|prop| prop.decoded_name().as_deref() == Some(name));
    if props.len() > 1 {
        return Err(Malformed::Twice(name.into()));
    }
    Ok(props.pop())
}

fn member<T>(
    object: &CstObject,
    name: &str,
    wanted: &'static str,
    read: impl Fn(&CstObjectProp) -> Option<T>,
) -> Result<Option<T>, Malformed> {
    one(object, name)?.map(|prop| read(&prop).ok_or_else(|| wrong(name, wanted))).transpose()
}

fn wrong(name: &str, wanted: &'static str) -> Malformed {
    Malformed::Type { name: name.into(), wanted }
}

fn text_of(object: &CstObject, name: &str) -> Option<String> {
    object.get(name)?.value()?.as_string_lit()?.decoded_value().ok()
}

/// Of a string what it says, of all else how it is written.
fn text(node: &CstNode) -> String {
    let said = node.as_string_lit().and_then(|text| text.decoded_value().ok());
    said.unwrap_or_else(|| node.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Found, Has, Malformed, Wanted, look, programs, with, without};
    use proptest::prelude::*;

    const BASE: &str = "{\n  // Mine.\n  \"model\": \"opus\", // not sonnet\n  \"env\": {\n    \"FOO\": \"1\"\n  },\n  \"permissions\": { \"allow\": [\"Bash(ls:*)\"] }\n}\n";

    fn wanted() -> Wanted {
        Wanted {
            statusline: Some("/usr/bin/odin statusline".into()),
            hook: Some("/usr/bin/odin hook".into()),
            endpoint: Some("http://127.0.0.1:9477".into()),
        }
    }

    fn found(text: &str) -> Found {
        look(Some(text.as_bytes()), &wanted()).unwrap()
    }

    fn set_up(text: &str) -> String {
        with(Some(text.as_bytes()), &wanted(), false).unwrap().unwrap_or(text.into())
    }

    #[test]
    fn what_is_missing_is_added_and_all_else_stays() {
        let text = set_up(BASE);
        let all = Found { statusline: Has::Ours, hook: Has::Ours, telemetry: Has::Ours, is_disabled: false };
        assert_eq!(found(&text), all);
        assert!(text.starts_with("{\n  // Mine.\n  \"model\": \"opus\", // not sonnet\n  \"env\": {\n    \"FOO\": \"1\",\n    \"CLAUDE_CODE_ENABLE_TELEMETRY\": \"1\",\n"), "{text}");
        assert!(text.contains("  \"permissions\": { \"allow\": [\"Bash(ls:*)\"] },\n  \"hooks\": {\n    \"SessionStart\": [\n"), "{text}");
        assert!(text.ends_with("  \"statusLine\": {\n    \"type\": \"command\",\n    \"command\": \"/usr/bin/odin statusline\"\n  }\n}\n"), "{text}");
        assert_eq!(programs(text.as_bytes()).unwrap(), ["/usr/bin/odin"]);
        assert_eq!(with(Some(text.as_bytes()), &wanted(), true), Ok(None), "twice is once");
        assert_eq!(with(None, &Wanted::default(), true), Ok(None));
    }

    #[test]
    fn line_ends_indentation_and_byte_order_marks_stay() {
        let text = set_up(&format!("\u{feff}{}", BASE.replace('\n', "\r\n").replace("  ", "\t")));
        assert!(text.starts_with("\u{feff}{\r\n\t// Mine."));
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text:?}");
        assert!(text.contains("\r\n\t\"statusLine\": {\r\n\t\t\"type\""), "{text:?}");
    }

    #[test]
    fn a_file_that_is_empty_or_missing_gets_an_object() {
        for text in [None, Some(""), Some(" \n"), Some("{}"), Some("{}\n")] {
            let text = with(text.map(str::as_bytes), &wanted(), false).unwrap().unwrap();
            assert!(text.starts_with("{\n  \"env\": {\n    \"CLAUDE_CODE"), "{text}");
        }
    }

    #[test]
    fn what_others_put_there_stays_unless_it_is_to_be_replaced() {
        let mine = "{\"statusLine\":{\"type\":\"command\",\"command\":\"ccusage statusline\"},\"env\":{\"OTEL_EXPORTER_OTLP_ENDPOINT\":\"http://collector:4318\"}}";
        let before = found(mine);
        assert_eq!(before.statusline, Has::Others("ccusage statusline".into()));
        assert_eq!(before.telemetry, Has::Others("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318".into()));
        let left = set_up(mine);
        assert_eq!(
            (&found(&left).statusline, &found(&left).telemetry),
            (&before.statusline, &before.telemetry)
        );
        assert_eq!(found(&left).hook, Has::Ours);
        let replaced = with(Some(mine.as_bytes()), &wanted(), true).unwrap().unwrap();
        assert_eq!((found(&replaced).statusline, found(&replaced).telemetry), (Has::Ours, Has::Ours));
        // Another hand was at it since: what was replaced comes back all the same.
        let edited = replaced.replacen('{', "{\"model\": \"opus\",", 1);
        let back = without(edited.as_bytes(), Some(mine), &replaced).unwrap();
        assert_eq!((found(&back).statusline, found(&back).telemetry), (before.statusline, before.telemetry));
        assert_eq!(found(&back).hook, Has::Nothing);
        assert!(back.contains("\"model\": \"opus\""));
    }

    #[test]
    fn hooks_of_others_stay_beside_ours_and_an_old_path_is_renewed() {
        let others = r#"{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"notify-send done"}]}],"PreToolUse":[]}}"#;
        let text = set_up(others);
        assert!(text.contains("notify-send done") && text.contains("PreToolUse"));
        let moved = text.replace("/usr/bin/odin", "'/home/me/my bin/odin'");
        assert_eq!((found(&moved).hook, found(&moved).statusline), (Has::Outdated, Has::Outdated));
        assert_eq!(set_up(&moved), text);
        let edited = text.replace("notify-send done", "notify-send finished");
        let back = without(edited.as_bytes(), Some(others), &text).unwrap();
        assert!(back.contains("finished") && back.contains("PreToolUse") && !back.contains("odin"), "{back}");
    }

    #[test]
    fn a_client_that_writes_its_settings_anew_hides_nothing_from_the_undoing() {
        let before = "{\r\n\t\"model\": \"opus\"\r\n}\r\n";
        let after = set_up(before);
        let anew = serde_json::from_str::<serde_json::Value>(&after).unwrap().to_string();
        assert_eq!(
            without(anew.as_bytes(), Some(before), &after).unwrap().replace(' ', ""),
            "{\"model\":\"opus\"}"
        );
    }

    #[test]
    fn what_is_not_understood_is_told_with_its_place() {
        for (text, told) in [
            ("{\n  \"model\": \"opus\"\n  \"env\": {}\n}", "line 2, column 18: "),
            ("{\"a\": 'b'}", "line 1, column 7: "),
            ("{\n\"a\": 1", "line "),
            ("[]", "`settings.json` is not an object"),
            ("{\"env\": []}", "`env` is not an object"),
            ("{\"hooks\": {\"Stop\": {}}}", "`Stop` is not an array"),
            ("{\"env\": {}, \"env\": {}}", "`env` stands there twice: leave one"),
        ] {
            let error = with(Some(text.as_bytes()), &wanted(), true).unwrap_err().to_string();
            assert!(error.starts_with(told), "{text}: {error}");
        }
        assert_eq!(look(Some(b"{\xff}"), &wanted()), Err(Malformed::Utf8));
    }

    #[test]
    fn hooks_that_are_switched_off_are_noticed() {
        assert!(
            found("{\"disableAllHooks\": true}").is_disabled
                && !found("{\"disableAllHooks\": 1}").is_disabled
        );
    }

    proptest! {
        #[test]
        fn taking_out_what_was_put_in_leaves_the_meaning(
            names in proptest::collection::btree_map("[a-z]{1,4}", "[a-z\"\\\\ ]{0,6}", 0..4),
            has_env in any::<bool>(),
        ) {
            let mut before = serde_json::json!(names);
            if has_env {
                before["env"] = serde_json::json!({"FOO": "1"});
            }
            let text = serde_json::to_string_pretty(&before).unwrap();
            let after = set_up(&text);
            let back = without(after.as_bytes(), Some(&text), &after).unwrap();
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&back).unwrap(), before);
        }
    }
}
