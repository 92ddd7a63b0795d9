//! Walking through all active connections, page by page.

use std::collections::BTreeSet;

use shared::aws::Connections;
use shared::domain::{PatientId, ReasonCode};

use tests::World;

/// The patients of all pages of all shards, in order.
async fn walk(world: &World, limit: i32) -> Vec<PatientId> {
    let mut walked = Vec::new();
    for shard in 0..Connections::ACTIVE_SHARDS {
        let mut after = None;
        loop {
            let page = world.connections.active_page(shard, after.as_ref(), limit).await.unwrap();
            assert!(page.patients.len() <= usize::try_from(limit).unwrap());
            walked.extend(page.patients);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    walked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn active_index_lists_each_patient_once_for_any_page_size() {
    let world = World::start().await;
    assert!(walk(&world, 10).await.is_empty());
    let names: Vec<String> = (0..60).map(|n| format!("patient#{n}")).collect();
    for name in &names {
        world.write_down(name).await;
    }
    let all: BTreeSet<PatientId> = names.iter().map(|name| name.parse().unwrap()).collect();
    for limit in [1, 3, 100] {
        let walked = walk(&world, limit).await;
        assert_eq!(walked.len(), 60, "in pages of {limit}");
        assert_eq!(walked.into_iter().collect::<BTreeSet<_>>(), all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn active_index_resumes_after_a_patient_who_disconnected() {
    let world = World::start().await;
    for n in 0..40 {
        world.write_down(&format!("p-{n}")).await;
    }
    let shards = 0..Connections::ACTIVE_SHARDS;
    let pages = futures::future::join_all(shards.map(|shard| world.connections.active_page(shard, None, 1))).await;
    let (shard, page) =
        pages.into_iter().map(Result::unwrap).enumerate().find(|(_, page)| page.next.is_some()).unwrap();
    let shard = u8::try_from(shard).unwrap();
    let left = page.next.unwrap();
    let connection = world.connections.get(&left).await.unwrap().unwrap();
    let now = world.clock.now();
    world.connections.disconnect(&connection, ReasonCode::Revoked, &[], 20, now).await.unwrap();
    let rest = world.connections.active_page(shard, Some(&left), 100).await.unwrap();
    assert!(!rest.patients.is_empty() && !rest.patients.contains(&left) && rest.next.is_none(), "{rest:?}");
    assert_eq!(walk(&world, 7).await.len(), 39);
}
