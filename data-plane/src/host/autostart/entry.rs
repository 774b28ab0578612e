//! The texts of the entries, and what can be read from them. Pure.

#![cfg_attr(windows, allow(dead_code, reason = "Windows keeps it in the registry"))]

use super::Kind;

/// An entry as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) program: String,
    /// Whether the session obeys it.
    pub(super) is_on: bool,
}

/// The text of an entry that starts `program`. `None` for a path that no such file can hold.
pub(super) fn text(kind: Kind, program: &str) -> Option<String> {
    if program.chars().any(char::is_control) {
        return None;
    }
    match kind {
        Kind::Desktop => Some(desktop(program)),
        Kind::Systemd => Some(systemd(program)),
        Kind::LaunchAgent => Some(launch_agent(program)),
        Kind::Registry => None,
    }
}

/// What a file of that kind says. `None` if it is not understood: another program wrote it.
pub(super) fn read(kind: Kind, text: &str) -> Option<Entry> {
    match kind {
        Kind::Desktop => read_desktop(text),
        Kind::Systemd => Some(Entry {
            program: first_word(value(text, "ExecStart")?, systemd_plain)?,
            is_on: true,
        }),
        Kind::LaunchAgent => read_launch_agent(text),
        Kind::Registry => read_registry(text),
    }
}

/// Source: Desktop Entry Specification 1.5, "The Exec key": quoting, then the escapes of a string
/// value.
///
/// GLib looks for the program before it reads `%%` as `%`, and does not find it; what it finds is a
/// program that starts another one.
fn desktop(program: &str) -> String {
    let mut quoted = String::new();
    for c in program.chars() {
        match c {
            '"' | '`' | '$' => quoted.extend(["\\\\", &c.to_string()]),
            '\\' => quoted.push_str("\\\\\\\\"),
            '%' => quoted.push_str("%%"),
            c => quoted.push(c),
        }
    }
    let plain = program.replace('\\', "\\\\");
    let by = if program.contains('%') {
        "nice -n 0 "
    } else {
        ""
    };
    format!(
        "[Desktop Entry]\n\
         Type=Application\n\
         Name=Aerostat\n\
         Comment=Keeps one local AI endpoint running\n\
         Icon=aerostat\n\
         Exec={by}\"{quoted}\" --at-login\n\
         TryExec={plain}\n\
         Terminal=false\n\
         NoDisplay=true\n\
         StartupNotify=false\n\
         X-GNOME-Autostart-enabled=true\n"
    )
}

fn read_desktop(text: &str) -> Option<Entry> {
    let is = |key: &str, word: &str| {
        value(text, key).is_some_and(|value| value.eq_ignore_ascii_case(word))
    };
    let program = value(text, "TryExec")?.replace("\\\\", "\\");
    Some(Entry {
        program,
        is_on: !is("Hidden", "true") && !is("X-GNOME-Autostart-enabled", "false"),
    })
}

/// Source: systemd.service(5), "Command lines", and systemd.unit(5), "Specifiers". A program's path
/// is not expanded for `$`.
fn systemd(program: &str) -> String {
    let quoted = program
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    format!(
        "[Unit]\n\
         Description=Aerostat keeps one local AI endpoint running\n\
         \n\
         [Service]\n\
         ExecStart=\"{quoted}\" --headless\n\
         Restart=on-failure\n\
         RestartSec=5\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n"
    )
}

fn systemd_plain(c: char) -> bool {
    c == '%'
}

/// The first word of a quoted command line; `doubled` tells which characters stand twice.
fn first_word(line: &str, doubled: fn(char) -> bool) -> Option<String> {
    let mut chars = line.strip_prefix('"')?.chars();
    let mut word = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(word),
            '\\' => word.push(chars.next()?),
            c => {
                word.push(c);
                if doubled(c) {
                    chars.next();
                }
            }
        }
    }
}

/// The value of the first line `key=…`.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines()
        .find_map(|line| {
            line.trim()
                .strip_prefix(key)?
                .trim_start()
                .strip_prefix('=')
        })
        .map(str::trim)
}

