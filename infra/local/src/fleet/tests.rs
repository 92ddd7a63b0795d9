use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_fleet_completes_its_nightly_run_and_the_report_adds_up() {
    let mut output = Vec::new();
    let options = Options { history_days: 3, pace: Some(20), ..Options::new(3) };
    let report = Box::pin(run(&options, &mut output, false)).await.unwrap();
    assert_eq!((report.patients, report.turns), (3, (3, 0, 0)));
    assert_eq!((report.refused, report.refreshed), (0, 3), "the tokens of yesterday have ended");
    assert!(report.requests >= 3 * 3 && report.busiest_window == report.requests, "{report:?}");
    assert!(report.changed_days >= 3 && report.aws.calls > 0 && report.has_secrets, "{report:?}");
    let mut text = Vec::new();
    report.write(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("| done, skipped, failed | 3, 0, 0 |"), "{text}");
    let steps = String::from_utf8(output).unwrap();
    assert!(steps.contains("patients connect") && steps.contains("the night begins"), "{steps}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rings_that_are_away_cost_three_requests_each() {
    let options = Options { history_days: 3, pace: Some(20), away: true, ..Options::new(3) };
    let report = Box::pin(run(&options, &mut Vec::new(), false)).await.unwrap();
    assert_eq!((report.turns, report.requests, report.changed_days), ((3, 0, 0), 9, 0));
}
