"""The official Anthropic SDK, with an upstream of each dialect."""

import asyncio

import anthropic
import pytest

from cases import BROKE_DOWN, ENVELOPE, PARIS, PDF_BASE64, PNG_BASE64, REASONING, ROME, TEXT, TOKENS, TRANSPORT_ERRORS
from cases import WEATHER_DESCRIPTION, WEATHER_SCHEMA, Weather, asks_for_weather, takes_a_city
from received import model_of, read
from scripted import LONG_BYTES, Answer, failing, longer

FAMILY = "SDKs for Python"
CLIENT = "anthropic (PyPI)"
OWN_DIALECT = "anthropic"
ASK = {"max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
ASK_WEATHER = {"role": "user", "content": "What is the weather?"}
TOOLS = [{"name": "get_weather", "description": WEATHER_DESCRIPTION, "input_schema": WEATHER_SCHEMA}]
REASONED = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}


def client_of(lab):
    return anthropic.Anthropic(base_url=lab.base_url, api_key=lab.key, max_retries=0)


@pytest.fixture
def messages(lab):
    with client_of(lab) as client:
        yield client.messages


def result_of(call, text):
    return {"type": "tool_result", "tool_use_id": call.id, "content": text}


def answered(lab, messages, case, streamed, /, **options):
    """One answer as a message, streamed or not."""
    lab.upstream.will(case)
    options = {"model": lab.model, "max_tokens": 4000, "messages": [ASK_WEATHER], "tools": TOOLS, **options}
    if not streamed:
        return messages.create(**options)
    with messages.stream(**options) as stream:
        return stream.get_final_message()


def blocks_of(answer, kind):
    return [block for block in answer.content if block.type == kind]


def history_of(answer, *results):
    content = [block.to_dict(exclude_none=True) for block in answer.content]
    return [ASK_WEATHER, {"role": "assistant", "content": content}, {"role": "user", "content": list(results)}]


def test_text_and_usage(lab, messages):
    lab.upstream.will("text")
    answer = messages.create(model=lab.model, system="Be brief.", **ASK)
    assert ([block.text for block in answer.content], answer.stop_reason) == ([TEXT], "end_turn")
    # Cached tokens stand beside the input here, not in it.
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens, answer.usage.output_tokens) == (8, 4, 7)
    saw = read(lab.upstream)
    assert (saw.system, saw.users, saw.output_tokens_max) == ("Be brief.", ["Hi"], 100)
    assert model_of(lab.upstream) == "model-1"


def test_raw_stream_opens_and_closes_each_block(lab, messages):
    lab.upstream.will("text")
    events = [event for event in messages.create(model=lab.model, stream=True, **ASK) if event.type != "ping"]
    kinds = [event.type for event in events if event.type != "content_block_delta"]
    assert kinds == ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]
    assert "".join(event.delta.text for event in events if event.type == "content_block_delta") == TEXT


def test_stream_helper(lab, messages):
    lab.upstream.will("text")
    with messages.stream(model=lab.model, **ASK) as stream:
        assert "".join(stream.text_stream) == TEXT
        final = stream.get_final_message()
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 7)
    assert final.usage.input_tokens + final.usage.cache_read_input_tokens == 12


def test_async_stream(lab):
    async def run():
        async with anthropic.AsyncAnthropic(base_url=lab.base_url, api_key=lab.key, max_retries=0) as client:
            async with client.messages.stream(model=lab.model, **ASK) as stream:
                return await stream.get_final_text()

    lab.upstream.will("text")
    assert asyncio.run(run()) == TEXT


@pytest.mark.parametrize("streamed", [False, True])
def test_tool_call_and_result(lab, messages, streamed):
    first = answered(lab, messages, "tool", streamed)
    assert first.stop_reason == "tool_use"
    [call] = blocks_of(first, "tool_use")
    assert (call.name, call.input) == PARIS
    assert takes_a_city(read(lab.upstream).tools)

    second = answered(lab, messages, "text", streamed, messages=history_of(first, result_of(call, "sunny")))
    assert second.content[0].text == TEXT
    saw = read(lab.upstream)
    assert (saw.calls, saw.results, saw.pairs_match) == ([PARIS], ["sunny"], True)


# Every service here is one that holds no threads: the gateway has to say so for the dialects that know none.
@pytest.mark.parametrize("streamed", [False, True])
def test_tool_runner_goes_on_without_threads(lab, streamed):
    asked = []

    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """Tells the weather of a city."""
        asked.append(city)
        return "sunny"

    lab.upstream.will("tool", "text")
    options = {"model": lab.model, "max_tokens": 100, "tools": [get_weather], "messages": [ASK_WEATHER]}
    with client_of(lab) as client:
        final = client.beta.messages.tool_runner(stream=streamed, **options).until_done()
    assert (final.content[0].text, asked) == (TEXT, ["Paris"])
    saw = read(lab.upstream)
    assert (saw.users[0], saw.calls, saw.results, saw.pairs_match) == ("What is the weather?", [PARIS], ["sunny"], True)
    assert takes_a_city(saw.tools)


