//! What makes up the cost of a session, and how the client's own figure differs from it.

use jiff::tz::TimeZone;

use super::{SECOND, local};
use crate::ledger::{ClientCount, ClientCounts, Usage};
use crate::report::number::{counted, grouped};
use crate::report::page::{Column, Page, Row};
use crate::report::text::{plain, push_cost};
use crate::report::{Amount, Priced};

const COLUMNS: [Column; 6] = [
    Column::Number("Client"),
    Column::Number("Inherited"),
    Column::Number("Known"),
    Column::Number("Later"),
    Column::Number("Unexplained"),
    Column::Number("Client's cost"),
];
const FITS: [&[usize]; 3] = [&[0, 1, 2, 3, 4, 5], &[0, 2, 4], &[4]];

/// Of what the client told of all models; none: of one it did not tell.
pub(super) fn cost(client: &ClientCounts) -> Option<i128> {
    let told = client.models.iter().filter(|of| of.client != Usage::default());
    told.map(|of| of.client_picousd.map(i128::from)).sum()
}

/// What has no response, beside the total.
fn inferred(client: &ClientCounts, decimals: u32) -> String {
    let priced = if client.is_remainder_priced { Priced::All } else { Priced::Some };
    dollars(client.remainder_picousd.into(), priced, decimals)
}

fn dollars(picousd: i128, priced: Priced, decimals: u32) -> String {
    let mut text = String::new();
    push_cost(&mut text, picousd, priced, decimals);
    text
}

/// Sums of all models.
struct Whole {
    inherited: i64,
    later: i64,
    unexplained: i64,
    /// What the ledger has and the client did not count.
    uncounted: i64,
}

impl Whole {
    fn of(client: &ClientCounts) -> Self {
        let sum = |tokens: fn(&ClientCount) -> i64| client.models.iter().map(tokens).sum();
        Self {
            inherited: sum(|of| of.inherited.tokens.total()),
            later: sum(|of| of.later.tokens.total()),
            unexplained: sum(|of| of.remainder.tokens.total()),
            uncounted: sum(|of| {
                let [client, inherited, known] =
                    [of.client, of.inherited, of.known].map(|of| of.tokens.total());
                (known - (client - inherited).max(0)).max(0)
            }),
        }
    }
}

/// All of it for people.
pub(super) fn show(
    page: &mut Page,
    client: &ClientCounts,
    [transcript, otel]: [&Amount; 2],
    zone: &TimeZone,
    decimals: u32,
) {
    page.gap();
    page.title("What the cost is made of");
    for (what, amount) in [("transcripts", transcript), ("telemetry only", otel)] {
        let cost = dollars(amount.cost_picousd, amount.priced(), decimals);
        let responses = counted(amount.responses, "response");
        page.say(2, &format!("{what}: {responses}, {}, {cost}", counted(amount.tokens.total(), "token")));
    }
    let Some(told_ms) = client.told_ms else {
        page.say(
            2,
            "The client did not say what it counted: it still runs, was killed, or is of an earlier version.",
        );
        return;
    };
    let whole = Whole::of(client);
    if whole.unexplained > 0 {
        let (tokens, cost) = (counted(whole.unexplained, "token"), inferred(client, decimals));
        page.say(2, &format!("inferred, beside the total: {tokens}, {cost}"));
        page.say(4, "The client counted them, and no response explains them: compaction, web searches, titles, answers that were lost.");
    }
    page.gap();
    page.title(&format!("What the client had counted by {}", local(told_ms, zone, SECOND)));
    if client.models.is_empty() {
        page.say(2, "Nothing.");
        return;
    }
    let rows: Vec<Row> = client.models.iter().map(|of| row(of, decimals)).collect();
    page.table("Model asked for", &COLUMNS, &FITS, &rows);
    for line in reasons(client, &whole, transcript.cost_picousd + otel.cost_picousd, decimals) {
        page.say(2, &line);
    }
}

