//! Sockets in use by protocol, from `sockstat` and `sockstat6` of the host's network.
//!
//! A protocol a line, and pairs of a name and a number: `TCP: inuse 4 orphan 0 tw 4 alloc 17 mem 1`. `mem` is in pages.

use rustix::param::page_size;

use super::{Error, net, read, unexpected};
use crate::config::Roots;
use crate::metrics::families::{named, sockstat};
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "sockstat";

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let net = net(roots);
    for file in ["sockstat", "sockstat6"] {
        let path = net.join(file);
        let text = match read(&path) {
            // The kernel may do without version 6.
            Err(Error::Absent { .. }) if file == "sockstat6" => break,
            text => text?,
        };
        for (name, value) in text.lines().flat_map(pairs) {
            let value = value.ok_or_else(|| unexpected(&path, &name))? as f64;
            let mut push = |name: &str, value| {
                if let Some(family) = named(sockstat::ALL, "node_sockstat_", name, "") {
                    out.push(family, &[], value);
                }
            };
            push(&name, value);
            if name.ends_with("_mem") {
                push(&format!("{name}_bytes"), value * page_size() as f64);
            }
        }
    }
    Ok(())
}

/// What a line says of its protocol, named by both.
fn pairs(line: &str) -> impl Iterator<Item = (String, Option<u64>)> {
    let (protocol, rest) = line.split_once(':').unwrap_or((line, ""));
    let mut words = rest.split_ascii_whitespace();
    std::iter::from_fn(move || {
        let name = words.next()?;
        Some((format!("{protocol}_{name}"), words.next().and_then(|value| value.parse().ok())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_pairs_of_its_protocol() {
        let read = |line| pairs(line).collect::<Vec<_>>();
        assert_eq!(
            read("FRAG: inuse 0 memory 12"),
            [("FRAG_inuse".into(), Some(0)), ("FRAG_memory".into(), Some(12))]
        );
        assert_eq!(read("RAW: inuse"), [("RAW_inuse".into(), None)]);
        assert_eq!(read(""), []);
    }
}
