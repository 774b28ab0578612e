#!/usr/bin/python3
"""Drives the agent on a real desktop without a screen: tests/desktop/run.py [case …]

Needs what tests/run installs for the step `desktop`. `AEROSTAT_BIN` names the program. Screenshots go to `SHOTS`, by default
target/tests/desktop.
"""

import inspect
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from agent import Agent, OlderAgent, free_port  # noqa: E402
from notices import Daemon  # noqa: E402
from provider import Provider  # noqa: E402
from rig import Rig, interrupt, is_alive, until  # noqa: E402
from tray import Tray  # noqa: E402

TREE = Path(__file__).resolve().parents[2]
SHOTS = Path(os.environ.get("SHOTS", TREE / "target/tests/desktop"))
BLUE, GREY, ORANGE, PURPLE = "2b83d6", "7c8794", "d9730d", "9a5bd6"


def main_colour(tray):
    """Where lines are thin, few of their pixels are not mixed with what lies behind."""
    colours = tray.colours()
    return max(colours, key=colours.get, default=None)


def tooltip(tray):
    _icon, _pictures, title, text = tray.property("ToolTip")
    return title + text


def started(rig, **options):
    agent = Agent(rig, **options)
    tray = Tray(rig, agent.process.pid)
    until("the panel took the icon in", tray.is_registered)
    return agent, tray


# The menu


def case_the_menu_says_how_it_stands_and_stops_and_starts():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label(f"Running on 127.0.0.1:{agent.port}")
        tray.until_label("Today: no requests yet")
        order = [item.label.split(" (")[0].split(":")[0] for item in tray.items()]
        assert order == [
            "Running on 127.0.0.1", "Today", "Stop serving", "---", "Open dashboard", "Copy base URL",
            "Connect a program…", "---", "Accounts", "Scheduling", "---",
            "Start at login", "Pause notifications for an hour", "---", "Quit",
        ], order
        tray.click("Stop serving")
        tray.until_label("Start serving")
        assert tray.items()[0].label == "Stopped"
        assert not agent.answers() and agent.state() == "stopped"
        tray.click("Start serving")
        tray.until_label("Running on")
        assert agent.answers()


def case_the_menu_counts_what_was_today():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Today: no requests yet")
        assert agent.chat("demo") == 200
        tray.until_label("Today: 1 request · ")
        assert agent.chat("demo") == 200
        tray.until_label("Today: 2 requests · ")
        (agent.home / "config.toml").write_text(f"port = {agent.port}\n[record]\nenabled = false\n")
        until("what is not recorded is not counted", lambda: not any(label.startswith("Today") for label in tray.labels()))


def case_the_tray_and_its_notices_speak_the_language_of_the_system():
    with Rig() as rig:
        rig.env.pop("LC_ALL", None)
        agent, tray = started(rig.whole(), LANG="de_DE.UTF-8")
        tray.until_label(f"Läuft auf 127.0.0.1:{agent.port}")
        tray.until_label("Heute: noch keine Anfragen")
        order = [item.label.split(" (")[0].split(":")[0] for item in tray.items()]
        assert order == [
            "Läuft auf 127.0.0.1", "Heute", "Dienst stoppen", "---", "Übersicht öffnen", "Basis-URL kopieren",
            "Programm verbinden…", "---", "Konten", "Verteilung",
            "---", "Bei Anmeldung starten", "Benachrichtigungen eine Stunde pausieren", "---", "Beenden",
        ], order
        assert agent.state() == "running", "what scripts read stays as it is"
        tray.click("Dienst stoppen")
        tray.until_label("Dienst starten")
        assert tray.items()[0].label == "Gestoppt"


def case_the_icon_shows_the_state():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        until("the icon is blue", lambda: main_colour(tray) == BLUE)
        width, height, pixels = tray.pixels()
        assert (width, height, len(pixels)) == (64, 64, 64 * 64 * 4)
        agent.run("stop")
        until("the icon is grey", lambda: main_colour(tray) == GREY)
        agent.run("start")
        agent.run("config", "set", "auth_mode", "strict", "allow_lan_access", "true")
        until("the icon is purple", lambda: main_colour(tray) == PURPLE)
        text = (agent.home / "config.toml").read_text()
        (agent.home / "config.toml").write_text(f"{text}\n\nport_ = 1\n")
        until("the icon has a sign", lambda: ORANGE in tray.colours())
        # Attention hides neither that others can call nor what is wrong.
        assert PURPLE in tray.colours()
        first, needed = tray.items()[:2]
        line = len(text.splitlines()) + 3
        assert first.label == f"Configuration not used: line {line} · open to the local network", tray.labels()
        assert needed.label.startswith(f"! Fix config.toml:{line}:"), tray.labels()
        assert first.label in tooltip(tray) and agent.run("status").stdout.startswith(first.label)
        tray.click(needed.label)
        until("the file or the page that explains it was opened", agent.opened)


def case_the_mouse_opens_the_menu():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        until("the panel has drawn the icon", lambda: BLUE in colours_on_screen(rig, "32x32+1248+0"))
        rig.tool("xdotool", "mousemove", "1266", "16", "click", "3")
        until("a menu is on the screen", lambda: menu_is_shown(rig))
        SHOTS.mkdir(parents=True, exist_ok=True)
        rig.screenshot(SHOTS / "menu.png")
        # The second item, from below the state line: it stops the proxy.
        rig.tool("xdotool", "key", "Down", "Return")
        agent.until_state("stopped")


