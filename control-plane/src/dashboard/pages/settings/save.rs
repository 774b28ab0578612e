//! What the forms of this page change.

use super::field::{WAS, typed_value, was_shown};
use crate::control::{Edit, KEYS, Key, ValueKind};
use crate::dashboard::form::Fields;

/// The keys of the program itself: those of providers and rules have forms of their own, and the
/// file's form is not a person's to change.
pub(super) fn own_keys() -> impl Iterator<Item = &'static Key> {
    KEYS.iter()
        .filter(|key| !key.path.contains(['*', '[']) && key.path != "version")
}

/// What the person changed in the fields: a key that changed in the file alone is left as it is
/// there.
pub(super) fn edits(fields: &Fields) -> Vec<Edit> {
    if let Some(key) = fields.given("reset") {
        return vec![Edit::unset(key)];
    }
    own_keys().filter_map(|key| edit(key, fields)).collect()
}

fn edit(key: &Key, fields: &Fields) -> Option<Edit> {
    let typed = typed_value(key, fields);
    if !was_shown(key.path, fields) || typed == fields.get(&format!("{WAS}{}", key.path)) {
        return None;
    }
    Some(match key.kind {
        _ if typed.is_empty() && key.default.is_none() => Edit::unset(key.path),
        // Numbers of a list are none without its brackets.
        ValueKind::ListOf(ValueKind::Count { .. }) => Edit::set(key.path, format!("[{typed}]")),
        _ => Edit::set(key.path, typed),
    })
}

/// The fields that the second step needs.
pub(super) fn needed(fields: &Fields, edits: &[Edit]) -> Fields {
    let keys: Vec<String> = edits.iter().map(Edit::key).collect();
    fields.filtered(|name| {
        let key = name.strip_prefix(WAS).unwrap_or(name);
        keys.iter().any(|known| known == key) || matches!(name, "reset" | "shown_file")
    })
}

pub(super) fn rule_to_add(fields: &Fields) -> Edit {
    let targets = fields.get("use").split(',').map(str::trim);
    Edit::AddRule {
        name: fields.get("name").to_owned(),
        targets: targets
            .filter(|target| !target.is_empty())
            .map(str::to_owned)
            .collect(),
    }
}

pub(super) fn rule_to_remove(fields: &Fields) -> Edit {
    Edit::RemoveRule {
        at: fields.get("at").parse().unwrap_or(usize::MAX),
        name: fields.get("name").to_owned(),
    }
}

/// A provider's keys; those that were left empty are not written.
pub(super) fn provider_to_add(fields: &Fields) -> Vec<Edit> {
    let name = fields.get("name");
    let keys = ["protocol", "base_url", "key_env"];
    let given = keys
        .into_iter()
        .filter_map(|key| Some((key, fields.given(key)?)));
    given
        .map(|(key, value)| Edit::set(format!("providers.{name}.{key}"), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_changed_in_the_form_is_changed() {
        let fields = |text: &str| Fields::parse(text.as_bytes());
        let form = "was:port=8045&port=9000&was:auth_mode=off&auth_mode=off&was:record.enabled=true&was:metrics_port=+9&metrics_port=";
        assert_eq!(
            edits(&fields(form)),
            [
                Edit::set("port", "9000"),
                Edit::unset("metrics_port"),
                Edit::set("record.enabled", "false")
            ]
        );
        assert_eq!(
            edits(&fields("port=9000")),
            [],
            "a field that was not shown"
        );
        let topics = "was:notifications.off=quota&notifications.off=quota&notifications.off=lan";
        assert_eq!(
            edits(&fields(topics)),
            [Edit::set("notifications.off", "quota, lan")]
        );
        let reset = fields("reset=port&was:auth_mode=off&auth_mode=strict");
        assert_eq!(edits(&reset), [Edit::unset("port")]);
        let needed: Vec<String> = needed(&fields(form), &edits(&fields(form)))
            .iter()
            .map(|(name, _)| name.to_owned())
            .collect();
        assert_eq!(
            needed,
            [
                "was:port",
                "port",
                "was:record.enabled",
                "was:metrics_port",
                "metrics_port"
            ]
        );
    }
}
