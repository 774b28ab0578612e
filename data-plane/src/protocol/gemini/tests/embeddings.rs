//! Embeddings, counts and names.

use super::*;

#[test]
fn embeddings_go_both_ways() {
    let headers = HeaderMap::new();
    let body = Bytes::from_static(br#"{"requests":[{"model":"models/e","content":{"parts":[{"text":"a"}]},"outputDimensionality":8},{"content":{"parts":[{"text":"b"}]},"outputDimensionality":8}]}"#);
    let inbound = Inbound {
        operation: Operation::BatchEmbed,
        path_model: Some("e"),
        query: None,
        headers: &headers,
        body: &body,
    };
    let embed = Gemini.decode_embed(&inbound).unwrap();
    assert_eq!(
        (embed.inputs.len(), embed.dimensions.clone(), embed.is_batch),
        (2, located(8), true)
    );
    let mut losses = Losses::default();
    let wire = Gemini.encode_embed(&embed, &target("up"), &mut losses);
    assert_eq!(wire.path, "/models/up:batchEmbedContents");
    let expected = r#"{"requests":[{"model":"models/up","content":{"parts":[{"text":"a"}]},"outputDimensionality":8},{"model":"models/up","content":{"parts":[{"text":"b"}]},"outputDimensionality":8}]}"#;
    assert_eq!(wire.body.whole(), expected);
    let vectors = Gemini
        .decode_embeddings(&r#"{"embeddings":[{"values":[0.10,2]},{"values":[]}]}"#.into())
        .unwrap();
    let written = Gemini.encode_embeddings(
        &vectors,
        &embed,
        Operation::BatchEmbed,
        &mut Losses::default(),
    );
    assert_eq!(
        written,
        r#"{"embeddings":[{"values":[0.10,2]},{"values":[]}]}"#
    );
    let floats = Embeddings {
        vectors: vec![Embedding::Base64("AACAPwAAAL8=".into())],
        input_tokens: None,
    };
    assert_eq!(
        Gemini.encode_embeddings(&floats, &embed, Operation::Embed, &mut Losses::default()),
        r#"{"embedding":{"values":[1,-0.5]}}"#
    );
}

#[test]
fn a_batch_that_disagrees_is_refused() {
    let headers = HeaderMap::new();
    let body = Bytes::from_static(
        br#"{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]},"taskType":"X"}]}"#,
    );
    let inbound = Inbound {
        operation: Operation::BatchEmbed,
        path_model: Some("e"),
        query: None,
        headers: &headers,
        body: &body,
    };
    let fault = Gemini.decode_embed(&inbound).unwrap_err().into_fault(&body);
    assert_eq!(fault.param.as_deref(), Some("requests[1]"));
}

#[test]
fn counts_may_stand_in_strings() {
    assert_eq!(
        Gemini
            .decode_count(&r#"{"totalTokens":"12"}"#.into())
            .unwrap(),
        12
    );
    assert!(Gemini.decode_count(&"{}".into()).is_err());
}

#[test]
fn resource_names_are_prefixed_once() {
    let path = |model| Gemini.upstream_path(Operation::StreamGenerate, model, Some("alt=sse"));
    assert_eq!(
        path("models/x"),
        (
            "/models/x:streamGenerateContent".to_owned(),
            Some("alt=sse".to_owned())
        )
    );
    assert_eq!(
        path("tunedModels/x").0,
        "/tunedModels/x:streamGenerateContent"
    );
    let count = Target {
        operation: Operation::CountTokens,
        ..target("models/x")
    };
    let wire = Gemini
        .encode_request(&ask_for(vec![user("x")]), &count, &mut Losses::default())
        .wire;
    assert!(
        wire.body
            .whole()
            .starts_with(br#"{"generateContentRequest":{"model":"models/x","#)
    );
}
