//! The network as collectors see it: in namespaces of the tests' own, where packets are dropped and delayed to the
//! number.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use odin::collector::dns::message::Question;
use odin::collector::dns::{Dns, PATIENCE};
use odin::collector::path::Path;
use odin::collector::probe::Prober;
use odin::collector::tcp::Tcp;
use odin::collector::{Collector, Error, netstat, qdisc, wifi};
use odin::config::Roots;
use odin::config::network::Network;
use odin::metrics::exposition::Format;
use odin::metrics::filter::Filter;
use odin::metrics::page::Page;
use odin::metrics::snapshot::Builder;
use rustix::thread::{CpuSet, LinkNameSpaceType, move_into_link_name_space, sched_getcpu, sched_setaffinity};

use crate::harness::{Home, Run, skip};
use crate::processes::start_ticks;

/// Two tunnels, one in each of two namespaces, and who carries packets between them, each so many milliseconds later.
/// Says `ready`; and when its input ends, by how many milliseconds a packet was late at most.
const RELAY: &str = r"
import ctypes, fcntl, heapq, os, select, struct, subprocess, sys, time

libc = ctypes.CDLL(None, use_errno=True)

def tunnel(namespace, address):
    fd = os.open('/run/netns/' + namespace, os.O_RDONLY)
    assert libc.setns(fd, 0x40000000) == 0
    tun = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', b'relay', 0x1001))
    subprocess.check_call(['ip', 'addr', 'add', address, 'dev', 'relay'])
    subprocess.check_call(['ip', 'link', 'set', 'relay', 'up'])
    return tun

delay = float(sys.argv[3]) / 1000
a, b = tunnel(sys.argv[1], '10.98.0.1/24'), tunnel(sys.argv[2], '10.98.0.2/24')
other, waiting, count, late = {a: b, b: a}, [], 0, 0
print('ready', flush=True)
while True:
    patience = max(0, waiting[0][0] - time.monotonic()) if waiting else None
    readable, _, _ = select.select([a, b, sys.stdin], [], [], patience)
    if sys.stdin in readable:
        break
    for tun in readable:
        packet, count = os.read(tun, 65536), count + 1
        heapq.heappush(waiting, (time.monotonic() + delay, count, other[tun], packet))
    while waiting and waiting[0][0] <= time.monotonic():
        due, _, tun, packet = heapq.heappop(waiting)
        late = max(late, time.monotonic() - due)
        os.write(tun, packet)
print(late * 1000)
";

const HERE: Ipv4Addr = Ipv4Addr::new(10, 98, 0, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(10, 98, 0, 2);

/// Two network namespaces, for as long as it lives.
struct Namespaces {
    here: String,
    there: String,
}

impl Namespaces {
    /// None: they cannot be had.
    fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name =
            |end| format!("odin-{}-{}-{end}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let namespaces = Self { here: name("here"), there: name("there") };
        for name in [&namespaces.here, &namespaces.there] {
            if let Err(why) = tried("ip", &["netns", "add", name]) {
                skip(&format!("no network namespaces: {why}"));
                return None;
            }
            done("ip", &["-n", name, "link", "set", "lo", "up"]);
        }
        Some(namespaces)
    }

    /// Joins them by a cable.
    fn join(&self) {
        let Self { here, there } = self;
        let cable =
            ["link", "add", "cable", "netns", here, "type", "veth", "peer", "name", "cable", "netns", there];
        done("ip", &cable);
        for (namespace, address) in [(here, HERE), (there, THERE)] {
            done("ip", &["-n", namespace, "addr", "add", &format!("{address}/24"), "dev", "cable"]);
            // A packet of the kernel's is one on the cable.
            done("ip", &["-n", namespace, "link", "set", "cable", "gso_max_segs", "1", "up"]);
        }
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in [&self.here, &self.there] {
            _ = tried("ip", &["netns", "del", name]);
        }
    }
}

/// Runs in a namespace, on one processor: what is sent from two may arrive in another order.
fn inside<T: Send>(namespace: &str, processor: usize, run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let file = File::open(format!("/run/netns/{namespace}")).unwrap();
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            let mut processors = CpuSet::new();
            processors.set(processor);
            sched_setaffinity(None, &processors).unwrap();
            run()
        });
        thread.join().unwrap()
    })
}

