"""The conformance table: what each client showed with an upstream of each dialect.

The suites write what ran into the folder that AEROSTAT_CONFORMANCE names, a file for each run. As a program, this gathers them and
writes the table into `RESULTS.md` and its summary into the README, each between its marks:

    python tests/clients/conformance.py target/conformance 2026-11-30
"""

import json
import pathlib
import platform
import re
import sys
from collections import defaultdict

HERE = pathlib.Path(__file__).parent
README = HERE.parent.parent / "README.md"
DIALECTS = {"openai_chat": "Chat", "openai_responses": "Responses", "anthropic": "Anthropic", "gemini": "Gemini"}

# Without one of them the table is not written.
FAMILIES = {"AI SDK", "Command-line agents", "LangChain and LiteLLM", "SDKs for JavaScript", "SDKs for Python"}

# Which tests show what; a name shows the same thing in every suite. In the order of the table.
CAPABILITIES = {
    "text, stream, usage": {
        "test_text_and_usage",
        "test_text_streams_to_the_terminal",
        "test_raw_stream_finishes_once_and_tells_usage_when_asked",
        "test_raw_stream_has_no_usage_when_not_asked",
        "test_raw_stream_counts_and_ends",
        "test_raw_stream_opens_and_closes_each_block",
        "test_prompt",
        "test_stream_finishes_once",
        "test_stream_helper",
        "test_async_stream",
        "test_async",
    },
    "tool loop, reasoning's token returned": {
        "test_tool_call_and_result",
        "test_automatic_function_calling",
        "test_tool_runner_goes_on_without_threads",
        "test_reasoning_comes_back_to_its_maker",
        "test_tool_loop_brings_the_reasoning_back",
        "test_reasoning_tokens_are_counted",
        "test_thinking",
    },
    "parallel tools": {"test_parallel_tools", "test_parallel_calls_with_results", "test_parallel_calls_with_results_out_of_order"},
    "structured output": {"test_structured_output", "test_structured_output_streamed"},
    "images": {"test_image", "test_image_beside_a_prompt"},
    "PDF": {"test_pdf"},
    "counting": {"test_counting", "test_an_estimate_is_marked", "test_counting_asks_the_upstreams_own_counter"},
    "model list": {"test_models_are_listed_and_found"},
    "long answers": {"test_long_answer"},
    "cancel": {"test_cancelling_reaches_the_upstream"},
    "400": {"test_wrong_request_is_told", "test_wrong_request_is_told_once"},
    "404": {"test_unknown_model_is_told"},
    "429 with its reset": {"test_limit_says_when_to_come_back", "test_limit_is_a_status", "test_limit_is_waited_for"},
    "503, then success": {
        "test_bad_moment_is_overcome",
        "test_bad_moment_is_overcome_by_trying_again",
        "test_bad_moments_are_overcome_by_trying_again",
    },
    "a cut stream, an error in it": {
        "test_cut_stream_raises",
        "test_error_in_a_stream_raises",
        "test_error_in_a_stream_is_told",
        "test_error_before_any_output_is_a_status",
        "test_half_an_answer_never_passes_for_a_whole_one",
    },
}

# Why a client shows something with fewer dialects, or in another form: facts of the dialects and of the clients.
FACTS = {
    "chat-no-token": "Chat Completions has no token of reasoning: with such an upstream there is none to return.",
    "chat-no-counter": "Chat Completions has no counter: the gateway estimates, and says so in `x-aerostat-adjusted`.",
    "list-is-one": "The list holds the models of all providers at once; it is asked for once.",
    "sdk-last-piece": "The SDK's stream helper keeps the last piece only of a field that is none of Chat's own, such as `reasoning_content`.",
    "ai-chat-no-reasoning": "The AI SDK's Chat provider reads no `reasoning_content`; the token comes back all the same.",
    "ai-object-by-tool": "The AI SDK asks unknown Anthropic models for an object as the input of a tool.",
    "langchain-chat-no-reasoning": "LangChain's ChatOpenAI reads no `reasoning_content`; the token comes back all the same.",
    "litellm-system": "LiteLLM writes the system's text into the person's where a model that it asks in Gemini's dialect has no `gemini` in its name.",
    "litellm-object": "LiteLLM asks models that it does not know for an object by a tool (Anthropic) or in words (Gemini).",
    "ai-compatible-json": "The AI SDK's OpenAI-compatible provider asks for `json_object`, without the schema.",
    "ollama-no-ids": "Ollama's library for Python forgets the ids of calls, by which the gateway keeps a token for clients that have no field for it.",
}

# What holds for every client, by capability and dialect.
STANDING = {
    ("tool loop, reasoning's token returned", "openai_chat"): "chat-no-token",
    ("counting", "openai_chat"): "chat-no-counter",
    ("model list", "openai_chat"): "list-is-one",
}


def capability_of(test):
    return next((name for name, tests in CAPABILITIES.items() if test in tests), None)


def told(item):
    """What a case shows: the client's family, the client, capability and dialect; None where it is no part of the table."""
    suite, parameters = item.module, getattr(item, "callspec", None)
    capability = capability_of(item.originalname)
    if not hasattr(suite, "CLIENT") or capability is None:
        return None
    parameters = parameters.params if parameters else {}
    client = suite.CLIENT
    if isinstance(client, dict):
        client = client[next(str(parameters[name]) for name in ("agent", "face") if name in parameters)]
    return [suite.FAMILY, client, capability, parameters["dialect"]]


