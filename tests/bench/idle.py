#!/usr/bin/python3
"""Measures what the agent costs while nobody uses it, beside what it may: tests/bench/idle.py

`AEROSTAT_BIN` names a release build. It needs the desktop of tests/desktop, and a machine that is otherwise quiet.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "desktop"))

from agent import PROGRAM, Agent  # noqa: E402
from rig import Rig, interrupt, until  # noqa: E402
from tray import Tray  # noqa: E402

WATCHED_SECONDS = 20
MIB = 1 << 20


def status(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def switches(pid):
    """Of all threads: what woke, whoever decided it."""
    count = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        found = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines() if ":" in line)
        count += int(found["voluntary_ctxt_switches"]) + int(found["nonvoluntary_ctxt_switches"])
    return count


def ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def measure(rig):
    began = time.monotonic()
    agent = Agent(rig)
    tray = Tray(rig, agent.process.pid)
    until("the panel took the icon in", tray.is_registered)
    shown_ms = (time.monotonic() - began) * 1000
    tray.until_label("Running on")
    pid = agent.process.pid
    # What the start has stirred up settles.
    time.sleep(5)
    before = switches(pid), ticks(pid)
    time.sleep(WATCHED_SECONDS)
    after = switches(pid), ticks(pid)
    resident = int(status(pid)["VmRSS"].split()[0]) * 1024
    threads = int(status(pid)["Threads"])
    began = time.monotonic()
    interrupt(agent.process)
    code = agent.process.wait(30)
    ended_ms = (time.monotonic() - began) * 1000
    assert code == 0, code
    return [
        ("program, MiB", PROGRAM.stat().st_size / MIB, 12, 12),
        ("resident memory, MiB", resident / MIB, 18, 14),
        ("context switches a second", (after[0] - before[0]) / WATCHED_SECONDS, 5, 5),
        (f"CPU ticks in {WATCHED_SECONDS} s", after[1] - before[1], 0, 0),
        ("icon shown, ms", shown_ms, 150, 150),
        ("SIGTERM to exit, ms", ended_ms, 100, 100),
        ("threads", threads, None, None),
    ]


def main():
    with Rig() as rig:
        figures = measure(rig.whole())
    print(f"{'':28} {'measured':>9} {'at most':>9} {'aim':>9}")
    exceeded = []
    for name, measured, most, aim in figures:
        bounds = "" if most is None else f"{most:9} {aim:9}"
        print(f"{name:28} {measured:9.1f} {bounds}")
        if most is not None and measured > most:
            exceeded.append(name)
    sys.exit(f"exceeded: {', '.join(exceeded)}" if exceeded else 0)


if __name__ == "__main__":
    main()
