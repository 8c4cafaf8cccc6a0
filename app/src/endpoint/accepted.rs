//! What a client says it takes: `Accept` and `Accept-Encoding` (RFC 9110 §12.5).

/// Whether an `Accept` header asks for `OpenMetrics`: who names it, in version 1.0.0, and does not rather have text in
/// Prometheus' format. Text is for whoever asks for neither, as a browser does.
pub fn wants_open_metrics(accept: &str) -> bool {
    let (mut text, mut open_metrics) = (0, 0);
    for wanted in list(accept) {
        let is = |name, version| {
            wanted.name.eq_ignore_ascii_case(name) && wanted.version.is_none_or(|wanted| wanted == version)
        };
        if is("application/openmetrics-text", "1.0.0") {
            open_metrics = open_metrics.max(wanted.weight);
        } else if is("text/plain", "0.0.4") {
            text = text.max(wanted.weight);
        }
    }
    open_metrics > 0 && open_metrics >= text
}

/// Whether an `Accept-Encoding` header wants gzip rather than the bytes as they are.
pub(super) fn wants_gzip(accept_encoding: &str) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for wanted in list(accept_encoding) {
        let weight = match wanted.name {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => &mut gzip,
            name if name.eq_ignore_ascii_case("identity") => &mut identity,
            "*" => &mut any,
            _ => continue,
        };
        *weight = Some(wanted.weight);
    }
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && identity.is_none_or(|identity| gzip >= identity)
}

struct Wanted<'h> {
    name: &'h str,
    version: Option<&'h str>,
    /// In thousandths, as fine as a client can say.
    weight: u16,
}

fn list(header: &str) -> impl Iterator<Item = Wanted<'_>> {
    header.split(',').filter_map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let mut wanted = Wanted { name, version: None, weight: 1_000 };
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match key.trim() {
                "q" | "Q" => wanted.weight = thousandths(value),
                "version" => wanted.version = Some(value),
                _ => {}
            }
        }
        Some(wanted)
    })
}

/// A weight that is none counts as "not at all": it was not asked for in any way that is known.
fn thousandths(value: &str) -> u16 {
    match value.parse::<f32>() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        Ok(weight) if (0.0..=1.0).contains(&weight) => (weight * 1_000.0).round() as u16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_come_in_the_format_asked_for() {
        let prometheus_3 = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
            encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
            application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
            text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
            version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let text_only = "text/plain;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3";
        for (accept, wants) in [
            (prometheus_3, true),
            (prometheus_2, true),
            (text_only, false),
            ("", false),
            ("*/*", false),
            ("text/html,application/xhtml+xml,*/*;q=0.8", false),
            ("application/json", false),
            ("application/openmetrics-text", true),
            ("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8", true),
            ("application/openmetrics-text; version=0.0.1", false),
            ("application/openmetrics-text; version=2.0.0", false),
            ("application/openmetrics-text;q=0", false),
            ("application/openmetrics-text;q=0.3, text/plain;q=0.7", false),
            ("application/openmetrics-text;q=NaN", false),
            (";;,,q=1;=", false),
        ] {
            assert_eq!(wants_open_metrics(accept), wants, "{accept}");
        }
    }

    #[test]
    fn gzip_is_for_those_who_want_it() {
        for (accept_encoding, wants) in [
            ("gzip", true),
            ("GZIP", true),
            ("gzip, deflate, br", true),
            ("deflate, gzip;q=0.5", true),
            ("x-gzip", true),
            ("*", true),
            ("identity;q=0.5, *;q=0.5", true),
            ("", false),
            ("identity", false),
            ("deflate", false),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("*, gzip;q=0", false),
            ("identity, gzip;q=0.2", false),
            ("gzip;q=2", false),
            ("gzipped", false),
        ] {
            assert_eq!(wants_gzip(accept_encoding), wants, "{accept_encoding}");
        }
    }
}
