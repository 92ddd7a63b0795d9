//! The deployed stack as `template.yaml` declares it: routes, tables, queues, event source mappings, schedules, time-outs
//! and environments. The local stack is made from it, so that what runs here is what is deployed.
//!
//! 1. The YAML is parsed into a tree that keeps CloudFormation's functions.
//! 2. The functions are resolved: parameters by their defaults, resources by the names that they have here.
//! 3. The parts that matter here are read into the types of [`definitions`]. Whatever the local stack cannot imitate is a
//!    [`TemplateError`] that names the place.

pub mod definitions;
mod node;
mod resolve;
mod schedule;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::de::DeserializeOwned;
use shared::env::Env;

pub use self::definitions::{
    CorsDefinition, EventSource, Function, FunctionDefinition, HttpRoute, QueueDefinition, ScheduledCall,
    TableDefinition,
};
pub use self::schedule::Schedule;

use self::definitions::Event;
use self::node::Node;
use self::resolve::{Resolver, Values, text_of};

/// The project's template.
const TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml"));

/// A part of the template that the local stack cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template.yaml: {place}{reason}")]
pub struct TemplateError {
    place: Place,
    reason: String,
}

/// A path in the template, such as `Resources.LiveQueue.Properties`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Place(String);

impl Place {
    fn root() -> Self {
        Self::default()
    }

    fn key(&self, key: &str) -> Self {
        Self(if self.0.is_empty() { key.to_owned() } else { format!("{}.{key}", self.0) })
    }

    fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    fn error(&self, reason: impl Into<String>) -> TemplateError {
        TemplateError { place: self.clone(), reason: reason.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "{}: ", self.0) }
    }
}

/// A parsed template.
#[derive(Debug)]
pub struct Template {
    document: Node,
}

/// Declarations of the template, with its parameters at their defaults and resources under their logical ids.
#[derive(Debug)]
pub struct Deployment {
    /// Functions with their time-outs, routes and event sources.
    pub functions: BTreeMap<Function, FunctionDefinition>,
    /// Tables by logical id.
    pub tables: BTreeMap<String, TableDefinition>,
    /// Queues by logical id.
    pub queues: BTreeMap<String, QueueDefinition>,
    /// Scheduled invocations.
    pub schedules: Vec<ScheduledCall>,
}

/// Environment variables and their values.
pub type Variables = BTreeMap<String, String>;

/// The values that differ from stack to stack.
#[derive(Debug, Clone, Default)]
pub struct StackValues {
    /// Parameters of the template by name.
    pub parameters: BTreeMap<String, String>,
    /// Resources by `LogicalId` (as `!Ref` gives them) or `LogicalId.Attribute` (`!GetAtt`).
    pub resources: BTreeMap<String, String>,
    /// Environment variables whose values replace those of the template, in every function that has them.
    pub variables: Env,
}

