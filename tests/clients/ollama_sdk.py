"""Ollama's own library, with an upstream of each dialect: everything is translated, since no provider is called in its dialect."""

import asyncio

import ollama
import pytest

from cases import BROKE_DOWN, ENVELOPE, PARIS, PNG, PNG_BASE64, REASONING, ROME, TEXT, TRANSPORT_ERRORS
from cases import WEATHER_DESCRIPTION, WEATHER_SCHEMA, Weather, asks_for_weather, takes_a_city
from received import model_of, read
from scripted import LONG_BYTES, Answer, failing, longer

pytestmark = pytest.mark.gateway

FAMILY = "SDKs for Python"
CLIENT = "ollama (PyPI)"
ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
ASK_WEATHER = [{"role": "user", "content": "What is the weather?"}]
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": WEATHER_DESCRIPTION, "parameters": WEATHER_SCHEMA}}]


@pytest.fixture
def client(lab):
    return ollama.Client(lab.base_url)


def answered(lab, client, case, streamed, /, **options):
    """One answer: its message and its end, streamed or not."""
    lab.upstream.will(case)
    options = {"model": lab.model, "messages": ASK_WEATHER, "tools": TOOLS, **options}
    if not streamed:
        answer = client.chat(**options)
        return answer.message, answer
    chunks = list(client.chat(stream=True, **options))
    assert [chunk.done for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    message = ollama.Message(
        role="assistant",
        content="".join(chunk.message.content for chunk in chunks),
        thinking="".join(chunk.message.thinking or "" for chunk in chunks) or None,
        tool_calls=[call for chunk in chunks for call in chunk.message.tool_calls or []] or None,
    )
    return message, chunks[-1]


def calls_of(message):
    return [(call.function.name, dict(call.function.arguments)) for call in message.tool_calls]


def result_of(text):
    return {"role": "tool", "tool_name": "get_weather", "content": text}


@pytest.mark.parametrize("streamed", [False, True])
def test_text_and_usage(lab, client, streamed):
    message, last = answered(lab, client, "text", streamed, messages=ASK, tools=None, options={"num_predict": 100})
    assert (message.content, last.done_reason) == (TEXT, "stop")
    assert (last.prompt_eval_count, last.eval_count) == (12, 7)
    assert (last.model, last.total_duration > 0, last.eval_duration) == (lab.model, True, None)
    saw = read(lab.upstream)
    assert (saw.system, saw.users, saw.output_tokens_max) == ("Be brief.", ["Hi"], 100)
    assert model_of(lab.upstream) == "model-1"


@pytest.mark.parametrize("streamed", [False, True])
def test_prompt(lab, client, streamed):
    lab.upstream.will("text")
    answer = client.generate(lab.model, "Hi", system="Be brief.", stream=streamed)
    chunks = list(answer) if streamed else [answer]
    assert ("".join(chunk.response for chunk in chunks), chunks[-1].done_reason) == (TEXT, "stop")
    saw = read(lab.upstream)
    assert (saw.system, saw.users) == ("Be brief.", ["Hi"])


def test_async_stream(lab):
    async def run():
        chunks = await ollama.AsyncClient(lab.base_url).chat(lab.model, ASK, stream=True)
        return "".join([chunk.message.content async for chunk in chunks])

    lab.upstream.will("text")
    assert asyncio.run(run()) == TEXT


@pytest.mark.parametrize("streamed", [False, True])
def test_tool_call_and_result(lab, client, streamed):
    first, _ = answered(lab, client, "tool", streamed)
    assert calls_of(first) == [PARIS]
    assert takes_a_city(read(lab.upstream).tools)
    second, _ = answered(lab, client, "text", streamed, messages=[*ASK_WEATHER, first, result_of("sunny")])
    assert second.content == TEXT
    saw = read(lab.upstream)
    assert (saw.calls, saw.results, saw.pairs_match) == ([PARIS], ["sunny"], True)


@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_calls_with_results(lab, client, streamed):
    first, _ = answered(lab, client, "parallel", streamed)
    assert calls_of(first) == [PARIS, ROME]
    answered(lab, client, "text", streamed, messages=[*ASK_WEATHER, first, result_of("sunny"), result_of("rain")])
    saw = read(lab.upstream)
    assert (saw.calls, saw.results, saw.pairs_match) == ([PARIS, ROME], ["sunny", "rain"], True)


@pytest.mark.parametrize("streamed", [False, True])
def test_thinking(lab, client, streamed, fact):
    fact("ollama-no-ids")
    first, _ = answered(lab, client, "reasoning", streamed, think="high")
    assert first.thinking == REASONING
    assert read(lab.upstream).asks_reasoning
    second, _ = answered(lab, client, "text", streamed, messages=[*ASK_WEATHER, first, result_of("sunny")], think="high")
    assert second.content == TEXT
    assert read(lab.upstream).pairs_match
    assert ENVELOPE not in lab.upstream.last.body


def test_structured_output(lab, client):
    message, _ = answered(lab, client, "structured", False, tools=None, format=Weather.model_json_schema())
    assert Weather.model_validate_json(message.content) == Weather(city="Paris", degrees=21)
    assert asks_for_weather(read(lab.upstream).schema)


def test_image(lab, client):
    asked = [{"role": "user", "content": "What is it?", "images": [PNG]}]
    answered(lab, client, "text", False, messages=asked, tools=None)
    assert read(lab.upstream).images == [("image/png", PNG_BASE64)]


def test_image_beside_a_prompt(lab, client):
    lab.upstream.will("text")
    client.generate(lab.model, "What is it?", images=[PNG])
    assert read(lab.upstream).images == [("image/png", PNG_BASE64)]


def test_long_answer(lab, client):
    message, _ = answered(lab, client, Answer(longer=LONG_BYTES), True, tools=None)
    assert message.content == f"{TEXT} {longer(LONG_BYTES)}"


def test_cancelling_reaches_the_upstream(lab, client):
    lab.upstream.will(Answer(cut="held"))
    stream = client.chat(lab.model, ASK, stream=True)
    next(stream)
    stream.close()
    assert lab.upstream.left.get(timeout=15), "the upstream was kept waiting"


@pytest.mark.parametrize("dialect", ["openai_chat", "gemini"])
def test_embeddings(lab, client):
    lab.upstream.will("embeddings")
    answer = client.embed(lab.model, ["one", "two"])
    assert answer.embeddings == [[0.5, -0.25, 0.125], [0.0625, 1.0, -1.0]]


@pytest.mark.parametrize("dialect", ["openai_responses", "anthropic"])
def test_embeddings_of_a_dialect_that_has_none(lab, client):
    with pytest.raises(ollama.ResponseError, match="embeddings"):
        client.embed(lab.model, "one")


@pytest.mark.parametrize("dialect", ["openai_chat"])
def test_models_are_listed_and_found(lab, client):
    names = [model.model for model in client.list().models]
    assert {"gpt-5-mini", "demo"} <= set(names)
    for name in names:
        shown = client.show(name)
        assert shown.capabilities and "general.architecture" in shown.modelinfo
    assert client.ps().models == []


@pytest.mark.parametrize("dialect", ["openai_chat"])
def test_models_are_not_kept_here(lab, client):
    for ask in (lambda: client.pull("m"), lambda: client.delete("m"), lambda: client.copy("m", "n")):
        with pytest.raises(ollama.ResponseError, match="each runs at its provider") as caught:
            ask()
        assert caught.value.status_code == 501


def test_wrong_request_is_told_once(faulty_lab):
    faulty_lab.upstream.always(failing(400))
    with pytest.raises(ollama.ResponseError, match="scripted: this request is wrong") as caught:
        ollama.Client(faulty_lab.base_url).chat(faulty_lab.model, ASK)
    assert (caught.value.status_code, len(faulty_lab.upstream.received)) == (400, 1)


def test_unknown_model_is_told(faulty_lab):
    faulty_lab.upstream.always(failing(404, "no_model"))
    with pytest.raises(ollama.ResponseError) as caught:
        ollama.Client(faulty_lab.base_url).chat(faulty_lab.model, ASK)
    assert caught.value.status_code == 404


def test_limit_is_a_status(faulty_lab):
    faulty_lab.upstream.always(failing(429, retry_after="7"))
    with pytest.raises(ollama.ResponseError) as caught:
        ollama.Client(faulty_lab.base_url).chat(faulty_lab.model, ASK)
    assert caught.value.status_code == 429


def test_error_in_a_stream_raises(faulty_lab):
    faulty_lab.upstream.always(Answer(cut="error"))
    heard = []
    with pytest.raises(ollama.ResponseError, match=BROKE_DOWN):
        for chunk in ollama.Client(faulty_lab.base_url).chat(faulty_lab.model, ASK, stream=True):
            heard.append(chunk.message.content)
    assert any(heard) and TEXT.startswith("".join(heard))


@pytest.mark.parametrize("cut", ["abrupt", "clean"])
def test_cut_stream_raises(faulty_lab, cut):
    faulty_lab.upstream.always(Answer(cut=cut))
    with pytest.raises((ollama.ResponseError, *TRANSPORT_ERRORS)):
        list(ollama.Client(faulty_lab.base_url).chat(faulty_lab.model, ASK, stream=True))
