//! The configuration file: read, queried and changed key by key. Comments survive a change.

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde_json::Value as Json;
use toml_edit::{DocumentMut, Item, Value};

use super::edit::{self, Edit, document, edited, known};
use super::home::CONFIG_FILE;
use super::keys::{KEYS, Key, steps};
use super::problem::Problems;
use super::wrong::Wrong;
use super::{Config, Home, parse};
use crate::host::private_file;
use crate::language::{InLanguage, Language, Said, texts};
use crate::modes::AuthMode;
use crate::provider::{DEMO, Provider};

/// Why a configuration cannot be used or changed.
#[derive(Debug)]
pub enum ConfigError {
    Io {
        folder: PathBuf,
        source: io::Error,
    },
    Invalid(Problems),
    /// The path is no key.
    UnknownKey(Said),
    /// The change would make the file invalid; it was not written.
    Refused(Problems),
}

texts! {
    /// The words of what keeps a configuration from being used or changed.
    struct Texts;

    io(folder, source): "{CONFIG_FILE} in `{folder}`: {source}" | "{CONFIG_FILE} in `{folder}`: {source}";
    refused(problems): "nothing was changed:\n{problems}" | "nichts wurde geändert:\n{problems}";
}

impl InLanguage for ConfigError {
    fn text(&self, language: Language) -> Cow<'_, str> {
        let text = Texts(language);
        match self {
            Self::Io { folder, source } => text.io(folder.display(), source).into(),
            Self::Invalid(problems) => problems.text(language),
            Self::UnknownKey(why) => why.text(language).into(),
            Self::Refused(problems) => text.refused(problems.text(language)).into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl ConfigError {
    fn io(home: &Home, source: io::Error) -> Self {
        let folder = home.folder().to_owned();
        Self::Io { folder, source }
    }

    /// The first line of the file that is wrong.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Invalid(Problems(problems)) | Self::Refused(Problems(problems)) => problems
                .iter()
                .find_map(|problem| problem.place)
                .map(|place| place.line),
            Self::Io { .. } | Self::UnknownKey(_) => None,
        }
    }
}

/// A key with its active value.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Setting {
    pub key: String,
    /// `null` where the key is not set and has no default.
    pub value: Json,
    /// Whether the file sets it.
    pub is_set: bool,
}

/// Far more than any configuration takes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The file's text, without a byte order mark; empty where there is none.
///
/// # Errors
/// When the file exists and cannot be read, or is no text.
pub fn text(home: &Home) -> Result<String, ConfigError> {
    match private_file::read_linked(&home.config_file(), FILE_BYTES_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(ConfigError::io(home, error)),
        Ok(bytes) => decode(bytes).map_err(ConfigError::Invalid),
    }
}

/// Editors of Windows write a byte order mark before UTF-8, and some write UTF-16.
fn decode(mut bytes: Vec<u8>) -> Result<String, Problems> {
    const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
    const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
    if UTF16_MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(Problems::of_text("", Some(0..0), Wrong::Utf16));
    }
    if bytes.starts_with(UTF8_MARK) {
        bytes.drain(..UTF8_MARK.len());
    }
    String::from_utf8(bytes).map_err(|error| {
        let end = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..end]);
        Problems::of_text(&before, Some(end..end), Wrong::NotUtf8)
    })
}

/// Reads and parses the file.
///
/// # Errors
/// When the file cannot be read or is invalid.
pub fn load(home: &Home) -> Result<Config, ConfigError> {
    parse(&text(home)?).map_err(ConfigError::Invalid)
}

/// One key with its active value.
///
/// # Errors
/// When the file is invalid or the path is no key.
pub fn get(home: &Home, path: &str) -> Result<Setting, ConfigError> {
    let text = text(home)?;
    let resolved = parse(&text).map_err(ConfigError::Invalid)?;
    let key = known(path)?;
    if let ["providers", name, _, ..] = steps(path).as_slice()
        && resolved.provider(name).is_none()
        && *name != DEMO
    {
        return Err(ConfigError::UnknownKey(
            Wrong::UnknownProvider {
                name: (*name).to_owned(),
            }
            .into(),
        ));
    }
    Ok(setting(&document(&text)?, &resolved, path, key))
}

/// Every key with its active value: the program's in the order of the table, then those of each
/// provider.
///
/// # Errors
/// When the file is invalid.
pub fn all(home: &Home) -> Result<Vec<Setting>, ConfigError> {
    all_of(&text(home)?)
}

