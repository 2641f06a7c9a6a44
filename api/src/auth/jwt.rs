//! Access tokens: JWT with HMAC-SHA256 on ring, one header form, every claim required and typed.

use crate::auth::tokens::random;
use domain::identity::User;
use domain::ports::UserStore;
use domain::{Error, Id, Result, Time};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error as JwtError, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::hmac;
use serde::{Deserialize, Serialize};
use signature::{Signer, Verifier};
use std::sync::Once;

/// Life of an access token, seconds.
pub(crate) const LIFE_SECS: i64 = 15 * 60;
/// How far the clock of another replica may be ahead, seconds.
const SKEW_SECS: i64 = 5;
const ISSUER: &str = "aiops";
const AUDIENCE: &str = "aiops-api";
/// `{"typ":"JWT","alg":"HS256"}`; any other header (another algorithm, `kid`, `jwk`, `crit`) is refused unread.
const HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9";

struct Hs256(hmac::Key);

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> Result<(), signature::Error> {
        // Compares in constant time.
        hmac::verify(&self.0, message, tag).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn hs256(algorithm: Algorithm, key: &[u8]) -> Result<Hs256, JwtError> {
    if algorithm == Algorithm::HS256 {
        Ok(Hs256(hmac::Key::new(hmac::HMAC_SHA256, key)))
    } else {
        Err(ErrorKind::InvalidAlgorithm.into())
    }
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key: &EncodingKey| Ok(Box::new(hs256(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key: &DecodingKey| Ok(Box::new(hs256(*algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};
static INSTALL: Once = Once::new();

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) aud: String,
    /// The user.
    pub(crate) sub: Id,
    /// This token.
    pub(crate) jti: Id,
    /// The login: the family of its refresh tokens.
    pub(crate) sid: Id,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) exp: i64,
    /// `iat` to the millisecond, for revocation inside one second.
    pub(crate) iat_ms: i64,
}

/// The signing key.
pub(crate) struct Keys {
    sign: EncodingKey,
    check: DecodingKey,
    validation: Validation,
}

impl Keys {
    /// Reads the key; made at the first start.
    pub(crate) async fn load(users: &dyn UserStore) -> Result<Self> {
        Self::from_secret(&users.secret("jwt", &random()?).await?)
    }

    pub(crate) fn from_secret(secret: &[u8]) -> Result<Self> {
        if secret.len() < 32 {
            return Err(Error::internal("the signing key is shorter than 32 bytes"));
        }
        // Somebody else's provider would be as good: only HS256 is ever asked of it.
        INSTALL.call_once(|| {
            if PROVIDER.install_default().is_err() {
                tracing::debug!("another provider of signatures is installed");
            }
        });
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        // Times are judged by the injected clock, below.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self { sign: EncodingKey::from_secret(secret), check: DecodingKey::from_secret(secret), validation })
    }

    /// A new token for `user` in the login `sid`.
    pub(crate) fn issue(&self, user: &User, sid: Id, now: Time) -> Result<String> {
        let iat = now.timestamp();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.id,
            jti: domain::new_id(),
            sid,
            iat,
            nbf: iat,
            exp: iat + LIFE_SECS,
            iat_ms: now.timestamp_millis(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign).map_err(Error::internal)
    }

    /// The claims of a token that is ours and valid now; `None` for every other one.
    pub(crate) fn check(&self, token: &str, now: Time) -> Option<Claims> {
        let (header, rest) = token.split_once('.')?;
        if header != HEADER || token.len() > 2_048 || rest.split('.').count() != 2 {
            return None;
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.check, &self.validation).ok()?.claims;
        let at = now.timestamp();
        let begun = claims.nbf <= at + SKEW_SECS && claims.iat <= at + SKEW_SECS;
        let times = begun && at < claims.exp && claims.exp - claims.iat <= LIFE_SECS;
        let exact = claims.iat_ms.div_euclid(1_000) == claims.iat;
        (times && exact && claims.iss == ISSUER && claims.aud == AUDIENCE).then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::from_millis;
    use domain::identity::Role;

    #[test]
    fn a_token_says_what_was_put_in_and_short_keys_are_refused() {
        for weak in [&b""[..], b"secret", &[7; 31]] {
            assert!(Keys::from_secret(weak).is_err());
        }
        let (keys, now) = (Keys::from_secret(&[7; 32]).unwrap(), from_millis(1_800_000_000_250));
        let user = User {
            id: domain::new_id(),
            username: "ann".to_owned(),
            password_hash: String::new(),
            role: Role::Viewer,
            tokens_valid_from: now,
            disabled: false,
            created_at: now,
        };
        let sid = domain::new_id();
        let token = keys.issue(&user, sid, now).unwrap();
        assert!(token.starts_with(HEADER));
        let claims = keys.check(&token, now).unwrap();
        assert_eq!(
            (claims.sub, claims.sid, claims.iat_ms, claims.exp - claims.iat),
            (user.id, sid, 1_800_000_000_250, LIFE_SECS)
        );
        assert_eq!(Keys::from_secret(&[8; 32]).unwrap().check(&token, now), None, "another key");
    }
}
