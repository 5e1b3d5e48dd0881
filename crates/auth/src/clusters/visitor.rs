//! What a user of another cluster can reach here.

use api::Error;
use api::wire::VisitorRequest;
use resource::Secrets;

use crate::certificate;
use crate::cx::OpCx;

/// The apps that are served and that a visitor can reach, as the JSON of a [`api::wire::ListBody`].
pub(crate) fn list(cx: &OpCx, request: &VisitorRequest) -> Result<Vec<u8>, Error> {
    let core = cx.core();
    let user = certificate::of_visitor(core, &request.certificate)?;
    let client = request.client_addr.as_deref().and_then(certificate::ip_of);
    let visitor = cx.of_visitor(&user, client).map_err(certificate::of_somebody_else)?;
    core.catalog.servers(&visitor, Secrets::Redact, true)
}
