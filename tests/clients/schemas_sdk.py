"""Every answer that `tests/schemas.rs` left behind, held against the vendors' own types.

`tests/run sdk` has that suite write the values (`AEROSTAT_ANSWERS`) and starts this one. The types are those of the pinned SDKs:
openai, anthropic, google-genai, and openresponses-types, which are generated from the OpenAPI document of the Open Responses
specification of 2026-04-24. A member that a type requires and the value lacks, one that the type does not have, and a value of
another type are complaints; what is known and meant stands in a table with its reason.
"""

import collections
import enum
import json
import os
import pathlib
import re
import typing

import anthropic.types
import google.genai.types
import openai.types
import openai.types.chat
import openai.types.responses
import openresponses_types.types as open_responses
import pydantic
import pytest

pytestmark = pytest.mark.gateway

# Members and values that a type does not have, by a pattern of `dialect place`, and why they go out.
KNOWN = {
    r"openai_chat .*(reasoning_content|reasoning)": "the model's reasoning has no official field; clients read these",
    r"openai_chat .*images": "images that the model made have no official field",
    r"openai_chat .*delta\.annotations": "the SDK types citations of whole answers only",
    r"openai_chat .*delta\.tool_calls\[\d+\]\.(custom|type)": "the SDK types custom calls of whole answers only",
    r"openai_responses error": "an `error` event is OpenAI's and the specification's in one",
    r"openai_responses (response\.)?(presence_penalty|frequency_penalty|store)": "in the specification and on OpenAI's wire",
    r"openai_responses (item|.*output\[\d+\])\.status": "the status of a custom call is on OpenAI's wire, and the AI SDK requires it",
    r"openai_responses name": "openai-node requires the name of a call whose arguments are done, openai-python does not type it",
    r"openai_responses .*logprobs\[\d+\](\.top_logprobs\[\d+\])?\.bytes": "the specification requires them in events too",
    r"openai_responses (response\.)?(tools\[\d+\]|tool_choice|text|reasoning)\..*": "repeated as the client wrote it",
    r"open_responses (response\.)?user": "OpenAI's",
    r"open_responses .*cache_write_tokens": "OpenAI's SDK requires it",
    r"open_responses .*namespace": "OpenAI's",
    r"open_responses (name|code|message|param)": "OpenAI's SDK requires it in this event",
    r"open_responses (response\.)?(tools\[\d+\]|tool_choice|text|reasoning)\..*": "repeated as the client wrote it",
    r"anthropic error\.details": "Anthropic's documentation has it; clients of threads read it",
}

# Errors on Anthropic's wire that its Python SDK has no class for; its TypeScript SDK and documentation have.
OTHER_ANTHROPIC_ERRORS = {"conflict_error", "request_too_large"}

# What the Open Responses specification leaves to each maker: its schema has no such item, tool, choice or event.
OPEN_ITEMS = {"message", "function_call", "function_call_output", "reasoning", "compaction"}
OPEN_CHOICES = {"function", "allowed_tools"}


def answers():
    """Every value with its place of origin, the client's dialect and the form."""
    folder = os.environ.get("AEROSTAT_ANSWERS")
    assert folder, "run `tests/run sdk`: it sets AEROSTAT_ANSWERS after `cargo test --test main schemas::` wrote the answers there"
    for file in sorted(pathlib.Path(folder).glob("*.jsonl")):
        for line in file.read_text().splitlines():
            yield json.loads(line)


def of(client, *forms):
    found = [answer for answer in answers() if answer["client"] == client and answer["form"] in forms]
    assert found, f"no {forms} of {client}"
    return found


def by_type(union):
    """The classes of a union of events by their `type`."""
    members = typing.get_args(typing.get_args(union)[0]) if typing.get_origin(union) is typing.Annotated else typing.get_args(union)
    return {word: member for member in members for word in words_of(member, "type")}


def words_of(model, name):
    """The values that a literal or an enum allows."""
    annotation = model.model_fields[name].annotation
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return [member.value for member in annotation]
    return typing.get_args(annotation)


