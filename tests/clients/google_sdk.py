"""The official Google Gen AI SDK, with an upstream of each dialect."""

import asyncio

import pytest
from google import genai
from google.genai import errors, types

from cases import BROKE_DOWN, ENVELOPE, PARIS, PDF, PDF_BASE64, PNG, PNG_BASE64, REASONING, ROME, TEXT, TOKENS, TRANSPORT_ERRORS
from cases import WEATHER_DESCRIPTION, WEATHER_SCHEMA, Weather, asks_for_weather, takes_a_city
from received import model_of, read
from scripted import LONG_BYTES, Answer, failing, longer

FAMILY = "SDKs for Python"
CLIENT = "google-genai (PyPI)"
OWN_DIALECT = "gemini"
DECLARATION = types.FunctionDeclaration(name="get_weather", description=WEATHER_DESCRIPTION, parameters_json_schema=WEATHER_SCHEMA)
TOOLS = [types.Tool(function_declarations=[DECLARATION])]
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)
ASK_WEATHER = types.Content(role="user", parts=[types.Part(text="What is the weather?")])
REASONED = {"thinking_config": types.ThinkingConfig(include_thoughts=True, thinking_level="HIGH")}


def client_of(lab, **options):
    return genai.Client(api_key=lab.key, http_options=types.HttpOptions(base_url=lab.base_url, **options))


@pytest.fixture
def models(lab):
    with client_of(lab) as client:
        yield client.models


def result_of(call, text):
    response = types.FunctionResponse(id=call.id, name=call.name, response={"output": text})
    return types.Part(function_response=response)


def answered(lab, models, case, streamed, contents=(ASK_WEATHER,), **config):
    """The parts and the last usage of one answer, streamed or not."""
    lab.upstream.will(case)
    options = types.GenerateContentConfig(tools=TOOLS, automatic_function_calling=BY_HAND, **config)
    arguments = {"model": lab.model, "contents": list(contents), "config": options}
    chunks = list(models.generate_content_stream(**arguments)) if streamed else [models.generate_content(**arguments)]
    parts = [part for chunk in chunks for part in (chunk.candidates[0].content.parts if chunk.candidates[0].content else []) or []]
    return parts, chunks[-1].usage_metadata


def calls_of(parts):
    return [part.function_call for part in parts if part.function_call]


def text_of(parts, thought=False):
    return "".join(part.text for part in parts if part.text and bool(part.thought) == thought)


def history_of(parts, *results):
    return [ASK_WEATHER, types.Content(role="model", parts=parts), types.Content(role="user", parts=list(results))]


def test_text_and_usage(lab, models):
    lab.upstream.will("text")
    config = types.GenerateContentConfig(system_instruction="Be brief.", max_output_tokens=100)
    answer = models.generate_content(model=lab.model, contents="Hi", config=config)
    assert (answer.text, answer.candidates[0].finish_reason) == (TEXT, types.FinishReason.STOP)
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count, usage.total_token_count) == (12, 7, 19)
    assert usage.cached_content_token_count == 4
    saw = read(lab.upstream)
    assert (saw.system, saw.users, saw.output_tokens_max) == ("Be brief.", ["Hi"], 100)
    assert model_of(lab.upstream) == "model-1"


def test_stream_finishes_once(lab, models):
    lab.upstream.will("text")
    chunks = list(models.generate_content_stream(model=lab.model, contents="Hi"))
    assert "".join(chunk.text or "" for chunk in chunks) == TEXT
    reasons = [candidate.finish_reason for chunk in chunks for candidate in chunk.candidates or [] if candidate.finish_reason]
    assert reasons == [types.FinishReason.STOP]
    assert chunks[-1].usage_metadata.total_token_count == 19


def test_async_stream(lab):
    async def run():
        async with client_of(lab).aio as client:
            stream = await client.models.generate_content_stream(model=lab.model, contents="Hi")
            return "".join([chunk.text or "" async for chunk in stream])

    lab.upstream.will("text")
    assert asyncio.run(run()) == TEXT


@pytest.mark.parametrize("streamed", [False, True])
def test_tool_call_and_result(lab, models, streamed):
    parts, _ = answered(lab, models, "tool", streamed)
    [call] = calls_of(parts)
    assert (call.name, call.args) == PARIS
    assert takes_a_city(read(lab.upstream).tools)

    parts, _ = answered(lab, models, "text", streamed, history_of(parts, result_of(call, "sunny")))
    assert text_of(parts) == TEXT
    saw = read(lab.upstream)
    assert (saw.calls, saw.results, saw.pairs_match) == ([PARIS], ["sunny"], True)


