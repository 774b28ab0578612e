"""The AI SDK (npm `ai`) with its OpenAI, Anthropic and Google providers, with an upstream of each dialect.

One node process (`ai_sdk.mjs`) answers for all cases; `tests/run ai` installs it and says in AI_SDK where.
"""

import json
import os
import pathlib
import subprocess

import pytest

from cases import BROKE_DOWN, ENVELOPE, PARIS, REASONING, TEXT, TOKENS, asks_for_weather, takes_a_city
from received import read
from scripted import Answer, failing

pytestmark = pytest.mark.gateway

FACES = ["chat", "responses", "anthropic", "google"]
WEATHER = {"city": "Paris", "degrees": 21}


class Sdk:
    """The SDK's process."""

    def __init__(self):
        script = pathlib.Path(__file__).with_name("ai_sdk.mjs")
        command = ["node", script, os.environ["AI_SDK"]]
        self.process = subprocess.Popen(command, env={"PATH": os.environ["PATH"]}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, lab, face, how):
        request = {"face": face, "how": how, "baseURL": lab.base_url, "key": lab.key, "model": lab.model}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def answer(self, lab, face, how):
        said = self.ask(lab, face, how)
        assert "error" not in said, said["error"]
        return said

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(20) == 0


@pytest.fixture(scope="session")
def sdk():
    running = Sdk()
    yield running
    running.stop()


@pytest.fixture(params=FACES)
def face(request):
    return request.param


@pytest.mark.parametrize("how", ["text", "stream"])
def test_text_and_usage(sdk, lab, face, how):
    lab.upstream.will("text")
    said = sdk.answer(lab, face, how)
    assert (said["text"], said["finish"], said["usage"]) == (TEXT, "stop", [12, 7])
    saw = read(lab.upstream)
    assert (saw.system, saw.users) == ("Be brief.", ["What is the weather?"])


@pytest.mark.parametrize("how", ["tools", "tools streamed"])
def test_tool_loop_with_reasoning(sdk, lab, face, how):
    lab.upstream.will("reasoning", "text")
    said = sdk.answer(lab, face, how)
    assert (said["text"], said["calls"]) == (TEXT, [list(PARIS)])
    # The Chat face reads no reasoning: `reasoning_content` is no official field.
    assert said.get("reasoning") == (None if face == "chat" else REASONING)
    saw = read(lab.upstream)
    assert takes_a_city(saw.tools)
    assert (saw.calls, saw.pairs_match) == ([PARIS], True)
    # The Google face wraps the result into an object of its own.
    [result] = saw.results
    assert "sunny" in result
    assert saw.tokens == TOKENS[lab.upstream.dialect]
    assert ENVELOPE not in lab.upstream.last.body


def test_object(sdk, lab, face):
    # The Anthropic face asks models that it does not know for the object as a tool's input.
    by_tool = face == "anthropic"
    lab.upstream.will(Answer("tool", call=("json", WEATHER)) if by_tool else "structured")
    assert sdk.answer(lab, face, "object")["object"] == WEATHER
    saw = read(lab.upstream)
    assert asks_for_weather(saw.tools["json"] if by_tool else saw.schema)


def test_limit_is_a_status(sdk, faulty_lab, face):
    faulty_lab.upstream.always(failing(429, retry_after="7"))
    assert sdk.ask(faulty_lab, face, "text")["status"] == 429


def test_error_in_a_stream_is_told(sdk, faulty_lab, face):
    faulty_lab.upstream.always(Answer(cut="error"))
    assert "error" in sdk.ask(faulty_lab, face, "stream")
