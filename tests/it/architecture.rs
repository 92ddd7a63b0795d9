//! The rules that the tree is built by, held by a machine.

use std::fs;
use std::path::{Path, PathBuf};

use shared::env::{Env, EnvError};

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_oura_client_the_domain_and_normalization_know_no_aws() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src");
    let inner: Vec<_> = ["oura", "domain", "normalize"].iter().flat_map(|dir| sources(&shared.join(dir))).collect();
    assert!(inner.len() > 15, "the folders are where they were");
    for path in inner {
        let text = fs::read_to_string(&path).unwrap();
        for word in ["aws_sdk", "aws_config", "crate::aws", "lambda_", "crate::http", "crate::vault"] {
            assert!(!text.contains(word), "{} mentions {word}", path.display());
        }
    }
}

#[test]
fn a_main_only_composes() {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    for entry in fs::read_dir(functions).unwrap() {
        let main = entry.unwrap().path().join("src/main.rs");
        let lines = fs::read_to_string(&main).unwrap().lines().count();
        assert!(lines <= 45, "{} has {lines} lines", main.display());
    }
}

/// The variables that the template gives a function.
fn template_variables(function: &str) -> Vec<String> {
    let template = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml")).unwrap();
    let start = template.find(&format!("\n  {function}Function:\n")).expect("the function is in the template");
    let mut lines = template[start..].lines().skip_while(|line| line.trim() != "Variables:");
    let depth = |line: &str| line.len() - line.trim_start().len();
    let variables = depth(lines.next().expect("the function has variables"));
    let inside = lines.take_while(|line| depth(line) > variables);
    inside.map(|line| line.trim().split(':').next().unwrap().to_owned()).collect()
}

/// Every function starts with what the template gives it, and with less it says what is missing.
#[test]
fn the_template_gives_each_function_its_settings() {
    let value = |name: &str| match name {
        "OURA_PKCE" => "on",
        "CALLBACK_BINDING" => "cookie",
        "BACKFILL_DAYS" | "LOOKBACK_DAYS" | "MAX_DISCONNECTS_PER_DAY" => "7",
        _ => "https://some.example/x",
    };
    type Read = fn(&Env) -> Result<(), EnvError>;
    let functions: [(&str, Read); 4] = [
        ("Connect", |env| connect::Config::from_env(env).map(drop)),
        ("Callback", |env| callback::Config::from_env(env).map(drop)),
        ("Api", |env| api::Config::from_env(env).map(drop)),
        ("Worker", |env| worker::Config::from_env(env).map(drop)),
    ];
    for (function, read) in functions {
        let names = template_variables(function);
        let env = |without: &str| {
            let names = names.iter().filter(|name| *name != without);
            names.fold(Env::default(), |env, name| env.with(name, value(name)))
        };
        assert_eq!(read(&env("")), Ok(()), "{function}");
        let mut required = 0;
        for name in &names {
            if let Err(error) = read(&env(name)) {
                assert_eq!(error.to_string(), format!("environment variable {name} is missing"), "{function}");
                required += 1;
            }
            let broken = env("").with(name, "\u{1}not a value");
            if let Err(error) = read(&broken) {
                assert!(error.to_string().contains(name.as_str()), "{function}: {error}");
            }
        }
        assert!(required >= 3, "{function} needs {required}");
        let source = fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../functions/{}/src/lib.rs", function.to_lowercase())),
        );
        let documented = source.unwrap();
        for name in &names {
            assert!(documented.contains(&format!("`{name}`")), "{function} does not say that it reads {name}");
        }
    }
}