def colours_on_screen(rig, place):
    shot = rig.folder / "icon.png"
    rig.tool("import", "-window", "root", "-crop", place, "+repage", str(shot))
    return rig.tool("convert", str(shot), "-unique-colors", "-depth", "8", "txt:").lower()


def menu_is_shown(rig):
    """Whether the part of the screen below the panel's right end is no longer black."""
    shot = rig.folder / "shot.png"
    rig.tool("import", "-window", "root", "-crop", "200x150+1070+40", str(shot))
    mean = rig.tool("convert", str(shot), "-colorspace", "gray", "-format", "%[fx:mean]", "info:")
    return float(mean) > 0.3


def case_a_left_click_opens_the_dashboard():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        # A double click opens one page.
        tray.activate()
        tray.activate()
        until("the browser was started", agent.opened)
        tray.click("Open dashboard")
        until("the browser was started again", lambda: len(agent.opened()) > 1)
        assert len(agent.opened()) == 2
        # Both lead in: a browser may take its time.
        for opened in agent.opened():
            file = Path(urllib.parse.unquote(urllib.parse.urlsplit(opened).path))
            assert Browser(link_in(file)).enter()[0] == 200, opened
            assert not file.exists()


def case_the_base_url_is_copied():
    with Rig() as rig:
        agent, tray = started(rig.whole(), config='auth_mode = "strict"\n')
        tray.until_label("Running on")
        for form, expected in [("OpenAI", f"http://127.0.0.1:{agent.port}/v1"), ("Gemini", f"http://127.0.0.1:{agent.port}")]:
            tray.click("Copy base URL", f"{form}: {expected}")
            tray.until_label("Copy base URL", f"{form}: {expected} — copied")
            assert rig.tool("xclip", "-o", "-selection", "clipboard") == expected
        tray.click("Copy base URL", "API key")
        tray.until_label("Copy base URL", "API key — copied")
        assert rig.tool("xclip", "-o", "-selection", "clipboard") == agent.run("key", "show").stdout.strip()
        until("the mark goes away", lambda: not tray.find("Copy base URL", "API key — copied"))


def case_scheduling_is_a_choice_of_one():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Scheduling: Balance")
        tray.click("Scheduling", "Drain")
        tray.until_label("Scheduling: Drain")
        ticks = [item.label.split(":")[0] for item in tray.find("Scheduling").children if item.is_ticked]
        assert ticks == ["Drain"], ticks
        assert agent.facts("config", "get", "scheduling.mode")["value"] == "drain"
        agent.run("config", "set", "scheduling.mode", "performance")
        tray.until_label("Scheduling: Performance")


def case_a_toggle_that_fails_sets_its_tick_back_and_says_why():
    with Rig() as rig:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig)
        tray.until_label("Running on")
        # The configuration can no longer be written.
        (agent.home / "config.toml").write_text("port = wrong")
        notices.wait_for("The changed configuration is not used")
        tray.click("Scheduling", "Drain")
        notices.wait_for("That did not work")
        until("the tick is back", lambda: tray.find("Scheduling: Balance", "Balance").is_ticked)
        assert not tray.find("Scheduling", "Drain").is_ticked


def case_accounts_are_switched_off_and_on():
    with Rig() as rig:
        agent, tray = started(rig.whole(), config="[providers.ollama]\n")
        tray.until_label("Accounts (1)")
        for is_on, label in [(False, "ollama — Off"), (True, "ollama — Ready")]:
            tray.click("Accounts", "ollama")
            tray.until_label("Accounts", label)
            assert tray.find("Accounts", "ollama").is_ticked == is_on
            assert agent.facts("account", "show", "ollama")["enabled"] == is_on


def case_of_many_accounts_those_that_need_a_person_come_first():
    with Rig() as rig, Provider() as provider:
        agent, tray = started(rig.whole(), config=provider.config())
        # An underscore marks no access key.
        names = [f"acct_{number:02}" for number in range(12)]
        for name in names:
            agent.add_account(name)
        tray.until_label("Accounts (12)")
        agent.run("account", "set", names[-1], "--expires", "2020-01-01")
        tray.until_label("Accounts (12, 1 needs attention)")
        labels = [item.label for item in tray.find("Accounts").children]
        assert labels[:2] == [f"{names[-1]} — Expired", f"{names[0]} — Ready"], labels
        assert labels[9:] == [f"{names[8]} — Ready", "More in dashboard…", "---", "Add account…"], labels
        tray.click("Accounts", "More in dashboard")
        until("the browser was started", agent.opened)


def case_a_provider_without_an_account_is_an_offer():
    with Rig() as rig, Provider() as provider:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig, config=provider.config())
        tray.until_label("Running on")
        tray.until_label("Accounts (none yet)", "Add an account for lab…")
        assert main_colour(tray) == BLUE and notices.shown == []
        # Its command works as it is printed.
        said = urllib_error(agent, "lab/m")
        command = said.split("`aerostat ")[1].split("`")[0].split()
        done = subprocess.run([agent.program, *command, "--stdin"], input="sk-0123456789abc", env=rig.env, capture_output=True, text=True)
        assert done.returncode == 0, done
        tray.until_label("Accounts (1)", "lab — Ready")