class Judge:
    """Collects what is wrong with the values of one dialect."""

    def __init__(self, dialect):
        self.dialect = dialect
        self.validated = 0
        self.complaints = {}
        self.known = collections.Counter()

    def check(self, model, answer, value=None):
        value = answer["value"] if value is None else value
        self.validated += 1
        try:
            instance = model.model_validate_json(json.dumps(value), strict=True)
        except pydantic.ValidationError as error:
            for place, what in errors_of(error):
                self.complain(answer, place, what)
            return
        for place in extras_of(instance, value, ""):
            self.complain(answer, place, "not in the type")

    def complain(self, answer, place, what):
        where = f"{self.dialect} {place}"
        reason = next((reason for pattern, reason in KNOWN.items() if re.fullmatch(pattern, where)), None)
        if reason:
            self.known[reason] += 1
            return
        kind = answer["value"].get("type", answer["form"])
        self.complaints.setdefault(f"{where} of {kind}: {what}", answer["what"])

    def end(self, version):
        print(f"\n{self.dialect}: {self.validated} validated by {version}; known: {dict(self.known)}")
        lines = [f"{complaint}, as in {what}" for complaint, what in sorted(self.complaints.items())]
        assert not lines, f"{len(lines)} complaints:\n" + "\n".join(lines)


def errors_of(error):
    """The errors of the branches of unions that the value means, with the place in the value."""
    found = [(item["loc"], item) for item in error.errors(include_url=False, include_input=False)]
    wrong = {loc[:-1] for loc, item in found if loc and loc[-1] in ("type", "object") and item["type"] in ("literal_error", "enum")}
    meant = [(loc, item) for loc, item in found if not any(loc[: len(branch)] == branch for branch in wrong if branch)]
    for loc, item in meant or found:
        # Names of types stand between the members.
        members = [step for step in loc if isinstance(step, int) or re.fullmatch(r"[a-z_][a-zA-Z0-9_]*", str(step))]
        yield place_of(members), item["msg"]


def place_of(steps):
    place = ""
    for step in steps:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else step
    return place


def extras_of(instance, value, place):
    """The members of the value that the type does not have."""
    if isinstance(instance, pydantic.RootModel):
        yield from extras_of(instance.root, value, place)
    elif isinstance(instance, pydantic.BaseModel) and isinstance(value, dict):
        names = {field.alias or name: name for name, field in type(instance).model_fields.items()}
        for key, member in value.items():
            below = f"{place}.{key}" if place else key
            if key in names:
                yield from extras_of(getattr(instance, names[key]), member, below)
            else:
                yield below
    elif isinstance(instance, list):
        for index, (item, member) in enumerate(zip(instance, value)):
            yield from extras_of(item, member, f"{place}[{index}]")


@pytest.mark.parametrize("client", ["openai_chat", "openai_completions"])
def test_openai_types_of_chat(client):
    chat = client == "openai_chat"
    whole = openai.types.chat.ChatCompletion if chat else openai.types.Completion
    # Of the older API the SDK types whole answers only, of which a stream's choices are not yet the end.
    chunk = openai.types.chat.ChatCompletionChunk if chat else unfinished(whole)
    judge = Judge(client)
    for answer in of(client, "Response"):
        judge.check(whole, answer)
    for answer in of(client, "Event"):
        if "error" in answer["value"]:
            judge.check(openai.types.ErrorObject, answer, answer["value"]["error"])
        else:
            judge.check(chunk, answer)
    for answer in of(client, "ErrorBody"):
        judge.check(openai.types.ErrorObject, answer, answer["value"]["error"])
    judge.end(f"openai {openai.__version__}")


def unfinished(completion):
    choice = typing.get_args(completion.model_fields["choices"].annotation)[0]
    reason = choice.model_fields["finish_reason"].annotation
    open_choice = pydantic.create_model("OpenChoice", __base__=choice, finish_reason=(typing.Optional[reason], None))
    return pydantic.create_model("Chunk", __base__=completion, choices=(list[open_choice], ...))


def test_openai_types_of_responses():
    events = by_type(openai.types.responses.ResponseStreamEvent)
    judge = Judge("openai_responses")
    for answer in of("openai_responses", "Response"):
        judge.check(openai.types.responses.Response, answer)
    for answer in of("openai_responses", "Event"):
        judge.check(events[answer["value"]["type"]], answer)
    for answer in of("openai_responses", "ErrorBody"):
        judge.check(openai.types.ErrorObject, answer, answer["value"]["error"])
    for answer in of("openai_responses", "Count"):
        judge.check(openai.types.responses.InputTokenCountResponse, answer)
    judge.end(f"openai {openai.__version__}")