/// The same of a text.
///
/// # Errors
/// When it is no configuration.
pub fn all_of(text: &str) -> Result<Vec<Setting>, ConfigError> {
    let resolved = parse(text).map_err(ConfigError::Invalid)?;
    let document = document(text)?;
    let names: Vec<&str> = resolved
        .providers
        .iter()
        .map(|provider| provider.name.as_str())
        .collect();
    let paths = KEYS
        .iter()
        .filter(|key| !key.path.contains("[]"))
        .flat_map(|key| match key.path.split_once('*') {
            None => vec![(key.path.to_owned(), key)],
            Some((before, after)) => names
                .iter()
                .map(|name| (format!("{before}{name}{after}"), key))
                .collect(),
        });
    Ok(paths
        .map(|(path, key)| setting(&document, &resolved, &path, key))
        .collect())
}

/// Whether nothing is set in the file, or it is gone.
///
/// # Errors
/// When the file exists and cannot be read.
pub fn is_blank(home: &Home) -> Result<bool, ConfigError> {
    Ok(edit::is_blank(&text(home)?))
}

/// Changes keys, all or none. A change that would make the file invalid leaves it untouched.
///
/// `in_force` is the running agent's authentication. A file that was lost gets it back with the
/// first change: without it, the change would open the port to all. Returns whether it did.
///
/// # Errors
/// When a path is no key, a value is not what its key takes, or the file cannot be written.
pub fn set(
    home: &Home,
    changes: &[(&str, &str)],
    in_force: Option<AuthMode>,
) -> Result<bool, ConfigError> {
    let edits = changes.iter().map(|(key, value)| Edit::set(*key, *value));
    let edits: Vec<Edit> = edits.collect();
    let (text, keeps_auth) = after(&text(home)?, &edits, in_force)?;
    write(home, &text)?;
    Ok(keeps_auth)
}

/// The text after some edits, all or none; and whether it got the authentication back that is in
/// force, see [`set`].
///
/// # Errors
/// When a path is no key, a value is not what its key takes, or the result is no configuration.
pub fn after(
    before: &str,
    edits: &[Edit],
    in_force: Option<AuthMode>,
) -> Result<(String, bool), ConfigError> {
    let edited = edited(before, edits, in_force)?;
    Ok((edited.text, edited.keeps_auth))
}

fn setting(document: &DocumentMut, resolved: &Config, path: &str, key: &Key) -> Setting {
    let written = steps(path)
        .into_iter()
        .try_fold(document.as_item(), |item, step| item.get(step))
        .and_then(Item::as_value);
    let value = match written {
        // A proxy's URL may hold a password.
        Some(_) if key.path == "network.proxy" => {
            Json::from(resolved.network.proxy.as_ref().map(ToString::to_string))
        }
        Some(value) => json(value.clone()),
        None => key
            .default
            .and_then(|default| default.parse().ok())
            .map_or_else(|| of_provider(resolved, path), json),
    };
    Setting {
        key: path.to_owned(),
        value,
        is_set: written.is_some(),
    }
}

/// The default of a key; `null` where it has none.
pub fn default_of(key: &Key) -> Json {
    let default = key.default.and_then(|default| default.parse().ok());
    default.map_or(Json::Null, json)
}

fn json(value: Value) -> Json {
    Json::deserialize(value.into_deserializer()).unwrap_or(Json::Null)
}

/// The value of a provider's key that the file leaves to the preset.
fn of_provider(resolved: &Config, path: &str) -> Json {
    let steps = steps(path);
    let ["providers", name, key @ ..] = steps.as_slice() else {
        return Json::Null;
    };
    let Some(Provider {
        dialects,
        base_url,
        auth,
        key_env,
        oauth,
        ..
    }) = resolved.provider(name)
    else {
        return Json::Null;
    };
    match (key, oauth) {
        (["protocol"], _) => dialects.iter().map(|dialect| dialect.name()).collect(),
        (["base_url"], _) => Json::from(base_url.to_string()),
        (["auth"], _) => Json::from(auth.name()),
        (["key_env"], _) => Json::from(key_env.as_deref()),
        (["oauth", "authorize_url"], Some(oauth)) => Json::from(oauth.authorize_url.as_deref()),
        (["oauth", "token_url"], Some(oauth)) => Json::from(oauth.token_url.as_str()),
        (["oauth", "scopes"], Some(oauth)) => Json::from(oauth.scopes.clone()),
        _ => Json::Null,
    }
}