class Collected:
    """What one run of pytest showed."""

    def __init__(self):
        self.cases = []

    def add(self, report, passed):
        properties = dict(report.user_properties)
        if properties.get("shows"):
            facts = [value for name, value in report.user_properties if name == "fact"]
            self.cases.append({"shows": properties["shows"], "passed": passed, "facts": facts})

    def write(self, folder):
        if self.cases:
            path = pathlib.Path(folder)
            path.mkdir(parents=True, exist_ok=True)
            families = sorted({case["shows"][0] for case in self.cases})
            name = re.sub(r"[^a-z0-9]+", "-", " ".join(families).lower())
            (path / f"{name}.json").write_text(json.dumps(self.cases))


class Table:
    """Passed and run of each client, capability and dialect, and the facts that explain what deviates."""

    def __init__(self, cases):
        self.counts = defaultdict(lambda: [0, 0])
        self.facts = defaultdict(set)
        self.families = defaultdict(set)
        for case in cases:
            family, client, capability, dialect = case["shows"]
            count = self.counts[client, capability, dialect]
            count[0] += case["passed"]
            count[1] += 1
            self.families[family].add(client)
            self.facts[client, capability].update(case["facts"])
            standing = STANDING.get((capability, dialect))
            if standing:
                self.facts[client, capability].add(standing)

    def clients(self, family):
        return sorted(self.families[family], key=str.lower)

    def sum(self, client, capability=None, dialect=None):
        cells = [count for (a, b, c), count in self.counts.items() if a == client and capability in (None, b) and dialect in (None, c)]
        return sum(count[0] for count in cells), sum(count[1] for count in cells)


def cell(passed, run):
    return f"{passed}/{run}" if run else "–"


def line(*cells):
    return f"| {' | '.join(cells)} |"


def head(*cells):
    return [line(*cells), "|" + "---|" * len(cells)]


def package_of(client):
    return client.partition(",")[0].partition(" (")[0]


def version_of(client):
    """The pinned version of the package that the client's name begins with."""
    package = package_of(client)
    files = "npm-*.txt" if "(npm)" in client else "requirements.txt" if "(PyPI)" in client else "*.txt"
    pins = [pin for file in sorted(HERE.glob(files)) for pin in file.read_text().split()]
    found = [pin for pin in pins if pin.rpartition("@")[0] == package or pin.partition("==")[0] == package]
    versions = [re.split(r"@|==", pin)[-1] for pin in found]
    major = re.search(r"\(major (\d+)\)", client)
    return next((version for version in versions if not major or version.startswith(f"{major[1]}.")), "")


def summary(table):
    """A line for each family."""
    lines = head("clients", *(f"{name} upstream" for name in DIALECTS.values()))
    for family in sorted(table.families):
        clients = table.clients(family)
        named = sorted({f"{package_of(client)} {version_of(client)}" for client in clients}, key=str.lower)
        sums = [[table.sum(client, dialect=dialect) for client in clients] for dialect in DIALECTS]
        lines.append(line(f"{family}: {', '.join(named)}", *(cell(*map(sum, zip(*column))) for column in sums)))
    return lines


def totals(table):
    """A line for each client."""
    lines = head("client", "version", *(f"{name} upstream" for name in DIALECTS.values()))
    for family in sorted(table.families):
        for client in table.clients(family):
            lines.append(line(client, version_of(client), *(cell(*table.sum(client, dialect=dialect)) for dialect in DIALECTS)))
    return lines


def details(table):
    """A table for each family: a line a capability, a column a client."""
    used = {fact for facts in table.facts.values() for fact in facts}
    numbers = {fact: at for at, fact in enumerate((fact for fact in FACTS if fact in used), 1)}
    order = ", ".join(DIALECTS.values())
    lines = [
        "",
        f"Each cell: the cases that passed with an upstream of {order}, in this order; `1/2`: one of two passed. `–`: the",
        "client has no call for it, or was not asked. Small numbers name the facts below.",
    ]
    for family in sorted(table.families):
        clients = table.clients(family)
        lines += ["", f"### {family}", "", *head("shown", *clients)]
        for capability in CAPABILITIES:
            lines.append(line(capability, *(detail(table, client, capability, numbers) for client in clients)))
    return [*lines, "", "The facts:", "", *(f"{at}. {FACTS[fact]}" for fact, at in numbers.items())]


def detail(table, client, capability, numbers):
    sums = [table.sum(client, capability, dialect) for dialect in DIALECTS]
    if not any(run for _, run in sums):
        return "–"
    counts = [str(passed) if run and passed == run else cell(passed, run) for passed, run in sums]
    facts = ",".join(str(number) for number in sorted(numbers[fact] for fact in table.facts[client, capability]))
    return " ".join(counts) + (f" <sup>{facts}</sup>" if facts else "")


def between(path, mark, lines):
    """Puts lines between the marks of a document."""
    start, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    text = path.read_text()
    before, _, rest = text.partition(start)
    _, _, after = rest.partition(end)
    assert rest and after, f"{path.name} has no marks of {mark}"
    path.write_text("\n".join([before + start, *lines, end]) + after)


def main(folder, date):
    cases = [case for file in sorted(pathlib.Path(folder).glob("*.json")) for case in json.loads(file.read_text())]
    table = Table(cases)
    missing = FAMILIES - set(table.families)
    assert not missing, f"{folder} has no results of {missing}: run the suites first"
    passed = sum(case["passed"] for case in cases)
    node = (HERE / "npm-node.txt").read_text().strip().replace("@", " ").capitalize()
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {node}"
    short = [f"{date}, {machine}: {passed} of {len(cases)} cases passed.", "", *summary(table)]
    between(HERE / "RESULTS.md", "summary", short)
    between(README, "summary", short)
    between(HERE / "RESULTS.md", "conformance", [*totals(table), *details(table)])


if __name__ == "__main__":
    main(*sys.argv[1:])
