"""What the scripted answers say, and what the cases ask, in words that all suites share."""

import base64

import httpx
import httpx2
import pydantic

TEXT = "Hello from the upstream."
REASONING = "Weather needs a tool."
PARIS = ("get_weather", {"city": "Paris"})
ROME = ("get_weather", {"city": "Rome"})

# The token that each dialect's `reasoning` answer carries; Chat has none.
TOKENS = {
    "openai_chat": [],
    "openai_responses": ["c2VhbGVkLWJ5LXJlc3BvbnNlcw=="],
    "anthropic": ["c2lnbmVkLWJ5LWFudGhyb3BpYw=="],
    "gemini": ["c2lnbmVkLWJ5LWdlbWluaQ=="],
}

# What the gateway's own wrapping of a foreign token begins with: no upstream may ever see it.
ENVELOPE = b"AeroEnvelope"

WEATHER_DESCRIPTION = "Tells the weather of a city."
WEATHER_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}

# What the SDKs let through when the connection breaks inside a body.
TRANSPORT_ERRORS = (httpx.TransportError, httpx2.TransportError)

# One transparent pixel, and three bytes after its end that are `+//+` in base64: the URL-safe alphabet differs there.
PNG_BASE64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJgggAA+//+"
PNG = base64.b64decode(PNG_BASE64)

# The head of a document with the bytes that Adobe's comment line has: more of them differ in the URL-safe alphabet.
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\xff\xfe\n%%EOF\n"
PDF_BASE64 = base64.b64encode(PDF).decode()

# What an upstream's error in the middle of a stream, or its 500, says.
BROKE_DOWN = "scripted: broke down"


class Weather(pydantic.BaseModel):
    """What the `structured` answer holds."""

    city: str
    degrees: int


def asks_for_weather(schema):
    """Whether an output schema is that of `Weather`, whatever else it says."""
    properties = schema["properties"]
    types = {name: properties[name]["type"].lower() for name in properties}
    return types == {"city": "string", "degrees": "integer"} and set(schema["required"]) == {"city", "degrees"}


def takes_a_city(tools):
    """Whether the tools are the weather tool alone."""
    return list(tools) == ["get_weather"] and tools["get_weather"]["properties"]["city"]["type"].lower() == "string"

