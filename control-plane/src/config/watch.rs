//! Reloads the configuration file while the program runs.
//!
//! The folder is watched, not the file: editors replace files, and the file may appear later. An
//! invalid file changes nothing but the published error.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use super::file::{self, ConfigError};
use super::home::CONFIG_FILE;
use super::{Config, Home, parse};
use crate::language::{Said, said};
use crate::modes::AuthMode;
use crate::toml_text;

/// Editors write in several steps; the file is read after this pause.
const DEBOUNCE: Duration = Duration::from_millis(150);
/// A missing file is checked once more after this pause: some editors delete and recreate it.
const GONE_PAUSE: Duration = Duration::from_millis(500);

/// The active configuration, and what is wrong with the present file.
#[derive(Clone, Debug)]
pub struct Live {
    pub config: Arc<Config>,
    /// Set while the file is invalid: `config` is then the last valid one.
    pub error: Option<Arc<Said>>,
    /// The first line that is wrong, where it is known.
    pub error_line: Option<usize>,
}

impl Live {
    pub fn valid(config: Config) -> Self {
        Self {
            config: Arc::new(config),
            error: None,
            error_line: None,
        }
    }

    /// The defaults, where no valid file was ever read.
    pub fn broken(error: &ConfigError) -> Self {
        Self {
            error: Some(Arc::new(Said::of(error))),
            error_line: error.line(),
            ..Self::valid(Config::default())
        }
    }
}

/// Watches one home. Nothing is published before [`ConfigWatcher::run`] is polled.
pub struct ConfigWatcher {
    home: Home,
    changed: Arc<Notify>,
    live: watch::Sender<Live>,
    /// Stops watching when dropped.
    _watcher: RecommendedWatcher,
}

impl ConfigWatcher {
    /// Starts watching; `config` is the active one. Creates the folder where it is missing.
    ///
    /// # Errors
    /// When the folder cannot be created or watched.
    pub fn new(home: Home, config: Config) -> notify::Result<(Self, watch::Receiver<Live>)> {
        home.create().map_err(notify::Error::io)?;
        let changed = Arc::new(Notify::new());
        let mut watcher = notify::recommended_watcher(on_event(&home, Arc::clone(&changed)))?;
        for folder in folders(&home) {
            watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        }
        // A change between the first load and the start of the watch would go unseen.
        changed.notify_one();
        let (live, receiver) = watch::channel(Live::valid(config));
        Ok((
            Self {
                home,
                changed,
                live,
                _watcher: watcher,
            },
            receiver,
        ))
    }

    /// Publishes changes as they come. Ends when the last receiver is dropped.
    ///
    /// Not cancel safe: a change that was seen and not yet read is lost.
    pub async fn run(self) {
        loop {
            tokio::select! {
                () = self.changed.notified() => {}
                () = self.live.closed() => return,
            }
            tokio::time::sleep(DEBOUNCE).await;
            // Empty as well: some write into the file that is there.
            let length = std::fs::metadata(self.home.config_file()).map(|found| found.len());
            if !matches!(length, Ok(1..)) {
                tokio::time::sleep(GONE_PAUSE).await;
            }
            self.publish(self.load().await);
        }
    }

    /// Reads the file on a thread that serves no requests: its disk may be slow.
    async fn load(&self) -> Result<Loaded, ConfigError> {
        let home = self.home.clone();
        let read = tokio::task::spawn_blocking(move || {
            let text = file::text(&home)?;
            let config = parse(&text).map_err(ConfigError::Invalid)?;
            let is_blank = toml_text::parse(&text).is_ok_and(|found| found.as_table().is_empty());
            Ok(Loaded { config, is_blank })
        });
        read.await.unwrap_or_else(|error| {
            let source = std::io::Error::other(error);
            let folder = self.home.folder().to_owned();
            Err(ConfigError::Io { folder, source })
        })
    }