fn tried(program: &str, args: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(args).output().map_err(|error| format!("{program}: {error}"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
}

#[track_caller]
fn done(program: &str, args: &[&str]) -> String {
    tried(program, args).unwrap_or_else(|why| panic!("{program} {args:?}: {why}"))
}

/// Those of the namespace that the thread is in.
fn own_roots() -> Roots {
    Roots { proc: "/proc/thread-self".into(), ..Roots::default() }
}

/// Series and values.
type Samples = BTreeMap<String, f64>;

fn samples(collect: impl FnOnce(&mut Builder) -> Result<(), Error>) -> Samples {
    let mut out = Builder::new();
    collect(&mut out).unwrap();
    let page = Page::new([&out.build()], &Filter::All, usize::MAX).write(Format::Text);
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        (series.to_owned(), value.parse().unwrap())
    };
    lines.map(sample).collect()
}

fn sockets(tcp: &mut Tcp) -> Samples {
    samples(|out| tcp.collect(out))
}

fn counters() -> Samples {
    samples(|out| netstat::collect(&own_roots(), out))
}

#[test]
fn every_dropped_segment_is_a_retransmitted_one() {
    const BYTES: usize = 4 << 20;
    const RETRANSMITTED: &str = r#"odin_tcp_peer_retransmitted_segments_total{peer="lan"}"#;
    const SENT: &str = r#"odin_tcp_peer_sent_segments_total{peer="lan"}"#;
    let Some(namespaces) = Namespaces::new() else { return };
    let Namespaces { here, there } = &namespaces;
    let rule = "-A INPUT -p tcp --dport 9000 -m length --length 500:65535 -m statistic --mode nth --every 50 --packet 0 -j DROP";
    let iptables = |args: &str| {
        let args = format!("netns exec {there} iptables -w {args}");
        tried("ip", &args.split(' ').collect::<Vec<_>>())
    };
    if let Err(why) = iptables(rule) {
        return skip(&format!("no packet can be dropped by number: {why}"));
    }
    let dropped = || -> f64 {
        let list = iptables("-nvxL INPUT").unwrap();
        let rule = list.lines().find(|line| line.contains("DROP")).unwrap();
        rule.split_ascii_whitespace().next().unwrap().parse().unwrap()
    };
    namespaces.join();
    // The kernel sends nothing again that is not known to be lost, however long this machine sleeps.
    done("ip", &["-n", here, "route", "change", "10.98.0.0/24", "dev", "cable", "rto_min", "5s"]);
    let processor = sched_getcpu();
    let send = || {
        let mut stream = TcpStream::connect((THERE, 9000)).unwrap();
        stream.write_all(&vec![0; BYTES]).unwrap();
        // All has arrived.
        stream.read_exact(&mut [0]).unwrap();
        stream
    };
    let listener = inside(there, processor, || {
        // No more is on its way than every queue has room for, so that nothing else is lost.
        fs::write("/proc/sys/net/ipv4/tcp_rmem", "4096 65536 65536").unwrap();
        TcpListener::bind((THERE, 9000)).unwrap()
    });
    let mut looks = vec![];
    thread::scope(|scope| {
        scope.spawn(|| {
            inside(there, processor, || {
                for _ in 0..2 {
                    let (mut stream, _) = listener.accept().unwrap();
                    stream.read_exact(&mut vec![0; BYTES]).unwrap();
                    stream.write_all(&[1]).unwrap();
                    // Until the other end is closed.
                    stream.read_to_end(&mut vec![]).unwrap();
                }
            });
        });
        inside(here, processor, || {
            fs::write("/proc/sys/net/ipv4/tcp_early_retrans", "0").unwrap();
            let mut tcp = Tcp::new(&own_roots(), &Network::default());
            looks.push((sockets(&mut tcp), counters(), dropped()));
            let stream = send();
            looks.push((sockets(&mut tcp), counters(), dropped()));
            drop(stream);
            // One that comes and goes between two looks counts as well, once the kernel has told of its end.
            drop(send());
            let drops = dropped();
            let deadline = Instant::now() + Duration::from_secs(20);
            let seen = loop {
                let seen = sockets(&mut tcp);
                if seen[RETRANSMITTED] >= drops || Instant::now() > deadline {
                    break seen;
                }
            };
            looks.push((seen, counters(), drops));
        });
    });
    let [(_, before, _), after @ ..] = &looks[..] else { unreachable!() };
    let counted = |counters: &Samples| counters["odin_tcp_retransmitted_segments_total"];
    for ((seen, counters, drops), transfers) in after.iter().zip(1_u8..) {
        assert!(*drops > 50.0 * f64::from(transfers), "{drops}");
        let retransmitted = [seen[RETRANSMITTED], counted(counters) - counted(before)];
        assert_eq!(retransmitted.map(f64::to_bits), [drops.to_bits(); 2], "{retransmitted:?} of {drops}");
        assert!(seen[SENT] * 1448.0 > f64::from(transfers) * BYTES as f64, "{}", seen[SENT]);
    }
    let established = after[0].0[r#"odin_tcp_sockets{state="established",family="ipv4"}"#];
    assert_eq!(established.to_bits(), 1_f64.to_bits());
}

/// Who delays packets.
struct Relay {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Relay {
    fn start(namespaces: &Namespaces, delay_ms: u32) -> Result<Self, String> {
        let mut relay = Command::new("python3");
        relay.args(["-c", RELAY, &namespaces.here, &namespaces.there, &delay_ms.to_string()]);
        relay.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = relay.spawn().map_err(|error| format!("python3: {error}"))?;
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        if line == "ready\n" { Ok(Self { child, said }) } else { Err("no tunnels".into()) }
    }

    /// By how many milliseconds a packet was late at most.
    fn end(mut self) -> f64 {
        drop(self.child.stdin.take());
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        self.child.wait().unwrap();
        line.trim().parse().unwrap()
    }
}

#[test]
fn a_path_of_50_ms_is_a_round_trip_of_50_ms() {
    const RTT: &str = r#"odin_tcp_socket_rtt_seconds{peer="lan",stat="max"}"#;
    let mut late = vec![];
    // Where many share a processor, the relay may be late.
    for _ in 0..10 {
        let Some(namespaces) = Namespaces::new() else { return };
        let relay = match Relay::start(&namespaces, 25) {
            Ok(relay) => relay,
            Err(why) => return skip(&format!("no packet can be delayed: {why}")),
        };
        let processor = sched_getcpu();
        let listener = inside(&namespaces.there, processor, || TcpListener::bind((THERE, 9000)).unwrap());
        let rtt_ms = thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut byte = [0];
                while stream.read(&mut byte).unwrap() > 0 {
                    stream.write_all(&byte).unwrap();
                }
            });
            inside(&namespaces.here, processor, || {
                let mut stream = TcpStream::connect((THERE, 9000)).unwrap();
                for _ in 0..8 {
                    stream.write_all(&[0]).unwrap();
                    stream.read_exact(&mut [0]).unwrap();
                }
                sockets(&mut Tcp::new(&own_roots(), &Network::default()))[RTT] * 1000.0
            })
        });
        let late_ms = relay.end();
        assert!(rtt_ms > 49.9, "{rtt_ms}");
        if rtt_ms <= 52.0 {
            return;
        }
        assert!(late_ms > 0.5, "{rtt_ms} ms, though no packet was late by more than {late_ms} ms");
        late.push(late_ms);
    }
    skip(&format!("this machine delays packets by more than it is told: {late:?} ms"));
}

