#!/usr/bin/env python3
"""Whether `odin agent` answers a scraper while others hold its connections, under a limit of 100 processes and threads.

    python3 bench/abuse.py                        # as root, for the limit

Each attack holds its connections open while a scraper asks 40 times, each time over a new connection. The limit is a
group of cgroup v1 or v2; where none can be made, the table says so. Ends non-zero if a scrape was not answered.
"""

import argparse
import contextlib
import os
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

from agent import PATIENCE_S, ROOT, agent, rss_mib

PIDS = 100
SCRAPES = 40
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
ATTACKS = {
    "nobody else": (0, b""),
    "2,000 idle connections": (2000, b""),
    "200 readers that take nothing": (200, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 64),
    "200 heads that come byte by byte": (200, b"GET /metrics HTTP/1.1\r\nX"),
}


@contextlib.contextmanager
def limit():
    """A group with room for some processes; none where there can be none."""
    for root in ("/sys/fs/cgroup/pids", "/sys/fs/cgroup"):
        group = Path(root, f"odin-abuse-{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / "pids.max").write_text(str(PIDS))
            yield group
            return
        except FileNotFoundError:
            pass
        finally:
            group.rmdir()
    yield None


def attackers(count, port, sends):
    held = []
    for _ in range(count):
        connection = socket.socket()
        # A reader that takes nothing shall not have room for the page either.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            connection.send(sends)
        held.append(connection)
    return held


def trickle(held):
    for connection in held:
        with contextlib.suppress(OSError):
            connection.send(b"x")


def scrape(port):
    """How long a page took, in milliseconds; none: it did not come."""
    started = time.perf_counter()
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            connection.sendall(REQUEST)
            while part := connection.recv(1 << 16):
                answer += part
    except OSError:
        return None
    took = (time.perf_counter() - started) * 1000
    return took if answer.startswith(b"HTTP/1.1 200") and b"odin_build_info" in answer else None


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--odin", default=ROOT / "target/release/odin", help="the binary [target/release/odin]")
    options.add_argument("--small", default=ROOT / "target/bench/50MB-1", help="a Claude config dir [%(default)s]")
    args = options.parse_args()

    is_all_well = True
    print("| while there are | answered | p50 | peak RSS | processes and threads |\n|---|---:|---:|---:|---:|", flush=True)
    for name, (count, sends) in ATTACKS.items():
        with limit() as group, tempfile.TemporaryDirectory(prefix="odin-abuse-") as scratch:
            with agent(args.odin, args.small, scratch, group) as (pid, port):
                held = attackers(count, port, sends)
                times, most, rss = [], 0, 0.0
                for _ in range(SCRAPES):
                    trickle(held)
                    times.append(scrape(port))
                    most = max(most, len(os.listdir(f"/proc/{pid}/task")))
                    rss = max(rss, rss_mib(pid))
                came = [took for took in times if took is not None]
                is_all_well &= len(came) == SCRAPES
                p50 = f"{statistics.median(came):.1f} ms" if came else ""
                told = f"{most} of {PIDS if group else 'any number'}"
                print(f"| {name} | {len(came)} of {SCRAPES} | {p50} | {rss:.1f} MiB | {told} |", flush=True)
                for connection in held:
                    connection.close()
    sys.exit(not is_all_well)


if __name__ == "__main__":
    main()