@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_calls_with_results_out_of_order(lab, messages, streamed):
    first = answered(lab, messages, "parallel", streamed)
    calls = blocks_of(first, "tool_use")
    assert [(call.name, call.input) for call in calls] == [PARIS, ROME]
    assert calls[0].id != calls[1].id

    history = history_of(first, result_of(calls[1], "rain"), result_of(calls[0], "sunny"))
    answered(lab, messages, "text", streamed, messages=history)
    saw = read(lab.upstream)
    assert saw.calls == [PARIS, ROME]
    # Passthrough keeps the client's order; a translation puts the results in the order of the calls.
    assert saw.results == (["rain", "sunny"] if lab.upstream.dialect == OWN_DIALECT else ["sunny", "rain"])


@pytest.mark.parametrize("streamed", [False, True])
def test_reasoning_comes_back_to_its_maker(lab, messages, streamed):
    first = answered(lab, messages, "reasoning", streamed, **REASONED)
    [thinking] = blocks_of(first, "thinking")
    assert thinking.thinking == REASONING
    assert thinking.signature
    assert (first.usage.output_tokens, first.usage.output_tokens_details.thinking_tokens) == (20, 9)
    assert read(lab.upstream).asks_reasoning

    [call] = blocks_of(first, "tool_use")
    answered(lab, messages, "text", streamed, messages=history_of(first, result_of(call, "sunny")), **REASONED)
    assert read(lab.upstream).tokens == TOKENS[lab.upstream.dialect]
    assert ENVELOPE not in lab.upstream.last.body


def test_structured_output(lab, messages):
    lab.upstream.will("structured")
    answer = messages.parse(model=lab.model, output_format=Weather, **ASK)
    assert answer.parsed_output == Weather(city="Paris", degrees=21)
    assert asks_for_weather(read(lab.upstream).schema)


def test_image(lab, messages):
    lab.upstream.will("text")
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_BASE64}}
    content = [{"type": "text", "text": "What is it?"}, image]
    messages.create(model=lab.model, max_tokens=100, messages=[{"role": "user", "content": content}])
    assert read(lab.upstream).images == [("image/png", PNG_BASE64)]


def test_pdf(lab, messages):
    lab.upstream.will("text")
    source = {"type": "base64", "media_type": "application/pdf", "data": PDF_BASE64}
    content = [{"type": "document", "source": source}, {"type": "text", "text": "What is it?"}]
    messages.create(model=lab.model, max_tokens=100, messages=[{"role": "user", "content": content}])
    assert read(lab.upstream).documents == [("application/pdf", PDF_BASE64)]


# The marks that have no form: the instructions of Responses are bare text, Gemini caches as it likes, and of the Chat servers only
# OpenAI's own know marks.
LOST_MARKS = {
    "openai_chat": {"Long.": "system[0].cache_control", "Short.": "messages[0].content[0].cache_control"},
    "openai_responses": {"Long.": "system[0].cache_control"},
    "gemini": {"Long.": "system[0].cache_control", "Short.": "messages[0].content[0].cache_control"},
}


def test_cache_marks_are_kept_or_named(lab, messages):
    lab.upstream.will("text")
    long, short = ({"type": "text", "text": text, "cache_control": {"type": "ephemeral"}} for text in ("Long.", "Short."))
    asked = [{"role": "user", "content": [short, {"type": "text", "text": "And?"}]}]
    answer = messages.with_raw_response.create(model=lab.model, max_tokens=100, system=[long], messages=asked)
    assert read(lab.upstream).system == "Long."
    lost = LOST_MARKS.get(lab.upstream.dialect, {})
    assert set(read(lab.upstream).cached) == {"Long.", "Short."} - set(lost)
    assert answer.headers.get("x-aerostat-dropped", "") == ", ".join(lost.values())


@pytest.mark.parametrize("dialect", ["openai_responses", "anthropic", "gemini"])
def test_counting_asks_the_upstreams_own_counter(lab, messages):
    lab.upstream.will("count")
    assert messages.count_tokens(model=lab.model, messages=ASK["messages"]).input_tokens == 42
    assert read(lab.upstream).users == ["Hi"]


@pytest.mark.gateway
@pytest.mark.parametrize("dialect", ["openai_chat"])
def test_an_estimate_is_marked(lab, messages):
    answer = messages.with_raw_response.count_tokens(model=lab.model, messages=ASK["messages"])
    assert answer.parse().input_tokens > 0
    assert "~input_tokens" in answer.headers["x-aerostat-adjusted"]


