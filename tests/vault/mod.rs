//! The vault under what only processes can show: kills at any moment, a real keyring, and what lies
//! on the disk afterwards.

mod child;
#[cfg(target_os = "linux")]
mod keyring;
mod kills;
#[cfg(target_os = "linux")]
mod rig;
#[cfg(target_os = "linux")]
mod terminal;

use std::path::Path;

use memchr::memmem;

/// Fails where any file below `folder` holds a secret of these tests, in one of the forms in which
/// it might have been written.
fn assert_no_secret_below(folder: &Path) {
    let mut searched = 0;
    for_each_file(folder, &mut |path, bytes| {
        searched += 1;
        for form in forms(child::SECRET_MARK) {
            assert!(
                memmem::find(bytes, form.as_bytes()).is_none(),
                "{} holds a secret as `{form}`",
                path.display()
            );
        }
    });
    assert!(searched > 0, "something was searched");
}

/// The text itself, in hexadecimal, and in base64 at each of its three offsets.
fn forms(text: &str) -> Vec<String> {
    use base64::Engine as _;
    let hex = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = (0..3).map(|offset| {
        let encoded = base64::engine::general_purpose::STANDARD_NO_PAD
            .encode(format!("{}{text}", &"   "[..offset]));
        // Characters at the edges carry bits of what stands beside the text.
        let start = [0, 2, 3][offset];
        encoded[start..encoded.len() - 1].to_owned()
    });
    [text.to_owned(), hex].into_iter().chain(base64).collect()
}

fn for_each_file(folder: &Path, look: &mut dyn FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
        match () {
            () if kind.is_dir() => for_each_file(&path, look),
            () if kind.is_file() => look(&path, &std::fs::read(&path).unwrap()),
            () => {}
        }
    }
}

#[test]
fn the_search_finds_every_form_that_it_looks_for() {
    let folder = tempfile::tempdir().unwrap();
    for form in forms(child::SECRET_MARK) {
        std::fs::create_dir_all(folder.path().join("deep")).unwrap();
        std::fs::write(
            folder.path().join("deep/file"),
            format!("before {form} after"),
        )
        .unwrap();
        let searched = std::panic::catch_unwind(|| assert_no_secret_below(folder.path()));
        assert!(searched.is_err(), "{form}");
    }
}
