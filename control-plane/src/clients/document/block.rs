//! One marked block in a text file that has no keys of its own: a shell's profile, a `.env`.
//!
//! ```text
//! # >>> aerostat >>>
//! export OPENAI_BASE_URL='http://127.0.0.1:8045/v1'
//! # <<< aerostat <<<
//! ```
//!
//! It stands at the end, where it wins over what is set above it. The file need not be UTF-8. Where
//! several blocks share a file, the marks have a name: `# >>> aerostat openai >>>`.

use std::ops::Range;

/// The marks of a block; `name` is empty for the one of a file that has no other.
fn marks(name: &str) -> (String, String) {
    let space = if name.is_empty() { "" } else { " " };
    (
        format!("# >>> aerostat{space}{name} >>>"),
        format!("# <<< aerostat{space}{name} <<<"),
    )
}

/// The lines of the block, separated by `\n`; `None` when there is none with both marks.
pub fn read(file: &[u8], name: &str) -> Option<String> {
    let block = find(file, name)?;
    let lines = String::from_utf8_lossy(&file[block.inner]);
    let lines: Vec<_> = lines.lines().collect();
    Some(lines.join("\n"))
}

/// The file with a block of these lines, separated by `\n`, where a block is, or at its end. It has
/// a last line end afterwards if it had one before, or was empty.
pub fn set(file: &[u8], name: &str, lines: &str) -> Vec<u8> {
    let (begin, end) = marks(name);
    let line_end = line_end(file);
    let lines = lines.lines().map(|line| format!("{line}{line_end}"));
    let lines: String = lines.collect();
    if let Some(Block { inner, .. }) = find(file, name) {
        return [&file[..inner.start], lines.as_bytes(), &file[inner.end..]].concat();
    }
    let block = format!("{begin}{line_end}{lines}{end}");
    let block = if file.is_empty() || file.ends_with(b"\n") {
        format!("{block}{line_end}")
    } else {
        format!("{line_end}{block}")
    };
    [file, block.as_bytes()].concat()
}

/// The file without the block, as it was before [`set`].
pub fn remove(file: &[u8], name: &str) -> Vec<u8> {
    let Some(Block { mut whole, .. }) = find(file, name) else {
        return file.to_vec();
    };
    let last_line_is_open = whole.end == file.len() && !file.ends_with(b"\n");
    if last_line_is_open {
        let before = &file[..whole.start];
        let before = before.strip_suffix(b"\n").unwrap_or(before);
        whole.start = before.strip_suffix(b"\r").unwrap_or(before).len();
    }
    [&file[..whole.start], &file[whole.end..]].concat()
}

/// Whether nothing but blocks is in a file.
pub fn is_all_of_blocks(file: &[u8]) -> bool {
    let mut is_inside = false;
    let mut has_block = false;
    for line in file.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.starts_with(b"# >>> aerostat") && line.ends_with(b">>>") {
            (is_inside, has_block) = (true, true);
        } else if line.starts_with(b"# <<< aerostat") && line.ends_with(b"<<<") {
            is_inside = false;
        } else if !is_inside && !line.is_empty() {
            return false;
        }
    }
    has_block
}

struct Block {
    /// With the marks and the end of the last line.
    whole: Range<usize>,
    /// The lines between the marks.
    inner: Range<usize>,
}

/// The first end mark with the nearest beginning before it: after a mark that lost its other half,
/// what stands between is the person's.
fn find(file: &[u8], name: &str) -> Option<Block> {
    let (begin_mark, end_mark) = marks(name);
    let (mut at, mut begin) = (0, None);
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        let range = at..at + line.len();
        at = range.end;
        let mark = line.trim_ascii();
        if mark == begin_mark.as_bytes() {
            begin = Some(range);
        } else if mark == end_mark.as_bytes()
            && let Some(begin) = &begin
        {
            return Some(Block {
                whole: begin.start..range.end,
                inner: begin.end..range.start,
            });
        }
    }
    None
}

fn line_end(file: &[u8]) -> &'static str {
    let mut lines = file.split_inclusive(|byte| *byte == b'\n');
    match lines.next() {
        Some(first) if first.ends_with(b"\r\n") => "\r\n",
        _ => "\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_added_and_removed_to_the_byte() {
        for (before, after) in [
            (
                &b""[..],
                &b"# >>> aerostat >>>\nA=1\nB=2\n# <<< aerostat <<<\n"[..],
            ),
            (
                b"x\n",
                b"x\n# >>> aerostat >>>\nA=1\nB=2\n# <<< aerostat <<<\n",
            ),
            (b"x", b"x\n# >>> aerostat >>>\nA=1\nB=2\n# <<< aerostat <<<"),
            (
                b"\xe4\r\ny",
                b"\xe4\r\ny\r\n# >>> aerostat >>>\r\nA=1\r\nB=2\r\n# <<< aerostat <<<",
            ),
        ] {
            let set = set(before, "", "A=1\nB=2");
            assert_eq!(set, after);
            assert_eq!(read(&set, "").unwrap(), "A=1\nB=2");
            assert_eq!(remove(&set, ""), before);
        }
    }

    #[test]
    fn a_block_is_replaced_where_it_stands() {
        let file = set(b"above\n", "", "A=1");
        let file = [&file, &b"below"[..]].concat();
        let file = set(&file, "", "B=2\n\nC=3\n");
        assert_eq!(read(&file, "").unwrap(), "B=2\n\nC=3");
        assert_eq!(set(&file, "", "B=2\n\nC=3"), file);
        assert_eq!(remove(&file, ""), b"above\nbelow");
    }

    #[test]
    fn what_follows_half_a_block_is_not_ours() {
        let torn = b"# >>> aerostat >>>\nA=1\nmine\n";
        assert_eq!(read(torn, ""), None);
        assert_eq!(remove(torn, ""), torn);
        let both = set(torn, "", "B=2");
        assert_eq!(read(&both, "").unwrap(), "B=2");
        assert_eq!(remove(&both, ""), torn);
        assert_eq!(read(b"# <<< aerostat <<<\n# >>> aerostat >>>\n", ""), None);
    }

    #[test]
    fn blocks_of_several_names_come_and_go_in_any_order() {
        for before in [&b""[..], b"x\n", b"x", b"x\r\ny"] {
            let both = set(&set(before, "a", "A=1"), "b", "B=2");
            assert_eq!(read(&both, "a").unwrap(), "A=1");
            assert_eq!(read(&both, "b").unwrap(), "B=2");
            assert_eq!(read(&both, ""), None);
            assert_eq!(is_all_of_blocks(&both), before.is_empty());
            assert!(!is_all_of_blocks(before));
            for [first, second] in [["a", "b"], ["b", "a"]] {
                let one = remove(&both, first);
                assert_eq!(read(&one, first), None);
                assert_eq!(remove(&one, second), before, "{first}");
            }
        }
    }
}
