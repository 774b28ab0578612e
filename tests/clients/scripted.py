"""A scripted upstream: one HTTP server for each dialect, on loopback, that answers with the literal bytes under `answers/`.

A test queues the answers of the requests that it expects and reads what arrived. A request that nobody queued an answer for
is refused and remembered. It must not know the gateway: the SDKs are run straight against it too, to prove its bytes.
"""

import gzip
import json
import pathlib
import queue
import re
import select
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = pathlib.Path(__file__).parent / "answers"
DIALECTS = ("openai_chat", "openai_responses", "anthropic", "gemini")

KEY = "scripted-key"
KEY_HEADERS = {"openai_chat": "authorization", "openai_responses": "authorization", "anthropic": "x-api-key", "gemini": "x-goog-api-key"}

# How long a client is waited for that should hang up.
PATIENCE_SECONDS = 10

# The paths that each service has; everything else is a 404.
PATHS = {
    "openai_chat": r"/v1/(chat/completions|completions|embeddings)",
    "openai_responses": r"/v1/responses(/input_tokens)?",
    "anthropic": r"/v1/messages(/count_tokens)?",
    "gemini": r"/v1beta/models/[^:]+:(generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents)",
}
MODEL_PATHS = {"openai_chat": "/v1/models", "openai_responses": "/v1/models", "anthropic": "/v1/models", "gemini": "/v1beta/models"}

# The statuses with which the services say the same thing.
STATUSES = {("gemini", 401): 400, ("anthropic", 503): 529}


@dataclass
class Answer:
    """What to answer: a case under `answers/`, or an error by its status.

    `cut` ends a stream early: "clean" closes the body as if it were whole, "abrupt" breaks the chunked framing, "error" says an error
    instead of the second half, "early error" says it at once, and "held" sends no second half, but waits for the client to hang up.
    `longer` puts so many bytes of text at the end of the text. `call` is a name and arguments to call in the place of the
    weather tool in Paris, `second_call` in the place of that in Rome.
    """

    case: str = "text"
    status: int = 200
    headers: dict = field(default_factory=dict)
    cut: str | None = None
    call: tuple | None = None
    second_call: tuple | None = None
    longer: int = 0


