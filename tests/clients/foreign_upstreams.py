"""Upstreams that nobody here wrote: LiteLLM's proxy with its mock answers in all four dialects, and llama.cpp's server with a tiny
model of random weights. Each is asked by the official SDKs through the gateway.

`tests/run upstreams` installs them and says in UPSTREAMS_PYTHON whose Python runs them.
"""

import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types

from agents import OFFLINE
from conftest import CLIENT_KEY
from gateway import Gateway, provider_of
from scripted import DIALECTS, KEY

HERE = pathlib.Path(__file__).parent
START_SECONDS = 120

# What LiteLLM says for a model that is mocked so.
SAID = "Hello from the mock."
LITELLM = f"""
model_list:
  - model_name: mock
    litellm_params: {{model: openai/mock, api_key: none, mock_response: "{SAID}"}}
  - model_name: limited
    litellm_params: {{model: openai/limited, api_key: none, mock_response: litellm.RateLimitError}}
general_settings: {{master_key: {KEY}}}
"""
WORDS = 12


@dataclass
class Address:
    base_url: str


class Server:
    """A server in a Python of its own, on a free port, once it answers."""

    def __init__(self, home, arguments, ready, **variables):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}"
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), **OFFLINE, **variables}
        command = [os.environ["UPSTREAMS_PYTHON"], *arguments, "--host", "127.0.0.1", "--port", str(port)]
        self.log = home / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log)
        self.await_ready(ready)

    def await_ready(self, path):
        deadline = time.monotonic() + START_SECONDS
        while not self.answers(path):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.5)

    def answers(self, path):
        try:
            return urllib.request.urlopen(self.base_url + path, timeout=5).status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="session")
def litellm(tmp_path_factory):
    home = tmp_path_factory.mktemp("litellm")
    (home / "config.yaml").write_text(LITELLM)
    program = pathlib.Path(os.environ["UPSTREAMS_PYTHON"]).with_name("litellm")
    server = Server(home, [program, "--config", "config.yaml"], "/health/liveliness", LITELLM_LOCAL_MODEL_COST_MAP="True")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    home = tmp_path_factory.mktemp("llama")
    subprocess.run([os.environ["UPSTREAMS_PYTHON"], HERE / "tiny_model.py", home / "tiny.gguf"], check=True)
    server = Server(home, ["-m", "llama_cpp.server", "--model", home / "tiny.gguf", "--n_ctx", "512", "--verbose", "false"], "/v1/models")
    yield server
    server.stop()


@pytest.fixture
def before_litellm(litellm, tmp_path):
    gateway = Gateway(tmp_path, {dialect: Address(litellm.base_url) for dialect in DIALECTS})
    yield gateway
    gateway.stop()


@pytest.fixture
def before_llama(llama, tmp_path):
    gateway = Gateway(tmp_path, {"openai_chat": Address(llama.base_url)})
    yield gateway
    gateway.stop()


class Chat:
    refusal = openai.APIStatusError

    def __init__(self, base_url):
        self.client = openai.OpenAI(base_url=f"{base_url}/v1", api_key=CLIENT_KEY, max_retries=0)

    def ask(self, model, prompt, streamed):
        body = {"model": model, "messages": [{"role": "user", "content": prompt}], "max_tokens": WORDS, "temperature": 0}
        if not streamed:
            answer = self.client.chat.completions.create(**body)
            return answer.choices[0].message.content, answer.usage.completion_tokens, answer.choices[0].finish_reason
        chunks = list(self.client.chat.completions.create(**body, stream=True, stream_options={"include_usage": True}))
        choices = [choice for chunk in chunks for choice in chunk.choices]
        [finish] = [choice.finish_reason for choice in choices if choice.finish_reason]
        usage = next((chunk.usage for chunk in chunks if chunk.usage), None)
        return "".join(choice.delta.content or "" for choice in choices), usage and usage.completion_tokens, finish


