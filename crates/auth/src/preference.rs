//! The cluster's rules for signing in: what is checked when they are written.

use api::Error;
use resource::ClusterAuthPreference;
use resource::cluster_auth_preference::SecondFactor;

use crate::webauthn;

/// Refuses rules by which nobody could sign in.
pub(crate) fn prepare(preference: &ClusterAuthPreference) -> Result<(), Error> {
    if let Some(settings) = &preference.spec.webauthn {
        webauthn::check(settings)?;
    }
    match preference.spec.second_factors.as_deref() {
        Some([SecondFactor::Sso]) => Err(Error::invalid(
            "spec.second_factors: local users cannot sign in with a factor that only a single \
             sign-on provider asks for",
        )
        .hint("use second_factors: [otp, webauthn], and allow_local_auth: false to keep them out")),
        _ => Ok(()),
    }
}
