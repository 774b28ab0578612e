"""LangChain and LiteLLM as clients: each face answers the same verbs, in the words of `sdks.mjs`.

A verb returns `{text, finish, usage, calls, reasoning, object}` as far as it has them, and raises what the framework raises.
"""

import json

import litellm
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI

from cases import PDF_BASE64, PNG_BASE64, WEATHER_DESCRIPTION, WEATHER_SCHEMA, Weather

SYSTEM = "Be brief."
PROMPT = "What is the weather?"
RESULTS = ("sunny", "rain")
TOOL = {"type": "function", "function": {"name": "get_weather", "description": WEATHER_DESCRIPTION, "parameters": WEATHER_SCHEMA}}


class LangChain:
    """One of its chat models; `reasoned` are the options with which it asks for reasoning."""

    def __init__(self, model, reasoned):
        self.model, self.reasoned = model, reasoned

    def asking(self, lab, retries=0, **options):
        return self.model(lab, retries, **options)

    def text(self, lab, streamed=False, retries=0):
        return self.told(self.answer(self.asking(lab, retries), [SystemMessage(SYSTEM), HumanMessage(PROMPT)], streamed))

    def loop(self, lab, streamed):
        model = self.asking(lab, **self.reasoned).bind_tools([TOOL])
        asked = [SystemMessage(SYSTEM), HumanMessage(PROMPT)]
        first = self.answer(model, asked, streamed)
        results = [ToolMessage(result, tool_call_id=call["id"], name=call["name"]) for call, result in zip(first.tool_calls, RESULTS)]
        second = self.answer(model, [*asked, first, *results], streamed)
        return {**self.told(first), "text": second.text}

    def object(self, lab):
        return {"object": self.asking(lab).with_structured_output(Weather, method="json_schema").invoke(PROMPT)}

    def image(self, lab):
        return self.showing(lab, {"type": "image", "base64": PNG_BASE64, "mime_type": "image/png"})

    def pdf(self, lab):
        return self.showing(lab, {"type": "file", "base64": PDF_BASE64, "mime_type": "application/pdf", "filename": "a.pdf"})

    def showing(self, lab, part):
        return self.told(self.asking(lab).invoke([HumanMessage([{"type": "text", "text": PROMPT}, part])]))

    def cancel(self, lab):
        stream = self.asking(lab).stream(PROMPT)
        first = next(chunk.text for chunk in stream if chunk.text)
        stream.close()
        return {"text": first}

    @staticmethod
    def answer(model, messages, streamed):
        if not streamed:
            return model.invoke(messages)
        first, *others = model.stream(messages)
        for chunk in others:
            first += chunk
        return first

    @staticmethod
    def told(message):
        usage = message.usage_metadata
        reasoning = [block.get("reasoning", "") for block in message.content_blocks if block["type"] == "reasoning"]
        return {
            "text": message.text,
            "usage": [usage["input_tokens"], usage["output_tokens"]],
            "calls": [(call["name"], call["args"]) for call in message.tool_calls],
            "reasoning": "".join(reasoning),
        }


def chat_openai(lab, retries, **options):
    return ChatOpenAI(base_url=f"{lab.base_url}/v1", api_key=lab.key, model=lab.model, max_retries=retries, stream_usage=True, **options)


def chat_responses(lab, retries, **options):
    return chat_openai(lab, retries, use_responses_api=True, store=False, include=["reasoning.encrypted_content"], **options)


def chat_anthropic(lab, retries, **options):
    return ChatAnthropic(base_url=lab.base_url, api_key=lab.key, model=lab.model, max_retries=retries, max_tokens=4000, **options)


def chat_google(lab, retries, **options):
    return ChatGoogleGenerativeAI(base_url=lab.base_url, google_api_key=lab.key, model=lab.model, max_retries=retries, **options)


class LiteLlm:
    """One of its providers: `prefix` before the model's name, `suffix` behind the gateway's address."""

    def __init__(self, prefix, suffix):
        self.prefix, self.suffix = prefix, suffix

    def completion(self, lab, streamed=False, retries=0, messages=None, **options):
        messages = messages or [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]
        where = {"model": f"{self.prefix}/{lab.model}", "api_base": lab.base_url + self.suffix, "api_key": lab.key}
        if not streamed:
            return litellm.completion(**where, messages=messages, num_retries=retries, max_retries=0, **options)
        options.update(stream=True, stream_options={"include_usage": True})
        chunks = list(litellm.completion(**where, messages=messages, max_retries=0, **options))
        return litellm.stream_chunk_builder(chunks, messages=messages)

    def text(self, lab, streamed=False, retries=0):
        return self.told(self.completion(lab, streamed, retries))

    def loop(self, lab, streamed):
        asked = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]
        options = {"tools": [TOOL], "reasoning_effort": "high", "allowed_openai_params": ["reasoning_effort", "tools"]}
        first = self.completion(lab, streamed, messages=asked, **options)
        message = first.choices[0].message
        results = [
            {"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": result}
            for call, result in zip(message.tool_calls, RESULTS)
        ]
        second = self.completion(lab, streamed, messages=[*asked, message.model_dump(exclude_none=True), *results], **options)
        return {**self.told(first), "text": self.told(second)["text"]}

    def object(self, lab):
        answer = self.completion(lab, response_format=Weather)
        return {"object": Weather.model_validate_json(answer.choices[0].message.content)}

    def image(self, lab):
        return self.showing(lab, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}"}})

    def pdf(self, lab):
        return self.showing(lab, {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF_BASE64}"}})

    def showing(self, lab, part):
        return self.told(self.completion(lab, messages=[{"role": "user", "content": [{"type": "text", "text": PROMPT}, part]}]))

    def cancel(self, lab):
        where = {"model": f"{self.prefix}/{lab.model}", "api_base": lab.base_url + self.suffix, "api_key": lab.key}
        stream = litellm.completion(**where, messages=[{"role": "user", "content": PROMPT}], stream=True)
        first = next(text for chunk in stream if (text := chunk.choices[0].delta.content))
        stream.completion_stream.close()
        return {"text": first}

    @staticmethod
    def told(answer):
        message = answer.choices[0].message
        return {
            "text": message.content,
            "usage": [answer.usage.prompt_tokens, answer.usage.completion_tokens],
            "calls": [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []],
            "reasoning": getattr(message, "reasoning_content", None),
        }


FACES = {
    "langchain chat": LangChain(chat_openai, {"reasoning_effort": "high"}),
    "langchain responses": LangChain(chat_responses, {"reasoning": {"effort": "high", "summary": "auto"}}),
    "langchain anthropic": LangChain(chat_anthropic, {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
    "langchain google": LangChain(chat_google, {"include_thoughts": True, "thinking_budget": 2000}),
    "litellm openai": LiteLlm("openai", "/v1"),
    "litellm anthropic": LiteLlm("anthropic", ""),
    "litellm gemini": LiteLlm("gemini", ""),
}
