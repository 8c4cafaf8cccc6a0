//! Memory that waits in UDP sockets, from `udp` and `udp6` of the host's network: a socket a line, the fifth field
//! being bytes to send and bytes received, in hex (`proc_pid_net(5)`).

use super::{Error, net, read, unexpected};
use crate::config::Roots;
use crate::metrics::families::udp_queues::UDP_QUEUES;
use crate::metrics::snapshot::Builder;

pub const NAME: &str = "udp_queues";

pub fn collect(roots: &Roots, out: &mut Builder) -> Result<(), Error> {
    let net = net(roots);
    let mut found = Err(Error::Absent { path: net.clone() });
    for (file, ip) in [("udp", "v4"), ("udp6", "v6")] {
        let path = net.join(file);
        let text = match read(&path) {
            Err(Error::Absent { .. }) => continue,
            text => text?,
        };
        let (sending, received) = queued(&text).ok_or_else(|| unexpected(&path, "a socket has no queues"))?;
        out.push(&UDP_QUEUES, &[ip, "tx"], sending as f64);
        out.push(&UDP_QUEUES, &[ip, "rx"], received as f64);
        found = Ok(());
    }
    found
}

/// In all sockets together.
fn queued(text: &str) -> Option<(u64, u64)> {
    let (mut sending, mut received) = (0, 0);
    for line in text.lines().skip(1) {
        let (tx, rx) = line.split_ascii_whitespace().nth(4)?.split_once(':')?;
        sending += u64::from_str_radix(tx, 16).ok()?;
        received += u64::from_str_radix(rx, 16).ok()?;
    }
    Some((sending, received))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_of_all_sockets_add_up() {
        let text = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000015:00000000 00:00000000 00000000     0        0 2740 1
   1: 00000000:0017 00000000:0000 0A 00000001:00000A00 00:00000000 00000000     0        0 2741 1
";
        assert_eq!(queued(text), Some((0x16, 0xa00)));
        assert_eq!(queued("head\n"), Some((0, 0)));
        assert_eq!(queued("head\n 0: 00000000:0016\n"), None);
    }
}
