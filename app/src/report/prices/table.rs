//! Prices for people, fitted to a width: a table of several models, or one model over time and all that is known of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Sheet, is_retired};
use crate::pricing::overlay::{Deal, Discount};
use crate::pricing::table::{Entry, ModelPrices, Period, Speed, Tier};
use crate::pricing::{MicroUsd, Model, Prices};
use crate::report::number::grouped;
use crate::report::page::{Column, Page, Row};

const INDENT: usize = 2;
const TITLES: [&str; 7] = ["Input", "Output", "Write 5m", "Write 1h", "Read", "From", "Until"];

/// Columns beside the label, from the fullest table to the barest.
const FITS: &[&[usize]] =
    &[&[0, 1, 2, 3, 4, 5, 6], &[0, 1, 2, 3, 4, 5], &[0, 1, 2, 3, 4], &[0, 1, 3, 4], &[0, 1, 4], &[0, 1]];

const SPEEDS: [Speed; 2] = [Speed::Standard, Speed::Fast];

/// With escape codes for bold lines only where `is_terminal`.
pub fn render(sheet: &Sheet, width: usize, is_terminal: bool) -> String {
    let mut page = Page::new(width);
    match (&sheet.asked, &sheet.models[..]) {
        (Some((id, model)), [prices]) => one(&mut page, sheet, id, model, prices),
        _ => several(&mut page, sheet),
    }
    page.text(is_terminal)
}

fn several(page: &mut Page, sheet: &Sheet) {
    page.title(&format!("USD per million tokens on {}", sheet.at));
    page.gap();
    let rows: Vec<Row> = sheet.models.iter().flat_map(|model| current_rows(sheet, model)).collect();
    page.table("Model", &TITLES.map(Column::Number), FITS, &rows);
    page.gap();
    origin(page, sheet.prices);
    page.say(0, "One model over time, and why: odin prices MODEL");
}

/// `prices` are those of the model that the id was found to be.
fn one(page: &mut Page, sheet: &Sheet, id: &str, model: &Model, prices: &ModelPrices) {
    page.title(&match prices.released {
        _ if model.is_own => format!("{}, a model of your own", prices.id),
        Some(day) => format!("{} ({}), released {day}", prices.id, prices.name),
        None => format!("{} ({})", prices.id, prices.name),
    });
    if id != prices.id {
        page.say(0, &understood(id, model));
    }
    section(page, &format!("On {}", sheet.at), &why(sheet, model, prices));
    page.gap();
    page.title("USD per million tokens, and what holds on that day (→)");
    page.gap();
    page.table("", &TITLES.map(Column::Number), FITS, &history(sheet, prices));
    section(page, "On top", &on_top(sheet.prices, prices));
    section(page, "Your discounts", &discounts(sheet, prices));
    section(page, "Confidence and notes", &known(prices));
    section(page, "Sources", &sources(sheet.prices, prices));
    page.gap();
    origin(page, sheet.prices);
}

fn section(page: &mut Page, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    page.gap();
    page.title(title);
    for line in lines {
        page.say(INDENT, line);
    }
}

/// What holds at the time: list prices, and under them what the contract makes of them.
fn current_rows(sheet: &Sheet, model: &ModelPrices) -> Vec<Row> {
    let mut all = vec![];
    for speed in SPEEDS {
        let listed = sheet.entry(model, speed);
        if let Some(entry) = listed {
            all.extend(rows("", entry, valid(model, entry), |price| price.to_string()));
        } else if speed == Speed::Standard {
            all.push(Row { cells: cells([const { None }; 5], Period::ALWAYS), ..Row::default() });
        }
        match sheet.deal(model, speed) {
            Some(Deal::Prices(entry)) if entry.speed == speed => {
                all.extend(rows("contract", entry, entry.period(), |price| price.to_string()));
            }
            Some(Deal::Discount(discount)) => {
                all.extend(listed.into_iter().flat_map(|entry| discounted(entry, discount)));
            }
            _ => {}
        }
    }
    for row in &mut all {
        row.label = format!("  {}", row.label);
    }
    all[0].label = match model.released {
        Some(day) if sheet.at < day => format!("{}, not out yet", model.id),
        _ if is_retired(model, sheet.at) => format!("{}, retired", model.id),
        _ => model.id.clone(),
    };
    all
}

