//! What can happen.

use crate::named::named;

named! {
    /// What happened. The names are a contract: they stand in the log for as long as it is kept.
    pub enum Kind {
        /// Somebody signed in with a password, or failed to.
        SignIn => "sign_in",
        /// Somebody signed out.
        SignOut => "sign_out",
        /// A refresh token was exchanged for a new one.
        SessionRefreshed => "session.refreshed",
        /// A refresh token came a second time: somebody has a copy, so the session was ended.
        SessionReuseDetected => "session.reuse_detected",
        /// A session, or all of a person's, was ended before its time.
        SessionRevoked => "session.revoked",
        /// Somebody changed their password.
        PasswordChanged => "password.changed",
        /// Somebody asked for a way to set a new password.
        PasswordResetRequested => "password.reset_requested",
        /// A password was set anew without the old one.
        PasswordReset => "password.reset",
        /// Too many wrong passwords: signing in is refused for a while.
        AccountLocked => "account.locked",
        /// A person came to be known.
        PersonCreated => "person.created",
        /// A person may not sign in any more.
        PersonDisabled => "person.disabled",
        /// A person who might not sign in may again.
        PersonEnabled => "person.enabled",
        /// A person's data was erased.
        PersonErased => "person.erased",
        /// Somebody was invited.
        InvitationCreated => "invitation.created",
        /// An invitation was taken up.
        InvitationAccepted => "invitation.accepted",
        /// An invitation was taken back.
        InvitationWithdrawn => "invitation.withdrawn",
        /// Somebody became a member of an organization.
        MemberAdded => "member.added",
        /// Somebody is no member any more.
        MemberRemoved => "member.removed",
        /// A role was given.
        RoleGiven => "role.given",
        /// A role was taken away.
        RoleTaken => "role.taken",
        /// A role of an organization's own was defined, or defined anew.
        RoleDefined => "role.defined",
        /// A role of an organization's own is no more.
        RoleRemoved => "role.removed",
        /// A key was issued.
        KeyIssued => "key.issued",
        /// A key was replaced by another, with or without an overlap.
        KeyRotated => "key.rotated",
        /// A key was revoked.
        KeyRevoked => "key.revoked",
        /// A key was used: once for each service, network and hour.
        KeyUsed => "key.used",
        /// A key was shown and refused.
        KeyRefused => "key.refused",
        /// Somebody known tried what they may not do.
        AccessDenied => "access.denied",
        /// How an organization's identity provider is used was changed.
        SsoConfigured => "sso.configured",
        /// Somebody signed in through an identity provider.
        SsoSignIn => "sso.sign_in",
        /// A sign-in through an identity provider was refused.
        SsoRefused => "sso.refused",
        /// Somebody sent more than they may.
        LimitExceeded => "limit.exceeded",
        /// A browser's request did not prove that it comes from a page of ours.
        CsrfRefused => "csrf.refused",
    }
}

impl Kind {
    /// Whether somebody without any right can bring it about as often as they like, also when it succeeds.
    pub(crate) fn by_anyone(self) -> bool {
        matches!(
            self,
            Self::PasswordResetRequested
                | Self::AccountLocked
                | Self::KeyRefused
                | Self::AccessDenied
                | Self::SsoRefused
                | Self::LimitExceeded
                | Self::CsrfRefused
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_are_the_same_in_json() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.as_str()), Some(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(Kind::from_name("Sign_In"), None);
    }
}
