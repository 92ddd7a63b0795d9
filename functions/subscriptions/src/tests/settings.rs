use serde_json::json;

use super::*;

fn env(webhook_url: &str) -> Env {
    Env::default().with("OURA_APP_SECRET_ID", "app").with("WEBHOOK_URL", webhook_url)
}

#[test]
fn webhook_url_is_https_or_on_this_machine() {
    for good in
        [HERE, "https://hooks.example", "http://127.0.0.1:3000/webhook", "http://localhost/", "http://[::1]:9/x"]
    {
        assert!(Config::from_env(&env(good)).is_ok(), "{good}");
    }
    for bad in [
        "",
        "/webhook",
        "hooks.example/webhook",
        "http://hooks.example/webhook",
        "http://localhost.example/",
        "ftp://hooks.example/",
        "https://user:c4nary@hooks.example/",
        "https://hooks.example/#c4nary",
    ] {
        let error = Config::from_env(&env(bad)).unwrap_err().to_string();
        assert!(error.contains("WEBHOOK_URL") && !error.contains("c4nary"), "{bad}: {error}");
    }
}

#[test]
fn renewal_time_out_of_bounds_is_refused() {
    for bad in ["0", "61", "-1", "soon"] {
        let error = Config::from_env(&env(HERE).with("SUBSCRIPTION_RENEWAL_DAYS", bad)).unwrap_err().to_string();
        assert!(error.contains("SUBSCRIPTION_RENEWAL_DAYS"), "{error}");
    }
}

#[test]
fn request_adopts_only_if_it_says_so() {
    assert!(Request::of_event(json!({ "adopt": true, "more": 1 })).adopt);
    let of_a_schedule = json!({
        "version": "0", "id": "9", "detail-type": "Scheduled Event", "source": "aws.events", "account": "1",
        "time": NOW, "region": "eu-central-1", "resources": [], "detail": { "adopt": true },
    });
    for event in [
        json!({}),
        json!(null),
        of_a_schedule,
        json!({ "adopt": false }),
        json!({ "adopt": "true" }),
        json!({ "adopt": 1 }),
        json!({ "adopt": null }),
        json!({ "Adopt": true }),
        json!([true]),
        json!(true),
        json!("adopt"),
    ] {
        assert_eq!(Request::of_event(event.clone()), Request::default(), "{event}");
    }
}
