"""Reads what an upstream received: the same questions asked of each dialect's request.

Written from the wire references, not from the gateway's encoders, so that it can disagree with them.
"""

import json
import re


def read(upstream, index=-1):
    """The reader of one of the requests that an upstream received; the last one by default."""
    return READERS[upstream.dialect](upstream.received[index].json)


def text_of(content):
    """The text of a string or of a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content or [] if isinstance(part.get("text"), str) and not part.get("thought"))


def parts_of(content):
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def of_type(parts, *kinds):
    return [part for part in parts if part.get("type") in kinds]


def data_url(url):
    """`data:image/png;base64,AAAA` as (`image/png`, `AAAA`)."""
    mime, _, data = url.removeprefix("data:").partition(";base64,")
    return mime, data


class Reader:
    """What the readers of all dialects share."""

    @property
    def pairs_match(self):
        """Whether each call has its result, in the order of the calls."""
        return self.called_ids == self.answered_ids

    @property
    def pairs_match_in_any_order(self):
        return sorted(self.called_ids) == sorted(self.answered_ids)


class Chat(Reader):
    def __init__(self, body):
        self.body, self.messages = body, body.get("messages", [])

    def of_role(self, *roles):
        return [message for message in self.messages if message["role"] in roles]

    @property
    def system(self):
        return "\n".join(text_of(message["content"]) for message in self.of_role("system", "developer"))

    @property
    def users(self):
        return [text_of(message["content"]) for message in self.of_role("user")]

    @property
    def tools(self):
        functions = [tool["function"] for tool in of_type(self.body.get("tools", []), "function")]
        return {function["name"]: function.get("parameters") for function in functions}

    @property
    def calls(self):
        found = [call for message in self.of_role("assistant") for call in message.get("tool_calls") or []]
        return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in found]

    @property
    def results(self):
        return [text_of(message["content"]) for message in self.of_role("tool")]

    @property
    def called_ids(self):
        return [call["id"] for message in self.of_role("assistant") for call in message.get("tool_calls") or []]

    @property
    def answered_ids(self):
        return [message["tool_call_id"] for message in self.of_role("tool")]

    @property
    def images(self):
        parts = [part for message in self.of_role("user") for part in parts_of(message["content"])]
        return [data_url(part["image_url"]["url"]) for part in of_type(parts, "image_url")]

    @property
    def documents(self):
        parts = [part for message in self.of_role("user") for part in parts_of(message["content"])]
        return [data_url(part["file"]["file_data"]) for part in of_type(parts, "file")]

    @property
    def cached(self):
        parts = [part for message in self.messages for part in parts_of(message["content"])]
        return [part["text"] for part in parts if "prompt_cache_breakpoint" in part]

    @property
    def schema(self):
        return self.body["response_format"]["json_schema"]["schema"]

    @property
    def output_tokens_max(self):
        return self.body.get("max_completion_tokens", self.body.get("max_tokens"))

    @property
    def asks_reasoning(self):
        return self.body.get("reasoning_effort") not in (None, "none")

    @property
    def tokens(self):
        return []


class Responses(Reader):
    def __init__(self, body):
        self.body = body
        given = body.get("input", [])
        self.items = [{"role": "user", "content": given}] if isinstance(given, str) else given

    def of_role(self, *roles):
        return [item for item in self.items if item.get("role") in roles]

    @property
    def system(self):
        front = [text_of(item["content"]) for item in self.of_role("system", "developer")]
        return "\n".join(filter(None, [self.body.get("instructions"), *front]))

    @property
    def users(self):
        return [text_of(item["content"]) for item in self.of_role("user")]

    @property
    def tools(self):
        return {tool["name"]: tool.get("parameters") for tool in of_type(self.body.get("tools", []), "function")}

    @property
    def calls(self):
        return [(item["name"], json.loads(item["arguments"])) for item in of_type(self.items, "function_call")]

    @property
    def results(self):
        return [text_of(item["output"]) for item in of_type(self.items, "function_call_output")]

    @property
    def called_ids(self):
        return [item["call_id"] for item in of_type(self.items, "function_call")]

    @property
    def answered_ids(self):
        return [item["call_id"] for item in of_type(self.items, "function_call_output")]

    @property
    def images(self):
        parts = [part for item in self.of_role("user") for part in parts_of(item["content"])]
        return [data_url(part["image_url"]) for part in of_type(parts, "input_image")]

    @property
    def documents(self):
        parts = [part for item in self.of_role("user") for part in parts_of(item["content"])]
        return [data_url(part["file_data"]) for part in of_type(parts, "input_file")]

    @property
    def cached(self):
        parts = [part for item in self.items for part in parts_of(item.get("content"))]
        return [part["text"] for part in parts if "prompt_cache_breakpoint" in part]

    @property
    def schema(self):
        return self.body["text"]["format"]["schema"]

    @property
    def output_tokens_max(self):
        return self.body.get("max_output_tokens")

    @property
    def asks_reasoning(self):
        return (self.body.get("reasoning") or {}).get("effort") not in (None, "none")

    @property
    def tokens(self):
        return [item["encrypted_content"] for item in of_type(self.items, "reasoning") if item.get("encrypted_content")]


class Anthropic(Reader):
    def __init__(self, body):
        self.body, self.messages = body, body.get("messages", [])

    def blocks(self, role, *kinds):
        return [block for message in self.messages if message["role"] == role for block in of_type(parts_of(message["content"]), *kinds)]

    @property
    def system(self):
        return text_of(self.body.get("system"))

    @property
    def users(self):
        texts = [text_of(of_type(parts_of(message["content"]), "text")) for message in self.messages if message["role"] == "user"]
        return [text for text in texts if text]

    @property
    def tools(self):
        return {tool["name"]: tool["input_schema"] for tool in self.body.get("tools", [])}

    @property
    def calls(self):
        return [(block["name"], block["input"]) for block in self.blocks("assistant", "tool_use")]

    @property
    def results(self):
        return [text_of(block["content"]) for block in self.blocks("user", "tool_result")]

    @property
    def called_ids(self):
        return [block["id"] for block in self.blocks("assistant", "tool_use")]

    @property
    def answered_ids(self):
        return [block["tool_use_id"] for block in self.blocks("user", "tool_result")]

    @property
    def images(self):
        return self.inline("image")

    @property
    def documents(self):
        return self.inline("document")

    def inline(self, kind):
        sources = [block["source"] for block in self.blocks("user", kind)]
        return [(source["media_type"], source["data"]) for source in sources]

    @property
    def cached(self):
        parts = [*parts_of(self.body.get("system")), *(part for message in self.messages for part in parts_of(message["content"]))]
        return [part["text"] for part in parts if "cache_control" in part]

    @property
    def schema(self):
        return self.body["output_config"]["format"]["schema"]

    @property
    def output_tokens_max(self):
        return self.body.get("max_tokens")

    @property
    def asks_reasoning(self):
        return (self.body.get("thinking") or {}).get("type") in ("adaptive", "enabled")

    @property
    def tokens(self):
        return [block["signature"] for block in self.blocks("assistant", "thinking")]


def either(table, camel, snake):
    """A field under one of its two names: the service takes both, and the Python SDK sends both in one request."""
    return table.get(camel, table.get(snake))


# Members whose names are the caller's own.
OWN_NAMES = {"args", "response", "properties", "parametersJsonSchema", "responseJsonSchema"}


def camel(value):
    """A body with the names of its members in camel case: the service takes them in snake case too."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    renamed = {re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name): member for name, member in value.items()}
    return {name: member if name in OWN_NAMES else camel(member) for name, member in renamed.items()}


