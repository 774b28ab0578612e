//! Which icon a [`View`] has, and its pixels.

use super::view::View;
use crate::status::PortStatus;

/// macOS colours a template itself; Windows shows small icons as they are; Linux' hosts scale down
/// what they get.
macro_rules! picture {
    ($state:literal) => {{
        #[cfg(target_os = "macos")]
        {
            include_bytes!(concat!(
                "../../../icons/rendered/template/",
                $state,
                "-36.png"
            ))
        }
        #[cfg(windows)]
        {
            include_bytes!(concat!("../../../icons/rendered/tray/", $state, "-32.png"))
        }
        #[cfg(not(any(target_os = "macos", windows)))]
        {
            include_bytes!(concat!("../../../icons/rendered/tray/", $state, "-64.png"))
        }
    }};
}

/// The states of the icon. They differ in shape as well as in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IconState {
    Running,
    Working,
    /// The user is needed.
    Attention,
    /// No account can serve for now; one will by itself.
    CoolingDown,
    Stopped,
    /// Other machines may call.
    Exposed,
    /// Other machines may call, and the user is needed.
    ExposedAttention,
    /// Other machines may call, and no account can serve for now.
    ExposedCoolingDown,
}

impl IconState {
    /// What needs the user comes first, and then that no account can serve. Neither hides what others
    /// can reach.
    pub(super) fn of(view: &View) -> Self {
        let is_exposed = view.overview.status.agent.is_exposed();
        if !view.attention().is_empty() {
            return if is_exposed {
                Self::ExposedAttention
            } else {
                Self::Attention
            };
        }
        let is_cooling = view.cooling_until().is_some();
        match view.port() {
            PortStatus::Running { is_exposed, .. } if is_cooling => {
                if *is_exposed {
                    Self::ExposedCoolingDown
                } else {
                    Self::CoolingDown
                }
            }
            PortStatus::Running {
                is_exposed: true, ..
            } => Self::Exposed,
            PortStatus::Running { .. } if view.overview.in_flight > 0 => Self::Working,
            PortStatus::Running { .. } => Self::Running,
            PortStatus::Starting
            | PortStatus::Draining
            | PortStatus::Stopped
            | PortStatus::Unavailable(_)
            | PortStatus::Ending => Self::Stopped,
        }
    }

    /// The drawing as a PNG file, in the form that the system wants.
    fn file(self) -> &'static [u8] {
        match self {
            Self::Running => picture!("running"),
            Self::Working => picture!("working"),
            Self::Attention => picture!("attention"),
            Self::Stopped => picture!("stopped"),
            Self::CoolingDown => picture!("cooling-down"),
            Self::Exposed => picture!("exposed"),
            Self::ExposedAttention => picture!("exposed-attention"),
            Self::ExposedCoolingDown => picture!("exposed-cooling-down"),
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
    use super::super::view::samples::{
        account, cooling, in_use, open_port, running, signed_out, with, with_port,
    };
    use super::*;
    use crate::status::PortOwner;

    const ICON_STATES: [IconState; 8] = [
        IconState::Running,
        IconState::Working,
        IconState::Attention,
        IconState::Stopped,
        IconState::Exposed,
        IconState::CoolingDown,
        IconState::ExposedAttention,
        IconState::ExposedCoolingDown,
    ];

    #[test]
    fn what_needs_a_person_shows_before_everything_else() {
        let of_port = |port| IconState::of(&with_port(running(), port));
        assert_eq!(IconState::of(&running()), IconState::Running);
        assert_eq!(of_port(PortStatus::Stopped), IconState::Stopped);
        assert_eq!(of_port(open_port(1, true)), IconState::Exposed);
        assert_eq!(
            of_port(PortStatus::Unavailable(in_use(1, PortOwner::Unknown))),
            IconState::Attention
        );
        let busy = with(|overview| overview.in_flight = 1);
        assert_eq!(IconState::of(&busy), IconState::Working);
        let signed_out = with(|overview| {
            overview.in_flight = 1;
            overview.accounts.push(account("home", signed_out()));
        });
        assert_eq!(IconState::of(&signed_out), IconState::Attention);
        let cooling = || with(|overview| overview.accounts[0].status = cooling("", 140));
        assert_eq!(IconState::of(&cooling()), IconState::CoolingDown);
        let exposed = |view| IconState::of(&with_port(view, open_port(1, true)));
        assert_eq!(exposed(signed_out), IconState::ExposedAttention);
        assert_eq!(exposed(cooling()), IconState::ExposedCoolingDown);
        let stopped = with_port(cooling(), PortStatus::Stopped);
        assert_eq!(IconState::of(&stopped), IconState::Stopped);
    }

    /// Where a picture is opaque, as a string of its pixels.
    fn shape(state: IconState) -> Vec<bool> {
        state
            .pixels()
            .rgba
            .chunks(4)
            .map(|pixel| pixel[3] > 127)
            .collect()
    }

    #[test]
    fn the_states_differ_in_shape() {
        for (index, state) in ICON_STATES.iter().enumerate() {
            let pixels = state.pixels();
            assert_eq!(
                pixels.rgba.len(),
                (pixels.width * pixels.height * 4) as usize
            );
            for other in &ICON_STATES[..index] {
                let differing = shape(*state)
                    .iter()
                    .zip(shape(*other))
                    .filter(|(a, b)| **a != *b)
                    .count();
                assert!(
                    differing > shape(*state).len() / 40,
                    "{state:?} and {other:?} differ in {differing} pixels only"
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
        for state in ICON_STATES {
            for pixel in state
                .pixels()
                .rgba
                .chunks(4)
                .filter(|pixel| pixel[3] == 255)
            {
                let own = luminance(pixel);
                assert!(
                    contrast(own, luminance(&[0xf5; 3])) >= 3.0,
                    "{state:?} {pixel:?} on light"
                );
                assert!(
                    contrast(own, luminance(&[0x24; 3])) >= 3.0,
                    "{state:?} {pixel:?} on dark"
                );
            }
        }
    }
}
