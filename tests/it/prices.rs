//! `odin prices`, and the prices that a configuration adds.

use std::fs;
use std::io::pipe;
use std::process::Stdio;

use serde_json::Value;

use crate::cli::on_terminal;
use crate::harness::{Home, Run};

const EMBEDDED: &str = include_str!("../../core/src/pricing/claude-prices.json");

/// A home with this configuration.
fn home(config: &str) -> Home {
    let home = Home::new();
    let folder = home.path().join(".config/odin");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), config).unwrap();
    home
}

#[test]
fn prices_are_shown_without_a_ledger() {
    let home = Home::new();
    for args in ["prices", "prices opus", "prices us.anthropic.claude-opus-4-8-v1:0 --at 2026-08-01"] {
        let text = home.done(args);
        assert!(text.contains("Input") && text.contains("claude-opus-4-8"), "{args}: {text}");
        assert!(!text.contains('\u{1b}'), "{args}: {text}");
    }
    assert!(!home.state().exists());
}

#[test]
fn json_is_one_line_of_its_schema() {
    let home = home("[[prices.discount]]\npercent = 20\n");
    let text = home.done("prices claude-opus-5-5 --format json --at 2026-11-20");
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((text.lines().count(), &json["schema"]), (1, &"odin.prices/1".into()));
    assert_eq!(json["models"][0]["contract"]["discounts"][0]["percent"], "20");
}

#[test]
fn a_model_without_a_price_is_exit_code_1_and_it_is_said_what_to_do() {
    let home = Home::new();
    for format in ["table", "json"] {
        let run = home.run(&format!("prices claude-opus-6 --format {format}"));
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{run:?}");
        for what in [
            "no price for `claude-opus-6`",
            "unpriced",
            "claude-opus-5",
            "[prices.alias]",
            "[[prices.model]]",
        ] {
            assert!(run.stderr.contains(what), "{what}: {run:?}");
        }
    }
}

#[test]
fn the_advice_works() {
    for id in ["claude-opus-6", "arn:aws:bedrock:eu-west-1:1:application-inference-profile/\"odd\""] {
        let run = Run::of(&mut Home::new().odin(["prices", id]));
        let (_, advice) = run.stderr.split_once("\n\n").unwrap();
        let (alias, own) = advice
            .split_once("\n\n")
            .map(|(alias, rest)| (alias, rest.split_once("\n\n").unwrap().1))
            .unwrap();
        for config in [alias, own] {
            let priced = Run::of(&mut home(config).odin(["prices", id]));
            assert_eq!(priced.code, Some(0), "{config}: {priced:?}");
        }
    }
}

#[test]
fn a_day_that_is_none_is_wrong_usage() {
    let run = Home::new().run("prices --at yesterday");
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run:?}");
    assert!(run.stderr.contains("neither a day (2026-11-01) nor a time"), "{run:?}");
}

#[test]
fn a_slip_in_the_configuration_is_told_with_its_line() {
    for (config, want) in [
        (
            "timezone = 'UTC'\n[prices.alias]\ngateway = 'claude-opus-5.6'\n",
            "config.toml, line 3: no model `claude-opus-5.6` has prices; the nearest: claude-opus-",
        ),
        ("[[prices.discount]]\npercent = 12.5\n", "line 2, column 11"),
        ("[[prices.discount]]\npercents = '12.5'\n", "unknown field `percents`"),
        ("[prices]\nfile = 'gone.json'\n", ".config/odin/gone.json: No such file"),
    ] {
        let run = home(config).run("prices");
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{config}: {run:?}");
        assert!(run.stderr.contains(want), "{config}: {run:?}");
    }
}

#[test]
fn a_list_of_ones_own_takes_the_place_of_the_embedded_one() {
    let home = home("[prices]\nfile = 'prices.json'\n");
    let path = home.path().join(".config/odin/prices.json");
    fs::write(&path, EMBEDDED.replace("claude-opus-5-5", "claude-opus-6")).unwrap();
    assert!(home.done("prices claude-opus-6").contains(&format!("from {}", path.display())));
    assert_eq!(home.run("prices claude-opus-5-5").code, Some(1));

    fs::write(&path, EMBEDDED.replacen("\"as_of\": \"2026-11-23\"", "\"as_of\": \"2026-01-01\"", 1)).unwrap();
    assert!(home.done("prices").contains("It is older than the one that comes with odin"));
    fs::write(&path, EMBEDDED.replacen("\"entries\": [", "\"entries\": [7,", 1)).unwrap();
    let run = home.run("prices");
    assert!(
        run.code == Some(1) && run.stderr.contains("prices.json cannot be understood: invalid type"),
        "{run:?}"
    );
    assert!(run.stderr.contains(" at line "), "{run:?}");
    fs::write(&path, EMBEDDED.replacen("odin-claude-prices/1", "odin-claude-prices/2", 1)).unwrap();
    assert!(home.run("prices").stderr.contains("has the format `odin-claude-prices/2`"));
}

#[test]
fn a_terminal_gets_bold_lines_that_fit_and_no_color_is_respected() {
    let home = Home::new();
    for args in ["prices", "prices claude-haiku-5-5"] {
        let Some(bold) = on_terminal(&home, args, 80, ("NO_COLOR", "")) else { return };
        assert!(bold.contains("\u{1b}[1m"), "{bold}");
        for columns in [40, 60, 80, 120] {
            let plain = on_terminal(&home, args, columns, ("NO_COLOR", "1")).unwrap();
            assert!(!plain.contains('\u{1b}'), "{plain}");
            for line in plain.lines().map(str::trim_end) {
                let is_word = !line.trim_start().contains(' ');
                assert!(line.chars().count() <= columns as usize || is_word, "{columns}: {line}");
            }
        }
    }
}

#[test]
fn a_closed_pipe_is_no_failure_of_prices() {
    let home = Home::new();
    for args in ["prices", "prices claude-haiku-5-5", "prices --format json"] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut odin = home.odin(args.split(' '));
        let run = Run::of(odin.stdout(writer).stderr(Stdio::piped()));
        assert!(run.code == Some(0) && run.stderr.is_empty(), "{args}: {run:?}");
    }
}
