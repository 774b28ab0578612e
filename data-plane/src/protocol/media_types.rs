//! What a file is, where only its address or its name tells: by the ending.
//!
//! Nothing is fetched, and an ending that is not here tells nothing.

use std::borrow::Cow;

use crate::canon::{Media, MediaKind, MediaSource};

/// By the ending in lower case. Source: IANA, "Media Types".
#[rustfmt::skip]
const ENDINGS: [(&[&str], &str); 30] = [
    (&["jpg", "jpeg"],          "image/jpeg"),
    (&["png"],                  "image/png"),
    (&["webp"],                 "image/webp"),
    (&["gif"],                  "image/gif"),
    (&["bmp"],                  "image/bmp"),
    (&["heic"],                 "image/heic"),
    (&["heif"],                 "image/heif"),
    (&["avif"],                 "image/avif"),
    (&["tif", "tiff"],          "image/tiff"),
    (&["svg"],                  "image/svg+xml"),
    (&["pdf"],                  "application/pdf"),
    (&["json"],                 "application/json"),
    (&["txt", "text", "md"],    "text/plain"),
    (&["html", "htm"],          "text/html"),
    (&["css"],                  "text/css"),
    (&["csv"],                  "text/csv"),
    (&["xml"],                  "text/xml"),
    (&["rtf"],                  "text/rtf"),
    (&["js", "mjs"],            "text/javascript"),
    (&["mp4"],                  "video/mp4"),
    (&["mpeg", "mpg"],          "video/mpeg"),
    (&["mov"],                  "video/quicktime"),
    (&["webm"],                 "video/webm"),
    (&["avi"],                  "video/avi"),
    (&["wmv"],                  "video/wmv"),
    (&["3gp"],                  "video/3gpp"),
    (&["mp3"],                  "audio/mpeg"),
    (&["wav"],                  "audio/wav"),
    (&["flac"],                 "audio/flac"),
    (&["ogg"],                  "audio/ogg"),
];

/// The MIME type of media: the one that was told, else the one that its address or name ends in, else
/// that of its kind. `None` where nothing tells it.
pub(super) fn of(media: &Media) -> Option<Cow<'_, str>> {
    let (address, told) = match &media.source {
        MediaSource::Inline { mime, .. } => (None, Some(mime)),
        MediaSource::Url { url, mime } => (Some(url), mime.as_ref()),
        MediaSource::Plain(_) | MediaSource::File { .. } => (None, None),
    };
    if let Some(told) = told {
        return Some(told.to_plain());
    }
    let by_address = address.and_then(|url| of_address(&url.to_plain()));
    let by_name = || of_name(&media.name.as_ref()?.value.to_plain());
    let by_kind = || (media.kind == MediaKind::Pdf).then_some("application/pdf");
    by_address.or_else(by_name).or_else(by_kind).map(Cow::from)
}

/// By the ending of an address's path.
pub(super) fn of_address(url: &str) -> Option<&'static str> {
    let (_, rest) = url.split_once("://")?;
    let (_, path) = rest.split_once('/')?;
    let path = path.split(['?', '#']).next()?;
    of_name(path.rsplit('/').next()?)
}

/// By the ending of a file's name.
pub(super) fn of_name(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    let ending = ending.to_ascii_lowercase();
    let row = ENDINGS
        .iter()
        .find(|(endings, _)| endings.contains(&&*ending))?;
    Some(row.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_address_tells_the_type() {
        for (url, mime) in [
            ("https://x.test/cat.JPG", Some("image/jpeg")),
            (
                "https://x.test/a.b/report.pdf?sig=a.png#page.gif",
                Some("application/pdf"),
            ),
            ("https://x.png", None),
            ("https://x.test/", None),
            ("https://x.test/cat", None),
            ("https://x.test/cat.tar.xz", None),
            ("https://x.test/page?file=cat.png", None),
        ] {
            assert_eq!(of_address(url), mime, "{url}");
        }
    }
}
