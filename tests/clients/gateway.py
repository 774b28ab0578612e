"""Starts the built binary with a home of its own and stops it again. It builds nothing."""

import os
import pathlib
import queue
import re
import signal
import subprocess
import threading

from scripted import KEY

DEADLINE_SECONDS = 20
BASE_URL = re.compile(r"http://127\.0\.0\.1:\d+")


def binary():
    return pathlib.Path(os.environ.get("AEROSTAT_BIN", "target/debug/aerostat")).resolve()


def provider_of(dialect):
    """The name under which a scripted upstream is configured."""
    return f"lab-{dialect}"


def config(upstreams, auth_mode):
    auths = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}
    tables = [
        f'[providers.{provider_of(dialect)}]\nprotocol = "{dialect}"\nbase_url = "{upstream.base_url}"\n'
        f'auth = "{auths.get(dialect, "bearer")}"\nkey_env = "SCRIPTED_KEY"\n'
        for dialect, upstream in upstreams.items()
    ]
    return f'port = 0\nauth_mode = "{auth_mode}"\n\n' + "\n".join(tables)


class Gateway:
    """A running agent; `base_url` is what it printed."""

    def __init__(self, home, upstreams, auth_mode="off"):
        (home / "config.toml").write_text(config(upstreams, auth_mode))
        # Only what the agent needs: no key or proxy of the person who runs the tests.
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "AEROSTAT_HOME": str(home), "SCRIPTED_KEY": KEY}
        self.home = home
        with (home / "stderr").open("wb") as stderr:
            self.process = subprocess.Popen([binary(), "--headless"], env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True)
        self.base_url = self._await_base_url()

    def _await_base_url(self):
        found = queue.Queue()
        threading.Thread(target=self._read_output, args=(found,), daemon=True).start()
        try:
            base_url = found.get(timeout=DEADLINE_SECONDS)
        except queue.Empty:
            base_url = None
        if base_url is None:
            self.process.kill()
            raise AssertionError(f"the agent printed no base URL: {self.complaints}")
        return base_url

    def _read_output(self, found):
        """Reads to the end, so that the agent never waits for its reader; None marks the end."""
        for line in self.process.stdout:
            match = BASE_URL.search(line)
            if match:
                found.put(match[0])
        found.put(None)

    @property
    def complaints(self):
        return (self.home / "stderr").read_text()

    def stop(self):
        """Ends the agent as a service manager would, and expects it to end well."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(DEADLINE_SECONDS)
        assert status == 0, f"exit status {status} after SIGTERM: {self.complaints}"
