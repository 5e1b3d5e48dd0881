//! The cluster's rules for signing in: what is checked when they are written.

use api::Error;
use resource::ClusterAuthPreference;
use resource::cluster_auth_preference::{ConnectorType, SecondFactor};

/// Refuses rules by which nobody could sign in.
pub(crate) fn prepare(preference: &ClusterAuthPreference) -> Result<(), Error> {
    if preference.spec.connector_type == Some(ConnectorType::Saml) {
        return Err(Error::invalid(
            "spec.type: this version has no connectors of the type \"saml\"",
        )
        .hint("use type: local, oidc or github"));
    }
    match preference.spec.second_factors.as_deref() {
        Some(factors) if !factors.is_empty() && !factors.contains(&SecondFactor::Otp) => {
            Err(Error::invalid(
                "spec.second_factors: one-time codes (otp) are the only second \
                 factor that this version checks",
            )
            .hint("use second_factors: [otp], or second_factor: off"))
        }
        _ => Ok(()),
    }
}
