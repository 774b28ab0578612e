//! Why there is no key for the vault, and what a person can do about it.

use super::key_file::KEY_FILE_VARIABLE;
use super::key_sources::PASSPHRASE_CHARS_MIN;
use crate::language::{Language, Said, said};

said! {
    /// Why a key is missing, or is another one.
    #[derive(Debug)]
    pub(super) enum KeyProblem;

    // Of a file.
    FileUnreadable { file: String, error: std::io::Error }:
        "the key file named by `{KEY_FILE_VARIABLE}` (`{file}`) can't be read: {error}" |
        "die Schlüsseldatei, die `{KEY_FILE_VARIABLE}` nennt (`{file}`), ist nicht lesbar: {error}";
    FileHoldsNone { file: String, form: Said }:
        "the key file named by `{KEY_FILE_VARIABLE}` (`{file}`) holds no key: expected 32 random bytes, {form}" |
        "die Schlüsseldatei, die `{KEY_FILE_VARIABLE}` nennt (`{file}`), enthält keinen Schlüssel: erwartet werden 32 zufällige Bytes, {form}";
    FileNotNamed: "the vault's key lies in a file: name that file in `{KEY_FILE_VARIABLE}`" |
        "der Schlüssel des Tresors liegt in einer Datei: sie in `{KEY_FILE_VARIABLE}` nennen";

    // Of a keyring.
    KeyringNotAsked: "the vault's key lies in the keyring, which was not asked" |
        "der Schlüssel des Tresors liegt im Schlüsselbund, der nicht gefragt wurde";
    NoEntry: "the keyring is locked, or was replaced by one that lacks the key; unlock it, or bring the former one back" |
        "der Schlüsselbund ist gesperrt oder wurde durch einen ohne den Schlüssel ersetzt; ihn entsperren oder den früheren zurückbringen";
    EntryIsNoKey: "its entry for aerostat is no key; remove that entry" |
        "sein Eintrag für aerostat ist kein Schlüssel; diesen Eintrag entfernen";
    KeyNotKept: "it did not keep the key that it was given" |
        "er hat den übergebenen Schlüssel nicht behalten";
    OtherForm: "the key there has another form" | "der Schlüssel dort hat eine andere Form";
    SeveralKeys: "there are several keys by the name of aerostat" |
        "unter dem Namen aerostat liegen mehrere Schlüssel";
    ClientBrokeOff: "its client broke off" | "die Anfrage an ihn brach ab";
    OtherKeyInFile: "the key file holds another key than the one that the vault was sealed with: bring the former key file back" |
        "die Schlüsseldatei enthält einen anderen Schlüssel als den, mit dem der Tresor versiegelt wurde: die frühere Schlüsseldatei zurückbringen";
    OtherKeyInKeyring: "the keyring holds another key than the one that the vault was sealed with: bring the former keyring back" |
        "der Schlüsselbund enthält einen anderen Schlüssel als den, mit dem der Tresor versiegelt wurde: den früheren Schlüsselbund zurückbringen";

    // Of a passphrase.
    NoTerminal: "it asks for its passphrase; start `aerostat --headless` in a terminal" |
        "er verlangt seine Passphrase; `aerostat --headless` in einem Terminal starten";
    PassphraseNotGiven: "its passphrase was not given" | "seine Passphrase wurde nicht eingegeben";
    PassphraseNotAsked { error: std::io::Error }: "its passphrase could not be asked for ({error})" |
        "nach seiner Passphrase konnte nicht gefragt werden ({error})";
    WrongPassphrase: "this is not the vault's passphrase; start again with the right one" |
        "das ist nicht die Passphrase des Tresors; mit der richtigen neu starten";
    ShortPassphrase: "a passphrase has at least {PASSPHRASE_CHARS_MIN} characters; nothing was stored" |
        "eine Passphrase hat mindestens {PASSPHRASE_CHARS_MIN} Zeichen; nichts wurde gespeichert";

    NoPlace { form: Said }: "no keyring answers here, so the vault's key has no place: start a keyring (GNOME Keyring, KWallet), or name a key file in \
         `{KEY_FILE_VARIABLE}` (32 random bytes, {form}), or start `aerostat --headless` in a terminal to seal with a passphrase; only \
         `--insecure-plaintext` stores without sealing" |
        "hier antwortet kein Schlüsselbund, der Schlüssel des Tresors hat also keinen Platz: einen Schlüsselbund starten (GNOME Keyring, KWallet), oder in \
         `{KEY_FILE_VARIABLE}` eine Schlüsseldatei nennen (32 zufällige Bytes, {form}), oder `aerostat --headless` in einem Terminal starten, um mit einer \
         Passphrase zu versiegeln; nur `--insecure-plaintext` speichert unversiegelt";
}

#[cfg(unix)]
said! {
    /// Of a file's mode.
    #[derive(Debug)]
    pub(super) enum ModeProblem;
    OpenToOthers { file: String, mode: String }:
        "the key file named by `{KEY_FILE_VARIABLE}` (`{file}`) can be read by others (mode {mode}): run `chmod 600` on it, and make a new key if others may have seen it" |
        "die Schlüsseldatei, die `{KEY_FILE_VARIABLE}` nennt (`{file}`), ist für andere lesbar (Modus {mode}): `chmod 600` darauf anwenden, und einen neuen Schlüssel erzeugen, falls andere sie gesehen haben können";
}

impl KeyProblem {
    pub(super) fn file_holds_none(file: String) -> Self {
        let form = key_file_form();
        Self::FileHoldsNone { file, form }
    }

    pub(super) fn no_place() -> Self {
        let form = key_file_form();
        Self::NoPlace { form }
    }
}

/// How a key file is made, for the end of a sentence.
fn key_file_form() -> Said {
    Said::in_each(|language| {
        let form = match (language, cfg!(unix)) {
            (Language::English, true) => {
                "as `(umask 077; head -c 32 /dev/urandom > FILE)` makes them"
            }
            (Language::German, true) => {
                "wie `(umask 077; head -c 32 /dev/urandom > DATEI)` sie erzeugt"
            }
            (Language::English, false) => "raw, or as 64 hexadecimal digits or base64",
            (Language::German, false) => "roh, als 64 Hexadezimalziffern oder als base64",
        };
        form.to_owned()
    })
}
