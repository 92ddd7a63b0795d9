//! Secrets as types: they do not print, do not compare, and are wiped from memory when dropped.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

macro_rules! secret_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        // No `PartialEq`: comparing secrets with `==` leaks their beginnings through time.
        #[derive(Clone)]
        pub struct $name(SecretString);

        impl $name {
            /// Wraps a text of any form.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Self {
                Self(SecretString::from(text.into()))
            }

            /// Returns the secret, for the code that sends or stores it.
            #[must_use]
            pub fn expose(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    };
}

secret_text!(
    /// Token for one patient's data at Oura.
    AccessToken
);
secret_text!(
    /// Token for one new pair of tokens. Oura accepts it once.
    RefreshToken
);
secret_text!(
    /// Code from Oura's consent page, valid for one exchange within minutes.
    AuthorizationCode
);
secret_text!(
    /// Secret of the registered app; also the key of webhook signatures.
    ClientSecret
);
secret_text!(
    /// Secret half of a proof key (RFC 7636): stored here, while the browser carries its hash to Oura.
    PkceVerifier
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print() {
        let token = AccessToken::new("tok-3c1");
        assert_eq!(format!("{token:?} {:?}", Some(RefreshToken::new("ref-9d2"))), {
            "AccessToken([redacted]) Some(RefreshToken([redacted]))"
        });
        assert_eq!(token.clone().expose(), "tok-3c1");
    }
}
