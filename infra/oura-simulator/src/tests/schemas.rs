use super::*;

use crate::collection::{Collection, Shape};
use crate::oura_schemas::problems;

/// A quarter of a year has every kind of day: unworn, travelling, rest mode.
const QUARTER: &str = "start_date=2031-03-12&end_date=2031-06-13";
const MONTH: &str = "start_datetime=2031-05-14T00:00:00Z&end_datetime=2031-06-13T00:00:00Z";

#[tokio::test]
async fn answers_fit_the_typed_schemas() {
    let world = World::with(NOW, |config| config.fleet = 2).await;
    world.oura.control().change_options(|options| options.page_size = Some(20_000)).unwrap();
    for person in ["ada", "bruno", "chiyo", "dana", "eli", "fleet-00001", "fleet-00002"] {
        let tokens = world.connect(person, ALL).await;
        for collection in Collection::all() {
            let path = collection.path();
            let query = if collection.shape() == Shape::Series { MONTH } else { QUARTER };
            let answer = json(world.get(&tokens.access, &format!("{path}?{query}")).await).await;
            let first = problems(path, &answer).into_iter().next();
            assert_eq!(first, None, "{person}");
        }
        let info = json(world.get(&tokens.access, "personal_info").await).await;
        assert_eq!(problems("personal_info", &info), [""; 0], "{person}");
    }
}

#[test]
fn answer_with_an_odd_field_does_not_fit() {
    let answer = |document: Value| serde_json::json!({ "data": [document], "next_token": null });
    let stress = |high: Value| {
        answer(
            serde_json::json!({ "id": "a", "day": "2031-06-01", "day_summary": null, "recovery_high": 0, "stress_high": high }),
        )
    };
    assert_eq!(problems("daily_stress", &stress(serde_json::json!(900))), [""; 0]);
    assert_eq!(problems("daily_stress", &stress(serde_json::json!("900"))).len(), 1);
    assert_eq!(problems("daily_stress", &answer(serde_json::json!({ "colour": "red" }))).len(), 3);
    assert_eq!(problems("daily_stress", &answer(Value::Null)).len(), 1);
}
