#!/usr/bin/env python3
"""What `odin agent` costs all day, and how soon a line is on its page.

    python3 bench/agent.py                        # or: just bench
    python3 bench/agent.py --idle-seconds 10 --large DIR

Needs corpora as bench/bench.py makes them: a small one, of which a copy grows, and a large one, which is only read.

  latency        from the end of the write of a line to the first page that has it, asked for back to back
  RSS            once ready, and after the scrapes
  scrape         back to back on one connection, median; beside node_exporter, in turns of 100, if it is installed
  forks          RSS after a live session's process had children that came and went, while pages were asked for
  idle           user + system of the agent over the large corpus while nobody asks and nothing is written

Ends non-zero only if something failed to run; being over a bound is for the reader.
"""

import argparse
import contextlib
import http.client
import json
import os
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 120
TURN = 100
WARM_PAGES = 2000
MIB = 1 << 20
MODEL = "claude-opus-5-5"
OUTPUT = f'odin_claude_tokens_total{{model="{MODEL}",type="output"}} '
BOUNDS = {"latency_ms": 250, "rss_mib": 16, "growth": 1.05, "scrape_ratio": 0.5, "idle": 0.001}


class Page:
    """A connection that pages are fetched over, one after another."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)

    def get(self, path="/metrics"):
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()

    def output(self):
        """Tokens of output that the page has of the model whose lines are appended."""
        for line in self.get("/metrics?collect[]=claude")[1].splitlines():
            if line.startswith(OUTPUT):
                return float(line.rpartition(" ")[2])
        return 0.0


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command, environment=None, group=None):
    """A program until the end of the block; in a control group, if one is given."""

    def enter():
        (group / "cgroup.procs").write_text("0")

    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=enter if group else None,
    )
    said = []
    reader = threading.Thread(target=lambda: said.extend(process.stderr), daemon=True)
    reader.start()
    try:
        yield process
    except Exception:
        print("".join(said), file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def agent(binary, config_dir, scratch, group=None):
    port = free_port()
    environment = {"HOME": scratch, "ODIN_STATE_DIR": f"{scratch}/state", "CLAUDE_CONFIG_DIR": os.fspath(config_dir)}
    with running([binary, "agent", "--listen", f"127.0.0.1:{port}"], environment, group) as process:
        await_ready(port, "/readyz")
        yield process.pid, port


def await_ready(port, path):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if Page(port).get(path)[0] == 200:
                return
        except ConnectionError:
            pass
        time.sleep(0.02)
    sys.exit(f"nothing is ready on port {port}")


def latencies(port, transcript, appends):
    page = Page(port)
    expected, waits = page.output(), []
    with open(transcript, "a", encoding="utf-8") as file:
        for number in range(appends):
            expected += 1
            file.write(line(number))
            file.flush()
            written = time.perf_counter()
            while page.output() < expected:
                if time.perf_counter() - written > PATIENCE_S:
                    sys.exit("a line never came to the page")
            waits.append((time.perf_counter() - written) * 1000)
    return waits


def line(number):
    usage = {"input_tokens": 0, "output_tokens": 1}
    message = {"id": f"msg_bench_{number}", "model": MODEL, "role": "assistant", "content": [], "usage": usage}
    message["stop_reason"] = "end_turn"
    fields = {"type": "assistant", "message": message, "requestId": f"req_bench_{number}", "uuid": f"bench-{number}"}
    fields |= {"timestamp": "2026-11-20T10:00:00.000Z", "cwd": "/work", "sessionId": "bench"}
    return json.dumps(fields, separators=(",", ":")) + "\n"


def rss_mib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / MIB


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def scrape_times(pages, scrapes):
    """Milliseconds of each page; they take turns, so what else the machine does hits all alike."""
    times = {name: [] for name in pages}
    for _ in range(scrapes // TURN):
        for name, page in pages.items():
            for _ in range(TURN):
                started = time.perf_counter()
                status, _ = page.get()
                times[name].append((time.perf_counter() - started) * 1000)
                if status != 200:
                    sys.exit(f"{name} answers {status}")
    return times


def growing(args, scratch):
    config_dir = Path(scratch, "claude")
    shutil.copytree(args.small, config_dir)
    transcript = config_dir / "projects/-bench/bench.jsonl"
    transcript.parent.mkdir()
    transcript.touch()
    with contextlib.ExitStack() as stack:
        pid, port = stack.enter_context(agent(args.odin, config_dir, scratch))
        at_start = rss_mib(pid)
        waits = latencies(port, transcript, args.appends)
        quantiles = statistics.quantiles(waits, n=100)
        yield "latency, p50 and p99", f"{quantiles[49]:.1f} and {quantiles[98]:.1f} ms", f"{BOUNDS['latency_ms']} ms"

        pages = {"odin": Page(port)}
        exporter = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
        if exporter:
            other = free_port()
            stack.enter_context(running([exporter, f"--web.listen-address=127.0.0.1:{other}"]))
            await_ready(other, "/")
            pages["node_exporter"] = Page(other)
        times = {name: statistics.median(of) for name, of in scrape_times(pages, args.scrapes).items()}
        after = rss_mib(pid)
        yield "RSS once ready", f"{at_start:.1f} MiB", f"{BOUNDS['rss_mib']} MiB"
        yield f"RSS after {args.scrapes:,} scrapes", f"{after:.1f} MiB", f"{BOUNDS['rss_mib']} MiB"
        again = scrape_times({"odin": pages["odin"]}, args.scrapes)["odin"]
        grown = rss_mib(pid) / after
        yield f"RSS after as many again ({len(again):,})", f"× {grown:.3f}", f"× {BOUNDS['growth']}"
        yield "scrape, p50", f"{times['odin']:.2f} ms", ""
        if exporter:
            ratio = times["odin"] / times["node_exporter"]
            told = f"{times['node_exporter']:.2f} ms: × {ratio:.2f}"
            yield "scrape of node_exporter, p50", told, f"× {BOUNDS['scrape_ratio']}"


def idle(args, scratch):
    with agent(args.odin, args.large, scratch) as (pid, _):
        rss = rss_mib(pid)
        # What readiness leaves to be done is no idling.
        time.sleep(2)
        before = cpu_seconds(pid)
        time.sleep(args.idle_seconds)
        used = (cpu_seconds(pid) - before) / args.idle_seconds
        yield f"idle CPU over {args.idle_seconds} s", f"{used:.3%}", f"{BOUNDS['idle']:.1%}"
        yield f"RSS once ready, {Path(args.large).name}", f"{rss:.1f} MiB", f"{BOUNDS['rss_mib']} MiB"


FORKS = """
import os, sys
sys.stdin.readline()
for _ in range(int(sys.argv[1])):
    os.waitpid(os.fork() or os._exit(0), 0)
