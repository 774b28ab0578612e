//! The first line of the page: how many accounts can serve, and what the first of the others needs.

use crate::control::AccountFacts;
use crate::dashboard::context::PageContext;
use crate::status::account_need;

/// `3 of 4 accounts can serve. team-2 needs you to sign in.`
pub(super) fn verdict(context: &PageContext, accounts: &[AccountFacts]) -> String {
    let text = context.text;
    let own: Vec<&AccountFacts> = accounts.iter().filter(|one| !one.is_offer()).collect();
    let enabled: Vec<&AccountFacts> = own.iter().copied().filter(|one| one.enabled).collect();
    let able = enabled.iter().filter(|one| one.status.can_serve()).count();
    let counted = match (able, enabled.len()) {
        (_, 0) if own.is_empty() => return text.no_accounts_yet().to_owned(),
        (_, 0) => return text.all_accounts_off().to_owned(),
        (1, 1) => text.the_account_can_serve().to_owned(),
        (0, 1) => text.the_account_cannot_serve().to_owned(),
        (0, 2) => text.neither_account_can_serve().to_owned(),
        (2, 2) => text.both_accounts_can_serve().to_owned(),
        (0, count) => text.none_of_accounts_can_serve(count),
        (able, count) if able == count => text.all_accounts_can_serve(count),
        (able, count) => text.some_accounts_can_serve(able, count),
    };
    match first_problem(context, &enabled) {
        Some(problem) => format!("{counted} {problem}"),
        None => counted,
    }
}

/// What needs the reader comes before what ends by itself, and of that the earliest end.
fn first_problem(context: &PageContext, accounts: &[&AccountFacts]) -> Option<String> {
    let text = context.text;
    let needy: Vec<&&AccountFacts> = accounts.iter().filter(|one| one.needs_user()).collect();
    if let [first, others @ ..] = &needy[..] {
        let said = need(context, first);
        return Some(match others.len() {
            0 => said,
            count => format!("{said} {}", text.others_need_you(count)),
        });
    }
    let unable = accounts.iter().filter(|one| !one.status.can_serve());
    let resting = unable.filter_map(|one| Some((one.status.until()?, one)));
    let (until, first) = resting.min_by_key(|(until, _)| *until)?;
    Some(text.account_rests_until(&first.name, context.time_text(until)))
}

/// What an account needs of the reader, as a sentence.
pub(super) fn need(context: &PageContext, account: &AccountFacts) -> String {
    let (status, takes_key) = (account.shown_status(), account.takes_key());
    format!(
        "{}.",
        account_need(&account.name, takes_key, status, context.language())
    )
}
