//! Model ids as clients, gateways and clouds write them, down to the name that the price list uses.
//!
//! The steps are those of the list's `normalisation`, in its order.

/// What a model id says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ModelId {
    /// The model alone. Only an EQUAL name in the price list is the same model: `claude-opus-5-6` is not Opus 5.
    pub(super) name: String,
    /// Where Bedrock ran it, from the prefix: `eu`, `us-gov`, `global`.
    pub(super) region: Option<String>,
    /// Written as Bedrock or Vertex write ids.
    pub(super) is_on_cloud: bool,
    /// Gateways mark fast mode in the name.
    pub(super) is_fast: bool,
}

/// Takes `text` apart; `is_region` knows Bedrock's prefixes.
pub(super) fn parse(text: &str, is_region: impl Fn(&str) -> bool) -> ModelId {
    let text = text.trim().to_ascii_lowercase();
    if text.contains(":application-inference-profile/") {
        return ModelId { name: text, is_on_cloud: true, ..ModelId::default() };
    }
    let name = text.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix("[1m]").or(name.strip_suffix("[2m]")).unwrap_or(name);
    let (region, name) = match name.split_once('.') {
        Some((region, rest)) if rest.starts_with("anthropic.") && is_region(region) => (Some(region), rest),
        _ => (None, name),
    };
    let on_bedrock = name.strip_prefix("anthropic.");
    let name = on_bedrock.unwrap_or(name);
    let on_vertex = without(name, "@", |tail| is_date(tail) || tail == "default" || tail == "latest");
    let name = on_vertex.unwrap_or(name);
    let name = without(name, "-v", |tail| tail.split(':').all(is_number)).unwrap_or(name);
    let as_fast = name.strip_suffix("-fast");
    let name = as_fast.or(name.strip_suffix("-thinking")).unwrap_or(name);
    let name = name.strip_suffix("-latest").unwrap_or(name);
    let name = without(name, "-", is_date).unwrap_or(name);
    let mut name = in_list_order(dots_to_dashes(name));
    if name == "claude-opus-4-0" || name == "claude-sonnet-4-0" {
        name.truncate(name.len() - "-0".len());
    }
    ModelId {
        name,
        region: region.map(Into::into),
        is_on_cloud: on_bedrock.is_some() || on_vertex.is_some(),
        is_fast: as_fast.is_some(),
    }
}

/// What stands before the last `mark`, if what stands behind it `is_tail`.
fn without<'a>(name: &'a str, mark: &str, is_tail: impl Fn(&str) -> bool) -> Option<&'a str> {
    name.rsplit_once(mark).filter(|(_, tail)| is_tail(tail)).map(|(head, _)| head)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_date(text: &str) -> bool {
    text.len() == "YYYYMMDD".len() && is_number(text)
}

/// `claude-opus-5.5` to `claude-opus-5-5`.
fn dots_to_dashes(name: &str) -> String {
    let is_digit = |at: usize| name.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let is_between = |at: usize| at > 0 && is_digit(at - 1) && is_digit(at + 1);
    name.char_indices()
        .map(|(at, letter)| if letter == '.' && is_between(at) { '-' } else { letter })
        .collect()
}

