//! Reports as CSV (RFC 4180, but with the line ends of Unix): a header, then a line per row; no total.
//!
//! Fields are named as in the JSON. `cost_usd` is exact, with two to twelve decimals.

use super::number::exact_usd;
use super::{Amount, Blocks, Report};

pub(super) const FIELDS: &str = "responses,sessions,input,output,cache_read,cache_write_5m,cache_write_1h,web_searches,\
                      cost_usd,cost_picousd,unpriced_responses,cache_saving_usd,cache_saving_picousd";

/// Where the user's own prices say something of the report.
pub(super) const CONTRACT_FIELDS: &str = "contract_usd,contract_picousd,contract_unpriced_responses";

/// Where the report compares. What cannot be said is empty.
const PREVIOUS_FIELDS: &str = "previous_responses,previous_tokens,previous_cost_usd,previous_cost_picousd,\
                               previous_unpriced_responses,change_cost_usd,change_cost_picousd,change_cost_percent";

/// A line per window and account.
pub fn blocks(blocks: &Blocks) -> String {
    let is_contracted = blocks.total.is_contracted;
    let header = ["block,end,account", FIELDS].into_iter().chain(is_contracted.then_some(CONTRACT_FIELDS));
    let lines = blocks.rows.iter().map(|block| {
        let times = [block.start, block.end].map(|at| blocks.rfc3339(at)).into_iter();
        let contract = is_contracted.then(|| contract(&block.amount)).into_iter().flatten();
        let fields = times.chain([quoted(&block.account)]).chain(fields(&block.amount)).chain(contract);
        fields.collect::<Vec<_>>().join(",")
    });
    let lines: Vec<String> = [header.collect::<Vec<_>>().join(",")].into_iter().chain(lines).collect();
    lines.join("\n") + "\n"
}

pub fn render(report: &Report) -> String {
    let is_contracted = report.total.is_contracted;
    let names = report.by.iter().map(|key| key.name());
    let header = names.chain([FIELDS]).chain(is_contracted.then_some(CONTRACT_FIELDS));
    let header = header.chain(report.previous.as_ref().map(|_| PREVIOUS_FIELDS));
    let header = header.collect::<Vec<_>>().join(",");
    let lines = report.leaves().map(|(rows, amount)| {
        let names = rows.iter().map(|row| quoted(&row.name));
        let contract = is_contracted.then(|| contract(amount)).into_iter().flatten();
        let previous = rows.last().and_then(|row| row.previous.as_deref());
        let compared = previous.map(|previous| compared(amount, previous)).into_iter().flatten();
        names.chain(fields(amount)).chain(contract).chain(compared).collect::<Vec<_>>().join(",")
    });
    let lines: Vec<String> = [header].into_iter().chain(lines).collect();
    lines.join("\n") + "\n"
}

pub(super) fn fields(amount: &Amount) -> impl Iterator<Item = String> {
    let tokens = &amount.tokens;
    let counts = [
        amount.responses,
        amount.sessions(),
        tokens.input,
        tokens.output,
        tokens.cache_read,
        tokens.cache_write_5m,
        tokens.cache_write_1h,
        amount.web_searches,
    ];
    let picousd = amount.cost_picousd;
    let saving = amount.cache_saving_picousd;
    let costs = [
        exact_usd(picousd),
        picousd.to_string(),
        amount.unpriced_responses.to_string(),
        exact_usd(saving),
        saving.to_string(),
    ];
    counts.map(|count| count.to_string()).into_iter().chain(costs)
}

pub(super) fn contract(amount: &Amount) -> [String; 3] {
    let picousd = amount.contract_picousd;
    [exact_usd(picousd), picousd.to_string(), amount.contract_unpriced_responses.to_string()]
}

fn compared(amount: &Amount, previous: &Amount) -> [String; 8] {
    let (picousd, more) = (previous.cost_picousd, amount.cost_picousd - previous.cost_picousd);
    [
        previous.responses.to_string(),
        previous.tokens.total().to_string(),
        exact_usd(picousd),
        picousd.to_string(),
        previous.unpriced_responses.to_string(),
        exact_usd(more),
        more.to_string(),
        amount.percent_over(previous).unwrap_or_default(),
    ]
}

pub(super) fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{blocks, render};
    use crate::report::sample;

    #[test]
    fn a_line_holds_the_names_and_the_numbers() {
        assert_eq!(
            render(&sample::by_project_and_model()),
            "project,model,responses,sessions,input,output,cache_read,cache_write_5m,cache_write_1h,web_searches,\
             cost_usd,cost_picousd,unpriced_responses,cache_saving_usd,cache_saving_picousd\n\
             /home/anna/work/a-long-name-for-a-service,claude-opus-5-5-20261101,12,1,100,20000,3000000,0,40000,0,1.00,1000000000000,0,2.00,2000000000000\n\
             /home/anna/work/a-long-name-for-a-service,claude-next,2,1,10,200,3000,400,0,0,0.00,0,2,0.00,0\n\
             /home/anna/odin,claude-haiku-5-5,3,1,5,60,700,80,9,0,0.50,500000000000,0,1.00,1000000000000\n"
        );
    }

    #[test]
    fn a_contract_comes_last() {
        let text = render(&sample::contracted());
        let ends: Vec<String> =
            text.lines().map(|line| line.split(',').skip(14).collect::<Vec<_>>().join(",")).collect();
        assert_eq!(
            ends,
            [
                "contract_usd,contract_picousd,contract_unpriced_responses",
                "0.80,800000000000,0",
                "0.25,250000000000,0",
                "0.00,0,1"
            ]
        );
    }

    #[test]
    fn what_was_before_follows() {
        let text = render(&sample::compared());
        let ends = text.lines().map(|line| line.split(',').skip(14).collect::<Vec<_>>().join(","));
        let ends: Vec<String> = ends.collect();
        assert_eq!(ends[0], super::PREVIOUS_FIELDS.to_string());
        assert_eq!(ends[1], "3,854,0.40,400000000000,0,0.10,100000000000,25.0");
        assert_eq!(ends[4], "0,0,0.00,0,0,0.01,10000000000,");
    }

    #[test]
    fn a_window_has_its_end_and_its_account() {
        let text = blocks(&sample::blocks());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].strip_prefix("block,end,account,"), Some(super::FIELDS));
        let want = "2026-11-21T10:00:00+01:00,2026-11-21T15:00:00+01:00,/home/anna/.claude,12,1,";
        assert!(lines[2].starts_with(want), "{text}");
    }

    #[test]
    fn what_would_split_a_field_is_quoted() {
        for (name, want) in [
            ("plain name", "plain name"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("a\nb", "\"a\nb\""),
            ("", ""),
        ] {
            let text = render(&sample::of_branch(name));
            assert_eq!(
                text.split_once('\n').unwrap().1,
                format!("{want},1,1,1,2,3,4,5,0,0.000000000001,1,0,0.000000000002,2\n")
            );
        }
    }
}
