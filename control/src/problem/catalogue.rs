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
    /// The body is compressed in a way that is not known here, or not as it says.
    pub(crate) const BODY_ENCODING: &str = "FF-1018";
    /// The body nests too deep.
    pub(crate) const TOO_DEEP: &str = "FF-1019";
    /// Who may do what is not known, since the event log cannot be heard.
    pub(crate) const RIGHTS_UNKNOWN: &str = "FF-1017";
    /// The security log cannot be read.
    pub(crate) const SECURITY_LOG: &str = "FF-1030";

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
    /// Nobody gives or takes what they do not have.
    pub(crate) const TOO_MUCH: &str = "FF-3006";
    /// A request with cookies does not prove that it comes from our own pages.
    pub(crate) const CSRF: &str = "FF-3007";
    /// Too many wrong passwords.
    pub(crate) const LOCKED: &str = "FF-3008";
    /// A refresh token is of no use any more.
    pub(crate) const REFRESH: &str = "FF-3009";
    /// The person may not sign in, or not there.
    pub(crate) const KEPT_OUT: &str = "FF-3010";
    /// Somebody with this e-mail exists.
    pub(crate) const EMAIL_TAKEN: &str = "FF-3011";
    /// What a person says about themselves cannot be taken.
    pub(crate) const BAD_PERSON: &str = "FF-3012";
    /// The person has no password.
    pub(crate) const NO_PASSWORD: &str = "FF-3013";
    /// An invitation or a way to a new password is of no use any more.
    pub(crate) const SPENT: &str = "FF-3014";
    /// The invitation is not for who accepts it.
    pub(crate) const NOT_INVITED: &str = "FF-3015";
    /// What an invitation promised cannot be given any more.
    pub(crate) const PROMISE_BROKEN: &str = "FF-3016";
    /// An organization would be without an owner.
    pub(crate) const STILL_OWNER: &str = "FF-3017";
    /// The session is limited to an organization, and this is about the person everywhere.
    pub(crate) const SESSION_LIMITED: &str = "FF-3018";
    /// The mail server does not take a mail now.
    pub(crate) const MAIL_UNAVAILABLE: &str = "FF-3019";
    /// Somebody has the role.
    pub(crate) const ROLE_IN_USE: &str = "FF-3020";
    /// A sign-in through an identity provider is not accepted.
    pub(crate) const SIGN_IN_REFUSED: &str = "FF-3030";
    /// A connection to an identity provider cannot be like that.
    pub(crate) const BAD_CONNECTION: &str = "FF-3031";
    /// An identity provider cannot be used.
    pub(crate) const PROVIDER: &str = "FF-3032";
    /// An identity provider vouches for somebody who has no role.
    pub(crate) const NO_ROLE: &str = "FF-3033";
    /// Something that is in no log was changed meanwhile.
    pub(crate) const CHANGED: &str = "FF-3034";
}