/// Every entry of the list and of the contract, with a mark where it holds.
fn history(sheet: &Sheet, model: &ModelPrices) -> Vec<Row> {
    let mut all = vec![];
    for entry in &model.entries {
        let what = if entry.speed == Speed::Standard { "standard" } else { "" };
        let rows = rows(what, entry, valid(model, entry), |price| price.to_string());
        all.extend(marked(rows, sheet.holds(entry)));
    }
    for entry in sheet.contract(model).iter().flat_map(|contract| &contract.prices) {
        let rows = rows("contract", entry, entry.period(), |price| price.to_string());
        all.extend(marked(rows, sheet.holds(entry)));
    }
    for speed in SPEEDS {
        if let (Some(entry), Some(Deal::Discount(discount))) =
            (sheet.entry(model, speed), sheet.deal(model, speed))
        {
            all.extend(marked(discounted(entry, discount), true));
        }
    }
    all
}

fn marked(mut rows: Vec<Row>, holds: bool) -> Vec<Row> {
    for (n, row) in rows.iter_mut().enumerate() {
        row.label = format!("{} {}", if holds && n == 0 { "→" } else { " " }, row.label);
    }
    rows
}

/// One for each tier; the dates stand on the first.
fn rows(what: &str, entry: &Entry, period: Period, price: impl Fn(MicroUsd) -> String) -> Vec<Row> {
    let row = |(n, tier): (usize, &Tier)| {
        let prices = [tier.input, tier.output, tier.cache_write_5m, tier.cache_write_1h, tier.cache_read];
        let fast = (entry.speed == Speed::Fast).then(|| "fast".into());
        let above = grouped(&tier.prompt_tokens_above.to_string());
        let above = (tier.prompt_tokens_above > 0).then(|| format!("above {above}"));
        let what = Some(what.to_string()).filter(|what| !what.is_empty());
        Row {
            label: what.into_iter().chain(fast).chain(above).collect::<Vec<_>>().join(", "),
            cells: cells(prices.map(|known| known.map(&price)), if n == 0 { period } else { Period::ALWAYS }),
            is_sum: false,
        }
    };
    entry.tiers.iter().enumerate().map(row).collect()
}

fn discounted(entry: &Entry, discount: &Discount) -> Vec<Row> {
    let percent = discount.percent;
    rows(&format!("less {percent} %"), entry, discount.period, |price| price.times(percent.off()))
}

/// Under [`TITLES`].
fn cells(prices: [Option<String>; 5], period: Period) -> Vec<String> {
    let prices = prices.into_iter().map(|price| price.unwrap_or_else(|| "–".into()));
    let dates = [period.from, period.until].map(|date| date.map(|date| date.to_string()).unwrap_or_default());
    prices.chain(dates).collect()
}

/// How an id was taken apart.
fn understood(id: &str, model: &Model) -> String {
    let what = match model.alias_of {
        Some(target) => format!("`{id}` is your alias of `{target}`"),
        None => format!("`{id}` is priced as {}", model.name),
    };
    let cloud = match &model.region {
        Some((region, _)) => Some(format!("on a cloud, in region {region}")),
        None => model.is_on_cloud.then(|| "on a cloud".into()),
    };
    let fast = model.is_fast.then(|| "in fast mode".into());
    [what].into_iter().chain(cloud).chain(fast).collect::<Vec<_>>().join(", ")
}

