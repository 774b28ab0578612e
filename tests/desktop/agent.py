"""The program in a rig: started, asked by its own commands, and looked at."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

from rig import interrupt, until

PROGRAM = Path(os.environ["AEROSTAT_BIN"])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Agent:
    """An agent with a home of its own in the rig. `config` is more text of its configuration."""

    def __init__(self, rig, config="", arguments=(), name="aerostat", port=None, starts=True, **environment):
        self.rig, self.port = rig, port or free_port()
        self.home = rig.folder / f"{name} home"
        self.home.mkdir(exist_ok=True)
        # A copy in the rig's folder: its path has a space and a percent sign.
        self.program = rig.folder / "my programs" / "aerostat"
        if not self.program.exists():
            self.program.parent.mkdir(exist_ok=True)
            os.link(PROGRAM, self.program) if same_device(PROGRAM, rig.folder) else shutil.copy(PROGRAM, self.program)
        (self.home / "config.toml").write_text(f"port = {self.port}\n{config}")
        rig.env |= {"AEROSTAT_HOME": str(self.home), "BROWSER": self._browser()} | environment
        self.log = f"{name}.log"
        self.process = self.spawn(*arguments) if starts else None

    def _browser(self):
        """A browser that notes what it is given."""
        browser = self.rig.folder / "browser"
        # The path has characters that `BROWSER` cannot hold.
        link = Path("/tmp") / f"browser-of-{os.getpid()}-{self.port}"
        browser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >>"{self.rig.folder}/opened"\n')
        browser.chmod(0o755)
        link.unlink(missing_ok=True)
        link.symlink_to(browser)
        self.rig.leftovers.append(link)
        return str(link)

    def spawn(self, *arguments):
        return self.rig.start([self.program, *arguments], self.log)

    def run(self, *arguments, code=0):
        done = subprocess.run([self.program, *arguments], env=self.rig.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == code, f"{arguments}: {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def facts(self, *arguments, code=0):
        return json.loads(self.run("--json", *arguments, code=code).stdout)

    def until_state(self, state):
        return until(f"the agent is `{state}`\n{self.log_text()[-2000:]}", lambda: self.state() == state)

    def state(self):
        done = subprocess.run([self.program, "--json", "status"], env=self.rig.env, capture_output=True, text=True, timeout=60)
        return json.loads(done.stdout)["state"] if done.stdout else None

    def answers(self):
        """Whether the API port answers."""
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5).status == 200
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def add_account(self, name, provider="lab"):
        """With a key, which goes into the vault."""
        done = subprocess.run([self.program, "account", "add", provider, "--name", name, "--stdin"], input=f"sk-{name}-0123456789",
                              env=self.rig.env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done

    def chat(self, model="lab/m"):
        """The status of a request."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v1/chat/completions", body, {"content-type": "application/json"})
        try:
            return urllib.request.urlopen(request, timeout=30).status
        except urllib.error.HTTPError as error:
            return error.code

    def log_text(self):
        return (self.rig.folder / self.log).read_text()

    def opened(self):
        """What the browser was given."""
        opened = self.rig.folder / "opened"
        return opened.read_text().splitlines() if opened.exists() else []

    def end(self, expected=0):
        interrupt(self.process)
        assert self.process.wait(30) == expected, f"{self.process.returncode}\n{self.log_text()[-3000:]}"


class OlderAgent:
    """An agent of another version, as far as a start beside it can tell: it has the home's lock, and answers at its socket."""

    def __init__(self, home):
        self.home, self.has_ended = home, False
        self.lock = open(home / "lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(home / "control.sock"))
        self.server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while not self.has_ended:
            line, _ = self.server.accept()
            with line, line.makefile("rw") as lines:
                asked = lines.readline()
                # Some only look whether anybody is there.
                if not asked:
                    continue
                verb = json.loads(asked)["verb"]
                lines.write(json.dumps({"aerostat": 2, "response": self._answer(verb)}) + "\n")
                lines.flush()
                if verb == "quit":
                    self.end()

    def _answer(self, verb):
        if verb == "open":
            file = self.home / "dashboard-old.html"
            file.write_text("")
            return {"file": str(file), "url": "http://127.0.0.1:1/old"}
        status = {"state": "running", "detail": "running", "base_url": "", "port": 1, "wanted": "running", "pid": 1, "version": "0.0.1"}
        return status | {"home": "", "socket": "", "accounts": None, "config_trouble": None}

    def end(self):
        self.server.close()
        (self.home / "control.sock").unlink()
        self.lock.close()
        self.has_ended = True


def same_device(a, b):
    return os.stat(a).st_dev == os.stat(b).st_dev
