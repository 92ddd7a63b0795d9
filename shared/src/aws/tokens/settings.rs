//! Settings of the token vaults.

use crate::env::{Env, EnvError};

/// Kind of a token vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "lowercase", parse_err_ty = UnknownVault, parse_err_fn = unknown_vault)]
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

/// A name of no vault.
#[derive(Debug, thiserror::Error)]
#[error("must be `secret` or `sealed`")]
pub struct UnknownVault;

fn unknown_vault(_name: &str) -> UnknownVault {
    UnknownVault
}

/// The chosen vault, and the one that a fleet migrates from.
#[derive(Debug, Clone)]
pub struct TokenSettings {
    pub(super) chosen: VaultSettings,
    pub(super) migrate_from: Option<VaultSettings>,
}

#[derive(Debug, Clone)]
pub(super) enum VaultSettings {
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
        const MIGRATE_FROM: &str = "TOKEN_VAULT_MIGRATE_FROM";
        let chosen = env.optional("TOKEN_VAULT")?.unwrap_or(TokenVaultKind::Secret);
        let migrate_from = env.optional::<TokenVaultKind>(MIGRATE_FROM)?;
        if migrate_from == Some(chosen) {
            let reason = "must be another vault than TOKEN_VAULT's".to_owned();
            return Err(EnvError::Malformed { name: MIGRATE_FROM, reason });
        }
        Ok(Self {
            chosen: VaultSettings::of(chosen, env)?,
            migrate_from: migrate_from.map(|kind| VaultSettings::of(kind, env)).transpose()?,
        })
    }

    /// One vault alone, whichever the functions use.
    ///
    /// # Errors
    /// [`EnvError`] names the variable that is missing.
    pub fn only(kind: TokenVaultKind, env: &Env) -> Result<Self, EnvError> {
        Ok(Self { chosen: VaultSettings::of(kind, env)?, migrate_from: None })
    }
}

impl VaultSettings {
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
    fn settings_name_the_missing_or_malformed_variable() {
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
        let migrating = sealed.clone().with("TOKEN_VAULT_MIGRATE_FROM", "secret");
        assert!(TokenSettings::from_env(&migrating).is_ok());
        assert!(error(migrating.with("TOKEN_SECRET_PREFIX", "")).contains("TOKEN_SECRET_PREFIX is missing"));
        assert!(
            error(full().with("TOKEN_VAULT", "s3cret")).starts_with("environment variable TOKEN_VAULT is malformed")
        );
        for wrong in ["sealed", "vault"] {
            let error = error(sealed.clone().with("TOKEN_VAULT_MIGRATE_FROM", wrong));
            assert!(error.starts_with("environment variable TOKEN_VAULT_MIGRATE_FROM is malformed"), "{error}");
        }
    }
}