class Gemini(Reader):
    def __init__(self, body):
        body = camel(body)
        self.body, self.config = body, body.get("generationConfig", {})
        self.contents = body.get("contents", body.get("generateContentRequest", {}).get("contents", []))

    def parts(self, role, key):
        return [part for content in self.contents if content.get("role", "user") == role for part in content["parts"] if key in part]

    @property
    def system(self):
        return text_of(self.body.get("systemInstruction", {}).get("parts"))

    @property
    def users(self):
        texts = [text_of(content["parts"]) for content in self.contents if content.get("role", "user") == "user"]
        return [text for text in texts if text]

    @property
    def tools(self):
        found = [one for tool in self.body.get("tools", []) for one in tool.get("functionDeclarations", [])]
        return {one["name"]: either(one, "parametersJsonSchema", "parameters_json_schema") or one.get("parameters") for one in found}

    @property
    def calls(self):
        found = [part["functionCall"] for part in self.parts("model", "functionCall")]
        return [(call["name"], call.get("args", {})) for call in found]

    @property
    def results(self):
        found = [part["functionResponse"]["response"] for part in self.parts("user", "functionResponse")]
        return [next(iter(response.values())) if len(response) == 1 else json.dumps(response) for response in found]

    @property
    def called_ids(self):
        return [part["functionCall"]["name"] for part in self.parts("model", "functionCall")]

    @property
    def answered_ids(self):
        return [part["functionResponse"]["name"] for part in self.parts("user", "functionResponse")]

    @property
    def images(self):
        return [(mime, data) for mime, data in self.inline if mime.startswith("image/")]

    @property
    def documents(self):
        return [(mime, data) for mime, data in self.inline if mime == "application/pdf"]

    @property
    def inline(self):
        found = [part["inlineData"] for part in self.parts("user", "inlineData")]
        # The service takes both alphabets of base64, and the Python SDK sends the URL-safe one.
        return [(either(blob, "mimeType", "mime_type"), blob["data"].replace("-", "+").replace("_", "/")) for blob in found]

    # Marks have no form here: what is cached is the service's own choice.
    cached = []

    @property
    def schema(self):
        return self.config.get("responseJsonSchema", self.config.get("responseSchema"))

    @property
    def output_tokens_max(self):
        return self.config.get("maxOutputTokens")

    @property
    def asks_reasoning(self):
        return bool(self.config.get("thinkingConfig"))

    @property
    def tokens(self):
        return [part["thoughtSignature"] for part in self.parts("model", "thoughtSignature")]


READERS = {"openai_chat": Chat, "openai_responses": Responses, "anthropic": Anthropic, "gemini": Gemini}


def model_of(upstream, index=-1):
    """The model that a request asked the upstream for."""
    request = upstream.received[index]
    if upstream.dialect == "gemini":
        return request.path.partition("/models/")[2].rpartition(":")[0]
    return request.json["model"]
