//! The rules that the tree is built by, held by a machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use local::template::Deployment;
use shared::env::{Env, EnvError};

/// A file or folder of the project.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[test]
fn main_files_only_compose() {
    for entry in fs::read_dir(project("functions")).unwrap() {
        let main = entry.unwrap().path().join("src/main.rs");
        let lines = fs::read_to_string(&main).unwrap().lines().count();
        assert!(lines <= 45, "{} has {lines} lines", main.display());
    }
}

/// Resources of template.yaml and infra/monitoring.yaml without comments, each with its text.
fn resources() -> BTreeMap<String, String> {
    let mut resources = resources_of("template.yaml");
    for (id, text) in resources_of("infra/monitoring.yaml") {
        assert!(resources.insert(id.clone(), text).is_none(), "{id} is in both files");
    }
    resources
}

fn resources_of(path: &str) -> BTreeMap<String, String> {
    let template = fs::read_to_string(project(path)).unwrap();
    let (_, rest) = template.split_once("\nResources:\n").expect("the template has resources");
    let text = rest.split_once("\nOutputs:\n").map_or(rest, |(text, _)| text); // the outputs are last
    let mut resources = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.trim_start().starts_with('#')) {
        match line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')) {
            Some(id) if !id.starts_with(' ') => id.clone_into(&mut name),
            _ => {
                let text: &mut String = resources.entry(name.clone()).or_default();
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    resources
}

/// The resources of one type.
fn of_type(kind: &str) -> BTreeMap<String, String> {
    let has_type = |text: &String| text.lines().next() == Some(&format!("    Type: {kind}"));
    let found: BTreeMap<_, _> = resources().into_iter().filter(|(_, text)| has_type(text)).collect();
    assert!(!found.is_empty(), "there is no {kind}");
    found
}

/// The actions of a policy: words such as `sqs:SendMessage`.
fn actions(policy: &str) -> BTreeSet<&str> {
    let words = policy.split(|c: char| c.is_whitespace() || "[]{},\"".contains(c));
    let is_action = |word: &&str| {
        word.split_once(':').is_some_and(|(service, action)| {
            !service.is_empty()
                && service.chars().all(|c| c.is_ascii_lowercase())
                && action.starts_with(|c: char| c.is_ascii_uppercase() || c == '*')
        })
    };
    words.filter(is_action).collect()
}

/// The values behind `key: ` in the text, in order.
fn values<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    let starts = text.match_indices(key).filter(|(at, _)| !text[..*at].ends_with(char::is_alphanumeric));
    let rest = starts.filter_map(|(at, _)| text[at + key.len()..].strip_prefix(": "));
    rest.map(|rest| rest.split(['\n', ',', '}']).next().unwrap_or_default()).collect()
}

/// A compromised webhook function has no access to patients' data.
#[test]
fn webhook_role_may_read_one_secret_and_send_to_one_queue() {
    let resources = resources();
    assert_eq!(values(&resources["WebhookFunction"], "Role"), ["!GetAtt WebhookRole.Arn"]);
    let role = &resources["WebhookRole"];
    let may = [
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "secretsmanager:GetSecretValue",
        "sqs:SendMessage",
        "sts:AssumeRole",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    ];
    assert_eq!(actions(role), BTreeSet::from(may));
    let on = ["!GetAtt WebhookLogs.Arn", "\"*\"", "!Ref OuraAppSecret"];
    let on: Vec<_> = on.into_iter().chain(["!GetAtt LiveQueue.Arn"]).collect();
    assert_eq!(values(role, "Resource"), on);
}

/// The statement of this name, of a role's policies.
fn statement<'t>(role: &'t str, sid: &str) -> &'t str {
    let mut statements = role.split("Sid: ").skip(1);
    statements.find(|statement| statement.split([' ', ',', '\n']).next() == Some(sid)).expect(sid)
}

/// It reaches every patient, so it may only say whose turn it is: no token, no data, no event, and nothing is deleted.
#[test]
fn planner_role_may_read_connections_record_runs_and_queue_patients() {
    let resources = resources();
    let role = &resources["SyncRole"];
    let may = [
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:SendMessage",
        "sts:AssumeRole",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    ];
    assert_eq!(actions(role), BTreeSet::from(may));
    let on = [
        "!GetAtt SyncLogs.Arn",
        "\"*\"",
        "!GetAtt ConnectionsTable.Arn",
        "!GetAtt NightlyQueue.Arn",
        "!GetAtt SyncDeadLetterQueue.Arn",
    ];
    assert_eq!(values(role, "Resource"), on);
    let found_by = statement(role, "FindPatients");
    assert_eq!(actions(found_by), BTreeSet::from(["dynamodb:Query"]));
    let indexes: Vec<_> =
        found_by.lines().filter_map(|line| line.split_once("/index/")).map(|(_, name)| name).collect();
    assert_eq!(indexes, ["byActive", "byCatchUp"]);
    let defined = values(&resources["ConnectionsTable"], "IndexName");
    let defined: BTreeSet<_> = defined.into_iter().filter_map(|name| name.split(' ').next()).collect();
    assert!(defined.is_superset(&indexes.into_iter().collect()), "{defined:?}");
}

