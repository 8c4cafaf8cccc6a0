//! Prices as JSON, schema `odin.prices/1`, on one line. Names and order of the fields are a promise.
//!
//! Prices are USD per million tokens, factors and percentages decimals, all as text, so that no reader rounds them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Sheet;
use crate::pricing::overlay::{Contract, Discount};
use crate::pricing::table::{Entry, ModelPrices, Promotion, Source, Tier, Time};
use crate::pricing::{MicroUsd, Model};

#[derive(Serialize)]
struct Document<'s> {
    schema: &'static str,
    version: &'s str,
    as_of: &'s str,
    file: Option<String>,
    at: String,
    asked: Option<Asked<'s>>,
    models: Vec<OneModel<'s>>,
    batch_multiplier: String,
    web_search_usd: String,
    sources: BTreeMap<&'s str, Found<'s>>,
}

#[derive(Serialize)]
struct Asked<'s> {
    id: &'s str,
    priced_as: &'s str,
    alias_of: Option<&'s str>,
    region: Option<&'s str>,
    is_on_cloud: bool,
    is_fast: bool,
}

#[derive(Serialize)]
struct OneModel<'s> {
    model: &'s str,
    name: &'s str,
    is_own: bool,
    released: Option<String>,
    retired: Option<String>,
    entries: Vec<Prices<'s>>,
    us_only_multiplier: Option<Since>,
    region_multipliers: Option<Regions<'s>>,
    promotions: Vec<Promoted<'s>>,
    contract: Option<Own<'s>>,
}

#[derive(Serialize)]
struct Prices<'s> {
    speed: &'static str,
    from: Option<String>,
    until: Option<String>,
    holds: bool,
    tiers: Vec<Classes>,
    confidence: Option<&'s str>,
    notes: Option<&'s str>,
    source: &'s [String],
}

#[derive(Serialize)]
struct Classes {
    prompt_tokens_above: i64,
    input: Option<String>,
    output: Option<String>,
    cache_read: Option<String>,
    cache_write_5m: Option<String>,
    cache_write_1h: Option<String>,
}

#[derive(Serialize)]
struct Since {
    multiplier: String,
    from: String,
}

#[derive(Serialize)]
struct Regions<'s> {
    multipliers: BTreeMap<&'s str, String>,
    from: String,
}

#[derive(Serialize)]
struct Promoted<'s> {
    id: &'s str,
    speed: &'static str,
    multiplier: Option<String>,
    from: Option<String>,
    until: Option<String>,
    holds: bool,
    notes: Option<&'s str>,
}

#[derive(Serialize)]
struct Own<'s> {
    prices: Vec<Prices<'s>>,
    discounts: Vec<Off>,
}

#[derive(Serialize)]
struct Off {
    percent: String,
    from: Option<String>,
    until: Option<String>,
    /// The one that counts.
    holds: bool,
}

#[derive(Serialize)]
struct Found<'s> {
    what: &'s str,
    date_seen: &'s str,
}

pub fn render(sheet: &Sheet) -> Result<String, serde_json::Error> {
    let table = &sheet.prices.table;
    let entries = sheet.models.iter().flat_map(|model| &model.entries);
    let used = entries.flat_map(|entry| &entry.source).map(String::as_str);
    let document = Document {
        schema: "odin.prices/1",
        version: &sheet.prices.version,
        as_of: &table.as_of,
        file: sheet.prices.file.as_ref().map(|path| path.to_string_lossy().into_owned()),
        at: sheet.at.to_string(),
        asked: sheet.asked.as_ref().map(|(id, model)| asked(id, model)),
        models: sheet.models.iter().map(|model| one(sheet, model)).collect(),
        batch_multiplier: table.modifiers.batch.multiplier.to_string(),
        web_search_usd: table.modifiers.web_search.usd_per_request.to_string(),
        sources: used.filter_map(|name| Some((name, found(table.sources.get(name)?)))).collect(),
    };
    Ok(serde_json::to_string(&document)? + "\n")
}

fn asked<'s>(id: &'s str, model: &'s Model) -> Asked<'s> {
    Asked {
        id,
        priced_as: &model.name,
        alias_of: model.alias_of,
        region: model.region.as_ref().map(|(region, _)| region.as_str()),
        is_on_cloud: model.is_on_cloud,
        is_fast: model.is_fast,
    }
}

fn one<'s>(sheet: &'s Sheet, model: &'s ModelPrices) -> OneModel<'s> {
    let rules = &sheet.prices.table.modifiers;
    let us_only = &rules.inference_geo_us;
    let regions = &rules.regional_uplift;
    let multipliers =
        || regions.bedrock_geo_prefix.iter().map(|(region, by)| (region.as_str(), by.to_string()));
    OneModel {
        model: &model.id,
        name: &model.name,
        is_own: sheet.prices.table.model(&model.id).is_none(),
        released: text(model.released),
        retired: text(model.first_party_retired),
        entries: model.entries.iter().map(|entry| prices(sheet, entry)).collect(),
        us_only_multiplier: model.has_geo_us.then(|| Since {
            multiplier: us_only.multiplier.to_string(),
            from: us_only.valid_from.to_string(),
        }),
        region_multipliers: model
            .has_regional_uplift
            .then(|| Regions { multipliers: multipliers().collect(), from: regions.valid_from.to_string() }),
        promotions: sheet.prices.table.promotions_of(&model.id).map(|one| promoted(sheet, one)).collect(),
        contract: sheet.contract(model).map(|contract| own(sheet, model, contract)),
    }
}

