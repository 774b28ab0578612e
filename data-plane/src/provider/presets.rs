//! The known providers: one row each.
//!
//! A provider with a known dialect and a known form of authentication is one more row here, and
//! nothing else. Limits are read from the headers and bodies of its responses ([`super::limits`]);
//! a row says what no response does.

use super::balance::Balance;
use super::limits::DayEnd;
use super::{Auth, BaseUrl, Provider, oauth};
use crate::canon::Dialect;
use crate::language::said;
use crate::protocol::{Maker, anthropic, gemini, openai_chat, openai_responses};

/// A provider's data where nothing is configured.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    pub name: &'static str,
    pub dialects: &'static [Dialect],
    pub base_url: PresetUrl,
    pub auth: Auth,
    pub key_env: Option<&'static str>,
    /// The authorization server, where the provider takes access tokens.
    pub oauth: Option<AuthorizationServer>,
    pub models: ModelList,
    /// When its daily quotas are reset, for refusals that name no time.
    pub day_ends: Option<DayEnd>,
    /// The call for the account's balance.
    pub balance: Option<Balance>,
    /// The provider's documentation of its API.
    pub docs: &'static str,
}

/// A provider's base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresetUrl {
    Fixed(&'static str),
    /// Only the user knows it; an example.
    Example(&'static str),
}

/// Which call lists a provider's models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelList {
    /// That of its first dialect.
    Listed,
    /// None that lists usable models, and why.
    Unlisted(&'static str),
}

/// An authorization server. The client's id is the user's own.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationServer {
    pub authorize_url: &'static str,
    pub token_url: &'static str,
    pub scopes: &'static [&'static str],
}

impl Preset {
    /// The base URL, where it is the same for all users.
    pub fn base_url(&self) -> Option<&'static str> {
        match self.base_url {
            PresetUrl::Fixed(url) => Some(url),
            PresetUrl::Example(_) => None,
        }
    }

    /// The provider without any configuration. `None` where it needs some.
    pub fn provider(&self) -> Option<Provider> {
        let base_url = BaseUrl::parse(self.base_url()?).expect("presets have URLs");
        Some(Provider {
            name: self.name.to_owned(),
            enabled: true,
            dialects: self.dialects.to_vec(),
            base_url,
            auth: self.auth,
            key_env: self.key_env.map(ToOwned::to_owned),
            oauth: self.oauth.map(|authority| authority.client()),
            insecure_http: false,
            models: None,
        })
    }

    /// What has to be configured before it can be called, if anything.
    pub fn needs(&self) -> Option<PresetNeeds> {
        match self.base_url {
            PresetUrl::Fixed(_) => None,
            PresetUrl::Example(example) => Some(PresetNeeds::BaseUrl { example }),
        }
    }
}

