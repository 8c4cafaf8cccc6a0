#!/usr/bin/env python3
"""Time and memory of odin, against the floor and against other trackers, in one run.

    python3 bench/bench.py                        # or: just bench
    python3 bench/bench.py --sizes 50MB --runs 9
    python3 bench/bench.py --corpora DIR [DIR…]   # ready-made ones, as gen_transcripts.py writes them

Everything is run once unmeasured (so the page cache is warm), then in rounds, one run of each row per round: what
else the machine does hits all rows alike. A cell is the median. CPU is user + system of the process with its
children, from wait4(2), as is the peak RSS. Rows:

  start          a program that does nothing: the cost of the process itself
  cat, rg        the floor: every transcript to /dev/null; count the lines with a usage
  ingest         `odin ingest` into an empty ledger
  report K       `odin cost report --by K --last all`, with nothing new in the transcripts
  catch-up       `odin cost report` after 50 responses were appended to a copy of the corpus
  ccusage …      the peers, native binaries, offline prices; ccusage reads everything on every run
  tokscale …     first run (empty cache), then cached; its wall time includes price fetches, which it always tries

The responses that odin counts are checked against the truth in ledger.json: a fast wrong number is none.
Ends non-zero only if something failed to run; being over a bound is for the reader.
"""

import argparse
import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GROUPINGS = ("day", "week", "month", "hour", "session", "project", "model", "branch", "agent", "day,model")
PEERS = ("ccusage@20", "@ccusage/ccusage-linux-x64@20", "@tokscale/cli-linux-x64-gnu@4")
APPENDED = 50
MIB = 1 << 20
MAX_BINARY_BYTES = 10_000_000


class Bound:
    """What DESIGN.md promises: CPU or wall seconds, and MiB."""

    def __init__(self, what, seconds, mib=None):
        self.what, self.seconds, self.mib = what, seconds, mib

    def __str__(self):
        memory = f", {self.mib} MiB" if self.mib else ""
        return f"{self.seconds * 1000:.0f} ms {self.what}{memory}"

    def verdict(self, row):
        used, best = (row.cpu, row.best(0)) if self.what == "CPU" else (row.wall, row.best(1))
        if best > self.seconds or (self.mib and row.mib > self.mib):
            return "**over**"
        return "ok" if used <= self.seconds else "best ok"


class Row:
    """One line of the table: a command, and what its runs took."""

    def __init__(self, name, argv, env=None, bound=None, before=None):
        self.name, self.argv, self.env, self.bound, self.before = name, argv, env or {}, bound, before
        self.runs = []

    def run(self, is_measured):
        if self.before:
            self.before()
        run = measure(self.argv, self.env)
        if is_measured:
            self.runs.append(run)

    def median(self, which):
        return statistics.median(run[which] for run in self.runs)

    def best(self, which):
        return min(run[which] for run in self.runs)

    cpu = property(lambda self: self.median(0))
    wall = property(lambda self: self.median(1))
    mib = property(lambda self: self.median(2))


