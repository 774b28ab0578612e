"""The agent's metrics, read by the parser of Prometheus' own client library."""

import json
import subprocess
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from gateway import Gateway, binary

pytestmark = pytest.mark.gateway

FAMILIES = {
    "aerostat_requests": "counter",
    "aerostat_attempts": "counter",
    "aerostat_tokens": "counter",
    "aerostat_request_duration_seconds": "histogram",
    "aerostat_first_byte_seconds": "histogram",
    "aerostat_in_flight": "gauge",
    "aerostat_accounts": "gauge",
    "aerostat_client_limits": "counter",
    "aerostat_records_dropped": "counter",
    "aerostat_store_bytes": "gauge",
    "aerostat_build": "info",
}
BOUNDS = ["0.01", "0.02", "0.04", "0.08", "0.16", "0.32", "0.64", "1.28", "2.56", "5.12", "10.24", "20.48", "40.96", "81.92", "+Inf"]


class Metered(Gateway):
    """An agent with a port for its metrics."""

    def __init__(self, home, upstreams):
        super().__init__(home, upstreams)
        config = home / "config.toml"
        config.write_text("metrics_port = 0\n" + config.read_text())

    def status(self):
        command = [binary(), "status", "--json"]
        done = subprocess.run(command, env={"AEROSTAT_HOME": str(self.home), "HOME": str(self.home)}, capture_output=True, check=True)
        return json.loads(done.stdout)

    def metrics_port(self):
        while True:
            metrics = self.status().get("metrics", {})
            if metrics.get("kind") == "open":
                return metrics["port"]

    def ask(self, model, stream):
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.base_url}/v1/chat/completions", json.dumps(body).encode(), headers)
        try:
            urllib.request.urlopen(request).read()
        except urllib.error.HTTPError as refused:
            refused.read()


@pytest.fixture(scope="module")
def metered(upstreams, tmp_path_factory):
    running = Metered(tmp_path_factory.mktemp("home"), upstreams)
    yield running
    running.stop()


def families(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        return {family.name: family for family in text_string_to_metric_families(answer.read().decode())}


def test_an_independent_parser_reads_all_of_it(metered):
    port = metered.metrics_port()
    for stream in (False, True):
        metered.ask("demo", stream)
    metered.ask('no such "model"\\\n', False)
    found = families(port)
    while sum(sample.value for sample in found["aerostat_requests"].samples) < 3:
        found = families(port)
    assert {name: family.type for name, family in found.items()} == FAMILIES
    endings = {sample.labels["ending"]: sample.value for sample in found["aerostat_requests"].samples}
    assert endings == {"done": 2, "refused": 1}
    buckets = [sample for sample in found["aerostat_first_byte_seconds"].samples if sample.name.endswith("_bucket")]
    assert [sample.labels["le"] for sample in buckets] == BOUNDS
    assert buckets[-1].value == 1, "one stream"
    assert found["aerostat_build"].samples[0].labels["version"]
