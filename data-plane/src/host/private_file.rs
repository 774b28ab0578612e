//! Files that only their owner may read, and replacing a file as a whole.
//!
//! On Unix a new file has mode 0600 and a new folder 0700 from the start, so there is no moment at
//! which others could open them. Windows has no such modes: the folders of a person inherit an
//! access list that admits only that person.
//!
//! A replacement is written to a draft in the same folder and renamed over its target, so that
//! readers see the old bytes or the new ones:
//!
//! ```text
//! create draft (0600) -> write -> fsync draft -> rename over target -> fsync folder
//! ```
//!
//! A file is opened at once or not at all: a named pipe without a writer would block the thread,
//! and a symbolic link may have been planted to lead elsewhere. What is no regular file is refused.
//!
//! Nothing here knows what a file holds.

#[cfg(unix)]
use std::fs::Permissions;
use std::fs::{self, DirBuilder, File, FileType, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Creates a folder and its missing parents with mode 0700. Folders that exist stay as they are.
///
/// # Errors
/// When one cannot be created.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Closes a folder to others, also where it existed before. A folder that is missing is fine.
///
/// # Errors
/// `PermissionDenied` when another user owns it or could write to it: what lies there may have been
/// planted. The text holds the command that mends it.
#[cfg(unix)]
pub fn secure_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let found = match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let shown = folder.display();
    if !found.is_dir() {
        let why = format!("`{shown}` is {}, not a folder", kind_of(found.file_type()));
        return Err(io::Error::new(io::ErrorKind::NotADirectory, why));
    }
    let own = own_user();
    if found.uid() != own && found.uid() != ROOT {
        let why = format!(
            "`{shown}` belongs to another user ({}), who could read and change what lies there: run aerostat as that user, or `chown -R {own} '{shown}'` after a look at what is in it",
            found.uid()
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    if found.mode() & 0o022 != 0 {
        let why = format!(
            "others can write to `{shown}` (mode {:03o}): run `chmod 700 '{shown}'` after a look at what is in it",
            found.mode() & 0o777
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    if found.mode() & 0o077 != 0 && found.uid() == own {
        // Best effort, for a read-only disk: the files in it are closed each by itself.
        let _ = fs::set_permissions(folder, Permissions::from_mode(0o700));
    }
    Ok(())
}

/// Access lists are inherited from the person's folder.
#[cfg(not(unix))]
pub fn secure_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether this process may make files in a folder.
#[cfg(unix)]
pub fn is_writable_folder(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
}

/// The user whose files are the machine's own.
#[cfg(unix)]
pub const ROOT: u32 = 0;

/// The user that this process acts as.
#[cfg(unix)]
pub fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Creates a file for writing.
///
/// # Errors
/// `AlreadyExists` when there is anything by that name, a dangling symbolic link too.
pub fn create_new(path: &Path) -> io::Result<File> {
    options().write(true).create_new(true).open(path)
}

/// Opens a file for reading and writing, and creates it empty where it is missing.
///
/// # Errors
/// When it cannot be opened or created, is a symbolic link, or no regular file.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    let mut options = options();
    options.read(true).write(true).create(true).truncate(false);
    open_regular(&mut options, path, Links::Refused)
}

/// Opens a file for reading.
///
/// # Errors
/// When it cannot be opened, is a symbolic link, or no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    open_regular(options().read(true), path, Links::Refused)
}

/// Opens a file for reading that people may keep elsewhere, behind a symbolic link.
///
/// # Errors
/// When it cannot be opened, or is no regular file.
pub fn open_linked(path: &Path) -> io::Result<File> {
    open_regular(options().read(true), path, Links::Followed)
}

/// Reads a file as a whole into `bytes`.
///
/// # Errors
/// `FileTooLarge` when it holds more than `bytes_max`; `bytes` then holds the beginning.
pub fn read_into(file: &File, bytes: &mut Vec<u8>, bytes_max: u64) -> io::Result<()> {
    file.take(bytes_max + 1).read_to_end(bytes)?;
    if bytes.len() as u64 <= bytes_max {
        return Ok(());
    }
    let why = format!("it is larger than {bytes_max} bytes");
    Err(io::Error::new(io::ErrorKind::FileTooLarge, why))
}

/// Reads a file as a whole.
///
/// # Errors
/// As [`open`] and [`read_into`].
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_into(&open(path)?, &mut bytes, bytes_max)?;
    Ok(bytes)
}

/// Reads a file as a whole that people may keep elsewhere, behind a symbolic link.
///
/// # Errors
/// As [`open_linked`] and [`read_into`].
pub fn read_linked(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_into(&open_linked(path)?, &mut bytes, bytes_max)?;
    Ok(bytes)
}

/// Puts the file's path in front of what is wrong with it.
pub fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

/// The same, where something else than the file was found in its place.
pub fn named_if_foreign(path: &Path, error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::FileTooLarge => named(path, &error),
        _ => error,
    }
}

