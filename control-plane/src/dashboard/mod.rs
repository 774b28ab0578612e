//! The dashboard: pages in the user's browser over the same verbs as the command line, on its own
//! loopback listener.
//!
//! A browser gets a session only by a one-time link that the agent gave to this user; a page of
//! another site gets nothing. Nothing here decides anything; the sessions, and the figures that were
//! shown last, are its only state.

mod config_change;
mod context;
mod form;
mod guard;
mod handler;
mod last_figures;
mod layout;
mod live;
mod pages;
mod plot;
mod request_parts;
mod response;
mod sentences;
mod sessions;
mod snippets;
mod texts;
mod verdict;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use http::{Request, Response, request};
use hyper::body::Incoming;
use parking_lot::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;

use crate::control::refusal::Refusal;
use crate::control::{
    ControlError, ControlService, DashboardLink, Home, LinkIssuer, Secret, WireSecret,
};
use crate::host::private_file;
use crate::language::Language;
use crate::listener::listen::{BindError, BindScope, Listeners, bind};
use crate::listener::{Handler, ListenerLimits, ResponseBody, serve};
use form::escaped;
use last_figures::LastFigures;
use live::LiveHub;
use sessions::Sessions;
use texts::Texts;

/// Forms are short, and there is one user.
fn limits() -> ListenerLimits {
    ListenerLimits {
        request_body_bytes_max: 64 << 10,
        bodies_bytes_max: 2 << 20,
        header_bytes_max: 64 << 10,
        headers_max: 80,
        header_timeout: Duration::from_secs(5),
        body_idle_timeout: Duration::from_secs(30),
        unread_timeout: Duration::from_secs(60),
        connections_max: 256,
        requests_in_flight_max: 32,
        keep_alive_timeout: Duration::from_secs(60),
        evict_unauthenticated: true,
        serves_other_users: false,
    }
}

/// The dashboard of one agent.
pub struct Dashboard {
    service: Arc<ControlService>,
    port: u16,
    sessions: Arc<Mutex<Sessions>>,
    live: Arc<LiveHub>,
    tray_note: TrayNote,
    last_figures: Arc<LastFigures>,
}

/// Says why the tray icon is not shown. `None` where it is. May take some milliseconds.
pub type TrayNote = fn(Language) -> Option<&'static str>;

/// The dashboard's open port.
pub struct DashboardListener(Listeners);

impl Dashboard {
    /// Opens a free port of this machine.
    ///
    /// # Errors
    /// When none can be had.
    pub fn open(
        service: Arc<ControlService>,
        tray_note: TrayNote,
    ) -> Result<(Arc<Self>, DashboardListener), BindError> {
        let listeners = bind(0, BindScope::Loopback)?;
        let dashboard = Self {
            service,
            port: listeners.port(),
            sessions: Arc::new(Mutex::new(Sessions::new())),
            live: LiveHub::new(),
            tray_note,
            last_figures: Arc::default(),
        };
        dashboard.remove_link_files(|_| true);
        Ok((Arc::new(dashboard), DashboardListener(listeners)))
    }

    /// Answers until the future is dropped.
    ///
    /// Boxed, so that the pages are compiled in this crate, which is built for size: an `async fn`
    /// is compiled where its future is polled first.
    pub fn serve(self: Arc<Self>, listener: DashboardListener) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            serve(listener.0, self, limits(), CancellationToken::new()).await;
        })
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock()
    }

    /// The origin of all pages.
    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn home(&self) -> &Home {
        self.service.home()
    }

    /// Removes the files of links that have ended.
    fn remove_link_files(&self, is_over: impl Fn(&Path) -> bool) {
        let Ok(entries) = fs::read_dir(self.home().folder()) else {
            return;
        };
        let files = entries
            .flatten()
            .filter(|entry| is_link_file(&entry.file_name().to_string_lossy()));
        for file in files.map(|entry| entry.path()).filter(|file| is_over(file)) {
            // A file that cannot be removed does no harm: its link has ended.
            let _ = fs::remove_file(file);
        }
    }

    /// Each link has its own file, so that a slow browser and a second click do not disturb each
    /// other.
    fn write_file(&self, url: &str) -> io::Result<PathBuf> {
        self.remove_link_files(has_ended);
        let file = self
            .home()
            .folder()
            .join(format!("{LINK_FILE}{}.html", sessions::random::<8>()));
        let page = layout::redirect_to(url).into_string();
        io::Write::write_all(&mut private_file::create_new(&file)?, page.as_bytes())?;
        Ok(file)
    }
}

const LINK_FILE: &str = "dashboard-";
/// A page that leads to an address is shorter.
const LINK_FILE_BYTES_MAX: u64 = 64 << 10;

/// Whether a file is as old as its link can get.
fn has_ended(file: &Path) -> bool {
    let written_at = fs::metadata(file).and_then(|about| about.modified());
    written_at.is_ok_and(|at| {
        SystemTime::now()
            .duration_since(at)
            .is_ok_and(|age| age >= sessions::LINK_LASTS)
    })
}

/// Whether a file leads to the link with that token.
fn leads_to(file: &Path, token: &str) -> bool {
    private_file::read(file, LINK_FILE_BYTES_MAX)
        .is_ok_and(|text| memchr::memmem::find(&text, token.as_bytes()).is_some())
}

fn is_link_file(name: &str) -> bool {
    name.strip_prefix(LINK_FILE)
        .is_some_and(|rest| rest.ends_with(".html"))
}

impl LinkIssuer for Dashboard {
    fn link(&self, page: Option<&str>) -> Result<DashboardLink, ControlError> {
        let url = {
            let mut sessions = self.sessions();
            let token = sessions.issue_link(SystemTime::now());
            let (origin, segment) = (self.origin(), sessions.segment());
            match page {
                Some(page) => format!(
                    "{origin}/{segment}/enter?link={token}&page={}",
                    escaped(page)
                ),
                None => format!("{origin}/{segment}/enter?link={token}"),
            }
        };
        let file = self.write_file(&url);
        let file = file.map_err(|error| {
            ControlError::failed(Refusal::LinkFileNotWritten {
                error: error.to_string(),
            })
        })?;
        Ok(DashboardLink {
            file,
            url: WireSecret(Secret::new(url)),
        })
    }

    fn close(&self) {
        self.remove_link_files(|_| true);
    }
}

impl Handler for Dashboard {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        handler::answer(self, request).await
    }

    fn refuse(&self, _: &request::Parts, fault: &crate::control::Fault) -> Response<ResponseBody> {
        handler::refusal(fault, Texts(Language::English))
    }
}
