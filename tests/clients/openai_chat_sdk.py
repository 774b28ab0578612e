"""The official OpenAI SDK on Chat Completions, with an upstream of each dialect."""

import asyncio
import json

import openai
import pytest

from cases import BROKE_DOWN, ENVELOPE, PARIS, PDF_BASE64, PNG_BASE64, REASONING, ROME, TEXT, TOKENS, TRANSPORT_ERRORS
from cases import WEATHER_DESCRIPTION, WEATHER_SCHEMA, Weather, asks_for_weather, takes_a_city
from received import model_of, read
from scripted import LONG_BYTES, Answer, failing, longer

FAMILY = "SDKs for Python"
CLIENT = "openai (PyPI), Chat"
OWN_DIALECT = "openai_chat"
ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
ASK_WEATHER = [{"role": "user", "content": "What is the weather?"}]
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": WEATHER_DESCRIPTION, "parameters": WEATHER_SCHEMA}}]


def client_of(lab):
    return openai.OpenAI(base_url=f"{lab.base_url}/v1", api_key=lab.key, max_retries=0)


@pytest.fixture
def chat(lab):
    with client_of(lab) as client:
        yield client.chat.completions


def result_of(call, text):
    return {"role": "tool", "tool_call_id": call.id, "content": text}


def answered(lab, chat, case, streamed, /, **options):
    """One answer as a message, streamed or not."""
    lab.upstream.will(case)
    options = {"model": lab.model, "messages": ASK_WEATHER, "tools": TOOLS, **options}
    if not streamed:
        return chat.create(**options).choices[0]
    with chat.stream(**options) as stream:
        return stream.get_final_completion().choices[0]


def test_text_and_usage(lab, chat):
    lab.upstream.will("text")
    answer = chat.create(model=lab.model, messages=ASK, max_completion_tokens=100)
    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].finish_reason == "stop"
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (12, 7, 19)
    assert usage.prompt_tokens_details.cached_tokens == 4
    saw = read(lab.upstream)
    assert (saw.system, saw.users, saw.output_tokens_max) == ("Be brief.", ["Hi"], 100)
    assert model_of(lab.upstream) == "model-1"


def test_raw_stream_finishes_once_and_tells_usage_when_asked(lab, chat):
    lab.upstream.will("text")
    chunks = list(chat.create(model=lab.model, messages=ASK, stream=True, stream_options={"include_usage": True}))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == TEXT
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == [19]
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_raw_stream_has_no_usage_when_not_asked(lab, chat):
    lab.upstream.will("text")
    chunks = list(chat.create(model=lab.model, messages=ASK, stream=True))
    assert [chunk.usage for chunk in chunks if chunk.usage] == []


def test_stream_helper(lab, chat):
    lab.upstream.will("text")
    with chat.stream(model=lab.model, messages=ASK) as stream:
        text = "".join(event.delta for event in stream if event.type == "content.delta")
        final = stream.get_final_completion()
    assert (text, final.choices[0].message.content) == (TEXT, TEXT)


def test_async_stream(lab):
    async def run():
        async with openai.AsyncOpenAI(base_url=f"{lab.base_url}/v1", api_key=lab.key, max_retries=0) as client:
            stream = await client.chat.completions.create(model=lab.model, messages=ASK, stream=True)
            return "".join([choice.delta.content or "" async for chunk in stream for choice in chunk.choices])

    lab.upstream.will("text")
    assert asyncio.run(run()) == TEXT


@pytest.mark.parametrize("streamed", [False, True])
def test_tool_call_and_result(lab, chat, streamed):
    first = answered(lab, chat, "tool", streamed)
    assert first.finish_reason == "tool_calls"
    call = first.message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == PARIS
    assert takes_a_city(read(lab.upstream).tools)

    history = [*ASK_WEATHER, first.message.model_dump(exclude_none=True), result_of(call, "sunny")]
    second = answered(lab, chat, "text", streamed, messages=history)
    assert second.message.content == TEXT
    saw = read(lab.upstream)
    assert (saw.calls, saw.results, saw.pairs_match) == ([PARIS], ["sunny"], True)


