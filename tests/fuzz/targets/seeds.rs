//! Writes what each target starts from: `seeds FOLDER`. The repository's literal answers, requests
//! and configurations.

use std::path::Path;
use std::{env, fs, io};

use aerostat::protocol::ALL;
use aerostat_fuzz::Input;

const HEADS: &[&str] = &[
    "/v1/models\nhost: localhost:8045\norigin: http://localhost:3000\naccess-control-request-method: POST\naccess-control-request-headers: x-api-key",
    "http://127.0.0.1:8045/v1/messages\nhost: 127.0.0.1:8045\ncontent-type: application/json\ncontent-length: 2\nsec-fetch-site: none",
    "/healthz\nhost: [::1]:8045\norigin: vscode-webview://abc\nretry-after: Wed, 21 Oct 2026 07:28:00 GMT",
    "/\nhost: gateway.lan\nretry-after-ms: 1500\nx-ratelimit-remaining-tokens: 0\nx-ratelimit-reset-tokens: 6m0s",
    "/\nhost: den.local\nanthropic-ratelimit-requests-remaining: 0\nanthropic-ratelimit-requests-reset: 2026-11-20T10:00:00Z",
];

fn main() -> io::Result<()> {
    let out = env::args().nth(1).expect("usage: seeds FOLDER");
    let out = Path::new(&out);
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("it lies in tests/");
    for target in ["frames", "json", "requests", "streams", "answers", "edges"] {
        fs::create_dir_all(out.join(target))?;
    }
    for (index, protocol) in (0u8..).zip(ALL) {
        let name = protocol.dialect().name();
        answers(
            out,
            &tests.join("support/upstream/answers").join(name),
            index,
        )?;
        for (file, body) in files(&tests.join("fuzz/seeds/streams").join(name))? {
            seed(out, "streams", &file, [index, 0, 30, 70], &body)?;
        }
        for (operation, _) in (0u8..).zip(protocol.descriptor().routes) {
            requests(
                out,
                &tests.join("fuzz/seeds/requests").join(name),
                [index, operation, 0, 0],
            )?;
        }
    }
    for (index, text) in HEADS.iter().enumerate() {
        seed(
            out,
            "edges",
            &format!("head-{index}"),
            [0, 1, 1, 0],
            text.as_bytes(),
        )?;
    }
    for (name, text) in files(&tests.join("fuzz/seeds/config"))? {
        seed(out, "edges", &name, [1, 0, 0, 0], &text)?;
    }
    Ok(())
}

/// An upstream's answers: streams by their ending `.sse`, the others whole.
fn answers(out: &Path, folder: &Path, protocol: u8) -> io::Result<()> {
    for (name, body) in files(folder)? {
        let choices = [protocol, 0, 30, 70];
        if name.ends_with(".sse") {
            seed(out, "streams", &name, choices, &body)?;
            seed(out, "frames", &name, choices, &body)?;
        } else {
            seed(out, "answers", &name, choices, &body)?;
            seed(out, "json", &name, choices, &body)?;
        }
    }
    Ok(())
}

fn requests(out: &Path, folder: &Path, choices: [u8; 4]) -> io::Result<()> {
    for (name, body) in files(folder)? {
        seed(
            out,
            "requests",
            &format!("{}-{name}", choices[1]),
            choices,
            &body,
        )?;
    }
    Ok(())
}

/// The files of a folder, none where there is no folder, with names that hold the folder's.
fn files(folder: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let prefix = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    entries
        .map(|entry| {
            let entry = entry?;
            Ok((
                format!("{prefix}-{}", entry.file_name().to_string_lossy()),
                fs::read(entry.path())?,
            ))
        })
        .collect()
}

fn seed(out: &Path, target: &str, name: &str, choices: [u8; 4], body: &[u8]) -> io::Result<()> {
    fs::write(out.join(target).join(name), Input::write(choices, body))
}
