#!/usr/bin/env python3
"""What a refresh of the status line costs, beside `ccusage statusline`, in one run.

    python3 bench/statusline.py                       # 50 MB and 1 GB, if the corpora are there
    python3 bench/statusline.py --sizes 50MB --refreshes 50

Each refresh is a process that reads what a client writes, with a new state of the context each time, so that there is
something to keep. Rows take turns, so what else the machine does hits all alike. Wall, CPU (user + system) and memory
(peak resident) are medians, from wait4(2). Ratios are to odin of the same corpus. Rows:

  odin                 `odin statusline` over a ledger that an `odin ingest` has made
  odin, agent          the same beside a running agent, which takes in what is kept
  ccusage              as its manual has it, with its cache; its own price list, no network
  ccusage, no cache    what it costs when the cache is too old

Peers that are not installed are left out, and named: npm install --prefix target/bench/peers ccusage.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 120


class Row:
    """One line of the table: a command, and what it took."""

    def __init__(self, name, command, environment):
        self.name, self.command, self.environment = name, command, environment
        self.walls, self.cpus, self.peaks = [], [], []

    def run(self, told):
        with tempfile.TemporaryFile() as stdin:
            stdin.write(told)
            stdin.seek(0)
            started = time.perf_counter()
            child = subprocess.Popen(self.command, env=self.environment, stdin=stdin, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"{self.name}: exit code {child.returncode}")
        self.walls.append(wall)
        self.cpus.append(usage.ru_utime + usage.ru_stime)
        self.peaks.append(usage.ru_maxrss * 1024)

    def medians(self):
        return [statistics.median(values) for values in (self.walls, self.cpus, self.peaks)]


def told_by_a_client(config_dir, tokens):
    transcript = next(config_dir.glob("projects/*/*.jsonl"))
    told = {
        "session_id": transcript.stem,
        "transcript_path": os.fspath(transcript),
        "cwd": os.fspath(ROOT),
        "model": {"id": "claude-opus-5-5", "display_name": "Opus 5.5"},
        "workspace": {"current_dir": os.fspath(ROOT), "project_dir": os.fspath(ROOT), "added_dirs": []},
        "version": "2.1.330",
        "cost": {"total_cost_usd": 1.25, "total_duration_ms": 58292, "total_api_duration_ms": 5125},
        "context_window": {"total_input_tokens": tokens, "context_window_size": 1000000, "used_percentage": 2},
        "rate_limits": {"five_hour": {"used_percentage": 23.5, "resets_at": int(time.time()) + 7200}},
    }
    return json.dumps(told).encode()


def environment(home, config_dir):
    return {
        "HOME": os.fspath(home),
        "PATH": os.environ["PATH"],
        "ODIN_STATE_DIR": os.fspath(home / "state"),
        "CLAUDE_CONFIG_DIR": os.fspath(config_dir),
    }


def rows_of(odin, ccusage, scratch, config_dir):
    plain, kept, peer = (home_of(scratch / name) for name in ("odin", "agent", "peer"))
    yield Row("odin", [odin, "statusline"], environment(plain, config_dir))
    yield Row("odin, agent", [odin, "statusline"], environment(kept, config_dir))
    if ccusage:
        command = [ccusage, "statusline", "--offline"]
        yield Row("ccusage", command, environment(peer, config_dir))
        yield Row("ccusage, no cache", [*command, "--no-cache"], environment(peer, config_dir))


def home_of(folder):
    folder.mkdir()
    return folder


def start_agent(odin, row):
    """Beside it refreshes are taken in while they are measured."""
    command = [odin, "agent", "--listen", "127.0.0.1:0"]
    agent = subprocess.Popen(command, env=row.environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE_S
    for line in agent.stderr:
        if "/metrics" in line:
            return agent
        if time.monotonic() > deadline:
            break
    sys.exit("the agent did not start")


def table(size, rows):
    yield f"| {size} | wall ms | × | CPU ms | × | MiB | × |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    base = rows[0].medians()
    for row in rows:
        cells = [row.name]
        for own, of_odin, scale in zip(row.medians(), base, (1e3, 1e3, 1 / (1 << 20))):
            cells += [f"{own * scale:,.1f}", f"{own / of_odin:.1f}"]
        yield f"| {' | '.join(cells)} |"


def measure(size, config_dir, odin, ccusage, refreshes):
    with tempfile.TemporaryDirectory(prefix="odin-statusline-") as scratch:
        rows = list(rows_of(odin, ccusage, Path(scratch), config_dir))
        for row in rows[:2]:
            # Some lines of the corpora are damaged, which it says.
            subprocess.run([odin, "ingest", "--quiet"], env=row.environment, check=False, stderr=subprocess.DEVNULL)
        agent = start_agent(odin, rows[1])
        try:
            for refresh in range(refreshes + 1):
                told = told_by_a_client(config_dir, 15000 + refresh)
                for row in rows:
                    row.run(told)
        finally:
            agent.send_signal(signal.SIGTERM)
            agent.stderr.close()
            agent.wait()
        for row in rows:
            # The first one fills caches.
            row.walls, row.cpus, row.peaks = row.walls[1:], row.cpus[1:], row.peaks[1:]
        for line in table(size, rows):
            print(line)
        print()


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--sizes", default="50MB,1GB", help="corpora of bench/bench.py [%(default)s]")
    options.add_argument("--corpora", type=Path, default=ROOT / "target/bench", help="where they are [%(default)s]")
    options.add_argument("--refreshes", type=int, default=20, help="of each row [%(default)s]")
    options.add_argument("--odin", default=os.fspath(ROOT / "target/release/odin"))
    args = options.parse_args()

    installed = args.corpora / "peers/node_modules/.bin/ccusage"
    ccusage = shutil.which("ccusage") or (os.fspath(installed) if installed.exists() else None)
    load = os.getloadavg()[0]
    print(f"{args.refreshes} refreshes of each, medians; {os.cpu_count()} cores, load {load:.1f} at the start")
    if not ccusage:
        print("left out, not installed: ccusage")
    for size in args.sizes.split(","):
        config_dir = args.corpora / f"{size}-1"
        if config_dir.is_dir():
            measure(size, config_dir, args.odin, ccusage, args.refreshes)
        else:
            print(f"left out, no corpus at {config_dir}: bench/bench.py makes it")


if __name__ == "__main__":
    main()
