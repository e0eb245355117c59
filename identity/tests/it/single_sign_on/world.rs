//! Single sign-on of one organization, on a database of its own.

use std::time::Duration;

use ff_identity::oidc::{
    Begun, Callback, Connection, ConnectionDraft, External, FinishError, GroupRoles, Outbound,
    OutboundOptions, Reach, SingleSignOn,
};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;
use sqlx::PgPool;
use url::Url;
use uuid::Uuid;

use super::hostile::{Claims, Hostile, Signer};

pub(super) use ff_testkit::identity_provider::{CLIENT, SECRET};
pub(super) const SEALING_KEY: &str = "a sealing key of tests, long enough for it";

pub(super) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub(super) struct World {
    pub(super) sso: SingleSignOn,
    pub(super) pool: PgPool,
    pub(super) organization: Uuid,
}

/// A login that was sent to the provider.
pub(super) struct Login {
    pub(super) connection: Uuid,
    pub(super) begun: Begun,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::waiting(Duration::from_secs(20)).await
    }

    /// With another patience for providers.
    pub(super) async fn waiting(timeout: Duration) -> Self {
        let pool = ff_testkit::postgres::database().await.pool;
        ff_projections::migrate::migrate_up(&pool).await.unwrap();
        let outbound = Outbound::new(OutboundOptions {
            reach: Reach::Internal,
            timeout,
            ..OutboundOptions::default()
        })
        .unwrap();
        let sso = SingleSignOn::new(pool.clone(), &SEALING_KEY.into(), outbound).unwrap();
        Self { sso, pool, organization: Uuid::now_v7() }
    }

    pub(super) async fn connect(&self, issuer: &str) -> Connection {
        self.sso.create_connection(self.organization, draft(issuer), now()).await.unwrap()
    }

    pub(super) async fn begin(&self, connection: &Connection) -> Login {
        self.begin_at(connection, now()).await
    }

    pub(super) async fn begin_at(&self, connection: &Connection, at: Timestamp) -> Login {
        let redirect = redirect_uri(connection.id);
        let begun = self.sso.begin(connection.id, &redirect, "/flags?all=1", at).await.unwrap();
        Login { connection: connection.id, begun }
    }

    /// A whole login at the hostile provider, which says `change` of somebody.
    pub(super) async fn log_in(
        &self,
        provider: &Hostile,
        connection: &Connection,
        change: impl FnOnce(&mut Claims),
    ) -> Result<External, FinishError> {
        let login = self.begin(connection).await;
        let mut claims = login.claims(provider);
        change(&mut claims);
        let code = provider.hand_out(&login, Signer::ed25519(1).sign(&claims));
        self.sso.finish(login.callback(&code), now()).await
    }
}

pub(super) fn redirect_uri(connection: Uuid) -> Url {
    format!("https://flags.example.com/sso/{connection}/callback").parse().unwrap()
}

pub(super) fn draft(issuer: &str) -> ConnectionDraft {
    ConnectionDraft {
        name: "Example".to_owned(),
        issuer: issuer.to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(SecretString::from(SECRET)),
        groups_claim: Some("groups".to_owned()),
        group_roles: vec![
            GroupRoles { group: "engineering".to_owned(), roles: json!([{ "role": "editor" }]) },
            GroupRoles {
                group: "everybody".to_owned(),
                roles: json!([{ "role": "viewer" }, { "role": "editor" }]),
            },
        ],
        default_roles: json!([{ "role": "guest" }]),
        email_domains: vec!["example.com".to_owned()],
        require_email: false,
        enabled: true,
    }
}

impl Login {
    pub(super) fn query(&self, name: &str) -> String {
        let mut pairs = self.begun.authorize_url.query_pairs();
        pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
    }

    /// What an honest provider would say of Ada.
    pub(super) fn claims(&self, provider: &Hostile) -> Claims {
        let at = now().as_second();
        let claims = json!({
            "iss": provider.issuer, "sub": "ada", "aud": CLIENT, "iat": at, "exp": at + 300,
            "nonce": self.query("nonce"), "name": "Ada Lovelace", "email": "ada@example.com",
            "email_verified": true, "groups": ["engineering"],
        });
        claims.as_object().unwrap().clone()
    }

    pub(super) fn callback(&self, code: &str) -> Callback {
        Callback {
            connection: self.connection,
            state: self.query("state").into(),
            code: Some(code.into()),
            error: None,
            issuer: None,
            browser_secret: self.begun.browser_secret.clone(),
        }
    }
}