#[test]
fn what_another_network_than_the_hosts_has_is_not_told() {
    let Some(namespaces) = Namespaces::new() else { return };
    inside(&namespaces.here, sched_getcpu(), || {
        let mut out = Builder::new();
        let result = Tcp::new(&Roots::default(), &Network::default()).collect(&mut out);
        assert!(matches!(result, Err(Error::Absent { .. })), "{result:?}");
        assert_eq!(out.build().samples().count(), 0);
    });
}

/// What a DNS server does with a question: it is given the question and whether it came over TCP, and says how to
/// answer.
type Answers = fn(&[u8], bool) -> Vec<Vec<u8>>;

/// A DNS server of the test's own on loopback, over UDP and TCP.
fn dns_server(port: u16, answers: Answers) -> SocketAddr {
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        // Somebody else may have that port for TCP.
        match TcpListener::bind(udp.local_addr().unwrap()) {
            Ok(tcp) => break (udp, tcp),
            Err(error) => assert!(port == 0, "{error}"),
        }
    };
    let address = udp.local_addr().unwrap();
    // They end with the process.
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, asker)) = udp.recv_from(&mut buffer) {
            for answer in answers(&buffer[..length], false) {
                udp.send_to(&answer, asker).unwrap();
            }
        }
    });
    thread::spawn(move || {
        for stream in tcp.incoming() {
            let mut stream = stream.unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut question = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut question).unwrap();
            for answer in answers(&question, true) {
                let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
                // In two pieces, as it may come.
                stream.write_all(&length[..1]).unwrap();
                stream.write_all(&[&length[1..], &answer].concat()).unwrap();
            }
        }
    });
    address
}