def urllib_error(agent, model):
    """What a client reads whose request fails."""
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "hi"}}]}}'.encode()
    request = urllib.request.Request(f"http://127.0.0.1:{agent.port}/v1/chat/completions", body, {"content-type": "application/json"})
    try:
        urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        return error.read().decode()
    raise AssertionError("it was served")


def case_long_names_stay_distinguishable_and_used_shares_stand_beside():
    with Rig() as rig, Provider() as provider:
        agent, tray = started(rig.whole(), config=provider.config())
        names = ["team-of-the-research-laboratory-in-" + city for city in ["berlin", "munich"]]
        for name in names:
            agent.add_account(name)
        provider.serves(used_percent=45)
        assert agent.chat() == 200
        tray.until_label("Accounts (2)")
        labels = until("a share is shown", lambda: [
            labels for labels in [[item.label for item in tray.find("Accounts").children]] if any(" 45 % of " in label for label in labels)
        ])[0]
        assert "berlin — " in labels[0] and "munich — " in labels[1], labels
        assert any(", 45 % of requests used, resets " in label for label in labels), labels


def case_an_idle_tray_wakes_for_nothing():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        # What the start still has to do is done by then.
        time.sleep(25)
        before = switches(agent.process.pid)
        time.sleep(10)
        woken = {name: count - before.get(name, 0) for name, count in switches(agent.process.pid).items()}
        assert sum(woken.values()) <= 10, woken


def switches(pid):
    """How often each thread of a process went to sleep."""
    counts = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = f"{task.name} {(task / 'comm').read_text().strip()}"
        status = (task / "status").read_text()
        counts[name] = int(status.split("voluntary_ctxt_switches:")[1].split()[0])
    return counts


def case_a_recent_problem_is_explained():
    with Rig() as rig, Provider() as provider:
        agent, tray = started(rig.whole(), config=provider.config())
        agent.add_account("work")
        provider.is_used_up()
        assert agent.chat() == 429
        item = tray.until_label("Recent problem: lab/m (429)")
        words = " ".join(line.label for line in item.children)
        assert words.startswith("You exceeded your current quota. Ask again after "), words
        assert words.endswith("More in dashboard…"), words


def case_the_menu_changes_at_most_four_times_a_second():
    with Rig() as rig, Provider() as provider:
        agent, tray = started(rig.whole(), config=provider.config())
        agent.add_account("work")
        tray.until_label("Accounts (1)", "work — Ready")
        changes = tray.record_changes()
        toggling = threading.Thread(target=lambda: [agent.run("account", verb, "work") for verb in ["disable", "enable"] * 40])
        began = time.monotonic()
        toggling.start()
        # The signals are heard meanwhile.
        until("all is toggled", lambda: not toggling.is_alive())
        agent.run("account", "disable", "work")
        tray.until_label("Accounts (1)", "work — Off")
        seconds = time.monotonic() - began
        until("the last change was signalled", changes.bursts)
        assert 1 <= changes.bursts() <= 4 * seconds + 2, f"{changes.bursts()} in {seconds:.1f} s"


def case_quit_ends_it_cleanly():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.click("Quit")
        assert agent.process.wait(30) == 0
        assert not agent.answers()


# Lifecycle


def case_a_second_start_opens_the_dashboard_of_the_first():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        second = agent.run()
        assert "runs already" in second.stdout, second.stdout
        until("the browser was started", agent.opened)
        assert is_alive(agent.process)
        # At login nothing opens.
        agent.run("--at-login")
        assert len(agent.opened()) == 1


def case_a_second_start_beside_an_older_one_offers_to_take_over():
    with Rig() as rig:
        rig.whole()
        notices = Daemon(rig)
        agent = Agent(rig, starts=False)
        older = OlderAgent(agent.home)
        second = agent.spawn()
        notices.wait_for("Aerostat 0.0.1 still runs")
        assert until("it has ended", lambda: second.poll() is not None) and second.returncode == 0
        assert "--take-over" in agent.log_text()
        agent.process = agent.spawn("--take-over")
        until("the older one was told to end", lambda: older.has_ended)
        agent.until_state("running")
        assert agent.facts("status")["pid"] == agent.process.pid
        agent.end()


def case_what_a_killed_agent_left_behind_does_not_block():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        agent.process.kill()
        agent.process.wait()
        assert (agent.home / "lock").exists() and (agent.home / "control.sock").exists()
        agent.process = agent.spawn()
        agent.until_state("running")
        agent.end()


def case_a_start_that_fails_is_told_on_the_desktop():
    with Rig() as rig:
        rig.whole()
        notices = Daemon(rig)
        agent = Agent(rig, config='auth_mode = "<b>"\n', arguments=["--at-login"])
        notice = notices.wait_for("Aerostat does not run")
        assert "config.toml:2:" in notice.body and "<b>" not in notice.body, notice.body
        assert until("it has ended", lambda: agent.process.poll() is not None) and agent.process.returncode == 1


