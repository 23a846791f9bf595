//! The authorization that the server demands, and the errors of the service without it.

use std::time::SystemTime;

use super::reply::Reply;
use super::request::Request;
use super::sigv4::Verifier;

/// The authorization that a request must have.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// No authorization.
    #[default]
    None,
    /// A signature made with this key. The request must have exactly this `session_token`, or none.
    SigV4 { access_key: String, secret_key: String, session_token: Option<String>, region: String },
    /// This Bedrock API key.
    Bearer(String),
}

/// An error of authorization, as the service words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Auth {
    /// Returns the authorization by a key without a session token.
    pub fn sigv4(access_key: &str, secret_key: &str, region: &str) -> Auth {
        Auth::SigV4 {
            access_key: access_key.into(),
            secret_key: secret_key.into(),
            session_token: None,
            region: region.into(),
        }
    }

    /// Returns the authorization by a key with a session token.
    pub fn sigv4_session(access_key: &str, secret_key: &str, session_token: &str, region: &str) -> Auth {
        Auth::SigV4 {
            access_key: access_key.into(),
            secret_key: secret_key.into(),
            session_token: Some(session_token.into()),
            region: region.into(),
        }
    }

    pub(super) fn check(&self, request: &Request, now: SystemTime) -> Result<(), Rejection> {
        match self {
            Auth::None => Ok(()),
            Auth::Bearer(token) => {
                let header = request.header("authorization").ok_or_else(Rejection::missing)?;
                if header.strip_prefix("Bearer ") == Some(token) { Ok(()) } else { Err(Rejection::bad_api_key()) }
            }
            Auth::SigV4 { access_key, secret_key, session_token, region } => Verifier {
                access_key: access_key.clone(),
                secret_key: secret_key.clone(),
                session_token: session_token.clone(),
                region: region.clone(),
                service: "bedrock".into(),
            }
            .verify(request, now),
        }
    }
}

impl Rejection {
    pub(super) fn signature(message: &str) -> Rejection {
        Rejection { status: 403, code: "InvalidSignatureException", message: message.into() }
    }

    pub(super) fn incomplete(message: &str) -> Rejection {
        Rejection { status: 403, code: "IncompleteSignatureException", message: message.into() }
    }

    pub(super) fn missing() -> Rejection {
        Rejection {
            status: 403,
            code: "MissingAuthenticationTokenException",
            message: "Missing Authentication Token".into(),
        }
    }

    pub(super) fn unknown_client() -> Rejection {
        Rejection {
            status: 403,
            code: "UnrecognizedClientException",
            message: "The security token included in the request is invalid.".into(),
        }
    }

    pub(super) fn expired() -> Rejection {
        Rejection {
            status: 403,
            code: "ExpiredTokenException",
            message: "The security token included in the request is expired".into(),
        }
    }

    fn bad_api_key() -> Rejection {
        Rejection {
            status: 403,
            code: "AccessDeniedException",
            message: "Authentication failed: Please make sure your API Key is valid.".into(),
        }
    }

    pub(super) fn reply(&self) -> Reply {
        Reply::error(self.status, self.code, &self.message).without_header("x-amzn-errortype").header(
            "x-amzn-ErrorType",
            &format!("{}:http://internal.amazon.com/coral/com.amazon.coral.service/", self.code),
        )
    }
}
