//! Secrets Manager: the engine `winterbaume-secretsmanager`, corrected and kept in a file.
//!
//! The engine ignores `ClientRequestToken` when it creates a secret and lets a repeated token overwrite a version, while the
//! token vault relies on tokens being write-once; it loses binary values and checks neither names nor sizes. Known and left:
//! `AWSPREVIOUS` stays on every earlier version, and versions are never removed.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use winterbaume_core::{MockRequest, MockService as _, StatefulService as _, default_account_id};
use winterbaume_secretsmanager::{SecretsManagerService, SecretsmanagerStateView};

use super::REGION;
use super::call::Service;
use super::engine;
use super::reply::Reply;

/// The longest value, in bytes (Secrets Manager quotas).
const LONGEST_VALUE: usize = 65_536;

/// The engine copies all it holds with every call that succeeds, reads included. Of ten thousand secrets that takes a tenth of
/// a second, so they are divided among so many engines by their names.
const ENGINES: usize = 512;

/// The running engine.
pub(crate) struct Secrets {
    engines: Vec<SecretsManagerService>,
    file: Option<PathBuf>,
    /// One call at a time: a correction is several calls to the engine, and the file follows the order of the changes.
    turn: Mutex<()>,
}

impl Secrets {
    /// Opens the secrets of a file, or none.
    pub async fn start(file: Option<PathBuf>) -> anyhow::Result<Self> {
        let engines: Vec<_> = (0..ENGINES).map(|_| SecretsManagerService::new()).collect();
        if let Some(file) = &file
            && let Some(state) = load(file).with_context(|| format!("read the secrets in {}", file.display()))?
        {
            let mut parts = vec![HashMap::new(); ENGINES];
            for (name, secret) in state.secrets {
                parts[place(&name)].insert(name, secret);
            }
            for (engine, secrets) in engines.iter().zip(parts).filter(|(_, secrets)| !secrets.is_empty()) {
                let restored = engine.restore(default_account_id(), REGION, SecretsmanagerStateView { secrets }).await;
                restored.with_context(|| format!("restore the secrets in {}", file.display()))?;
            }
        }
        Ok(Self { engines, file, turn: Mutex::new(()) })
    }

    /// Answers a call.
    pub async fn answer(&self, operation: &str, request: MockRequest, mutates: bool) -> Reply {
        let _turn = self.turn.lock().await;
        let reply = match operation {
            "CreateSecret" => self.create(&request).await,
            "PutSecretValue" => self.put(&request).await,
            "ListSecrets" => self.list().await,
            _ => match fields(&request) {
                Ok(input) => self.engine_of(&input).handle(request).await.into(),
                Err(_malformed) => malformed(),
            },
        };
        if mutates
            && reply.status.is_success()
            && let Err(error) = self.save().await
        {
            tracing::error!(event = "local.secrets_not_saved", %error, "secrets were not saved");
            let status = http::StatusCode::INTERNAL_SERVER_ERROR;
            return Reply::error(
                Service::SecretsManager,
                status,
                "InternalServiceError",
                "The secrets could not be saved",
            );
        }
        reply
    }

    async fn create(&self, request: &MockRequest) -> Reply {
        let Ok(mut input) = fields(request) else { return malformed() };
        if let Some(refusal) = refusal(&input) {
            return refusal;
        }
        let name = text(&input, "Name");
        let allowed = |c: char| c.is_ascii_alphanumeric() || "/_+=.@!-".contains(c);
        if name.is_empty() || name.len() > 512 || !name.chars().all(allowed) {
            return refused("ValidationException", "Invalid name. Must be 1 to 512 letters, digits or any of /_+=.@!-");
        }
        let token = text(&input, "ClientRequestToken");
        let existing = self.call("DescribeSecret", &json!({"SecretId": name})).await;
        if existing.status.is_success() {
            let existing = existing.value();
            if !existing["DeletedDate"].is_null() {
                let message =
                    "You can't create this secret because a secret with this name is already scheduled for deletion.";
                return refused("InvalidRequestException", message);
            }
            return match self.repeated(&name, &token, &input).await {
                Some(Ok(version)) => {
                    let answer = json!({"ARN": existing["ARN"], "Name": name, "VersionId": version["VersionId"]});
                    Reply::ok(Service::SecretsManager, &answer)
                }
                _ => refused("ResourceExistsException", "The operation failed because the secret already exists."),
            };
        }
        let value = input.remove("SecretString");
        input.remove("ClientRequestToken");
        let created = self.call("CreateSecret", &Value::Object(input)).await;
        let (true, Some(value)) = (created.status.is_success(), value) else { return created };
        let mut version = json!({"SecretId": name, "SecretString": value});
        if !token.is_empty() {
            version["ClientRequestToken"] = token.into();
        }
        let stored = self.call("PutSecretValue", &version).await;
        if !stored.status.is_success() {
            return stored;
        }
        let stored = stored.value();
        Reply::ok(
            Service::SecretsManager,
            &json!({"ARN": stored["ARN"], "Name": name, "VersionId": stored["VersionId"]}),
        )
    }

