//! An identity provider as its discovery document describes it, and what of `openidconnect` is used here.

use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, AuthType, Client, ClientId, ClientSecret,
    DiscoveryError, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken,
    IdTokenFields, IssuerUrl, JsonWebKeySet, ProviderMetadata, StandardErrorResponse,
    StandardTokenResponse,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
        CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
        CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
        CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    network::AddressError,
    outbound::{Outbound, OutboundError},
};

/// How ID tokens may be signed: with a key that the provider alone has.
pub(super) const ALGORITHMS: [CoreJwsSigningAlgorithm; 5] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Claims that OpenID Connect does not name, groups among them.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(super) struct MoreClaims(pub(super) Map<String, Value>);
impl AdditionalClaims for MoreClaims {}

/// What later standards added to the discovery document.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(super) struct MoreMetadata {
    /// The provider says in its callbacks who it is (RFC 9207).
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}
impl AdditionalProviderMetadata for MoreMetadata {}

pub(super) type Metadata = ProviderMetadata<
    MoreMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;
pub(super) type Token = IdToken<
    MoreClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
pub(super) type Tokens = StandardTokenResponse<
    IdTokenFields<
        MoreClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;
pub(super) type TokenRefusal = StandardErrorResponse<CoreErrorResponseType>;
pub(super) type ProviderClient = Client<
    MoreClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    TokenRefusal,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A provider whose discovery document was read and found usable.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) metadata: Metadata,
    auth_type: AuthType,
}

/// A provider cannot be used, or not reached.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The issuer, or an address in its discovery document, must not be asked.
    #[error(transparent)]
    Address(AddressError),
    /// It gave no answer, or none that could be used.
    #[error("the identity provider gave no usable answer")]
    Request(#[source] OutboundError),
    /// It answered with an error.
    #[error(
        "the identity provider answered with status {status} where its discovery document or keys should be"
    )]
    Status {
        /// The status.
        status: u16,
    },
    /// What is there is no discovery document, or no set of keys.
    #[error("the identity provider's discovery document or keys cannot be read, look at `{at}`")]
    Malformed {
        /// Where in the document.
        at: String,
    },
    /// It is the document of another issuer.
    #[error(
        "the discovery document names another issuer: give the issuer exactly as the provider writes it, down to the slash at the end"
    )]
    OtherIssuer,
    /// Authorization codes cannot be redeemed at it.
    #[error(
        "the discovery document has no `token_endpoint`: the provider must support the authorization code flow"
    )]
    NoTokenEndpoint,
    /// It signs ID tokens in no way that is accepted.
    #[error("the identity provider must sign ID tokens with RS256, PS256, ES256, ES384 or EdDSA")]
    NoAlgorithm,
    /// It does not take a client secret.
    #[error("the identity provider must accept `client_secret_basic` or `client_secret_post`")]
    NoClientSecret,
    /// It has no key.
    #[error("the identity provider publishes no key that can be used: look at its `jwks_uri`")]
    NoKeys,
}

impl Provider {
    /// Reads the discovery document and the keys of `issuer`.
    pub(super) async fn discover(issuer: &str, outbound: &Outbound) -> Result<Self, ProviderError> {
        let reach = outbound.reach();
        reach.check_issuer(issuer).map_err(ProviderError::Address)?;
        let issuer = IssuerUrl::new(issuer.to_owned())
            .map_err(|_| ProviderError::Malformed { at: "issuer".to_owned() })?;
        let metadata = Metadata::discover_async(issuer, outbound).await.map_err(explain)?;
        // The browser is sent there; the others are checked when they are asked.
        reach.check(metadata.authorization_endpoint()).map_err(ProviderError::Address)?;
        let token_endpoint = metadata.token_endpoint().ok_or(ProviderError::NoTokenEndpoint)?;
        reach.check(token_endpoint).map_err(ProviderError::Address)?;
        let signs = metadata.id_token_signing_alg_values_supported();
        if !signs.iter().any(|algorithm| ALGORITHMS.contains(algorithm)) {
            return Err(ProviderError::NoAlgorithm);
        }
        if metadata.jwks().keys().is_empty() {
            return Err(ProviderError::NoKeys);
        }
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes = |method| methods.is_none_or(|methods| methods.contains(&method));
        let auth_type = if takes(CoreClientAuthMethod::ClientSecretBasic) {
            AuthType::BasicAuth
        } else if takes(CoreClientAuthMethod::ClientSecretPost) {
            AuthType::RequestBody
        } else {
            return Err(ProviderError::NoClientSecret);
        };
        Ok(Self { metadata, auth_type })
    }

    /// The same with the keys it has now.
    pub(super) async fn with_keys_of_now(
        &self,
        outbound: &Outbound,
    ) -> Result<Self, ProviderError> {
        let keys = JsonWebKeySet::fetch_async(self.metadata.jwks_uri(), outbound);
        let metadata = self.metadata.clone().set_jwks(keys.await.map_err(explain)?);
        Ok(Self { metadata, auth_type: self.auth_type.clone() })
    }

    /// To talk to it as this client.
    pub(super) fn client(&self, client_id: &str, secret: Option<&SecretString>) -> ProviderClient {
        let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let id = ClientId::new(client_id.to_owned());
        ProviderClient::from_provider_metadata(self.metadata.clone(), id, secret)
            .set_auth_type(self.auth_type.clone())
    }
}

/// Without what the provider answered.
fn explain(error: DiscoveryError<OutboundError>) -> ProviderError {
    let at = |at: &str| ProviderError::Malformed { at: at.to_owned() };
    match error {
        DiscoveryError::Request(OutboundError::Address(error)) => ProviderError::Address(error),
        DiscoveryError::Request(error) => ProviderError::Request(error),
        DiscoveryError::Response(status, ..) if status.is_success() => at("Content-Type"),
        DiscoveryError::Response(status, ..) => ProviderError::Status { status: status.as_u16() },
        DiscoveryError::Parse(error) => at(&error.path().to_string()),
        DiscoveryError::Validation(_) => ProviderError::OtherIssuer,
        _ => at("issuer"),
    }
}