/// Whether there is a regular file by that name, and no link. `false` where there is nothing.
///
/// # Errors
/// When there is something else.
pub fn check_regular(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        found => expect_regular(found?.file_type()).map(|()| true),
    }
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
}

/// The file that a path leads to. `None` where there is none.
#[cfg(unix)]
pub fn identity(path: &Path) -> Option<FileIdentity> {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::symlink_metadata(path).ok()?;
    Some(FileIdentity {
        device: found.dev(),
        inode: found.ino(),
    })
}

/// Not told apart here: a file that is open cannot be deleted or replaced.
#[cfg(not(unix))]
pub fn identity(path: &Path) -> Option<FileIdentity> {
    let is_there = fs::symlink_metadata(path).is_ok();
    is_there.then_some(FileIdentity {
        device: 0,
        inode: 0,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    Refused,
    Followed,
}

fn open_regular(options: &mut OpenOptions, path: &Path, links: Links) -> io::Result<File> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        if links == Links::Refused {
            flags |= OFlags::NOFOLLOW;
        }
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.bits().cast_signed());
    }
    let file = options
        .open(path)
        .map_err(|error| explain(path, links, error))?;
    expect_regular(file.metadata()?.file_type())?;
    Ok(file)
}

/// Says what is there in the place of a file: the system's own words ("no such device or address"
/// for a socket) lead nowhere.
fn explain(path: &Path, links: Links, error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::NotFound {
        return error;
    }
    let found = match links {
        Links::Refused => fs::symlink_metadata(path),
        Links::Followed => fs::metadata(path),
    };
    match found.map(|found| expect_regular(found.file_type())) {
        Ok(Err(other)) => other,
        Ok(Ok(())) | Err(_) => error,
    }
}

fn expect_regular(found: FileType) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let why = format!("it is {}, not a regular file", kind_of(found));
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

fn kind_of(found: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if found.is_fifo() {
            return "a named pipe";
        }
        if found.is_socket() {
            return "a socket";
        }
        if found.is_char_device() || found.is_block_device() {
            return "a device";
        }
    }
    if found.is_dir() {
        "a folder"
    } else if found.is_symlink() {
        "a symbolic link"
    } else {
        "a file"
    }
}

/// Writes a file that must not exist yet, and syncs it to the disk.
///
/// # Errors
/// As [`create_new`], or when it cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn options() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes access from group and others: a file may come from a backup or an older program.
///
/// # Errors
/// When the file belongs to someone else, or its disk is read-only.
#[cfg(unix)]
pub fn restrict(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if file.metadata()?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(0o600))
}

/// Access lists are inherited from the person's folder.
#[cfg(not(unix))]
pub fn restrict(_: &File) -> io::Result<()> {
    Ok(())
}

/// Removes a file. Whether it was there.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove_if_present(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Replaces `target` with a private file. Both survive a power cut: the new bytes, or else the old
/// ones.
///
/// A symbolic link is replaced, not followed.
///
/// # Errors
/// When the new file cannot be written; the old one is untouched.
#[cfg(any(not(windows), test))]
pub fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(target, bytes, None)
}

/// The same, with the permissions and the owner of the file that is replaced.
///
/// # Errors
/// As [`replace`], and where the owner is another one who cannot be kept.
pub fn replace_keeping_permissions(target: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(target, bytes, fs::metadata(target).ok())
}

/// The same without a sync, for what is worthless after a power cut.
///
/// # Errors
/// As [`replace`].
pub fn replace_volatile(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = Draft::create(draft_beside(target))?;
    draft.file.write_all(bytes)?;
    draft.rename_to(target)
}

fn replace_with(target: &Path, bytes: &[u8], old: Option<Metadata>) -> io::Result<()> {
    let mut draft = Draft::create(draft_beside(target))?;
    if let Some(old) = old {
        keep_owner(&draft.file, &old)?;
        draft.file.set_permissions(old.permissions())?;
    }
    draft.write(bytes)?;
    draft.rename_to(target)?;
    // The new bytes are in place, and some network file systems cannot sync a folder.
    let _ = sync_folder_of(target);
    Ok(())
}

/// Gives a new file the owner of the one that it replaces: a file of someone else's would no longer be
/// theirs. A group that this process may not give is left, since the owner can still read the file.
#[cfg(unix)]
fn keep_owner(file: &File, old: &Metadata) -> io::Result<()> {
    use rustix::fs::{Gid, Uid, fchown};
    use std::os::unix::fs::MetadataExt as _;
    let new = file.metadata()?;
    if new.gid() != old.gid() {
        let _ = fchown(file, None, Some(Gid::from_raw(old.gid())));
    }
    if new.uid() != old.uid() {
        fchown(file, Some(Uid::from_raw(old.uid())), None)?;
    }
    Ok(())
}

