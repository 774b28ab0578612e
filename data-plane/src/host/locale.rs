//! The language of the user's session, as the system names it.

/// A tag such as `de-DE`, or a POSIX locale such as `de_DE.UTF-8`. `None` where the system names
/// none.
#[cfg(all(unix, not(target_os = "macos")))]
pub fn locale() -> Option<String> {
    of_environment(&|name| std::env::var(name).ok())
}

/// A tag such as `de-DE`. `None` where the system names none.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub fn locale() -> Option<String> {
    sys_locale::get_locale()
}

/// The first variable that is set and not empty.
///
/// Source: POSIX.1-2024, "Environment Variables", 8.2.
#[cfg(all(unix, not(target_os = "macos")))]
fn of_environment(variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
    names
        .into_iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()))
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod tests {
    use super::*;

    #[test]
    fn the_most_general_variable_that_is_set_counts() {
        let locale = |set: &[(&str, &str)]| {
            of_environment(&|name| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let lang = ("LANG", "en_US.UTF-8");
        assert_eq!(locale(&[]), None);
        assert_eq!(locale(&[lang]).as_deref(), Some("en_US.UTF-8"));
        let messages = ("LC_MESSAGES", "de_DE.UTF-8");
        assert_eq!(locale(&[lang, messages]).as_deref(), Some("de_DE.UTF-8"));
        let all = ("LC_ALL", "C");
        assert_eq!(locale(&[lang, messages, all]).as_deref(), Some("C"));
        assert_eq!(
            locale(&[("LC_ALL", ""), lang]).as_deref(),
            Some("en_US.UTF-8")
        );
    }
}
