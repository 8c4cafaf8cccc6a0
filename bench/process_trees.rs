//! What a look at the process trees costs: `cargo bench --bench process_trees [-- PROCESSES [ROUNDS]]`.
//!
//! Fills the machine up with idle processes, makes one a client with some of them below it, and tells the CPU time of a
//! look: the registry, `/proc`, and moving the trees on. DESIGN.md bounds it by 12 ms at 600 processes. The first look
//! reads every environment once.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use odin::config::Roots;
use odin::source::process::procfs::Procfs;
use odin::source::process::trees::Trees;
use odin::source::registry;

/// In a round: the scheduler counts a running thread's time by its own ticks of some milliseconds.
const LOOKS: usize = 20;

/// Below the client.
const MEMBERS: [usize; 4] = [0, 20, 60, 200];

fn main() {
    // Cargo passes `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [role, children] = &args[..]
        && role == "idle"
    {
        return idle(children.parse().unwrap());
    }
    let number = |n: usize, default| args.get(n).map_or(default, |arg| arg.parse().unwrap());
    let (processes, rounds) = (number(0, 600), number(1, 9));
    for members in MEMBERS {
        measure(processes, members, rounds);
    }
}

/// Starts as many more, and waits until its input ends.
fn idle(children: usize) {
    let children: Vec<Child> = (0..children).map(|_| start(0)).collect();
    println!("ready");
    std::io::stdin().read_to_end(&mut vec![]).unwrap();
    for mut child in children {
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}

/// An idle process with so many below it, when they all run.
fn start(children: usize) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["idle", &children.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut String::new()).unwrap();
    child
}

fn measure(processes: usize, members: usize, rounds: usize) {
    let mut procfs = Procfs::open(&Roots::default(), false).unwrap();
    let client = start(members);
    let others = processes.saturating_sub(procfs.snapshot().unwrap().processes.len());
    let others = start(others.saturating_sub(1));
    let config_dir = tempfile::tempdir().unwrap();
    fs::create_dir(config_dir.path().join("sessions")).unwrap();
    let pid = client.id();
    let snapshot = procfs.snapshot().unwrap();
    let start_ticks = snapshot.processes.iter().find(|process| process.id.pid == pid).unwrap().id.start_ticks;
    let mut entry = fs::File::create(config_dir.path().join(format!("sessions/{pid}.json"))).unwrap();
    write!(entry, r#"{{"pid":{pid},"sessionId":"s","procStart":"{start_ticks}"}}"#).unwrap();

    let mut trees = Trees::default();
    let mut now_ms = 0;
    let mut look = |times: usize| {
        let (before, mut listed) = (cpu_ns(), 0);
        for _ in 0..times {
            let registered = registry::read(&[config_dir.path().to_path_buf()]);
            let snapshot = procfs.snapshot().unwrap();
            listed = snapshot.processes.len();
            now_ms += 5000;
            trees.update(&snapshot, &mut procfs, &registered.clients, now_ms);
        }
        let used_ms = (cpu_ns() - before) as f64 / 1e6 / times as f64;
        assert_eq!(trees.sessions()[0].members.len(), 1 + members);
        (used_ms, listed)
    };
    let (first, listed) = look(1);
    let mut used: Vec<f64> = (0..rounds).map(|_| look(LOOKS).0).collect();
    used.sort_unstable_by(f64::total_cmp);
    println!(
        "{listed} processes, {members} below a client: {:.2} ms CPU a look (best {:.2}, worst {:.2}; the first {first:.0})",
        used[rounds / 2],
        used[0],
        used[rounds - 1],
    );
    for mut child in [client, others] {
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}

/// Of this thread, as the scheduler has it.
fn cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}
