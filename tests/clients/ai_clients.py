"""The AI SDK (npm `ai`) in two majors, with its OpenAI, OpenAI-compatible, Anthropic and Google providers, with an upstream of each
dialect.

One node process (`ai_sdk.mjs`) for each major answers for all cases; `tests/run ai` installs them and says in AI_SDK_6 and AI_SDK_7
where.
"""

import os

import pytest

from cases import ENVELOPE, PARIS, PDF_BASE64, PNG_BASE64, REASONING, ROME, TEXT, TOKENS, asks_for_weather, takes_a_city
from received import read
from scripted import LONG_BYTES, Answer, failing, longer
from sdk_process import SdkProcess

pytestmark = pytest.mark.gateway

MAJORS = ("6", "7")
PROVIDERS = {
    "chat": "@ai-sdk/openai, Chat",
    "responses": "@ai-sdk/openai, Responses",
    "compatible": "@ai-sdk/openai-compatible",
    "anthropic": "@ai-sdk/anthropic",
    "google": "@ai-sdk/google",
}
FACES = [f"{provider} {major}" for major in MAJORS for provider in PROVIDERS]
FAMILY = "AI SDK"
CLIENT = {face: f"ai (major {face[-1]}), {PROVIDERS[face[:-2]]}" for face in FACES}
WEATHER = {"city": "Paris", "degrees": 21}


class Face:
    """One provider of one major."""

    def __init__(self, process, provider):
        self.process, self.provider = process, provider

    def ask(self, lab, how, **options):
        return self.process.ask(lab, face=self.provider, how=how, **options)

    def answer(self, lab, how, **options):
        return self.process.answer(lab, face=self.provider, how=how, **options)


@pytest.fixture(scope="session")
def majors():
    running = {major: SdkProcess("ai_sdk.mjs", os.environ[f"AI_SDK_{major}"]) for major in MAJORS}
    yield running
    for process in running.values():
        process.stop()


@pytest.fixture(params=FACES)
def face(request, majors):
    provider, major = request.param.split()
    return Face(majors[major], provider)


@pytest.mark.parametrize("how", ["text", "stream"])
def test_text_and_usage(lab, face, how):
    lab.upstream.will("text")
    said = face.answer(lab, how)
    assert (said["text"], said["finish"], said["usage"]) == (TEXT, "stop", [12, 7])
    saw = read(lab.upstream)
    assert (saw.system, saw.users) == ("Be brief.", ["What is the weather?"])


@pytest.mark.parametrize("how", ["tools", "tools streamed"])
def test_tool_loop_brings_the_reasoning_back(lab, face, how, fact):
    lab.upstream.will("reasoning", "text")
    said = face.answer(lab, how)
    assert (said["text"], said["calls"]) == (TEXT, [list(PARIS)])
    if face.provider == "chat":
        fact("ai-chat-no-reasoning")
    assert said.get("reasoning") == (None if face.provider == "chat" else REASONING)
    saw = read(lab.upstream)
    assert takes_a_city(saw.tools)
    assert (saw.calls, saw.pairs_match) == ([PARIS], True)
    # The Google face wraps the result into an object of its own.
    [result] = saw.results
    assert "sunny" in result
    assert saw.tokens == TOKENS[lab.upstream.dialect]
    assert ENVELOPE not in lab.upstream.last.body


@pytest.mark.parametrize("how", ["tools", "tools streamed"])
def test_parallel_tools(lab, face, how):
    lab.upstream.will("parallel", "text")
    said = face.answer(lab, how)
    assert (said["text"], said["calls"]) == (TEXT, [list(PARIS), list(ROME)])
    saw = read(lab.upstream)
    assert (saw.calls, saw.pairs_match, len(saw.results)) == ([PARIS, ROME], True, 2)


def test_structured_output(lab, face, fact):
    by_tool = face.provider == "anthropic"
    lab.upstream.will(Answer("tool", call=("json", WEATHER)) if by_tool else "structured")
    assert face.answer(lab, "object")["object"] == WEATHER
    saw = read(lab.upstream)
    if by_tool:
        fact("ai-object-by-tool")
        assert asks_for_weather(saw.tools["json"])
    elif face.provider == "compatible":
        fact("ai-compatible-json")
    else:
        assert asks_for_weather(saw.schema)


def test_image(lab, face):
    lab.upstream.will("text")
    face.answer(lab, "image", image=PNG_BASE64)
    assert read(lab.upstream).images == [("image/png", PNG_BASE64)]


def test_pdf(lab, face):
    lab.upstream.will("text")
    face.answer(lab, "pdf", pdf=PDF_BASE64)
    assert read(lab.upstream).documents == [("application/pdf", PDF_BASE64)]


@pytest.mark.full
@pytest.mark.parametrize("how", ["text", "stream"])
def test_long_answer(lab, face, how):
    lab.upstream.will(Answer(longer=LONG_BYTES))
    assert face.answer(lab, how)["text"] == f"{TEXT} {longer(LONG_BYTES)}"


def test_cancelling_reaches_the_upstream(lab, face):
    lab.upstream.will(Answer(cut="held"))
    assert TEXT.startswith(face.answer(lab, "cancel")["text"])
    assert lab.upstream.left.get(timeout=15), "the upstream was kept waiting"


@pytest.mark.full
def test_wrong_request_is_told(faulty_lab, face):
    faulty_lab.upstream.always(failing(400))
    said = face.ask(faulty_lab, "text")
    assert (said["status"], "scripted: this request is wrong" in said["error"]) == (400, True)


@pytest.mark.full
def test_unknown_model_is_told(faulty_lab, face):
    faulty_lab.upstream.always(failing(404, "no_model"))
    assert face.ask(faulty_lab, "text")["status"] == 404


@pytest.mark.full
def test_bad_moment_is_overcome(faulty_lab, face):
    faulty_lab.upstream.will(failing(503))
    faulty_lab.upstream.always(Answer("text"))
    assert face.answer(faulty_lab, "text", retries=2)["text"] == TEXT


@pytest.mark.full
@pytest.mark.parametrize("cut", ["clean", "abrupt"])
def test_half_an_answer_never_passes_for_a_whole_one(faulty_lab, face, cut):
    faulty_lab.upstream.always(Answer(cut=cut))
    assert "error" in face.ask(faulty_lab, "stream")


def test_limit_is_a_status(faulty_lab, face):
    faulty_lab.upstream.always(failing(429, retry_after="7"))
    assert face.ask(faulty_lab, "text")["status"] == 429


def test_error_in_a_stream_is_told(faulty_lab, face):
    faulty_lab.upstream.always(Answer(cut="error"))
    assert "error" in face.ask(faulty_lab, "stream")
