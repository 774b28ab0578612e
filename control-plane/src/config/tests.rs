use std::collections::BTreeSet;
use std::time::Duration;

use super::keys::KEYS;
use super::raw::{RawOAuth, RawProvider, RawRule};
use super::*;
use crate::modes::{AuthMode, SchedulingMode};
use crate::provider::Auth;

/// The only problem of a text.
fn problem(text: &str) -> String {
    let problems = parse(text).unwrap_err();
    assert_eq!(problems.0.len(), 1, "{problems}");
    problems.to_string()
}

fn resolved(text: &str) -> Config {
    parse(text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn fields(value: &impl serde::Serialize, prefix: &str) -> BTreeSet<String> {
    let value = serde_json::to_value(value).unwrap();
    value
        .as_object()
        .unwrap()
        .keys()
        .map(|name| format!("{prefix}{name}"))
        .collect()
}

#[test]
fn the_table_of_keys_and_the_file_hold_the_same() {
    // The program's own keys: an unknown one is refused, and a field without one is missing.
    assert_eq!(resolved(""), Config::default());

    let mut raw = fields(&RawProvider::default(), "providers.*.");
    assert!(raw.remove("providers.*.oauth"));
    raw.extend(fields(&RawOAuth::default(), "providers.*.oauth."));
    raw.extend(fields(&RawRule::default(), "models[]."));
    let table: BTreeSet<String> = KEYS
        .iter()
        .filter(|key| key.path.contains(['*', '[']))
        .map(|key| key.path.to_owned())
        .collect();
    assert_eq!(raw, table);
}

#[test]
fn the_documented_defaults_are_those_in_force() {
    let written = KEYS.iter().filter(|key| !key.path.contains(['*', '[']));
    let text: String = written
        .filter_map(|key| Some(format!("{} = {}\n", key.path, key.default?)))
        .collect();
    let config = Config::default();
    assert_eq!(resolved(&text), config);

    let limits = config.limits;
    assert_eq!(config.port, 8045);
    assert_eq!(config.auth_mode, AuthMode::Off);
    assert_eq!(config.scheduling.mode, SchedulingMode::Balance);
    assert_eq!(config.scheduling.max_wait, Duration::from_secs(60));
    assert_eq!(config.notifications.expiry_days, [7, 1]);
    assert!(config.demo_enabled && config.network.proxy.is_none());
    assert_eq!(limits.request_body_bytes_max, 64 << 20);
    assert_eq!(limits.header_bytes_max, 64 << 10);
    assert_eq!(limits.answer_timeout, Duration::from_secs(3600));
    assert_eq!(limits.hold, Duration::from_millis(3000));
    assert_eq!(limits.connection_idle_timeout, Duration::from_secs(300));
}

#[test]
fn every_default_is_what_its_key_takes() {
    for key in KEYS {
        if let Some(default) = key.default {
            key.kind
                .check(&default.parse().unwrap())
                .unwrap_or_else(|message| panic!("{}: {message}", key.path));
        }
    }
}

#[test]
fn the_example_of_the_documentation_is_in_force_as_written() {
    let config = resolved(
        r#"
        port = 8045
        auth_mode = "off"
        [scheduling]
        mode = "balance"
        [providers.openai]
        [providers.lab]
        protocol = "openai_chat"
        base_url = "http://127.0.0.1:9000/v1"
        auth = "bearer"
        key_env = "LAB_API_KEY"
        [[models]]
        name = "fast"
        use = ["lab/model-a", "openai/gpt-5-mini"]
        [[models]]
        name = "gpt-*"
        use = ["openai/gpt-*", "lab/*"]
        "#,
    );
    let names: Vec<&str> = config
        .providers
        .iter()
        .map(|provider| provider.name.as_str())
        .collect();
    assert_eq!(names, ["openai", "lab"]);
    assert_eq!(
        config.provider("lab").unwrap().base_url.to_string(),
        "http://127.0.0.1:9000/v1"
    );
    assert_eq!(config.rules.0[1].targets[1].model.fill("5"), "5");
    assert!(config.refusals().is_empty());
}

#[test]
fn providers_keep_the_order_of_the_file() {
    let config = resolved("[providers.openrouter]\n[providers.anthropic]\n[providers.openai]\n");
    let names: Vec<&str> = config
        .providers
        .iter()
        .map(|provider| provider.name.as_str())
        .collect();
    assert_eq!(names, ["openrouter", "anthropic", "openai"]);
}

#[test]
fn problems_name_line_column_key_and_what_was_expected() {
    let lab = "[providers.lab]\nbase_url = \"https://a.example\"\n";
    let table = [
        (
            format!("{lab}protocol = \"openai\"\n"),
            "config.toml:3:12: providers.lab.protocol: expected one of `openai_chat`, `openai_responses`, `anthropic`, `gemini`, \
             found `openai`",
        ),
        (
            "[providers.openai]\nbase_ulr = \"x\"\n".to_owned(),
            "config.toml:2:1: providers.openai.base_ulr: unknown key; did you mean `base_url`?",
        ),
        (
            "prot = 1".to_owned(),
            "config.toml:1:1: prot: unknown key; did you mean `port`?",
        ),
        (
            "port = 70000".to_owned(),
            "config.toml:1:8: port: expected an integer from 0 to 65535, found `70000`",
        ),
        (
            "port = \"80\"".to_owned(),
            "config.toml:1:8: port: expected an integer from 0 to 65535, found `80`",
        ),
        (
            "allow_lan_access = 1".to_owned(),
            "config.toml:1:20: allow_lan_access: expected `true` or `false`, found `1`",
        ),
        (
            "scheduling = 5".to_owned(),
            "config.toml:1:1: scheduling: expected a table",
        ),
        (
            "[port]\nx = 1".to_owned(),
            "config.toml:1:2: port: expected an integer from 0 to 65535, found a table",
        ),
        (
            "[models]\nname = \"x\"".to_owned(),
            "config.toml:1:2: models: expected a list of tables, each headed `[[models]]`",
        ),
        (
            "cors_origins = [\"*\"]".to_owned(),
            "config.toml:1:16: cors_origins: expected an origin such as `https://app.example:8443`, found `*`",
        ),
        (
            "allowed_hosts = [\"http://a\"]".to_owned(),
            "config.toml:1:17: allowed_hosts: expected a host name or address without scheme and path, found `http://a`",
        ),
        (
            lab.to_owned(),
            "config.toml:1:12: providers.lab.protocol: missing: `lab` is no preset, so it has to say its `protocol` and `base_url`",
        ),
        (
            "version = 2\n".to_owned(),
            "config.toml:1:11: version: the file has form 2, this program knows 1: install a newer aerostat",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(problem(&text), expected);
    }
}

#[test]
fn columns_count_characters() {
    assert!(
        problem("[providers.demo]\n\"é\" = 1 \n")
            .starts_with("config.toml:2:1: providers.demo.é: unknown key")
    );
    assert!(
        problem("scheduling = { \"mode\" = \"drain\", \"é\" = 1 } \n")
            .starts_with("config.toml:1:34: scheduling.é: ")
    );
    assert!(problem("cors_origins = [\"é\", 5]\n").starts_with("config.toml:1:16: "));
}

#[test]
fn a_text_that_is_no_toml_is_told_with_its_place() {
    assert!(problem("port = 1\nport = = 2\n").starts_with("config.toml:2:"));
    assert!(problem("port = 1\nport = 2\n").starts_with("config.toml:2:1: "));
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    let problems = parse("port = 70000\nprot = 1\n[limits]\nhold_ms = -1\n").unwrap_err();
    let lines: Vec<usize> = problems
        .0
        .iter()
        .map(|problem| problem.place.unwrap().line)
        .collect();
    assert_eq!(lines, [1, 2, 4]);
}

#[test]
fn a_key_in_the_place_of_its_variable_is_never_repeated() {
    let message = problem("[providers.openai]\nkey_env = \"sk-secret-123\"\n");
    assert!(
        message.contains("name of an environment variable") && !message.contains("secret"),
        "{message}"
    );
    let message = problem("[providers.openai]\nbase_url = \"https://me:secret@a.example\"\n");
    assert!(!message.contains("secret"), "{message}");
}

#[test]
fn rules_are_judged_before_they_are_used() {
    let rule = |name: &str, target: &str| {
        format!("[providers.openai]\n[[models]]\nname = \"{name}\"\nuse = \"{target}\"\n")
    };
    let table = [
        (
            rule("a*b*", "openai/x"),
            "models[0].name: expected at most one `*`, found `a*b*`",
        ),
        (
            rule("a", "openai"),
            "models[0].use: expected `provider/model`, found `openai`",
        ),
        (
            rule("a", "openai/"),
            "models[0].use: expected `provider/model`, found `openai/`",
        ),
        (
            rule("a", "opnai/x"),
            "models[0].use: no provider `opnai`; did you mean `openai`?",
        ),
        (
            rule("a", "anthropic/x"),
            "models[0].use: no provider `anthropic`; add [providers.anthropic]",
        ),
        (
            rule("a", "openai/*"),
            "models[0].use: the `*` of `openai/*` stands for what a `*` in `name` matched, and there is none",
        ),
        (
            "[[models]]\nname = \"a\"\n".to_owned(),
            "models[0].use: missing: expected `provider/model`, or a list of them",
        ),
    ];
    for (text, expected) in table {
        let message = problem(&text);
        assert!(message.ends_with(expected), "{message}");
    }
}

#[test]
fn the_demo_takes_enabled_only_and_may_be_a_target() {
    assert!(!resolved("[providers.demo]\nenabled = false\n").demo_enabled);
    assert!(resolved("[[models]]\nname = \"a\"\nuse = \"demo/anthropic\"\n").demo_enabled);
    assert!(problem("[providers.demo]\nauth = \"none\"\n").contains("built-in provider"));
}

#[test]
fn the_form_of_authentication_follows_from_what_is_written() {
    let auth = |text: &str| {
        let text = format!("[providers.lab]\nbase_url = \"https://a.example\"\n{text}\n");
        resolved(&text).providers[0].auth
    };
    assert_eq!(auth("protocol = \"anthropic\""), Auth::None);
    assert_eq!(
        auth("protocol = \"anthropic\"\nkey_env = \"K\""),
        Auth::XApiKey
    );
    assert_eq!(
        auth("protocol = \"gemini\"\nkey_env = \"K\""),
        Auth::XGoogApiKey
    );
    assert_eq!(
        auth("protocol = \"gemini\"\nkey_env = \"K\"\nauth = \"bearer\""),
        Auth::Bearer
    );
    assert_eq!(
        resolved("[providers.openai]").providers[0].auth,
        Auth::Bearer
    );
    assert_eq!(resolved("[providers.ollama]").providers[0].auth, Auth::None);
    assert_eq!(
        resolved("[providers.ollama]\nkey_env = \"K\"").providers[0].auth,
        Auth::Bearer
    );
}

#[test]
fn a_preset_can_be_changed_key_by_key() {
    let config = resolved(
        "[providers.openai]\nbase_url = \"https://proxy.example\"\nprotocol = [\"openai_chat\", \"openai_chat\"]\n",
    );
    let openai = config.provider("openai").unwrap();
    assert_eq!(openai.dialects.len(), 1);
    assert_eq!(openai.base_url.to_string(), "https://proxy.example");
    assert_eq!(openai.key_env.as_deref(), Some("OPENAI_API_KEY"));
}

#[test]
fn a_near_miss_of_a_preset_is_told() {
    let problems = parse("[providers.antropic]\n").unwrap_err().to_string();
    assert!(
        problems.contains("did you mean the preset `anthropic`?"),
        "{problems}"
    );
}

#[test]
fn names_of_providers_are_checked() {
    for name in ["\"a/b\"", "models", "\"\"", "\"a b\"", "\"*\""] {
        assert!(
            problem(&format!("[providers.{name}]\n")).contains("expected a name"),
            "{name}"
        );
    }
}

#[test]
fn what_will_not_be_done_is_said_and_the_rest_is_in_force() {
    let text = "allow_lan_access = true\n[providers.lab]\nprotocol = \"gemini\"\nbase_url = \"http://a.example\"\nkey_env = \"K\"\n";
    let refusals: Vec<String> = resolved(text)
        .refusals()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(refusals.len(), 2);
    assert!(refusals[0].starts_with("providers.lab.base_url: the key would travel unencrypted"));
    assert!(refusals[1].starts_with("allow_lan_access: the LAN is not served"));
    assert!(
        resolved(&format!(
            "auth_mode = \"auto\"\n{text}insecure_http = true\n"
        ))
        .refusals()
        .is_empty()
    );
}

#[test]
fn auto_means_keys_on_the_lan_only() {
    assert_eq!(resolved("auth_mode = \"auto\"").auth_mode, AuthMode::Off);
    assert_eq!(
        resolved("auth_mode = \"auto\"\nallow_lan_access = true").auth_mode,
        AuthMode::AllExceptHealth
    );
}

#[test]
fn sizes_have_units_and_times_have_theirs() {
    let limits = resolved(
        "[limits]\nrequest_body_bytes_max = \"2 MiB\"\nanswer_body_bytes_max = 4096\nhold_ms = 0\nkeep_alive_seconds = 7\n",
    )
    .limits;
    assert_eq!(limits.request_body_bytes_max, 2 << 20);
    assert_eq!(limits.answer_body_bytes_max, 4096);
    assert_eq!(limits.hold, Duration::ZERO);
    assert_eq!(limits.keep_alive, Duration::from_secs(7));
    for size in [
        "\"2 mib\"",
        "\"MiB\"",
        "\"-1\"",
        "12",
        "\"99999999999 GiB\"",
    ] {
        assert!(
            problem(&format!("[limits]\nrequest_body_bytes_max = {size}\n"))
                .contains("expected a number of bytes"),
            "{size}"
        );
    }
}

#[test]
fn hosts_and_origins_are_compared_in_lower_case() {
    let config = resolved(
        "allowed_hosts = [\"Box.Lan\", \"fd00::1\", \"[FD00::2]\", \"box.lan:8045\"]\ncors_origins = [\"HTTPS://App.Example/\"]\n",
    );
    assert_eq!(
        config.allowed_hosts,
        ["box.lan", "[fd00::1]", "[fd00::2]", "box.lan:8045"]
    );
    assert_eq!(config.cors_origins, ["https://app.example"]);
}

#[test]
fn what_is_no_host_is_refused() {
    for host in [
        "",
        "http://box.lan",
        "box.lan/x",
        "*.lan",
        "box.lan:port",
        "me@box.lan",
        "[box.lan]",
        "a b",
    ] {
        assert!(
            problem(&format!("allowed_hosts = [\"{host}\"]\n"))
                .contains("expected a host name or address"),
            "{host}"
        );
    }
}

#[test]
fn a_client_of_ones_own_is_named_in_a_table_of_its_own() {
    let lab = |oauth: &str| {
        format!(
            "[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"https://a.example\"\nauth = \"oauth\"\n{oauth}\n"
        )
    };
    let table = "[providers.lab.oauth]\nauthorize_url = \"https://id.example/auth\"\ntoken_url = \"https://id.example/token\"\n";
    let config = resolved(&lab(&format!(
        "{table}client_id = \"me\"\nscopes = [\"a\", \"b\"]\n"
    )));
    let oauth = config.providers[0].oauth.as_ref().unwrap();
    assert_eq!(
        (oauth.client_id.as_deref(), oauth.scopes.join(" ")),
        (Some("me"), "a b".to_owned())
    );
    assert!(problem(&lab("")).contains("providers.lab.oauth.token_url: missing"));
    assert!(problem(&lab(table)).contains("providers.lab.oauth.client_id: missing"));
    assert!(
        problem(&lab("[providers.lab.oauth]\ntoken_uri = \"x\"\n"))
            .contains("did you mean `token_url`?")
    );
    let plain = table.replace("https://id.example/token", "http://id.example/token");
    assert!(
        problem(&lab(&format!("{plain}client_id = \"me\"\n"))).contains("expected an https URL")
    );
    let local = table.replace("https://id.example", "http://127.0.0.1:9");
    assert!(parse(&lab(&format!("{local}client_id = \"me\"\n"))).is_ok());
}

#[test]
fn presets_that_only_the_person_can_place_say_what_they_need() {
    let message = problem("[providers.azure-openai]\n");
    assert!(
        message.contains("providers.azure-openai.base_url: missing: set `base_url` to your own, such as `https://NAME"),
        "{message}"
    );
    let vertex =
        "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google";
    let config = resolved(&format!("[providers.vertex-ai]\nbase_url = \"{vertex}\"\n"));
    let oauth = config.providers[0].oauth.as_ref().unwrap();
    assert_eq!(
        (config.providers[0].auth, oauth.token_url.as_str()),
        (Auth::OAuth, "https://oauth2.googleapis.com/token")
    );
    assert_eq!(oauth.client_id, None, "a service account needs none");
}

#[test]
fn the_way_out_is_read_and_a_password_in_it_never_shown() {
    let config = resolved(
        "[network]\nproxy = \"http://me:pw@proxy.lan:3128\"\nno_proxy = [\".Lan\"]\nca_file = \"/etc/ca.pem\"\n",
    );
    assert_eq!(
        config.network.proxy.as_ref().unwrap().to_string(),
        "http://proxy.lan:3128"
    );
    assert_eq!(
        (
            config.network.no_proxy.join(" "),
            config.network.ca_file.is_some()
        ),
        (".lan".to_owned(), true)
    );
    assert!(!format!("{config:?}").contains("pw"));
    let message = problem("[network]\nproxy = \"ftp://me:pw@proxy.lan\"\n");
    assert!(
        message.contains("network.proxy: expected a proxy") && !message.contains("pw"),
        "{message}"
    );
}