def case_a_start_at_login_opens_no_window():
    with Rig() as rig:
        agent, tray = started(rig.whole(), arguments=["--at-login"])
        tray.until_label("Running on")
        assert agent.opened() == []
        windows = rig.tool("xwininfo", "-root", "-tree")
        assert "erostat" not in windows, windows


def case_sigterm_ends_it_fast():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        interrupt(agent.process)
        assert agent.process.wait(30) == 0


def case_the_end_of_a_session_ends_it_cleanly():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        # As systemd ends a session: both, one after the other.
        interrupt(agent.process)
        interrupt(agent.process, signal.SIGHUP)
        assert agent.process.wait(30) == 0


def case_stopped_stays_stopped_over_a_restart():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.click("Stop serving")
        agent.until_state("stopped")
        agent.end()
        agent.process = agent.spawn()
        tray = Tray(rig, agent.process.pid)
        tray.until_label("Stopped")
        assert not agent.answers()


# The dashboard


def link_in(file):
    return file.read_text().split("0;url=")[1].split('"')[0].replace("&amp;", "&")


class Browser:
    """Follows a link as a browser does, with a cookie of its own."""

    def __init__(self, link):
        self.cookie, self.link, self.token = None, link, ""
        parts = urllib.parse.urlsplit(link)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.base = f"{self.origin}/{parts.path.split('/')[1]}/"

    def ask(self, url, form=None, headers=()):
        data = urllib.parse.urlencode({"token": self.token, **form}).encode() if form is not None else None
        request = urllib.request.Request(url, data=data)
        if self.cookie:
            request.add_header("Cookie", self.cookie)
        if data is not None:
            request.add_header("Origin", self.origin)
        for name, value in headers:
            request.add_header(name, value)
        try:
            answer = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers
        return answer.status, answer.read().decode(), answer.headers

    def enter(self):
        status, _, headers = self.ask(self.link)
        if status == 200:
            self.cookie = headers["Set-Cookie"].split(";")[0]
            self.token = self.ask(self.base)[1].split('name="token" value="')[1].split('"')[0]
        return status, headers


def case_the_dashboard_lets_in_who_has_the_link_and_nobody_else():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        agent.run("open")
        opened = until("the browser was started", agent.opened)[0]
        file = Path(urllib.parse.unquote(urllib.parse.urlsplit(opened).path))
        assert opened.startswith("file:///") and stat.S_IMODE(file.stat().st_mode) == 0o600
        link = link_in(file)
        stranger, browser = Browser(link), Browser(link)
        assert stranger.ask(stranger.base)[0] == 403
        status, headers = browser.enter()
        assert status == 200 and "HttpOnly" in headers["Set-Cookie"] and "SameSite=Strict" in headers["Set-Cookie"]
        assert stranger.enter()[0] == 403, "the link works once"
        assert not file.exists()
        status, page, headers = browser.ask(browser.base)
        assert status == 200 and f"127.0.0.1:{agent.port}" in page, page
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert browser.ask(browser.base, headers=[("Host", "evil.example")])[0] == 421
        evil = [("Origin", "http://127.0.0.1:1")]
        assert browser.ask(browser.base + "stop", form={}, headers=evil)[0] == 403
        assert agent.state() == "running"
        assert browser.ask(browser.base + "stop", form={"token": "0" * 32})[0] == 403
        assert agent.state() == "running"
        status, page, _ = browser.ask(browser.base + "stop", form={})
        assert status == 200 and "Start serving" in page
        assert agent.state() == "stopped"


def case_the_dashboard_refuses_an_account_that_cannot_be():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        browser = Browser(agent.run("open", "--print").stdout.strip())
        browser.enter()
        agent.run("open", "--print")
        assert len(list(agent.home.glob("dashboard-*.html"))) == 1, "the one that nobody used"
        form = {"provider": "no-such", "name": "<b>x</b>", "key": "sk-secret-of-mine"}
        status, page, _ = browser.ask(browser.base + "accounts/add", form=form)
        assert status == 422 and "role=\"alert\"" in page and "<b>x</b>" not in page, page
        assert "sk-secret-of-mine" not in page + agent.log_text()
        agent.end()
        assert list(agent.home.glob("dashboard-*.html")) == []


def case_an_account_is_added_on_the_page():
    with Rig() as rig, Provider() as provider:
        agent, tray = started(rig.whole(), config=provider.config())
        browser = Browser(agent.run("open", "--print").stdout.strip())
        browser.enter()
        status, page, _ = browser.ask(browser.base + "accounts/add", form={"provider": "lab", "name": "work", "key": "sk-0123456789abc"})
        assert status == 200 and "accounts/work" in page, page
        tray.until_label("Accounts (1)", "work — Ready")
        assert agent.chat() == 200


# Notifications


