//! From where a value stands to the path that a person reads.

use super::{Document, Kind, Spot, Value};

/// The path of the innermost value that holds `spot`: `messages[3].content[0].source`; empty for the whole document.
///
/// Malformed documents have no paths: it is empty there too, and [`super::Invalid`] tells the byte.
pub fn path_at(source: &[u8], spot: Spot) -> String {
    let mut paths = paths_at(source, &[spot]);
    paths.pop().unwrap_or_default()
}

/// The same for several spots, in one scan, in the order asked.
pub fn paths_at(source: &[u8], spots: &[Spot]) -> Vec<String> {
    let Ok(document) = Document::parse(bytes::Bytes::copy_from_slice(source)) else {
        return vec![String::new(); spots.len()];
    };
    spots.iter().map(|&spot| find(document.root(), spot)).collect()
}

fn find(root: Value<'_>, spot: Spot) -> String {
    let mut path = String::new();
    let mut value = root;
    while value.spot().0 != spot.0 {
        let Some(inner) = step(value, spot, &mut path) else { break };
        value = inner;
    }
    path
}

/// One level down, to the child that holds the spot.
fn step<'d>(value: Value<'d>, spot: Spot, path: &mut String) -> Option<Value<'d>> {
    match value.kind() {
        Kind::Object => {
            let (key, inner) = value.members().ok()?.find(|(_, inner)| holds(*inner, spot))?;
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&key);
            Some(inner)
        }
        Kind::Array => {
            let (index, inner) = value.items().ok()?.enumerate().find(|(_, inner)| holds(*inner, spot))?;
            path.push_str(&format!("[{index}]"));
            Some(inner)
        }
        _ => None,
    }
}

fn holds(value: Value<'_>, spot: Spot) -> bool {
    let start = value.spot().0 as usize;
    (start..start + value.as_written().len()).contains(&(spot.0 as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_has_a_path() {
        let json = br#"{"a":[{"b":1},{"c":{"d":"x"}}],"e":2}"#;
        let at = |needle: &str| Spot(u32::try_from(memchr::memmem::find(json, needle.as_bytes()).unwrap()).unwrap());
        assert_eq!(path_at(json, at("\"x\"")), "a[1].c.d");
        assert_eq!(path_at(json, at("2}")), "e");
        assert_eq!(path_at(json, Spot(0)), "");
        assert_eq!(path_at(b"{\"a\":[1,]}", Spot(8)), "");
    }
}