/// Why a response costs what it costs then, a sentence each.
fn why(sheet: &Sheet, model: &Model, prices: &ModelPrices) -> Vec<String> {
    let mut lines = vec![];
    if prices.released.is_some_and(|released| sheet.at < released) {
        lines.push("It was not released yet.".into());
    }
    if let Some(retired) = prices.first_party_retired.filter(|_| is_retired(prices, sheet.at)) {
        lines.push(format!("The first-party API has not served it since {retired}."));
    }
    let has_fast = model.is_fast || prices.entries.iter().any(|entry| entry.speed == Speed::Fast);
    for speed in SPEEDS {
        let name = speed.name();
        match sheet.entry(prices, speed) {
            Some(entry) => lines.push(format!("The {name} prices hold {}.", span(valid(prices, entry)))),
            None if speed == Speed::Standard => lines.push("No price is known: it is unpriced.".into()),
            None => {}
        }
        match sheet.deal(prices, speed) {
            Some(Deal::Prices(entry)) if entry.speed == speed => {
                lines.push(format!("Under your contract, {name} prices hold {}.", span(entry.period())));
            }
            Some(Deal::Discount(Discount { percent, period })) if speed == Speed::Standard || has_fast => {
                lines.push(format!("Your discount takes {percent} % off {name} cost {}.", span(*period)));
            }
            _ => {}
        }
    }
    let uplift = &sheet.prices.table.modifiers.regional_uplift;
    if let Some((region, by)) = model.region.as_ref().filter(|(_, by)| !by.is_one())
        && prices.has_regional_uplift
        && uplift.valid_from <= sheet.at
    {
        lines.push(format!("Region {region} costs {by} times as much."));
    }
    // What bills would say.
    let standard = sheet.flags(model, Speed::Standard);
    lines.extend(standard.explain().map(|remark| format!("{} ({})", remark.meaning, remark.name)));
    if has_fast {
        let fast = sheet
            .flags(model, Speed::Fast)
            .explain()
            .filter(|remark| !standard.names().any(|name| name == remark.name));
        lines.extend(fast.map(|remark| format!("In fast mode: {} ({})", remark.meaning, remark.name)));
    }
    lines
}

/// What is put on prices, or beside them.
fn on_top(all: &Prices, model: &ModelPrices) -> Vec<String> {
    let rules = &all.table.modifiers;
    let mut lines = vec![];
    if model.has_geo_us {
        let (by, from) = (rules.inference_geo_us.multiplier, rules.inference_geo_us.valid_from);
        lines.push(format!("× {by} US-only inference (inference_geo is us), from {from} on"));
    }
    if model.has_regional_uplift {
        let mut regions: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (region, by) in &rules.regional_uplift.bedrock_geo_prefix {
            regions.entry(by.to_string()).or_default().push(region);
        }
        let regions: Vec<String> =
            regions.iter().map(|(by, regions)| format!("× {by} {}", regions.join(", "))).collect();
        let from = rules.regional_uplift.valid_from;
        lines.push(format!("On a cloud, by region, from {from} on: {}", regions.join("; ")));
    }
    lines.push(format!("× {} batches, at standard prices", rules.batch.multiplier));
    lines.push(format!("${} a web search, which nothing else is put on", rules.web_search.usd_per_request));
    for promotion in all.table.promotions_of(&model.id) {
        let Some(by) = promotion.multiplier else { continue };
        let (speed, when) = (promotion.speed.name(), span(promotion.period()));
        let notes = promotion.notes.as_deref().unwrap_or_default();
        lines.push(format!("× {by} promotion {} of {speed} prices, {when}. {notes}", promotion.id));
    }
    lines
}

fn discounts(sheet: &Sheet, model: &ModelPrices) -> Vec<String> {
    let discounts = sheet.contract(model).map_or(&[][..], |contract| &contract.discounts);
    let line = |discount: &Discount| {
        let mark = if sheet.counts(model, discount) { "→ " } else { "" };
        format!("{mark}{} % off list cost, {}", discount.percent, span(discount.period))
    };
    discounts.iter().map(line).collect()
}

/// How sure the entries are, and what is to be said of them.
fn known(model: &ModelPrices) -> Vec<String> {
    let line = |entry: &Entry| {
        let (speed, when) = (entry.speed.name(), span(valid(model, entry)));
        let notes = entry.notes.as_ref().map(|notes| format!(" {notes}")).unwrap_or_default();
        let sources = entry.source.join(", ");
        Some(format!("{speed}, {when}: {}.{notes} [{sources}]", entry.confidence.as_ref()?))
    };
    model.entries.iter().filter_map(line).collect()
}

fn sources(all: &Prices, model: &ModelPrices) -> Vec<String> {
    let names: BTreeSet<&String> = model.entries.iter().flat_map(|entry| &entry.source).collect();
    let found = names.into_iter().filter_map(|name| Some((name, all.table.sources.get(name)?)));
    found.map(|(name, source)| format!("{name}: {} (seen {})", source.what, source.date_seen)).collect()
}

