//! Invitations: the way to an account, and to another organization for who has one.
//!
//! Whoever has the link has the mailbox, so accepting an invitation needs no other proof of the e-mail. The roles are
//! opaque here: they are kept from the invitation, whose sender was allowed to give them, to the command that gives
//! them.

mod accept;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use secrecy::SecretString;
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::error::database;
use crate::redacted::shown;
use crate::secret::Purpose;
use crate::sessions::after;
use crate::{IdentityError, People, email};

pub use accept::{Accept, AcceptError, Accepted};

/// Whom to invite. Printed without the e-mail.
#[derive(Clone)]
pub struct NewInvitation {
    /// Into which organization.
    pub organization: Uuid,
    /// Whose mailbox the link goes to.
    pub email: String,
    /// What they will be given.
    pub roles: Value,
    /// Who invites.
    pub invited_by: Uuid,
}

/// An invitation that was just made.
#[derive(Debug)]
pub struct Invited {
    /// Its id.
    pub id: Uuid,
    /// What goes into the mail.
    pub token: SecretString,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// An invitation that nobody has accepted. Printed without the e-mail.
#[derive(Clone, PartialEq)]
pub struct Invitation {
    /// Its id.
    pub id: Uuid,
    /// Into which organization.
    pub organization: Uuid,
    /// Whom.
    pub email: String,
    /// What they will be given.
    pub roles: Value,
    /// Who invited.
    pub invited_by: Uuid,
    /// When.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// What somebody with the link sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// What it is for.
    pub invitation: Invitation,
    /// Whether there is an account with this e-mail: then they sign in to accept, otherwise they make one.
    pub has_account: bool,
}

shown!(NewInvitation: organization, roles, invited_by);
shown!(Invitation: id, organization, roles, invited_by, created_at, expires_at);

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    organization: Uuid,
    email: String,
    roles: Json<Value>,
    invited_by: Uuid,
    created_at: jiff_sqlx::Timestamp,
    expires_at: jiff_sqlx::Timestamp,
}

const COLUMNS: &str = "id, organization, email, roles, invited_by, created_at, expires_at";

impl People {
    /// Invites somebody. An earlier invitation of the same e-mail into the same organization is worth nothing then.
    ///
    /// # Errors
    /// [`IdentityError::BadEmail`] and [`IdentityError::BadRoles`] before anything is written.
    pub async fn invite(
        &self,
        invitation: NewInvitation,
        now: Timestamp,
    ) -> Result<Invited, IdentityError> {
        let address = email::check(&invitation.email)?;
        if has_nul(&invitation.roles) {
            return Err(IdentityError::BadRoles);
        }
        let (token, hash) = Purpose::Invitation.generate();
        let id = Uuid::now_v7();
        let expires_at = after(now, self.options.invitation);
        sqlx::query(
            "INSERT INTO identity.invitations \
             (id, organization, email, roles, invited_by, token_hash, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (organization, lower(email)) DO UPDATE SET id = excluded.id, \
             email = excluded.email, roles = excluded.roles, invited_by = excluded.invited_by, \
             token_hash = excluded.token_hash, created_at = excluded.created_at, \
             expires_at = excluded.expires_at, accepted_at = NULL",
        )
        .bind(id)
        .bind(invitation.organization)
        .bind(address)
        .bind(Json(&invitation.roles))
        .bind(invitation.invited_by)
        .bind(hash.as_slice())
        .bind(now.to_sqlx())
        .bind(expires_at.to_sqlx())
        .execute(&self.pool)
        .await
        .map_err(database)?;
        Ok(Invited { id, token, expires_at })
    }

    /// The invitations of an organization that nobody has accepted, the newest first. Those whose time is over stay
    /// for a while, to be repeated.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn invitations(&self, organization: Uuid) -> Result<Vec<Invitation>, IdentityError> {
        let rows: Vec<Row> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM identity.invitations \
             WHERE organization = $1 AND accepted_at IS NULL ORDER BY created_at DESC, id DESC"
        ))
        .bind(organization)
        .fetch_all(&self.pool)
        .await
        .map_err(database)?;
        Ok(rows.into_iter().map(Row::into_invitation).collect())
    }

    /// Takes an invitation of this organization back. Whether there was such a one that nobody had accepted.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn withdraw(&self, organization: Uuid, id: Uuid) -> Result<bool, IdentityError> {
        let deleted = sqlx::query(
            "DELETE FROM identity.invitations \
             WHERE id = $1 AND organization = $2 AND accepted_at IS NULL",
        )
        .bind(id)
        .bind(organization)
        .execute(&self.pool)
        .await
        .map_err(database)?;
        Ok(deleted.rows_affected() > 0)
    }

    /// What the invitation with this token is for, if it can be accepted.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] without Postgres.
    pub async fn look(
        &self,
        token: &SecretString,
        now: Timestamp,
    ) -> Result<Option<Look>, IdentityError> {
        let Some(hash) = Purpose::Invitation.hash(token) else { return Ok(None) };
        let row: Option<Row> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM identity.invitations \
             WHERE token_hash = $1 AND accepted_at IS NULL AND expires_at > $2"
        ))
        .bind(hash.as_slice())
        .bind(now.to_sqlx())
        .fetch_optional(&self.pool)
        .await
        .map_err(database)?;
        let Some(invitation) = row.map(Row::into_invitation) else { return Ok(None) };
        let has_account = self.account_by_email(&invitation.email).await?.is_some();
        Ok(Some(Look { invitation, has_account }))
    }
}

impl Row {
    fn into_invitation(self) -> Invitation {
        Invitation {
            id: self.id,
            organization: self.organization,
            email: self.email,
            roles: self.roles.0,
            invited_by: self.invited_by,
            created_at: self.created_at.to_jiff(),
            expires_at: self.expires_at.to_jiff(),
        }
    }
}

/// Whether Postgres would refuse this.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_nul_is_found_wherever_it_is() {
        for with in [json!("\0"), json!([["a\0"]]), json!({"a": {"b": "\0"}}), json!({"a\0": 1})] {
            assert!(has_nul(&with), "{with}");
        }
        assert!(!has_nul(&json!({"a": ["b", 1, null, true, {"c": "d"}]})));
    }
}
