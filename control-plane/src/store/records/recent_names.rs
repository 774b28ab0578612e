//! The names that the latest requests carry, for the choices of a filter.

use std::collections::BTreeSet;

use super::names::NameTexts;
use super::reader::{Read, RecordReader};
use super::segments::Which;

/// How many requests are looked at: a `DISTINCT` over all of them would read each.
const REQUESTS_MAX: usize = 5_000;
/// The most names of a kind.
const NAMES_MAX: usize = 100;

/// Names that requests carry, each kind sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecentNames {
    /// Of last attempts, as are providers and models.
    pub accounts: Vec<String>,
    pub providers: Vec<String>,
    /// The upstream's names.
    pub models: Vec<String>,
    pub keys: Vec<String>,
    /// The clients' programs.
    pub agents: Vec<String>,
}

impl RecordReader {
    /// The names that the latest five thousand requests carry, at most a hundred of a kind.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn recent_names(&self) -> Read<RecentNames> {
        let latest = self.last_seq()? - REQUESTS_MAX as i64;
        self.unpack(Which::Between(latest, i64::MAX, usize::MAX))?;
        let found = self.with(|connection| {
            let mut ids: [BTreeSet<i64>; 5] = Default::default();
            let mut select = connection.prepare_cached(&format!(
                "SELECT account, provider, model, key, agent FROM requests INDEXED BY requests_narrow
                ORDER BY seq DESC LIMIT {REQUESTS_MAX}"
            ))?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                for (column, ids) in ids.iter_mut().enumerate() {
                    let id: Option<i64> = row.get(column)?;
                    ids.extend(id.filter(|_| ids.len() < NAMES_MAX));
                }
            }
            let mut names = NameTexts::new(connection);
            let [accounts, providers, models, keys, agents] = ids;
            let mut texts = |ids: BTreeSet<i64>| sorted(&mut names, ids);
            Ok(RecentNames {
                accounts: texts(accounts)?,
                providers: texts(providers)?,
                models: texts(models)?,
                keys: texts(keys)?,
                agents: texts(agents)?,
            })
        })?;
        Ok(found.unwrap_or_default())
    }
}

fn sorted(names: &mut NameTexts<'_>, ids: BTreeSet<i64>) -> rusqlite::Result<Vec<String>> {
    let mut texts = Vec::with_capacity(ids.len());
    for id in ids {
        texts.extend(names.text(Some(id))?);
    }
    texts.sort_unstable();
    Ok(texts)
}
