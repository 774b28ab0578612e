//! Images in answers. No official field holds them; `images` is what OpenRouter's clients read.
//!
//! `{"images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,…"}}]}`

use crate::canon::{Choice, MediaKind, PartHead};
use crate::json::{Array, EscapedStr};
use crate::protocol::openai::media::write_data_url;

/// The images of a choice, and whether it has other media, which no field can hold.
pub(super) fn of_choice(choice: &Choice) -> (Vec<(&EscapedStr, EscapedStr)>, bool) {
    let mut images = Vec::new();
    let mut has_other_media = false;
    for part in &choice.parts {
        match &part.head {
            PartHead::Media { mime } if is_image(mime) => images.push((mime, part.text())),
            PartHead::Media { .. } => has_other_media = true,
            _ => {}
        }
    }
    (images, has_other_media)
}

pub(super) fn is_image(mime: &EscapedStr) -> bool {
    MediaKind::of_mime(&mime.to_plain()) == Some(MediaKind::Image)
}

pub(super) fn write(mime: &EscapedStr, data: &EscapedStr, array: &mut Array<'_>) {
    array.object(|object| {
        object.str("type", "image_url");
        object.object("image_url", |object| {
            write_data_url(object.key("url"), mime, data)
        });
    });
}
