//! How a configured provider's requests are paid for.

use crate::config::Config;
use crate::prices::Billing;
use crate::provider::presets::{self, Preset};
use crate::provider::{Auth, DEMO};

/// By the provider's address and preset; by its name alone where it is configured no more.
pub(super) fn billing_of<'b>(config: &'b Config, name: &'b str) -> Billing<'b> {
    if name == DEMO {
        return Billing::Free { name };
    }
    let configured = config.provider(name);
    if configured.is_some_and(|provider| provider.base_url.is_loopback()) {
        return Billing::Free { name };
    }
    let preset = match configured {
        Some(provider) => presets::at(&provider.base_url).or_else(|| presets::preset(name)),
        None => presets::preset(name),
    };
    match preset {
        Some(preset) if is_of_ones_own(preset) => Billing::Free { name },
        Some(preset) => Billing::Listed {
            list: list_of(preset.name),
            name,
        },
        None => Billing::Own { name },
    }
}

/// Whether it is a server that a person runs: it takes no key.
fn is_of_ones_own(preset: &Preset) -> bool {
    preset.auth == Auth::None
}

fn list_of(preset: &'static str) -> &'static str {
    match preset {
        // Google's models cost the same by both.
        "vertex-ai" => "gemini",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_billed_by_where_it_is() {
        let text = "
            [providers.work]
            protocol = \"anthropic\"
            base_url = \"https://api.anthropic.com\"
            [providers.box]
            protocol = \"openai_chat\"
            base_url = \"http://127.0.0.1:9000/v1\"
            [providers.far]
            protocol = \"openai_chat\"
            base_url = \"https://far.example/v1\"
        ";
        let config = crate::config::parse(text).unwrap();
        let listed = |list, name| Billing::Listed { list, name };
        assert_eq!(billing_of(&config, "work"), listed("anthropic", "work"));
        assert_eq!(billing_of(&config, "openai"), listed("openai", "openai"));
        assert_eq!(
            billing_of(&config, "vertex-ai"),
            listed("gemini", "vertex-ai")
        );
        for own in ["box", "ollama", "demo"] {
            assert_eq!(billing_of(&config, own), Billing::Free { name: own });
        }
        assert_eq!(billing_of(&config, "far"), Billing::Own { name: "far" });
    }
}