/// The API only reads: other functions write the data.
#[test]
fn api_role_may_only_read_records_and_days() {
    let resources = resources();
    let role = &resources["ApiRole"];
    let (pages, days) = (statement(role, "ReadData"), statement(role, "ReadStatsWithConnection"));
    assert_eq!(actions(pages), BTreeSet::from(["dynamodb:Query"]));
    assert_eq!(actions(days), BTreeSet::from(["dynamodb:BatchGetItem"]));
    for (table, statements) in [("WearableDataTable", &[pages][..]), ("DailyStatsTable", &[pages, days])] {
        let arn = format!("!GetAtt {table}.Arn");
        assert!(statements.iter().all(|reads| reads.contains(&arn)), "{table}");
        assert_eq!(role.matches(table).count(), statements.len(), "{table}: and nothing else");
    }
}

/// Waiting messages are re-enqueued to their own queue.
#[test]
fn worker_role_may_send_to_each_queue_it_receives_from() {
    let resources = resources();
    let role = &resources["WorkerRole"];
    let queues = |sid: &str| -> BTreeSet<&str> {
        let words = statement(role, sid).split(|c: char| c.is_whitespace() || "[],".contains(c));
        words.filter(|word| word.ends_with("Queue.Arn")).collect()
    };
    assert_eq!(actions(statement(role, "SendMessages")), BTreeSet::from(["sqs:SendMessage"]));
    assert_eq!(queues("SendMessages"), queues("ReceiveMessages"));
    assert_eq!(queues("ReceiveMessages").len(), 2);
}

/// More would wait in the process while their messages' time runs; Lambda refuses more than ten without a window.
#[test]
fn nightly_batch_size_is_the_workers_concurrency() {
    let worker = fs::read_to_string(project("functions/worker/src/batch.rs")).unwrap();
    let (_, concurrency) = worker.split_once("const CONCURRENCY: usize = ").unwrap();
    let concurrency = concurrency.split(';').next().unwrap();
    let nightly = Deployment::of_project().unwrap().worker_source("NightlyQueue").unwrap();
    assert_eq!(nightly.batch_size.to_string(), concurrency);
    assert!(!nightly.batching_window.is_zero());
}

/// A call that does not arrive, and one that fails inside the function, reach a dead-letter queue with an alarm.
#[test]
fn schedules_may_call_their_function_and_failures_reach_a_dead_letter_queue() {
    let resources = resources();
    let configs = of_type("AWS::Lambda::EventInvokeConfig");
    let failures_of = |function: &str| -> Vec<String> {
        let of_function = |text: &&String| values(text, "FunctionName") == [format!("!Ref {function}")];
        configs.values().filter(of_function).map(|text| values(text, "Destination").concat()).collect()
    };
    for (id, schedule) in of_type("AWS::Scheduler::Schedule") {
        let [target, aside] = values(&schedule, "Arn")[..] else {
            panic!("{id} has a target and a queue for failures")
        };
        let [role] = values(&schedule, "RoleArn")[..] else { panic!("{id} has a role") };
        let named = |value: &str| value.trim_start_matches("!GetAtt ").trim_end_matches(".Arn").to_owned();
        let role = &resources[&named(role)];
        let may: Vec<_> =
            values(role, "Action").into_iter().zip([""].into_iter().chain(values(role, "Resource"))).collect();
        let expected = [("sts:AssumeRole", ""), ("lambda:InvokeFunction", target), ("sqs:SendMessage", aside)];
        assert_eq!(may, expected, "{id}");
        assert!(values(role, "Service") == ["scheduler.amazonaws.com"], "{id}");
        assert!(named(aside).ends_with("DeadLetterQueue"), "{id}");
        let function = named(target);
        assert_eq!(failures_of(&function), [aside], "{id}");
        let own_role = &resources[&format!("{}Role", function.trim_end_matches("Function"))];
        let put_aside = statement(own_role, "SendDeadLetters");
        assert_eq!(
            (values(put_aside, "Action"), values(put_aside, "Resource")),
            (vec!["sqs:SendMessage"], vec![aside])
        );
        assert!(schedule.contains("FlexibleTimeWindow: {Mode: \"OFF\"}"), "{id}");
    }
}

