//! Same dialect on both sides: what arrives is what was sent, in both directions.

use std::time::Duration;

use super::{Bench, SERVED, model, own_model, post, request, target};
use crate::support::Dialect::{self, Anthropic, Chat, Completions, Gemini, Responses};
use crate::support::raw::{Ended, exchange};
use crate::support::upstream::{Gate, Script, answers, key};

/// Bodies that a parser would not write back as they are; `MODEL` stands where the name goes.
const ODD: [(Dialect, &str); 9] = [
    (
        Chat,
        " {\n\t\"model\" : \"MODEL\" ,\"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9\\/\u{1f600}\"}],\"x\":{\"y\":[1.0,2E+5,-0]}}\r\n",
    ),
    (
        Chat,
        "{\"messages\":[{\"content\":\"model\",\"role\":\"user\",\"x\":null}],\"metadata\":{\"model\":\"MODEL2\"},\"model\":\"MODEL\"}",
    ),
    (
        Chat,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"{\\\"model\\\":\\\"no\\\"}\"}],\"mod\\u0065l\":\"MODEL\",\"seed\":12345678901234567890}",
    ),
    (
        Completions,
        "{\"prompt\":[1,2,3],  \"model\":\"MODEL\",\"unknown\":{}}",
    ),
    (
        Responses,
        "{\"model\":\"MODEL\",\"input\":[{\"type\":\"new_kind\",\"a\":\"\\ud83d\\ude00\"}],\"future\":[]}",
    ),
    (
        Responses,
        "{ \"input\" : \"hi\",\n\n \"model\"\t:\t\"MODEL\" }",
    ),
    (
        Anthropic,
        "{\"max_tokens\":1e2,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":\"ephemeral\"}}]}],\"beta_field\":1,\"model\":\"MODEL\"}",
    ),
    (
        Anthropic,
        "{\"model\":\"MODEL\",\"max_tokens\":1,\"messages\":[]}   ",
    ),
    (
        Gemini,
        " {\"contents\" : [ {\"parts\":[{\"text\":\"\\u0041\"}]} ] , \"model\":\"stays\", \"newField\":{\"n\":1.50}}",
    ),
];

#[tokio::test]
async fn bodies_reach_the_upstream_byte_for_byte_but_for_the_models_name() {
    let bench = Bench::new().await;
    for (dialect, template) in ODD {
        bench.upstream.answer(Script::text().lenient());
        let sent = template.replace("\"MODEL\"", &format!("\"{}\"", own_model(dialect)));
        let answer = bench
            .agent
            .send(&post(
                dialect,
                &target(dialect, &own_model(dialect), false),
                sent,
            ))
            .await;
        assert_eq!(answer.status, 200, "{template}: {}", answer.text());
        let received = bench.upstream.requests().pop().expect("it arrived");
        let expected = template.replace("\"MODEL\"", &format!("\"{}\"", model(dialect)));
        assert_eq!(String::from_utf8_lossy(&received.body), expected);
    }
}

#[tokio::test]
async fn a_rule_replaces_only_the_names_characters() {
    let rule = "[[models]]\nname = \"fast \\u00e9\"\nuse = \"chat/o\\\"x\"\n";
    let bench = Bench::with(rule).await;
    bench.upstream.answer(Script::text().lenient());
    let sent = "{\"a\":1.0, \"model\" : \"f\\u0061st \\u00e9\" , \"messages\":[]}";
    let answer = bench
        .agent
        .send(&post(Chat, "/v1/chat/completions", sent))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = bench.upstream.only_request();
    assert_eq!(
        received.body,
        "{\"a\":1.0, \"model\" : \"o\\\"x\" , \"messages\":[]}"
    );
}

