//! The service and the operation of an HTTP request to AWS, read from its signature and target header.

use std::fmt;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

/// The AWS services that the stack uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Tables.
    DynamoDb,
    /// The application's and the patients' secrets.
    SecretsManager,
    /// The live and the nightly queue.
    Sqs,
    /// The event bus (Amazon EventBridge).
    Events,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::DynamoDb, Self::SecretsManager, Self::Sqs, Self::Events];

    /// The name in a signature's credential scope and in hostnames.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::SecretsManager => "secretsmanager",
            Self::Sqs => "sqs",
            Self::Events => "events",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// From the part of `X-Amz-Target` before the dot.
    fn from_target(prefix: &str) -> Option<Self> {
        match prefix {
            "DynamoDB_20120810" | "DynamoDBStreams_20120810" => Some(Self::DynamoDb),
            "secretsmanager" => Some(Self::SecretsManager),
            "AmazonSQS" => Some(Self::Sqs),
            "AWSEvents" => Some(Self::Events),
            _ => None,
        }
    }

    /// The media type of its JSON protocol.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::DynamoDb | Self::Sqs => "application/x-amz-json-1.0",
            Self::SecretsManager | Self::Events => "application/x-amz-json-1.1",
        }
    }

    /// The error with which it refuses calls that come too fast.
    pub(crate) fn throttling_code(self) -> &'static str {
        match self {
            Self::DynamoDb => "ProvisionedThroughputExceededException",
            Self::Sqs => "RequestThrottled",
            Self::SecretsManager | Self::Events => "ThrottlingException",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One call: which operation of which service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Call {
    /// The service.
    pub service: Service,
    /// The operation's name, for example `PutItem`; empty when the request names none.
    pub operation: String,
}

impl Call {
    /// Reads the call from a request: the service from the signature's credential scope, else from `X-Amz-Target`; the
    /// operation from `X-Amz-Target`, else from a query protocol's `Action`. `None` when it is no AWS call.
    #[must_use]
    pub fn of(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
        let (prefix, operation) = target.and_then(|target| target.split_once('.')).unwrap_or_default();
        let service = signing_name(headers).and_then(Service::from_name).or_else(|| Service::from_target(prefix))?;
        let operation = if operation.is_empty() { action(body).unwrap_or_default() } else { operation.to_owned() };
        Some(Self { service, operation })
    }

    /// Does it change anything that outlives the caller? Taking a message from a queue does not count: it comes back.
    #[must_use]
    pub fn mutates(&self) -> bool {
        const READS: [&str; 9] =
            ["Get", "Describe", "List", "Query", "Scan", "BatchGet", "TransactGet", "Receive", "TestEventPattern"];
        !READS.iter().any(|prefix| self.operation.starts_with(prefix))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.operation)
    }
}

/// `sqs` in `AWS4-HMAC-SHA256 Credential=KEY/20260102/us-east-1/sqs/aws4_request, ...`.
fn signing_name(headers: &HeaderMap) -> Option<&str> {
    credential(headers)?.nth(3)
}

/// Parts of a signature's credential, beginning with the id of the access key.
pub(super) fn credential(headers: &HeaderMap) -> Option<impl Iterator<Item = &str>> {
    let authorization = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split(',').next().map(|credential| credential.split('/'))
}

/// The `Action` field of a form body.
fn action(body: &[u8]) -> Option<String> {
    url::form_urlencoded::parse(body).find(|(name, _)| name == "Action").map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn signed_request_names_its_service_in_the_credential_scope() {
        let scope =
            "AWS4-HMAC-SHA256 Credential=AK/20260102/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
        let call = Call::of(&headers(&[("authorization", scope), ("x-amz-target", "AmazonSQS.SendMessage")]), b"{}");
        assert_eq!(call, Some(Call { service: Service::Sqs, operation: "SendMessage".into() }));
        let query = Call::of(&headers(&[("authorization", scope)]), b"Version=2012-11-05&Action=SendMessage");
        assert_eq!(query.unwrap().to_string(), "sqs:SendMessage");
    }

    #[test]
    fn unsigned_request_is_identified_by_its_target() {
        let call = Call::of(&headers(&[("x-amz-target", "DynamoDB_20120810.GetItem")]), b"{}").unwrap();
        assert_eq!((call.service, call.mutates()), (Service::DynamoDb, false));
        assert!(
            Call::of(&headers(&[("x-amz-target", "DynamoDB_20120810.TransactWriteItems")]), b"").unwrap().mutates()
        );
        assert_eq!(Call::of(&headers(&[("accept", "text/html")]), b""), None);
    }
}
