#!/usr/bin/env python3
"""What a prompt costs with odin's hook, beside a bare shell and what else people have in theirs, in one run.

    python3 bench/prompt.py                       # or: just bench
    python3 bench/prompt.py --prompts 500 bash

A shell on a pseudo-terminal is sent line after line, each once the prompt of the last is there. Rows take turns, so
what else the machine does hits all alike. Wall is the median from Enter to the prompt; CPU is user + system of the
shell with its children, from wait4(2), less that of a shell that is left at once, by the lines. Ratios are to the
bare shell. Rows:

  bare           no rc file but a prompt
  odin           the hook
  zoxide, …      as their manuals have them set up; zoxide also with --hook prompt; starship and atuin as they come
  … claude       the line runs a claude that ends at once: what noting a launch costs

Peers that are not installed are left out, and named.
"""

import argparse
import os
import pty
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHELLS = ("bash", "zsh", "fish")
PEERS = {
    "zoxide": "zoxide init {shell}",
    "zoxide, each prompt": "zoxide init {shell} --hook prompt",
    "direnv": "direnv hook {shell}",
    "starship": "starship init {shell}",
    "atuin": "atuin init {shell}",
}
# Printed behind all hooks and before the prompt is drawn; behind it a line can be typed.
MARK, PROMPT = b"<mark>", b"=> "
MARKS = {
    "bash": 'PROMPT_COMMAND+=("echo \\<mark\\>")',
    "zsh": "mark() { echo '<mark>' }; precmd_functions+=(mark)",
    "fish": "function mark --on-event fish_prompt; echo '<mark>'; end",
}
PROMPTS = {"bash": "PS1='=> '", "zsh": "PROMPT='=> '", "fish": "function fish_prompt; echo -n '=> '; end"}
RC = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish"}
PATIENCE_S = 60


class Row:
    """One line of the table: an rc file, a line that is typed, and what that took."""

    def __init__(self, name, shell, setup, home, line):
        self.name, self.shell, self.home, self.line = name, shell, home, line
        self.walls, self.cpus = [], []
        rc = home / RC[shell]
        rc.parent.mkdir(parents=True, exist_ok=True)
        rc.write_text("\n".join([PROMPTS[shell], setup, MARKS[shell]]) + "\n")

    def run(self, prompts, is_measured):
        _, idle = self.session(0)
        walls, cpu = self.session(prompts)
        if is_measured:
            self.walls += walls
            self.cpus.append((cpu - idle) / prompts)

    def session(self, lines):
        """Wall s of each line, and CPU s of the shell from its start to its end."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.home)
            os.execvpe(self.shell, [self.shell, "-i"], self.environment())
        self.await_prompt(terminal)
        walls = []
        for _ in range(lines):
            started = time.perf_counter()
            os.write(terminal, self.line.encode() + b"\r")
            self.await_prompt(terminal)
            walls.append(time.perf_counter() - started)
        os.write(terminal, b"exit\r")
        while read(terminal):
            pass
        os.close(terminal)
        _, _, usage = os.wait4(pid, 0)
        return walls, usage.ru_utime + usage.ru_stime

    def environment(self):
        home = os.fspath(self.home)
        path = f"{home}/bin:{os.environ['PATH']}"
        config = os.fspath(self.home / "starship.toml")
        return {"HOME": home, "PATH": path, "TERM": "xterm", "LC_ALL": "C.UTF-8", "STARSHIP_CONFIG": config}

    def await_prompt(self, terminal):
        seen = b""
        while PROMPT not in seen.partition(MARK)[2]:
            printed = read(terminal)
            if not printed:
                sys.exit(f"{self.shell}, {self.name}: no prompt in {seen!r}")
            seen += printed

    def wall_us(self):
        return statistics.median(self.walls) * 1e6

    def cpu_us(self):
        return statistics.median(self.cpus) * 1e6


def read(terminal):
    """What a shell printed; nothing once it has ended or if it takes too long."""
    if not select.select([terminal], [], [], PATIENCE_S)[0]:
        return b""
    try:
        return os.read(terminal, 65536)
    except OSError:  # Nobody has the terminal open any more.
        return b""


def rows_of(shell, scratch):
    hook = f"source {ROOT}/shell/odin.{shell}"
    setups = {"bare": "", "odin": hook}
    for peer, command in PEERS.items():
        if shutil.which(peer.partition(",")[0]):
            command = command.format(shell=shell)
            setups[peer] = f"{command} | source" if shell == "fish" else f'eval "$({command})"'
    for name, setup in setups.items():
        yield Row(name, shell, setup, home_of(scratch / f"{shell}-{name}"), ":")
    for name, setup in (("bare, claude", ""), ("odin, claude", hook)):
        yield Row(name, shell, setup, home_of(scratch / f"{shell}-{name}"), "claude")


def home_of(folder):
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/claude").symlink_to(shutil.which("true"))
    # The first fish of a home would read all manual pages.
    (folder / ".local/share/fish/generated_completions").mkdir(parents=True)
    (folder / "starship.toml").write_text("[character]\nsuccess_symbol = '=>'\nerror_symbol = '=>'\n")
    return folder


def table(shell, rows):
    version = subprocess.run([shell, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    yield f"| {version} | wall µs | over bare | × bare | CPU µs | over bare | × bare |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    bare = {row.line: row for row in rows if row.name.startswith("bare")}
    for row in rows:
        cells = [row.name]
        for own, base in ((row.wall_us(), bare[row.line].wall_us()), (row.cpu_us(), bare[row.line].cpu_us())):
            cells += [f"{own:,.0f}", f"{own - base:+,.0f}", f"{own / base:.2f}"]
        yield f"| {' | '.join(cells)} |"


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("shells", nargs="*", metavar="SHELL", help="bash, zsh, fish [all that are installed]")
    options.add_argument("--prompts", type=int, default=100, help="in a run of a row [%(default)s]")
    options.add_argument("--runs", type=int, default=5, help="measured runs of each row [%(default)s]")
    args = options.parse_args()

    shells = args.shells or [shell for shell in SHELLS if shutil.which(shell)]
    absent = [name for name in (*SHELLS, *PEERS) if "," not in name and not shutil.which(name)]
    load = os.getloadavg()[0]
    print(f"{args.runs} runs of {args.prompts} prompts, medians; {os.cpu_count()} cores, load {load:.1f} at the start")
    if absent:
        print(f"left out, not installed: {', '.join(absent)}")
    for shell in shells:
        with tempfile.TemporaryDirectory(prefix="odin-prompt-") as scratch:
            rows = list(rows_of(shell, Path(scratch)))
            for number in range(args.runs + 1):
                for row in rows:
                    row.run(args.prompts, is_measured=number > 0)
                print(f"\r{shell}: round {number} of {args.runs}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        print("", *table(shell, rows), sep="\n", flush=True)


if __name__ == "__main__":
    main()