fn row(of: &ClientCount, decimals: u32) -> Row {
    let tokens = |usage: Usage| match usage.tokens.total() {
        0 => String::new(),
        tokens => grouped(&tokens.to_string()),
    };
    let mut cells: Vec<String> =
        [of.client, of.inherited, of.known, of.later, of.remainder].map(tokens).into();
    let cost = of.client_picousd.map(|picousd| dollars(picousd.into(), Priced::All, decimals));
    cells.push(cost.unwrap_or_default());
    Row { label: plain(&of.model).into(), cells, is_sum: false }
}

/// Why the client's figure is another than the ledger's.
fn reasons(client: &ClientCounts, whole: &Whole, cost_picousd: i128, decimals: u32) -> Vec<String> {
    let Whole { inherited, later, unexplained, uncounted } = *whole;
    let mut lines = Vec::new();
    let mut say = |tokens: i64, what: &str| {
        if tokens > 0 {
            lines.push(format!("{} {what}", counted(tokens, "token")));
        }
    };
    say(inherited, "were counted in the session that it is a fork of.");
    say(later, "came after that: the session still runs, or its client was killed.");
    say(
        uncounted,
        "were not counted: the client was killed in between, or wrote its counts before it was done.",
    );
    if client.is_base_unknown {
        lines.push("It is a fork, and what its counts began with is not known: nothing was inferred.".into());
    }
    let Some(own) = cost(client) else { return lines };
    let own_text = dollars(own, Priced::All, decimals);
    let is_same = inherited + later + unexplained + uncounted == 0 && !client.is_base_unknown;
    if is_same && own_text != dollars(cost_picousd, Priced::All, decimals) {
        lines.push(format!("The same tokens cost {own_text} at the client's own prices."));
    } else if lines.is_empty() {
        lines.push(format!("The client's own figure is {own_text}."));
    } else {
        lines.push(format!("So the client's own figure is {own_text}."));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::show;
    use crate::ledger::ClientCounts;
    use crate::report::Amount;
    use crate::report::page::Page;
    use crate::report::sessions::sample;
    use jiff::tz::TimeZone;

    fn shown(client: &ClientCounts) -> String {
        let mut page = Page::new(100);
        let none = Amount::default();
        show(&mut page, client, [&none, &none], &TimeZone::UTC, 4);
        page.text(false)
    }

    #[test]
    fn each_difference_has_its_reason() {
        assert_eq!(
            shown(&sample::client()),
            "
What the cost is made of
  transcripts: 0 responses, 0 tokens, $0.0000
  telemetry only: 0 responses, 0 tokens, $0.0000
  inferred, beside the total: 300 tokens, $0.0060
    The client counted them, and no response explains them: compaction, web searches, titles,
      answers that were lost.

What the client had counted by 2026-11-21 08:00:00
Model asked for   Client  Inherited  Known  Later  Unexplained  Client's cost
─────────────────────────────────────────────────────────────────────────────
claude-haiku-5-5                               12
claude-opus-5-5    1,000        200    700                 300        $0.0300
  200 tokens were counted in the session that it is a fork of.
  12 tokens came after that: the session still runs, or its client was killed.
  So the client's own figure is $0.0300.
"
        );
    }

    #[test]
    fn what_agrees_has_its_figure_and_what_nobody_counted_says_so() {
        let mut client = sample::client();
        client.models.remove(0);
        client.models[0].inherited = client.models[0].later;
        client.models[0].known = client.models[0].client;
        client.models[0].remainder = client.models[0].later;
        assert!(shown(&client).ends_with("  The same tokens cost $0.0300 at the client's own prices.\n"));
        client.models[0].client = client.models[0].later;
        let text = shown(&client);
        assert!(text.contains("  1,000 tokens were not counted: the client was killed"), "{text}");
        client.models.clear();
        assert!(shown(&client).ends_with("by 2026-11-21 08:00:00\n  Nothing.\n"));
        assert!(shown(&ClientCounts::default()).contains("The client did not say what it counted"));
    }
}