/// The planner refuses unknown requests, which would otherwise show at the next nightly run only.
#[test]
fn schedules_request_each_task_of_the_planner() {
    let mut tasks = BTreeMap::new();
    for (id, schedule) in of_type("AWS::Scheduler::Schedule") {
        if !schedule.contains("!GetAtt SyncFunction.Arn") {
            continue;
        }
        let input = schedule.lines().find_map(|line| line.trim().strip_prefix("Input: ")).expect("an input");
        // As the scheduler fills it in.
        let event = input.trim_matches('\'').replace("<aws.scheduler.scheduled-time>", "2026-03-19T03:00:00Z");
        let request = sync::Request::from_event(serde_json::from_str(&event).unwrap()).expect(&id);
        tasks.insert(id, (request.task, request.scheduled_at.is_some()));
    }
    let expected = [
        ("CatchUpSchedule", (sync::Task::CatchUp, true)),
        ("NightlyRunSchedule", (sync::Task::Nightly, true)),
        ("WatchSchedule", (sync::Task::Watch, false)),
    ];
    assert_eq!(tasks, BTreeMap::from(expected.map(|(id, task)| (id.to_owned(), task))));
}

/// A key that patients' tokens are sealed with opens them all.
#[test]
fn token_key_ring_is_read_by_its_functions_and_outlives_the_stack() {
    let resources = resources();
    let ring = &resources["TokenKeyRing"];
    assert_eq!(values(ring, "DeletionPolicy"), ["Retain"]);
    assert_eq!(values(ring, "UpdateReplacePolicy"), ["Retain"]);
    for (id, role) in of_type("AWS::IAM::Role") {
        let opens = template_variables_of(&resources, id.trim_end_matches("Role")).contains(&"TOKEN_VAULT".to_owned());
        assert_eq!(values(&role, "Resource").contains(&"!Ref TokenKeyRing"), opens, "{id}");
    }
}

/// Since October 2025 a URL with one of the two answers 403.
#[test]
fn function_url_has_both_permissions() {
    let resources = resources();
    assert_eq!(values(&resources["WebhookUrl"], "TargetFunctionArn"), ["!GetAtt WebhookFunction.Arn"]);
    let permissions = of_type("AWS::Lambda::Permission").into_values();
    let of_webhook = permissions.filter(|text| values(text, "FunctionName") == ["!GetAtt WebhookFunction.Arn"]);
    let conditions: BTreeMap<_, _> = of_webhook
        .map(|text| {
            let action = values(&text, "Action").join("");
            let condition = [values(&text, "FunctionUrlAuthType"), values(&text, "InvokedViaFunctionUrl")].concat();
            (action, condition.join(" and "))
        })
        .collect();
    let expected = [("lambda:InvokeFunction", "true"), ("lambda:InvokeFunctionUrl", "NONE")];
    assert_eq!(conditions, BTreeMap::from(expected.map(|(action, only)| (action.to_owned(), only.to_owned()))));
}