def failing(status, case=None, **headers):
    return Answer(case=case or str(status), status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class Received:
    """One request as it arrived."""

    path: str
    query: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Clients that have heard enough hang up; everything else is said."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Upstream:
    """One dialect's server, its queue of answers and the requests that arrived."""

    def __init__(self, dialect):
        self.dialect = dialect
        self._lock = threading.Lock()
        self.server = Server(("127.0.0.1", 0), handler_of(self))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.reset()

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def reset(self):
        with self._lock:
            self.received, self.unexpected, self._queue, self._always = [], [], [], None
            # How each client that was kept waiting left: True where it hung up.
            self.left = queue.Queue()
            self.holds = threading.Event()
            # Whether this Chat service still has the legacy completions.
            self.has_completions = False

    def will(self, *answers):
        """Queues an answer for each of the next requests; a plain string names a case."""
        self._queue.extend(Answer(answer) if isinstance(answer, str) else answer for answer in answers)

    def always(self, answer):
        """Answers every request without an answer of its own the same way: for errors, which may be tried again."""
        self._always = answer

    def take(self, request):
        """The answer for a request, or None when it was not expected."""
        with self._lock:
            self.received.append(request)
            if self._queue:
                return self._queue.pop(0)
            if self._always:
                return self._always
            self.unexpected.append(request.path)
            return None

    def wait_until_it_holds_one(self, seconds):
        assert self.holds.wait(seconds), f"{self.dialect}: no request came that is held"

    def assert_quiet(self):
        """Nothing came that was not expected, and all that was expected came."""
        assert not self.unexpected, f"{self.dialect}: unexpected requests {self.unexpected}"
        assert not self._queue, f"{self.dialect}: {len(self._queue)} expected requests did not come"

    @property
    def last(self):
        return self.received[-1]


def handler_of(upstream):
    """A request handler class bound to its upstream."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            if self.path.partition("?")[0] == MODEL_PATHS[upstream.dialect]:
                return self.send(200, {}, file_of(upstream.dialect, "models"))
            self.send(404, {}, b'{"error":{"message":"scripted: no such path"}}')

        def do_POST(self):
            request = self.read_request()
            refusal = refuse(upstream.dialect, request)
            if refusal:
                upstream.unexpected.append(f"{request.path}: {refusal}")
                return self.send(400, {}, json.dumps({"error": {"message": f"scripted: {refusal}"}}).encode())
            decline = declined(upstream, request)
            if decline:
                return self.send(*decline)
            answer = upstream.take(request)
            if answer is None:
                return self.send(500, {}, b'{"error":{"message":"scripted: no answer queued"}}')
            self.reply(request, answer)

        def read_request(self):
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            return Received(path, query, {name.lower(): value for name, value in self.headers.items()}, body)

        def reply(self, request, answer):
            if answer.status != 200:
                status = STATUSES.get((upstream.dialect, answer.status), answer.status)
                return self.send(status, answer.headers, file_of(upstream.dialect, answer.case))
            if is_stream(request):
                return self.stream(stream_of(upstream.dialect, answer, request), answer)
            self.send(200, answer.headers, calling(answer, file_of(upstream.dialect, case_of(request, answer))))

        def send(self, status, headers, body):
            self.send_response(status)
            self.head({"content-type": "application/json", "content-length": str(len(body)), **headers})
            self.wfile.write(body)

        def stream(self, body, answer):
            self.send_response(200)
            self.head({"content-type": "text/event-stream", "transfer-encoding": "chunked", **answer.headers})
            for frame in frames(body):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(frame), frame))
            if answer.cut == "held":
                upstream.left.put(self.hung_up())
                self.close_connection = True
                return
            if answer.cut != "abrupt":
                self.wfile.write(b"0\r\n\r\n")
            self.close_connection = answer.cut == "abrupt"

        def hung_up(self):
            """Waits for the client to go. It has asked all it wanted: what can be read is the end."""
            upstream.holds.set()
            readable, _, _ = select.select([self.connection], [], [], PATIENCE_SECONDS)
            return bool(readable) and not self.connection.recv(1)

        def head(self, headers):
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

    return Handler


def declined(upstream, request):
    """The error with which services answer what they do not have, though it may be asked for; None where they have it."""
    if request.path == "/v1/completions" and not upstream.has_completions:
        return 404, {}, file_of(upstream.dialect, "404")
    if request.path == "/v1/messages" and "thread" in request.json:
        return 400, {}, file_of(upstream.dialect, "thread_unsupported")
    return None


def file_of(dialect, case, kind="json"):
    return (ANSWERS / dialect / f"{case}.{kind}").read_bytes()


LONG_BYTES = 1_000_000


def longer(size):
    """So many bytes of text, at least. It counts: some clients stop an answer that repeats itself."""
    words = (f"word-{number}" for number in range(size // len("word-1 ") + 1))
    return " ".join(words)


def calling(answer, body):
    """A body whose calls of the weather tool are other ones; some dialects write the arguments as a string."""
    if answer.longer:
        body = body.replace(b"upstream.", b"upstream. " + longer(answer.longer).encode())
    for city, call in (("Paris", answer.call), ("Rome", answer.second_call)):
        if call:
            body = calling_instead(body, city, *call)
    return body


def calling_instead(body, city, name, arguments):
    weather = json.dumps({"city": city}, separators=(",", ":"))
    arguments = json.dumps(arguments, separators=(",", ":"))
    written = {"get_weather": name, weather: arguments, json.dumps(weather)[1:-1]: json.dumps(arguments)[1:-1]}
    for mine, other in written.items():
        body = body.replace(mine.encode(), other.encode())
    return body


def case_of(request, answer):
    """Counting, embedding and the legacy completions have one answer each, whatever a test queued."""
    if request.path == "/v1/completions":
        return "completion"
    if request.path.endswith(("count_tokens", "input_tokens", ":countTokens")):
        return "count"
    if request.path.endswith(":embedContent"):
        return "embedding"
    if request.path.endswith(("/embeddings", ":batchEmbedContents")):
        return "embeddings"
    return answer.case


def is_stream(request):
    return request.path.endswith(":streamGenerateContent") or request.json.get("stream") is True


def stream_of(dialect, answer, request):
    body = calling(answer, file_of(dialect, case_of(request, answer), "sse"))
    if dialect == "openai_chat" and not (request.json.get("stream_options") or {}).get("include_usage"):
        body = without_usage(body)
    if answer.cut in ("error", "early error"):
        return (b"" if answer.cut == "early error" else first_half(body)) + file_of(dialect, "error", "sse")
    return first_half(body) if answer.cut else body


def without_usage(body):
    """Chat tells usage only when asked."""
    kept = (frame for frame in frames(body) if b'"choices":[]' not in frame)
    return b"".join(frame.replace(b',"usage":null', b"") for frame in kept)


def first_half(body):
    whole = frames(body)
    return b"".join(whole[: len(whole) // 2])


def frames(body):
    return [frame + b"\n\n" for frame in body.split(b"\n\n") if frame.strip()]


def refuse(dialect, request):
    """Why the real service would refuse this request at once, or None."""
    if not re.fullmatch(PATHS[dialect], request.path):
        return f"no such path {request.path}"
    if not has_key(dialect, request):
        return "expected the scripted key, found none or another"
    if "json" not in request.headers.get("content-type", ""):
        return "content-type is not JSON"
    if dialect == "anthropic":
        return refuse_anthropic(request)
    if dialect == "gemini" and request.path.endswith(":streamGenerateContent") and "alt=sse" not in request.query:
        return "streams are scripted with alt=sse only"
    return None


def has_key(dialect, request):
    """The dialect's own header; Anthropic and Gemini take a bearer token as well."""
    found = {request.headers.get(name, "").removeprefix("Bearer ") for name in (KEY_HEADERS[dialect], "authorization")}
    return found - {""} == {KEY}


def refuse_anthropic(request):
    if "anthropic-version" not in request.headers:
        return "anthropic-version is missing"
    if request.path == "/v1/messages" and "max_tokens" not in request.json:
        return "max_tokens: Field required"
    return None