def case_an_account_that_needs_a_person_is_told_once_and_signed_in_again():
    with Rig() as rig, Provider() as provider:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig, config=provider.config())
        agent.add_account("work")
        provider.refuses_the_key()
        agent.chat()
        notice = notices.wait_for("work needs a new key")
        assert notice.body.startswith("lab said: ") and "&lt;b&gt;bold&lt;/b&gt; &amp; more" in notice.body, notice.body
        assert list(notice.buttons)[1:] == ["Enter key", "Mute 1 hour"], notice.buttons
        assert not tray.until_label("Accounts (1, 1 needs attention)", "! work — Enter a new key…").is_tick
        assert [item.label[:22] for item in tray.items()[:2]] == ["No account can serve", "! work needs a new key"], tray.labels()
        until("the icon has a sign", lambda: ORANGE in tray.colours())
        for _ in range(50):
            agent.chat()
        # A key is entered on the dashboard's page.
        notices.press(notice, "Enter key", agent.opened)
        assert [notice.summary for notice in notices.shown] == ["work needs a new key"]
        browser = Browser(link_in(Path(urllib.parse.unquote(urllib.parse.urlsplit(agent.opened()[0]).path))))
        browser.enter()
        form = {"key": "sk-another-0123456789"}
        status, page, _ = browser.ask(browser.base + "accounts/work/key", form=form)
        assert status == 422 and "no such key" in page and "role=\"alert\"" in page and form["key"] not in page, page
        provider.serves()
        status, page, _ = browser.ask(browser.base + "accounts/work/key", form=form)
        assert status == 200 and "role=\"alert\"" not in page, page
        back = notices.wait_for("work can serve again")
        assert back.replaced == notice.id and len(notices.shown) == 2


def case_the_button_signs_in_with_the_browser():
    with Rig() as rig, Provider() as provider:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig, config=provider.config_with_sign_in())
        added = subprocess.Popen([agent.program, "account", "add", "lab", "--name", "me", "--oauth"], env=rig.env)
        agree(until("the browser was started", agent.opened)[0])
        assert added.wait(30) == 0
        provider.refuses_the_key()
        agent.chat()
        notice = notices.wait_for("me needs you to sign in")
        notices.press(notice, "Sign in", lambda: len(agent.opened()) > 1)
        provider.serves()
        agree(agent.opened()[1])
        notices.wait_for("me can serve again")
        tray.until_label("Accounts (1)", "me — Ready")
        assert agent.chat() == 200


def agree(authorize_url):
    """Does what a person does at the authorization server's page, whose answer leads back to the agent."""
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(authorize_url).query))
    answer = urllib.parse.urlencode({"code": "the-code", "state": asked["state"]})
    assert urllib.request.urlopen(f"{asked['redirect_uri']}?{answer}", timeout=30).status == 200


def case_a_quota_is_told_at_its_thresholds_and_when_it_is_used_up():
    with Rig() as rig, Provider() as provider:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig, config=provider.config())
        agent.add_account("work")
        for used in [79, 80, 81]:
            provider.serves(used_percent=used)
            assert agent.chat() == 200
        low = notices.wait_for("work is running low on quota")
        assert "work: 8" in low.body and " % of its requests limit used, resets " in low.body, low.body
        provider.serves(used_percent=95)
        agent.chat()
        until("it is told again", lambda: len(notices.shown) == 2)
        assert notices.shown[1].replaced == low.id, "one bubble for one topic"
        provider.is_used_up()
        agent.chat()
        spent = notices.wait_for("work has used up a quota")
        assert "work: quota used up, back " in spent.body and "No account can serve until " in spent.body, spent.body
        count = len(notices.shown)
        assert spent.replaced == low.id, "one bubble for one topic"
        tray.until_label("No account until ")
        until("the icon shows a clock", lambda: {GREY, BLUE} <= set(tray.colours()))
        assert "No account until " in agent.run("status").stdout.splitlines()[0]
        assert "No account until " in tooltip(tray)
        tray.until_label("Accounts (1)", "work — Quota used up, back ")
        provider.serves()
        agent.run("account", "clear", "work")
        back = notices.wait_for("work can serve again")
        assert len(notices.shown) == count + 1 and back.replaced == spent.id, "one event is one notice"


def case_an_end_that_is_near_is_told():
    with Rig() as rig, Provider() as provider:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig, config=provider.config())
        agent.add_account("work")
        in_days = lambda days: time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86400))
        agent.run("account", "set", "work", "--expires", in_days(20))
        agent.run("account", "set", "work", "--expires", in_days(5))
        notices.wait_for("work expires soon")
        agent.run("account", "set", "work", "--expires", in_days(-2))
        notices.wait_for("work has expired")
        tray.until_label("Accounts (1, 1 needs attention)", "work — Expired")


def case_the_network_that_is_not_served_is_told():
    with Rig() as rig:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig)
        tray.until_label("Running on 127.0.0.1")
        agent.run("config", "set", "allow_lan_access", "true")
        notice = notices.wait_for("The local network is not served")
        assert 'set `auth_mode = "auto"`' in notice.body, notice.body
        assert "local network: the LAN is not served" in agent.run("status").stdout
        agent.run("config", "set", "auth_mode", "auto")
        tray.until_label(f"Running on port {agent.port}, open to the local network")
        assert notices.wait_for("The local network is served").replaced == notice.id
        assert "local network: other machines may call" in agent.run("status").stdout