print("done", flush=True)
sys.stdin.readline()
"""


def forks(args, scratch):
    """A live session whose process has children that come and go."""
    config_dir = Path(scratch, "claude")
    (config_dir / "sessions").mkdir(parents=True)
    with agent(args.odin, config_dir, scratch) as (pid, port), subprocess.Popen(
        [sys.executable, "-c", FORKS, str(args.forks)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as client:
        started = Path(f"/proc/{client.pid}/stat").read_text().rpartition(") ")[2].split()[19]
        entry = {"pid": client.pid, "procStart": started, "sessionId": "forks", "cwd": scratch, "status": "busy"}
        (config_dir / "sessions" / f"{client.pid}.json").write_text(json.dumps(entry))
        page, deadline = Page(port), time.monotonic() + PATIENCE_S
        while 'session="forks"' not in page.get()[1]:
            if time.monotonic() > deadline:
                sys.exit("the session is never on the page")
        # What first pages leave behind is no matter of forks.
        scrape_times({"odin": page}, WARM_PAGES)
        before = rss_mib(pid)
        client.stdin.write("\n")
        client.stdin.flush()
        while not select.select([client.stdout], [], [], 0)[0]:
            page.get()
        grown = rss_mib(pid) / before
        yield f"RSS after {args.forks:,} forks and exits", f"{rss_mib(pid):.1f} MiB", f"{BOUNDS['rss_mib']} MiB"
        yield "against before", f"× {grown:.3f}", f"× {BOUNDS['growth']}"


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--odin", default=ROOT / "target/release/odin", help="the binary [target/release/odin]")
    options.add_argument("--small", default=ROOT / "target/bench/50MB-1", help="a Claude config dir to copy [%(default)s]")
    options.add_argument("--large", default=ROOT / "target/bench/1GB-1", help="a Claude config dir to read [%(default)s]")
    options.add_argument("--appends", type=int, default=1000, help="lines [%(default)s]")
    options.add_argument("--scrapes", type=int, default=10000, help="pages [%(default)s]")
    options.add_argument("--forks", type=int, default=10000, help="children [%(default)s]")
    options.add_argument("--idle-seconds", type=int, default=60, help="to watch it for [%(default)s]")
    args = options.parse_args()

    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start", end="\n\n")
    print("| agent | | at most |\n|---|---:|---:|", flush=True)
    # What needs no corpus is given a folder that is there.
    for part, corpus in ((growing, args.small), (forks, ROOT), (idle, args.large)):
        if not Path(corpus).is_dir():
            print(f"| {part.__name__}: left out, no {corpus} | | |")
            continue
        with tempfile.TemporaryDirectory(prefix="odin-agent-") as scratch:
            for what, value, bound in part(args, scratch):
                print(f"| {what} | {value} | {bound} |", flush=True)


if __name__ == "__main__":
    main()