@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_calls_with_results_out_of_order(lab, chat, streamed):
    first = answered(lab, chat, "parallel", streamed)
    calls = first.message.tool_calls
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [PARIS, ROME]
    assert calls[0].id != calls[1].id

    results = [result_of(calls[1], "rain"), result_of(calls[0], "sunny")]
    answered(lab, chat, "text", streamed, messages=[*ASK_WEATHER, first.message.model_dump(exclude_none=True), *results])
    saw = read(lab.upstream)
    assert saw.calls == [PARIS, ROME]
    # Passthrough keeps the client's order; a translation puts the results in the order of the calls.
    assert saw.results == (["rain", "sunny"] if lab.upstream.dialect == OWN_DIALECT else ["sunny", "rain"])


@pytest.mark.parametrize("streamed", [False, True])
def test_reasoning_comes_back_to_its_maker(lab, chat, streamed):
    first = answered(lab, chat, "reasoning", streamed, reasoning_effort="high")
    assert first.message.reasoning_content == REASONING
    assert read(lab.upstream).asks_reasoning

    history = [*ASK_WEATHER, first.message.model_dump(exclude_none=True), result_of(first.message.tool_calls[0], "sunny")]
    answered(lab, chat, "text", streamed, messages=history, reasoning_effort="high")
    assert read(lab.upstream).tokens == TOKENS[lab.upstream.dialect]
    assert ENVELOPE not in lab.upstream.last.body


def test_reasoning_tokens_are_counted(lab, chat):
    lab.upstream.will("reasoning")
    usage = chat.create(model=lab.model, messages=ASK_WEATHER, tools=TOOLS, reasoning_effort="high").usage
    assert (usage.completion_tokens, usage.completion_tokens_details.reasoning_tokens) == (20, 9)


def test_structured_output(lab, chat):
    lab.upstream.will("structured")
    answer = chat.parse(model=lab.model, messages=ASK_WEATHER, response_format=Weather)
    assert answer.choices[0].message.parsed == Weather(city="Paris", degrees=21)
    assert asks_for_weather(read(lab.upstream).schema)


def test_image(lab, chat):
    lab.upstream.will("text")
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"}}
    chat.create(model=lab.model, messages=[{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}])
    assert read(lab.upstream).images == [("image/png", PNG_BASE64)]


def test_pdf(lab, chat):
    lab.upstream.will("text")
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF_BASE64}"}}
    chat.create(model=lab.model, messages=[{"role": "user", "content": [file, {"type": "text", "text": "What is it?"}]}])
    assert read(lab.upstream).documents == [("application/pdf", PDF_BASE64)]


def test_long_answer(lab, chat):
    lab.upstream.will(Answer(longer=LONG_BYTES))
    stream = chat.create(model=lab.model, messages=ASK, stream=True)
    text = "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)
    assert text == f"{TEXT} {longer(LONG_BYTES)}"


def test_cancelling_reaches_the_upstream(lab, chat):
    lab.upstream.will(Answer(cut="held"))
    with chat.create(model=lab.model, messages=ASK, stream=True) as stream:
        next(stream)
    assert lab.upstream.left.get(timeout=15), "the upstream was kept waiting"


def test_unknown_model_is_told(faulty_lab):
    faulty_lab.upstream.always(failing(404, "no_model"))
    with client_of(faulty_lab) as client, pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model=faulty_lab.model, messages=ASK)


def test_wrong_request_is_told_once(faulty_lab):
    faulty_lab.upstream.always(failing(400))
    with client_of(faulty_lab) as client, pytest.raises(openai.BadRequestError, match="scripted: this request is wrong"):
        client.chat.completions.create(model=faulty_lab.model, messages=ASK)
    assert len(faulty_lab.upstream.received) == 1


@pytest.mark.gateway
def test_refused_account_is_not_the_clients_fault(faulty_lab):
    faulty_lab.upstream.always(failing(401))
    with client_of(faulty_lab) as client, pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=faulty_lab.model, messages=ASK)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_auth")


def test_limit_says_when_to_come_back(faulty_lab):
    faulty_lab.upstream.always(failing(429, retry_after="7"))
    with client_of(faulty_lab) as client, pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=faulty_lab.model, messages=ASK)
    assert 5 <= int(caught.value.response.headers["retry-after"]) <= 7


def test_overload(faulty_lab):
    faulty_lab.upstream.always(failing(503))
    with client_of(faulty_lab) as client, pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=faulty_lab.model, messages=ASK)
    assert caught.value.status_code == 503


def test_bad_moments_are_overcome_by_trying_again(faulty_lab, monkeypatch):
    monkeypatch.setattr(openai.OpenAI, "_calculate_retry_timeout", lambda *_, **__: 0)
    faulty_lab.upstream.will(failing(500), failing(503), "text")
    with client_of(faulty_lab).with_options(max_retries=2) as client:
        assert client.chat.completions.create(model=faulty_lab.model, messages=ASK).choices[0].message.content == TEXT
    assert len(faulty_lab.upstream.received) == 3


