"""The agents themselves in their print modes, set up by `aerostat client connect`, with an upstream of each dialect and the demo.

They run with a home of their own and find nothing but loopback. The gateway asks for a key, so that nothing is answered unless the
key reached the client by its settings. `tests/run agents` runs each against its own dialect and one other, `tests/run real` all.
"""

import os
import signal
import subprocess

import httpx
import pytest

from agents import AGENTS, DEADLINE_SECONDS, Person
from cases import ENVELOPE, TEXT, TOKENS
from received import model_of, read
from scripted import LONG_BYTES, Answer, failing, longer

pytestmark = pytest.mark.gateway
AUTH_MODE = "strict"
FAMILY = "Command-line agents"
CLIENT = {str(agent): agent.package for agent in AGENTS}

NOTES = {"note.txt": "The note says 4711.", "other.txt": "The other says 4712."}


@pytest.fixture(params=AGENTS, ids=str)
def agent(request):
    return request.param


def at_home(agent, lab, home):
    """A person with the agent connected to the lab's gateway."""
    person = Person(agent, home, lab.gateway)
    person.connect(lab.model)
    for name, text in NOTES.items():
        (person.project / name).write_text(text)
    return person


@pytest.fixture
def person(agent, lab, tmp_path):
    return at_home(agent, lab, tmp_path)


@pytest.fixture
def unlucky_person(agent, faulty_lab, tmp_path):
    return at_home(agent, faulty_lab, tmp_path)


def turns(upstream):
    """The requests of the conversation itself: some clients keep notes on the side, with other tools."""
    first, *others = [read(upstream, index) for index in range(len(upstream.received))]
    return [first, *(saw for saw in others if list(saw.tools) == list(first.tools))]


def end(running):
    """Waits for a client that was interrupted, and not for ever."""
    try:
        running.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def test_text_streams_to_the_terminal(lab, person):
    lab.upstream.always(Answer("text"))
    assert TEXT in person.run()
    assert model_of(lab.upstream) == "model-1"
    [saw] = turns(lab.upstream)
    assert saw.tools
    assert any("Say hello" in text for text in saw.users)


@pytest.mark.parametrize("dialect", ["openai_chat"])
def test_nothing_is_answered_without_the_key(lab):
    answer = httpx.post(f"{lab.base_url}/v1/chat/completions", json={"model": lab.model, "messages": []})
    assert (answer.status_code, lab.upstream.received) == (401, [])


def test_tool_loop_brings_the_reasoning_back(lab, agent, person):
    lab.upstream.will(Answer("reasoning", call=person.reads("note.txt")))
    lab.upstream.always(Answer("text"))
    assert TEXT in person.run()
    saw = turns(lab.upstream)[-1]
    [call], [result] = saw.calls, saw.results
    assert (call[0], saw.pairs_match) == (agent.reader[0], True)
    assert NOTES["note.txt"] in result
    assert saw.tokens == TOKENS[lab.upstream.dialect]
    assert not any(ENVELOPE in request.body for request in lab.upstream.received)


def test_parallel_tools(lab, agent, person):
    lab.upstream.will(Answer("parallel", call=person.reads("note.txt"), second_call=person.reads("other.txt")))
    lab.upstream.always(Answer("text"))
    assert TEXT in person.run()
    saw = turns(lab.upstream)[-1]
    assert [call[0] for call in saw.calls] == [agent.reader[0]] * 2
    # Some clients run them at the same time, and tell the results as they come.
    assert saw.pairs_match_in_any_order
    first, second = saw.results
    assert all((note in first) != (note in second) for note in NOTES.values())


@pytest.mark.parametrize("dialect", ["openai_chat"])
def test_disconnecting_gives_the_settings_back(lab, agent, person):
    lab.upstream.always(Answer("text"))
    person.run()
    person.disconnect()
    assert person.settings.read_bytes().decode() == agent.before


@pytest.mark.full
def test_long_answer(lab, person):
    lab.upstream.always(Answer(longer=LONG_BYTES // 10))
    printed = "".join(person.run().split())
    assert "".join(f"{TEXT} {longer(LONG_BYTES // 10)}".split()) in printed


@pytest.mark.full
def test_cancelling_reaches_the_upstream(lab, person):
    lab.upstream.will(Answer(cut="held"))
    lab.upstream.always(Answer("text"))
    running = person.start()
    try:
        lab.upstream.wait_until_it_holds_one(DEADLINE_SECONDS)
        # As Ctrl-C does: to all of the group.
        os.killpg(running.pid, signal.SIGINT)
        assert lab.upstream.left.get(timeout=15), "the upstream was kept waiting"
    finally:
        end(running)


@pytest.mark.full
def test_unknown_model_is_told(faulty_lab, unlucky_person):
    faulty_lab.upstream.always(failing(404, "no_model"))
    done = unlucky_person.finish()
    assert TEXT not in done.stdout
    assert (done.returncode != 0) or "model" in done.stdout + done.stderr


@pytest.mark.full
def test_wrong_request_is_told(faulty_lab, unlucky_person):
    faulty_lab.upstream.always(failing(400))
    done = unlucky_person.finish()
    assert "scripted: this request is wrong" in done.stdout + done.stderr


@pytest.mark.full
def test_limit_is_waited_for(faulty_lab, unlucky_person):
    faulty_lab.upstream.will(failing(429, retry_after="1"))
    faulty_lab.upstream.always(Answer("text"))
    assert TEXT in unlucky_person.run()


@pytest.mark.full
def test_bad_moment_is_overcome(faulty_lab, unlucky_person):
    faulty_lab.upstream.will(failing(503))
    faulty_lab.upstream.always(Answer("text"))
    assert TEXT in unlucky_person.run()


@pytest.mark.full
@pytest.mark.parametrize("cut", ["clean", "abrupt", "error"])
def test_half_an_answer_never_passes_for_a_whole_one(faulty_lab, unlucky_person, cut):
    faulty_lab.upstream.will(Answer(cut=cut))
    faulty_lab.upstream.always(Answer("text"))
    done = unlucky_person.finish()
    # Some ask again, some give up: none may be content.
    assert (done.returncode != 0) or TEXT in done.stdout


@pytest.mark.full
@pytest.mark.parametrize("dialect", ["openai_chat"])
@pytest.mark.parametrize("model", ["demo", "demo/openai_chat", "demo/openai_responses", "demo/anthropic", "demo/gemini"])
def test_prints_the_demos_answer(lab, agent, tmp_path, model):
    person = Person(agent, tmp_path, lab.gateway)
    person.connect(model)
    assert "demo" in person.run().lower()
