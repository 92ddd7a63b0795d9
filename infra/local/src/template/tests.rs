use std::time::Duration;

use serde_json::json;

use super::*;

/// A template with one function and one queue, with this text in place of the function's event.
fn with_event(event: &str) -> String {
    format!(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Metadata: {{BuildProperties: {{Binary: worker}}}}\n    \
         Properties:\n      Timeout: 10\n      Events:\n        E: {event}\n  Q:\n    Type: AWS::SQS::Queue\n    \
         Properties: {{VisibilityTimeout: 60}}\n"
    )
}

#[test]
fn project_template_is_read() {
    let deployment = Deployment::of_project().unwrap();
    assert_eq!(deployment.functions.len(), 7);
    assert!(deployment.functions.values().all(|function| function.timeout >= Duration::from_secs(1)));
    let names: Vec<_> = deployment.tables.keys().map(String::as_str).collect();
    assert_eq!(names, ["ConnectionsTable", "DailyStatsTable", "WearableDataTable"]);
    let schedules = &deployment.schedules;
    assert!(schedules.iter().all(|call| call.event(jiff::Timestamp::UNIX_EPOCH).unwrap().is_object()), "{schedules:?}");
    for queue in ["LiveQueue", "NightlyQueue"] {
        let (source, queue) = (deployment.worker_source(queue).unwrap(), deployment.queue(queue).unwrap());
        assert!(source.reports_item_failures(), "{source:?}");
        assert!(deployment.queue(&queue.redrive_policy.as_ref().unwrap().dead_letter_queue).is_ok());
    }
}

#[test]
fn environments_hold_parameters_resources_and_replaced_settings() {
    let template = Template::of_project().unwrap();
    let text = |entries: &[(&str, &str)]| entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let values = StackValues {
        parameters: text(&[("JwtIssuer", "https://issuer.example"), ("JwtAudience", "app")]),
        resources: text(&[("ConnectionsTable", "connections"), ("WebhookUrl.FunctionUrl", "https://hook.example/")]),
        variables: Env::default().with("BACKFILL_DAYS", "10").with("NOT_IN_THE_TEMPLATE", "x"),
    };
    let environments = template.environments(&values).unwrap();
    let callback = &environments[&Function::Callback];
    assert_eq!(callback["BACKFILL_DAYS"], "10");
    assert_eq!(callback["CONNECTIONS_TABLE"], "connections");
    assert_eq!(callback["JWT_ALLOWED_AUDIENCES"], "app");
    assert_eq!(callback["LIVE_QUEUE_URL"], "LiveQueue", "a resource without a value has its logical id");
    assert!(!callback.contains_key("NOT_IN_THE_TEMPLATE"));
    assert_eq!(environments[&Function::Worker]["LOOKBACK_DAYS"], "7");
    let webhook_url = &environments[&Function::Subscriptions]["WEBHOOK_URL"];
    assert!(webhook_url.starts_with("https://hook.example/oura/"), "{webhook_url}");

    let without = StackValues { parameters: text(&[("JwtIssuer", "x")]), ..values };
    let error = template.environments(&without).unwrap_err().to_string();
    assert!(
        error.contains("JWT_ALLOWED_AUDIENCES: the parameter JwtAudience has neither value nor default"),
        "{error}"
    );
}

#[test]
fn settings_are_the_variables_that_hold_a_parameter() {
    let settings = Template::of_project().unwrap().settings().unwrap();
    for name in ["BACKFILL_DAYS", "JWT_ALLOWED_AUDIENCES", "OURA_API_BASE_URL", "TOKEN_VAULT"] {
        assert!(settings.iter().any(|setting| setting == name), "{name}: {settings:?}");
    }
    for name in ["CONNECTIONS_TABLE", "WEBHOOK_URL", "METRICS_NAMESPACE"] {
        assert!(!settings.iter().any(|setting| setting == name), "{name}");
    }
}

#[test]
fn unsupported_part_is_an_error_that_names_its_place() {
    let read = |event: &str| Template::parse(&with_event(event)).unwrap().deployment();
    let source = "{Type: SQS, Properties: {Queue: !GetAtt Q.Arn, BatchSize: 3}}";
    let read_source = &read(source).unwrap().functions[&Function::Worker].event_sources[0];
    assert_eq!((read_source.queue.as_str(), read_source.batch_size), ("Q", 3));
    for (event, place) in [
        ("{Type: Schedule, Properties: {}}", "Resources.F.Properties.Events.E.Type: unknown variant `Schedule`"),
        ("{Type: SQS, Properties: {Queue: !GetAtt Q.Arn, FilterCriteria: {}}}", "Resources.F.Properties.Events.E"),
        ("{Type: SQS, Properties: {Queue: !GetAtt X.Arn}}", "there is no parameter and no resource X"),
        ("{Type: SQS, Properties: {Queue: !ImportValue Q}}", "E.Properties.Queue: !ImportValue"),
    ] {
        let error = read(event).unwrap_err().to_string();
        assert!(error.starts_with("template.yaml: ") && error.contains(place), "{error}");
    }
    let queue = with_event(source).replace("VisibilityTimeout: 60", "FifoQueue: true");
    let error = Template::parse(&queue).unwrap().deployment().unwrap_err().to_string();
    assert!(error.contains("Resources.Q.Properties") && error.contains("FifoQueue"), "{error}");
    assert!(Template::parse("Resources: [").unwrap_err().to_string().starts_with("template.yaml: "));
}

#[test]
fn functions_are_resolved() {
    let template = Template::parse(
        r#"
Parameters:
  Text: {Type: String, Default: "a,b"}
  Count: {Type: Number, Default: 2}
Conditions:
  IsTwo: !Equals [!Ref Count, "2"]
  IsOther: !Not [!Condition IsTwo]
  Both: !And [!Condition IsTwo, {Condition: IsOther}]
  Either: !Or [!Condition IsTwo, !Condition IsOther]
Resources:
  R: {Type: Other}
  Gone: {Type: Other, Condition: IsOther}
  S:
    Type: Other
    Properties:
      Split: !Split [",", !Ref Text]
      Select: !Select [1, !Split [",", !Ref Text]]
      Join: !Join ["-", [x, !Ref Count]]
      Sub: !Sub "${AWS::Region} ${Count} ${R.Arn} ${!Kept}"
      SubWith: !Sub ["${V}", {V: !GetAtt R.Arn}]
      If: !If [Both, yes, !If [Either, either, neither]]
      None: !If [IsTwo, !Ref AWS::NoValue, x]
      Long: {"Fn::Join": ["", ["a", {"Ref": "Count"}]]}
      LongNested: {"Fn::Sub": "${Text}"}
"#,
    )
    .unwrap();
    let values = Values { resources: [("R.Arn".to_owned(), "arn:r".to_owned())].into(), ..Values::default() };
    let resources = template.resources(&values).unwrap();
    assert_eq!(resources.iter().map(|one| one.id).collect::<Vec<_>>(), ["R", "S"]);
    assert_eq!(
        resources[1].read::<serde_json::Value>(&["Properties"]).unwrap(),
        json!({
            "Split": ["a", "b"], "Select": "b", "Join": "x-2", "Sub": "us-east-1 2 arn:r ${Kept}", "SubWith": "arn:r",
            "If": "either", "Long": "a2", "LongNested": "a,b",
        })
    );
}