/// Replaces the file. A symbolic link stays one, and so do the permissions: people keep this file
/// among their dotfiles.
///
/// # Errors
/// When it cannot be written.
pub fn write(home: &Home, text: &str) -> Result<(), ConfigError> {
    let write = || {
        home.create()?;
        let path = fs::canonicalize(home.config_file()).unwrap_or_else(|_| home.config_file());
        private_file::replace_keeping_permissions(&path, text.as_bytes())
    };
    write().map_err(|error| ConfigError::io(home, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        _folder: tempfile::TempDir,
        home: Home,
    }

    fn fixture(text: &str) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        fs::write(home.config_file(), text).unwrap();
        Fixture {
            _folder: folder,
            home,
        }
    }

    fn value(home: &Home, key: &str) -> Json {
        get(home, key).unwrap().value
    }

    #[test]
    fn a_missing_file_is_all_defaults() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(&Home::at(folder.path())).unwrap(), Config::default());
    }

    #[test]
    fn what_is_no_configuration_is_named_with_its_place() {
        let error = |bytes: &[u8]| {
            let fixture = fixture("");
            fs::write(fixture.home.config_file(), bytes).unwrap();
            load(&fixture.home).unwrap_err().to_string()
        };
        assert_eq!(
            error(b"\xff\xfep\0o\0"),
            "config.toml:1:1: the file is UTF-16: save it as UTF-8"
        );
        assert!(error(b"port = 1\n# \xc3\xa4 \xff").starts_with("config.toml:2:5: expected UTF-8"));
        let large = error(&vec![b'#'; 2 << 20]);
        assert!(
            large.ends_with("it is larger than 1048576 bytes"),
            "{large}"
        );
        let fixture = fixture("");
        fs::remove_file(fixture.home.config_file()).unwrap();
        fs::create_dir(fixture.home.config_file()).unwrap();
        let folder = load(&fixture.home).unwrap_err().to_string();
        let place = format!("config.toml in `{}`: ", fixture.home.folder().display());
        assert_eq!(folder, format!("{place}it is a folder, not a regular file"));
    }

    #[test]
    fn a_byte_order_mark_of_utf8_is_taken_off() {
        let fixture = fixture("\u{feff}port = 9000\n");
        set(&fixture.home, &[("port", "9001")], None).unwrap();
        assert_eq!(text(&fixture.home).unwrap(), "port = 9001\n");
    }

    #[test]
    fn a_nesting_without_end_is_named_with_its_place() {
        for text in [
            format!("port = 1\nx = {}", "[".repeat(100_000)),
            format!("port = 1\nx = {}", "{a=".repeat(100_000)),
            format!("port = 1\nx{} = 1", ".x".repeat(100_000)),
            format!("port = 1\n[x{}]", ".x".repeat(100_000)),
        ] {
            let fixture = fixture(&text);
            let error = load(&fixture.home).unwrap_err().to_string();
            assert!(error.starts_with("config.toml:2:"), "{error:.200}");
            assert!(error.len() < 1000, "{}", error.len());
        }
    }

    #[test]
    fn a_change_keeps_comments_and_order() {
        let fixture = fixture(
            "# mine\nport = 9000 # why\n\n[scheduling]\n# slow line\nmax_wait_seconds = 5\n",
        );
        set(
            &fixture.home,
            &[("port", "9001"), ("scheduling.mode", "drain")],
            None,
        )
        .unwrap();
        let expected = "# mine\nport = 9001 # why\n\n[scheduling]\n# slow line\nmax_wait_seconds = 5\nmode = \"drain\"\n";
        assert_eq!(text(&fixture.home).unwrap(), expected);
    }

    #[test]
    fn a_provider_can_be_made_in_one_change() {
        let fixture = fixture("port = 9000\n");
        let lab = [
            ("providers.lab.protocol", "openai_chat,anthropic"),
            ("providers.lab.base_url", "http://127.0.0.1:9000"),
        ];
        set(&fixture.home, &lab, None).unwrap();
        let expected = "port = 9000\n\n[providers.lab]\nprotocol = [\"openai_chat\", \"anthropic\"]\nbase_url = \"http://127.0.0.1:9000\"\n";
        assert_eq!(text(&fixture.home).unwrap(), expected);
    }

    #[test]
    fn a_change_that_would_make_the_file_invalid_leaves_it_untouched() {
        let before = "port = 9000 # mine\n";
        let fixture = fixture(before);
        let bad: [(&str, &str); 6] = [
            ("port", "70000"),
            ("port", "many"),
            ("auth_mode", "loose"),
            ("providers.lab.base_url", "http://127.0.0.1"),
            ("providers.demo.base_url", "http://127.0.0.1"),
            ("limits.request_body_bytes_max", "64 furlongs"),
        ];
        for change in bad {
            assert!(
                matches!(
                    set(&fixture.home, &[("port", "1234"), change], None),
                    Err(ConfigError::Refused(_))
                ),
                "{change:?}"
            );
            assert_eq!(text(&fixture.home).unwrap(), before);
        }
    }

    #[test]
    fn a_lost_file_gets_the_authentication_in_force_with_its_first_change() {
        let strict = Some(AuthMode::Strict);
        for (before, changes, in_force, after) in [
            (
                "",
                [("port", "1")],
                strict,
                "auth_mode = \"strict\"\nport = 1\n",
            ),
            ("# mine\n", [("port", "1")], None, "port = 1\n# mine\n"),
            ("", [("port", "1")], Some(AuthMode::Off), "port = 1\n"),
            ("", [("auth_mode", "off")], strict, "auth_mode = \"off\"\n"),
            ("port = 2\n", [("port", "1")], strict, "port = 1\n"),
        ] {
            let fixture = fixture(before);
            let is_kept = set(&fixture.home, &changes, in_force).unwrap();
            let found = text(&fixture.home).unwrap();
            assert!(found.ends_with(after) || found == after, "{found}");
            assert_eq!(is_kept, after.contains("strict"), "{before}");
        }
    }

    #[test]
    fn an_unknown_key_is_told_with_its_nearest() {
        let fixture = fixture("");
        let error = set(&fixture.home, &[("scheduling.mod", "drain")], None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown key `scheduling.mod`; did you mean `scheduling.mode`?"
        );
    }

    #[test]
    fn what_is_in_force_is_shown_also_where_the_file_is_silent() {
        let fixture = fixture("port = 9000\n[providers.openai]\n[limits]\nhold_ms = 1\n");
        assert_eq!(value(&fixture.home, "port"), 9000);
        assert_eq!(value(&fixture.home, "auth_mode"), "off");
        assert_eq!(value(&fixture.home, "limits.hold_ms"), 1);
        assert_eq!(
            value(&fixture.home, "providers.openai.key_env"),
            "OPENAI_API_KEY"
        );
        assert_eq!(
            value(&fixture.home, "providers.openai.protocol"),
            serde_json::json!(["openai_chat", "openai_responses"])
        );
        assert!(!get(&fixture.home, "auth_mode").unwrap().is_set);
        assert_eq!(value(&fixture.home, "providers.demo.enabled"), true);
        assert!(matches!(
            get(&fixture.home, "providers.lab.enabled"),
            Err(ConfigError::UnknownKey(_))
        ));
        let all = all(&fixture.home).unwrap();
        assert!(
            all.iter()
                .any(|setting| setting.key == "providers.openai.base_url")
        );
        assert!(all.iter().all(|setting| !setting.key.contains(['*', '['])));
    }

    #[test]
    fn a_name_with_dots_can_be_asked_and_changed() {
        let fixture = fixture(
            "[providers.\"my.lab\"]\nprotocol = \"gemini\"\nbase_url = \"https://a.example\"\n",
        );
        set(
            &fixture.home,
            &[("providers.my.lab.enabled", "false")],
            None,
        )
        .unwrap();
        assert_eq!(value(&fixture.home, "providers.my.lab.enabled"), false);
        assert_eq!(
            value(&fixture.home, "providers.my.lab.base_url"),
            "https://a.example"
        );
    }

    #[test]
    fn inline_tables_are_changed_in_place() {
        let fixture = fixture("scheduling = { mode = \"drain\" } # mine\n");
        set(&fixture.home, &[("scheduling.max_attempts", "2")], None).unwrap();
        assert_eq!(value(&fixture.home, "scheduling.max_attempts"), 2);
        assert_eq!(value(&fixture.home, "scheduling.mode"), "drain");
        assert!(text(&fixture.home).unwrap().ends_with("# mine\n"));
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_stays_one_and_permissions_are_kept() {
        use std::os::unix::fs::PermissionsExt;
        let fixture = fixture("");
        let target = fixture.home.folder().join("dotfiles.toml");
        fs::rename(fixture.home.config_file(), &target).unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&target, fixture.home.config_file()).unwrap();
        set(&fixture.home, &[("port", "9000")], None).unwrap();
        assert!(
            fs::symlink_metadata(fixture.home.config_file())
                .unwrap()
                .is_symlink()
        );
        assert_eq!(fs::read_to_string(&target).unwrap(), "port = 9000\n");
        assert_eq!(
            fs::metadata(&target).unwrap().permissions().mode() & 0o777,
            0o640
        );
    }
}
