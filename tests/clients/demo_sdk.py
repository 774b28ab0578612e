"""The built-in demo provider, as each official SDK sees it, in each dialect that the demo speaks."""

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from cases import WEATHER_DESCRIPTION, WEATHER_SCHEMA, Weather

pytestmark = pytest.mark.gateway

KEY = "client-key"
PROMPT = "What is the weather?"
MODELS = ["demo", "demo/openai_chat", "demo/openai_responses", "demo/anthropic", "demo/gemini"]

# What the demo says whenever it answers with text: no answer of it may pass for a model's.
MARK = "demo"


class Chat:
    """OpenAI's SDK on Chat Completions."""

    def __init__(self, base_url):
        self.calls = openai.OpenAI(base_url=f"{base_url}/v1", api_key=KEY, max_retries=0).chat.completions
        self.ask = {"messages": [{"role": "user", "content": PROMPT}]}
        self.tools = [{"type": "function", "function": {"name": "get_weather", "description": WEATHER_DESCRIPTION, "parameters": WEATHER_SCHEMA}}]

    def text(self, model):
        answer = self.calls.create(model=model, **self.ask)
        return answer.choices[0].message.content, answer.usage.completion_tokens

    def streamed(self, model):
        with self.calls.stream(model=model, **self.ask) as stream:
            return stream.get_final_completion().choices[0].message.content

    def called(self, model):
        message = self.calls.create(model=model, tools=self.tools, tool_choice="required", **self.ask).choices[0].message
        [call] = message.tool_calls
        result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
        history = [*self.ask["messages"], message.model_dump(exclude_none=True), result]
        answer = self.calls.create(model=model, tools=self.tools, messages=history)
        return call.function.name, answer.choices[0].message.content

    def reasoning(self, model):
        answer = self.calls.create(model=model, reasoning_effort="high", **self.ask)
        return answer.choices[0].message.reasoning_content

    def structured(self, model):
        return self.calls.parse(model=model, response_format=Weather, **self.ask).choices[0].message.parsed


class Responses:
    """OpenAI's SDK on Responses."""

    def __init__(self, base_url):
        self.calls = openai.OpenAI(base_url=f"{base_url}/v1", api_key=KEY, max_retries=0).responses
        self.tools = [{"type": "function", "name": "get_weather", "description": WEATHER_DESCRIPTION, "parameters": WEATHER_SCHEMA, "strict": True}]

    def text(self, model):
        answer = self.calls.create(model=model, input=PROMPT)
        return answer.output_text, answer.usage.output_tokens

    def streamed(self, model):
        with self.calls.stream(model=model, input=PROMPT) as stream:
            return stream.get_final_response().output_text

    def called(self, model):
        answer = self.calls.create(model=model, tools=self.tools, tool_choice="required", input=PROMPT, store=False)
        [call] = [item for item in answer.output if item.type == "function_call"]
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        history = [{"role": "user", "content": PROMPT}, *(item.to_dict(exclude_none=True) for item in answer.output), result]
        return call.name, self.calls.create(model=model, tools=self.tools, input=history, store=False).output_text

    def reasoning(self, model):
        answer = self.calls.create(model=model, input=PROMPT, reasoning={"effort": "high", "summary": "auto"})
        return "".join(part.text for item in answer.output if item.type == "reasoning" for part in item.summary)

    def structured(self, model):
        return self.calls.parse(model=model, input=PROMPT, text_format=Weather).output_parsed


class Anthropic:
    """Anthropic's SDK."""

    def __init__(self, base_url):
        self.calls = anthropic.Anthropic(base_url=base_url, api_key=KEY, max_retries=0).messages
        self.ask = {"max_tokens": 4000, "messages": [{"role": "user", "content": PROMPT}]}
        self.tools = [{"name": "get_weather", "description": WEATHER_DESCRIPTION, "input_schema": WEATHER_SCHEMA}]

    def text(self, model):
        answer = self.calls.create(model=model, **self.ask)
        return answer.content[0].text, answer.usage.output_tokens

    def streamed(self, model):
        with self.calls.stream(model=model, **self.ask) as stream:
            return stream.get_final_text()

    def called(self, model):
        answer = self.calls.create(model=model, tools=self.tools, tool_choice={"type": "any"}, **self.ask)
        [call] = [block for block in answer.content if block.type == "tool_use"]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
        turns = [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
        second = self.calls.create(model=model, max_tokens=4000, tools=self.tools, messages=[*self.ask["messages"], *turns])
        return call.name, second.content[0].text

    def reasoning(self, model):
        answer = self.calls.create(model=model, thinking={"type": "adaptive"}, **self.ask)
        return "".join(block.thinking for block in answer.content if block.type == "thinking")

    def structured(self, model):
        return self.calls.parse(model=model, output_format=Weather, **self.ask).parsed_output


class Google:
    """Google's SDK."""

    def __init__(self, base_url):
        # Kept: a client that nobody holds closes its connections.
        self.client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=base_url))
        self.calls = self.client.models
        declaration = types.FunctionDeclaration(name="get_weather", description=WEATHER_DESCRIPTION, parameters_json_schema=WEATHER_SCHEMA)
        self.tools = {
            "tools": [types.Tool(function_declarations=[declaration])],
            "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
        }

    def generate(self, model, contents=PROMPT, **config):
        return self.calls.generate_content(model=model, contents=contents, config=types.GenerateContentConfig(**config))

    def text(self, model):
        answer = self.generate(model)
        return answer.text, answer.usage_metadata.candidates_token_count

    def streamed(self, model):
        return "".join(chunk.text or "" for chunk in self.calls.generate_content_stream(model=model, contents=PROMPT))

    def called(self, model):
        forced = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY"))
        answer = self.generate(model, tool_config=forced, **self.tools)
        [call] = answer.function_calls
        response = types.FunctionResponse(id=call.id, name=call.name, response={"output": "sunny"})
        result = types.Content(role="user", parts=[types.Part(function_response=response)])
        ask = types.Content(role="user", parts=[types.Part(text=PROMPT)])
        return call.name, self.generate(model, [ask, answer.candidates[0].content, result], **self.tools).text

    def reasoning(self, model):
        answer = self.generate(model, thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level="HIGH"))
        return "".join(part.text for part in answer.candidates[0].content.parts if part.thought)

    def structured(self, model):
        answer = self.generate(model, response_mime_type="application/json", response_json_schema=Weather.model_json_schema())
        return Weather.model_validate_json(answer.text)


@pytest.fixture(params=[Chat, Responses, Anthropic, Google], ids=lambda face: face.__name__.lower())
def face(request, gateway):
    return request.param(gateway.base_url)


@pytest.fixture(params=MODELS)
def model(request):
    return request.param


def test_text_is_marked_and_counted(face, model):
    text, output_tokens = face.text(model)
    assert MARK in text.lower()
    assert PROMPT in text
    assert output_tokens > 0


def test_stream_equals_the_answer_in_one_piece(face, model):
    assert face.streamed(model) == face.text(model)[0]


def test_tool_call_and_result(face, model):
    name, text = face.called(model)
    assert name == "get_weather"
    assert MARK in text.lower()
    assert "sunny" in text


def test_reasoning(face, model):
    assert face.reasoning(model)


def test_structured_output(face, model):
    assert isinstance(face.structured(model), Weather)