/// Since Claude 4 the family stands before the version; ids with the other order exist on both sides.
fn in_list_order(name: String) -> String {
    let is_modern = |major: &str| is_number(major) && major.parse().is_ok_and(|major: u32| major >= 4);
    let is_family = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let parts: Vec<&str> = name.split('-').collect();
    match parts[..] {
        ["claude", major, family] if is_modern(major) && is_family(family) => {
            format!("claude-{family}-{major}")
        }
        ["claude", major, minor, family] if is_modern(major) && is_number(minor) && is_family(family) => {
            format!("claude-{family}-{major}-{minor}")
        }
        ["claude", family, "3"] if is_family(family) => format!("claude-3-{family}"),
        ["claude", family, "3", minor] if is_family(family) && is_number(minor) => {
            format!("claude-3-{minor}-{family}")
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::{ModelId, parse};
    use proptest::prelude::*;

    fn is_region(text: &str) -> bool {
        ["us-gov", "us", "eu", "apac", "jp", "au", "global"].contains(&text)
    }

    fn name(text: &str) -> String {
        parse(text, is_region).name
    }

    #[test]
    fn an_id_is_the_model_whoever_wrote_it() {
        let cases = [
            ("claude-opus-5-5", "claude-opus-5-5"),
            (" Claude-Opus-5-5\n", "claude-opus-5-5"),
            ("claude-opus-5-5[1m]", "claude-opus-5-5"),
            ("claude-sonnet-4-5-20250929[2m]", "claude-sonnet-4-5"),
            ("global.anthropic.claude-opus-5-5", "claude-opus-5-5"),
            ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
            ("anthropic.claude-haiku-5-5", "claude-haiku-5-5"),
            ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
            ("anthropic.claude-opus-4-6-v1:0[1m]", "claude-opus-4-6"),
            ("claude-opus-4-8@20260501", "claude-opus-4-8"),
            ("claude-opus-5@default", "claude-opus-5"),
            ("claude-opus-5@latest", "claude-opus-5"),
            ("claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet"),
            ("anthropic/claude-opus-5.5", "claude-opus-5-5"),
            ("vertex_ai/claude-opus-4-8@20260501", "claude-opus-4-8"),
            ("publishers/anthropic/models/claude-opus-5", "claude-opus-5"),
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0",
                "claude-sonnet-4-5",
            ),
            ("anthropic/claude-3.7-sonnet-thinking", "claude-3-7-sonnet"),
            ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
            ("claude-4-sonnet-20250514", "claude-sonnet-4"),
            ("claude-4.5-sonnet", "claude-sonnet-4-5"),
            ("claude-10-fable", "claude-fable-10"),
            ("claude-sonnet-3.7", "claude-3-7-sonnet"),
            ("claude-opus-3", "claude-3-opus"),
            ("claude-opus-4-0", "claude-opus-4"),
            ("claude-4-0-sonnet", "claude-sonnet-4"),
            ("claude-mythos-preview", "claude-mythos-preview"),
        ];
        for (text, want) in cases {
            assert_eq!(name(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_decoration_stays() {
        for text in [
            "claude-opus-5-6",
            "claude-nova-9",
            "claude-opus-5-0",
            "claude-opus-5[3m]",
            "ca.anthropic.claude-opus-5",
            "us.claude-opus-5",
            "claude-opus-5@2026",
            "claude-opus-5-v",
            "claude-opus-5-v1:",
            "claude-opus-5-2026110",
            "claude-3-opus",
            "v1.claude",
            "opus",
            "<synthetic>",
            "",
        ] {
            assert_eq!(name(text), text);
        }
    }

    #[test]
    fn an_application_inference_profile_is_opaque() {
        let text = "arn:aws:bedrock:us-east-1:1:application-inference-profile/claude-opus-5";
        let want = ModelId { name: text.into(), is_on_cloud: true, ..ModelId::default() };
        assert_eq!(parse(text, is_region), want);
    }

    #[test]
    fn where_and_how_it_ran_is_remembered() {
        let cases = [
            ("claude-opus-5", None, false, false),
            ("anthropic/claude-opus-5-fast", None, false, true),
            ("anthropic.claude-opus-5", None, true, false),
            ("jp.anthropic.claude-opus-5", Some("jp"), true, false),
            ("claude-opus-5@default", None, true, false),
        ];
        for (text, region, is_on_cloud, is_fast) in cases {
            let name = "claude-opus-5".into();
            let want = ModelId { name, region: region.map(Into::into), is_on_cloud, is_fast };
            assert_eq!(parse(text, is_region), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn decorations_come_off_and_nothing_is_left_to_take(
            path in "(bedrock/|vertex_ai/|a/b/)?",
            region in "((us|eu|global|us-gov)[.])?anthropic[.]|",
            model in "claude-(opus|fable)-[4-9](-[1-9])?|claude-3(-[1-9])?-(haiku|sonnet)",
            date in "(-20[0-9]{6})?",
            version in "(-fast|-thinking|-latest)?(-v[0-9](:[0-9]){0,2})?(@default|@20260101)?",
            mode in "(\\[1m\\])?",
        ) {
            let once = name(&format!("{path}{region}{model}{date}{version}{mode}"));
            prop_assert_eq!(&once, &model);
            prop_assert_eq!(&name(&once), &once);
        }

        #[test]
        fn any_text_is_taken_apart(text in ".*") {
            parse(&text, |_| true);
        }
    }
}
