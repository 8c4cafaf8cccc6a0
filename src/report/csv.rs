//! Reports as CSV (RFC 4180, but with the line ends of Unix): a header, then a line per row; no total.
//!
//! Fields are named as in the JSON. `cost_usd` is exact, with two to twelve decimals.

use super::number::exact_usd;
use super::{Amount, Report, Row};

const FIELDS: &str = "responses,sessions,input,output,cache_read,cache_write_5m,cache_write_1h,web_searches,\
                      cost_usd,cost_picousd,unpriced_responses";

pub fn render(report: &Report) -> String {
    let header = report.by.iter().map(|key| key.name()).chain([FIELDS]).collect::<Vec<_>>().join(",");
    let lines = report.leaves().map(|(rows, amount)| line(&rows, amount));
    let lines: Vec<String> = [header].into_iter().chain(lines).collect();
    lines.join("\n") + "\n"
}

fn line(rows: &[&Row], amount: &Amount) -> String {
    let names = rows.iter().map(|row| quoted(&row.name));
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
    let costs = [exact_usd(picousd), picousd.to_string(), amount.unpriced_responses.to_string()];
    names.chain(counts.map(|count| count.to_string())).chain(costs).collect::<Vec<_>>().join(",")
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
    use super::render;
    use crate::report::sample;

    #[test]
    fn a_line_holds_the_names_and_the_numbers() {
        assert_eq!(
            render(&sample::by_project_and_model()),
            "project,model,responses,sessions,input,output,cache_read,cache_write_5m,cache_write_1h,web_searches,\
             cost_usd,cost_picousd,unpriced_responses\n\
             /home/anna/work/a-long-name-for-a-service,claude-opus-5-5-20261101,12,1,100,20000,3000000,0,40000,0,1.00,1000000000000,0\n\
             /home/anna/work/a-long-name-for-a-service,claude-next,2,1,10,200,3000,400,0,0,0.00,0,2\n\
             /home/anna/odin,claude-haiku-5-5,3,1,5,60,700,80,9,0,0.50,500000000000,0\n"
        );
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
                format!("{want},1,1,1,2,3,4,5,0,0.000000000001,1,0\n")
            );
        }
    }
}
