//! The codes that this crate gives to errors. Each has a page under `docs/errors/`; none is ever used again for
//! something else.

/// Codes of errors.
pub(crate) mod code {
    /// The body is no JSON.
    pub(crate) const MALFORMED_JSON: &str = "FF-1000";
    /// The body is JSON, of another shape than asked for.
    pub(crate) const UNEXPECTED_BODY: &str = "FF-1001";
    /// The body does not say that it is JSON.
    pub(crate) const CONTENT_TYPE: &str = "FF-1002";
    /// The body is too large.
    pub(crate) const BODY_TOO_LARGE: &str = "FF-1003";
    /// There is no route with this path.
    pub(crate) const UNKNOWN_ROUTE: &str = "FF-1004";
    /// The route does not know this method.
    pub(crate) const METHOD_NOT_ALLOWED: &str = "FF-1005";
    /// What the path names does not exist, or is not the caller's.
    pub(crate) const NOT_FOUND: &str = "FF-1006";
    /// A change that could overwrite another needs `If-Match`.
    pub(crate) const PRECONDITION_REQUIRED: &str = "FF-1007";
    /// A header cannot be read.
    pub(crate) const BAD_HEADER: &str = "FF-1008";
    /// A query parameter cannot be read, or is not known.
    pub(crate) const BAD_PARAMETER: &str = "FF-1009";
    /// The caller sends more requests than it may.
    pub(crate) const RATE_LIMITED: &str = "FF-1010";
    /// The answer took too long.
    pub(crate) const TIMED_OUT: &str = "FF-1011";
    /// Something broke on this side.
    pub(crate) const INTERNAL: &str = "FF-1012";
    /// The body ended before it was complete.
    pub(crate) const BODY_CUT: &str = "FF-1013";
    /// An idempotency key came again with another request.
    pub(crate) const KEY_REUSED: &str = "FF-1014";
    /// The table of users cannot be reached.
    pub(crate) const USERS_UNAVAILABLE: &str = "FF-1015";
    /// The event log cannot be reached, so nobody can be recognised.
    pub(crate) const LOG_UNAVAILABLE: &str = "FF-1016";

    /// No credentials came with the request.
    pub(crate) const NO_CREDENTIALS: &str = "FF-3000";
    /// The credentials are not valid, or no longer.
    pub(crate) const BAD_CREDENTIALS: &str = "FF-3001";
    /// An SDK key is not for the control plane.
    pub(crate) const SDK_KEY: &str = "FF-3002";
    /// An API token works below its organization only.
    pub(crate) const TOKEN_OUTSIDE: &str = "FF-3003";
    /// The permission is missing.
    pub(crate) const FORBIDDEN: &str = "FF-3004";
    /// E-mail and password do not belong together.
    pub(crate) const WRONG_PASSWORD: &str = "FF-3005";
}
