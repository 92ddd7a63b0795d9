//! `GET`: accepted and refused handshakes.

use super::*;

async fn get(world: &World, query: &str) -> Answer {
    world.send(&event("GET", query, &[])).await
}

#[tokio::test]
async fn handshake_with_the_token_gets_the_challenge() {
    let world = World::start().await;
    let answer = get(&world, "verification_token=handshake-t0ken&challenge=c-1%2B%22%3Cb%3E&more=x").await;
    assert_eq!((answer.status, answer.body), (200, json!({ "challenge": "c-1+\"<b>" })));
    let answer = get(&world, "challenge=one+two&verification%5Ftoken=handshake%2Dt0ken").await;
    assert_eq!((answer.status, answer.body), (200, json!({ "challenge": "one two" })));
    assert_eq!(world.secret_reads(), 1);
    assert_eq!(world.aws.meter().mutations(), 0);
}

#[tokio::test]
async fn missing_or_wrong_token_is_refused() {
    let world = World::start().await;
    for token in [
        "challenge=c4nary",
        "",
        "verification_token&challenge=c4nary",
        "verification_token=&challenge=c4nary",
        "verification_token=c4nary&challenge=c4nary",
        "verification_token=handshake-t0ke&challenge=c4nary",
        "verification_token=handshake-t0ken0&challenge=c4nary",
        "verification_token=HANDSHAKE-T0KEN&challenge=c4nary",
        "verification_token=handshake-t0ken%00&challenge=c4nary",
        "verification_token=+handshake-t0ken&challenge=c4nary",
        "Verification_Token=handshake-t0ken&challenge=c4nary",
        "challenge=c4nary%26verification_token=handshake-t0ken",
        "verification_token=app-s3cret&challenge=c4nary",
        "verification_token=%ff%fe&challenge=c4nary",
    ] {
        world.refuses(&event("GET", token, &[]), 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn repeated_parameter_is_refused_with_the_right_token_too() {
    let world = World::start().await;
    let right = "verification_token=handshake-t0ken";
    for query in [
        format!("{right}&{right}&challenge=c4nary"),
        format!("{right}&challenge=c4nary&verification_token=x"),
        format!("{right}&challenge=c4nary&verification%5Ftoken="),
        format!("{right}&challenge=c4nary&challenge=c4nary"),
        format!("{right}&challenge=c4nary&challenge"),
    ] {
        world.refuses(&event("GET", &query, &[]), 400, "invalid_query").await;
    }
}

#[tokio::test]
async fn missing_or_malformed_challenge_is_refused() {
    let world = World::start().await;
    let long = "c4nary".repeat(43);
    assert_eq!(long.len(), 258);
    for challenge in
        ["", "&challenge", "&challenge=", "&challenge=c4nary%0d%0a", "&challenge=c4nary%C3%A9", "&challenge=%ff"]
            .into_iter()
            .chain([format!("&challenge={long}").as_str()])
    {
        let query = format!("verification_token=handshake-t0ken{challenge}");
        world.refuses(&event("GET", &query, &[]), 400, "invalid_challenge").await;
    }
    let longest = get(&world, &format!("verification_token=handshake-t0ken&challenge={}", &long[..256])).await;
    assert_eq!((longest.status, &longest.body["challenge"]), (200, &json!(long[..256])));
    // Without the token, nothing is disclosed about the challenge.
    world.refuses(&event("GET", "verification_token=x", &[]), 401, "invalid_token").await;
}

#[tokio::test]
async fn empty_token_accepts_no_handshake() {
    let world = World::start().await;
    world.rotate(SECRET, "").await;
    for query in ["verification_token=&challenge=c4nary", "verification_token&challenge=c4nary", "challenge=c4nary"] {
        world.refuses(&event("GET", query, &[]), 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn signature_is_no_token_and_token_is_no_signature() {
    let world = World::start().await;
    let mut event = world.signed(&webhook_event("d-1"));
    event["requestContext"]["http"]["method"] = json!("GET");
    world.refuses(&event, 401, "invalid_token").await;
    let token = super::event("POST", "verification_token=handshake-t0ken&challenge=c4nary", &[]);
    world.refuses(&token, 401, "signature_missing").await;
}

#[tokio::test]
async fn rotated_token_is_accepted_without_a_restart_by_one_read_a_minute() {
    let world = World::start().await;
    let with = async |token: &str| get(&world, &format!("verification_token={token}&challenge=c-1")).await.status;
    assert_eq!(with(TOKEN).await, 200);
    world.rotate(SECRET, "token-2").await;
    assert_eq!((with("token-2").await, world.secret_reads()), (401, 0), "it was read less than a minute ago");
    world.pass(60);
    assert_eq!((with("token-2").await, world.secret_reads()), (200, 1));
    for _ in 0..10 {
        assert_eq!(with(TOKEN).await, 401);
    }
    assert_eq!(world.secret_reads(), 1, "guesses cause no further reads");
}