def test_open_responses_specification():
    models = [model for name, model in vars(open_responses).items() if name.endswith("StreamingEvent")]
    events = {word: model for model in models for word in words_of(model, "type")}
    judge = Judge("open_responses")
    for answer in of("openai_responses", "Response", "Event"):
        value = of_the_specification(answer["value"])
        kind = value.get("type")
        if answer["form"] == "Response":
            judge.check(open_responses.ResponseResource, answer, value)
        elif kind not in events or value.get("item", {}).get("type", "message") not in OPEN_ITEMS:
            judge.known["an event or item that the specification leaves to each maker"] += 1
            assert "custom_tool_call" in json.dumps(value) or "image_generation_call" in json.dumps(value), value
        else:
            judge.check(events[kind], answer, value)
    judge.end(f"openresponses-types, specification of {open_responses_version()}")


def open_responses_version():
    import openresponses_types

    assert openresponses_types.__spec_version__ == "2026-04-24"
    return openresponses_types.__spec_version__


def of_the_specification(value):
    """The value without what the specification leaves to each maker."""
    response = dict(value.get("response") or value)
    if response.get("object") != "response":
        return value
    response["output"] = [item for item in response["output"] if item["type"] in OPEN_ITEMS]
    response["tools"] = [tool for tool in response["tools"] if tool["type"] == "function"]
    choice = response["tool_choice"]
    if isinstance(choice, dict) and choice["type"] not in OPEN_CHOICES:
        response["tool_choice"] = "auto"
    elif isinstance(choice, dict) and "tools" in choice:
        response["tool_choice"] = {**choice, "tools": [tool for tool in choice["tools"] if tool["type"] == "function"]}
    schema = response["text"]["format"]
    if "schema" in schema:
        # Typed as null, against OpenAI's SDK, where it is the schema.
        response["text"] = {**response["text"], "format": {**schema, "schema": None}}
    return {**value, "response": response} if "response" in value else response


def test_anthropic_types():
    events = by_type(anthropic.types.RawMessageStreamEvent)
    judge = Judge("anthropic")
    for answer in of("anthropic", "Response"):
        judge.check(anthropic.types.Message, answer)
    for answer in of("anthropic", "Event"):
        kind = answer["value"]["type"]
        if kind == "error":
            check_anthropic_error(judge, answer)
        elif kind != "ping":
            judge.check(events[kind], answer)
    for answer in of("anthropic", "ErrorBody"):
        check_anthropic_error(judge, answer)
    for answer in of("anthropic", "Count"):
        judge.check(anthropic.types.MessageTokensCount, answer)
    judge.end(f"anthropic {anthropic.__version__}")


def check_anthropic_error(judge, answer):
    error = answer["value"]["error"]
    if error["type"] in OTHER_ANTHROPIC_ERRORS:
        judge.known["an error without a class in this SDK"] += 1
        error = {**error, "type": "api_error"}
    judge.check(anthropic.types.ErrorResponse, answer, {**answer["value"], "error": error})


def test_google_types():
    types = google.genai.types
    judge = Judge("gemini")
    for answer in of("gemini", "Response", "Event"):
        # Errors have no type in this SDK.
        if "error" not in answer["value"]:
            judge.check(types.GenerateContentResponse, answer)
    for answer in of("gemini", "Count"):
        judge.check(types.CountTokensResponse, answer)
    judge.end(f"google-genai {google.genai.__version__}")


def test_the_judge_finds_what_is_absent_wrong_or_too_much():
    event = next(answer for answer in of("openai_responses", "Event") if answer["value"]["type"] == "response.output_text.delta")
    model = by_type(openai.types.responses.ResponseStreamEvent)["response.output_text.delta"]
    for change, complaint in [
        ({"item_id": None}, "item_id of response.output_text.delta: Input should be a valid string"),
        ({"odd": 1}, "odd of response.output_text.delta: not in the type"),
        ({"content_index": "0"}, "content_index of response.output_text.delta: Input should be a valid integer"),
    ]:
        judge = Judge("openai_responses")
        judge.check(model, event, {**event["value"], **change})
        assert [found.removeprefix("openai_responses ") for found in judge.complaints] == [complaint]
    judge = Judge("openai_responses")
    judge.check(model, event, {key: member for key, member in event["value"].items() if key != "delta"})
    assert "delta of response.output_text.delta: Field required" in next(iter(judge.complaints))
