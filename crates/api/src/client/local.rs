//! Local users: how they sign in, and how they set up what they sign in with.

use http::Method;

use super::Client;
use crate::error::Error;
use crate::{path, wire};

// === impl Client ===

impl Client {
    /// Signs a local user in. Proxies call this for their visitors; `tsh` calls the proxy.
    ///
    /// # Errors
    /// The credentials are wrong, or the server cannot be reached.
    pub async fn sign_in(
        &self,
        request: &wire::SignInRequest,
    ) -> Result<wire::UserCredentials, Error> {
        self.call(Method::POST, "/v1/sign-in", Some(request)).await
    }

    /// What an invite link is for.
    ///
    /// # Errors
    /// The link is unknown, used or expired.
    pub async fn read_invite(&self, token: &str) -> Result<wire::InviteDetails, Error> {
        self.call(Method::GET, &path::invite(token), None::<&()>).await
    }

    /// Sets what an invited user signs in with.
    ///
    /// # Errors
    /// The link does not work, or the answer breaks a rule.
    pub async fn answer_invite(
        &self,
        token: &str,
        answer: &wire::InviteAnswer,
    ) -> Result<wire::Enrolled, Error> {
        self.call(Method::POST, &path::invite(token), Some(answer)).await
    }

    /// Makes an invite or reset link.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn create_invite(
        &self,
        user: &str,
        request: &wire::InviteRequest,
    ) -> Result<wire::Invite, Error> {
        self.call(Method::POST, &path::user(user, "invites"), Some(request)).await
    }

    /// Certifies a key for another user.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn sign_user(
        &self,
        user: &str,
        request: &wire::UserCertificateRequest,
    ) -> Result<wire::UserCredentials, Error> {
        self.call(Method::POST, &path::user(user, "certificate"), Some(request)).await
    }

    /// What the sign-in page of a login shows. Proxies call this for the browser that it was begun in.
    ///
    /// # Errors
    /// The login is over, or was begun in another browser.
    pub async fn read_login(
        &self,
        state: &str,
        request: &wire::LoginRead,
    ) -> Result<wire::LoginPage, Error> {
        self.call(Method::POST, &format!("{}/page", path::login(state)), Some(request)).await
    }

    /// Takes what a person showed on the sign-in page. Proxies call this.
    ///
    /// # Errors
    /// It is wrong, or the login is over.
    pub async fn answer_login(
        &self,
        state: &str,
        answer: &wire::LoginAnswer,
    ) -> Result<wire::LoginAnswered, Error> {
        self.call(Method::POST, &path::login(state), Some(answer)).await
    }

    /// Prepares a login of a machine without a browser. Proxies call this; `tsh` calls the proxy.
    ///
    /// # Errors
    /// The cluster allows none, or the server cannot be reached.
    pub async fn start_headless(
        &self,
        request: &wire::HeadlessStart,
    ) -> Result<wire::HeadlessStarted, Error> {
        self.call(Method::POST, "/v1/headless/logins", Some(request)).await
    }

    /// Where a browser is sent that typed a code. Proxies call this.
    ///
    /// # Errors
    /// There is no such code.
    pub async fn open_headless(
        &self,
        request: &wire::HeadlessOpen,
    ) -> Result<wire::SsoBegun, Error> {
        self.call(Method::POST, "/v1/headless/codes", Some(request)).await
    }

    /// What came of such a login. Proxies call this; `tsh` calls the proxy.
    ///
    /// # Errors
    /// It was rejected, or is over.
    pub async fn finish_headless(
        &self,
        request: &wire::SsoFinish,
    ) -> Result<wire::HeadlessFinished, Error> {
        self.call(Method::POST, "/v1/headless/finish", Some(request)).await
    }
}
