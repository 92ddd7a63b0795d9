use super::*;

fn family_revocation(world: &World) {
    world.oura.control().change_options(|options| options.family_revocation = true).unwrap();
}

#[tokio::test]
async fn any_spent_token_of_a_family_ends_the_whole_family_and_is_counted() {
    let world = World::new().await;
    family_revocation(&world);
    let first = world.connect("ada", ALL).await;
    let second = pair(world.refresh(&first.refresh).await).await;
    let third = pair(world.refresh(&second.refresh).await).await;
    let fourth = pair(world.refresh(&third.refresh).await).await;
    let other = world.connect("ada", ALL).await;
    let summary = world.oura.control().summary();
    assert_eq!((summary.exchanges, summary.refreshes, summary.reused), (2, 3, 0));
    // The oldest one, long after it was spent.
    assert_eq!(error(world.refresh(&first.refresh).await).await, (400, "invalid_grant".into()));
    assert_eq!(world.get(&fourth.access, "personal_info").await.status(), 401);
    assert_eq!(error(world.refresh(&fourth.refresh).await).await, (400, "invalid_grant".into()));
    let summary = world.oura.control().summary();
    assert_eq!((summary.refreshes, summary.reused), (3, 1), "the last one was refused, not spent twice");
    assert_eq!(world.refresh(&other.refresh).await.status(), 200, "another consent is another family");
}

#[tokio::test]
async fn a_token_that_is_refused_for_its_grant_is_not_spent_and_may_be_tried_again() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    world.oura.control().withdraw_consent("ada").unwrap();
    for _ in 0..2 {
        assert_eq!(error(world.refresh(&tokens.refresh).await).await, (400, "invalid_grant".into()));
    }
    let summary = world.oura.control().summary();
    assert_eq!((summary.refreshes, summary.reused), (0, 0));
}

#[tokio::test]
async fn a_spent_token_alone_ends_nothing_unless_families_are_revoked() {
    let world = World::new().await;
    let first = world.connect("ada", ALL).await;
    let second = pair(world.refresh(&first.refresh).await).await;
    for reused in 1..=2 {
        assert_eq!(error(world.refresh(&first.refresh).await).await, (400, "invalid_grant".into()));
        assert_eq!(world.oura.control().summary().reused, reused);
    }
    assert_eq!(world.get(&second.access, "personal_info").await.status(), 200);
    assert_eq!(world.refresh(&second.refresh).await.status(), 200);
}