said! {
    /// What has to be configured before a preset can be called, as the end of a sentence.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum PresetNeeds;
    BaseUrl { example: &'static str }: "set `base_url` to your own, such as `{example}`" |
        "`base_url` auf die eigene setzen, etwa `{example}`";
}

impl AuthorizationServer {
    /// A client without an id, which only a service account can use.
    fn client(&self) -> oauth::Client {
        oauth::Client {
            authorize_url: Some(self.authorize_url.to_owned()),
            token_url: self.token_url.to_owned(),
            client_id: None,
            scopes: self.scopes.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A row with the usual values: OpenAI's chat dialect, a bearer key and a list of models.
const fn chat(
    name: &'static str,
    base_url: &'static str,
    key_env: &'static str,
    docs: &'static str,
) -> Preset {
    Preset {
        name,
        dialects: &[openai_chat::DIALECT],
        base_url: PresetUrl::Fixed(base_url),
        auth: Auth::Bearer,
        key_env: Some(key_env),
        oauth: None,
        models: ModelList::Listed,
        day_ends: None,
        balance: None,
        docs,
    }
}

/// A server on this machine, without a key.
const fn local(name: &'static str, base_url: &'static str, docs: &'static str) -> Preset {
    Preset {
        auth: Auth::None,
        key_env: None,
        ..chat(name, base_url, "", docs)
    }
}

pub static PRESETS: &[Preset] = &[
    Preset {
        dialects: &[openai_chat::DIALECT, openai_responses::DIALECT],
        ..chat(
            "openai",
            "https://api.openai.com/v1",
            "OPENAI_API_KEY",
            "https://platform.openai.com/docs/api-reference",
        )
    },
    Preset {
        dialects: &[anthropic::DIALECT],
        auth: Auth::XApiKey,
        ..chat(
            "anthropic",
            "https://api.anthropic.com",
            "ANTHROPIC_API_KEY",
            "https://platform.claude.com/docs/en/api/overview",
        )
    },
    Preset {
        dialects: &[gemini::DIALECT],
        auth: Auth::XGoogApiKey,
        day_ends: Some(DayEnd::Pacific),
        ..chat(
            "gemini",
            "https://generativelanguage.googleapis.com",
            "GEMINI_API_KEY",
            "https://ai.google.dev/gemini-api/docs/api-key",
        )
    },
    Preset {
        day_ends: Some(DayEnd::Utc),
        balance: Some(Balance::OpenRouter),
        ..chat(
            "openrouter",
            "https://openrouter.ai/api/v1",
            "OPENROUTER_API_KEY",
            "https://openrouter.ai/docs/api-reference/overview",
        )
    },
    chat(
        "groq",
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        "https://console.groq.com/docs/overview",
    ),
    chat(
        "mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        "https://docs.mistral.ai/api",
    ),
    Preset {
        balance: Some(Balance::DeepSeek),
        ..chat(
            "deepseek",
            "https://api.deepseek.com",
            "DEEPSEEK_API_KEY",
            "https://api-docs.deepseek.com",
        )
    },
    Preset {
        dialects: &[openai_chat::DIALECT, openai_responses::DIALECT],
        ..chat(
            "xai",
            "https://api.x.ai/v1",
            "XAI_API_KEY",
            "https://docs.x.ai/docs/overview",
        )
    },
    chat(
        "together",
        "https://api.together.xyz/v1",
        "TOGETHER_API_KEY",
        "https://docs.together.ai/docs/quickstart",
    ),
    chat(
        "fireworks",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY",
        "https://docs.fireworks.ai/getting-started/quickstart",
    ),
    Preset {
        dialects: &[openai_chat::DIALECT, openai_responses::DIALECT],
        base_url: PresetUrl::Example("https://NAME.openai.azure.com/openai/v1"),
        auth: Auth::ApiKey,
        models: ModelList::Unlisted(
            "Azure lists base models, and is asked for deployments: write the names of yours as `models` in [providers.azure-openai]",
        ),
        ..chat(
            "azure-openai",
            "",
            "AZURE_OPENAI_API_KEY",
            "https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle",
        )
    },
    Preset {
        dialects: &[gemini::DIALECT],
        base_url: PresetUrl::Example(
            "https://aiplatform.googleapis.com/v1/projects/PROJECT/locations/global/publishers/google",
        ),
        auth: Auth::OAuth,
        key_env: None,
        oauth: Some(GOOGLE),
        models: ModelList::Unlisted(
            "Vertex AI has no list below a project: write the names of its models as `models` in [providers.vertex-ai]",
        ),
        ..chat(
            "vertex-ai",
            "",
            "",
            "https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest-rpc",
        )
    },
    local(
        "ollama",
        "http://127.0.0.1:11434",
        "https://docs.ollama.com/openai",
    ),
    local(
        "lm-studio",
        "http://127.0.0.1:1234/v1",
        "https://lmstudio.ai/docs/app/api/endpoints/openai",
    ),
    local(
        "llama-cpp",
        "http://127.0.0.1:8080/v1",
        "https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
    ),
    local(
        "vllm",
        "http://127.0.0.1:8000/v1",
        "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    ),
];

/// Source: Google Identity, "Using OAuth 2.0 for installed applications"; Vertex AI,
/// "Authenticate".
const GOOGLE: AuthorizationServer = AuthorizationServer {
    authorize_url: "https://accounts.google.com/o/oauth2/v2/auth",
    token_url: "https://oauth2.googleapis.com/token",
    scopes: &["https://www.googleapis.com/auth/cloud-platform"],
};

pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

/// The preset at the same origin, whatever its configured name. Servers on this machine share
/// ports, so they are recognised by name only.
pub fn at(base_url: &BaseUrl) -> Option<&'static Preset> {
    let is_same = |preset: &&Preset| {
        let base = preset.base_url().and_then(|url| BaseUrl::parse(url).ok());
        base.is_some_and(|base| base.address() == base_url.address())
    };
    if base_url.is_loopback() {
        None
    } else {
        PRESETS.iter().find(is_same)
    }
}

/// The vendor of a provider's server: by its origin, else by its name. A user who names a server of
/// their own `mistral` says what it accepts.
pub fn maker(provider: &Provider) -> Maker {
    const AZURE: &str = "openai.azure.com";
    if provider.base_url.host().ends_with(AZURE) {
        return Maker::Openai;
    }
    let known = at(&provider.base_url).or_else(|| preset(&provider.name));
    match known.map(|preset| preset.name) {
        Some("openai" | "azure-openai") => Maker::Openai,
        Some("mistral") => Maker::Mistral,
        Some("deepseek") => Maker::DeepSeek,
        Some("groq") => Maker::Groq,
        Some("llama-cpp" | "lm-studio" | "ollama" | "vllm") => Maker::Local,
        Some(_) => Maker::Other,
        None => Maker::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_called_as_it_stands_or_says_what_it_needs() {
        for preset in PRESETS {
            let (PresetUrl::Fixed(url) | PresetUrl::Example(url)) = preset.base_url;
            let base = BaseUrl::parse(url).unwrap();
            assert!(!preset.dialects.is_empty());
            assert_eq!(
                preset.key_env.is_none(),
                matches!(preset.auth, Auth::None | Auth::OAuth),
                "{}",
                preset.name
            );
            assert_eq!(
                preset.oauth.is_some(),
                preset.auth == Auth::OAuth,
                "{}",
                preset.name
            );
            assert!(
                !base.is_plain_http() || base.is_loopback(),
                "{}",
                preset.name
            );
            assert_eq!(
                preset.needs().is_some(),
                preset.base_url().is_none(),
                "{}",
                preset.name
            );
        }
    }

    #[test]
    fn a_maker_is_known_by_the_address_or_the_name() {
        for (name, base_url, expected) in [
            ("work", "https://api.openai.com/v1", Maker::Openai),
            (
                "work",
                "https://acme.openai.azure.com/openai/v1",
                Maker::Openai,
            ),
            ("work", "https://api.mistral.ai/v1", Maker::Mistral),
            ("mistral", "http://127.0.0.1:9000/v1", Maker::Mistral),
            ("work", "https://api.deepseek.com", Maker::DeepSeek),
            ("work", "https://openrouter.ai/api/v1", Maker::Other),
            ("work", "https://api.groq.com/openai/v1", Maker::Groq),
            ("ollama", "http://127.0.0.1:11434", Maker::Local),
            ("work", "http://127.0.0.1:9000/v1", Maker::Unknown),
        ] {
            let provider = crate::provider::sample(name, base_url, Auth::Bearer);
            assert_eq!(maker(&provider), expected, "{name} at {base_url}");
        }
    }

    #[test]
    fn every_name_is_there_once() {
        for preset in PRESETS {
            assert_eq!(
                PRESETS
                    .iter()
                    .filter(|other| other.name == preset.name)
                    .count(),
                1,
                "{}",
                preset.name
            );
        }
    }

    #[test]
    fn a_preset_is_known_by_where_it_answers() {
        let name = |url: &str| at(&BaseUrl::parse(url).unwrap()).map(|preset| preset.name);
        assert_eq!(
            name("https://generativelanguage.googleapis.com/v1beta/openai"),
            Some("gemini")
        );
        assert_eq!(name("https://OPENROUTER.ai/api/v1"), Some("openrouter"));
        assert_eq!(name("https://lab.example/v1"), None);
        assert_eq!(name("http://127.0.0.1:8000/v1"), None);
    }

    #[test]
    fn calls_go_where_the_provider_documents_them() {
        let joined = |name: &str, path: &str, version: &str| {
            let (PresetUrl::Fixed(url) | PresetUrl::Example(url)) = preset(name).unwrap().base_url;
            BaseUrl::parse(url)
                .unwrap()
                .join(version, path, None)
                .unwrap()
                .to_string()
        };
        assert_eq!(
            joined("deepseek", "/chat/completions", "v1"),
            "https://api.deepseek.com/v1/chat/completions"
        );
        assert_eq!(
            joined("azure-openai", "/responses", "v1"),
            "https://NAME.openai.azure.com/openai/v1/responses"
        );
        assert_eq!(
            joined(
                "vertex-ai",
                "/models/gemini-3-pro:generateContent",
                "v1beta"
            ),
            "https://aiplatform.googleapis.com/v1/projects/PROJECT/locations/global/publishers/google/models/gemini-3-pro:generateContent"
        );
        assert_eq!(
            joined("fireworks", "/models", "v1"),
            "https://api.fireworks.ai/inference/v1/models"
        );
    }
}