#[tokio::test]
async fn a_name_that_stays_is_not_written_anew() {
    let bench = Bench::with("[[models]]\nname = \"gpt-4.1\"\nuse = \"chat/gpt-4.1\"\n").await;
    bench.upstream.answer(Script::text().lenient());
    let sent = "{\"model\":\"gpt\\u002d4.1\",\"messages\":[]}";
    bench
        .agent
        .send(&post(Chat, "/v1/chat/completions", sent))
        .await;
    assert_eq!(bench.upstream.only_request().body, sent);
}

#[tokio::test]
async fn of_a_query_only_what_the_dialect_knows_goes_up() {
    let credentials =
        "key=c1&%6Bey=c2&Key=c3&api_key=c4&access_token=c5&oauth_token=c6&x-goog-api-key=c7&c8";
    for (dialect, known) in [
        (Chat, None),
        (Responses, Some("stream=true")),
        (Anthropic, Some("beta=true")),
        (Gemini, Some("alt=json&$fields=candidates%28content%29")),
    ] {
        let bench = Bench::new().await;
        let body = super::smallest(dialect, &own_model(dialect), false).to_string();
        let target = target(dialect, &own_model(dialect), false);
        let sent = known.map_or(String::new(), |known| {
            known.replace('$', "%24").replace("beta", "%62eta") + "&"
        });
        let response = bench
            .agent
            .send(&post(
                dialect,
                &format!("{target}?{sent}{credentials}"),
                body,
            ))
            .await;
        let received = bench.upstream.only_request();
        assert_eq!(received.query.as_deref(), known, "{}", dialect.name());
        let dropped = response.header("x-aerostat-dropped").unwrap_or_default();
        assert_eq!(
            dropped,
            "?Key, ?api_key, ?access_token, ?oauth_token, ?x-goog-api-key, ?",
            "{}",
            dialect.name()
        );
    }
}

#[tokio::test]
async fn whole_answers_and_streams_come_back_byte_for_byte() {
    let bench = Bench::new().await;
    for dialect in Dialect::OF_UPSTREAMS {
        for (stream, file) in [(false, "text.json"), (true, "text.sse")] {
            let answer = bench
                .agent
                .send(&request(dialect, &own_model(dialect), stream))
                .await;
            let literal = answers::literal(dialect, file).expect("every dialect has a text");
            let expected = if stream && matches!(dialect, Chat | Completions) {
                answers::without_usage(&answers::records(&literal)).concat()
            } else {
                literal.to_vec()
            };
            assert_eq!(
                (answer.status, answer.ended),
                (200, Ended::Whole),
                "{} {file}",
                dialect.name()
            );
            assert_eq!(
                answer.text(),
                String::from_utf8_lossy(&expected),
                "{} {file}",
                dialect.name()
            );
        }
    }
    bench.upstream.assert_nothing_refused();
}

#[tokio::test]
async fn geminis_array_form_comes_back_byte_for_byte() {
    let bench = Bench::new().await;
    let target = target(Gemini, &own_model(Gemini), true).replace("?alt=sse", "");
    let body = super::smallest(Gemini, "", true).to_string();
    let answer = bench.agent.send(&post(Gemini, &target, body.clone())).await;
    let asked_directly =
        post(Gemini, &target.replace("google/", ""), body).header("x-goog-api-key", key(Gemini));
    let direct = exchange(bench.upstream.address(), &asked_directly).await;
    assert_eq!((answer.status, answer.text()), (200, direct.text()));
    assert_eq!(answer.content_type(), "application/json");
}

