//! The host of a request, for messages: without a user and a password.

use http::Uri;

/// Returns host and port of an absolute URI.
pub fn host_of(uri: &Uri) -> String {
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    format!("{}:{port}", uri.host().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_its_port_and_no_password() {
        for (uri, host) in [
            (
                "https://bedrock-runtime.us-east-1.amazonaws.com/model/a%3Ab/converse",
                "bedrock-runtime.us-east-1.amazonaws.com:443",
            ),
            ("http://127.0.0.1:8080/model", "127.0.0.1:8080"),
            ("http://user:password@gateway/", "gateway:80"),
            ("https://[::1]/model", "[::1]:443"),
            ("https://[::1]:8443/model", "[::1]:8443"),
        ] {
            assert_eq!(host_of(&uri.parse().unwrap()), host);
        }
    }
}
