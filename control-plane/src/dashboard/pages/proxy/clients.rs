//! The programs of this computer that can be set up from here: how each stands, and the change of its
//! settings, shown before it is made.

use maud::{Markup, html};

use crate::control::overview::Overview;
use crate::control::verbs::{ClientConnect, ClientDisconnect, ClientList};
use crate::control::{
    ClientChange, ClientChoice, ClientFacts, ClientOutcome, ClientState, ClientStep, ControlError,
    FileDiff, Surroundings, Verb, own_surroundings,
};
use crate::dashboard::config_change::difference;
use crate::dashboard::context::{FORM_TOKEN, PageContext};
use crate::dashboard::form::Fields;
use crate::dashboard::layout::Page;
use crate::dashboard::pages::{Section, Submitted};
use crate::dashboard::sentences::marked;
use crate::dashboard::snippets::snippets;
use crate::dashboard::texts::Texts;
use crate::status::PortOwner;

pub(super) const CONNECT: &str = "connect-client";
pub(super) const DISCONNECT: &str = "disconnect-client";

/// The field of the second form: the digest of the change that was shown.
const SHOWN_CHANGE: &str = "shown_change";

pub(super) async fn section(context: &PageContext, overview: &Overview) -> Markup {
    let text = context.text;
    let list = ClientList {
        client: None,
        at: surroundings(context),
    };
    let clients = match list.run(&context.service, &PageContext::notes()).await {
        Ok(clients) => clients,
        Err(error) => return html! { p.error { (marked(context.error_text(&error))) } },
    };
    let (here, others): (Vec<_>, Vec<_>) = clients.iter().partition(|client| is_here(client));
    html! {
        section #clients {
            h2 { (text.programs_here()) }
            p.soft { (text.clients_are_set_up()) " " code { "aerostat client connect" } }
            @if !here.is_empty() { (table(context, &here)) }
            @if !others.is_empty() {
                details { summary { (text.another_program()) } div.sheet { (choice(context, &others)) } }
            }
            h3 { (text.by_hand()) }
            div.sheet { (snippets(context, "proxy", &overview.status.base_url, overview.wants_key)) }
        }
    }
}

/// The pages know no shell and no project folder.
fn surroundings(context: &PageContext) -> Surroundings {
    Surroundings {
        current_folder: None,
        language: context.language(),
        ..own_surroundings()
    }
}

/// Whether it is installed, or points somewhere.
fn is_here(client: &ClientFacts) -> bool {
    let is_of_variables = client.files.is_empty() && client.connected_at.is_none();
    match client.state {
        ClientState::NotInstalled | ClientState::ByHand | ClientState::Impossible { .. } => false,
        // Shells and SDKs are seen only from a shell.
        ClientState::NotConnected => client.is_found && client.variant.is_none(),
        ClientState::VariablesMissing { .. } => !is_of_variables,
        _ => true,
    }
}

fn table(context: &PageContext, clients: &[&ClientFacts]) -> Markup {
    let text = context.text;
    html! {
        div.table { table.blocks {
            thead { tr {
                th scope="col" { (text.program()) } th scope="col" { (text.how_it_stands()) }
                th scope="col" { span.hidden-label { (text.change()) } }
            } }
            tbody { @for client in clients { (row(context, client)) } }
        } }
    }
}

fn row(context: &PageContext, client: &ClientFacts) -> Markup {
    let text = context.text;
    let is_connected = client.connected_at.is_some();
    let connect = if is_connected {
        text.connect_again()
    } else {
        text.connect_it()
    };
    html! {
        tr {
            th scope="row" { (client.title) }
            td data-label=(text.how_it_stands()) {
                div { (marked(&state(text, &client.state))) }
                @if let Some(owner) = &client.port_owner { div.error { (text.port_is_of_another(owned_by(text, owner))) } }
                @for file in &client.files { div.meta { (file) } }
            }
            td { div.row {
                (button(context, CONNECT, client, connect))
                @if is_connected { (button(context, DISCONNECT, client, text.disconnect_it())) }
            } }
        }
    }
}

fn button(context: &PageContext, form: &str, client: &ClientFacts, label: &str) -> Markup {
    let content = html! {
        input type="hidden" name="client" value=(id(client));
        button.small { (label) }
    };
    context.form(&format!("proxy/{form}"), "inline", &content)
}

/// A client of those that were not found.
fn choice(context: &PageContext, clients: &[&ClientFacts]) -> Markup {
    let text = context.text;
    let content = html! {
        div.field {
            label for="connect-client" { (text.program()) }
            select id="connect-client" name="client" {
                @for client in clients { option value=(id(client)) { (client.title) } }
            }
        }
        button { (text.show_the_change()) }
    };
    context.form(&format!("proxy/{CONNECT}"), "", &content)
}

/// `codex/profile-only`: the name, and the variant where it has one.
fn id(client: &ClientFacts) -> String {
    match &client.variant {
        Some(variant) => format!("{}/{variant}", client.name),
        None => client.name.clone(),
    }
}