fn prices<'s>(sheet: &Sheet, entry: &'s Entry) -> Prices<'s> {
    Prices {
        speed: entry.speed.name(),
        from: text(entry.from),
        until: text(entry.until),
        holds: sheet.holds(entry),
        tiers: entry.tiers.iter().map(classes).collect(),
        confidence: entry.confidence.as_deref(),
        notes: entry.notes.as_deref(),
        source: &entry.source,
    }
}

fn classes(tier: &Tier) -> Classes {
    let text = |price: Option<MicroUsd>| price.map(|price| price.to_string());
    Classes {
        prompt_tokens_above: tier.prompt_tokens_above,
        input: text(tier.input),
        output: text(tier.output),
        cache_read: text(tier.cache_read),
        cache_write_5m: text(tier.cache_write_5m),
        cache_write_1h: text(tier.cache_write_1h),
    }
}

fn promoted<'s>(sheet: &Sheet, promotion: &'s Promotion) -> Promoted<'s> {
    let period = promotion.period();
    Promoted {
        id: &promotion.id,
        speed: promotion.speed.name(),
        multiplier: promotion.multiplier.map(|by| by.to_string()),
        from: text(period.from),
        until: text(period.until),
        holds: period.contains(sheet.at),
        notes: promotion.notes.as_deref(),
    }
}

fn own<'s>(sheet: &Sheet, model: &ModelPrices, contract: &'s Contract) -> Own<'s> {
    let off = |discount: &Discount| Off {
        percent: discount.percent.to_string(),
        from: text(discount.period.from),
        until: text(discount.period.until),
        holds: sheet.counts(model, discount),
    };
    Own {
        prices: contract.prices.iter().map(|entry| prices(sheet, entry)).collect(),
        discounts: contract.discounts.iter().map(off).collect(),
    }
}

fn found(source: &Source) -> Found<'_> {
    Found { what: &source.what, date_seen: &source.date_seen }
}

fn text(time: Option<Time>) -> Option<String> {
    time.map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::sheet;
    use super::super::tests::{PROFILE, day, prices};
    use super::render;
    use serde_json::{Value, json};

    fn json_of(asked: Option<&str>, at: &str) -> Value {
        let prices = prices();
        let text = render(&sheet(&prices, asked, day(at)).unwrap()).unwrap();
        assert!(text.ends_with("}\n") && text.lines().count() == 1);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_text_is_exact() {
        let prices = prices();
        let text = render(&sheet(&prices, Some("CODER"), day("2026-11-24")).unwrap()).unwrap();
        let version = &prices.version;
        assert_eq!(
            text,
            [
                r#"{"schema":"odin.prices/1","version":""#,
                version,
                r#"","as_of":"2026-11-23","file":null,"at":"2026-11-24","#,
                r#""asked":{"id":"acme/coder-1","priced_as":"acme/coder-1","alias_of":null,"region":null,"is_on_cloud":false,"is_fast":false},"#,
                r#""models":[{"model":"acme/coder-1","name":"acme/coder-1","is_own":true,"released":null,"retired":null,"#,
                r#""entries":[{"speed":"standard","from":null,"until":null,"holds":true,"tiers":[{"prompt_tokens_above":0,"#,
                r#""input":"1.50","output":"6.00","cache_read":null,"cache_write_5m":null,"cache_write_1h":null}],"#,
                r#""confidence":null,"notes":null,"source":[]}],"#,
                r#""us_only_multiplier":null,"region_multipliers":null,"promotions":[],"contract":null}],"#,
                r#""batch_multiplier":"0.5","web_search_usd":"0.01","sources":{}}"#,
                "\n",
            ]
            .concat()
        );
    }

    #[test]
    fn a_model_has_all_that_the_table_has() {
        let json = json_of(Some("gateway"), "2026-11-24");
        assert_eq!(json["asked"]["alias_of"], "eu.anthropic.claude-opus-4-8");
        assert_eq!(
            (&json["asked"]["region"], &json["asked"]["priced_as"]),
            (&json!("eu"), &json!("claude-opus-4-8"))
        );
        let model = &json["models"][0];
        assert_eq!(model["us_only_multiplier"], json!({"multiplier": "1.1", "from": "2026-02-05"}));
        assert_eq!(model["region_multipliers"]["multipliers"]["us-gov"], "1.2");
        let contract = &model["contract"]["prices"][0];
        assert_eq!((&contract["holds"], &contract["from"]), (&json!(true), &json!("2026-06-01")));
        assert_eq!(contract["tiers"][0]["cache_read"], "0.40");
        for name in model["entries"][0]["source"].as_array().unwrap() {
            assert!(json["sources"][name.as_str().unwrap()]["what"].is_string(), "{name}");
        }
        let promotion =
            &json_of(Some("claude-opus-4-6"), "2026-02-17T07:59:59Z")["models"][0]["promotions"][0];
        assert_eq!((&promotion["multiplier"], &promotion["holds"]), (&json!("0.5"), &json!(true)));
    }

    #[test]
    fn what_holds_depends_on_the_day() {
        let holds = |at| {
            let json = json_of(Some("claude-sonnet-5-5"), at);
            let entries = json["models"][0]["entries"].as_array().unwrap().clone();
            entries.iter().map(|entry| entry["holds"] == true).collect::<Vec<_>>()
        };
        assert_eq!(holds("2026-10-06"), [true, false]);
        assert_eq!(holds("2026-10-07"), [false, true]);
        let discount =
            |at| json_of(Some(PROFILE), at)["models"][0]["contract"]["discounts"][0]["holds"].clone();
        assert_eq!((discount("2026-11-30"), discount("2026-12-01")), (json!(true), json!(false)));
    }

    #[test]
    fn without_a_model_there_is_every_current_one() {
        let json = json_of(None, "2026-11-24");
        assert!(json["asked"].is_null() && json["models"].as_array().unwrap().len() > 10);
    }
}
