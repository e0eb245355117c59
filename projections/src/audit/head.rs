//! Signed heads: "at this position the chain had this hash", with Ed25519.

use std::{
    io::{Error, ErrorKind, Read as _, Write as _},
    path::Path,
    time::Duration,
};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use ff_eventlog::Position;
use jiff::Timestamp;
use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, Row as _};

use crate::{ProjectionError, ProjectionName, checkpoint::Checkpoint};

/// What is signed begins with this, so that the key cannot be made to sign it as something else.
const DOMAIN: &[u8] = b"ff audit head 1\0";

/// Where the chain was at a position, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// The last commit of the chain then.
    pub position: Position,
    /// The hash of its row, hex.
    #[serde(with = "hexadecimal")]
    pub row_hash: [u8; 32],
    /// Whose signature it is, hex.
    #[serde(with = "hexadecimal")]
    pub public_key: [u8; 32],
    /// The signature, hex.
    #[serde(with = "hexadecimal")]
    pub signature: [u8; 64],
    /// When it was signed.
    pub at: Timestamp,
}

impl SignedHead {
    /// Whether the signature is the key's.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.public_key) else { return false };
        let signature = Signature::from_bytes(&self.signature);
        key.verify_strict(&message(self.position, &self.row_hash), &signature).is_ok()
    }
}

fn message(position: Position, row_hash: &[u8; 32]) -> Vec<u8> {
    [DOMAIN, &position.get().to_be_bytes(), row_hash].concat()
}

/// The signing key in a file, 64 hexadecimal characters. If there is no such file, a new key is written to one that only
/// its owner can read.
pub fn load_or_create_key(path: &Path) -> Result<SigningKey, ProjectionError> {
    let read = || -> Result<SigningKey, Error> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut bytes = [0; 32];
        match options.open(path) {
            Ok(mut file) => {
                rand::rng().fill_bytes(&mut bytes);
                file.write_all(hex::encode(bytes).as_bytes())?;
                file.sync_all()?;
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let mut text = String::new();
                std::fs::File::open(path)?.take(1024).read_to_string(&mut text)?;
                hex::decode_to_slice(text.trim(), &mut bytes)
                    .map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
            }
            Err(error) => return Err(error),
        }
        Ok(SigningKey::from_bytes(&bytes))
    };
    read().map_err(|source| ProjectionError::SigningKey { path: path.to_owned(), source })
}

/// Signs where the chain is now; none if it is empty. Signing the same head again changes nothing.
pub async fn sign_head(
    pool: &PgPool,
    key: &SigningKey,
) -> Result<Option<SignedHead>, ProjectionError> {
    let error = ProjectionError::sql("sign the audit log");
    let mut connection = pool.acquire().await.map_err(&error)?;
    let live = Checkpoint::live(&mut connection, ProjectionName::Audit).await.map_err(&error)?;
    let Some(Checkpoint { schema, .. }) = live else { return Ok(None) };
    let sql = format!("SELECT position, row_hash FROM {schema}.log ORDER BY position DESC LIMIT 1");
    let Some(row) = sqlx::query(&sql).fetch_optional(&mut *connection).await.map_err(&error)?
    else {
        return Ok(None);
    };
    let (position, row_hash): (i64, [u8; 32]) =
        (row.try_get("position").map_err(&error)?, row.try_get("row_hash").map_err(&error)?);
    let position = Position::from_i64(position).unwrap_or(Position::ZERO);
    let signature = key.sign(&message(position, &row_hash)).to_bytes();
    let public_key = key.verifying_key().to_bytes();
    sqlx::query(
        "INSERT INTO audit.head (position, row_hash, public_key, signature) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (position, public_key) DO NOTHING",
    )
    .bind(position.as_i64())
    .bind(row_hash)
    .bind(public_key)
    .bind(signature)
    .execute(&mut *connection)
    .await
    .map_err(&error)?;
    let at: jiff_sqlx::Timestamp =
        sqlx::query_scalar("SELECT at FROM audit.head WHERE position = $1 AND public_key = $2")
            .bind(position.as_i64())
            .bind(public_key)
            .fetch_one(&mut *connection)
            .await
            .map_err(&error)?;
    Ok(Some(SignedHead { position, row_hash, public_key, signature, at: at.to_jiff() }))
}

/// All heads that were signed, the oldest first.
pub async fn heads(pool: &PgPool) -> Result<Vec<SignedHead>, ProjectionError> {
    let error = ProjectionError::sql("read the signed heads");
    let rows = sqlx::query(
        "SELECT position, row_hash, public_key, signature, at FROM audit.head \
         ORDER BY position, public_key",
    )
    .fetch_all(pool)
    .await
    .map_err(&error)?;
    rows.iter()
        .map(|row| {
            Ok(SignedHead {
                position: Position::from_i64(row.try_get("position")?).unwrap_or(Position::ZERO),
                row_hash: row.try_get("row_hash")?,
                public_key: row.try_get("public_key")?,
                signature: row.try_get("signature")?,
                at: row.try_get::<jiff_sqlx::Timestamp, _>("at")?.to_jiff(),
            })
        })
        .collect::<Result<_, sqlx::Error>>()
        .map_err(&error)
}

/// Signs the head of the audit log at intervals.
#[derive(Clone)]
pub struct Signer {
    /// With what.
    pub key: SigningKey,
    /// How often.
    pub every: Duration,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("every", &self.every).finish_non_exhaustive()
    }
}

impl Signer {
    /// Signs until it is dropped. Postgres may be away meanwhile.
    pub(crate) async fn run(self, pool: PgPool) {
        let mut failing = false;
        loop {
            tokio::time::sleep(self.every).await;
            match sign_head(&pool, &self.key).await {
                Ok(_) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(%error, "audit.head_not_signed");
                }
                Err(_) => {}
            }
        }
    }
}

/// Bytes as text.
mod hexadecimal {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        from: D,
    ) -> Result<[u8; N], D::Error> {
        let mut bytes = [0; N];
        let text = Cow::<'de, str>::deserialize(from)?;
        hex::decode_to_slice(&*text, &mut bytes).map_err(D::Error::custom)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_a_bad_one_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let key = load_or_create_key(&path).unwrap();
        assert_eq!(load_or_create_key(&path).unwrap().to_bytes(), key.to_bytes());
        std::fs::write(&path, "abc").unwrap();
        let error = load_or_create_key(&path).unwrap_err();
        assert_eq!(error.code(), "FF-2216");
    }

    #[test]
    fn a_signature_is_for_one_head_only() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let (position, row_hash) = (Position::new(1, 9), [3; 32]);
        let head = SignedHead {
            position,
            row_hash,
            public_key: key.verifying_key().to_bytes(),
            signature: key.sign(&message(position, &row_hash)).to_bytes(),
            at: Timestamp::UNIX_EPOCH,
        };
        assert!(head.is_signed());
        assert!(!SignedHead { position: Position::new(1, 8), ..head.clone() }.is_signed());
        assert!(!SignedHead { row_hash: [4; 32], ..head.clone() }.is_signed());
        let text = serde_json::to_string(&head).unwrap();
        assert_eq!(serde_json::from_str::<SignedHead>(&text).unwrap(), head);
    }
}
