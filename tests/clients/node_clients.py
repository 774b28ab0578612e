"""The official SDKs for JavaScript (OpenAI, Anthropic, Google Gen AI, Ollama), with an upstream of each dialect.

One node process (`sdks.mjs`) answers for all cases; `tests/run ai` installs them and says in JS_SDKS where.
"""

import os

import pytest

from cases import BROKE_DOWN, ENVELOPE, PARIS, PDF_BASE64, PNG_BASE64, REASONING, ROME, TEXT, TOKENS, asks_for_weather, takes_a_city
from received import model_of, read
from scripted import LONG_BYTES, Answer, failing, longer
from sdk_process import SdkProcess

pytestmark = pytest.mark.gateway

VENDORS = ["chat", "responses", "anthropic", "google"]
FACES = [*VENDORS, "ollama"]
FAMILY = "SDKs for JavaScript"
CLIENT = {"chat": "openai (npm), Chat", "responses": "openai (npm), Responses", "anthropic": "@anthropic-ai/sdk", "google": "@google/genai", "ollama": "ollama (npm)"}
STOPPED = {"chat": "stop", "responses": "completed", "anthropic": "end_turn", "google": "STOP", "ollama": "stop"}
PROMPT = "What is the weather?"


@pytest.fixture(scope="session")
def sdks():
    running = SdkProcess("sdks.mjs", os.environ["JS_SDKS"])
    yield running
    running.stop()


@pytest.fixture(params=FACES)
def face(request):
    return request.param


@pytest.mark.parametrize("how", ["text", "stream"])
def test_text_and_usage(sdks, lab, face, how):
    lab.upstream.will("text")
    said = sdks.answer(lab, face=face, how=how)
    assert (said["text"], said["finish"], said["usage"]) == (TEXT, STOPPED[face], [12, 7])
    saw = read(lab.upstream)
    assert (saw.system, saw.users, model_of(lab.upstream)) == ("Be brief.", [PROMPT], "model-1")


@pytest.mark.parametrize("how", ["tools", "tools streamed"])
def test_tool_loop_brings_the_reasoning_back(sdks, lab, face, how, fact):
    lab.upstream.will("reasoning", "text")
    said = sdks.answer(lab, face=face, how=how)
    assert (said["text"], said["calls"]) == (TEXT, [list(PARIS)])
    pieces = face == "chat" and how == "tools streamed"
    if pieces:
        fact("sdk-last-piece")
    assert said["reasoning"] == REASONING or (pieces and REASONING.endswith(said["reasoning"]))
    assert read(lab.upstream, 0).asks_reasoning
    saw = read(lab.upstream)
    assert takes_a_city(saw.tools)
    assert (saw.calls, saw.pairs_match) == ([PARIS], True)
    assert "sunny" in saw.results[0]
    assert saw.tokens == TOKENS[lab.upstream.dialect]
    assert ENVELOPE not in lab.upstream.last.body


@pytest.mark.parametrize("how", ["tools", "tools streamed"])
def test_parallel_tools(sdks, lab, face, how):
    lab.upstream.will("parallel", "text")
    said = sdks.answer(lab, face=face, how=how)
    assert (said["text"], said["calls"]) == (TEXT, [list(PARIS), list(ROME)])
    saw = read(lab.upstream)
    assert (saw.calls, saw.pairs_match) == ([PARIS, ROME], True)
    assert [word in result for word, result in zip(("sunny", "rain"), saw.results, strict=True)] == [True, True]


def test_structured_output(sdks, lab, face):
    lab.upstream.will("structured")
    assert sdks.answer(lab, face=face, how="object")["object"] == {"city": "Paris", "degrees": 21}
    assert asks_for_weather(read(lab.upstream).schema)


def test_image(sdks, lab, face):
    lab.upstream.will("text")
    sdks.answer(lab, face=face, how="image", image=PNG_BASE64)
    assert read(lab.upstream).images == [("image/png", PNG_BASE64)]


