"""Fixtures of the SDK suites: scripted upstreams, the gateway in front of them, and the count of cases at the end.

`--direct` leaves the gateway out: each SDK talks to the scripted upstream of its own dialect. It proves the upstream's bytes.
"""

import os
from dataclasses import dataclass

import pytest

import conformance
from gateway import Gateway, binary, provider_of
from scripted import DIALECTS, KEY, Upstream

CLIENT_KEY = "client-key"


def pytest_addoption(parser):
    parser.addoption("--direct", action="store_true", help="no gateway: each SDK against its own scripted upstream")
    parser.addoption("--short", action="store_true", help="agents against their own dialect and one other, and fewer failures")


def pytest_configure(config):
    config.addinivalue_line("markers", "gateway: a case that means nothing without the gateway")
    config.addinivalue_line("markers", "full: a case that the short run leaves out")
    if not config.getoption("--direct") and not binary().exists():
        raise pytest.UsageError(f"{binary()} does not exist: build it first (cargo build) or set AEROSTAT_BIN")


def pytest_collection_modifyitems(config, items):
    for option, belongs in (("--direct", is_direct), ("--short", is_short)):
        if config.getoption(option):
            config.hook.pytest_deselected(items=[item for item in items if not belongs(item)])
            items[:] = [item for item in items if belongs(item)]


def is_direct(item):
    if item.get_closest_marker("gateway"):
        return False
    return item.callspec.params["dialect"] == item.module.OWN_DIALECT


def is_short(item):
    if item.get_closest_marker("full"):
        return False
    parameters = item.callspec.params
    names_its_dialects = any(mark.args[0] == "dialect" for mark in item.iter_markers("parametrize"))
    if "agent" not in parameters or names_its_dialects:
        return True
    return parameters["dialect"] in (parameters["agent"].dialect, parameters["agent"].foreign)


def pytest_terminal_summary(terminalreporter):
    count = {name: len(terminalreporter.stats.get(name, [])) for name in ("passed", "failed", "error", "skipped")}
    failed = count["failed"] + count["error"]
    folder = os.environ.get("AEROSTAT_CONFORMANCE")
    if folder:
        collected = conformance.Collected()
        for outcome in ("passed", "failed", "error"):
            for report in terminalreporter.stats.get(outcome, []):
                collected.add(report, outcome == "passed")
        collected.write(folder)
    terminalreporter.write_line(f"{count['passed'] + failed} cases ran")
    terminalreporter.write_line(f"{count['passed']} passed, {failed} failed, {count['skipped']} skipped")


@pytest.fixture(autouse=True)
def shows(request, record_property):
    """Says what a case shows, for the table."""
    told = conformance.told(request.node)
    if told:
        record_property("shows", told)


@pytest.fixture
def fact(record_property):
    """Names a fact (of `conformance.FACTS`) that explains why a client shows something in another form."""

    def explain(name):
        assert name in conformance.FACTS
        record_property("fact", name)

    return explain


@pytest.fixture(scope="session")
def upstreams():
    return {dialect: Upstream(dialect) for dialect in DIALECTS}


@pytest.fixture(scope="module")
def gateway(request, upstreams, tmp_path_factory):
    if request.config.getoption("--direct"):
        yield None
        return
    running = Gateway(tmp_path_factory.mktemp("home"), upstreams, auth_mode_of(request))
    yield running
    running.stop()


def auth_mode_of(request):
    """Whether the gateway asks for a key: a suite says so for itself."""
    return getattr(request.module, "AUTH_MODE", "off")


@dataclass
class Lab:
    """What a case needs: where to send requests, as whom, for which model, the upstream behind it and the gateway between."""

    base_url: str
    key: str
    model: str
    upstream: Upstream
    gateway: Gateway | None

    @property
    def direct(self):
        return self.gateway is None


def lab_at(gateway, upstream, name):
    if gateway is None:
        return Lab(upstream.base_url, KEY, name, upstream, None)
    return Lab(gateway.base_url, CLIENT_KEY, f"{provider_of(upstream.dialect)}/{name}", upstream, gateway)


@pytest.fixture(params=DIALECTS)
def dialect(request):
    return request.param


@pytest.fixture
def lab(gateway, upstreams, dialect):
    upstream = upstreams[dialect]
    upstream.reset()
    yield lab_at(gateway, upstream, "model-1")
    upstream.assert_quiet()


@pytest.fixture
def faulty_lab(request, upstreams, dialect, tmp_path_factory):
    """A lab whose gateway serves one case only: a failed account must not rest into the next case."""
    upstream = upstreams[dialect]
    upstream.reset()
    home = tmp_path_factory.mktemp("home")
    gateway = None if request.config.getoption("--direct") else Gateway(home, upstreams, auth_mode_of(request))
    yield lab_at(gateway, upstream, "model-1")
    if gateway:
        gateway.stop()