/// Source: launchd.plist(5).
fn launch_agent(program: &str) -> String {
    let escaped = program
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n\
         <dict>\n\
         \t<key>Label</key>\n\
         \t<string>aerostat</string>\n\
         \t<key>ProgramArguments</key>\n\
         \t<array>\n\
         \t\t<string>{escaped}</string>\n\
         \t\t<string>--at-login</string>\n\
         \t</array>\n\
         \t<key>RunAtLoad</key>\n\
         \t<true/>\n\
         \t<key>ProcessType</key>\n\
         \t<string>Interactive</string>\n\
         </dict>\n\
         </plist>\n"
    )
}

fn read_launch_agent(text: &str) -> Option<Entry> {
    let (_, arguments) = text.split_once("<key>ProgramArguments</key>")?;
    let (_, first) = arguments.split_once("<string>")?;
    let (program, _) = first.split_once("</string>")?;
    let program = program
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let is_disabled = text
        .split_once("<key>Disabled</key>")
        .is_some_and(|(_, value)| value.trim_start().starts_with("<true/>"));
    Some(Entry {
        program,
        is_on: !is_disabled,
    })
}

/// A value of the `Run` key: a path in quotes, which no path on that system contains, and
/// arguments.
fn read_registry(value: &str) -> Option<Entry> {
    let (program, _) = value.strip_prefix('"')?.split_once('"')?;
    Some(Entry {
        program: program.to_owned(),
        is_on: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWKWARD: &str = r#"/opt/My "AI" & <b>/100% $HOME/a`b\c/aerostat"#;
    const KINDS: [Kind; 3] = [Kind::Desktop, Kind::Systemd, Kind::LaunchAgent];

    #[test]
    fn every_path_reads_back_from_its_entry() {
        for kind in KINDS {
            for program in ["/usr/bin/aerostat", AWKWARD] {
                let entry = read(kind, &text(kind, program).unwrap());
                assert_eq!(
                    entry,
                    Some(Entry {
                        program: program.to_owned(),
                        is_on: true
                    }),
                    "{kind:?}"
                );
            }
            assert_eq!(text(kind, "/a\nExec=evil"), None);
        }
    }

    #[test]
    fn a_desktop_entry_is_quoted_twice() {
        let text = desktop(AWKWARD);
        let exec = r#"Exec=nice -n 0 "/opt/My \\"AI\\" & <b>/100%% \\$HOME/a\\`b\\\\c/aerostat" --at-login"#;
        assert!(text.contains(exec), "{text}");
        assert!(desktop("/a b/x").contains("Exec=\"/a b/x\" --at-login\n"));
        assert!(
            text.contains(r#"TryExec=/opt/My "AI" & <b>/100% $HOME/a`b\\c/aerostat"#),
            "{text}"
        );
    }

    #[test]
    fn a_unit_keeps_its_percent_signs() {
        assert!(
            systemd("/a b/100%/aerostat")
                .contains("ExecStart=\"/a b/100%%/aerostat\" --headless\n")
        );
    }

    #[test]
    fn a_value_of_the_registry_keeps_its_backslashes() {
        let entry = read(
            Kind::Registry,
            r#""C:\Users\me & you\Aerostat\aerostat.exe" --at-login"#,
        );
        assert_eq!(
            entry.map(|entry| entry.program).as_deref(),
            Some(r"C:\Users\me & you\Aerostat\aerostat.exe")
        );
        assert_eq!(read(Kind::Registry, r"C:\aerostat.exe --at-login"), None);
    }

    #[test]
    fn an_entry_that_was_switched_off_elsewhere_is_off() {
        let text = desktop("/usr/bin/aerostat");
        for off in ["Hidden=true\n", "Hidden = TRUE\n"] {
            assert!(!read_desktop(&format!("{text}{off}")).unwrap().is_on);
        }
        let by_gnome = text.replace("Autostart-enabled=true", "Autostart-enabled=false");
        assert!(!read_desktop(&by_gnome).unwrap().is_on);
    }

    #[test]
    fn a_file_of_another_form_is_not_ours() {
        for kind in KINDS {
            assert_eq!(read(kind, "hello"), None);
        }
    }
}
