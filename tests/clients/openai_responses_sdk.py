"""The official OpenAI SDK on Responses, with an upstream of each dialect."""

import asyncio
import json

import openai
import pytest

from cases import BROKE_DOWN, ENVELOPE, PARIS, PDF_BASE64, PNG_BASE64, REASONING, ROME, TEXT, TOKENS, TRANSPORT_ERRORS
from cases import WEATHER_DESCRIPTION, WEATHER_SCHEMA, Weather, asks_for_weather, takes_a_city
from received import model_of, read
from scripted import LONG_BYTES, Answer, failing, longer

FAMILY = "SDKs for Python"
CLIENT = "openai (PyPI), Responses"
OWN_DIALECT = "openai_responses"
ASK_WEATHER = {"role": "user", "content": "What is the weather?"}
TOOLS = [{"type": "function", "name": "get_weather", "description": WEATHER_DESCRIPTION, "parameters": WEATHER_SCHEMA, "strict": True}]
REASONED = {"reasoning": {"effort": "high", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}


def client_of(lab):
    return openai.OpenAI(base_url=f"{lab.base_url}/v1", api_key=lab.key, max_retries=0)


@pytest.fixture
def responses(lab):
    with client_of(lab) as client:
        yield client.responses


def result_of(call, text):
    return {"type": "function_call_output", "call_id": call.call_id, "output": text}


def answered(lab, responses, case, streamed, /, **options):
    """One answer as a response object, streamed or not."""
    lab.upstream.will(case)
    options = {"model": lab.model, "input": [ASK_WEATHER], "tools": TOOLS, "store": False, **options}
    if not streamed:
        return responses.create(**options)
    with responses.stream(**options) as stream:
        return stream.get_final_response()


def items_of(answer, kind):
    return [item for item in answer.output if item.type == kind]


def history_of(answer, *results):
    """The next request's input, as a client without a stored response writes it."""
    output = [item.to_dict(exclude_none=True) for item in answer.output]
    return [ASK_WEATHER, *({key: value for key, value in item.items() if key != "parsed_arguments"} for item in output), *results]


def test_text_and_usage(lab, responses):
    lab.upstream.will("text")
    answer = responses.create(model=lab.model, instructions="Be brief.", input="Hi", max_output_tokens=100)
    assert (answer.output_text, answer.status) == (TEXT, "completed")
    usage = answer.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (12, 7, 19)
    assert usage.input_tokens_details.cached_tokens == 4
    saw = read(lab.upstream)
    assert (saw.system, saw.users, saw.output_tokens_max) == ("Be brief.", ["Hi"], 100)
    assert model_of(lab.upstream) == "model-1"


def test_raw_stream_counts_and_ends(lab, responses):
    lab.upstream.will("text")
    events = list(responses.create(model=lab.model, input="Hi", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == TEXT
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert events[-1].response.output_text == TEXT
    assert events[-1].response.usage.total_tokens == 19


def test_stream_helper(lab, responses):
    lab.upstream.will("text")
    with responses.stream(model=lab.model, input="Hi") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert (text, stream.get_final_response().output_text) == (TEXT, TEXT)


@pytest.mark.parametrize("streamed", [False, True])
def test_async(lab, streamed):
    async def run():
        async with openai.AsyncOpenAI(base_url=f"{lab.base_url}/v1", api_key=lab.key, max_retries=0) as client:
            if not streamed:
                return (await client.responses.create(model=lab.model, input="Hi")).output_text
            async with client.responses.stream(model=lab.model, input="Hi") as stream:
                return (await stream.get_final_response()).output_text

    lab.upstream.will("text")
    assert asyncio.run(run()) == TEXT


@pytest.mark.parametrize("streamed", [False, True])
def test_tool_call_and_result(lab, responses, streamed):
    first = answered(lab, responses, "tool", streamed)
    [call] = items_of(first, "function_call")
    assert (call.name, json.loads(call.arguments)) == PARIS
    assert takes_a_city(read(lab.upstream).tools)

    second = answered(lab, responses, "text", streamed, input=history_of(first, result_of(call, "sunny")))
    assert second.output_text == TEXT
    saw = read(lab.upstream)
    assert (saw.calls, saw.results, saw.pairs_match) == ([PARIS], ["sunny"], True)


@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_calls_with_results_out_of_order(lab, responses, streamed):
    first = answered(lab, responses, "parallel", streamed)
    calls = items_of(first, "function_call")
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [PARIS, ROME]
    assert calls[0].call_id != calls[1].call_id

    results = [result_of(calls[1], "rain"), result_of(calls[0], "sunny")]
    answered(lab, responses, "text", streamed, input=history_of(first, *results))
    saw = read(lab.upstream)
    assert saw.calls == [PARIS, ROME]
    # Passthrough keeps the client's order; a translation puts the results in the order of the calls.
    assert saw.results == (["rain", "sunny"] if lab.upstream.dialect == OWN_DIALECT else ["sunny", "rain"])


@pytest.mark.parametrize("streamed", [False, True])
def test_reasoning_comes_back_to_its_maker(lab, responses, streamed):
    first = answered(lab, responses, "reasoning", streamed, **REASONED)
    # Another maker's token of a call is an item of its own, without text, behind the call.
    assert "".join(part.text for item in items_of(first, "reasoning") for part in item.summary) == REASONING
    assert (first.usage.output_tokens, first.usage.output_tokens_details.reasoning_tokens) == (20, 9)
    assert read(lab.upstream).asks_reasoning

    [call] = items_of(first, "function_call")
    answered(lab, responses, "text", streamed, input=history_of(first, result_of(call, "sunny")), **REASONED)
    assert read(lab.upstream).tokens == TOKENS[lab.upstream.dialect]
    assert ENVELOPE not in lab.upstream.last.body


def test_structured_output(lab, responses):
    lab.upstream.will("structured")
    answer = responses.parse(model=lab.model, input="What is the weather?", text_format=Weather)
    assert answer.output_parsed == Weather(city="Paris", degrees=21)
    assert asks_for_weather(read(lab.upstream).schema)


def test_image(lab, responses):
    lab.upstream.will("text")
    image = {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PNG_BASE64}"}
    content = [{"type": "input_text", "text": "What is it?"}, image]
    responses.create(model=lab.model, input=[{"role": "user", "content": content}])
    assert read(lab.upstream).images == [("image/png", PNG_BASE64)]


def test_structured_output_streamed(lab, responses):
    lab.upstream.will("structured")
    with responses.stream(model=lab.model, input="What is the weather?", text_format=Weather) as stream:
        assert stream.get_final_response().output_parsed == Weather(city="Paris", degrees=21)


def test_pdf(lab, responses):
    lab.upstream.will("text")
    file = {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF_BASE64}"}
    content = [file, {"type": "input_text", "text": "What is it?"}]
    responses.create(model=lab.model, input=[{"role": "user", "content": content}])
    assert read(lab.upstream).documents == [("application/pdf", PDF_BASE64)]


@pytest.mark.parametrize("dialect", ["openai_responses", "anthropic", "gemini"])
def test_counting_asks_the_upstreams_own_counter(lab, responses):
    lab.upstream.will("count")
    assert responses.input_tokens.count(model=lab.model, input="Hi").input_tokens == 42
    assert read(lab.upstream).users == ["Hi"]


@pytest.mark.gateway
@pytest.mark.parametrize("dialect", ["openai_chat"])
def test_an_estimate_is_marked(lab, responses):
    answer = responses.input_tokens.with_raw_response.count(model=lab.model, input="Hi")
    assert answer.parse().input_tokens > 0
    assert "~input_tokens" in answer.headers["x-aerostat-adjusted"]


def test_long_answer(lab, responses):
    lab.upstream.will(Answer(longer=LONG_BYTES))
    stream = responses.create(model=lab.model, input="Hi", stream=True)
    text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
    assert text == f"{TEXT} {longer(LONG_BYTES)}"


def test_cancelling_reaches_the_upstream(lab, responses):
    lab.upstream.will(Answer(cut="held"))
    with responses.create(model=lab.model, input="Hi", stream=True) as stream:
        next(event for event in stream if event.type == "response.output_text.delta")
    assert lab.upstream.left.get(timeout=15), "the upstream was kept waiting"


def test_unknown_model_is_told(faulty_lab):
    faulty_lab.upstream.always(failing(404, "no_model"))
    with client_of(faulty_lab) as client, pytest.raises(openai.NotFoundError):
        client.responses.create(model=faulty_lab.model, input="Hi")


def test_wrong_request_is_told_once(faulty_lab):
    faulty_lab.upstream.always(failing(400))
    with client_of(faulty_lab) as client, pytest.raises(openai.BadRequestError, match="scripted: this request is wrong"):
        client.responses.create(model=faulty_lab.model, input="Hi")
    assert len(faulty_lab.upstream.received) == 1


@pytest.mark.gateway
def test_refused_account_is_not_the_clients_fault(faulty_lab):
    faulty_lab.upstream.always(failing(401))
    with client_of(faulty_lab) as client, pytest.raises(openai.InternalServerError) as caught:
        client.responses.create(model=faulty_lab.model, input="Hi")
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_auth")


def test_limit_says_when_to_come_back(faulty_lab):
    faulty_lab.upstream.always(failing(429, retry_after="7"))
    with client_of(faulty_lab) as client, pytest.raises(openai.RateLimitError) as caught:
        client.responses.create(model=faulty_lab.model, input="Hi")
    assert 5 <= int(caught.value.response.headers["retry-after"]) <= 7


def test_overload(faulty_lab):
    faulty_lab.upstream.always(failing(503))
    with client_of(faulty_lab) as client, pytest.raises(openai.InternalServerError) as caught:
        client.responses.create(model=faulty_lab.model, input="Hi")
    assert caught.value.status_code == 503


def test_bad_moments_are_overcome_by_trying_again(faulty_lab, monkeypatch):
    monkeypatch.setattr(openai.OpenAI, "_calculate_retry_timeout", lambda *_, **__: 0)
    faulty_lab.upstream.will(failing(500), failing(503), "text")
    with client_of(faulty_lab).with_options(max_retries=2) as client:
        assert client.responses.create(model=faulty_lab.model, input="Hi").output_text == TEXT
    assert len(faulty_lab.upstream.received) == 3


# The SDK raises nothing by itself at this event; its helper misses the completed answer.
def test_error_in_a_stream_is_told(faulty_lab):
    faulty_lab.upstream.always(Answer(cut="error"))
    with client_of(faulty_lab) as client:
        *before, failed = client.responses.create(model=faulty_lab.model, input="Hi", stream=True)
        with pytest.raises((openai.APIError, RuntimeError)), client.responses.stream(model=faulty_lab.model, input="Hi") as stream:
            stream.get_final_response()
    assert (failed.type, failed.response.error.message) == ("response.failed", BROKE_DOWN)
    assert any(event.type == "response.output_text.delta" for event in before)


@pytest.mark.gateway
def test_error_before_any_output_is_a_status(faulty_lab):
    faulty_lab.upstream.always(Answer(cut="early error"))
    with client_of(faulty_lab) as client, pytest.raises(openai.InternalServerError, match=BROKE_DOWN):
        client.responses.create(model=faulty_lab.model, input="Hi", stream=True)


@pytest.mark.parametrize("cut", ["clean", "abrupt"])
def test_cut_stream_raises(faulty_lab, cut):
    faulty_lab.upstream.always(Answer(cut=cut))
    with client_of(faulty_lab) as client, pytest.raises((openai.APIError, RuntimeError, *TRANSPORT_ERRORS)):
        with client.responses.stream(model=faulty_lab.model, input="Hi") as stream:
            stream.get_final_response()


@pytest.mark.gateway
@pytest.mark.parametrize("dialect", ["openai_responses"])
def test_unknown_model(lab, responses):
    with pytest.raises(openai.NotFoundError) as caught:
        responses.create(model="no-such-model", input="Hi")
    assert caught.value.code == "model_not_found"