def test_error_in_a_stream_raises(faulty_lab):
    faulty_lab.upstream.always(Answer(cut="error"))
    heard = []
    with client_of(faulty_lab) as client, pytest.raises(openai.APIError, match=BROKE_DOWN):
        for chunk in client.chat.completions.create(model=faulty_lab.model, messages=ASK, stream=True):
            heard.extend(choice.delta.content or "" for choice in chunk.choices)
    assert any(heard) and TEXT.startswith("".join(heard))


@pytest.mark.gateway
def test_error_before_any_output_is_a_status(faulty_lab):
    faulty_lab.upstream.always(Answer(cut="early error"))
    with client_of(faulty_lab) as client, pytest.raises(openai.InternalServerError, match=BROKE_DOWN):
        client.chat.completions.create(model=faulty_lab.model, messages=ASK, stream=True)


# A body that ends cleanly without `[DONE]` is no error to the SDK: only the gateway can make it one.
@pytest.mark.parametrize("cut", ["abrupt", pytest.param("clean", marks=pytest.mark.gateway)])
def test_cut_stream_raises(faulty_lab, cut):
    faulty_lab.upstream.always(Answer(cut=cut))
    with client_of(faulty_lab) as client, pytest.raises((openai.APIError, *TRANSPORT_ERRORS)):
        list(client.chat.completions.create(model=faulty_lab.model, messages=ASK, stream=True))


@pytest.mark.parametrize("dialect", ["openai_chat", "gemini"])
def test_embeddings(lab):
    lab.upstream.will("embeddings")
    with client_of(lab) as client:
        answer = client.embeddings.create(model=lab.model, input=["one", "two"])
    assert [item.embedding for item in answer.data] == [[0.5, -0.25, 0.125], [0.0625, 1.0, -1.0]]


@pytest.mark.gateway
@pytest.mark.parametrize("dialect", ["anthropic"])
def test_embeddings_of_a_dialect_that_has_none(lab):
    with client_of(lab) as client, pytest.raises(openai.BadRequestError, match="embeddings"):
        client.embeddings.create(model=lab.model, input="one")


@pytest.mark.parametrize("dialect", ["openai_chat"])
@pytest.mark.parametrize("streamed", [False, True])
def test_legacy_completion_of_a_service_that_has_them(lab, streamed):
    lab.upstream.has_completions = True
    lab.upstream.will("completion")
    assert completed(lab, streamed) == (TEXT, "stop", 19)
    assert (lab.upstream.last.path, lab.upstream.last.json["prompt"]) == ("/v1/completions", "Once upon")


@pytest.mark.gateway
@pytest.mark.parametrize("streamed", [False, True])
def test_legacy_completion_of_a_service_that_has_none(lab, streamed):
    lab.upstream.will("text")
    assert completed(lab, streamed) == (TEXT, "stop", 19)
    saw = read(lab.upstream)
    assert (saw.users, saw.output_tokens_max) == (["Once upon"], 100)


def completed(lab, streamed):
    """The text, the reason of its end and the tokens of a legacy completion."""
    ask = {"model": lab.model, "prompt": "Once upon", "max_tokens": 100}
    if streamed:
        ask.update(stream=True, stream_options={"include_usage": True})
    with client_of(lab) as client:
        answer = client.completions.create(**ask)
        chunks = list(answer) if streamed else [answer]
    choices = [choice for chunk in chunks for choice in chunk.choices]
    [reason] = [choice.finish_reason for choice in choices if choice.finish_reason]
    [usage] = [chunk.usage for chunk in chunks if chunk.usage]
    return "".join(choice.text for choice in choices), reason, usage.total_tokens


@pytest.mark.gateway
@pytest.mark.parametrize("dialect", ["openai_chat"])
def test_models_are_listed_and_found(lab):
    with client_of(lab) as client:
        ids = [model.id for model in client.models.list()]
        assert [client.models.retrieve(name).id for name in ids] == ids
    assert ids[-1] == "demo" or ids[-1].startswith("demo/")


@pytest.mark.gateway
@pytest.mark.parametrize("dialect", ["openai_chat"])
def test_unknown_model(lab):
    with client_of(lab) as client, pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="no-such-model", messages=ASK)
    assert caught.value.code == "model_not_found"
