//! Copilot CLI, by variables alone. It needs no sign-in at GitHub then, but a model's name.

use crate::clients::client::{BLANK, Client, Setup, Text, Variable};

pub(super) static COPILOT_CLI: Client = Client {
    name: "copilot-cli",
    title: "Copilot CLI",
    programs: &["copilot"],
    setup: Setup::Environment,
    variables: &[
        Variable::text("COPILOT_PROVIDER_TYPE", "openai"),
        Variable::url("COPILOT_PROVIDER_BASE_URL", "/v1"),
        Variable::key("COPILOT_PROVIDER_API_KEY"),
        Variable::text("COPILOT_PROVIDER_WIRE_API", "responses"),
        Variable::model("COPILOT_MODEL"),
    ],
    afterwards: Text::new(
        "Set `COPILOT_MODEL` to a model of the gateway: Copilot CLI asks for none without it.",
        "Setzen Sie `COPILOT_MODEL` auf ein Modell des Gateways: ohne es fragt Copilot CLI keines.",
    ),
    ..BLANK
};
