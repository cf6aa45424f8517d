//! Who may use the operator's listener: the right name, no foreign web page, and for `/api` the token if there is one.
//!
//! Each judgement is a pure function with a table of cases ([`host`], [`origin`], [`bearer`]); only the token's current
//! value is looked up, since its file may have changed. There is no list of allowed origins and no CORS header: the one
//! page that may ask is the listener's own.

use std::net::IpAddr;
use std::sync::Arc;

use http::Request;

use crate::config::AdminSettings;
use crate::credential::{AdminToken, CredentialFault};
use crate::error::Error;

mod bearer;
mod host;
mod origin;

/// The rules of access. The default asks for no token and answers to the names of this machine alone.
#[derive(Clone, Default)]
pub struct Access {
    token: Option<Arc<AdminToken>>,
    allowed_hosts: Arc<[String]>,
}

// === impl Access ===

impl Access {
    /// As `[admin]` says; `env` looks up an environment variable.
    ///
    /// # Errors
    /// A token that cannot be read, or is too short.
    pub fn open(
        settings: &AdminSettings,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialFault> {
        let token = settings.token.as_ref();
        let token = token.map(|source| AdminToken::open(source, env));
        Ok(Self {
            token: token.transpose()?.map(Arc::new),
            allowed_hosts: settings.allowed_hosts.as_slice().into(),
        })
    }

    /// Judges a request that reached us at `reached_at`.
    ///
    /// # Errors
    /// [`Error::UnreadableRequest`], [`Error::Misdirected`], [`Error::ForeignOrigin`], [`Error::AdminToken`]: the first that
    /// holds. The token comes last, so that a foreign page cannot even try one.
    pub(super) fn judge<B>(
        &self,
        request: &Request<B>,
        reached_at: IpAddr,
        needs_token: bool,
    ) -> Result<(), Error> {
        let asked = host::judge(request, reached_at, &self.allowed_hosts)?;
        origin::judge(request.method(), request.headers(), &asked)?;
        match &self.token {
            Some(token) if needs_token => {
                let presented = bearer::presented(request.headers()).ok_or(Error::AdminToken)?;
                if is_token(token, presented) {
                    Ok(())
                } else {
                    Err(Error::AdminToken)
                }
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// A token that cannot be read any more opens nothing.
fn is_token(token: &AdminToken, presented: &[u8]) -> bool {
    token.is(presented).unwrap_or_else(|fault| {
        let fault = Error::from(fault); // names the file, never the value
        tracing::error!(error = %fault, "the admin token cannot be read, so the admin API is closed");
        false
    })
}
