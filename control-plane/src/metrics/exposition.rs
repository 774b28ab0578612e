//! The families, in the order in which they are written.

use super::Now;
use super::counters::{BOUNDS_US, Counters, Histogram, OfProvider};
use super::openmetrics::{Family, Text};
use crate::canon::Dialect;

const REQUESTS: Family = Family {
    name: "aerostat_requests",
    kind: "counter",
    unit: "",
    help: "Finished requests. An empty provider or model stands for requests that reached none.",
};
const ATTEMPTS: Family = Family {
    name: "aerostat_attempts",
    kind: "counter",
    unit: "",
    help: "Attempts at an account; a request has one or more.",
};
const TOKENS: Family = Family {
    name: "aerostat_tokens",
    kind: "counter",
    unit: "",
    help: "Tokens as providers reported them. input includes cache_read and cache_write, output includes reasoning.",
};
const DURATION: Family = Family {
    name: "aerostat_request_duration_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "From a request's arrival to the end of its response.",
};
const FIRST_BYTE: Family = Family {
    name: "aerostat_first_byte_seconds",
    kind: "histogram",
    unit: "seconds",
    help: "From a request's arrival to the first byte of its response, of streams that were served.",
};
const IN_FLIGHT: Family = Family {
    name: "aerostat_in_flight",
    kind: "gauge",
    unit: "",
    help: "Requests that have an account now.",
};
const ACCOUNTS: Family = Family {
    name: "aerostat_accounts",
    kind: "gauge",
    unit: "",
    help: "Accounts by how they stand; states other than ready are there while an account is in them.",
};
const CLIENT_LIMITS: Family = Family {
    name: "aerostat_client_limits",
    kind: "counter",
    unit: "",
    help: "Requests that a limit of their client's key refused.",
};
const RECORDS_DROPPED: Family = Family {
    name: "aerostat_records_dropped",
    kind: "counter",
    unit: "",
    help: "Requests that were served and have no record.",
};
const SPANS_DROPPED: Family = Family {
    name: "aerostat_spans_dropped",
    kind: "counter",
    unit: "",
    help: "Spans of traces that no collector took.",
};
const STORE: Family = Family {
    name: "aerostat_store_bytes",
    kind: "gauge",
    unit: "bytes",
    help: "The file of the records with its journal.",
};
const BUILD: Family = Family {
    name: "aerostat_build",
    kind: "info",
    unit: "",
    help: "This program.",
};

pub(super) fn write(counters: &Counters, now: &Now) -> String {
    let mut text = Text::default();
    requests(&mut text, counters);
    attempts(&mut text, counters);
    tokens(&mut text, counters);
    times(&mut text, &DURATION, counters, |of| &of.durations);
    times(&mut text, &FIRST_BYTE, counters, |of| &of.first_bytes);
    gauges(&mut text, now);
    text.family(&CLIENT_LIMITS);
    for (limit, count) in &now.client_limits {
        let limit = [("limit", *limit)];
        text.sample("aerostat_client_limits_total", &limit, *count);
    }
    text.family(&RECORDS_DROPPED);
    text.sample("aerostat_records_dropped_total", &[], now.records_dropped);
    if let Some(dropped) = now.spans_dropped {
        text.family(&SPANS_DROPPED);
        text.sample("aerostat_spans_dropped_total", &[], dropped);
    }
    text.family(&BUILD);
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    text.sample("aerostat_build_info", &version, 1);
    text.end()
}

fn requests(text: &mut Text, counters: &Counters) {
    text.family(&REQUESTS);
    for (provider, of_provider) in &counters.providers {
        for (model, of_model) in &of_provider.models {
            for ((dialect, ending), count) in &of_model.requests {
                let labels = [
                    ("dialect", dialect.name()),
                    ("provider", provider),
                    ("model", model),
                    ("ending", ending.name()),
                ];
                text.sample("aerostat_requests_total", &labels, count);
            }
        }
    }
}

fn attempts(text: &mut Text, counters: &Counters) {
    text.family(&ATTEMPTS);
    for (provider, of_provider) in &counters.providers {
        for (outcome, count) in &of_provider.attempts {
            let labels = [("provider", &**provider), ("outcome", *outcome)];
            text.sample("aerostat_attempts_total", &labels, count);
        }
    }
}

fn tokens(text: &mut Text, counters: &Counters) {
    text.family(&TOKENS);
    for (provider, of_provider) in &counters.providers {
        for (model, of_model) in &of_provider.models {
            for (kind, count) in &of_model.tokens {
                let labels = [("provider", &**provider), ("model", model), ("kind", *kind)];
                text.sample("aerostat_tokens_total", &labels, count);
            }
        }
    }
}

fn times(
    text: &mut Text,
    family: &Family,
    counters: &Counters,
    of: fn(&OfProvider) -> &std::collections::BTreeMap<Dialect, Histogram>,
) {
    text.family(family);
    for (provider, of_provider) in &counters.providers {
        for (dialect, values) in of(of_provider) {
            histogram(text, family.name, (dialect.name(), provider), values);
        }
    }
}

fn histogram(text: &mut Text, name: &str, (dialect, provider): (&str, &str), values: &Histogram) {
    let labels = [("dialect", dialect), ("provider", provider)];
    let bounds = BOUNDS_US.iter().map(|bound| seconds(*bound).to_string());
    let bounds = bounds.chain(["+Inf".to_owned()]);
    let mut total = 0;
    for (bound, count) in bounds.zip(values.cumulative()) {
        let labels = [labels[0], labels[1], ("le", &bound)];
        text.sample(&format!("{name}_bucket"), &labels, count);
        total = count;
    }
    text.sample(&format!("{name}_count"), &labels, total);
    text.sample(&format!("{name}_sum"), &labels, seconds(values.sum_us));
}

#[expect(clippy::cast_precision_loss, reason = "a float is what the format has")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn gauges(text: &mut Text, now: &Now) {
    text.family(&IN_FLIGHT);
    text.sample(IN_FLIGHT.name, &[], now.in_flight);
    text.family(&ACCOUNTS);
    for ((provider, state), count) in &now.accounts {
        let labels = [("provider", provider.as_str()), ("state", *state)];
        text.sample(ACCOUNTS.name, &labels, count);
    }
    text.family(&STORE);
    if let Some(bytes) = now.store_bytes {
        text.sample(STORE.name, &[], bytes);
    }
}
