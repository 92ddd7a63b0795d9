use serde_json::{Value, json};

use super::*;

fn svg(wanted: &Value) -> String {
    drawn(wanted.to_string().as_bytes()).unwrap()
}

/// Number of elements of this kind in this colour.
fn count(svg: &str, element: &str, colour: &str) -> usize {
    let colour = format!("\"var(--chart-{colour})\"");
    svg.split('<').filter(|part| part.starts_with(element) && part.contains(&colour)).count()
}

fn day(n: usize, value: Option<f64>) -> Value {
    json!({"day": format!("2026-03-{:02}", n + 1), "values": [value], "provisional": false, "reason": null, "usual": null})
}

fn line(days: Vec<Value>) -> Value {
    json!({"kind": "line", "size": [640, 220], "unit": "score", "series": ["readiness"], "days": days})
}

#[test]
fn missing_day_is_a_gap_and_never_zero() {
    let values = [Some(80.0), Some(82.0), None, None, Some(79.0), Some(81.0), Some(84.0)];
    let mut days: Vec<Value> = values.into_iter().enumerate().map(|(n, value)| day(n, value)).collect();
    days[2]["reason"] = json!("not_worn");
    days[3]["reason"] = json!("not_worn");
    let svg = svg(&line(days));
    assert_eq!(count(&svg, "circle", "readiness"), 5, "one for each value");
    assert_eq!(count(&svg, "polyline", "readiness"), 2, "one for each run of days");
    assert_eq!(count(&svg, "rect", "gap"), 1);
    assert!(svg.contains("not worn"), "the reason, where there is room");
    assert!(!svg.contains("\n0\n"), "the axis does not reach down to zero");
}

#[test]
fn provisional_value_is_drawn_as_a_ring_before_the_usual_range() {
    let mut days: Vec<Value> = (0..7).map(|n| day(n, Some(80.0))).collect();
    days[6]["provisional"] = json!(true);
    for day in &mut days[3..] {
        day["usual"] = json!({"mean": 78.0, "range": [70.0, 86.0]});
    }
    let svg = svg(&line(days));
    assert_eq!((count(&svg, "circle", "readiness"), count(&svg, "circle", "ground")), (7, 1));
    assert_eq!((count(&svg, "polygon", "usual"), count(&svg, "polyline", "usual")), (1, 1));
    assert!(svg.contains("\n70\n") && svg.contains("\n90\n"), "the axis holds the range: {svg}");
}

#[test]
fn amounts_of_a_day_stand_upon_each_other_from_zero() {
    let stages = |n: usize| json!({"day": format!("2026-03-{:02}", n + 1), "values": [5400, 14_400, 5400, null]});
    let wanted = json!({
        "kind": "bars", "size": [360, 200], "unit": "seconds", "series": ["deep", "light", "rem", "awake"],
        "days": (0..7).map(stages).collect::<Vec<_>>(),
    });
    let svg = svg(&wanted);
    for (ink, bars) in [("deep", 7), ("light", 7), ("rem", 7), ("awake", 0)] {
        assert_eq!(count(&svg, "rect", ink), bars, "{ink}");
    }
    assert!(svg.contains("\n0 h\n") && svg.contains("\n8 h\n"), "{svg}");
}

#[test]
fn night_is_drawn_in_four_lanes_over_the_patients_own_clock() {
    let half_hours = [Some("awake"), Some("light"), Some("light"), Some("deep"), None, Some("rem")].repeat(12);
    let wanted = json!({
        "kind": "night", "size": [360, 160], "start": "2026-03-01T22:40:00", "intervalSeconds": 300,
        "stages": half_hours,
    });
    let svg = svg(&wanted);
    assert_eq!(count(&svg, "rect", "light"), 12, "equal neighbours are one block");
    assert_eq!((count(&svg, "rect", "deep"), count(&svg, "rect", "rem"), count(&svg, "rect", "awake")), (12, 12, 12));
    for text in ["Awake", "REM", "Light", "Deep", "23:00", "01:00", "04:00"] {
        assert!(svg.contains(&format!("\n{text}\n")), "{text}");
    }
    assert!(!svg.contains("22:00") && !svg.contains("05:00"));
}

#[test]
fn drawing_has_no_color_of_the_library() {
    let mut days: Vec<Value> = (0..30).map(|n| day(n, (n % 5 > 0).then_some(80.0))).collect();
    days[9]["usual"] = json!({"mean": 78.0, "range": [70.0, 86.0]});
    let svg = svg(&line(days));
    assert!(!svg.contains("\"#") && !svg.contains("style="), "{svg}");
    assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 6400 2200\" "), "{svg}");
}

#[test]
fn malformed_chart_is_refused_and_not_repeated() {
    let good = line(vec![day(0, Some(1.0))]);
    assert!(drawn(good.to_string().as_bytes()).is_ok());
    let with = |change: fn(&mut Value)| {
        let mut wanted = good.clone();
        change(&mut wanted);
        wanted.to_string()
    };
    for bad in [
        String::new(),
        "{}".to_owned(),
        with(|chart| chart["kind"] = json!("pie")),
        with(|chart| chart["size"] = json!([99_999_999, 220])),
        with(|chart| chart["size"] = json!([0, 0])),
        with(|chart| chart["unit"] = json!("<script>")),
        with(|chart| chart["series"] = json!([])),
        with(|chart| chart["series"] = json!(["readiness", "hrv"])),
        with(|chart| chart["days"] = json!([])),
        with(|chart| chart["days"][0]["day"] = json!("<b>")),
        with(|chart| chart["days"][0]["values"] = json!(["1"])),
        with(|chart| chart["days"] = json!(vec![chart["days"][0].clone(); 401])),
        with(|chart| chart["title"] = json!("<script>")),
        json!({"kind": "night", "size": [360, 160], "start": "2026-03-01T22:40:00", "intervalSeconds": 0, "stages": ["deep"]})
            .to_string(),
        json!({"kind": "night", "size": [360, 160], "start": "9999-12-31T23:40:00", "intervalSeconds": 300,
            "stages": vec!["deep"; 100]})
        .to_string(),
    ] {
        assert!(matches!(drawn(bad.as_bytes()), Err(Undrawn::Malformed)), "{bad}");
        assert_eq!(answer(bad.as_bytes()).status(), 400);
    }
    // Numbers that no axis was made for are drawn all the same.
    for absurd in [1e308, -1e308, 0.0] {
        assert!(drawn(line(vec![day(0, Some(absurd)), day(1, Some(1.0))]).to_string().as_bytes()).is_ok(), "{absurd}");
    }
}
