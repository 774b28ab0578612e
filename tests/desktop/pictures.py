#!/usr/bin/env python3
"""Makes the pictures of the README from the running program: its menu in a panel, and its dashboard.

AEROSTAT_BIN=$PWD/target/debug/aerostat PYTHONDONTWRITEBYTECODE=1 python3 tests/desktop/pictures.py docs
"""

import subprocess
import sys
import time
from pathlib import Path

import provider as providers
from agent import Agent
from provider import Provider
from rig import Rig, until
from tray import Tray

PORT = 8045
CHROMIUM = ["chromium", "--no-sandbox", "--disable-gpu", "--no-first-run", "--test-type", "--window-size=1280,800", "--hide-scrollbars", "--lang=en"]
COLOURS = "64"


def main(folder):
    folder.mkdir(exist_ok=True)
    providers.ANSWER["usage"] = {"prompt_tokens": 4210, "completion_tokens": 318, "total_tokens": 4528}
    with Rig("pictures") as rig, Provider() as first, Provider() as second:
        rig.whole()
        agent = Agent(rig, first.config("openai") + second.config("groq"), port=PORT)
        agent.until_state("running")
        for name, provider in [("work", "openai"), ("private", "openai"), ("groq", "groq")]:
            agent.add_account(name, provider)
        first.serves(used_percent=62)
        second.serves(used_percent=18)
        for _ in range(12):
            agent.chat("openai/gpt-5-mini")
            agent.chat("groq/llama-3.3-70b-versatile")
        second.is_used_up()
        agent.chat("groq/llama-3.3-70b-versatile")
        tray = Tray(rig, agent.process.pid)
        until("the panel shows the icon", tray.is_registered)
        tray.until_label("Accounts")
        # The menu counts every few seconds.
        until("the menu counts what was asked", lambda: any(item.label.startswith("Today: 25") for item in tray.items()))
        picture_of_menu(rig, folder / "tray.png")
        picture_of_dashboard(rig, agent, folder / "dashboard.png")
        agent.end()


def picture_of_menu(rig, target):
    # The panel draws the icon a moment after it took it in.
    time.sleep(2)
    rig.tool("xdotool", "mousemove", "1266", "16", "click", "3")
    time.sleep(2)
    rig.screenshot(rig.folder / "screen.png")
    rig.tool("xdotool", "key", "Escape")
    shrink(rig.folder / "screen.png", target, ["-crop", "420x348+860+0", "+repage"])


def picture_of_dashboard(rig, agent, target):
    address = agent.facts("open", "--print")["url"]
    # On the screen, since the link leads on by itself and the page never ends loading: it is live.
    browser = rig.start([*CHROMIUM, f"--user-data-dir={rig.folder}/profile", "--window-position=0,0", f"--app={address}"], "chromium.log")
    time.sleep(20)
    rig.screenshot(rig.folder / "screen.png")
    rig.end(browser)
    shrink(rig.folder / "screen.png", target, ["-crop", "1240x740+20+53", "+repage"])


def shrink(source, target, how):
    subprocess.run(["convert", source, *how, "+dither", "-colors", COLOURS, "-strip", f"PNG8:{target}"], check=True)
    print(target, target.stat().st_size, "bytes")


main(Path(sys.argv[1]))
