//! The next step if there are no credentials.

pub const SET_CREDENTIALS: &str = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or \
    AWS_BEARER_TOKEN_BEDROCK, or give api_key and secret_key";
