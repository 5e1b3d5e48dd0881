//! What goes with a cluster that is not trusted any more, in the same write.

use api::Error;
use resource::AuthorityType::{Host, User};
use resource::{Kind, Resource};
use store::Write;

use super::authorities;
use crate::core::Core;
use crate::{fault, keys};

/// What goes with a cluster whose users do not come any more.
pub(crate) async fn of_trusted(core: &Core, cluster: &str) -> Result<Vec<Write>, Error> {
    let other_way = core.records.find(Kind::RemoteCluster, cluster).await?;
    // By the same key its services may be known for something else.
    let kinds = if other_way.is_some() { &[User][..] } else { &[User, Host] };
    authorities::removals(core, cluster, kinds).await
}

/// What goes with a cluster where users of this one do not go any more.
pub(crate) async fn of_remote(core: &Core, cluster: &str) -> Result<Vec<Write>, Error> {
    let other_way = core.records.find(Kind::TrustedCluster, cluster).await?;
    let is_trusted = matches!(other_way, Some(Resource::TrustedCluster(one)) if one.spec.enabled);
    let kinds = if is_trusted { &[][..] } else { &[Host] };
    let mut writes = authorities::removals(core, cluster, kinds).await?;
    let heard = keys::heard_cluster(cluster)?;
    match core.records.store().get(&heard).await {
        Ok(_item) => writes.push(Write::delete(heard)),
        Err(store::Error::NotFound { .. }) => {}
        Err(error) => return Err(fault::store(&error)),
    }
    Ok(writes)
}
