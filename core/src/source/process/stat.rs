//! What the files of `/proc` say of processes, from their text alone. See `proc(5)`.

use crate::model::process::{ProcessId, Spent};

/// How the kernel counts.
#[derive(Debug, Clone, Copy)]
pub struct Units {
    pub ticks_per_second: u64,
    pub page_bytes: u64,
}

impl Units {
    pub(super) fn ms(self, ticks: u64) -> u64 {
        ticks.saturating_mul(1000) / self.ticks_per_second.max(1)
    }
}

/// `stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    pub id: ProcessId,
    /// Its start, after boot.
    pub started_ms: u64,
    pub ppid: u32,
    pub process_group: u32,
    /// The session of terminals and `setsid`, not of Claude.
    pub terminal_session: u32,
    pub is_kernel_thread: bool,
    /// The kernel's letter for it: `R`, `S`, `D`, …
    pub state: u8,
    /// It has ended, and its parent has yet to wait for it.
    pub is_zombie: bool,
    /// Its program's name or what it calls itself, at most 15 bytes.
    pub name: String,
    /// Without I/O, which stands elsewhere.
    pub own: Spent,
    /// The same of children that ended and were waited for, and of theirs.
    pub reaped: Spent,
    pub threads: u64,
    pub rss_bytes: u64,
}

/// All processes, as they were within a few milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub processes: Vec<Stat>,
    /// Listed, but not to be read.
    pub unreadable: usize,
    /// Since boot.
    pub uptime_ms: u64,
}

/// What the client leaves in the environment of what it starts. A shell or a hook has both, a server of the Model
/// Context Protocol only the session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marker {
    /// `CLAUDE_PID`.
    pub client_pid: Option<u32>,
    /// `CLAUDE_CODE_SESSION_ID`.
    pub session: Option<String>,
}

const KERNEL_THREAD: u64 = 0x0020_0000;
const MAX_SESSION_BYTES: usize = 128;

impl Stat {
    /// The name is between the first and the last parenthesis, and may have anything in it.
    pub fn parse(text: &[u8], units: Units) -> Option<Self> {
        let open = text.iter().position(|byte| *byte == b'(')?;
        let close = text.iter().rposition(|byte| *byte == b')').filter(|close| *close > open)?;
        let pid = number(text[..open].trim_ascii())?;
        let rest = std::str::from_utf8(&text[close + 1..]).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?;
        // From field 4, ppid, to field 24, rss. Those that may be negative are not of use here.
        let mut n = [0; 21];
        for slot in &mut n {
            *slot = fields.next()?.parse().unwrap_or(0);
        }
        let [
            parent,
            process_group,
            terminal_session,
            _,
            _,
            flags,
            minor,
            reaped_minor,
            major,
            reaped_major,
            user,
            ..,
        ] = n;
        let [.., system, reaped_user, reaped_system, _, _, threads, _, start_ticks, _, rss_pages] = n;
        let spent = |user, system, minor_faults, major_faults| Spent {
            cpu_user_ms: units.ms(user),
            cpu_system_ms: units.ms(system),
            minor_faults,
            major_faults,
            ..Spent::default()
        };
        let small = |number: u64| u32::try_from(number).unwrap_or(0);
        Some(Self {
            id: ProcessId { start_ticks, pid },
            started_ms: units.ms(start_ticks),
            ppid: small(parent),
            process_group: small(process_group),
            terminal_session: small(terminal_session),
            is_kernel_thread: flags & KERNEL_THREAD != 0,
            state: state.bytes().next()?,
            is_zombie: matches!(state, "Z" | "X"),
            name: String::from_utf8_lossy(&text[open + 1..close]).into_owned(),
            own: spent(user, system, minor, major),
            reaped: spent(reaped_user, reaped_system, reaped_minor, reaped_major),
            threads,
            rss_bytes: rss_pages.saturating_mul(units.page_bytes),
        })
    }
}

