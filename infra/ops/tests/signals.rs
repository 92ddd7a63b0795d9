//! The binary's exit code after a signal.

#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Interrupts `move-tokens` while it waits for an AWS that never answers.
fn interrupt(signal: &str) -> (Option<i32>, String) {
    let aws = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut ops = Command::new(env!("CARGO_BIN_EXE_ops"))
        .args(["move-tokens", "--to", "sealed", "--dry-run"])
        .env_clear()
        .envs([
            ("AWS_ENDPOINT_URL", format!("http://{}", aws.local_addr().unwrap()).as_str()),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("CONNECTIONS_TABLE", "connections"),
            ("TOKEN_SECRET_PREFIX", "tokens"),
            ("TOKEN_KEY_RING_SECRET_ID", "ring"),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    aws.set_nonblocking(true).unwrap();
    let _request = loop {
        if let Ok(request) = aws.accept() {
            break request;
        }
        assert!(ops.try_wait().unwrap().is_none(), "it ended without a request");
        std::thread::sleep(Duration::from_millis(5));
    };
    let sent = Command::new("kill").args(["-s", signal, &ops.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let status = ops.wait().unwrap();
    assert_eq!(status.signal(), None);
    let mut error = String::new();
    ops.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    (status.code(), error)
}

#[test]
fn ops_reports_an_interrupted_task() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (status, error) = interrupt(signal);
        assert_eq!(status, Some(code), "SIG{signal}: {error}");
        assert!(error.contains("interrupted"), "{error}");
    }
}
