#!/usr/bin/python3
"""Measures what the agent costs while nobody uses it, beside what it may: tests/bench/idle.py

`AEROSTAT_BIN` names a build with `--profile dist`. It needs the desktop of tests/desktop, and a machine that is otherwise quiet. Each figure is
of one start. MB is 10^6 bytes, MiB 2^20.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "desktop"))

from agent import PROGRAM, Agent  # noqa: E402
from rig import Rig, interrupt, until  # noqa: E402
from tray import Tray  # noqa: E402

WATCHED_SECONDS = 20
MB = 10**6
MIB = 1 << 20


def status(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def switches(pid):
    """Of each thread: what woke it, whoever decided it."""
    counts = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        found = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines() if ":" in line)
        counts[task.name] = int(found["voluntary_ctxt_switches"]) + int(found["nonvoluntary_ctxt_switches"])
    return counts


def ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def resident(pid):
    return int(status(pid)["VmRSS"].split()[0]) * 1024


def cpu_ms(pid):
    """Of all threads that live, to the nanosecond; ticks are 10 ms."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def watch(pid):
    """Context switches a second and CPU ticks, once what the start has stirred up has settled."""
    time.sleep(5)
    counts, ticked = switches(pid), ticks(pid)
    time.sleep(WATCHED_SECONDS)
    # A thread that ended in between took its count with it.
    woken = sum(count - counts.get(task, 0) for task, count in switches(pid).items())
    return woken / WATCHED_SECONDS, ticks(pid) - ticked


def end_ms(process):
    began = time.monotonic()
    interrupt(process)
    code = process.wait(30)
    assert code == 0, code
    return (time.monotonic() - began) * 1000


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port):
    body = json.dumps({"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["choices"]


def measure_headless(home):
    port = free_port()
    (home / "config.toml").write_text(f"port = {port}\n")
    environment = {"PATH": os.environ["PATH"], "AEROSTAT_HOME": str(home)}
    process = subprocess.Popen([PROGRAM, "--headless"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until("the port is open", lambda: is_open(port))
    ask(port)
    spent = cpu_ms(process.pid)
    woken, ticked = watch(process.pid)
    return [
        ("headless: start to first answer, CPU ms", spent, 25, 12),
        ("headless: resident memory, MiB", resident(process.pid) / MIB, 14, 10),
        ("headless: context switches a second", woken, 0.2, 0),
        (f"headless: CPU ticks in {WATCHED_SECONDS} s", ticked, 0, 0),
        ("headless: SIGTERM to exit, ms", end_ms(process), 100, 100),
    ]


def measure_tray(rig):
    began = time.monotonic()
    agent = Agent(rig)
    tray = Tray(rig, agent.process.pid)
    until("the panel took the icon in", tray.is_registered)
    shown_ms = (time.monotonic() - began) * 1000
    tray.until_label("Running on")
    pid = agent.process.pid
    woken, ticked = watch(pid)
    return [
        ("tray: icon shown, ms", shown_ms, 150, 150),
        ("tray: resident memory, MB", resident(pid) / MB, 18, 14),
        ("tray: context switches a second", woken, 5, 5),
        (f"tray: CPU ticks in {WATCHED_SECONDS} s", ticked, 0, 0),
        ("tray: threads", int(status(pid)["Threads"]), None, None),
        ("tray: SIGTERM to exit, ms", end_ms(agent.process), 100, 100),
    ]


def main():
    figures = [("program, MB", PROGRAM.stat().st_size / MB, 12, 8 * MIB / MB)]
    with tempfile.TemporaryDirectory() as home:
        figures += measure_headless(Path(home))
    with Rig() as rig:
        figures += measure_tray(rig.whole())
    print(f"{'':40} {'measured':>9} {'at most':>9} {'aim':>9}")
    exceeded = []
    for name, measured, most, aim in figures:
        bounds = "" if most is None else f"{most:9} {aim:9.4g}"
        print(f"{name:40} {measured:9.2f} {bounds}")
        if most is not None and measured > most:
            exceeded.append(name)
    sys.exit(f"exceeded: {', '.join(exceeded)}" if exceeded else 0)


if __name__ == "__main__":
    main()