/// Access lists are inherited from the folder.
#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// A new file on its way to replace another one. Dropping it removes it.
pub struct Draft {
    file: File,
    path: PathBuf,
    is_renamed: bool,
}

impl Draft {
    /// Creates the draft in the place of one that an interrupted process left.
    ///
    /// Two processes must not use the same path at a time.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(path: PathBuf) -> io::Result<Self> {
        remove_if_present(&path)?;
        Ok(Self {
            file: create_new(&path)?,
            path,
            is_renamed: false,
        })
    }

    /// Writes all of the file and syncs it to the disk.
    ///
    /// # Errors
    /// When the disk is full or refuses.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_all()
    }

    /// Renames the draft over `target`, which must lie in the same folder. The rename survives a
    /// power cut after [`sync_folder_of`].
    ///
    /// # Errors
    /// When `target` cannot be replaced; it is untouched.
    pub fn rename_to(mut self, target: &Path) -> io::Result<()> {
        rename(&self.path, target)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_renamed {
            // The error that matters is the one that ended the replacement.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the drafts of a file that writers left which were killed. No writer of it may be at work.
pub fn remove_drafts(target: &Path) {
    let (Some(folder), Some(name)) = (target.parent(), target.file_name()) else {
        return;
    };
    let name = name.to_string_lossy();
    let is_draft = |found: &str| {
        let middle = found
            .strip_prefix(&*name)?
            .strip_prefix('.')?
            .strip_suffix(".new")?;
        let (process, count) = middle.split_once('-')?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        (is_number(process) && is_number(count)).then_some(())
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_draft(&entry.file_name().to_string_lossy()).is_some() {
            // What cannot be removed is looked at again the next time.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// `config.toml` becomes `config.toml.4711-0.new`: no two writers share a draft.
fn draft_beside(target: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut path = target.as_os_str().to_owned();
    path.push(format!(".{}-{count}.new", std::process::id()));
    PathBuf::from(path)
}

#[cfg(unix)]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// A virus scanner or an indexer that has the target open keeps it from being replaced, mostly for
/// some milliseconds. Waits up to 2.1 s in all.
#[cfg(not(unix))]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    const ATTEMPTS: u64 = 21;
    // Source: Windows system error codes.
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    const LOCK_VIOLATION: i32 = 33;
    for attempt in 1..ATTEMPTS {
        let renamed = fs::rename(from, to);
        let code = renamed.as_ref().err().and_then(io::Error::raw_os_error);
        match code {
            Some(ACCESS_DENIED | SHARING_VIOLATION | LOCK_VIOLATION) => {
                std::thread::sleep(std::time::Duration::from_millis(10 * attempt));
            }
            _ => return renamed,
        }
    }
    fs::rename(from, to)
}

/// Makes what was renamed to `target` survive a power cut.
///
/// # Errors
/// When the folder cannot be opened or synced.
#[cfg(unix)]
pub fn sync_folder_of(target: &Path) -> io::Result<()> {
    let folder = target.parent().unwrap_or(Path::new("/"));
    File::open(folder)?.sync_all()
}

/// Windows has no such call; its file systems journal a rename.
#[cfg(not(unix))]
pub fn sync_folder_of(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn a_replacement_leaves_the_new_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        for bytes in [&b"old"[..], b"new"] {
            replace(&target, bytes).unwrap();
            assert_eq!(fs::read(&target).unwrap(), bytes);
        }
        replace_volatile(&target, b"newer").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"newer");
        assert_eq!(names_in(folder.path()), ["file"]);
    }

    #[test]
    fn drafts_of_a_killed_writer_go_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.json");
        let others = [
            "a.json",
            "a.json.new",
            "a.json.x-1.new",
            "b.json.1-1.new",
            "a.json.1-1",
        ];
        for name in others.iter().chain(&["a.json.4711-0.new"]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        remove_drafts(&target);
        assert!(others.iter().all(|name| folder.path().join(name).exists()));
        assert!(!folder.path().join("a.json.4711-0.new").exists());
    }

    #[test]
    fn a_failed_replacement_leaves_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("folder");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("inside"), "").unwrap();
        assert!(replace(&target, b"bytes").is_err());
        assert_eq!(names_in(folder.path()), ["folder"]);
    }

    #[test]
    fn what_is_missing_is_no_error_to_remove() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        assert!(!remove_if_present(&file).unwrap());
        write_new(&file, b"").unwrap();
        assert!(remove_if_present(&file).unwrap());
    }

    #[cfg(unix)]
    mod unix {
        use super::*;
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        fn mode(path: &Path) -> u32 {
            fs::metadata(path).unwrap().permissions().mode() & 0o777
        }

        #[test]
        fn everything_new_is_for_its_owner_only() {
            let folder = tempfile::tempdir().unwrap();
            let inner = folder.path().join("a/b");
            create_folder(&inner).unwrap();
            assert_eq!(mode(&inner), 0o700);
            assert_eq!(mode(&folder.path().join("a")), 0o700);

            let file = |name: &str| inner.join(name);
            drop(create_new(&file("new")).unwrap());
            drop(open_or_create(&file("lock")).unwrap());
            write_new(&file("written"), b"").unwrap();
            replace(&file("replaced"), b"").unwrap();
            replace_volatile(&file("volatile"), b"").unwrap();
            for name in names_in(&inner) {
                assert_eq!(mode(&file(&name)), 0o600, "{name}");
            }
        }

        #[test]
        fn a_replaced_file_is_closed_to_others_unless_its_permissions_are_kept() {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("file");
            fs::write(&target, "old").unwrap();
            fs::set_permissions(&target, Permissions::from_mode(0o640)).unwrap();
            replace_keeping_permissions(&target, b"new").unwrap();
            assert_eq!(mode(&target), 0o640);
            replace(&target, b"newer").unwrap();
            assert_eq!(mode(&target), 0o600);
        }

        #[test]
        fn restricting_takes_access_from_others_only() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            for (before, after) in [(0o644, 0o600), (0o660, 0o600), (0o400, 0o400)] {
                let _ = remove_if_present(&path);
                fs::write(&path, "").unwrap();
                fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
                restrict(&File::open(&path).unwrap()).unwrap();
                assert_eq!(mode(&path), after);
            }
        }

        #[test]
        fn what_is_no_regular_file_is_named_and_opens_at_once() {
            let folder = tempfile::tempdir().unwrap();
            let file = |name: &str| folder.path().join(name);
            fs::create_dir(file("folder")).unwrap();
            let mkfifo = std::process::Command::new("mkfifo")
                .arg(file("pipe"))
                .status();
            assert!(mkfifo.unwrap().success());
            drop(std::os::unix::net::UnixListener::bind(file("socket")).unwrap());
            fs::write(file("regular"), "x").unwrap();
            symlink(file("regular"), file("link")).unwrap();
            for (name, kind) in [
                ("folder", "a folder"),
                ("pipe", "a named pipe"),
                ("socket", "a socket"),
                ("link", "a symbolic link"),
            ] {
                let expected = format!("it is {kind}, not a regular file");
                let opened = [open(&file(name)), open_or_create(&file(name))];
                for error in opened.map(Result::unwrap_err) {
                    assert_eq!(error.to_string(), expected);
                }
                assert_eq!(
                    check_regular(&file(name)).unwrap_err().to_string(),
                    expected
                );
            }
            assert_eq!(read_linked(&file("link"), 1).unwrap(), b"x");
            symlink("loop", file("loop")).unwrap();
            assert!(open_linked(&file("loop")).is_err());
            assert_eq!(
                read(&file("regular"), 0).unwrap_err().kind(),
                io::ErrorKind::FileTooLarge
            );
            assert!(!check_regular(&file("missing")).unwrap());
        }

        #[test]
        fn a_folder_that_others_can_write_to_is_refused_with_what_mends_it() {
            let folder = tempfile::tempdir().unwrap();
            let home = folder.path().join("home");
            secure_folder(&home).expect("nothing is there yet");
            fs::create_dir(&home).unwrap();
            let set = |mode| fs::set_permissions(&home, Permissions::from_mode(mode)).unwrap();
            for writable in [0o777, 0o775, 0o757, 0o1777, 0o720] {
                set(writable);
                let error = secure_folder(&home).unwrap_err().to_string();
                let mended_by = format!("run `chmod 700 '{}'`", home.display());
                assert!(error.contains(&mended_by), "{error}");
            }
            set(0o755);
            secure_folder(&home).unwrap();
            assert_eq!(mode(&home), 0o700, "others cannot look into it any more");
        }

        #[test]
        fn a_planted_link_is_never_written_through() {
            let folder = tempfile::tempdir().unwrap();
            let elsewhere = folder.path().join("elsewhere");
            let planted = folder.path().join("planted");
            symlink(&elsewhere, &planted).unwrap();
            assert!(create_new(&planted).is_err());

            let mut draft = Draft::create(planted).unwrap();
            draft.write(b"bytes").unwrap();
            draft.rename_to(&folder.path().join("target")).unwrap();
            assert_eq!(names_in(folder.path()), ["target"]);
        }
    }
}