@pytest.mark.parametrize("face", VENDORS)
def test_pdf(sdks, lab, face):
    lab.upstream.will("text")
    sdks.answer(lab, face=face, how="pdf", pdf=PDF_BASE64)
    assert read(lab.upstream).documents == [("application/pdf", PDF_BASE64)]


@pytest.mark.parametrize("face", ["responses", "anthropic", "google"])
def test_counting(sdks, lab, face):
    # Chat has no counter: the gateway estimates.
    if lab.upstream.dialect == "openai_chat":
        assert sdks.answer(lab, face=face, how="count")["count"] > 0
        return
    lab.upstream.will("count")
    assert sdks.answer(lab, face=face, how="count")["count"] == 42


@pytest.mark.parametrize("dialect", ["openai_chat"])
def test_models_are_listed_and_found(sdks, lab, face):
    said = sdks.answer(lab, face=face, how="models")
    ids = [name.removeprefix("models/") for name in said["ids"]]
    assert {"gpt-5-mini", "demo"} <= set(ids)
    assert said["found"] == said["ids"][0]


@pytest.mark.parametrize("face", ["ollama"])
@pytest.mark.parametrize("dialect", ["openai_chat", "gemini"])
def test_embeddings(sdks, lab, face):
    lab.upstream.will("embeddings")
    assert sdks.answer(lab, face=face, how="embed")["vectors"] == [[0.5, -0.25, 0.125], [0.0625, 1.0, -1.0]]


@pytest.mark.parametrize("how", ["text", "stream"])
def test_long_answer(sdks, lab, face, how):
    lab.upstream.will(Answer(longer=LONG_BYTES))
    assert sdks.answer(lab, face=face, how=how)["text"] == f"{TEXT} {longer(LONG_BYTES)}"


def test_cancelling_reaches_the_upstream(sdks, lab, face):
    lab.upstream.will(Answer(cut="held"))
    assert TEXT.startswith(sdks.answer(lab, face=face, how="cancel")["text"])
    assert lab.upstream.left.get(timeout=15), "the upstream was kept waiting"


def test_wrong_request_is_told_once(sdks, faulty_lab, face):
    faulty_lab.upstream.always(failing(400))
    said = sdks.ask(faulty_lab, face=face, how="text")
    assert (said["status"], "scripted: this request is wrong" in said["error"]) == (400, True)
    assert len(faulty_lab.upstream.received) == 1


def test_unknown_model_is_told(sdks, faulty_lab, face):
    faulty_lab.upstream.always(failing(404, "no_model"))
    assert sdks.ask(faulty_lab, face=face, how="text")["status"] == 404


# Ollama's library keeps no header, and tries nothing again.
@pytest.mark.parametrize("face", VENDORS)
def test_limit_says_when_to_come_back(sdks, faulty_lab, face):
    faulty_lab.upstream.always(failing(429, retry_after="7"))
    said = sdks.ask(faulty_lab, face=face, how="text")
    assert said["status"] == 429
    assert 5 <= int(said["retryAfter"]) <= 7


@pytest.mark.parametrize("face", VENDORS)
def test_bad_moment_is_overcome_by_trying_again(sdks, faulty_lab, face):
    faulty_lab.upstream.will(failing(503))
    faulty_lab.upstream.always(Answer("text"))
    assert sdks.answer(faulty_lab, face=face, how="text", retries=2)["text"] == TEXT


@pytest.mark.parametrize("cut", ["error", "clean", "abrupt"])
def test_half_an_answer_never_passes_for_a_whole_one(sdks, faulty_lab, face, cut):
    faulty_lab.upstream.always(Answer(cut=cut))
    said = sdks.ask(faulty_lab, face=face, how="stream")
    assert "error" in said
    if cut == "error" and face != "google":
        assert BROKE_DOWN in said["error"]
