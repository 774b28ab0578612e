"""Fixtures of the SDK suites: scripted upstreams, the gateway in front of them, and the count of cases at the end.

`--direct` leaves the gateway out: each SDK talks to the scripted upstream of its own dialect. It proves the upstream's bytes.
"""

from dataclasses import dataclass

import pytest

from gateway import Gateway, binary, provider_of
from scripted import DIALECTS, KEY, Upstream

CLIENT_KEY = "client-key"


def pytest_addoption(parser):
    parser.addoption("--direct", action="store_true", help="no gateway: each SDK against its own scripted upstream")


def pytest_configure(config):
    config.addinivalue_line("markers", "gateway: a case that means nothing without the gateway")
    if not config.getoption("--direct") and not binary().exists():
        raise pytest.UsageError(f"{binary()} does not exist: build it first (cargo build) or set AEROSTAT_BIN")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--direct"):
        return
    kept = [item for item in items if is_direct(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def is_direct(item):
    if item.get_closest_marker("gateway"):
        return False
    parameters = item.callspec.params
    own = parameters["client"].dialect if "client" in parameters else item.module.OWN_DIALECT
    return parameters["dialect"] == own


def pytest_terminal_summary(terminalreporter):
    count = {name: len(terminalreporter.stats.get(name, [])) for name in ("passed", "failed", "error", "skipped")}
    failed = count["failed"] + count["error"]
    terminalreporter.write_line(f"{count['passed'] + failed} cases ran")
    terminalreporter.write_line(f"{count['passed']} passed, {failed} failed, {count['skipped']} skipped")


@pytest.fixture(scope="session")
def upstreams():
    return {dialect: Upstream(dialect) for dialect in DIALECTS}


@pytest.fixture(scope="module")
def gateway(request, upstreams, tmp_path_factory):
    if request.config.getoption("--direct"):
        yield None
        return
    running = Gateway(tmp_path_factory.mktemp("home"), upstreams)
    yield running
    running.stop()


@dataclass
class Lab:
    """What a case needs: where to send requests, as whom, for which model, and the upstream behind it."""

    base_url: str
    key: str
    model: str
    upstream: Upstream
    direct: bool


def lab_at(gateway, upstream, name):
    if gateway is None:
        return Lab(upstream.base_url, KEY, name, upstream, True)
    return Lab(gateway.base_url, CLIENT_KEY, f"{provider_of(upstream.dialect)}/{name}", upstream, False)


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
def faulty_lab(request, upstreams, dialect, tmp_path):
    """A lab whose gateway serves one case only: a failed account must not rest into the next case."""
    upstream = upstreams[dialect]
    upstream.reset()
    gateway = None if request.config.getoption("--direct") else Gateway(tmp_path, upstreams)
    yield lab_at(gateway, upstream, "model-1")
    if gateway:
        gateway.stop()
