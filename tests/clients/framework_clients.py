"""LangChain's chat models and LiteLLM as a client, with an upstream of each dialect.

They live in a venv of their own, since they pin other SDKs; `tests/run ai` makes it.
"""

import pytest

from cases import ENVELOPE, PARIS, PDF_BASE64, PNG_BASE64, REASONING, ROME, TEXT, TOKENS, Weather, asks_for_weather, takes_a_city
from frameworks import FACES
from received import model_of, read
from scripted import LONG_BYTES, Answer, failing, longer

pytestmark = pytest.mark.gateway

FAMILY = "LangChain and LiteLLM"
CLIENT = {
    "langchain chat": "langchain-openai, Chat",
    "langchain responses": "langchain-openai, Responses",
    "langchain anthropic": "langchain-anthropic",
    "langchain google": "langchain-google-genai",
    "litellm openai": "litellm, openai",
    "litellm anthropic": "litellm, anthropic",
    "litellm gemini": "litellm, gemini",
}
PROMPT = "What is the weather?"


@pytest.fixture(params=FACES)
def face(request):
    return request.param


@pytest.fixture
def client(face):
    return FACES[face]


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streamed(request):
    return request.param


def test_text_and_usage(lab, client, face, streamed, fact):
    lab.upstream.will("text")
    said = client.text(lab, streamed)
    assert (said["text"], said["usage"]) == (TEXT, [12, 7])
    saw = read(lab.upstream)
    assert model_of(lab.upstream) == "model-1"
    if face == "litellm gemini" and "gemini" not in lab.model:
        fact("litellm-system")
        assert (saw.system, "".join(saw.users)) == ("", f"Be brief.{PROMPT}")
    else:
        assert (saw.system, saw.users) == ("Be brief.", [PROMPT])


def test_tool_loop_brings_the_reasoning_back(lab, client, face, streamed, fact):
    lab.upstream.will("reasoning", "text")
    said = client.loop(lab, streamed)
    assert (said["text"], said["calls"]) == (TEXT, [PARIS])
    if face == "langchain chat":
        fact("langchain-chat-no-reasoning")
    else:
        assert said["reasoning"] == REASONING
    saw = read(lab.upstream)
    assert takes_a_city(saw.tools)
    assert (saw.calls, saw.pairs_match) == ([PARIS], True)
    assert "sunny" in saw.results[0]
    assert saw.tokens == TOKENS[lab.upstream.dialect]
    assert ENVELOPE not in lab.upstream.last.body


def test_parallel_tools(lab, client, streamed):
    lab.upstream.will("parallel", "text")
    said = client.loop(lab, streamed)
    assert (said["text"], said["calls"]) == (TEXT, [PARIS, ROME])
    saw = read(lab.upstream)
    assert (saw.calls, saw.pairs_match) == ([PARIS, ROME], True)
    assert [word in result for word, result in zip(("sunny", "rain"), saw.results, strict=True)] == [True, True]


def test_structured_output(lab, client, face, fact):
    lab.upstream.will("structured")
    assert client.object(lab)["object"] == Weather(city="Paris", degrees=21)
    saw = read(lab.upstream)
    if face == "litellm anthropic":
        fact("litellm-object")
        assert asks_for_weather(saw.tools["json_tool_call"])
    elif face == "litellm gemini":
        fact("litellm-object")
        assert "degrees" in "".join(saw.users)
    else:
        assert asks_for_weather(saw.schema)


def test_image(lab, client):
    lab.upstream.will("text")
    client.image(lab)
    assert read(lab.upstream).images == [("image/png", PNG_BASE64)]


def test_pdf(lab, client):
    lab.upstream.will("text")
    client.pdf(lab)
    assert read(lab.upstream).documents == [("application/pdf", PDF_BASE64)]


def test_long_answer(lab, client, streamed):
    lab.upstream.will(Answer(longer=LONG_BYTES))
    assert client.text(lab, streamed)["text"] == f"{TEXT} {longer(LONG_BYTES)}"


def test_cancelling_reaches_the_upstream(lab, client):
    lab.upstream.will(Answer(cut="held"))
    assert TEXT.startswith(client.cancel(lab)["text"])
    assert lab.upstream.left.get(timeout=15), "the upstream was kept waiting"


def status_of(error):
    return getattr(error, "status_code", None) or getattr(error, "code", None) or status_of(error.__cause__)


def test_wrong_request_is_told(faulty_lab, client):
    faulty_lab.upstream.always(failing(400))
    with pytest.raises(Exception, match="scripted: this request is wrong") as caught:
        client.text(faulty_lab)
    assert status_of(caught.value) == 400


def test_unknown_model_is_told(faulty_lab, client):
    faulty_lab.upstream.always(failing(404, "no_model"))
    with pytest.raises(Exception) as caught:
        client.text(faulty_lab)
    assert status_of(caught.value) == 404


def test_limit_is_a_status(faulty_lab, client):
    faulty_lab.upstream.always(failing(429, retry_after="7"))
    with pytest.raises(Exception) as caught:
        client.text(faulty_lab)
    assert status_of(caught.value) == 429


def test_bad_moment_is_overcome(faulty_lab, client):
    faulty_lab.upstream.will(failing(503))
    faulty_lab.upstream.always(Answer("text"))
    assert client.text(faulty_lab, retries=2)["text"] == TEXT


@pytest.mark.parametrize("cut", ["error", "clean", "abrupt"])
def test_half_an_answer_never_passes_for_a_whole_one(faulty_lab, client, cut):
    faulty_lab.upstream.always(Answer(cut=cut))
    with pytest.raises(Exception):
        client.text(faulty_lab, streamed=True)
