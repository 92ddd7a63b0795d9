//! A stack with `--data` that was killed: the next one continues.

use shared::aws::Inbox;

use super::*;

/// A stack on these files, with an Oura that outlives it.
async fn started(oura: &OuraSimulator, redirect_uri: &str, port: u16, directory: &tempfile::TempDir) -> Stack {
    let at = |path: &str| oura.url().join(path).unwrap().to_string();
    let env = Env::default()
        .with("OURA_CLIENT_ID", "registered-app")
        .with("OURA_CLIENT_SECRET", "its-secret")
        .with("OURA_REDIRECT_URI", redirect_uri)
        .with("OURA_AUTHORIZE_URL", at("/oauth/authorize"))
        .with("OURA_TOKEN_URL", at("/oauth/token"))
        .with("OURA_REVOKE_URL", at("/oauth/revoke"))
        .with("OURA_API_BASE_URL", at("/"));
    let data_dir = Some(directory.path().join("data"));
    let options = quiet(Options { oura: OuraMode::Live, env, data_dir, ..Options::default() });
    Stack::start(Options { port: Some(port), ..options }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_work_of_a_killed_stack_is_queued_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
    let redirect_uri = format!("http://127.0.0.1:{port}{}", crate::gateway::routes::CALLBACK);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut config = OuraSimulatorConfig::new("registered-app", "its-secret".into(), &redirect_uri);
    config.pinned_day = Some(oura_simulator::TYPICAL_DAY);
    let oura = OuraSimulator::start(listener, config).await.unwrap();
    let connection = async |stack: &Stack| {
        let patient = Patient::new(stack.url(), &stack.token_for(stack.patient_id()).unwrap()).unwrap();
        patient.get("/connections").await.unwrap()["connections"][0].clone()
    };

    // Oura serves nothing of the history, and the stack ends in the middle of it, with a webhook event in its inbox.
    let stack = started(&oura, &redirect_uri, port, &directory).await;
    let fault = oura_simulator::Fault::on("/v2/usercollection/daily_*").status(503);
    oura.control().add_fault(fault).unwrap();
    let patient = Patient::new(stack.url(), &stack.token_for(stack.patient_id()).unwrap()).unwrap();
    patient.connect("ada").await.unwrap();
    until("the backfill's begin", async || connection(&stack).await["backfill"]["state"] == "running").await;
    let owner = stack.patient_id().clone();
    let inbox = async |stack: &Stack| {
        Inbox::new(stack.sdk_config(), &stack.names().connections_table).get(&owner).await.unwrap()
    };
    let event = format!("sleep update {} {}", stack.now(), "00000000-0000-4000-8000-000000000000");
    let (events, sync_id) = ([event.parse().unwrap()].into(), "webhook-1".parse().unwrap());
    let store = Inbox::new(stack.sdk_config(), &stack.names().connections_table);
    store.put(&owner, &events, &sync_id, stack.now()).await.unwrap();
    // Another patient's purge was requested, and no message of it was served.
    let leaver: shared::domain::PatientId = "leaver".parse().unwrap();
    let connections = shared::aws::Connections::new(stack.sdk_config(), &stack.names().connections_table);
    connections.request_purge(&leaver, &"purge-1".parse().unwrap(), stack.now()).await.unwrap();
    stack.shutdown().await;

    oura.control().clear_faults();
    let stack = started(&oura, &redirect_uri, port, &directory).await;
    until("the history", async || connection(&stack).await["backfill"]["state"] == "done").await;
    until("the webhook event", async || inbox(&stack).await.is_none()).await;
    let is_purged = |event: &crate::aws::PublishedEvent| event.detail_type == "wearable_data_purged";
    until("the purge", async || stack.watch().events().iter().flatten().any(is_purged)).await;
    stack.shutdown().await;
}