def measure(argv, env):
    """Runs a command to its end: CPU s, wall s, peak RSS in MiB.

    Python cannot be its parent: what a process is made from counts in its peak RSS, and a fork of this one takes
    longer than a report. A small shell is, and leaves it to this process to wait for.
    """
    script = 'read -r go; "$@" </dev/null >/dev/null 2>&1 &'
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **env}
    with subprocess.Popen(["/bin/sh", "-c", script, "sh", *argv], stdin=subprocess.PIPE, env=env) as shell:
        started = time.perf_counter()
        shell.communicate(b"go\n")
    # The shell is gone; the only child left is the one that it left behind.
    _, status, usage = os.wait4(-1, 0)
    wall = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        sys.exit(f"failed with {code}: {' '.join(map(str, argv[:8]))}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024 / MIB


def adopt_orphans():
    """Makes processes whose parent ended children of this one, until it ends."""
    PR_SET_CHILD_SUBREAPER = 36
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")


# ------------------------------------------------------------------ material


def generator():
    path = Path(os.environ.get("ODIN_SHARED", ROOT.parent / "shared")) / "bench/gen_transcripts.py"
    if not path.exists():
        sys.exit(f"no corpus generator at {path}: set ODIN_SHARED")
    return path


def generate(size, cache):
    """The corpus of a size, made once."""
    corpus = cache / f"{size}-1"
    if not (corpus / "ledger.json").exists():
        shutil.rmtree(corpus, ignore_errors=True)
        print(f"making a corpus of {size} in {corpus}", file=sys.stderr)
        subprocess.run([sys.executable, generator(), "--out", corpus, "--size", size], check=True, stdout=sys.stderr)
    return corpus


def install_peers(cache):
    """The peers' native binaries by name, and ccusage's launcher; empty where npm or the network is missing."""
    folder = cache / "peers"
    modules = folder / "node_modules"
    paths = {
        "ccusage": modules / "@ccusage/ccusage-linux-x64/bin/ccusage",
        "tokscale": modules / "@tokscale/cli-linux-x64-gnu/bin/tokscale",
        "launcher": modules / "ccusage/src/cli.js",
    }
    if not all(path.exists() for path in paths.values()):
        if not shutil.which("npm"):
            print("no npm here: the peers are left out", file=sys.stderr)
            return {}
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", folder, *PEERS]
        if subprocess.run(command, stdout=sys.stderr).returncode != 0:
            print("npm cannot install the peers: they are left out", file=sys.stderr)
            return {}
    for name in ("ccusage", "tokscale"):
        paths[name].chmod(0o755)
    return paths


def version(binary):
    told = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    return told.split()[-1]


# ---------------------------------------------------------------------- rows


class Bench:
    """The rows of one corpus, and the folders that they work in."""

    def __init__(self, corpus, scratch, odin, peers):
        self.corpus, self.scratch, self.odin = corpus, scratch, odin
        self.truth = json.loads((corpus / "ledger.json").read_text())
        self.transcripts = sorted((corpus / "projects").rglob("*.jsonl"))
        self.bytes = sum(path.stat().st_size for path in self.transcripts)
        self.grown = scratch / "grown"
        self.appends = 0
        self.rows = [*self.floor(), *self.odin_rows(), *self.peer_rows(peers)]

    def floor(self):
        projects = self.corpus / "projects"
        has_rg = shutil.which("rg")
        count = ["rg", "-uuu", "-c", '"usage":'] if has_rg else ["grep", "-rc", '"usage":']
        return [
            Row("start", ["true"]),
            Row("cat", ["cat", *self.transcripts]),
            Row("rg -c" if has_rg else "grep -c", [*count, projects]),
        ]

    def odin_rows(self):
        warm, fresh, grown = (self.state(name) for name in ("warm", "fresh", "grown-state"))
        measure([self.odin, "ingest", "--quiet"], warm)
        self.check(warm, self.truth["total"]["responses"])

        shutil.copytree(self.corpus / "projects", self.grown / "projects")
        grown["CLAUDE_CONFIG_DIR"] = os.fspath(self.grown)
        measure([self.odin, "ingest", "--quiet"], grown)
        self.grown_env = grown

        first = Bound("CPU", 1.0, 32) if self.bytes > 0.9e9 else None  # DESIGN.md says it of 1 GB.
        yield Row("odin ingest", [self.odin, "ingest", "--quiet"], fresh, first, lambda: self.forget(fresh))
        for by in GROUPINGS:
            report = [self.odin, "cost", "report", "--by", by, "--last", "all"]
            yield Row(f"odin report {by}", report, warm, Bound("wall", 0.010, 16))
        yield Row(f"odin catch-up +{APPENDED}", [self.odin, "cost", "report"], grown, Bound("CPU", 0.030), self.append)

    def peer_rows(self, peers):
        if not peers:
            return
        home = self.home("ccusage")
        daily = [peers["ccusage"], "claude", "daily", "--json", "--offline"]
        env = {"HOME": home, "CLAUDE_CONFIG_DIR": os.fspath(self.corpus)}
        yield Row("ccusage daily", daily, env)
        yield Row("ccusage daily, launcher", ["node", peers["launcher"], *daily[1:]], env)
        tokscale = [peers["tokscale"], "--json", "--no-spinner", "--client", "claude"]
        first, cached = ({**env, "HOME": self.home(f"tokscale-{name}")} for name in ("first", "cached"))
        yield Row("tokscale, first", tokscale, first, None, lambda: self.forget(first, "HOME"))
        yield Row("tokscale, cached", tokscale, cached)
        # Behind odin's catch-up, so that these see the same 50.
        grown = {"HOME": home, "CLAUDE_CONFIG_DIR": os.fspath(self.grown)}
        yield Row(f"ccusage daily +{APPENDED}", daily, grown)
        yield Row(f"tokscale, cached +{APPENDED}", tokscale, {**grown, "HOME": self.home("tokscale-grown")})

    def run(self, rounds):
        for number in range(rounds + 1):
            for row in self.rows:
                row.run(is_measured=number > 0)
            print(f"\r{self.corpus.name}: round {number} of {rounds}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        self.check(self.grown_env, self.truth["total"]["responses"] + APPENDED * self.appends)

    def home(self, name):
        path = self.scratch / name
        path.mkdir(parents=True)
        return os.fspath(path)

    def state(self, name):
        """The environment of an odin with a ledger of its own."""
        home = self.home(name)
        return {"HOME": home, "ODIN_STATE_DIR": home + "/odin", "CLAUDE_CONFIG_DIR": os.fspath(self.corpus)}

    def forget(self, env, name="ODIN_STATE_DIR"):
        shutil.rmtree(env[name], ignore_errors=True)
        os.makedirs(env[name])

    def append(self):
        self.appends += 1
        command = [sys.executable, generator(), "--out", self.grown, "--append", str(APPENDED)]
        subprocess.run([*command, "--seed", str(1000 + self.appends)], check=True, stdout=subprocess.DEVNULL)

    def check(self, env, responses):
        """That the ledger has them all."""
        report = [self.odin, "cost", "report", "--last", "all", "--format", "json", "--no-ingest"]
        told = subprocess.run(report, env=env, capture_output=True, text=True, check=True).stdout
        counted = json.loads(told)["total"]["responses"]
        if counted != responses:
            sys.exit(f"{self.corpus}: odin counts {counted} responses, and there are {responses}")

    def table(self):
        cat = next(row for row in self.rows if row.name == "cat").cpu
        head = f"{self.bytes / 1e6:,.0f} MB, {len(self.transcripts):,} files"
        yield f"| {head} | CPU s | (best) | wall s | (best) | RSS MiB | CPU / cat | bound | |"
        yield "|---|---:|---:|---:|---:|---:|---:|---|---|"
        for row in self.rows:
            times = (row.cpu, row.best(0), row.wall, row.best(1))
            cells = [row.name, *(f"{seconds:.4f}" for seconds in times), f"{row.mib:.1f}", f"{row.cpu / cat:.2f}"]
            cells += [str(row.bound), row.bound.verdict(row)] if row.bound else ["", ""]
            yield f"| {' | '.join(cells)} |"


# ---------------------------------------------------------------------- main


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--sizes", default="50MB,1GB", help="of the corpora to make [%(default)s]")
    options.add_argument("--corpora", nargs="+", type=Path, metavar="DIR", help="ready-made ones instead")
    options.add_argument("--runs", type=int, default=7, help="measured runs of each row [%(default)s]")
    options.add_argument("--cache", type=Path, default=ROOT / "target/bench", help="for corpora and peers [target/bench]")
    options.add_argument("--odin", type=Path, help="binary to measure [the release, built if need be]")
    options.add_argument("--no-peers", action="store_true", help="measure odin and the floor alone")
    args = options.parse_args()

    adopt_orphans()
    odin = args.odin
    if odin is None:
        subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
        odin = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/odin"
    cache = args.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    corpora = args.corpora or [generate(size, cache) for size in args.sizes.split(",")]
    peers = {} if args.no_peers else install_peers(cache)

    size = odin.stat().st_size
    verdict = "ok" if size <= MAX_BINARY_BYTES else "**over**"
    print(f"odin {version(odin)}, {size / 1e6:.2f} MB of at most {MAX_BINARY_BYTES / 1e6:.0f} MB: {verdict}")
    for name in ("ccusage", "tokscale"):
        if name in peers:
            print(f"{name} {version(peers[name])}")
    print(f"{args.runs} runs of each row, medians; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    for corpus in corpora:
        with tempfile.TemporaryDirectory(dir=cache, prefix="run-") as scratch:
            bench = Bench(corpus.resolve(), Path(scratch), odin.resolve(), peers)
            bench.run(args.runs)
        print("", *bench.table(), sep="\n", flush=True)
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
