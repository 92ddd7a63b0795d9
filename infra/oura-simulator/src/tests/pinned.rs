//! People whose days are the same whatever the date of the start.

use jiff::SignedDuration;
use jiff::civil::Date;

use super::*;

/// Starts over 400 days at different hours: every weekday, leap day, New Year, both changes of clocks.
fn starts() -> impl Iterator<Item = Timestamp> {
    let first: Timestamp = "2027-12-20T00:00:01Z".parse().unwrap();
    (0..400).map(move |n| first + SignedDuration::from_hours(n * 24 + n % 24) + SignedDuration::from_secs(n % 2 * 3597))
}

async fn pinned(at: Timestamp) -> World {
    World::with(&at.to_string(), |config| config.pinned_day = Some(TYPICAL_DAY)).await
}

/// Per day of the five weeks before the start: (sleeps, daily sleeps, activities, workouts).
async fn counts(world: &World, today: Date) -> Vec<[usize; 4]> {
    let control = world.oura.control();
    let tokens = {
        let code = control.consent("ada", &consent()).unwrap().code.unwrap();
        pair(world.exchange(&code).await).await
    };
    let day = |back: i32| today.saturating_sub(jiff::Span::new().days(back));
    let mut counts = vec![[0; 4]; 36];
    for (n, collection) in ["sleep", "daily_sleep", "daily_activity", "workout"].into_iter().enumerate() {
        let range = format!("{collection}?start_date={}&end_date={}", day(37), today);
        for document in world.list(&tokens.access, &range).await {
            let date: Date = document["day"].as_str().unwrap().parse().unwrap();
            let back = today.since(date).unwrap().get_days();
            if let Some(count) =
                usize::try_from(back).ok().filter(|back| *back > 1).and_then(|back| counts.get_mut(back))
            {
                count[n] += 1;
            }
        }
    }
    counts
}

fn consent() -> ConsentRequest {
    ConsentRequest {
        client_id: Some("the-app".to_owned()),
        redirect_uri: Some(CALLBACK.to_owned()),
        scopes: Some(ALL.split(' ').map(str::to_owned).collect()),
        ..ConsentRequest::default()
    }
}

#[tokio::test]
async fn pinned_people_have_the_same_days_on_every_date() {
    let mut expected = None;
    for at in starts().step_by(31) {
        let today = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let counts = counts(&pinned(at).await, today).await;
        assert_eq!(expected.get_or_insert(counts.clone()), &counts, "{at}");
    }
    let days = expected.unwrap();
    assert!(days[2..9].iter().all(|[_, night, activity, _]| (*night, *activity) == (1, 1)), "{days:?}");
    assert!(days[2..].iter().filter(|[_, night, ..]| *night == 0).count() <= 1, "{days:?}");
}

#[tokio::test]
async fn unpinned_people_have_other_days_on_another_date() {
    let days = async |at: &str| {
        let today = at.parse::<Timestamp>().unwrap().to_zoned(jiff::tz::TimeZone::UTC).date();
        counts(&World::at(at).await, today).await
    };
    assert_ne!(days("2031-06-12T15:00:00Z").await, days("2031-06-13T15:00:00Z").await);
}

/// The assumptions of tests that run on the machine's clock.
#[tokio::test]
async fn pinned_people_have_recent_nights_to_edit_at_any_hour() {
    for at in starts().step_by(11) {
        let control = pinned(at).await.oura.control();
        let today = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        for person in ["ada", "bruno", "chiyo", "dana"] {
            let back = |days: i32| today.saturating_sub(jiff::Span::new().days(days));
            for days in [2, 3, 4] {
                assert!(control.edit_night(person, back(days)).is_ok(), "{person} {days} days before {at}");
            }
        }
    }
}