#[test]
fn functions_have_log_retention_and_alarms() {
    let resources = resources();
    let mut binaries = BTreeSet::new();
    for (id, text) in of_type("AWS::Serverless::Function") {
        let name = id.strip_suffix("Function").expect("a function is named so");
        binaries.extend(values(&text, "Binary").iter().map(|name| (*name).to_owned()));
        assert_eq!(values(&text, "Role"), [format!("!GetAtt {name}Role.Arn")], "{id}");
        assert_eq!(values(&text, "LogGroup"), [format!("!Ref {name}Logs")], "{id}");
        let logs = resources.get(&format!("{name}Logs")).unwrap_or_else(|| panic!("{id} has no log group"));
        assert!(logs.contains("AWS::Logs::LogGroup"), "{id}");
        assert_eq!(values(logs, "RetentionInDays"), ["!Ref LogRetentionDays"], "{id}");
        let own_logs = format!("!GetAtt {name}Logs.Arn");
        assert!(values(&resources[&format!("{name}Role")], "Resource").contains(&&*own_logs), "{id} may not log");
        for alarm in ["FunctionErrorsAlarm", "FunctionThrottlesAlarm"] {
            let watched = format!("{{Name: FunctionName, Value: !Ref {id}Name}}");
            assert!(resources[alarm].contains(&watched), "{id} is not in {alarm}");
        }
        assert_eq!(values(&resources["Monitoring"], &format!("{id}Name")), [format!("!Ref {id}")], "{id}");
    }
    let written: BTreeSet<_> = fs::read_dir(project("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(binaries, written);
}

/// The other functions answer a request, so their failures are server errors of the HTTP API.
#[test]
fn logged_errors_of_asynchronous_functions_reach_an_alarm() {
    let resources = resources();
    let filters = of_type("AWS::Logs::MetricFilter");
    for name in ["Callback", "Worker", "Sync", "Webhook", "Subscriptions"] {
        let filter = &filters[&format!("{name}LoggedErrors")];
        assert_eq!(values(filter, "LogGroupName"), [format!("!Ref {name}LogGroupName")]);
        assert_eq!(values(filter, "MetricName"), ["LoggedErrors"], "{name}");
        let passed = values(&resources["Monitoring"], &format!("{name}LogGroupName")).concat();
        assert_eq!(passed, format!("!Ref {name}Logs"));
    }
    assert_eq!(filters.len(), 5);
    assert_eq!(values(&resources["LoggedErrorsAlarm"], "MetricName"), ["LoggedErrors"]);
}

#[test]
fn dead_letter_queues_have_an_alarm() {
    let alarms = of_type("AWS::CloudWatch::Alarm");
    let queues = of_type("AWS::SQS::Queue").into_keys().filter(|id| id.ends_with("DeadLetterQueue"));
    for queue in queues {
        let watched = format!("{{Name: QueueName, Value: !Ref {queue}Name}}");
        assert!(alarms.values().any(|alarm| alarm.contains(&watched)), "no alarm watches {queue}");
        let passed = [format!("!GetAtt {queue}.QueueName")];
        assert_eq!(values(&resources()["Monitoring"], &format!("{queue}Name")), passed);
    }
}

#[test]
fn runbook_has_a_section_for_each_alarm() {
    let runbook = fs::read_to_string(project("infra/RUNBOOK.md")).unwrap();
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("### "));
    let explained: BTreeSet<_> =
        headings.flat_map(|heading| heading.split(", ")).filter(|name| name.ends_with("Alarm")).collect();
    let alarms = of_type("AWS::CloudWatch::Alarm");
    assert_eq!(alarms.keys().map(String::as_str).collect::<BTreeSet<_>>(), explained);
}

/// The variables that the template gives a function.
fn template_variables(function: &str) -> Vec<String> {
    let variables = template_variables_of(&resources(), function);
    assert!(!variables.is_empty(), "{function} is in the template and has variables");
    variables
}

/// The same; none where no such function is.
fn template_variables_of(resources: &BTreeMap<String, String>, function: &str) -> Vec<String> {
    let Some(text) = resources.get(&format!("{function}Function")) else { return Vec::new() };
    let mut lines = text.lines().skip_while(|line| line.trim() != "Variables:");
    let depth = |line: &str| line.len() - line.trim_start().len();
    let Some(first) = lines.next() else { return Vec::new() };
    let variables = depth(first);
    let inside = lines.take_while(|line| depth(line) > variables);
    inside.map(|line| line.trim().split(':').next().unwrap().to_owned()).collect()
}

/// Every function starts with what the template gives it, and with less it says what is missing.
#[test]
fn template_gives_each_function_its_settings() {
    let value = |name: &str| match name {
        "OURA_PKCE" => "on",
        "OURA_PORTAL" => "auto",
        "CALLBACK_BINDING" => "cookie",
        "ACCOUNT_CHANGE" => "allow",
        "PERSONAL_INFO" => "off",
        "TOKEN_VAULT" => "sealed",
        "TOKEN_VAULT_MIGRATE_FROM" => "", // the default, without a migration
        "BACKFILL_DAYS" | "LOOKBACK_DAYS" | "MAX_DISCONNECTS_PER_DAY" | "MANUAL_SYNCS_PER_HOUR" => "7",
        "SUBSCRIPTION_RENEWAL_DAYS" | "WEBHOOK_DEBOUNCE_SECONDS" | "FULL_SYNC_INTERVAL_DAYS" => "7",
        "CATCH_UP_HOURS" => "2",
        "OURA_REQUESTS_PER_5_MIN" => "5000",
        _ => "https://some.example/x",
    };
    type Read = fn(&Env) -> Result<(), EnvError>;
    let functions: [(&str, Read); 7] = [
        ("Connect", |env| connect::Config::from_env(env).map(drop)),
        ("Callback", |env| callback::Config::from_env(env).map(drop)),
        ("Api", |env| api::Config::from_env(env).map(drop)),
        ("Worker", |env| worker::Config::from_env(env).map(drop)),
        ("Sync", |env| sync::Config::from_env(env).map(drop)),
        ("Webhook", |env| webhook::Config::from_env(env).map(drop)),
        ("Subscriptions", |env| subscriptions::Config::from_env(env).map(drop)),
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
        assert!(required >= 2, "{function} needs {required}");
        let sources = ["lib.rs", "config.rs", "deps.rs"];
        let sources = sources.map(|file| project(&format!("functions/{}/src/{file}", function.to_lowercase())));
        let documented = sources.map(|source| fs::read_to_string(source).unwrap_or_default()).concat();
        for name in &names {
            assert!(documented.contains(&format!("`{name}`")), "{function} does not say that it reads {name}");
        }
    }
}