fn origin(page: &mut Page, prices: &Prices) {
    let (as_of, embedded) = (&prices.table.as_of, &Prices::embedded().table.as_of);
    let from = match &prices.file {
        Some(path) => format!("from {}", path.display()),
        None => "that comes with odin".into(),
    };
    page.say(0, &format!("Price list of {as_of} {from}, version {}", prices.version));
    if as_of < embedded {
        page.say(
            0,
            &format!(
                "It is older than the one that comes with odin, of {embedded}: `file` in [prices] may go"
            ),
        );
    }
}

/// Since when, as far as is known, and until when.
fn valid(model: &ModelPrices, entry: &Entry) -> Period {
    Period { from: entry.from.or(model.released), until: entry.until }
}

fn span(period: Period) -> String {
    match (period.from, period.until) {
        (Some(from), Some(until)) => format!("from {from} until {until}"),
        (Some(from), None) => format!("from {from} on"),
        (None, Some(until)) => format!("until {until}"),
        (None, None) => "at all times".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sheet;
    use super::super::tests::{PROFILE, day, prices};
    use super::render;
    use crate::pricing::Prices;
    use crate::report::table::columns_of;

    fn shown(prices: &Prices, asked: Option<&str>, at: &str, width: usize) -> String {
        render(&sheet(prices, asked, day(at)).unwrap(), width, false)
    }

    /// The lines from one title up to the next gap.
    fn section<'t>(text: &'t str, title: &str) -> Vec<&'t str> {
        let lines = text.lines().skip_while(|line| !line.starts_with(title)).skip(1);
        lines.take_while(|line| !line.is_empty()).map(str::trim_start).collect()
    }

    #[test]
    fn several_models_show_what_holds_and_what_is_paid() {
        let prices = prices();
        assert_eq!(
            shown(&prices, Some("5-5"), "2026-11-24", 120),
            format!(
                "
USD per million tokens on 2026-11-24

Model                          Input  Output  Write 5m  Write 1h     Read        From       Until
─────────────────────────────────────────────────────────────────────────────────────────────────
claude-haiku-5-5                0.10    0.50     0.125      0.20     0.01  2026-10-07
  above 100,000                 0.50    2.50     0.625      1.00     0.05
  less 12.5 %                 0.0875  0.4375  0.109375     0.175  0.00875              2026-12-01
  less 12.5 %, above 100,000  0.4375  2.1875  0.546875     0.875  0.04375
claude-sonnet-5-5               2.00   10.00      2.50      4.00     0.10  2026-10-07
claude-opus-5-5                 4.00   20.00      5.00      8.00     0.20  2026-09-22
  fast                          8.00   40.00     10.00     16.00     0.40  2026-09-22

Price list of 2026-11-23 that comes with odin, version {}
One model over time, and why: odin prices MODEL
",
                prices.version
            )
            .trim_start()
        );
    }

    #[test]
    fn one_model_shows_all_of_its_prices_and_what_holds() {
        let prices = prices();
        let text = shown(&prices, Some("gateway"), "2026-11-24", 100);
        let want = "
claude-opus-4-8 (Claude Opus 4.8), released 2026-05-28
`gateway` is your alias of `eu.anthropic.claude-opus-4-8`, on a cloud, in region eu

On 2026-11-24
  The standard prices hold from 2026-05-28 on.
  Under your contract, standard prices hold from 2026-06-01 on.
  The fast prices hold from 2026-05-28 until 2026-11-30.
  Region eu costs 1.1 times as much.

USD per million tokens, and what holds on that day (→)

            Input  Output  Write 5m  Write 1h  Read        From       Until
───────────────────────────────────────────────────────────────────────────
→ standard   5.00   25.00      6.25     10.00  0.50  2026-05-28
→ fast      10.00   50.00     12.50     20.00  1.00  2026-05-28  2026-11-30
→ contract   4.00   20.00      5.00      8.00  0.40  2026-06-01

On top
  × 1.1 US-only inference (inference_geo is us), from 2026-02-05 on
  On a cloud, by region, from 2025-09-29 on: × 1 global; × 1.1 apac, au, eu, jp, us; × 1.2 us-gov
  × 0.5 batches, at standard prices
  $0.01 a web search, which nothing else is put on

Confidence and notes
  standard, from 2026-05-28 on: certain. [relnotes-2026-08-20, pricing-2026-08-21, cc-2.1.330]
  fast, from 2026-05-28 until 2026-11-30: certain. Removal on 2026-11-30 is announced, not yet past
    at the as_of date. [fast-platform, pricing-2026-08-21, fast-code, cc-changelog, cc-2.1.330]

Sources
"
        .trim_start();
        assert!(text.starts_with(want), "{text}");
        assert!(text.contains("  cc-changelog: github anthropics/claude-code CHANGELOG.md"), "{text}");
    }

    #[test]
    fn it_is_said_why_a_price_holds_or_why_none_does() {
        let prices = prices();
        let why =
            |asked, at: &str| section(&shown(&prices, Some(asked), at, 200), &format!("On {at}")).join("\n");
        for (asked, at, want) in [
            ("claude-sonnet-5-5", "2026-10-06", "The standard prices hold from 2026-09-28 until 2026-10-07."),
            ("claude-sonnet-5-5", "2026-10-07", "The standard prices hold from 2026-10-07 on."),
            (
                "claude-opus-4-6",
                "2026-02-10",
                "A launch promotion was in force and is in the cost. (promotion)",
            ),
            (
                "claude-opus-4-7",
                "2026-11-24",
                "taken at the standard price, a lower bound. (fast_price_unknown)",
            ),
            ("claude-3-opus", "2026-01-05", "The first-party API has not served it since 2026-01-05."),
            ("claude-fable-5-2", "2026-11-08", "It was not released yet."),
            ("acme/coder-1", "2026-11-24", "No price list has the model;"),
            (
                PROFILE,
                "2026-11-24",
                "the model id does not say where; taken without the surcharge. (region_unknown)",
            ),
            (
                "claude-haiku-5-5",
                "2026-11-24",
                "Your discount takes 12.5 % off standard cost until 2026-12-01.",
            ),
        ] {
            assert!(why(asked, at).contains(want), "{asked} {at}:\n{}", why(asked, at));
        }
        assert_eq!(why("claude-haiku-5-5", "2026-12-01"), "The standard prices hold from 2026-10-07 on.");
        assert_eq!(why("global.anthropic.claude-opus-5-5", "2026-11-24").lines().count(), 2);
    }

    #[test]
    fn promotions_and_discounts_have_their_dates() {
        let prices = prices();
        let text = shown(&prices, Some("claude-opus-4-6"), "2026-02-10", 300);
        let promotion = "× 0.5 promotion opus-4-6-fast-launch of fast prices, from 2026-02-07 until 2026-02-17T08:00:00Z.";
        assert!(section(&text, "On top").iter().any(|line| line.starts_with(promotion)), "{text}");
        let text = shown(&prices, Some("claude-haiku-4-5"), "2026-11-24", 100);
        assert_eq!(section(&text, "Your discounts"), ["→ 12.5 % off list cost, until 2026-12-01"]);
        let text = shown(&prices, Some("claude-haiku-4-5"), "2026-12-01", 100);
        assert_eq!(section(&text, "Your discounts"), ["12.5 % off list cost, until 2026-12-01"]);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_but_for_a_long_word() {
        let prices = prices();
        let ids = prices.table.models.iter().chain(&prices.rules.models).map(|model| Some(model.id.as_str()));
        for asked in ids.chain([None, Some("claude"), Some(PROFILE)]) {
            for width in (30..110).step_by(3) {
                for line in shown(&prices, asked, "2026-11-24", width).lines() {
                    let is_word = !line.trim_start().contains(' ');
                    assert!(columns_of(line) <= width || is_word, "{asked:?} {width}: {line}");
                }
            }
        }
    }

    #[test]
    fn only_a_terminal_gets_escape_codes() {
        let prices = prices();
        let sheet = sheet(&prices, None, day("2026-11-24")).unwrap();
        assert!(!render(&sheet, 80, false).contains('\x1b'));
        assert_eq!(render(&sheet, 80, true).matches("\x1b[1m").count(), 2);
    }

    #[test]
    fn an_id_from_outside_cannot_steer_the_terminal() {
        let text = shown(&prices(), Some("\u{9}claude-opus-5 "), "2026-11-24", 80);
        assert!(text.contains("is priced as claude-opus-5"), "{text}");
        let text = shown(&prices(), Some("\x1b]0;x\x07/claude-opus-5"), "2026-11-24", 80);
        assert!(!text.contains(['\x1b', '\x07']) && text.contains("priced as claude-opus-5"), "{text}");
    }
}