def test_automatic_function_calling(lab, models):
    asked = []

    def get_weather(city: str) -> str:
        """Tells the weather of a city."""
        asked.append(city)
        return "sunny"

    lab.upstream.will("tool", "text")
    config = types.GenerateContentConfig(tools=[get_weather])
    answer = models.generate_content(model=lab.model, contents="What is the weather?", config=config)
    assert (answer.text, asked) == (TEXT, ["Paris"])
    assert (read(lab.upstream).calls, len(read(lab.upstream).results)) == ([PARIS], 1)


@pytest.mark.parametrize("streamed", [False, True])
def test_chat_keeps_its_history(lab, streamed):
    def said(chat, text):
        chunks = chat.send_message_stream(text) if streamed else [chat.send_message(text)]
        return "".join(chunk.text or "" for chunk in chunks)

    lab.upstream.will("text", "text")
    with client_of(lab) as client:
        chat = client.chats.create(model=lab.model)
        assert [said(chat, "Hi"), said(chat, "Again")] == [TEXT, TEXT]
    assert read(lab.upstream).users == ["Hi", "Again"]
    spoken = lab.upstream.last.body.decode()
    assert spoken.index('"Hi"') < spoken.index("Hello") < spoken.index('"Again"')


@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_calls_with_results(lab, models, streamed):
    parts, _ = answered(lab, models, "parallel", streamed)
    calls = calls_of(parts)
    assert [(call.name, call.args) for call in calls] == [PARIS, ROME]

    answered(lab, models, "text", streamed, history_of(parts, result_of(calls[0], "sunny"), result_of(calls[1], "rain")))
    saw = read(lab.upstream)
    assert (saw.calls, saw.results, saw.pairs_match) == ([PARIS, ROME], ["sunny", "rain"], True)


@pytest.mark.parametrize("streamed", [False, True])
def test_reasoning_comes_back_to_its_maker(lab, models, streamed):
    parts, usage = answered(lab, models, "reasoning", streamed, **REASONED)
    assert text_of(parts, thought=True) == REASONING
    # Thoughts stand beside the candidates' tokens here, not in them.
    assert (usage.candidates_token_count, usage.thoughts_token_count, usage.total_token_count) == (11, 9, 50)
    assert read(lab.upstream).asks_reasoning

    [call] = calls_of(parts)
    answered(lab, models, "text", streamed, history_of(parts, result_of(call, "sunny")), **REASONED)
    assert read(lab.upstream).tokens == TOKENS[lab.upstream.dialect]
    assert ENVELOPE not in lab.upstream.last.body


@pytest.mark.parametrize("schema", [{"response_schema": Weather}, {"response_json_schema": Weather.model_json_schema()}])
def test_structured_output(lab, models, schema):
    lab.upstream.will("structured")
    config = types.GenerateContentConfig(response_mime_type="application/json", **schema)
    answer = models.generate_content(model=lab.model, contents="What is the weather?", config=config)
    assert Weather.model_validate(answer.parsed, from_attributes=True) == Weather(city="Paris", degrees=21)
    assert asks_for_weather(read(lab.upstream).schema)


def test_image(lab, models):
    lab.upstream.will("text")
    models.generate_content(model=lab.model, contents=["What is it?", types.Part.from_bytes(data=PNG, mime_type="image/png")])
    assert read(lab.upstream).images == [("image/png", PNG_BASE64)]


def test_pdf(lab, models):
    lab.upstream.will("text")
    models.generate_content(model=lab.model, contents=[types.Part.from_bytes(data=PDF, mime_type="application/pdf"), "What is it?"])
    assert read(lab.upstream).documents == [("application/pdf", PDF_BASE64)]


@pytest.mark.parametrize("dialect", ["openai_responses", "anthropic", "gemini"])
def test_counting_asks_the_upstreams_own_counter(lab, models):
    lab.upstream.will("count")
    assert models.count_tokens(model=lab.model, contents="Hi").total_tokens == 42
    assert read(lab.upstream).users == ["Hi"]


@pytest.mark.parametrize("dialect", ["openai_chat", "gemini"])
def test_embeddings(lab, models):
    lab.upstream.will("embeddings")
    answer = models.embed_content(model=lab.model, contents=["one", "two"])
    assert [embedding.values for embedding in answer.embeddings] == [[0.5, -0.25, 0.125], [0.0625, 1.0, -1.0]]


@pytest.mark.parametrize("dialect", ["openai_chat", "gemini"])
def test_one_embedding(lab, models):
    lab.upstream.will("embedding" if lab.upstream.dialect == "gemini" else "embeddings")
    [embedding] = models.embed_content(model=lab.model, contents="one").embeddings[:1]
    assert embedding.values == [0.5, -0.25, 0.125]