    fn publish(&self, loaded: Result<Loaded, ConfigError>) {
        self.live.send_if_modified(|live| match loaded {
            Ok(found) if found.is_blank && asks_for_keys(&live.config) => {
                let folder = self.home.folder().to_owned();
                refuse(live, Unusable::Blank { folder }.into(), None)
            }
            Ok(found) => activate(live, found.config),
            Err(error) => refuse(live, Said::of(&error), error.line()),
        });
    }
}

/// What the file held.
struct Loaded {
    config: Config,
    /// Whether nothing is set in the file, or it is gone.
    is_blank: bool,
}

/// The defaults ask for no key: a file that is lost must not open the port to all.
fn asks_for_keys(config: &Config) -> bool {
    config.auth_mode != AuthMode::Off
}

said! {
    /// Why a file that can be read is not used.
    #[derive(Debug)]
    enum Unusable;
    Blank { folder: PathBuf }: "{CONFIG_FILE} in `{folder}`: it is gone or empty, and without it no key would be asked for; put it back, or write `auth_mode = \"off\"` into it" |
        "{CONFIG_FILE} in `{folder}`: Die Datei fehlt oder ist leer, und ohne sie würde kein Schlüssel verlangt; sie zurücklegen oder `auth_mode = \"off\"` hineinschreiben";
}

fn activate(live: &mut Live, config: Config) -> bool {
    let is_new = *live.config != config;
    let was_refused = live.error.take().is_some();
    live.error_line = None;
    if is_new {
        info!("configuration taken");
        live.config = Arc::new(config);
    } else if was_refused {
        info!("configuration is valid again, without a change");
    }
    is_new || was_refused
}

/// Editors save several times: the same error is logged and published once.
fn refuse(live: &mut Live, error: Said, line: Option<usize>) -> bool {
    let text = error.to_string();
    if live.error.as_deref() == Some(&error) {
        return false;
    }
    // The text names line and column.
    warn!(error = %text.escape_debug(), "configuration refused, the last valid one stays active");
    live.error = Some(Arc::new(error));
    live.error_line = line;
    true
}

/// The folder of the file, and that of its target where it is a symbolic link.
fn folders(home: &Home) -> Vec<PathBuf> {
    let mut folders = vec![home.folder().to_owned()];
    let target = std::fs::canonicalize(home.config_file()).ok();
    let target_folder = target.and_then(|target| target.parent().map(ToOwned::to_owned));
    folders.extend(
        target_folder
            .filter(|folder| std::fs::canonicalize(home.folder()).ok().as_ref() != Some(folder)),
    );
    folders
}

/// Wakes the task for events of the file itself. Other files in the folder change all the time.
fn on_event(
    home: &Home,
    changed: Arc<Notify>,
) -> impl FnMut(notify::Result<Event>) + Send + 'static {
    let names = file_names(home);
    move |event| match event {
        Ok(event) if !is_about(&event, &names) => {}
        // After an error an event may have been missed.
        _ => changed.notify_one(),
    }
}

fn file_names(home: &Home) -> Vec<OsString> {
    let paths = [
        Some(home.config_file()),
        std::fs::canonicalize(home.config_file()).ok(),
    ];
    paths
        .iter()
        .flatten()
        .filter_map(|path| path.file_name().map(ToOwned::to_owned))
        .collect()
}

