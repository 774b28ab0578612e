"""Claude Code, Codex and Gemini CLI themselves in print mode, with an upstream of each dialect and with the demo.

They run with a home of their own and find nothing but loopback. `tests/run --full` installs them and runs this.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Callable

import pytest

from cases import ENVELOPE, TEXT, TOKENS
from received import model_of, read
from scripted import Answer, failing

PROMPT = "Say hello"
NOTE = "The note says 4711."
DEADLINE_SECONDS = 120

# Whatever a client wants from outside ends at a closed port.
OFFLINE = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost"}


@dataclass(frozen=True)
class Client:
    """A command-line client: its own dialect, how it is told where to go, and the call of its own that shows the note in its home."""

    dialect: str
    setup: Callable
    call: tuple

    @property
    def command(self):
        return self.setup.__name__

    def run(self, home, base_url, key, model):
        """Runs the client once, expects it to end well, and returns what it printed."""
        done = self.finish(home, base_url, key, model)
        assert done.returncode == 0, f"{self.command}: exit status {done.returncode}: {done.stderr[-2000:]}"
        return done.stdout

    def finish(self, home, base_url, key, model):
        """Runs the client to its end, whatever that is."""
        if not shutil.which(self.command):
            missing(self.command)
        arguments, settings = self.setup(home, base_url, key, model)
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", **OFFLINE, **settings}
        return subprocess.run(
            [self.command, *arguments], env=environment, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_SECONDS
        )


def drops_thinking(client, lab):
    """Claude Code keeps no thinking of an answer whose model is not the one it asked for, by name; a passthrough leaves the names."""
    return client.setup is claude and lab.upstream.dialect == "anthropic"


def missing(command):
    if os.environ.get("CI") == "true":
        pytest.fail(f"{command} is not installed")
    pytest.skip(f"{command} is not installed")


def claude(home, base_url, key, model):
    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1", "DISABLE_ERROR_REPORTING": "1", "DISABLE_AUTOUPDATER": "1"}
    return ["-p", PROMPT, "--model", model], {"ANTHROPIC_BASE_URL": base_url, "ANTHROPIC_API_KEY": key, **quiet}


def codex(home, base_url, key, model):
    folder = home / ".codex"
    folder.mkdir()
    provider = f'[model_providers.lab]\nname = "lab"\nbase_url = "{base_url}/v1"\nenv_key = "LAB_KEY"\nwire_api = "responses"\n'
    (folder / "config.toml").write_text(f'model = "{model}"\nmodel_provider = "lab"\n\n{provider}')
    return ["exec", "--skip-git-repo-check", "--sandbox", "read-only", PROMPT], {"LAB_KEY": key}


def gemini(home, base_url, key, model):
    folder = home / ".gemini"
    folder.mkdir()
    settings = {"security": {"auth": {"selectedType": "gemini-api-key"}}, "privacy": {"usageStatisticsEnabled": False}}
    (folder / "settings.json").write_text(json.dumps(settings))
    where = {"GOOGLE_GEMINI_BASE_URL": base_url, "GEMINI_API_KEY": key, "GEMINI_CLI_TRUST_WORKSPACE": "true"}
    return ["--model", model, "--prompt", PROMPT], where


CLIENTS = [
    Client("anthropic", claude, ("Read", {"file_path": "note.txt"})),
    Client("openai_responses", codex, ("exec_command", {"cmd": "cat note.txt"})),
    Client("gemini", gemini, ("read_file", {"file_path": "note.txt"})),
]


@pytest.fixture(params=CLIENTS, ids=lambda client: client.command)
def client(request):
    return request.param


def test_prints_the_upstreams_answer(client, lab, tmp_path):
    lab.upstream.always(Answer("text"))
    printed = client.run(tmp_path, lab.base_url, lab.key, lab.model)
    assert TEXT in printed
    assert model_of(lab.upstream) == "model-1"
    saw = read(lab.upstream)
    assert any(PROMPT in text for text in saw.users)
    assert saw.tools, "the client's tools did not arrive"


def test_runs_its_own_tool_and_brings_the_reasoning_back(client, lab, tmp_path):
    (tmp_path / "note.txt").write_text(NOTE)
    lab.upstream.will(Answer("reasoning", call=client.call))
    lab.upstream.always(Answer("text"))
    printed = client.run(tmp_path, lab.base_url, lab.key, lab.model)
    assert TEXT in printed
    saw = read(lab.upstream)
    [call], [result] = saw.calls, saw.results
    assert (call[0], saw.pairs_match) == (client.call[0], True)
    assert NOTE in result
    assert saw.tokens == ([] if drops_thinking(client, lab) else TOKENS[lab.upstream.dialect])
    assert ENVELOPE not in lab.upstream.last.body


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_gets_over_a_bad_moment(client, lab, tmp_path):
    lab.upstream.will(failing(503))
    lab.upstream.always(Answer("text"))
    assert TEXT in client.run(tmp_path, lab.base_url, lab.key, lab.model)


@pytest.mark.gateway
@pytest.mark.parametrize("dialect", ["openai_chat", "gemini"])
@pytest.mark.parametrize("cut", ["clean", "abrupt", "error"])
def test_half_an_answer_never_passes_for_a_whole_one(client, lab, tmp_path, cut):
    lab.upstream.will(Answer(cut=cut))
    lab.upstream.always(Answer("text"))
    done = client.finish(tmp_path, lab.base_url, lab.key, lab.model)
    # Some ask again, some give up: none may be content.
    assert (done.returncode != 0) or TEXT in done.stdout


@pytest.mark.gateway
@pytest.mark.parametrize("model", ["demo", "demo/openai_chat", "demo/openai_responses", "demo/anthropic", "demo/gemini"])
def test_prints_the_demos_answer(client, gateway, tmp_path, model):
    assert "demo" in client.run(tmp_path, gateway.base_url, "client-key", model).lower()