def case_a_vault_that_is_locked_is_told():
    with Rig() as rig, Provider() as provider:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig, config=provider.config())
        agent.add_account("work")
        agent.end()
        rig.end(rig.keyring)
        until("the keyring is gone", lambda: not rig.has_name("org.freedesktop.secrets"))
        rig.with_keyring(password=None)
        agent.process = agent.spawn()
        notice = notices.wait_for("work is locked")
        assert "work cannot serve" in notice.body, notice.body
        assert agent.answers()
        tray = Tray(rig, agent.process.pid)
        tray.until_label("Accounts (1, 1 needs attention)", "work — Vault locked")
        agent.end()


def case_a_taken_port_is_told_with_its_end():
    with Rig() as rig:
        rig.whole()
        notices = Daemon(rig)
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.listen()
            agent = Agent(rig, port=stranger.getsockname()[1])
            tray = Tray(rig, agent.process.pid)
            notice = notices.wait_for(f"Aerostat cannot open port {agent.port}")
            # The stranger is this process.
            assert f"({os.getpid()})" in tray.until_label(f"Port {agent.port} is in use by").label
            assert f"({os.getpid()})" in notice.body, notice.body
            until("the icon has a sign", lambda: ORANGE in tray.colours())
            for command in ["status", "start"]:
                said = agent.run(command, code=1 if command == "start" else 0)
                assert f"({os.getpid()})" in said.stdout + said.stderr, said
        back = notices.wait_for("Aerostat has its port")
        assert back.replaced == notice.id, "one bubble for one topic"


def case_a_port_that_is_taken_while_it_runs_is_told_and_had_once_it_is_free():
    with Rig() as rig:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig)
        tray.until_label(f"Running on 127.0.0.1:{agent.port}")
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.listen()
            wanted = stranger.getsockname()[1]
            agent.run("config", "set", "port", str(wanted))
            notice = notices.wait_for(f"Aerostat cannot open port {wanted}")
            assert f"({os.getpid()})" in notice.body and f"127.0.0.1:{agent.port} keeps serving" in notice.body, notice.body
            assert agent.answers()
            assert f"not as configured: port {wanted} is in use" in agent.run("status").stdout
            until("the icon has a sign", lambda: ORANGE in tray.colours())
        notices.wait_for("Aerostat has its port")
        tray.until_label(f"Running on 127.0.0.1:{wanted}")
        assert not agent.answers(), "the former port is closed"


def case_the_port_is_moved_while_it_runs():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        former, agent.port = agent.port, free_port()
        agent.run("config", "set", "port", str(agent.port))
        tray.until_label(f"Running on 127.0.0.1:{agent.port}")
        assert agent.answers() and agent.port != former


def case_what_is_switched_off_is_not_told_at_the_start_either():
    with Rig() as rig:
        rig.whole()
        notices = Daemon(rig)
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.listen()
            agent = Agent(rig, config='[notifications]\noff = ["port"]\n', port=stranger.getsockname()[1])
            tray = Tray(rig, agent.process.pid)
            tray.until_label(f"Port {agent.port} is in use")
            # A later notice shows that the earlier one would have come by now.
            (agent.home / "config.toml").write_text(f'port = wrong\n[notifications]\noff = ["port"]\n')
            notices.wait_for("The changed configuration is not used")
            assert [notice.summary for notice in notices.shown] == ["The changed configuration is not used"]


def case_a_rejected_configuration_is_told_once_with_buttons():
    with Rig() as rig:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig)
        tray.until_label("Running on")
        (agent.home / "config.toml").write_text(f'port = {agent.port}\n"<b>bold</b>" = 1\n')
        notice = notices.wait_for("The changed configuration is not used")
        assert "<b>" not in notice.body and "&lt;b&gt;" in notice.body, notice.body
        assert list(notice.buttons)[1:] == ["Open dashboard", "Mute 1 hour"] or "Mute 1 hour" in notice.buttons, notice.buttons
        notices.press(notice, "Open dashboard", agent.opened)
        # Writing the same again is no news.
        (agent.home / "config.toml").write_text(f'port = {agent.port}\n"<b>bold</b>" = 1\n')
        (agent.home / "config.toml").write_text(f"port = {agent.port}\n")
        notices.wait_for("The configuration is active again")
        assert [notice.summary for notice in notices.shown].count("The changed configuration is not used") == 1


def case_mute_is_obeyed():
    with Rig() as rig:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig)
        tray.until_label("Running on")
        (agent.home / "config.toml").write_text("port = wrong\n")
        notice = notices.wait_for("The changed configuration is not used")
        notices.press(notice, "Mute 1 hour", lambda: tray.find("Notifications paused until"))
        count = len(notices.shown)
        (agent.home / "config.toml").write_text(f"port = {agent.port}\n")
        until("the agent took it over", lambda: agent.facts("status")["config_trouble"] is None)
        until("the icon is blue again", lambda: main_colour(tray) == BLUE)
        assert len(notices.shown) == count
        tray.click("Notifications paused until")
        tray.until_label("Pause notifications")


def case_a_topic_that_is_switched_off_is_not_told():
    with Rig() as rig:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig, config='[notifications]\noff = ["config"]\n')
        tray.until_label("Running on")
        (agent.home / "config.toml").write_text("port = wrong\n")
        until("the icon has a sign", lambda: ORANGE in tray.colours())
        # A later notice shows that the earlier one would have come by now.
        tray.click("Scheduling", "Drain")
        notices.wait_for("That did not work")
        assert [notice.summary for notice in notices.shown] == ["That did not work"]