def test_long_answer(lab, models):
    lab.upstream.will(Answer(longer=LONG_BYTES))
    stream = models.generate_content_stream(model=lab.model, contents="Hi")
    assert "".join(chunk.text or "" for chunk in stream) == f"{TEXT} {longer(LONG_BYTES)}"


def test_cancelling_reaches_the_upstream(lab, models):
    lab.upstream.will(Answer(cut="held"))
    stream = models.generate_content_stream(model=lab.model, contents="Hi")
    next(stream)
    stream.close()
    assert lab.upstream.left.get(timeout=15), "the upstream was kept waiting"


def test_unknown_model_is_told(faulty_lab):
    faulty_lab.upstream.always(failing(404, "no_model"))
    with client_of(faulty_lab) as client, pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=faulty_lab.model, contents="Hi")
    assert caught.value.code == 404


def test_wrong_request_is_told_once(faulty_lab):
    faulty_lab.upstream.always(failing(400))
    with client_of(faulty_lab) as client, pytest.raises(errors.ClientError, match="scripted: this request is wrong") as caught:
        client.models.generate_content(model=faulty_lab.model, contents="Hi")
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert len(faulty_lab.upstream.received) == 1


@pytest.mark.gateway
def test_refused_account_is_not_the_clients_fault(faulty_lab):
    faulty_lab.upstream.always(failing(401))
    with client_of(faulty_lab) as client, pytest.raises(errors.ServerError) as caught:
        client.models.generate_content(model=faulty_lab.model, contents="Hi")
    assert (caught.value.code, caught.value.status) == (502, "INTERNAL")


def test_limit_says_when_to_come_back(faulty_lab):
    faulty_lab.upstream.always(failing(429, retry_after="7"))
    with client_of(faulty_lab) as client, pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model=faulty_lab.model, contents="Hi")
    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")
    [delay] = [detail["retryDelay"] for detail in caught.value.details["error"]["details"] if detail["@type"].endswith("RetryInfo")]
    assert delay in ("5s", "6s", "7s")


def test_overload(faulty_lab):
    faulty_lab.upstream.always(failing(503))
    with client_of(faulty_lab) as client, pytest.raises(errors.ServerError) as caught:
        client.models.generate_content(model=faulty_lab.model, contents="Hi")
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")


def test_bad_moments_are_overcome_by_trying_again(faulty_lab):
    faulty_lab.upstream.will(failing(500), failing(503), "text")
    retry = types.HttpRetryOptions(attempts=3, initial_delay=0.001, jitter=0.001)
    with client_of(faulty_lab, retry_options=retry) as client:
        assert client.models.generate_content(model=faulty_lab.model, contents="Hi").text == TEXT
    assert len(faulty_lab.upstream.received) == 3


def test_error_in_a_stream_raises(faulty_lab):
    faulty_lab.upstream.always(Answer(cut="error"))
    heard = []
    with client_of(faulty_lab) as client, pytest.raises(errors.APIError, match=BROKE_DOWN):
        for chunk in client.models.generate_content_stream(model=faulty_lab.model, contents="Hi"):
            heard.append(chunk.text or "")
    assert any(heard) and TEXT.startswith("".join(heard))


@pytest.mark.gateway
def test_error_before_any_output_is_a_status(faulty_lab):
    faulty_lab.upstream.always(Answer(cut="early error"))
    with client_of(faulty_lab) as client, pytest.raises(errors.ServerError, match=BROKE_DOWN):
        list(client.models.generate_content_stream(model=faulty_lab.model, contents="Hi"))


# A body that ends cleanly without a finish reason is no error to the SDK: only the gateway can make it one.
@pytest.mark.parametrize("cut", ["abrupt", pytest.param("clean", marks=pytest.mark.gateway)])
def test_cut_stream_raises(faulty_lab, cut):
    faulty_lab.upstream.always(Answer(cut=cut))
    with client_of(faulty_lab) as client, pytest.raises((errors.APIError, *TRANSPORT_ERRORS)):
        list(client.models.generate_content_stream(model=faulty_lab.model, contents="Hi"))


@pytest.mark.gateway
@pytest.mark.parametrize("dialect", ["gemini"])
def test_models_are_listed_and_found(lab, models):
    listed = list(models.list())
    assert all("generateContent" in model.supported_actions for model in listed)
    names = [model.name for model in listed]
    assert [model.name for model in models.list(config={"page_size": 2})] == names
    assert [models.get(model=name).name for name in names] == names
    assert names[-1] == "models/demo" or names[-1].startswith("models/demo/")


@pytest.mark.gateway
@pytest.mark.parametrize("dialect", ["gemini"])
def test_unknown_model(lab, models):
    with pytest.raises(errors.ClientError) as caught:
        models.generate_content(model="no-such-model", contents="Hi")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
