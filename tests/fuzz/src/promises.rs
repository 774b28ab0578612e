//! What `canon::Event` promises of every sequence of events.

use std::collections::HashMap;

use aerostat::canon::{Event, PartIndex};

/// One choice of an answer while its events are read.
#[derive(Default)]
struct Lane {
    open: Option<PartIndex>,
    /// The part that begins next.
    next: u32,
    is_finished: bool,
}

/// Panics where the events break a promise.
pub fn check_promises(events: &[Event]) {
    let mut lanes: HashMap<u32, Lane> = HashMap::new();
    let mut is_started = false;
    for (index, event) in events.iter().enumerate() {
        let may_precede_start = matches!(event, Event::Start(_) | Event::Ping | Event::Failed(_));
        assert!(
            is_started || may_precede_start,
            "{event:?} comes before the start"
        );
        match event {
            Event::Start(_) => assert!(!std::mem::replace(&mut is_started, true), "a second start"),
            Event::Failed(_) => assert_eq!(index + 1, events.len(), "something after the failure"),
            Event::PartStart { at, .. } => lanes.entry(at.choice).or_default().begin(*at),
            Event::PartEnd { at } => lanes.entry(at.choice).or_default().end(*at),
            Event::Delta { at, .. }
            | Event::Paragraph { at }
            | Event::Signature { at, .. }
            | Event::Cite { at, .. }
            | Event::Logprobs { at, .. } => lanes.entry(at.choice).or_default().within(*at, event),
            Event::Finish { choice, .. } => lanes.entry(*choice).or_default().finish(),
            Event::Usage(_) | Event::Ping => {}
        }
    }
    let has_failed = matches!(events.last(), Some(Event::Failed(_)));
    assert!(
        has_failed
            || lanes
                .values()
                .all(|lane| lane.is_finished && lane.open.is_none()),
        "an end with something open"
    );
}

impl Lane {
    fn begin(&mut self, at: PartIndex) {
        assert_eq!(self.open.replace(at), None, "parts overlap");
        assert_eq!(at.part, self.next, "parts do not rise by one");
        assert!(!self.is_finished, "a part after the finish");
        self.next += 1;
    }

    fn within(&self, at: PartIndex, event: &Event) {
        assert_eq!(self.open, Some(at), "{event:?} outside of its part");
    }

    fn end(&mut self, at: PartIndex) {
        assert_eq!(
            self.open.take(),
            Some(at),
            "the end of a part that is not open"
        );
    }

    fn finish(&mut self) {
        assert_eq!(self.open, None, "a finish within a part");
        assert!(
            !std::mem::replace(&mut self.is_finished, true),
            "a second finish"
        );
    }
}