impl Template {
    /// Returns the project's template.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn of_project() -> Result<&'static Self, TemplateError> {
        static TEMPLATE: LazyLock<Result<Template, TemplateError>> = LazyLock::new(|| Template::parse(TEXT));
        TEMPLATE.as_ref().map_err(Clone::clone)
    }

    /// Parses a template.
    ///
    /// # Errors
    /// [`TemplateError`] when it is not YAML.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let parsed = serde_saphyr::from_str(text);
        parsed.map(|document| Self { document }).map_err(|error| Place::root().error(error.to_string()))
    }

    /// Reads everything but the environments.
    ///
    /// # Errors
    /// [`TemplateError`] when a resource cannot be imitated here.
    pub fn deployment(&self) -> Result<Deployment, TemplateError> {
        let values = Values::default();
        let mut deployment = Deployment {
            functions: BTreeMap::new(),
            tables: BTreeMap::new(),
            queues: BTreeMap::new(),
            schedules: Vec::new(),
        };
        for resource in self.resources(&values)? {
            let Resource { id, kind, .. } = &resource;
            match *kind {
                "AWS::Serverless::Function" => {
                    let (function, definition) = resource.function()?;
                    deployment.functions.insert(function, definition);
                }
                "AWS::DynamoDB::Table" => {
                    deployment.tables.insert((*id).to_owned(), resource.read(&["Properties"])?);
                }
                "AWS::SQS::Queue" => {
                    deployment.queues.insert((*id).to_owned(), resource.read(&["Properties"])?);
                }
                _ => {}
            }
        }
        for resource in self.resources(&values)?.iter().filter(|one| one.kind == "AWS::Scheduler::Schedule") {
            deployment.schedules.push(resource.schedule(&self.functions_by_id(&values)?)?);
        }
        Ok(deployment)
    }

    /// Returns the environment of each function.
    ///
    /// # Errors
    /// [`TemplateError`] when a variable refers to something without a value.
    pub fn environments(&self, stack: &StackValues) -> Result<BTreeMap<Function, Variables>, TemplateError> {
        let values = Values { parameters: stack.parameters.clone(), resources: stack.resources.clone() };
        let mut environments = BTreeMap::new();
        for resource in self.resources(&values)?.iter().filter(|one| one.kind == "AWS::Serverless::Function") {
            let mut variables = Variables::new();
            for (name, node, place) in self.variables(resource) {
                let value = match stack.variables.get(name) {
                    Some(value) => value.to_owned(),
                    None => match resource.resolver.resolve(node, &place)? {
                        Some(value) => text_of(&value, &place)?,
                        None => continue,
                    },
                };
                variables.insert(name.to_owned(), value);
            }
            environments.insert(resource.binary()?, variables);
        }
        Ok(environments)
    }

    /// Names of the environment variables that hold a parameter of the template: the settings of a deployment.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn settings(&self) -> Result<Vec<String>, TemplateError> {
        let values = Values::default();
        let parameters = self.document.get("Parameters");
        let mut names = Vec::new();
        for resource in self.resources(&values)?.iter().filter(|one| one.kind == "AWS::Serverless::Function") {
            for (name, node, _) in self.variables(resource) {
                let referenced = match (node.function.as_deref(), &node.content) {
                    (Some("Ref"), node::Content::Text(parameter)) => Some(parameter),
                    _ => None,
                };
                let is_parameter = referenced.is_some_and(|name| parameters.is_some_and(|all| all.get(name).is_some()));
                if is_parameter && !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
        Ok(names)
    }

    /// Returns the CORS settings of the HTTP API with these origins, separated by commas.
    ///
    /// # Errors
    /// [`TemplateError`] when the API has none with origins.
    pub fn cors(&self, origins: &str) -> Result<CorsDefinition, TemplateError> {
        let parameters = [("AllowedOrigins".to_owned(), origins.to_owned())].into();
        let values = Values { parameters, ..Values::default() };
        let resources = self.resources(&values)?;
        let api = resources.iter().find(|one| one.kind == "AWS::Serverless::HttpApi");
        let api = api.ok_or_else(|| Place::root().key("Resources").error("there is no HTTP API"))?;
        api.read(&["Properties", "CorsConfiguration"])
    }

    /// Variables of all functions and of this one, in this order.
    fn variables<'t>(&'t self, resource: &Resource<'t>) -> Vec<(&'t str, &'t Node, Place)> {
        let variables = |properties: Option<&'t Node>, place: Place| {
            let variables = properties.and_then(|all| all.get("Environment")).and_then(|all| all.get("Variables"));
            let place = place.key("Environment").key("Variables");
            let entries = variables.map(Node::entries).unwrap_or_default();
            entries.iter().map(move |(name, node)| (name.as_str(), node, place.key(name)))
        };
        let globals = self.document.get("Globals").and_then(|globals| globals.get("Function"));
        let of_all = variables(globals, Place::root().key("Globals").key("Function"));
        let own = variables(resource.node.get("Properties"), resource.place.key("Properties"));
        of_all.chain(own).collect()
    }

    fn functions_by_id<'t>(&'t self, values: &'t Values) -> Result<BTreeMap<&'t str, Function>, TemplateError> {
        let resources = self.resources(values)?;
        let functions = resources.iter().filter(|one| one.kind == "AWS::Serverless::Function");
        functions.map(|resource| Ok((resource.id, resource.binary()?))).collect()
    }

    /// The resources whose condition holds.
    fn resources<'t>(&'t self, values: &'t Values) -> Result<Vec<Resource<'t>>, TemplateError> {
        let resolver = Resolver { document: &self.document, values };
        let place = Place::root().key("Resources");
        let mut resources = Vec::new();
        for (id, node) in self.document.get("Resources").ok_or_else(|| place.error("missing"))?.entries() {
            let place = place.key(id);
            let kind = node.get("Type").and_then(Node::text).ok_or_else(|| place.error("it has no Type"))?;
            let condition = node.get("Condition").and_then(Node::text);
            if condition.map(|name| resolver.condition(name, &place)).transpose()?.unwrap_or(true) {
                resources.push(Resource { id, kind, node, place, resolver });
            }
        }
        Ok(resources)
    }
}

