//! Who may call, and what the service says to those who may not.

use std::time::SystemTime;

use super::reply::Reply;
use super::request::Request;
use super::sigv4::Verifier;

/// What a request must show.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Nothing.
    #[default]
    None,
    /// A signature made with this key. `session_token` is what must be sent with it; None: nothing may be.
    SigV4 { access_key: String, secret_key: String, session_token: Option<String>, region: String },
    /// This Bedrock API key.
    Bearer(String),
}

/// A refusal, as the service words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Auth {
    /// A signature made with a key without a session token.
    pub fn sigv4(access_key: &str, secret_key: &str, region: &str) -> Auth {
        Auth::SigV4 {
            access_key: access_key.into(),
            secret_key: secret_key.into(),
            session_token: None,
            region: region.into(),
        }
    }

    /// The same with a session token.
    pub fn sigv4_session(access_key: &str, secret_key: &str, session_token: &str, region: &str) -> Auth {
        Auth::SigV4 {
            access_key: access_key.into(),
            secret_key: secret_key.into(),
            session_token: Some(session_token.into()),
            region: region.into(),
        }
    }

    pub(super) fn check(&self, request: &Request, now: SystemTime) -> Result<(), Refusal> {
        match self {
            Auth::None => Ok(()),
            Auth::Bearer(token) => {
                let header = request.header("authorization").ok_or_else(Refusal::missing)?;
                if header.strip_prefix("Bearer ") == Some(token) { Ok(()) } else { Err(Refusal::bad_api_key()) }
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

impl Refusal {
    pub(super) fn signature(message: &str) -> Refusal {
        Refusal { status: 403, code: "InvalidSignatureException", message: message.into() }
    }

    pub(super) fn incomplete(message: &str) -> Refusal {
        Refusal { status: 403, code: "IncompleteSignatureException", message: message.into() }
    }

    pub(super) fn missing() -> Refusal {
        Refusal {
            status: 403,
            code: "MissingAuthenticationTokenException",
            message: "Missing Authentication Token".into(),
        }
    }

    pub(super) fn unknown_client() -> Refusal {
        Refusal {
            status: 403,
            code: "UnrecognizedClientException",
            message: "The security token included in the request is invalid.".into(),
        }
    }

    pub(super) fn expired() -> Refusal {
        Refusal {
            status: 403,
            code: "ExpiredTokenException",
            message: "The security token included in the request is expired".into(),
        }
    }

    fn bad_api_key() -> Refusal {
        Refusal {
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