def test_long_answer(lab, messages):
    lab.upstream.will(Answer(longer=LONG_BYTES))
    with messages.stream(model=lab.model, **ASK) as stream:
        assert "".join(stream.text_stream) == f"{TEXT} {longer(LONG_BYTES)}"


def test_cancelling_reaches_the_upstream(lab, messages):
    lab.upstream.will(Answer(cut="held"))
    with messages.stream(model=lab.model, **ASK) as stream:
        next(iter(stream.text_stream))
    assert lab.upstream.left.get(timeout=15), "the upstream was kept waiting"


def test_unknown_model_is_told(faulty_lab):
    faulty_lab.upstream.always(failing(404, "no_model"))
    with client_of(faulty_lab) as client, pytest.raises(anthropic.NotFoundError):
        client.messages.create(model=faulty_lab.model, **ASK)


def test_wrong_request_is_told_once(faulty_lab):
    faulty_lab.upstream.always(failing(400))
    with client_of(faulty_lab) as client, pytest.raises(anthropic.BadRequestError, match="scripted: this request is wrong"):
        client.messages.create(model=faulty_lab.model, **ASK)
    assert len(faulty_lab.upstream.received) == 1


@pytest.mark.gateway
def test_refused_account_is_not_the_clients_fault(faulty_lab):
    faulty_lab.upstream.always(failing(401))
    with client_of(faulty_lab) as client, pytest.raises(anthropic.InternalServerError) as caught:
        client.messages.create(model=faulty_lab.model, **ASK)
    assert (caught.value.status_code, caught.value.body["error"]["type"]) == (502, "api_error")


def test_limit_says_when_to_come_back(faulty_lab):
    faulty_lab.upstream.always(failing(429, retry_after="7"))
    with client_of(faulty_lab) as client, pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.create(model=faulty_lab.model, **ASK)
    assert 5 <= int(caught.value.response.headers["retry-after"]) <= 7


def test_overload(faulty_lab):
    faulty_lab.upstream.always(failing(503))
    with client_of(faulty_lab) as client, pytest.raises(anthropic.OverloadedError) as caught:
        client.messages.create(model=faulty_lab.model, **ASK)
    assert caught.value.status_code == 529


def test_bad_moments_are_overcome_by_trying_again(faulty_lab, monkeypatch):
    monkeypatch.setattr(anthropic.Anthropic, "_calculate_retry_timeout", lambda *_, **__: 0)
    faulty_lab.upstream.will(failing(500), failing(503), "text")
    with client_of(faulty_lab).with_options(max_retries=2) as client:
        assert client.messages.create(model=faulty_lab.model, **ASK).content[0].text == TEXT
    assert len(faulty_lab.upstream.received) == 3


def test_error_in_a_stream_raises(faulty_lab):
    faulty_lab.upstream.always(Answer(cut="error"))
    heard = []
    with client_of(faulty_lab) as client, pytest.raises(anthropic.APIError, match=BROKE_DOWN):
        with client.messages.stream(model=faulty_lab.model, **ASK) as stream:
            heard.extend(stream.text_stream)
    assert heard and TEXT.startswith("".join(heard))


@pytest.mark.gateway
def test_error_before_any_output_is_a_status(faulty_lab):
    faulty_lab.upstream.always(Answer(cut="early error"))
    with client_of(faulty_lab) as client, pytest.raises(anthropic.InternalServerError, match=BROKE_DOWN) as caught:
        client.messages.create(model=faulty_lab.model, stream=True, **ASK)
    assert caught.value.status_code >= 500


# A body that ends cleanly before `message_stop` is no error to the SDK's raw stream: only the gateway can make it one.
@pytest.mark.parametrize("cut", ["abrupt", pytest.param("clean", marks=pytest.mark.gateway)])
def test_cut_stream_raises(faulty_lab, cut):
    faulty_lab.upstream.always(Answer(cut=cut))
    with client_of(faulty_lab) as client, pytest.raises((anthropic.APIError, *TRANSPORT_ERRORS)):
        list(client.messages.create(model=faulty_lab.model, stream=True, **ASK))


@pytest.mark.gateway
@pytest.mark.parametrize("dialect", ["anthropic"])
def test_models_are_listed_and_found(lab):
    with client_of(lab) as client:
        ids = [model.id for model in client.models.list(limit=1000)]
        assert [client.models.retrieve(name).id for name in ids] == ids
        assert [model.id for model in client.models.list(limit=2)] == ids
    assert ids[-1] == "demo" or ids[-1].startswith("demo/")


@pytest.mark.gateway
@pytest.mark.parametrize("dialect", ["anthropic"])
def test_unknown_model(lab, messages):
    with pytest.raises(anthropic.NotFoundError) as caught:
        messages.create(model="no-such-model", **ASK)
    assert caught.value.body["error"]["type"] == "not_found_error"
