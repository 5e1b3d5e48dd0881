//! What a user of another cluster can reach here.

use std::sync::Arc;

use api::Error;
use api::wire::VisitorRequest;
use pki::Certificate;
use resource::Secrets;

use crate::certificate;
use crate::cx::OpCx;

/// The apps that are served and that a visitor can reach, as the JSON of a [`api::wire::ListBody`].
pub(crate) fn list(cx: &OpCx, request: &VisitorRequest) -> Result<Vec<u8>, Error> {
    let core = cx.core();
    let shown = Certificate::from_pem(&request.certificate)
        .map_err(|error| Error::invalid(format!("the visitor's certificate: {error}")))?;
    let identity =
        core.trust.verify_foreign(&[shown.der().clone()], core.clock.now()).map_err(|error| {
            Error::denied(format!("the visitor's certificate is not accepted: {error}"))
        })?;
    let user =
        identity.as_user().ok_or_else(|| Error::denied("the certificate is not a visitor's"))?;
    let client = request.client_addr.as_deref().and_then(certificate::ip_of);
    let visitor =
        cx.of_visitor(&Arc::new(user.clone()), client).map_err(certificate::of_somebody_else)?;
    core.catalog.servers(&visitor, Secrets::Redact, true)
}
