//! Which vault holds the token pairs, and where it is.

use std::fmt;
use std::str::FromStr;

use crate::env::{Env, EnvError};

/// The kinds of vaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenVaultKind {
    /// One secret in Secrets Manager per grant.
    Secret,
    /// Sealed items in the table `Connections`.
    Sealed,
}

impl TokenVaultKind {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Secret => Self::Sealed,
            Self::Sealed => Self::Secret,
        }
    }
}

impl fmt::Display for TokenVaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "secret",
            Self::Sealed => "sealed",
        })
    }
}

/// A word that names no vault.
#[derive(Debug, thiserror::Error)]
#[error("must be `secret` or `sealed`")]
pub struct UnknownVault;

impl FromStr for TokenVaultKind {
    type Err = UnknownVault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "secret" => Ok(Self::Secret),
            "sealed" => Ok(Self::Sealed),
            _ => Err(UnknownVault),
        }
    }
}

/// Where the token pairs lie.
#[derive(Debug, Clone)]
pub struct TokenSettings {
    pub(super) chosen: PlaceSettings,
    pub(super) moving_from: Option<PlaceSettings>,
}

#[derive(Debug, Clone)]
pub(super) enum PlaceSettings {
    Secret { prefix: String },
    Sealed { table: String, key_ring: String },
}

impl TokenSettings {
    /// Reads `TOKEN_VAULT`, `TOKEN_VAULT_MIGRATE_FROM`, and what those vaults need of `TOKEN_SECRET_PREFIX`,
    /// `TOKEN_KEY_RING_SECRET_ID` and `CONNECTIONS_TABLE`.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        const MOVING_FROM: &str = "TOKEN_VAULT_MIGRATE_FROM";
        let chosen = env.optional("TOKEN_VAULT")?.unwrap_or(TokenVaultKind::Secret);
        let moving_from = env.optional::<TokenVaultKind>(MOVING_FROM)?;
        if moving_from == Some(chosen) {
            let why = "must be another vault than TOKEN_VAULT's".to_owned();
            return Err(EnvError::Malformed { name: MOVING_FROM, reason: why });
        }
        Ok(Self {
            chosen: PlaceSettings::of(chosen, env)?,
            moving_from: moving_from.map(|kind| PlaceSettings::of(kind, env)).transpose()?,
        })
    }

    /// One vault alone, whichever the functions use.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing.
    pub fn only(kind: TokenVaultKind, env: &Env) -> Result<Self, EnvError> {
        Ok(Self { chosen: PlaceSettings::of(kind, env)?, moving_from: None })
    }
}

impl PlaceSettings {
    fn of(kind: TokenVaultKind, env: &Env) -> Result<Self, EnvError> {
        Ok(match kind {
            TokenVaultKind::Secret => Self::Secret { prefix: env.required("TOKEN_SECRET_PREFIX")? },
            TokenVaultKind::Sealed => Self::Sealed {
                table: env.required("CONNECTIONS_TABLE")?,
                key_ring: env.required("TOKEN_KEY_RING_SECRET_ID")?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_that_is_unknown_or_lacks_something_is_named() {
        let full = || {
            Env::default()
                .with("TOKEN_SECRET_PREFIX", "p")
                .with("CONNECTIONS_TABLE", "t")
                .with("TOKEN_KEY_RING_SECRET_ID", "r")
        };
        let error = |env: Env| TokenSettings::from_env(&env).unwrap_err().to_string();
        for (vault, lacks) in
            [("", "TOKEN_SECRET_PREFIX"), ("secret", "TOKEN_SECRET_PREFIX"), ("sealed", "TOKEN_KEY_RING_SECRET_ID")]
        {
            let env = full().with("TOKEN_VAULT", vault);
            assert!(TokenSettings::from_env(&env).is_ok(), "{vault}");
            assert_eq!(error(env.with(lacks, "")), format!("environment variable {lacks} is missing"));
        }
        let sealed = full().with("TOKEN_VAULT", "sealed");
        assert!(TokenSettings::from_env(&sealed.clone().with("TOKEN_SECRET_PREFIX", "")).is_ok());
        let moving = sealed.clone().with("TOKEN_VAULT_MIGRATE_FROM", "secret");
        assert!(TokenSettings::from_env(&moving).is_ok());
        assert!(error(moving.with("TOKEN_SECRET_PREFIX", "")).contains("TOKEN_SECRET_PREFIX is missing"));
        assert!(
            error(full().with("TOKEN_VAULT", "s3cret")).starts_with("environment variable TOKEN_VAULT is malformed")
        );
        for wrong in ["sealed", "vault"] {
            let told = error(sealed.clone().with("TOKEN_VAULT_MIGRATE_FROM", wrong));
            assert!(told.starts_with("environment variable TOKEN_VAULT_MIGRATE_FROM is malformed"), "{told}");
        }
    }
}
