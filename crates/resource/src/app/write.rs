//! Prints apps.

use serde_json::Value;

use super::{App, AppSpec, Header, JwtClaims, McpSpec, Rewrite};
use crate::kind::Kind;
use crate::object::{Object, document};

impl App {
    /// The app as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let status = self.status.as_ref().map_or_else(Object::default, super::AppStatus::to_object);
        let version = Kind::App.version();
        document(Kind::App, self.sub_kind(), version, &self.metadata, spec(&self.spec), status)
    }
}

fn spec(spec: &AppSpec) -> Object {
    let mut object = Object::default();
    object
        .put("uri", spec.uri.as_str())
        .put_text("public_addr", &spec.public_addr)
        .put_flag("insecure_skip_verify", spec.insecure_skip_verify)
        .put_some("tls", spec.tls.as_ref().map(super::UpstreamTls::to_object))
        .put_some("mcp", spec.mcp.as_ref().map(mcp))
        .put_some("rewrite", spec.rewrite.as_ref().map(rewrite))
        .put_map(
            "dynamic_labels",
            spec.dynamic_labels.iter().map(|(key, label)| (key, label.to_object())),
        )
        .put_kept(&spec.other);
    object
}

fn mcp(mcp: &McpSpec) -> Object {
    let mut object = Object::default();
    object
        .put_text("command", &mcp.command)
        .put_list("args", &mcp.args)
        .put_text("run_as_host_user", &mcp.run_as_host_user)
        .put_map("env", mcp.env.iter().map(|(key, value)| (key, value.to_value())))
        .put_text("cwd", &mcp.cwd)
        .put_duration("start_timeout", mcp.start_timeout)
        .put_text("protocol", mcp.protocol.map_or("", super::Protocol::as_str))
        .put_some("health_check", mcp.health_check.map(super::HealthCheck::to_object));
    object
}

fn rewrite(rewrite: &Rewrite) -> Object {
    let mut object = Object::default();
    object
        .put_list("headers", &rewrite.headers.iter().map(header).collect::<Vec<_>>())
        .put_list("redirect", &rewrite.redirect);
    if rewrite.jwt_claims != JwtClaims::default() {
        object.put("jwt_claims", rewrite.jwt_claims.as_str());
    }
    object
}

fn header(header: &Header) -> Value {
    let mut object = Object::default();
    object
        .put("name", header.name.as_str())
        .put_some("value", header.value.here())
        .put_some("value_from", header.value.source_object());
    object.into()
}
