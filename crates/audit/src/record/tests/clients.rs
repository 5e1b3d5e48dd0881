//! What clients without a certificate come to.

use super::*;

/// One of each.
pub(super) fn all() -> Vec<Event> {
    let stamper = stamper();
    let steps = [OauthStep::Authorize, OauthStep::Consent, OauthStep::Token, OauthStep::End];
    let outcomes = [Outcome::Success, Outcome::Failure("the code is over".into())];
    let all =
        steps.into_iter().flat_map(|step| outcomes.iter().map(move |outcome| (step, outcome)));
    all.filter(|(step, outcome)| *step != OauthStep::End || **outcome == Outcome::Success)
        .map(|(step, outcome)| {
            stamper.event(&OauthEvent {
                step,
                user: Some("alice".into()),
                client_id: Some("https://client.example.com/oauth.json".into()),
                client_name: Some("A client".into()),
                app_name: Some("files".into()),
                target_cluster: Some("leaf".into()),
                oauth_grant: Some("g1"),
                outcome: outcome.clone(),
                reason: Some("removed".into()),
                expires: Some(Moment(datetime!(2027-01-01 00:00 UTC))),
                remote_addr: Some("192.0.2.1:5"),
            })
        })
        .map(Result::unwrap)
        .collect()
}
