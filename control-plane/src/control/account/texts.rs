//! What a person can do about an account, in both languages.

use crate::language::texts;

texts! {
    /// The words of advice on accounts.
    pub(super) struct Texts;

    enable_provider(provider): "`aerostat config set providers.{provider}.enabled true` enables it" |
        "`aerostat config set providers.{provider}.enabled true` schaltet ihn ein";
    add_provider(provider):
        "add [providers.{provider}] to the configuration, or remove the account" |
        "[providers.{provider}] in die Konfiguration aufnehmen oder das Konto entfernen";
    enter_again(name): "enter it again with `aerostat account login {name}`" |
        "mit `aerostat account login {name}` neu eingeben";
    enter_again_or_wait(name):
        "enter it again with `aerostat account login {name}`; until then it is tried again by itself, at most once a minute" |
        "mit `aerostat account login {name}` neu eingeben; bis dahin wird es höchstens einmal in der Minute von selbst versucht";
    confirm_address(name):
        "if the new address is right, say so with `aerostat account login {name} --confirm-address`; else set `base_url` back" |
        "stimmt die neue Adresse, sie mit `aerostat account login {name} --confirm-address` bestätigen; sonst `base_url` zurückstellen";
    change_provider(provider): "change [providers.{provider}] in the configuration" |
        "[providers.{provider}] in der Konfiguration ändern";
    unlock_keyring: "unlock the keyring, or name the key's file in `AEROSTAT_VAULT_KEY_FILE`" |
        "den Schlüsselbund entsperren oder die Schlüsseldatei in `AEROSTAT_VAULT_KEY_FILE` nennen";
    set_another_day(name):
        "if it goes on, set another day with `aerostat account set {name} --expires DATE`; else remove it" |
        "läuft es weiter, mit `aerostat account set {name} --expires DATUM` einen anderen Tag setzen; sonst entfernen";
    by_setx(variable): "`setx {variable} …`, then sign out and in" |
        "`setx {variable} …`, danach ab- und wieder anmelden";
    by_environment_file(variable):
        "a line `{variable}=…` in `~/.config/environment.d/aerostat.conf`, then sign out and in" |
        "eine Zeile `{variable}=…` in `~/.config/environment.d/aerostat.conf`, danach ab- und wieder anmelden";
    set_variable(how, provider):
        "an agent started at login does not read a shell's profile: set it by {how}; or keep the key in the vault with `aerostat account add {provider}`" |
        "ein beim Anmelden gestarteter Agent liest kein Shell-Profil: Variable setzen durch {how}; oder den Schlüssel mit `aerostat account add {provider}` im Tresor ablegen";
}
