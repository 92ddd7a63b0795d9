//! `infra/openapi.yaml` and the schemas beside it. Each answer of a function is held against the description of its route: a field,
//! header, code or status that is not described fails the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::{Draft, Registry, Validator};
use serde_json::{Value, json};

use crate::answer::Answer;

/// Under this address the description and the schemas beside it find each other.
const BASE: &str = "https://contracts.example/";

/// Headers that say how an answer is to be handled and nothing of what it holds.
const GENERAL_HEADERS: [&str; 4] = ["content-type", "cache-control", "content-security-policy", "referrer-policy"];

/// A file of `infra/`.
pub fn infra(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra").join(path)
}

/// The contracts, closed: see `closed`.
pub struct Contracts {
    pub openapi: Value,
    registry: Registry<'static>,
    validators: Mutex<BTreeMap<String, Arc<Validator>>>,
}

/// One operation of the description.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub described: &'static Value,
}

/// The contracts as they are in the tree.
pub fn contracts() -> &'static Contracts {
    static CONTRACTS: LazyLock<Contracts> = LazyLock::new(|| {
        let openapi = fs::read_to_string(infra("openapi.yaml")).unwrap();
        let openapi = closed(serde_saphyr::from_str(&openapi).unwrap());
        let files = fs::read_dir(infra("schemas")).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            let schema: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            (format!("{BASE}schemas/{}", path.file_name().unwrap().to_str().unwrap()), schema)
        });
        let described = [(format!("{BASE}openapi.yaml"), openapi.clone())];
        let registry = described
            .into_iter()
            .chain(files)
            .fold(Registry::new().draft(Draft::Draft202012), |registry, (uri, file)| registry.add(uri, file).unwrap());
        Contracts { openapi, registry: registry.prepare().unwrap(), validators: Mutex::default() }
    });
    &CONTRACTS
}

/// The description with every object that lists its properties closed. It leaves room for fields to come; nothing that the
/// functions answer today may use that room. Parts of a whole (`allOf`) stay open, their whole is closed: where they are
/// components, a part is the open copy of it.
fn closed(mut openapi: Value) -> Value {
    let mut open = openapi["components"]["schemas"].clone();
    open.as_object_mut().unwrap().values_mut().for_each(close_inside);
    close(&mut openapi);
    openapi["components"]["open"] = open;
    openapi
}

fn close(schema: &mut Value) {
    close_inside(schema);
    if let Value::Object(fields) = schema {
        let lists = fields.get("type") == Some(&json!("object")) && fields.contains_key("properties");
        if (lists || fields.contains_key("allOf")) && !fields.contains_key("additionalProperties") {
            fields.entry("unevaluatedProperties").or_insert(json!(false));
        }
    }
}

