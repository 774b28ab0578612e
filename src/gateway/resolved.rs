//! What names of models became, kept as long as the setup serves that decided it: most requests ask
//! for what others asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;

use super::headers;
use super::resolve::{Candidate, Resolution, Skipped};
use crate::record::{PassedOver, Resolved};

/// For how many names the answer is kept. Clients choose names, so beyond that all are forgotten.
const NAMES_MAX: usize = 256;

/// A resolution, and what records say of it.
#[derive(Debug)]
pub(super) struct ResolvedModel {
    pub(super) resolution: Resolution,
    /// The candidates as an answer's head names them.
    names: Vec<HeaderValue>,
    pub(super) told: Arc<Resolved>,
    pub(super) skipped: Vec<PassedOver>,
}

impl ResolvedModel {
    pub(super) fn of(resolution: Resolution) -> Arc<Self> {
        let candidates: Vec<String> = resolution
            .candidates
            .iter()
            .map(ToString::to_string)
            .collect();
        let names = candidates.iter().map(|name| headers::model(name)).collect();
        let told = Arc::new(Resolved::new(resolution.to_string(), candidates));
        let skipped = resolution.skipped.iter().map(skipped).collect();
        Arc::new(Self {
            resolution,
            names,
            told,
            skipped,
        })
    }

    /// The candidates, each with its name as an answer's head says it.
    pub(super) fn candidates(&self) -> impl Iterator<Item = (&Candidate, &HeaderValue)> {
        self.resolution.candidates.iter().zip(&self.names)
    }
}

/// A candidate that cannot serve, whichever account is asked.
fn skipped(skipped: &Skipped) -> PassedOver {
    PassedOver {
        candidate: skipped.candidate.to_string(),
        account: None,
        why: skipped.to_string(),
    }
}

/// The resolutions of one setup.
#[derive(Debug, Default)]
pub(super) struct Resolutions(Mutex<HashMap<String, Arc<ResolvedModel>>>);

impl Resolutions {
    /// What `name` became, by `resolve` where that is not known. What lists of models decided is
    /// asked again each time: they change.
    pub(super) fn of(
        &self,
        name: &str,
        resolve: impl FnOnce() -> Resolution,
    ) -> Arc<ResolvedModel> {
        if let Some(known) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
        {
            return known.clone();
        }
        let known = ResolvedModel::of(resolve());
        if known.resolution.is_lasting() {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if all.len() >= NAMES_MAX {
                all.clear();
            }
            all.insert(name.to_owned(), known.clone());
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::super::resolve::Why;
    use super::*;

    fn resolution(why: Why) -> Resolution {
        let candidates = vec![Candidate {
            provider: "lab".into(),
            model: "m".into(),
        }];
        Resolution {
            name: "n".to_owned(),
            candidates,
            skipped: Vec::new(),
            why,
        }
    }

    #[test]
    fn only_what_no_list_decided_is_kept() {
        let resolutions = Resolutions::default();
        for (why, asked) in [
            (Why::Listed, 2),
            (Why::OnlyProvider, 2),
            (
                Why::Unknown {
                    nearest: Vec::new(),
                },
                2,
            ),
            (Why::Addressed, 1),
        ] {
            let mut count = 0;
            for _ in 0..2 {
                resolutions.of("n", || {
                    count += 1;
                    resolution(why.clone())
                });
            }
            assert_eq!(count, asked, "{why:?}");
        }
    }

    #[test]
    fn names_without_end_are_forgotten() {
        let resolutions = Resolutions::default();
        for name in 0..=NAMES_MAX {
            resolutions.of(&name.to_string(), || resolution(Why::Addressed));
        }
        assert_eq!(resolutions.0.lock().unwrap().len(), 1);
    }
}