/// The question made an answer, with these flags.
fn answer(question: &[u8], flags: [u8; 2]) -> Vec<u8> {
    let mut answer = question.to_vec();
    answer[2..4].copy_from_slice(&flags);
    answer
}

/// Series of a probe without their names' beginnings and common labels, and without those that are 0.
fn dns_probe(server: SocketAddr, patience: Duration) -> Samples {
    let dns = Dns::new(&Roots::default(), &Network::default());
    let (mut tally, epoch) = (dns.tally(), Instant::now());
    dns.probe(server, &Question::address("a.test").unwrap(), patience, &mut tally, &|| epoch.elapsed());
    let found = samples(|out| {
        tally.tell(out);
        Ok(())
    });
    let short = |series: String| {
        series
            .replace("odin_dns_", "")
            .replace(r#"probe="a.test",server="127.0.0.1","#, "")
            .replace(r#",qtype="A""#, "")
    };
    found
        .into_iter()
        .filter(|(_, value)| *value > 0.0)
        .map(|(series, value)| (short(series), value))
        .collect()
}

#[track_caller]
fn assert_dns(found: &Samples, results: &[&str], transports: &[&str]) {
    let told = found.iter().filter(|(series, _)| series.starts_with("probes_total"));
    let told: Vec<_> = told.map(|(series, count)| format!("{series} {count}")).collect();
    let results = results.iter().map(|result| format!(r#"probes_total{{result="{result}"}} 1"#));
    assert_eq!(told, results.collect::<Vec<_>>());
    for transport in ["udp", "tcp"] {
        let count = format!(r#"probe_duration_seconds_count{{transport="{transport}"}}"#);
        assert_eq!(found.contains_key(&count), transports.contains(&transport), "{found:?}");
    }
}

/// The least bucket that the only observation is in.
fn bucket<'s>(found: &'s Samples, transport: &str) -> &'s str {
    let prefix = format!(r#"probe_duration_seconds_bucket{{transport="{transport}",le=""#);
    let bounds = found.keys().filter_map(|series| series.strip_prefix(&prefix)?.strip_suffix("\"}"));
    let value = |bound: &&str| bound.parse::<f64>().unwrap_or(f64::INFINITY);
    bounds.min_by(|a, b| value(a).total_cmp(&value(b))).unwrap()
}

#[test]
fn answers_of_a_dns_server_are_told_by_what_they_say() {
    let cases: [(Answers, &[&str], &[&str]); 8] = [
        (|question, _| vec![answer(question, [0x81, 0x80])], &["noerror"], &["udp"]),
        (|question, _| vec![answer(question, [0x81, 0x82])], &["servfail"], &["udp"]),
        (|question, _| vec![answer(question, [0x81, 0x83])], &["nxdomain"], &["udp"]),
        (|question, _| vec![answer(question, [0x81, 0x85])], &["refused"], &["udp"]),
        (|question, _| vec![answer(question, [0x81, 0x84])], &["badreply"], &["udp"]),
        (
            |question, is_tcp| vec![answer(question, [if is_tcp { 0x81 } else { 0x83 }, 0x80])],
            &["noerror", "truncated"],
            &["udp", "tcp"],
        ),
        // What is cut off without an end is no answer.
        (|question, _| vec![answer(question, [0x83, 0x80])], &["badreply", "truncated"], &["udp", "tcp"]),
        // What is not the answer does not stand in its way.
        (
            |question, _| {
                let good = answer(question, [0x81, 0x80]);
                let mut wrong = answer(question, [0x81, 0x83]);
                wrong[0] ^= 0xff;
                vec![wrong, vec![], b"garbage".to_vec(), vec![0xff; 512], good.clone(), good]
            },
            &["noerror"],
            &["udp"],
        ),
    ];
    for (answers, results, transports) in cases {
        assert_dns(&dns_probe(dns_server(0, answers), PATIENCE), results, transports);
    }
}

#[test]
fn a_dns_server_that_takes_120_ms_is_in_the_bucket_of_200_ms() {
    let server = dns_server(0, |question, _| {
        thread::sleep(Duration::from_millis(120));
        vec![answer(question, [0x81, 0x80])]
    });
    let found = dns_probe(server, PATIENCE);
    assert_dns(&found, &["noerror"], &["udp"]);
    let seconds = found[r#"probe_duration_seconds_sum{transport="udp"}"#];
    assert!(seconds >= 0.12, "{seconds}");
    // A busy machine may add to it.
    assert!(seconds > 0.2 || bucket(&found, "udp") == "0.2", "{found:?}");
}

#[test]
fn a_dns_server_that_says_nothing_or_nothing_right_is_in_the_last_bucket() {
    let patience = Duration::from_millis(50);
    let found = dns_probe(dns_server(0, |_, _| vec![]), patience);
    assert_dns(&found, &["timeout"], &["udp"]);
    assert_eq!(bucket(&found, "udp"), "+Inf");
    let found = dns_probe(dns_server(0, |_, _| vec![b"no answer at all".to_vec()]), patience);
    assert_dns(&found, &["badreply"], &["udp"]);
    assert_eq!(bucket(&found, "udp"), "+Inf");
}

#[test]
fn a_dns_server_that_is_not_there_is_a_failure_of_the_network() {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_dns(&dns_probe(free, PATIENCE), &["neterr"], &["udp"]);
}

#[test]
fn echoes_tell_the_round_trip_and_what_is_lost_or_has_no_way() {
    let Some(namespaces) = Namespaces::new() else { return };
    let Namespaces { here, there } = &namespaces;
    namespaces.join();
    let lost = ["netns", "exec", there, "iptables", "-w", "-A", "INPUT", "-d", "10.98.0.3", "-j", "DROP"];
    if let Err(why) = tried("ip", &lost) {
        return skip(&format!("no packet can be dropped: {why}"));
    }
    done("ip", &["-n", there, "addr", "add", "10.98.0.3/24", "dev", "cable"]);
    done("ip", &["-n", here, "route", "add", "unreachable", "10.99.0.0/24"]);
    done("ip", &["-n", here, "route", "add", "default", "via", "10.98.0.2"]);
    let network = Network {
        path_targets: vec!["10.98.0.3".parse().unwrap(), "10.99.0.1".parse().unwrap()],
        ..Network::default()
    };
    // Once as anyone may who is let, and once as one with the right to.
    for group_range in ["0 2147483647", "1 0"] {
        let found = inside(here, sched_getcpu(), || {
            fs::write("/proc/sys/net/ipv4/ping_group_range", group_range).unwrap();
            let path = Path::new(&own_roots(), &network);
            let (mut tally, epoch) = (path.tally(), Instant::now());
            path.check().unwrap();
            path.round(&mut tally, &|| epoch.elapsed());
            samples(|out| {
                tally.tell(out);
                Ok(())
            })
        });
        let counts = found.iter().filter(|(series, value)| series.contains("packets") && **value > 0.0);
        let counts: Vec<_> = counts.map(|(series, count)| format!("{series} {count}")).collect();
        assert_eq!(
            counts,
            [
                r#"odin_path_probe_packets_total{target="10.98.0.3",result="timeout"} 1"#,
                r#"odin_path_probe_packets_total{target="10.99.0.1",result="unreachable"} 1"#,
                r#"odin_path_probe_packets_total{target="gateway4",result="reply"} 1"#,
            ],
            "{group_range}"
        );
        assert_eq!(
            found[r#"odin_path_probe_rtt_seconds_count{target="gateway4"}"#].to_bits(),
            1_f64.to_bits()
        );
        assert!(found[r#"odin_path_probe_rtt_seconds_sum{target="gateway4"}"#] > 0.0);
    }
}

#[test]
fn an_echo_over_a_path_of_50_ms_takes_50_ms() {
    let Some(namespaces) = Namespaces::new() else { return };
    let relay = match Relay::start(&namespaces, 25) {
        Ok(relay) => relay,
        Err(why) => return skip(&format!("no packet can be delayed: {why}")),
    };
    let ms = inside(&namespaces.here, sched_getcpu(), || {
        let path = Path::new(&own_roots(), &Network::default());
        let echo = || {
            let (mut tally, epoch) = (path.tally(), Instant::now());
            path.probe("there", (THERE, 0).into(), Duration::from_secs(5), &mut tally, &|| epoch.elapsed());
            let found = samples(|out| {
                tally.tell(out);
                Ok(())
            });
            found[r#"odin_path_probe_rtt_seconds_sum{target="there"}"#] * 1000.0
        };
        // A busy machine adds to it.
        let least = (0..20).map(|_| echo()).inspect(|ms| assert!(*ms >= 50.0, "{ms}")).find(|ms| *ms <= 52.0);
        least.unwrap_or(f64::INFINITY)
    });
    let late_ms = relay.end();
    if ms > 52.0 {
        skip(&format!("this machine delays packets by more than it is told, by {late_ms} ms"));
    }
}

#[test]
fn probes_wait_to_be_switched_on_and_ask_the_servers_of_the_host() {
    let Some(namespaces) = Namespaces::new() else { return };
    let home = Home::new();
    fs::create_dir_all(home.path().join("etc")).unwrap();
    fs::write(home.path().join("etc/resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
    let config = home.path().join("odin.toml");
    let page = |text: &str| {
        fs::write(&config, text).unwrap();
        let mut odin = home.odin(["agent", "--once", "--path.rootfs"]);
        odin.arg(home.path()).env("ODIN_CONFIG", &config);
        let page = Run::of_one_that_ends(&mut odin).done();
        let probes =
            page.lines().filter(|line| line.starts_with("odin_dns_probes_total") && !line.ends_with(" 0"));
        let probes: Vec<String> = probes.map(|line| line.replace("odin_dns_probes_total", "")).collect();
        probes
    };
    inside(&namespaces.here, sched_getcpu(), || {
        dns_server(53, |question, _| vec![answer(question, [0x81, 0x80])]);
        assert_eq!(page(""), [""; 0]);
        let root = r#"{probe="root",server="127.0.0.1",result="noerror"} 1"#;
        assert_eq!(page("[collectors]\ndns = true\n"), [root]);
        let name = r#"{probe="a.test",server="127.0.0.1",result="noerror"} 1"#;
        assert_eq!(page("[collectors]\ndns = true\n[network]\ndns_names = ['a.test']\n"), [name, root]);
    });
}

#[test]
fn the_tcp_sockets_of_a_session_are_told_once_each() {
    const HOLDER: &str = r"
import os, socket, sys
listener = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
unrelated = socket.socketpair()
# A child holds the same ones.
if os.fork():
    print('ready', flush=True)
sys.stdin.read()
";
    let mut holder = Command::new("python3");
    holder.args(["-c", HOLDER]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut holder) = holder.spawn() else { return skip("no python3 to hold sockets") };
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let (home, pid) = (Home::new(), holder.id());
    fs::create_dir_all(home.claude().join("sessions")).unwrap();
    let entry = format!(
        r#"{{"pid":{pid},"sessionId":"s","procStart":"{}","cwd":"/","status":"busy"}}"#,
        start_ticks(pid)
    );
    fs::write(home.claude().join(format!("sessions/{pid}.json")), entry).unwrap();
    let page = home.done("agent --once");
    drop(holder.stdin.take());
    holder.wait().unwrap();
    let told = page.lines().filter(|line| line.starts_with("odin_session_tcp_sockets"));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            r#"odin_session_tcp_sockets{session="s",state="established"} 2"#,
            r#"odin_session_tcp_sockets{session="s",state="listen"} 1"#,
        ]
    );
}

#[test]
fn queues_are_told_as_tc_tells_them() {
    let Some(namespaces) = Namespaces::new() else { return };
    let here = &namespaces.here;
    namespaces.join();
    let queue = [
        "-n", here, "qdisc", "add", "dev", "cable", "root", "tbf", "rate", "1mbit", "burst", "2kb", "limit",
        "4kb",
    ];
    if let Err(why) = tried("tc", &queue) {
        return skip(&format!("no queue can be made: {why}"));
    }
    let told_by_tc = || {
        let queues: Vec<serde_json::Value> =
            serde_json::from_str(&done("tc", &["-n", here, "-s", "-j", "qdisc", "show", "dev", "cable"]))
                .unwrap();
        let number = |name: &str| queues[0][name].as_f64().unwrap();
        ["bytes", "packets", "drops", "overlimits", "requeues"].map(number)
    };
    let (before, told, after) = inside(here, sched_getcpu(), || {
        let socket = UdpSocket::bind((HERE, 0)).unwrap();
        for _ in 0..50 {
            socket.send_to(&[0; 1000], (THERE, 9000)).unwrap();
        }
        (told_by_tc(), samples(|out| qdisc::collect(&own_roots(), out)), told_by_tc())
    });
    assert!(before[2] > 10.0, "{before:?}");
    let names = ["bytes_total", "packets_total", "drops_total", "overlimits_total", "requeues_total"];
    for (at, name) in names.iter().enumerate() {
        let value = told[&format!(r#"node_qdisc_{name}{{device="cable",kind="tbf"}}"#)];
        assert!((before[at]..=after[at]).contains(&value), "{name}: {value}, {before:?} and {after:?}");
    }
}

#[test]
fn where_there_is_no_wireless_link_none_is_made_up() {
    let mut out = Builder::new();
    let result = wifi::collect(&Roots::default(), &mut out);
    if matches!(result, Err(Error::Absent { .. })) {
        assert_eq!(out.build().samples().count(), 0);
    } else {
        result.unwrap();
    }
}