    async fn put(&self, request: &MockRequest) -> Reply {
        let Ok(input) = fields(request) else { return malformed() };
        if let Some(refusal) = refusal(&input) {
            return refusal;
        }
        if !input.contains_key("SecretString") {
            return refused("InvalidParameterException", "You must provide either SecretString or SecretBinary.");
        }
        let token = text(&input, "ClientRequestToken");
        match self.repeated(&text(&input, "SecretId"), &token, &input).await {
            Some(Ok(version)) => {
                let mut answer = Map::new();
                for field in ["ARN", "Name", "VersionId", "VersionStages"] {
                    answer.insert(field.into(), version[field].clone());
                }
                Reply::ok(Service::SecretsManager, &Value::Object(answer))
            }
            Some(Err(refusal)) => refusal,
            None => self.call("PutSecretValue", &Value::Object(input)).await,
        }
    }

    /// A request whose token already names a version: that version if the value is the same, else the refusal.
    async fn repeated(&self, secret: &str, token: &str, input: &Map<String, Value>) -> Option<Result<Value, Reply>> {
        if token.is_empty() {
            return None;
        }
        let version = self.call("GetSecretValue", &json!({"SecretId": secret, "VersionId": token})).await;
        if !version.status.is_success() {
            return None;
        }
        let version = version.value();
        if Some(&version["SecretString"]) == input.get("SecretString") {
            return Some(Ok(version));
        }
        let message = "You can't modify an existing version, you can only create a new version.";
        Some(Err(refused("ResourceExistsException", message)))
    }

    async fn list(&self) -> Reply {
        let mut all = Vec::new();
        for engine in &self.engines {
            let reply: Reply =
                engine.handle(engine::request(Service::SecretsManager, "ListSecrets", &json!({}))).await.into();
            if let Value::Array(mut some) = reply.value()["SecretList"].take() {
                all.append(&mut some);
            }
        }
        Reply::ok(Service::SecretsManager, &json!({ "SecretList": all }))
    }

    /// Calls the engine that has the secret; the input is an object.
    async fn call(&self, operation: &str, input: &Value) -> Reply {
        let engine = input.as_object().map_or(&self.engines[0], |input| self.engine_of(input));
        engine.handle(engine::request(Service::SecretsManager, operation, input)).await.into()
    }

    /// The engine that has, or would have, the secret that a call is about.
    fn engine_of(&self, input: &Map<String, Value>) -> &SecretsManagerService {
        let id = ["SecretId", "Name"].map(|field| text(input, field)).into_iter().find(|id| !id.is_empty());
        &self.engines[place(id.as_deref().map_or("", name_of))]
    }

    async fn save(&self) -> anyhow::Result<()> {
        let Some(file) = self.file.clone() else { return Ok(()) };
        let mut state = SecretsmanagerStateView { secrets: HashMap::new() };
        for engine in &self.engines {
            state.secrets.extend(engine.snapshot(default_account_id(), REGION).await.secrets);
        }
        let content = serde_json::to_vec(&state).context("encode the secrets")?;
        let written = tokio::task::spawn_blocking(move || crate::files::replace_private(&file, &content));
        written.await.context("write the secrets")?.context("write the secrets")
    }
}

/// The name in an ARN of a secret, which ends with a hyphen and six characters of the engine's; anything else is a name.
fn name_of(id: &str) -> &str {
    match id.split_once(":secret:") {
        Some((_, name)) if id.starts_with("arn:") => name.rsplit_once('-').map_or(name, |(name, _)| name),
        _ => id,
    }
}

/// In which engine the secret of this name is.
fn place(name: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    usize::try_from(hasher.finish() % ENGINES as u64).unwrap_or(0)
}

fn load(file: &std::path::Path) -> anyhow::Result<Option<SecretsmanagerStateView>> {
    let content = match std::fs::read(file) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // The parser's message could quote a secret: only the place is reported.
    let parsed = serde_json::from_slice(&content);
    parsed
        .map(Some)
        .map_err(|error| anyhow::anyhow!("not a list of secrets at line {}, column {}", error.line(), error.column()))
}

fn fields(request: &MockRequest) -> Result<Map<String, Value>, serde_json::Error> {
    serde_json::from_slice(&request.body)
}

fn text(input: &Map<String, Value>, field: &str) -> String {
    input.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The refusal of a value or token that Secrets Manager would not take.
fn refusal(input: &Map<String, Value>) -> Option<Reply> {
    let token = text(input, "ClientRequestToken").len();
    if input.contains_key("SecretBinary") {
        Some(refused("InvalidParameterException", "The embedded Secrets Manager keeps SecretString only."))
    } else if text(input, "SecretString").len() > LONGEST_VALUE {
        Some(refused("ValidationException", "SecretString must have length less than or equal to 65536."))
    } else if token != 0 && !(32..=64).contains(&token) {
        Some(refused("InvalidParameterException", "ClientRequestToken must be 32-64 characters long."))
    } else {
        None
    }
}

fn refused(code: &str, message: &str) -> Reply {
    Reply::refused(Service::SecretsManager, code, message)
}

fn malformed() -> Reply {
    refused("SerializationException", "The body is not a JSON object")
}