#[tokio::test]
async fn each_event_is_delivered_while_the_upstream_holds_the_next() {
    let bench = Bench::new().await;
    for dialect in SERVED {
        let literal = answers::literal(dialect, "text.sse").expect("every dialect has a text");
        let records = if dialect == Chat {
            answers::without_usage(&answers::records(&literal))
        } else {
            answers::records(&literal)
        };
        let gates: Vec<Gate> = records.iter().map(|_| Gate::default()).collect();
        let starts = records.iter().scan(0, |at, record| {
            Some(std::mem::replace(at, *at + record.len()))
        });
        let script = starts
            .zip(&gates)
            .skip(1)
            .fold(Script::text(), |script, (at, gate)| {
                script.hold_at(at, gate)
            });
        bench.upstream.answer(script);
        let mut connection = bench
            .open(&request(dialect, &own_model(dialect), true))
            .await;
        // What precedes the first content is held back for a failover; from there on nothing is.
        let first_content = records
            .iter()
            .position(|record| is_content(record))
            .expect("a text has content");
        gates[1..=first_content].iter().for_each(Gate::open);
        connection.answer_until(&records[first_content]).await;
        for (record, gate) in records.iter().zip(&gates).skip(first_content + 1) {
            gate.open();
            connection.more_until(record).await;
        }
    }
}

/// Whether a record of the literal text shows output.
fn is_content(record: &[u8]) -> bool {
    [
        &b"Gr\xc3\xbcezi"[..],
        b"content_block_start",
        b"output_item.added",
    ]
    .iter()
    .any(|marker| memchr::memmem::find(record, marker).is_some())
}

#[tokio::test]
async fn a_stream_that_drips_byte_by_byte_is_the_same_stream() {
    let bench = Bench::new().await;
    for dialect in SERVED {
        let whole = bench.ask(dialect, true).await;
        bench.upstream.answer(Script::text().drip(Duration::ZERO));
        let dripped = bench.ask(dialect, true).await;
        assert_eq!(
            (dripped.ended, dripped.text()),
            (Ended::Whole, whole.text()),
            "{}",
            dialect.name()
        );
    }
}

#[tokio::test]
async fn usage_is_observed_as_it_passes() {
    let bench = Bench::new().await;
    for dialect in SERVED {
        for stream in [false, true] {
            let answer = bench.ask(dialect, stream).await;
            let id = answer
                .header("x-aerostat-request-id")
                .expect("every answer has an id")
                .to_owned();
            let record = bench.record_of(&id).await;
            let has_usage = record.contains("input_tokens=") && record.contains("output_tokens=");
            // A Chat client that asks for no usage in a stream gets none, and neither do we.
            assert_eq!(
                has_usage,
                !(dialect == Chat && stream),
                "{} stream {stream}: {record}",
                dialect.name()
            );
        }
    }
}

impl Bench {
    /// The line that the program logs of a finished request.
    async fn record_of(&self, request_id: &str) -> String {
        for _ in 0..500 {
            let log = self.agent.stderr();
            let line = log
                .lines()
                .find(|line| line.contains(request_id) && line.contains("request recorded"));
            if let Some(line) = line {
                return line.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no record of {request_id}: {}", self.agent.stderr());
    }
}

#[tokio::test]
async fn a_body_that_stays_open_after_the_last_word_is_closed() {
    futures_util::future::join_all([Chat, Responses, Anthropic].map(stay_open)).await;
}

async fn stay_open(dialect: Dialect) {
    let bench = Bench::new().await;
    let whole = bench.ask(dialect, true).await;
    bench
        .upstream
        .answer(Script::text().stall_at(whole.body.len()));
    let answer = bench.ask(dialect, true).await;
    assert_eq!(
        (answer.ended, answer.text()),
        (Ended::Whole, whole.text()),
        "{}",
        dialect.name()
    );
}

#[tokio::test]
async fn a_translation_names_the_parameters_that_it_cannot_carry() {
    let bench = Bench::new().await;
    let body = super::smallest(Gemini, &own_model(Anthropic), false).to_string();
    let target = target(Gemini, &own_model(Anthropic), false);
    let query = "$fields=candidates&alt=json&x=1&prettyPrint=true&key=k";
    let request = post(Gemini, &format!("{target}?{query}"), body);
    let response = bench.agent.send(&request).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let dropped = response.header("x-aerostat-dropped").unwrap_or_default();
    assert!(dropped.ends_with("?x, ?$fields"), "{dropped}");
    assert_eq!(bench.upstream.only_request().query, None);
}
