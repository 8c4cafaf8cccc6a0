//! The collectors of the network that go by the configuration.

use std::io;
use std::sync::Arc;

use super::probes::Probes;
use crate::collector::probe::Prober;
use crate::collector::{Collector, dns, path, tcp};
use crate::config::{Config, Roots};

/// Those that run. Probes ask other hosts, so they wait to be switched on.
pub(super) fn chosen(config: &Config, roots: &Roots) -> io::Result<Vec<Box<dyn Collector>>> {
    let is_chosen = |name, is_default| config.collectors.get(name).copied().unwrap_or(is_default);
    let mut collectors: Vec<Box<dyn Collector>> = vec![];
    if is_chosen(tcp::NAME, true) {
        collectors.push(Box::new(tcp::Tcp::new(roots, &config.network)));
    }
    let mut probe = |prober: Arc<dyn Prober>| {
        collectors.push(Box::new(Probes::start(prober)?));
        io::Result::Ok(())
    };
    if is_chosen(dns::NAME, false) {
        probe(Arc::new(dns::Dns::new(roots, &config.network)))?;
    }
    if is_chosen(path::NAME, false) {
        probe(Arc::new(path::Path::new(roots, &config.network)))?;
    }
    Ok(collectors)
}
