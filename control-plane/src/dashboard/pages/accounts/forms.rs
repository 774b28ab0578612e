//! What the forms of accounts have in common: where they lead, and how long a page waits for them.

use std::pin::pin;
use std::time::Duration;

use crate::control::{ControlError, Notes, Verb};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::escaped;
use crate::language::Said;

/// How long a page waits for a verb, such as one that asks for a passphrase in a terminal.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// The path of an account's page.
pub(super) fn path_of(name: &str) -> String {
    format!("accounts/{}", escaped(name))
}

/// Runs a verb. What it says on the way is the error where it takes too long.
pub(super) async fn carried_out<V: Verb>(
    context: &PageContext,
    verb: V,
) -> Result<V::Response, ControlError> {
    let (notes, mut said) = Notes::channel();
    let mut last = None;
    let mut running = pin!(verb.run(&context.service, &notes));
    let mut too_long = pin!(tokio::time::sleep(WAIT_MAX));
    loop {
        tokio::select! {
            result = &mut running => return result,
            Some(note) = said.recv() => last = Some(note.text),
            () = &mut too_long => {
                let why = last.unwrap_or_else(|| Said::quoted(context.text.took_too_long()));
                return Err(ControlError::failed(why));
            }
        }
    }
}