fn chosen(fields: &Fields) -> ClientChoice {
    let id = fields.get("client");
    let (name, variant) = match id.split_once('/') {
        Some((name, variant)) => (name, Some(variant.to_owned())),
        None => (id, None),
    };
    ClientChoice {
        name: name.to_owned(),
        variant,
        ..ClientChoice::default()
    }
}

fn state(text: Texts, state: &ClientState) -> String {
    match state {
        ClientState::NotInstalled => text.client_not_found().to_owned(),
        ClientState::NotConnected => text.client_not_connected().to_owned(),
        ClientState::Connected => text.client_connected().to_owned(),
        ClientState::Edited { keys } => text.client_edited(keys.join(", ")),
        ClientState::Overridden { by } => text.client_overridden(by.join(", ")),
        ClientState::Elsewhere { url } => text.client_elsewhere(url),
        ClientState::Unreadable { why } => text.client_unreadable(why.text(text.0)),
        ClientState::VariablesMissing { names } => text.client_wants_variables(names.join(", ")),
        ClientState::ByHand => text.client_by_hand().to_owned(),
        ClientState::Impossible { why } => text.client_impossible(why),
    }
}

fn owned_by(text: Texts, owner: &PortOwner) -> String {
    match owner {
        PortOwner::Program { name, pid } => format!("{name} ({pid})"),
        PortOwner::Aerostat => "Aerostat".to_owned(),
        PortOwner::Unknown => text.unknown().to_owned(),
    }
}

/// Shows what a form would change, or makes that change where the reader has seen it.
pub(super) async fn submit(context: &PageContext, form: &str, fields: &Fields) -> Submitted {
    let client = chosen(fields);
    let at = surroundings(context);
    let step = match fields.given(SHOWN_CHANGE) {
        Some(digest) => ClientStep::WriteTo(digest.to_owned()),
        None => ClientStep::Show,
    };
    let (service, notes) = (&context.service, PageContext::notes());
    let change: Result<ClientChange, ControlError> = if form == CONNECT {
        ClientConnect { client, step, at }
            .run(service, &notes)
            .await
    } else {
        ClientDisconnect { client, step, at }
            .run(service, &notes)
            .await
    };
    match change {
        Err(error) => Submitted::Failed(error),
        Ok(change) => match change.outcome {
            ClientOutcome::Nothing => Submitted::Done("proxy#clients".to_owned()),
            ClientOutcome::Shown | ClientOutcome::ChangedMeanwhile => {
                Submitted::Page(shown(context, form, fields, &change))
            }
            ClientOutcome::Written | ClientOutcome::ByHand => {
                Submitted::Page(done(context, form, &change))
            }
        },
    }
}

/// The page between the two steps.
fn shown(context: &PageContext, form: &str, fields: &Fields, change: &ClientChange) -> Page {
    let text = context.text;
    let is_late = change.outcome == ClientOutcome::ChangedMeanwhile;
    let content = html! {
        @if is_late { div.notice role="alert" { p { (text.files_changed_meanwhile()) } } }
        @for warning in &change.warnings { div.notice { p { (warning) } } }
        @for what in &change.left { div.notice { p { (text.stays_as_changed(what)) } } }
        @for file in &change.files { (file_difference(text, file)) }
        (confirmation(context, form, fields, change))
    };
    Page::new(Section::Proxy, text.nothing_is_written_yet(), content)
}

fn file_difference(text: Texts, file: &FileDiff) -> Markup {
    html! {
        section {
            h2 {
                (file.path)
                @if let Some(real) = &file.resolved { " → " (real) }
                @if file.is_new { " (" (text.new_file()) ")" }
                @if file.is_removed { " (" (text.removed_file()) ")" }
            }
            (difference(text, &file.hunks))
        }
    }
}

fn confirmation(
    context: &PageContext,
    form: &str,
    fields: &Fields,
    change: &ClientChange,
) -> Markup {
    let again = fields
        .iter()
        .filter(|(name, _)| !matches!(*name, FORM_TOKEN | SHOWN_CHANGE));
    let content = html! {
        @for (name, value) in again { input type="hidden" name=(name) value=(value); }
        input type="hidden" name=(SHOWN_CHANGE) value=(change.digest);
        button.primary { (context.text.make_the_change()) }
        a.button href=(context.link("proxy#clients")) { (context.text.change_nothing()) }
    };
    context.form(&format!("proxy/{form}"), "row", &content)
}

/// What was done, and what is left to do.
fn done(context: &PageContext, form: &str, change: &ClientChange) -> Page {
    let text = context.text;
    let verdict = match (change.outcome, form) {
        (ClientOutcome::ByHand, _) => text.set_up_by_hand(&change.title),
        (_, CONNECT) => text.is_connected_now(&change.title),
        _ => text.is_disconnected_now(&change.title),
    };
    let content = html! {
        @for warning in change.warnings.iter().filter(|_| change.outcome == ClientOutcome::ByHand) {
            div.notice { p { (warning) } }
        }
        @for what in &change.left { div.notice { p { (text.stays_as_changed(what)) } } }
        div.sheet {
            @for line in &change.afterwards { p { (line) } }
            p { a.button href=(context.link("proxy#clients")) { (text.back_to_proxy()) } }
        }
    };
    Page::new(Section::Proxy, verdict, content)
}
