//! Drives on NVM Express, from `/sys/class/nvme`: a folder a controller, and what it called itself when it was found.

use super::{Error, attribute, list};
use crate::config::Roots;
use crate::metrics::families::nvme::NVME_INFO;
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "nvme";

/// In the order of labels, `device` being the second of them.
const FILES: [&str; 5] = ["cntlid", "firmware_rev", "model", "serial", "state"];

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let folder = roots.sys.join("class/nvme");
    for device in list(&folder)? {
        let values = FILES.map(|file| attribute(&folder.join(&device).join(file)).unwrap_or_default());
        let [cntlid, firmware_revision, model, serial, state] = &values;
        out.push(&NVME_INFO, &[cntlid, &device, firmware_revision, model, serial, state], 1.0);
    }
    Ok(())
}
