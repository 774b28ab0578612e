//! Which icon stands for what there is to show, and its pixels.

use super::view::{Endpoint, View};

/// macOS colours a template itself; Windows shows small icons as they are; Linux' hosts scale down
/// what they get.
macro_rules! picture {
    ($state:literal) => {{
        #[cfg(target_os = "macos")]
        {
            include_bytes!(concat!("../../icons/rendered/template/", $state, "-36.png"))
        }
        #[cfg(windows)]
        {
            include_bytes!(concat!("../../icons/rendered/tray/", $state, "-32.png"))
        }
        #[cfg(not(any(target_os = "macos", windows)))]
        {
            include_bytes!(concat!("../../icons/rendered/tray/", $state, "-64.png"))
        }
    }};
}

/// The states that the icon tells apart, in shape as well as in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    Running,
    Working,
    /// A person is needed.
    Attention,
    Stopped,
    /// Other machines may call.
    Exposed,
}

impl Face {
    /// What needs a person comes first, then what others can reach.
    pub(super) fn of(view: &View) -> Self {
        let has_no_port = matches!(
            view.endpoint,
            Endpoint::PortTaken { .. } | Endpoint::Failed { .. }
        );
        let is_other_than_asked = view.port_refused.is_some()
            || view.config_rejected.is_some()
            || view.lan_refused.is_some();
        if has_no_port || is_other_than_asked || view.attention_count() > 0 {
            return Self::Attention;
        }
        match view.endpoint {
            Endpoint::Running {
                is_exposed: true, ..
            } => Self::Exposed,
            Endpoint::Running { .. } if view.in_flight > 0 => Self::Working,
            Endpoint::Running { .. } => Self::Running,
            _ => Self::Stopped,
        }
    }

    /// The drawing as a PNG file, in the form that the system wants.
    fn file(self) -> &'static [u8] {
        match self {
            Self::Running => picture!("running"),
            Self::Working => picture!("working"),
            Self::Attention => picture!("attention"),
            Self::Stopped => picture!("stopped"),
            Self::Exposed => picture!("exposed"),
        }
    }

    pub(super) fn pixels(self) -> Pixels {
        decode(self.file()).expect("the icons are RGBA pictures, and a test decodes each")
    }
}

/// RGBA, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pixels {
    pub(super) rgba: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
}

fn decode(file: &[u8]) -> Result<Pixels, png::DecodingError> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info()?;
    let mut rgba = vec![0; reader.output_buffer_size().unwrap_or_default()];
    let frame = reader.next_frame(&mut rgba)?;
    rgba.truncate(frame.buffer_size());
    Ok(Pixels {
        rgba,
        width: frame.width,
        height: frame.height,
    })
}

#[cfg(test)]
mod tests {
    use super::super::view::samples::{account, with};
    use super::super::view::{AccountState, Facts};
    use super::*;

    const FACES: [Face; 5] = [
        Face::Running,
        Face::Working,
        Face::Attention,
        Face::Stopped,
        Face::Exposed,
    ];

    fn face(change: impl FnOnce(&mut Facts)) -> Face {
        Face::of(&with(change))
    }

    #[test]
    fn what_needs_a_person_shows_before_everything_else() {
        let needed = AccountState::SignInNeeded { why: String::new() };
        assert_eq!(face(|_| {}), Face::Running);
        assert_eq!(face(|facts| facts.in_flight = 1), Face::Working);
        assert_eq!(
            face(|facts| facts.endpoint = Endpoint::Stopped),
            Face::Stopped
        );
        assert_eq!(
            face(|facts| facts.endpoint = Endpoint::Running {
                port: 1,
                is_exposed: true
            }),
            Face::Exposed
        );
        assert_eq!(
            face(|facts| facts.endpoint = Endpoint::PortTaken { port: 1, by: None }),
            Face::Attention
        );
        assert_eq!(
            face(|facts| {
                facts.in_flight = 1;
                facts.accounts.push(account("home", needed));
            }),
            Face::Attention
        );
    }

    /// Where a picture is opaque, as a string of its pixels.
    fn shape(face: Face) -> Vec<bool> {
        face.pixels()
            .rgba
            .chunks(4)
            .map(|pixel| pixel[3] > 127)
            .collect()
    }

    #[test]
    fn the_states_differ_in_shape() {
        for (index, face) in FACES.iter().enumerate() {
            let pixels = face.pixels();
            assert_eq!(
                pixels.rgba.len(),
                (pixels.width * pixels.height * 4) as usize
            );
            for other in &FACES[..index] {
                let differing = shape(*face)
                    .iter()
                    .zip(shape(*other))
                    .filter(|(a, b)| **a != *b)
                    .count();
                assert!(
                    differing > shape(*face).len() / 40,
                    "{face:?} and {other:?} differ in {differing} pixels only"
                );
            }
        }
    }

    /// Source: WCAG 2.2, relative luminance.
    fn luminance(rgb: &[u8]) -> f64 {
        let linear = |channel: u8| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2])
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn every_colour_stands_out_on_light_and_dark_panels() {
        let contrast = |a: f64, b: f64| (a.max(b) + 0.05) / (a.min(b) + 0.05);
        for face in FACES {
            for pixel in face.pixels().rgba.chunks(4).filter(|pixel| pixel[3] == 255) {
                let own = luminance(pixel);
                assert!(
                    contrast(own, luminance(&[0xf5; 3])) >= 3.0,
                    "{face:?} {pixel:?} on light"
                );
                assert!(
                    contrast(own, luminance(&[0x24; 3])) >= 3.0,
                    "{face:?} {pixel:?} on dark"
                );
            }
        }
    }
}
