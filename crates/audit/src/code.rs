//! The table of events: their names, codes and what they tell.
//!
//! Names and codes are those that Teleport's users filter and alert by. What has no counterpart
//! there has a code that begins with `TS`.

/// One kind of event with one way to end.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The value of the field `event`.
    pub event: &'static str,
    /// The value of the field `code`. Its last letter is `I` for what went well, `W` and `E` for
    /// what did not.
    pub code: &'static str,
    /// What it tells, for the reference.
    pub about: &'static str,
}

macro_rules! codes {
    ($($name:ident $event:literal $code:literal $about:literal;)*) => {
        $(
            #[doc = $about]
            pub static $name: Code = Code { event: $event, code: $code, about: $about };
        )*
        /// Every code there is.
        pub static ALL: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    MCP_SESSION_START "mcp.session.start" "TMCP001I"
        "A client began to use an MCP server.";
    MCP_SESSION_END "mcp.session.end" "TMCP002I"
        "A client stopped using an MCP server.";
    MCP_SESSION_END_FAILURE "mcp.session.end" "TMCP002E"
        "The use of an MCP server ended with an error.";
    MCP_SESSION_REQUEST "mcp.session.request" "TMCP003I"
        "A client's request was allowed and sent to the MCP server.";
    MCP_SESSION_REQUEST_FAILURE "mcp.session.request" "TMCP003E"
        "A client's request was refused, or could not be sent to the MCP server.";
    MCP_SESSION_NOTIFICATION "mcp.session.notification" "TMCP004I"
        "A client's notification was sent to the MCP server.";
    MCP_SESSION_NOTIFICATION_FAILURE "mcp.session.notification" "TMCP004E"
        "A client's notification was refused, or could not be sent to the MCP server.";
    MCP_SESSION_LISTEN_SSE_STREAM "mcp.session.listen_sse_stream" "TMCP005I"
        "A client opened a stream to listen to the MCP server.";
    MCP_SESSION_LISTEN_SSE_STREAM_FAILURE "mcp.session.listen_sse_stream" "TMCP005E"
        "A client could not open a stream to listen to the MCP server.";
    MCP_SESSION_INVALID_HTTP_REQUEST "mcp.session.invalid_http_request" "TMCP006E"
        "An HTTP request for an MCP server was not one that MCP knows.";
    MCP_TOOLS_CHANGE "mcp.tools.change" "TST00W"
        "The definitions of tools of an MCP server are not those any more that were seen before.";

    USER_LOCAL_LOGIN "user.login" "T1000I"
        "A user signed in with a password or a passkey.";
    USER_LOCAL_LOGIN_FAILURE "user.login" "T1000W"
        "A user failed to sign in with a password or a passkey.";
    USER_SSO_LOGIN "user.login" "T1001I"
        "A user signed in through an identity provider.";
    USER_SSO_LOGIN_FAILURE "user.login" "T1001W"
        "A user failed to sign in through an identity provider.";
    USER_CREATE "user.create" "T1002I"
        "A user was created.";
    USER_UPDATE "user.update" "T1003I"
        "A user was changed.";
    USER_DELETE "user.delete" "T1004I"
        "A user was deleted.";
    USER_PASSWORD_CHANGE "user.password_change" "T1005I"
        "A user set a password.";
    MFA_DEVICE_ADD "mfa.add" "T1006I"
        "A user registered a second factor.";
    MFA_DEVICE_DELETE "mfa.delete" "T1007I"
        "A user removed a second factor.";
    RECOVERY_CODES_GENERATED "recovery_code.generated" "T1008I"
        "A user was given codes for when the second factor is lost.";
    RECOVERY_CODE_USED "recovery_code.used" "T1009I"
        "A user used a code for when the second factor is lost.";
    RECOVERY_CODE_USED_FAILURE "recovery_code.used" "T1009W"
        "Somebody who knew a user's password showed a recovery code that there is not.";
    MFA_KEY_CLONED "mfa.cloned" "TSM00W"
        "A security key was refused because its counter went back: there may be a copy of it.";
    HEADLESS_LOGIN_REQUESTED "headless_login.requested" "TSM01I"
        "A machine without a browser asked to be signed in.";
    HEADLESS_LOGIN_APPROVED "headless_login.approved" "TSM02I"
        "A user signed in a machine without a browser.";
    HEADLESS_LOGIN_REJECTED "headless_login.rejected" "TSM03W"
        "Somebody rejected to sign in a machine without a browser.";
    SESSION_MFA "session_mfa.shown" "TSM04I"
        "A user showed a second factor for sessions with one app.";
    SESSION_MFA_FAILURE "session_mfa.shown" "TSM04W"
        "A second factor was asked for sessions with one app, by who has a user's certificate, and rejected or not shown.";
    RESET_PASSWORD_TOKEN_CREATE "reset_password_token.create" "T6000I"
        "A link was made with which a user sets a password.";

    ROLE_CREATED "role.created" "T9000I"
        "A role was created.";
    ROLE_DELETED "role.deleted" "T9001I"
        "A role was deleted.";
    ROLE_UPDATED "role.updated" "T9002I"
        "A role was changed.";
    APP_CREATE "app.create" "TAP03I"
        "An app was registered.";
    APP_UPDATE "app.update" "TAP04I"
        "An app was changed.";
    APP_DELETE "app.delete" "TAP05I"
        "An app was deleted.";
    LOCK_CREATED "lock.created" "TLK00I"
        "A lock was created or changed.";
    LOCK_DELETED "lock.deleted" "TLK01I"
        "A lock was deleted.";
    JOIN_TOKEN_CREATE "join_token.create" "TJT00I"
        "A token was made with which services join the cluster.";
    AUTH_PREFERENCE_UPDATE "auth_preference.update" "TCAUTH001I"
        "The cluster's rules for signing in were changed.";
    RESOURCE_CREATED "resource.created" "TSR00I"
        "A resource of a kind that has no event of its own was created.";
    RESOURCE_DELETED "resource.deleted" "TSR01I"
        "A resource of a kind that has no event of its own was deleted.";
    RESOURCE_UPDATED "resource.updated" "TSR02I"
        "A resource of a kind that has no event of its own was changed.";

    OIDC_CREATED "oidc.created" "T8100I"
        "A connector to an OpenID Connect provider was created.";
    OIDC_DELETED "oidc.deleted" "T8101I"
        "A connector to an OpenID Connect provider was deleted.";
    OIDC_UPDATED "oidc.updated" "T8102I"
        "A connector to an OpenID Connect provider was changed.";
    SAML_CREATED "saml.created" "T8200I"
        "A connector to a SAML provider was created.";
    SAML_DELETED "saml.deleted" "T8201I"
        "A connector to a SAML provider was deleted.";
    SAML_UPDATED "saml.updated" "T8202I"
        "A connector to a SAML provider was changed.";
    GITHUB_CREATED "github.created" "T8000I"
        "A connector to GitHub was created.";
    GITHUB_DELETED "github.deleted" "T8001I"
        "A connector to GitHub was deleted.";
    GITHUB_UPDATED "github.updated" "T8002I"
        "A connector to GitHub was changed.";
    APP_AUTH_CONFIG_CREATE "app_auth_config.create" "TSC00I"
        "It was said whose tokens let clients in to which apps.";
    APP_AUTH_CONFIG_UPDATE "app_auth_config.update" "TSC01I"
        "It was changed whose tokens let clients in to which apps.";
    APP_AUTH_CONFIG_DELETE "app_auth_config.delete" "TSC02I"
        "Tokens of somebody let clients in no more.";
    APP_AUTH_CONFIG_VERIFY "app_auth_config.verify.success" "TSC03I"
        "A client without a certificate showed a token that was accepted for an app.";
    APP_AUTH_CONFIG_VERIFY_FAILURE "app_auth_config.verify.failure" "TSC03W"
        "A client without a certificate showed a token that was not accepted for an app.";

    OAUTH_AUTHORIZE "oauth.authorize" "TSO00I"
        "A client without a certificate asked for somebody to sign in.";
    OAUTH_AUTHORIZE_FAILURE "oauth.authorize" "TSO00W"
        "A client without a certificate asked for somebody to sign in, and was refused.";
    OAUTH_CONSENT "oauth.consent" "TSO01I"
        "A user let a client use an app.";
    OAUTH_CONSENT_FAILURE "oauth.consent" "TSO01W"
        "A user who was asked did not let a client use an app.";
    OAUTH_TOKEN "oauth.token" "TSO02I"
        "A client was given tokens for what a user granted it.";
    OAUTH_TOKEN_FAILURE "oauth.token" "TSO02W"
        "A client was not given tokens.";
    OAUTH_GRANT_END "oauth.grant.end" "TSO03I"
        "What a user granted a client ended before its time.";

    CERTIFICATE_CREATE "cert.create" "TC000I"
        "A certificate was issued.";
    AUTHORITY_ROTATE "cert_authority.rotate" "TSK00I"
        "The change of the cluster's keys went on to another phase.";
    ASSERTION_CREATE "assertion.create" "TSJ00I"
        "A statement of who a user is was signed for an MCP server.";
    INSTANCE_JOIN "instance.join" "TJ002I"
        "A service joined the cluster.";
    INSTANCE_JOIN_FAILURE "instance.join" "TJ002E"
        "A service was not let into the cluster.";
    VISIT_CREATE "visit.create" "TSV00I"
        "A user of this cluster was let on to another cluster.";
    BOT_JOIN "bot.join" "TJ001I"
        "A bot joined the cluster.";
    BOT_JOIN_FAILURE "bot.join" "TJ001E"
        "A bot was not let into the cluster.";
    AUTH_ATTEMPT_FAILURE "auth" "T3007W"
        "Evidence of an identity was not accepted.";
    ACCESS_DENIED "access.denied" "TSA00W"
        "An identity was not allowed to do something in the cluster's administration.";
}

#[cfg(test)]
mod tests;