class Responses:
    refusal = openai.APIStatusError

    def __init__(self, base_url):
        self.client = openai.OpenAI(base_url=f"{base_url}/v1", api_key=CLIENT_KEY, max_retries=0)

    def ask(self, model, prompt, streamed):
        body = {"model": model, "input": prompt, "max_output_tokens": WORDS + 4, "temperature": 0}
        if not streamed:
            answer = self.client.responses.create(**body)
            return answer.output_text, answer.usage.output_tokens, answer.status
        events = list(self.client.responses.create(**body, stream=True))
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        last = events[-1].response
        return text, last.usage and last.usage.output_tokens, last.status


class Messages:
    refusal = anthropic.APIStatusError

    def __init__(self, base_url):
        self.client = anthropic.Anthropic(base_url=base_url, api_key=CLIENT_KEY, max_retries=0)

    def ask(self, model, prompt, streamed):
        body = {"model": model, "max_tokens": WORDS, "messages": [{"role": "user", "content": prompt}], "extra_body": {"temperature": 0}}
        if not streamed:
            answer = self.client.messages.create(**body)
        else:
            with self.client.messages.stream(**body) as stream:
                answer = stream.get_final_message()
        return "".join(block.text for block in answer.content), answer.usage.output_tokens, answer.stop_reason


class Generate:
    refusal = errors.APIError

    def __init__(self, base_url):
        self.client = genai.Client(api_key=CLIENT_KEY, http_options=types.HttpOptions(base_url=base_url))

    def ask(self, model, prompt, streamed):
        config = types.GenerateContentConfig(max_output_tokens=WORDS, temperature=0)
        body = {"model": model, "contents": prompt, "config": config}
        models = self.client.models
        answers = list(models.generate_content_stream(**body)) if streamed else [models.generate_content(**body)]
        usage = answers[-1].usage_metadata
        finish = answers[-1].candidates[0].finish_reason
        return "".join(answer.text or "" for answer in answers), usage and usage.candidates_token_count, finish.value


FACES = {"openai_chat": Chat, "openai_responses": Responses, "anthropic": Messages, "gemini": Generate}
CUT_SHORT = {"openai_chat": "length", "openai_responses": "incomplete", "anthropic": "max_tokens", "gemini": "MAX_TOKENS"}


@pytest.fixture(params=FACES)
def face(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streamed(request):
    return request.param


def test_litellm_says_what_it_is_told_to_say(before_litellm, face, dialect, streamed):
    client = FACES[face](before_litellm.base_url)
    model = f"{provider_of(dialect)}/mock"
    if (dialect, streamed) == ("openai_responses", True):
        # LiteLLM itself breaks down where it should stream a mock answer in this dialect: its words arrive.
        with pytest.raises(client.refusal, match="__aiter__"):
            client.ask(model, "Hi", streamed)
        return
    text, output, _ = client.ask(model, "Hi", streamed)
    assert (text, output > 0) == (SAID, True)


# In the other two dialects LiteLLM's mocks know no errors.
@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_litellms_limit_is_told(before_litellm, face, dialect):
    client = FACES[face](before_litellm.base_url)
    with pytest.raises(client.refusal) as caught:
        client.ask(f"{provider_of(dialect)}/limited", "Hi", False)
    assert status_of(caught.value) == 429


def status_of(error):
    return getattr(error, "status_code", None) or error.code


def test_llama_says_the_same_whole_and_streamed(before_llama, face):
    client = FACES[face](before_llama.base_url)
    model = "lab-openai_chat/tiny"
    whole, output, finish = client.ask(model, "Say something", False)
    streamed_text, streamed_output, streamed_finish = client.ask(model, "Say something", True)
    assert whole and streamed_text == whole
    assert (finish, streamed_finish) == (CUT_SHORT[face],) * 2
    # It goes on for a few tokens where a letter of several bytes is not whole yet.
    assert WORDS <= output < 2 * WORDS
    # Its streams tell no usage: nothing is made up.
    assert streamed_output in (None, 0)


def test_llama_refuses_what_does_not_fit(before_llama, face):
    client = FACES[face](before_llama.base_url)
    with pytest.raises(client.refusal, match="context") as caught:
        client.ask("lab-openai_chat/tiny", "too long " * 200, False)
    assert status_of(caught.value) == 400
