"""Command-line agents that `aerostat client connect` sets up in a throw-away home, and that are told nothing else.

A client whose settings have no place for an address takes the variables of
`aerostat client env`, as its note says.
"""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass

import pytest

from gateway import binary

PROMPT = "Say hello"
DEADLINE_SECONDS = 120

# Whatever a client wants from outside ends at a closed port.
OFFLINE = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost"}


@dataclass(frozen=True)
class Agent:
    """One client.

    `settings` is the file that connecting edits, and `before` what a person had there. `reader` is a tool of its own that shows a
    file, with its argument. `foreign` is the dialect that the short run takes beside its own. `variables` keep it quiet.
    """

    name: str
    command: str
    dialect: str
    settings: str
    before: str
    arguments: tuple
    reader: tuple
    foreign: str
    package: str
    by_variables: bool = False
    variables: tuple = ()

    def __str__(self):
        return self.command


AGENTS = [
    Agent(
        "claude-code",
        "claude",
        "anthropic",
        ".claude/settings.json",
        '{\n    "cleanupPeriodDays": 30,\n    "env": { "MINE": "1" }\n}',
        ("-p", PROMPT),
        ("Read", "file_path", "{}"),
        "gemini",
        "@anthropic-ai/claude-code",
        variables=(
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ("DISABLE_TELEMETRY", "1"),
            ("DISABLE_ERROR_REPORTING", "1"),
            ("DISABLE_AUTOUPDATER", "1"),
        ),
    ),
    Agent(
        "codex",
        "codex",
        "openai_responses",
        ".codex/config.toml",
        '# mine\nmodel_reasoning_effort = "high" # as long as it takes\n\n[history]\npersistence = "none"\n',
        ("exec", "--skip-git-repo-check", "--sandbox", "read-only", PROMPT),
        ("exec_command", "cmd", "cat {}"),
        "anthropic",
        "@openai/codex",
    ),
    Agent(
        "gemini-cli",
        "gemini",
        "gemini",
        ".gemini/settings.json",
        '{\n  // mine\n  "privacy": { "usageStatisticsEnabled": false },\n'
        '  "security": { "auth": { "selectedType": "oauth-personal" } }\n}\n',
        ("--prompt", PROMPT),
        ("read_file", "file_path", "{}"),
        "openai_chat",
        "@google/gemini-cli",
        by_variables=True,
        variables=(("GEMINI_CLI_TRUST_WORKSPACE", "true"),),
    ),
    Agent(
        "qwen-code",
        "qwen",
        "openai_chat",
        ".qwen/settings.json",
        '{\n  // mine\n  "privacy": { "usageStatisticsEnabled": false },\n  "telemetry": { "enabled": false },\n  "$version": 4\n}\n',
        (PROMPT,),
        ("read_file", "file_path", "{}"),
        "anthropic",
        "@qwen-code/qwen-code",
    ),
    Agent(
        "opencode",
        "opencode",
        "openai_chat",
        ".config/opencode/opencode.jsonc",
        '{\n\t"$schema": "https://opencode.ai/config.json", // mine\n\t"autoupdate": false,\n\t"share": "disabled",\n}\n',
        ("run", "--title", "one", PROMPT),
        ("read", "filePath", "{}"),
        "gemini",
        "opencode-ai",
        variables=(
            ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
            ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
            ("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1"),
            ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
        ),
    ),
]


class Person:
    """A home with one client's settings, and what a person types there."""

    def __init__(self, agent, home, gateway):
        if not shutil.which(agent.command):
            missing(agent.command)
        self.agent, self.home, self.gateway = agent, home, gateway
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", **OFFLINE}
        self.settings = home / agent.settings
        self.settings.parent.mkdir(parents=True)
        self.settings.write_text(agent.before)
        self.said, self.complained = home / "stdout", home / "stderr"
        self.project = home / "project"
        self.project.mkdir()

    def aerostat(self, *arguments):
        """What the command line wrote, where it succeeded."""
        environment = {**self.environment, "AEROSTAT_HOME": str(self.gateway.home)}
        done = subprocess.run([binary(), *arguments], env=environment, cwd=self.project, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"aerostat {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def connect(self, model):
        self.aerostat("client", "connect", self.agent.name, "--yes", "--model", model)

    def disconnect(self):
        self.aerostat("client", "disconnect", self.agent.name, "--yes")

    @property
    def key(self):
        return self.aerostat("key", "show").strip()

    def reads(self, file):
        """The name and arguments of the call that shows a file of the project."""
        name, argument, value = self.agent.reader
        return name, {argument: value.format(self.project / file)}

    def start(self):
        """Starts the client, in a process group of its own as a terminal does. It writes into files: some end before a pipe is read."""
        with self.said.open("wb") as said, self.complained.open("wb") as complained:
            return subprocess.Popen(
                [self.agent.command, *self.agent.arguments],
                env={**self.environment, **dict(self.agent.variables), **self.told_by_variables()},
                cwd=self.project,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=complained,
                start_new_session=True,
            )

    def finish(self):
        """Runs the client to its end, whatever that is."""
        running = self.start()
        try:
            status = running.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            raise
        return subprocess.CompletedProcess(running.args, status, self.said.read_text(), self.complained.read_text())

    def run(self):
        """Runs the client, expects it to end well, and returns what it printed."""
        done = self.finish()
        assert done.returncode == 0, f"{self.agent}: exit status {done.returncode}: {done.stdout[-1000:]} {done.stderr[-2000:]}"
        return done.stdout

    def told_by_variables(self):
        if not self.agent.by_variables:
            return {}
        lines = self.aerostat("client", "env", self.agent.name, "--shell", "dotenv").splitlines()
        return dict(line.split("=", 1) for line in lines if line)


def missing(command):
    if os.environ.get("CI") == "true":
        pytest.fail(f"{command} is not installed")
    pytest.skip(f"{command} is not installed")
