//! How the services of a cluster are spread over processes.

use super::{CLUSTER, Cluster, app_section, auth_section, proxy_section};

// === impl Cluster ===

impl Cluster {
    /// Auth, proxy and agent in one process.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn single() -> Self {
        Self::single_with("", "")
    }

    /// The same under a name of its own, beside others.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn single_called(name: &str) -> Self {
        let app = app_section("  mcp_demo_server: yes\n");
        let auth = auth_section(name);
        Self::together(name, "", &format!("{auth}{}{app}", proxy_section()))
    }

    /// The same, with more lines in the section of the process and in that of the app service.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn single_with(process: &str, app: &str) -> Self {
        let app = app_section(&format!("  mcp_demo_server: yes\n{app}"));
        let services = format!("{}{}{app}", auth_section(CLUSTER), proxy_section());
        Self::together(CLUSTER, process, &services)
    }

    /// The same, whose proxy has a name: security keys know no addresses.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn named() -> Self {
        let services = format!(
            "{}{}  public_addr: localhost:0\n{}",
            auth_section(CLUSTER),
            proxy_section(),
            app_section("  mcp_demo_server: yes\n"),
        );
        Self::together(CLUSTER, "", &services)
    }

    /// Auth, proxy and agent in one process, where a record is on the disk before what it is of happens.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn strict() -> Self {
        let services = format!(
            "{}{}{}audit:\n  durability: strict\n",
            auth_section(CLUSTER),
            proxy_section(),
            app_section("  mcp_demo_server: yes\n"),
        );
        Self::together(CLUSTER, "", &services)
    }

    /// Auth, proxy and agent in a process each; the proxy finds the auth service by its address and
    /// the agent by the proxy's.
    ///
    /// # Panics
    /// When they do not come up.
    #[must_use]
    #[track_caller]
    pub fn apart() -> Self {
        Self::apart_called(CLUSTER)
    }

    /// The same under a name of its own, beside others.
    ///
    /// # Panics
    /// When they do not come up.
    #[must_use]
    #[track_caller]
    pub fn apart_called(name: &str) -> Self {
        Self::apart_with(name, "")
    }

    /// Auth, proxy and agent in a process each, where one address may sign in as often as a test likes.
    ///
    /// # Panics
    /// When they do not come up.
    #[must_use]
    #[track_caller]
    pub fn patient() -> Self {
        Self::apart_with(CLUSTER, "  limits:\n    sign_in_attempts_per_minute: 10000\n")
    }

    /// The same with more lines in the section of the proxy.
    #[track_caller]
    fn apart_with(name: &str, more: &str) -> Self {
        let mut cluster = Self::begin(name, "", &auth_section(name));
        let address = cluster.auth.settle("auth service");
        let join = format!("  auth_server: {address}\n{}", cluster.join_params("proxy"));
        let mut proxy = cluster.node("proxy", &join, &format!("{}{more}", proxy_section()));
        proxy.settle("proxy");
        cluster.proxy = Some(proxy);
        cluster.find_proxy();
        cluster.add_agent("agent");
        cluster
    }

    /// All services in one process.
    #[track_caller]
    fn together(name: &str, process: &str, services: &str) -> Self {
        let mut cluster = Self::begin(name, process, services);
        cluster.find_proxy();
        cluster
    }
}