fn close_inside(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key != "allOf" {
                    close(value);
                    continue;
                }
                for part in value.as_array_mut().unwrap() {
                    close_inside(part);
                    if let Some(component) =
                        part["$ref"].as_str().and_then(|at| at.strip_prefix("#/components/schemas/"))
                    {
                        part["$ref"] = json!(format!("#/components/open/{component}"));
                    }
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

impl Contracts {
    /// Every operation.
    pub fn operations(&'static self) -> Vec<Operation> {
        let paths = self.openapi["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, described)| {
                let method = match method.as_str() {
                    "get" => "GET",
                    "post" => "POST",
                    "delete" => "DELETE",
                    other => panic!("{path}: {other}"),
                };
                Operation { method, path, described }
            })
        });
        operations.collect()
    }

    /// The value at this pointer, a reference followed, and its own pointer.
    pub fn at(&self, pointer: &str) -> (String, &Value) {
        let value = self.openapi.pointer(pointer).unwrap_or_else(|| panic!("openapi.yaml has no {pointer}"));
        match value["$ref"].as_str() {
            Some(reference) => self.at(reference.strip_prefix('#').expect("a reference inside openapi.yaml")),
            None => (pointer.to_owned(), value),
        }
    }

    /// Violations of the schema at this place: a file of `infra/` and a pointer, such as `openapi.yaml#/components`.
    pub fn problems(&self, place: &str, value: &Value) -> Vec<String> {
        let validator = {
            let mut validators = self.validators.lock().unwrap();
            let validator = validators.entry(place.to_owned()).or_insert_with(|| {
                let schema = json!({"$ref": format!("{BASE}{place}")});
                let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
                Arc::new(
                    options.with_registry(&self.registry).build(&schema).unwrap_or_else(|e| panic!("{place}: {e}")),
                )
            });
            Arc::clone(validator)
        };
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    /// Holds an answer against the description of its route.
    pub fn check(&'static self, method: &str, path: &str, answer: &Answer) {
        let path = path.strip_suffix('/').unwrap_or(path);
        let Some(operation) = self.operations().into_iter().find(|one| one.method == method && one.path == path) else {
            return self.check_undescribed(method, path, answer);
        };
        let what = format!("{method} {path} {}", answer.status);
        let responses = format!("/paths/{}/{}/responses", escaped(operation.path), method.to_lowercase());
        let described = &operation.described["responses"];
        assert!(!described[answer.status.to_string()].is_null(), "{what} is not described: {}", answer.body);
        let (response, described) = self.at(&format!("{responses}/{}", answer.status));
        self.check_headers(&what, described, answer);
        let Some(content) = described["content"].as_object() else {
            assert!(answer.body.is_empty(), "{what}: a body is not described");
            return;
        };
        let media_type = answer.headers["content-type"].split(';').next().unwrap().trim();
        let media = content.get(media_type).unwrap_or_else(|| panic!("{what}: {media_type} is not described"));
        let media_at = format!("{response}/content/{}", escaped(media_type));
        for (schema, value) in values(media, media_type, &answer.body) {
            let problems = self.problems(&format!("openapi.yaml#{media_at}/{schema}"), &value);
            assert!(problems.is_empty(), "{what}: {problems:#?}\n{value}");
        }
    }

    fn check_headers(&self, what: &str, described: &Value, answer: &Answer) {
        let headers = described["headers"].as_object();
        let names: Vec<_> =
            headers.into_iter().flat_map(|headers| headers.keys()).map(|name| name.to_lowercase()).collect();
        for name in answer.headers.keys() {
            assert!(
                GENERAL_HEADERS.contains(&name.as_str()) || names.contains(name),
                "{what}: {name} is not described"
            );
        }
    }

    /// Of what is no operation there are three answers.
    fn check_undescribed(&self, method: &str, path: &str, answer: &Answer) {
        if method == "OPTIONS" {
            return assert_eq!((answer.status, answer.body.as_str()), (204, ""), "OPTIONS {path}");
        }
        let known = self.openapi["paths"].get(path).is_some();
        let expected = if known { (405, "method_not_allowed") } else { (404, "not_found") };
        let body = answer.json();
        assert_eq!((answer.status, body["error"]["code"].as_str().unwrap()), expected, "{method} {path}");
        let problems = self.problems("openapi.yaml#/components/schemas/Failure", &body);
        assert!(problems.is_empty(), "{method} {path}: {problems:#?}");
    }
}

/// A body as the values that its schemas are about, each with the name of its schema. Of newline-delimited JSON that is each
/// line (`x-itemSchema`, as OpenAPI 3.2 has it under the name `itemSchema`).
fn values(media: &Value, media_type: &str, body: &str) -> Vec<(&'static str, Value)> {
    if media_type.ends_with("ndjson") {
        assert!(media["x-itemSchema"].is_object(), "{media_type} says what its lines are");
        assert!(body.is_empty() || body.ends_with('\n'), "the last line is whole");
        return body.lines().map(|line| ("x-itemSchema", serde_json::from_str(line).unwrap())).collect();
    }
    let value = if media_type.ends_with("json") { serde_json::from_str(body).unwrap() } else { json!(body) };
    vec![("schema", value)]
}

/// A key as a part of a JSON pointer (RFC 6901, section 3).
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
