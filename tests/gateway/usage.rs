//! One convention for tokens of caches, from the upstream's dialect to the record.

use serde_json::{Value, json};

use super::{Bench, SERVED, model, post, provider_name, smallest, target};
use crate::support::Dialect::{Chat, Gemini};
use crate::support::agent::Setup;
use crate::support::upstream::{Case, Script};

/// All pairs record the same tokens, and the same share from a cache, for the same answer: 2,048
/// tokens of input, 1,536 of them from a cache, and 6 of output.
#[tokio::test(flavor = "multi_thread")]
async fn every_pair_records_the_same_tokens_for_the_same_answer() {
    let bench = Bench::new().await;
    let mut asked = Vec::new();
    for client in SERVED {
        for upstream in SERVED {
            for stream in [false, true] {
                bench
                    .upstream
                    .answer(Script::case(Case::CachedUsage).lenient());
                let name = format!("{}/{}", provider_name(upstream), model(upstream));
                let mut body = smallest(client, &name, stream);
                if client == Chat && stream {
                    body["stream_options"] = json!({"include_usage": true});
                }
                let target = target(client, &name, stream);
                let answer = bench
                    .agent
                    .send(&post(client, &target, body.to_string()))
                    .await;
                let id = answer.header("x-aerostat-request-id").unwrap().to_owned();
                asked.push((client, upstream, stream, id));
            }
        }
    }
    let log = Setup::default().arg("log").arg("--json");
    let output = log.command(bench.agent.home()).output().unwrap();
    let page: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = page["rows"].as_array().unwrap();
    for (client, upstream, stream, id) in asked {
        let row = rows.iter().find(|row| row["id"] == *id).unwrap();
        let told = [
            &row["input_tokens"],
            &row["cache_read_tokens"],
            &row["output_tokens"],
        ];
        let pair = format!("{client:?} at {upstream:?}, stream: {stream}");
        assert_eq!(
            told,
            [2_048, 1_536, 6].map(Value::from).each_ref(),
            "{pair}"
        );
        // Gemini tells nothing of what was written.
        let written = if upstream == Gemini {
            Value::Null
        } else {
            json!(256)
        };
        assert_eq!(row["cache_write_tokens"], written, "{pair}");
        assert_eq!(row["usage_is_final"], true, "{pair}");
        assert_eq!(row["ending"], "done", "{pair}");
    }
}
