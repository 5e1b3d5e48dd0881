//! The cluster's rules for signing in: what is checked when they are written.

use api::Error;
use resource::ClusterAuthPreference;
use resource::cluster_auth_preference::{ConnectorType, SecondFactor};

/// Refuses rules by which nobody could sign in.
pub(crate) fn prepare(preference: &ClusterAuthPreference) -> Result<(), Error> {
    if let Some(kind @ (ConnectorType::Saml | ConnectorType::Github)) =
        preference.spec.connector_type
    {
        return Err(Error::invalid(format!(
            "spec.type: this version has no connectors of the type {:?}",
            kind.as_str()
        ))
        .hint("use type: local or type: oidc"));
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
