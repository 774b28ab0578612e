//! The clipboard.

/// Keeps what it was given for as long as it lives: on X11 the text lies with the program that
/// copied it.
#[derive(Default)]
pub(super) struct Clipboard {
    /// Opened when it is first needed.
    open: Option<arboard::Clipboard>,
}

impl Clipboard {
    /// # Errors
    /// When this session has no clipboard.
    pub(super) fn copy(&mut self, text: &str) -> Result<(), arboard::Error> {
        let copied = self.opened()?.set_text(text.to_owned());
        if copied.is_err() {
            // The display may have gone and come back.
            self.open = None;
        }
        copied
    }

    fn opened(&mut self) -> Result<&mut arboard::Clipboard, arboard::Error> {
        match &mut self.open {
            Some(open) => Ok(open),
            closed => Ok(closed.insert(arboard::Clipboard::new()?)),
        }
    }
}
