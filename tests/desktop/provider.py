"""A provider on this machine that answers as a case wants."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWER = {
    "id": "x", "object": "chat.completion", "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class Provider:
    """`answer` is the status, the body and the headers of every answer to a chat request. Any key is good, unless none is."""

    def __init__(self):
        self.answer = (200, ANSWER, {})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def config(self, name="lab"):
        base_url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        return f'[providers.{name}]\nprotocol = "openai_chat"\nauth = "bearer"\nbase_url = "{base_url}"\n'

    def config_with_sign_in(self, name="lab"):
        """With an authorization server, whose pages are left to the case."""
        address = f"http://127.0.0.1:{self.server.server_address[1]}"
        oauth = f'authorize_url = "{address}/authorize"\ntoken_url = "{address}/token"\nclient_id = "mine"\n'
        return self.config(name).replace('"bearer"', '"oauth"') + f"[providers.{name}.oauth]\n{oauth}"

    def serves(self, used_percent=None):
        left = {} if used_percent is None else {
            "x-ratelimit-limit-requests": "100",
            "x-ratelimit-remaining-requests": str(100 - used_percent),
            "x-ratelimit-reset-requests": "5h0m0s",
        }
        self.answer = (200, ANSWER, left)

    def refuses_the_key(self):
        error = {"message": "no such key: <b>bold</b> & more", "type": "invalid_request_error", "code": "invalid_api_key"}
        self.answer = (401, {"error": error}, {})

    def is_used_up(self):
        error = {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}
        self.answer = (429, {"error": error}, {"retry-after": "7200"})

    def _handler(self):
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                if provider.answer[0] == 401:
                    self.say(*provider.answer)
                else:
                    self.say(200, {"object": "list", "data": [{"id": "m", "object": "model"}]}, {})

            def do_POST(self):
                self.rfile.read(int(self.headers.get("content-length", 0)))
                if self.path == "/token":
                    self.say(200, {"access_token": "access", "refresh_token": "refresh", "token_type": "Bearer", "expires_in": 3600}, {})
                else:
                    self.say(*provider.answer)

            def say(self, status, body, headers):
                text = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", "content-length": str(len(text)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

        return Handler