/// Whether the event may have changed the file. Reading it is an event too, and must not count: each
/// reload would cause the next one.
fn is_about(event: &Event, names: &[OsString]) -> bool {
    let is_write = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    };
    let names_file = event.paths.iter().any(|path| {
        path.file_name()
            .is_some_and(|name| names.iter().any(|known| known == name))
    });
    is_write && (names_file || event.need_rescan())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A home that is followed while this lives.
    struct Followed {
        home: Home,
        live: watch::Receiver<Live>,
        _task: tokio::task::JoinSet<()>,
    }

    fn following(folder: &tempfile::TempDir, text: Option<&str>) -> Followed {
        let home = Home::at(folder.path());
        if let Some(text) = text {
            fs::write(home.config_file(), text).unwrap();
        }
        let (watcher, live) = ConfigWatcher::new(home.clone(), file::load(&home).unwrap()).unwrap();
        let mut task = tokio::task::JoinSet::new();
        task.spawn(watcher.run());
        Followed {
            home,
            live,
            _task: task,
        }
    }

    impl Followed {
        async fn next(&mut self) -> Live {
            tokio::time::timeout(Duration::from_secs(20), self.live.changed())
                .await
                .expect("a change is published")
                .unwrap();
            self.live.borrow_and_update().clone()
        }
    }

    #[tokio::test]
    async fn a_file_that_appears_later_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let mut followed = following(&folder, None);
        fs::write(followed.home.config_file(), "port = 9001").unwrap();
        assert_eq!(followed.next().await.config.port, 9001);
    }

    #[tokio::test]
    async fn an_atomic_replace_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let mut followed = following(&folder, Some("port = 9001"));
        file::set(&followed.home, &[("port", "9002")], None).unwrap();
        assert_eq!(followed.next().await.config.port, 9002);
        file::set(&followed.home, &[("port", "9003")], None).unwrap();
        assert_eq!(followed.next().await.config.port, 9003);
    }

    #[tokio::test]
    async fn a_bad_edit_keeps_the_last_good_one_and_says_where() {
        let folder = tempfile::tempdir().unwrap();
        let mut followed = following(&folder, Some("port = 9001"));
        fs::write(followed.home.config_file(), "\nport = \"x\"").unwrap();
        let bad = followed.next().await;
        assert_eq!(bad.config.port, 9001);
        assert!(
            bad.error
                .unwrap()
                .to_string()
                .starts_with("config.toml:2:8: port: expected an integer")
        );
        fs::write(followed.home.config_file(), "port = 9001").unwrap();
        assert!(followed.next().await.error.is_none());
    }

    #[tokio::test]
    async fn a_deleted_file_gives_the_defaults_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut followed = following(&folder, Some("port = 9001"));
        fs::remove_file(followed.home.config_file()).unwrap();
        assert_eq!(followed.next().await.config.port, 8045);
    }

    #[tokio::test]
    async fn a_lost_file_opens_no_port_that_asks_for_keys() {
        let guarded = "auth_mode = \"strict\"\n";
        let lose: [fn(&std::path::Path); 4] = [
            |file| fs::remove_file(file).unwrap(),
            |file| fs::write(file, "").unwrap(),
            |file| fs::write(file, "# auth_mode = \"strict\"\n").unwrap(),
            |file| {
                fs::remove_file(file).unwrap();
                fs::create_dir(file).unwrap();
            },
        ];
        for lose in lose {
            let folder = tempfile::tempdir().unwrap();
            let mut followed = following(&folder, Some(guarded));
            let file = followed.home.config_file();
            lose(&file);
            let lost = followed.next().await;
            assert_eq!(lost.config.auth_mode, AuthMode::Strict);
            let error = lost.error.expect("it is told");
            let place = format!("config.toml in `{}`", folder.path().display());
            assert!(error.to_string().starts_with(&place), "{error}");

            let _ = fs::remove_dir(&file);
            fs::write(&file, "auth_mode = \"off\"\n").unwrap();
            assert_eq!(followed.next().await.config.auth_mode, AuthMode::Off);
        }
    }

    #[test]
    fn other_files_and_mere_readers_wake_nobody() {
        let names = vec![OsString::from("config.toml")];
        let event = |kind, name: &str| Event::new(kind).add_path(PathBuf::from("/home").join(name));
        let modify = EventKind::Modify(notify::event::ModifyKind::Any);
        assert!(is_about(&event(modify, "config.toml"), &names));
        assert!(!is_about(&event(modify, "aerostat.db-wal"), &names));
        assert!(!is_about(
            &event(
                EventKind::Access(AccessKind::Open(AccessMode::Any)),
                "config.toml"
            ),
            &names
        ));
    }
}