def case_without_buttons_the_text_says_what_to_do():
    with Rig() as rig:
        rig.whole()
        notices = Daemon(rig, abilities=["body"])
        agent, tray = started(rig)
        tray.until_label("Running on")
        (agent.home / "config.toml").write_text("port = wrong & more\n")
        notice = notices.wait_for("The changed configuration is not used")
        assert notice.buttons == {} and "`aerostat config check`" in notice.body and "&amp;" not in notice.body, notice.body


def case_dunst_shows_a_notice():
    with Rig() as rig:
        rig.whole()
        rig.start(["dunst"], "dunst.log")
        rig.wait_for_name("org.freedesktop.Notifications")
        agent, tray = started(rig)
        tray.until_label("Running on")
        (agent.home / "config.toml").write_text("port = wrong\n")
        until("dunst shows it", lambda: "displayed" in rig.tool("dunstctl", "count") and shown_by_dunst(rig) > 0)
        SHOTS.mkdir(parents=True, exist_ok=True)
        rig.screenshot(SHOTS / "notice.png")


def shown_by_dunst(rig):
    return int(rig.tool("dunstctl", "count", "displayed").strip())


def case_without_a_daemon_nothing_else_changes():
    with Rig() as rig:
        # The bus can start none.
        rig.env["XDG_DATA_DIRS"] = str(rig.folder)
        agent = Agent(rig.with_bus())
        tray = Tray(rig, agent.process.pid)
        tray.until_label("Running on")
        for text in ["port = wrong\n", f"port = {agent.port}\n", "port = wrong again\n"]:
            (agent.home / "config.toml").write_text(text)
            until("it is seen", lambda: bool(agent.facts("status")["config_trouble"]) == ("wrong" in text))
        until("it is said", lambda: "no notifications can be shown" in agent.log_text())
        assert agent.log_text().count("no notifications can be shown") == 1
        assert agent.answers()


# Sessions that lack something


def case_the_panel_restarts_and_the_icon_comes_back():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        rig.end(rig.panel)
        until("the watcher is gone", lambda: not rig.has_name("org.kde.StatusNotifierWatcher"))
        rig.start_panel()
        until("the panel took the icon in again", tray.is_registered)
        tray.click("Stop serving")
        agent.until_state("stopped")


def case_the_bus_dies_and_the_agent_serves_on():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        rig.end(rig.bus_process)
        assert agent.answers() and is_alive(agent.process)
        agent.run("stop")
        assert not agent.answers()
        agent.end()


def case_without_a_tray_host_the_dashboard_says_so():
    with Rig() as rig:
        agent = Agent(rig.with_bus())
        agent.until_state("running")
        browser = Browser(agent.run("open", "--print").stdout.strip())
        browser.enter()
        page = browser.ask(browser.base)[1]
        assert "The tray icon is not shown" in page and "AppIndicator" in page, page
        # Said once in the log too, after the time that a panel may take at login.
        until("it is said", lambda: "the tray icon is not shown" in agent.log_text(), patience=60)
        agent.run("config", "set", "scheduling.mode", "drain")
        agent.run("stop")
        assert agent.log_text().count("the tray icon is not shown") == 1


def case_without_a_bus_it_serves():
    with Rig() as rig:
        agent = Agent(rig, config="")
        agent.until_state("running")
        assert agent.answers()
        until("it is said", lambda: "no tray in this session" in agent.log_text())
        assert "panicked" not in agent.log_text()
        agent.end()


def case_with_a_dead_bus_address_it_serves():
    with Rig() as rig:
        rig.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={rig.folder}/no-bus".replace(" ", "%20").replace("% ", "%25%20")
        agent = Agent(rig)
        agent.until_state("running")
        agent.end()


def case_without_a_display_the_tray_works_and_copying_says_why_not():
    with Rig() as rig:
        rig.with_bus()
        notices = Daemon(rig)
        agent = Agent(rig)
        tray = Tray(rig, agent.process.pid)
        tray.until_label("Running on")
        tray.click("Copy base URL", "OpenAI")
        notice = notices.wait_for("That did not work")
        assert "could not be copied" in notice.body, notice.body


def case_headless_has_no_icon():
    with Rig() as rig:
        rig.whole()
        agent = Agent(rig, arguments=["--headless"])
        agent.until_state("running")
        names = rig.call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ListNames")[0]
        assert not [name for name in names if "StatusNotifierItem" in name], names


def case_a_locked_keyring_does_not_keep_it_from_serving():
    with Rig() as rig:
        rig.with_display().with_bus().with_keyring(password=None).with_panel()
        agent, tray = started(rig)
        tray.until_label("Running on")
        assert agent.answers()
        agent.end()