impl Deployment {
    /// Returns what the project's template declares.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn of_project() -> Result<&'static Self, TemplateError> {
        static DEPLOYMENT: LazyLock<Result<Deployment, TemplateError>> =
            LazyLock::new(|| Template::of_project()?.deployment());
        DEPLOYMENT.as_ref().map_err(Clone::clone)
    }

    /// Returns the definition of a function.
    ///
    /// # Errors
    /// [`TemplateError`] when the template has no such function.
    pub fn function(&self, function: Function) -> Result<&FunctionDefinition, TemplateError> {
        let found = self.functions.get(&function);
        found.ok_or_else(|| Place::root().key("Resources").error(format!("there is no function {function:?}")))
    }

    /// Returns the definition of a table.
    ///
    /// # Errors
    /// [`TemplateError`] when the template has no such table.
    pub fn table(&self, id: &str) -> Result<&TableDefinition, TemplateError> {
        self.tables.get(id).ok_or_else(|| Place::root().key("Resources").error(format!("there is no table {id}")))
    }

    /// Returns the definition of a queue.
    ///
    /// # Errors
    /// [`TemplateError`] when the template has no such queue.
    pub fn queue(&self, id: &str) -> Result<&QueueDefinition, TemplateError> {
        self.queues.get(id).ok_or_else(|| Place::root().key("Resources").error(format!("there is no queue {id}")))
    }

    /// Returns the worker's event source mapping of a queue.
    ///
    /// # Errors
    /// [`TemplateError`] when the worker takes nothing from that queue.
    pub fn worker_source(&self, queue: &str) -> Result<&EventSource, TemplateError> {
        let sources = &self.function(Function::Worker)?.event_sources;
        let found = sources.iter().find(|source| source.queue == queue);
        found.ok_or_else(|| Place::root().key("Resources").error(format!("the worker does not poll {queue}")))
    }
}

/// A resource of the template.
struct Resource<'t> {
    id: &'t str,
    kind: &'t str,
    node: &'t Node,
    place: Place,
    resolver: Resolver<'t>,
}

impl Resource<'_> {
    /// Resolves and reads the part at this path; a missing part is read as null.
    fn read<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, TemplateError> {
        let mut place = self.place.clone();
        let mut node = Some(self.node);
        for key in path {
            place = place.key(key);
            node = node.and_then(|node| node.get(key));
        }
        let value = node.map(|node| self.resolver.resolve(node, &place)).transpose()?.flatten().unwrap_or_default();
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            let place = if path == "." { place } else { place.key(&path) };
            place.error(error.into_inner().to_string())
        })
    }

    fn binary(&self) -> Result<Function, TemplateError> {
        self.read(&["Metadata", "BuildProperties", "Binary"])
    }

    fn function(&self) -> Result<(Function, FunctionDefinition), TemplateError> {
        let timeout = self.read::<definitions::Seconds>(&["Properties", "Timeout"])?;
        let mut definition = FunctionDefinition { timeout: timeout.0, routes: Vec::new(), event_sources: Vec::new() };
        let events = self.node.get("Properties").and_then(|all| all.get("Events"));
        for (name, _) in events.map(Node::entries).unwrap_or_default() {
            let path = ["Properties", "Events", name];
            match self.read(&path)? {
                Event::HttpApi(route) => definition.routes.push(route),
                Event::Sqs(source) => definition.event_sources.push(source),
            }
        }
        Ok((self.binary()?, definition))
    }

    fn schedule(&self, functions: &BTreeMap<&str, Function>) -> Result<ScheduledCall, TemplateError> {
        let properties: definitions::ScheduleProperties = self.read(&["Properties"])?;
        let target = properties.target;
        let function = functions.get(target.arn.trim_end_matches(".Arn"));
        let function = function.ok_or_else(|| self.place.error(format!("{} is not a function", target.arn)))?;
        let zone = properties.schedule_expression_timezone;
        if zone.as_ref().is_some_and(|zone| zone != "UTC") {
            return Err(self.place.error("only UTC is supported here"));
        }
        Ok(ScheduledCall {
            id: self.id.to_owned(),
            schedule: properties.schedule_expression,
            function: *function,
            input: target.input.unwrap_or_else(|| "{}".to_owned()),
        })
    }
}
