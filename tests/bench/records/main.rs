//! What pages cost with a hundred thousand records: `cargo bench --bench records`.
//!
//! Fills two homes through the writer, the worst case and one person's year, and prints the median
//! of each call that a page makes, first as an agent answers it again and again, then with nothing
//! remembered. `cargo bench --bench records -- worst` measures one of them.

#![allow(clippy::print_stdout, reason = "it prints its table")]

mod filler;
mod rows;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aerostat::control::{
    AgentHandle, Config, ControlService, Credential, DesiredState, Environment, Home, KeySources,
    Live, ModelCard, Provider, ProxyChoice, SocketPath, Store, Upstream,
};
use aerostat::record::Ring;
use aerostat::store::records::{RecordStore, Retention};
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use filler::Shape;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let is_asked = |name: &str| {
        let named: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
        named.is_empty() || named.iter().any(|word| *word == name)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    for (name, shape) in [("worst", Shape::Worst), ("person", Shape::Person)] {
        if is_asked(name) {
            runtime.block_on(measure(name, shape));
        }
    }
    if is_asked("writer") {
        runtime.block_on(rows::writer());
        runtime.block_on(rows::bursts());
    }
}

async fn measure(name: &str, shape: Shape) {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::at(folder.path().to_owned());
    let began = tokio::time::Instant::now();
    let path = home.records_file();
    filler::fill(&path, shape, shape.records(), SystemTime::now()).await;
    let bytes = std::fs::metadata(&path).expect("the file").len();
    println!(
        "{name}: {} records, {:.1} MB, filled in {:.1} s",
        shape.records(),
        bytes as f64 / 1e6,
        began.elapsed().as_secs_f64()
    );
    let (service, records, _inbox) = agent(&home);
    rows::measure(&service).await;
    rows::measure_directly(&alone(&home)).await;
    records.close();
    drop(folder);
}

fn service(home: &Home) -> ControlService {
    let store = Store::open(&home.database_file()).expect("a store");
    let (_, live) = watch::channel(Live {
        config: Arc::new(Config::default()),
        error: None,
        error_line: None,
    });
    let socket = SocketPath::of(home, &|_| None);
    ControlService::new(home.clone(), socket, store, live, Arc::new(World))
}

/// As a command has it: it remembers nothing.
fn alone(home: &Home) -> ControlService {
    let folder: &Path = home.folder();
    service(&Home::at(folder.to_owned()))
}

fn agent(home: &Home) -> (ControlService, Arc<RecordStore>, impl Sized) {
    let ring = Arc::new(Ring::new(512));
    let day = Duration::from_secs(86_400);
    let kept = Retention {
        served: day * 1_000,
        failed: day * 1_000,
        bytes_max: 4 << 30,
        ..Retention::default()
    };
    let records = RecordStore::start(home.records_file(), kept, ring.clone()).expect("a writer");
    let records = Arc::new(records);
    let (agent, inbox) = AgentHandle::new(DesiredState::Running, Duration::from_secs(1));
    let service = service(home).with_agent(agent, ring, records.clone());
    (service, records, inbox)
}

/// Nothing is called.
struct World;

impl Environment for World {
    fn list_models<'a>(
        &'a self,
        _: &'a Config,
        _: &'a Provider,
        _: &'a Credential,
        _: &'a ProxyChoice,
    ) -> BoxFuture<'a, Result<Vec<ModelCard>, aerostat::canon::Fault>> {
        unreachable!("no page asks a provider")
    }

    fn upstream(&self, _: &Config) -> Arc<dyn Upstream> {
        unreachable!("no page calls a provider")
    }

    fn vault_keys(&self) -> KeySources {
        KeySources::none()
    }
}