def case_dunst_shows_markup_as_text():
    with Rig() as rig, Provider() as provider:
        rig.whole()
        rig.start(["dunst", "-conf", "/etc/xdg/dunst/dunstrc"], "dunst.log")
        rig.wait_for_name("org.freedesktop.Notifications")
        agent, tray = started(rig, config=provider.config())
        agent.add_account("work")
        provider.refuses_the_key()
        agent.chat()
        until("it is shown", lambda: rig.tool("dunstctl", "count", "displayed").strip() == "1")
        SHOTS.mkdir(parents=True, exist_ok=True)
        rig.screenshot(SHOTS / "dunst.png")
        rig.tool("dunstctl", "close-all")
        history = until("it is in the history", lambda: "work needs a new key" in rig.tool("dunstctl", "history") and rig.tool("dunstctl", "history"))
        assert "<b>bold" not in history and "&lt;b&gt;bold" in history, history


# Start at login


def case_start_at_login_is_a_tick_that_the_system_obeys():
    with Rig() as rig:
        agent, tray = started(rig.whole())
        tray.until_label("Running on")
        assert not tray.find("Start at login").is_ticked, "off until a person turns it on"
        tray.click("Start at login")
        until("the tick is set", lambda: tray.find("Start at login").is_ticked)
        entry = Path(rig.env["XDG_CONFIG_HOME"]) / "autostart/aerostat.desktop"
        assert entry.exists()
        problems = subprocess.run(["desktop-file-validate", entry], capture_output=True, text=True).stdout
        assert problems == "", problems
        # Changed elsewhere, as by a settings program.
        entry.write_text(entry.read_text() + "Hidden=true\n")
        agent.run("config", "set", "scheduling.mode", "drain")
        tray.until_label("Scheduling: Drain")
        assert not tray.find("Start at login").is_ticked


def case_the_entry_starts_what_it_says():
    with Rig() as rig:
        rig.whole()
        agent, tray = started(rig)
        assert agent.facts("autostart", "on")["state"] == "on"
        agent.end()
        entry = Path(rig.env["XDG_CONFIG_HOME"]) / "autostart/aerostat.desktop"
        # As a session does: GLib reads the entry and starts what it says.
        script = "import gi; from gi.repository import Gio, GLib; import sys; Gio.DesktopAppInfo.new_from_filename(sys.argv[1]).launch([], None)"
        rig.start([sys.executable, "-c", script, str(entry)], "launch.log")
        agent.until_state("running")
        agent.run("quit")
        assert agent.facts("autostart", "off")["state"] == "off"
        assert not entry.exists()


def case_an_entry_follows_the_program_and_stays_away_when_it_was_removed():
    with Rig() as rig:
        agent = Agent(rig.with_bus())
        agent.until_state("running")
        agent.run("autostart", "on")
        entry = Path(rig.env["XDG_CONFIG_HOME"]) / "autostart/aerostat.desktop"
        agent.end()
        moved = rig.folder / "moved to 50%"
        agent.program.rename(moved)
        agent.program = moved
        assert agent.facts("autostart", "status")["state"] == "broken"
        agent.process = agent.spawn()
        until("it is repaired", lambda: agent.facts("autostart", "status")["state"] == "on")
        assert agent.facts("autostart", "status")["program"] == str(moved)
        agent.end()
        # As a settings program does that takes it off.
        entry.unlink()
        agent.process = agent.spawn()
        agent.until_state("running")
        agent.end()
        assert not entry.exists()


def case_a_tick_that_cannot_be_set_goes_back():
    with Rig() as rig:
        rig.whole()
        notices = Daemon(rig)
        agent, tray = started(rig)
        tray.until_label("Running on")
        (Path(rig.env["XDG_CONFIG_HOME"]) / "autostart").write_text("in the way")
        tray.click("Start at login")
        notice = notices.wait_for("That did not work")
        assert "cannot be changed" in notice.body, notice.body
        until("the tick is back", lambda: not tray.find("Start at login").is_ticked)


def case_uninstall_leaves_nothing_behind():
    with Rig() as rig, Provider() as provider:
        rig.whole()
        agent, tray = started(rig, config=provider.config())
        tray.until_label("Running on")
        agent.add_account("work")
        assert keys_in_keyring(rig) == 1
        agent.run("autostart", "on")
        kept = agent.facts("uninstall")
        assert agent.process.wait(30) == 0
        assert not (Path(rig.env["XDG_CONFIG_HOME"]) / "autostart/aerostat.desktop").exists()
        assert (agent.home / "config.toml").exists() and kept["kept"], kept
        assert keys_in_keyring(rig) == 1, "the vault is still there"
        agent.run("uninstall", "--purge")
        assert not agent.home.exists()
        assert keys_in_keyring(rig) == 0


def keys_in_keyring(rig):
    found = subprocess.run(["secret-tool", "search", "--all", "service", "aerostat"], env=rig.env, capture_output=True).stdout
    return found.count(b"master-key")


def cases():
    named = sys.argv[1:]
    every = [(name, case) for name, case in globals().items() if name.startswith("case_") and inspect.isfunction(case)]
    return [(name, case) for name, case in every if not named or any(word in name for word in named)]


def main():
    failed, ran = [], 0
    for name, case in cases():
        began = time.monotonic()
        try:
            case()
            verdict = "ok"
        except Exception:
            traceback.print_exc()
            failed.append(name)
            verdict = "FAILED"
        ran += 1
        print(f"{verdict:6} {time.monotonic() - began:5.1f} s  {name.removeprefix('case_').replace('_', ' ')}", flush=True)
    print(f"{ran} cases ran")
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
