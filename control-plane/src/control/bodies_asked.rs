//! What a person asked for of bodies, kept over a restart: in the store, and never in
//! `config.toml`.

use crate::record::bodies::{AskedFor, BodySwitch};
use crate::store::Store;

/// Where it lies in the store. Stored, so it stays as it is.
const KIND: &str = "bodies";
const KEY: &str = "asked";

/// Restores what was asked for before, and saves what is from now on.
pub(super) fn follow(switch: &BodySwitch, store: &Store) {
    if let Some(asked) = saved(store) {
        switch.restore(asked);
    }
    let store = store.clone();
    switch.on_change(move |asked| save(&store, asked));
}

/// What was asked for when the store was opened. What this program cannot read counts as nothing.
pub(super) fn saved(store: &Store) -> Option<AskedFor> {
    let saved = store.pool_state(KIND).into_iter();
    let (_, json) = saved.into_iter().find(|(key, _)| key == KEY)?;
    serde_json::from_str(&json).ok()
}

/// Never blocks.
pub(super) fn save(store: &Store, asked: Option<AskedFor>) {
    let json = asked.and_then(|asked| serde_json::to_string(&asked).ok());
    store.save_pool_state(KIND, KEY.to_owned(), json);
}
