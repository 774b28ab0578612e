//! Traces as a collector gets them. In a program without the feature `otlp`: that there are none.

/// What only the code of the traces has in it.
const MARK: &[u8] = b"gen_ai.provider.name";

#[test]
fn traces_are_in_the_program_only_where_they_were_asked_for() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_aerostat")).unwrap();
    let has_traces = memchr::memmem::find(&program, MARK).is_some();
    assert_eq!(has_traces, cfg!(feature = "otlp"));
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_program_without_traces_says_so() {
    let config = "port = 0\n[telemetry]\notlp_endpoint = \"http://127.0.0.1:4318\"\n";
    let said = crate::support::agent::Setup::config(config)
        .start()
        .expect_err("the file asks for what is not there");
    assert!(said.contains("built without traces"), "{said}");
}

#[cfg(feature = "otlp")]
pub use with_traces::spans_go_where_the_file_says;

#[cfg(feature = "otlp")]
mod with_traces {
    use std::net::SocketAddr;
    use std::time::Duration;

    use serde_json::{Value, json};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use tokio::task::JoinSet;

    use crate::support::agent::{Agent, Setup};
    use crate::support::raw::Request;

    const CHAT: &str = "/v1/chat/completions";
    const BODY: &str = r#"{"model":"demo","messages":[{"role":"user","content":"secret prompt"}]}"#;
    const PATIENCE: Duration = Duration::from_secs(15);
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// A collector that answers with these statuses one after the other, and then with 200.
    struct Collector {
        address: SocketAddr,
        received: mpsc::UnboundedReceiver<(String, Value)>,
        _serving: JoinSet<()>,
    }

    impl Collector {
        async fn start(statuses: &'static [u16]) -> Self {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            let (sender, received) = mpsc::unbounded_channel();
            let mut serving = JoinSet::new();
            serving.spawn(serve(listener, statuses, sender));
            Self {
                address,
                received,
                _serving: serving,
            }
        }

        fn base_url(&self) -> String {
            format!("http://{}", self.address)
        }

        /// The head and the spans of the next batch.
        async fn next(&mut self) -> (String, Vec<Value>) {
            let next = tokio::time::timeout(PATIENCE, self.received.recv()).await;
            let (head, mut body) = next.expect("spans come in time").unwrap();
            let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].take();
            (head, spans.as_array().unwrap().clone())
        }
    }

    async fn serve(
        listener: TcpListener,
        statuses: &'static [u16],
        sender: mpsc::UnboundedSender<(String, Value)>,
    ) {
        let mut statuses = statuses.iter();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (head, body) = read(&mut stream).await;
            let status = statuses.next().unwrap_or(&200);
            let answer = format!(
                "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
            );
            tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes())
                .await
                .unwrap();
            if sender.send((head, body)).is_err() {
                return;
            }
        }
    }

    /// A request's head, and its body as JSON.
    async fn read(stream: &mut tokio::net::TcpStream) -> (String, Value) {
        let mut bytes = Vec::new();
        loop {
            tokio::io::AsyncReadExt::read_buf(stream, &mut bytes)
                .await
                .unwrap();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            if let Ok(body) = serde_json::from_str(body) {
                return (head.to_owned(), body);
            }
        }
    }

    fn attribute<'s>(span: &'s Value, key: &str) -> &'s Value {
        let attributes = span["attributes"].as_array().unwrap();
        let found = attributes.iter().find(|attribute| attribute["key"] == key);
        &found.unwrap_or_else(|| panic!("no `{key}` in {span:#}"))["value"]
    }

    /// Once the changed file is taken, spans go to its collector.
    pub async fn spans_go_where_the_file_says() {
        let mut collector = Collector::start(&[]).await;
        let agent = Agent::start("port = 0\n");
        agent.post(CHAT, BODY).await;
        agent.rewrite_config(&format!(
            "port = 0\n[telemetry]\notlp_endpoint = \"{}\"\n",
            collector.base_url()
        ));
        let asking = async {
            loop {
                agent.post(CHAT, BODY).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            (head, _) = collector.next() => assert!(head.starts_with("POST /v1/traces "), "{head}"),
            () = asking => {}
        }
    }

    #[tokio::test]
    async fn a_request_arrives_as_two_spans_below_its_clients_own() {
        let mut collector = Collector::start(&[]).await;
        let agent = Setup::config("port = 0\n")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.base_url())
            .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc%20d")
            .start()
            .unwrap();
        let request = Request::post(CHAT, BODY).header("traceparent", PARENT);
        assert_eq!(agent.send(&request).await.status, 200);
        let (head, spans) = collector.next().await;
        assert!(head.contains("x-key: abc d"), "{head}");
        assert!(head.contains("content-type: application/json"), "{head}");
        let [server, client] = spans.as_slice() else {
            panic!("{spans:#?}")
        };
        assert_eq!(server["traceId"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(server["parentSpanId"], "b7ad6b7169203331");
        assert_eq!(client["parentSpanId"], server["spanId"]);
        assert_eq!(client["name"], "chat demo");
        let provider = attribute(client, "gen_ai.provider.name");
        assert_eq!(*provider, json!({ "stringValue": "demo" }));
        let tokens = &attribute(client, "gen_ai.usage.output_tokens")["intValue"];
        assert!(
            tokens
                .as_str()
                .is_some_and(|tokens| tokens.parse() != Ok(0)),
            "{tokens}"
        );
        let all = serde_json::to_string(&spans).unwrap();
        assert!(!all.contains("secret prompt"), "{all}");
    }

    #[tokio::test]
    async fn an_unsampled_trace_is_not_sent() {
        let mut collector = Collector::start(&[]).await;
        let agent = Setup::config("port = 0\n")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.base_url())
            .start()
            .unwrap();
        let unsampled = PARENT.replace("-01", "-00");
        let request = Request::post(CHAT, BODY).header("traceparent", &unsampled);
        agent.send(&request).await;
        agent.post(CHAT, BODY).await;
        let (_, spans) = collector.next().await;
        assert_eq!(spans.len(), 2, "{spans:#?}");
        assert_eq!(spans[0].get("parentSpanId"), None);
    }

    #[tokio::test]
    async fn a_collector_that_is_away_gets_the_spans_later_and_requests_do_not_wait() {
        let mut collector = Collector::start(&[503]).await;
        let agent = Setup::config("port = 0\n")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.base_url())
            .start()
            .unwrap();
        agent.post(CHAT, BODY).await;
        let (_, refused) = collector.next().await;
        assert_eq!(agent.post(CHAT, BODY).await.status, 200);
        let (_, again) = collector.next().await;
        assert_eq!(refused, again, "the same spans, with the same ids");
        let said = agent.logged("taken again").await;
        assert!(said.contains("the collector of traces is away"), "{said}");
    }

    #[tokio::test]
    async fn spans_that_are_refused_are_counted_and_what_waits_is_sent_at_the_end() {
        let mut collector = Collector::start(&[400]).await;
        let mut agent = Setup::config("port = 0\nmetrics_port = 0\n")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.base_url())
            .start()
            .unwrap();
        agent.post(CHAT, BODY).await;
        collector.next().await;
        agent.logged("the collector refuses them").await;
        let metrics = crate::metrics::address(&agent).unwrap();
        crate::metrics::line(metrics, "aerostat_spans_dropped_total 2").await;
        agent.post(CHAT, BODY).await;
        agent.sigterm();
        let (_, spans) = collector.next().await;
        assert_eq!(spans.len(), 2, "{spans:#?}");
        assert_eq!(agent.exit_code(), Some(0));
    }
}
