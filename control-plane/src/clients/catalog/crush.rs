//! Crush.
//!
//! `crushrc` is a script for bash; a command that fails in it is an error. Both files are read, with
//! a warning at every start. Source: Crush's `docs/config` of 2026.

use crate::clients::client::{BLANK, Client, Content, FileRule, Setup, Text, Warning};
use crate::clients::places::{Folder, Place, Surroundings};
use crate::clients::target::Target;

const CRUSHRC: Place = place("crushrc");

pub(super) static CRUSH: Client = Client {
    name: "crush",
    title: "Crush",
    programs: &["crush"],
    setup: Setup::Files(&[FileRule {
        place: CRUSHRC,
        content: Content::Block(block),
        base_url: &[],
    }]),
    warnings: &[Warning {
        when: has_old_file_alone,
        text: Text::new(
            "Crush warns at every start that both `crush.json` and `crushrc` are there; both count.",
            "Crush meldet bei jedem Start, dass es `crush.json` und `crushrc` gibt; beide gelten.",
        ),
    }],
    afterwards: Text::new(
        "Restart Crush, and choose a model of Aerostat.",
        "Starten Sie Crush neu und wählen Sie ein Modell von Aerostat.",
    ),
    ..BLANK
};

const fn place(name: &'static str) -> Place {
    Place::new(Folder::XdgConfig("crush"), name).unless(&[("CRUSH_GLOBAL_CONFIG", "")])
}

fn has_old_file_alone(at: &Surroundings) -> bool {
    let is_there = |place: Place| place.file(at).is_some_and(|file| file.exists());
    is_there(place("crush.json")) && !is_there(CRUSHRC)
}

fn block(to: &Target) -> String {
    format!(
        "provider add aerostat --type openai-compat --base-url \"{}\" --api-key \"$({})\" --discover-models true",
        to.url("/v1"),
        to.key_line(),
    )
}