impl Marker {
    /// From `environ`: of all that stands there nothing else is looked at. None where neither variable is.
    pub fn parse(environ: &[u8]) -> Option<Self> {
        let mut marker = Self::default();
        for entry in environ.split(|byte| *byte == 0) {
            if let Some(pid) = entry.strip_prefix(b"CLAUDE_PID=") {
                marker.client_pid = marker.client_pid.or(number(pid));
            } else if let Some(session) = entry.strip_prefix(b"CLAUDE_CODE_SESSION_ID=") {
                marker.session = marker.session.or_else(|| session_id(session));
            }
        }
        (marker != Self::default()).then_some(marker)
    }
}

fn session_id(bytes: &[u8]) -> Option<String> {
    let is_fit = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(byte);
    let is_id = (1..=MAX_SESSION_BYTES).contains(&bytes.len()) && bytes.iter().all(is_fit);
    is_id.then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// Bytes read from storage and written to it, from `io`.
pub(super) fn storage_io(io: &[u8]) -> Option<(u64, u64)> {
    Some((value(io, b"read_bytes:")?, value(io, b"write_bytes:")?))
}

/// From `status`; a process that has ended has none.
pub(super) fn swap_bytes(status: &[u8]) -> Option<u64> {
    value(status, b"VmSwap:").map(|kib| kib.saturating_mul(1024))
}

/// Of the main thread, from `status`.
pub(super) fn context_switches(status: &[u8]) -> Option<u64> {
    Some(value(status, b"voluntary_ctxt_switches:")? + value(status, b"nonvoluntary_ctxt_switches:")?)
}

/// From `smaps_rollup`.
pub(super) fn pss_bytes(smaps_rollup: &[u8]) -> Option<u64> {
    value(smaps_rollup, b"Pss:").map(|kib| kib.saturating_mul(1024))
}

/// The soft limit of open files, from `limits`; none where there is none.
pub(super) fn max_fds(limits: &[u8]) -> Option<u64> {
    value(limits, b"Max open files")
}

/// Seconds since boot as milliseconds, from `uptime`.
pub(super) fn uptime_ms(uptime: &[u8]) -> Option<u64> {
    let (seconds, hundredths) =
        std::str::from_utf8(uptime).ok()?.split_ascii_whitespace().next()?.split_once('.')?;
    Some(seconds.parse::<u64>().ok()?.checked_mul(1000)? + hundredths.parse::<u64>().ok()?.checked_mul(10)?)
}

/// The first number behind a name that begins a line.
fn value(text: &[u8], name: &[u8]) -> Option<u64> {
    let rest = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(name))?;
    number(rest.trim_ascii_start().split(u8::is_ascii_whitespace).next()?)
}

fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{
        Marker, Stat, Units, context_switches, max_fds, pss_bytes, storage_io, swap_bytes, uptime_ms,
    };
    use crate::model::process::{ProcessId, Spent};
    use proptest::prelude::*;

    const UNITS: Units = Units { ticks_per_second: 100, page_bytes: 4096 };
    const NUMBERS: &str = " S 8717 8716 5556 0 -1 4194304 100 2000 3 40 5 6 70 80 20 0 9 0 1289934 3133440 384 \
        18446744073709551615 94061600600064 94061600619945 140723567196976 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n";

    fn stat(name: &str) -> Stat {
        Stat {
            id: ProcessId { start_ticks: 1_289_934, pid: 8722 },
            started_ms: 12_899_340,
            ppid: 8717,
            process_group: 8716,
            terminal_session: 5556,
            is_kernel_thread: false,
            state: b'S',
            is_zombie: false,
            name: name.into(),
            own: Spent {
                cpu_user_ms: 50,
                cpu_system_ms: 60,
                minor_faults: 100,
                major_faults: 3,
                ..Spent::default()
            },
            reaped: Spent {
                cpu_user_ms: 700,
                cpu_system_ms: 800,
                minor_faults: 2000,
                major_faults: 40,
                ..Spent::default()
            },
            threads: 9,
            rss_bytes: 384 * 4096,
        }
    }

    #[test]
    fn a_name_may_have_anything_in_it() {
        for name in ["cat", "", "a b", ") R 1 (", "((", "a\nb", "tmux: server", "é", "4194304 (x)"] {
            let text = format!("8722 ({name}){NUMBERS}");
            assert_eq!(Stat::parse(text.as_bytes(), UNITS), Some(stat(name)), "{name:?}");
        }
        let text = [b"8722 (\xff)".as_slice(), NUMBERS.as_bytes()].concat();
        assert_eq!(Stat::parse(&text, UNITS), Some(stat("\u{fffd}")));
    }

    #[test]
    fn kernel_threads_and_zombies_are_told_apart() {
        let kernel = format!("8722 (kworker/u8:2-events){NUMBERS}").replace("4194304", "69238880");
        assert!(Stat::parse(kernel.as_bytes(), UNITS).unwrap().is_kernel_thread);
        let zombie = format!("8722 (sh){NUMBERS}").replace(" S ", " Z ");
        assert!(Stat::parse(zombie.as_bytes(), UNITS).unwrap().is_zombie);
    }

    #[test]
    fn a_torn_line_is_none() {
        let whole = format!("8722 (cat){NUMBERS}");
        let fields = whole.find("384").unwrap();
        for end in 0..fields {
            assert_eq!(Stat::parse(&whole.as_bytes()[..end], UNITS), None, "{end}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in any::<Vec<u8>>()) {
            Stat::parse(&text, UNITS);
            Marker::parse(&text);
            for read in [swap_bytes, context_switches, max_fds, pss_bytes, uptime_ms] {
                read(&text);
            }
            storage_io(&text);
        }
    }

    #[test]
    fn a_marker_is_two_variables_and_nothing_else() {
        let both = Marker { client_pid: Some(77), session: Some("5-a".into()) };
        let session = Marker { client_pid: None, ..both.clone() };
        let cases: [(&[u8], Option<Marker>); 8] = [
            (b"A=1\0CLAUDE_PID=77\0CLAUDE_CODE_SESSION_ID=5-a\0KEY=secret\0", Some(both.clone())),
            (b"CLAUDE_CODE_SESSION_ID=5-a\0CLAUDE_PID=77", Some(both.clone())),
            (b"CLAUDE_CODE_SESSION_ID=5-a\0CLAUDE_PID=\0", Some(session.clone())),
            (
                b"CLAUDE_PID=77\0CLAUDE_CODE_SESSION_ID=5-a\0CLAUDE_PID=78\0CLAUDE_CODE_SESSION_ID=6\0",
                Some(both),
            ),
            (b"CLAUDE_CODE_SESSION_ID=5-a\0CLAUDE_PID=-7\0", Some(session)),
            (b"CLAUDE_CODE_SESSION_ID=two words\0", None),
            (b"XCLAUDE_PID=77\0CLAUDE_PID2=77\0A=CLAUDE_PID=77\0", None),
            (b"", None),
        ];
        for (environ, marker) in cases {
            assert_eq!(Marker::parse(environ), marker, "{}", environ.escape_ascii());
        }
    }

    #[test]
    fn values_are_found_by_their_whole_name() {
        let io = b"rchar: 6976\nwchar: 1\nsyscr: 10\nsyscw: 0\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 5\n";
        assert_eq!(storage_io(io), Some((4096, 8192)));
        let status = b"Name:\tcat\nVmSwap:\t      12 kB\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t30\n";
        assert_eq!((swap_bytes(status), context_switches(status)), (Some(12 * 1024), Some(37)));
        assert_eq!(swap_bytes(b"Name:\tzombie\n"), None);
        let limits = b"Limit   Soft Limit   Hard Limit   Units\nMax open files            20000                524288    files\n";
        assert_eq!(max_fds(limits), Some(20000));
        assert_eq!(
            max_fds(b"Max open files            unlimited            unlimited            files\n"),
            None
        );
        let rollup = b"5581-7ffc ---p 00000000 00:00 0    [rollup]\nRss:     884 kB\nPss:     100 kB\nPss_Dirty:  7 kB\n";
        assert_eq!(pss_bytes(rollup), Some(102_400));
        assert_eq!(uptime_ms(b"12899.34 25000.11\n"), Some(12_899_340));
    }
}
