//! What model names became, kept while the configuration that decided it is active: most requests
//! ask for a name that was asked for before.
//!
//! It resolves nothing itself, and keeps nothing that a provider's model list decided.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderValue;
use parking_lot::Mutex;

use super::resolve::{Candidate, Resolution, Skipped};
use super::response_headers;
use crate::record::{PassedOver, Resolved};

/// How many names are kept. Clients choose names, so beyond that all are dropped.
const NAMES_MAX: usize = 256;

/// A resolution, with what response heads and records say of it.
#[derive(Debug)]
pub(super) struct ResolvedModel {
    pub(super) resolution: Resolution,
    /// The candidates as a response's head names them.
    names: Vec<HeaderValue>,
    pub(super) recorded: Arc<Resolved>,
    pub(super) passed_over: Vec<PassedOver>,
}

impl ResolvedModel {
    pub(super) fn new(resolution: Resolution) -> Arc<Self> {
        let candidates: Vec<String> = resolution
            .candidates
            .iter()
            .map(ToString::to_string)
            .collect();
        let names = candidates
            .iter()
            .map(|name| response_headers::model(name))
            .collect();
        let recorded = Arc::new(Resolved::new(resolution.resolved_by(), candidates));
        let passed_over = resolution.skipped.iter().map(passed_over).collect();
        Arc::new(Self {
            resolution,
            names,
            recorded,
            passed_over,
        })
    }

    /// The candidates, each with its name as a response's head says it.
    pub(super) fn candidates(&self) -> impl Iterator<Item = (&Candidate, &HeaderValue)> {
        self.resolution.candidates.iter().zip(&self.names)
    }
}

/// A candidate that cannot serve, whichever account is asked.
fn passed_over(skipped: &Skipped) -> PassedOver {
    PassedOver {
        candidate: skipped.candidate.to_string(),
        account: None,
        why: skipped.into(),
        said: None,
    }
}

/// The resolutions of one configuration.
#[derive(Debug, Default)]
pub(super) struct ResolutionCache(Mutex<HashMap<String, Arc<ResolvedModel>>>);

impl ResolutionCache {
    /// What `name` became, by `resolve` where that is not cached. What a model list decided is not
    /// cached: lists change.
    pub(super) fn get_or_resolve(
        &self,
        name: &str,
        resolve: impl FnOnce() -> Resolution,
    ) -> Arc<ResolvedModel> {
        if let Some(cached) = self.0.lock().get(name) {
            return cached.clone();
        }
        let resolved = ResolvedModel::new(resolve());
        if resolved.resolution.is_lasting() {
            let mut cache = self.0.lock();
            if cache.len() >= NAMES_MAX {
                cache.clear();
            }
            cache.insert(name.to_owned(), resolved.clone());
        }
        resolved
    }
}

#[cfg(test)]
mod tests {
    use super::super::resolve::Reason;
    use super::*;

    fn resolution(reason: Reason) -> Resolution {
        let candidates = vec![Candidate {
            provider: "lab".into(),
            model: "m".into(),
        }];
        Resolution {
            name: "n".to_owned(),
            candidates,
            skipped: Vec::new(),
            reason,
        }
    }

    #[test]
    fn only_what_no_list_decided_is_kept() {
        let cache = ResolutionCache::default();
        for (reason, asked) in [
            (Reason::Listed, 2),
            (Reason::OnlyProvider, 2),
            (
                Reason::Unknown {
                    nearest: Vec::new(),
                },
                2,
            ),
            (Reason::Addressed, 1),
        ] {
            let mut count = 0;
            for _ in 0..2 {
                cache.get_or_resolve("n", || {
                    count += 1;
                    resolution(reason.clone())
                });
            }
            assert_eq!(count, asked, "{reason:?}");
        }
    }

    #[test]
    fn names_without_end_are_forgotten() {
        let cache = ResolutionCache::default();
        for name in 0..=NAMES_MAX {
            cache.get_or_resolve(&name.to_string(), || resolution(Reason::Addressed));
        }
        assert_eq!(cache.0.lock().len(), 1);
    }
}
