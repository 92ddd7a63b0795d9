//! The id in the path of the stack's webhook. Oura lists the subscriptions of every environment of an app; by the id a stack
//! recognizes its own ones, also after a tunnel's address has changed.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;
use url::Url;
use uuid::Uuid;

use crate::files::replace_private;

/// File of the id in the data directory.
const FILE: &str = "webhook-id";

/// Returns the stack's id. It follows from the app and the webhook's address, so a stack that keeps nothing finds its
/// subscriptions at the next start. In a data directory the first id is kept, whatever address follows.
///
/// # Errors
/// If the file of the id cannot be read or written, or holds something else.
pub(super) fn webhook_id(client_id: &str, address: &Url, data_dir: Option<&Path>) -> anyhow::Result<Uuid> {
    let first = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{client_id} {address}").as_bytes());
    let Some(file) = data_dir.map(|directory| directory.join(FILE)) else { return Ok(first) };
    match fs::read_to_string(&file) {
        Ok(kept) => kept.trim().parse().with_context(|| format!("read the webhook's id in {}", file.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = format!("{first}\n");
            replace_private(&file, text.as_bytes())
                .with_context(|| format!("keep the webhook's id in {}", file.display()))?;
            Ok(first)
        }
        Err(error) => Err(error).with_context(|| format!("read the webhook's id in {}", file.display())),
    }
}

/// Appends the id to the path of the webhook's address.
///
/// # Errors
/// If the address has no path.
pub(super) fn with_id(mut address: Url, id: Uuid) -> anyhow::Result<Url> {
    match address.path_segments_mut() {
        Ok(mut path) => path.pop_if_empty().push(&id.to_string()),
        Err(()) => anyhow::bail!("WEBHOOK_URL: must begin with https://"),
    };
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn id_belongs_to_app_and_address_and_is_kept_in_a_data_directory() {
        let (tunnel, next) = (address("https://a.example/webhook"), address("https://b.example/webhook"));
        let of = |app: &str, address: &Url, directory: Option<&Path>| webhook_id(app, address, directory).unwrap();
        let first = of("app", &tunnel, None);
        assert_eq!(first, of("app", &tunnel, None));
        assert!(first != of("other", &tunnel, None) && first != of("app", &next, None));

        let directory = tempfile::tempdir().unwrap();
        let kept = Some(directory.path());
        assert_eq!(of("app", &tunnel, kept), first);
        assert_eq!(of("app", &next, kept), first, "the tunnel has another address now");
        fs::write(directory.path().join(FILE), "else").unwrap();
        let error = format!("{:#}", webhook_id("app", &next, kept).unwrap_err());
        assert!(error.contains(FILE), "{error}");
    }

    #[test]
    fn id_is_the_last_part_of_the_path() {
        let id = Uuid::nil();
        for text in ["https://a.example/webhook", "https://a.example/webhook/"] {
            assert_eq!(with_id(address(text), id).unwrap().path(), format!("/webhook/{id}"));
        }
        assert!(with_id(address("mailto:a"), id).is_err());
    }
}
