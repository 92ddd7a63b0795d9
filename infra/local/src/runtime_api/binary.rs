//! A function's binary as a process of its own, in the environment that Lambda gives it.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{InvocationError, RuntimeApi};

/// Variables of the dynamic linker and of libfaketime: a clock that is shifted here is shifted in the binary as well.
const PRELOADED: [&str; 4] = ["LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC", "NO_FAKE_STAT"];

fn preloaded() -> impl Iterator<Item = (&'static str, OsString)> {
    PRELOADED.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// A running binary with a Runtime API of its own. The process is killed when this is dropped.
#[derive(Debug)]
pub struct Binary {
    api: RuntimeApi,
    pid: Option<u32>,
    started: Instant,
    /// A file and not a pipe: what was written before an answer is there when the answer is.
    output: NamedTempFile,
    exited: watch::Receiver<Option<ExitStatus>>,
    watcher: JoinHandle<()>,
}

impl Binary {
    /// Starts the binary with the variables that Lambda sets and these ones, and no other: what the function needs and is
    /// not given shows. A variable that is given wins over Lambda's.
    ///
    /// # Errors
    /// When there is no such binary.
    pub async fn spawn(
        path: impl AsRef<Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> anyhow::Result<Self> {
        let path = path.as_ref();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or("function");
        let api = RuntimeApi::start().await?;
        let output = NamedTempFile::new().context("make a file for the binary's output")?;
        let mut command = Command::new(path);
        command
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", api.address().as_str()),
                ("AWS_LAMBDA_FUNCTION_NAME", name),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{name}")),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
                ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
                ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
                ("_HANDLER", "bootstrap"),
                ("TZ", ":UTC"),
                ("LANG", "en_US.UTF-8"),
            ])
            .envs(preloaded())
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(append(output.path())?)
            .stderr(append(output.path())?)
            .kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("start {}", path.display()))?;
        let (exit, exited) = watch::channel(None);
        let pid = child.id();
        let watcher = tokio::spawn(watch_over(child, exit));
        Ok(Self { api, pid, started, output, exited, watcher })
    }

    /// The Runtime API that it polls.
    #[must_use]
    pub fn api(&self) -> &RuntimeApi {
        &self.api
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.pid
    }

    /// Waits for its first poll, and returns the time since its start.
    ///
    /// # Errors
    /// [`InvocationError::Exited`] when it ends before.
    pub async fn ready(&self) -> Result<Duration, InvocationError> {
        tokio::select! {
            biased;
            polled = self.api.first_poll() => Ok(polled.saturating_duration_since(self.started)),
            _ = self.ended() => Err(InvocationError::Exited),
        }
    }

    /// Hands it an event and waits for its answer. `timeout` is the function's own: its deadline.
    ///
    /// # Errors
    /// [`InvocationError`].
    pub async fn invoke(&self, event: Value, timeout: Duration) -> Result<Value, InvocationError> {
        tokio::select! {
            biased;
            answer = self.api.invoke(event, timeout) => answer,
            _ = self.ended() => Err(InvocationError::Exited),
        }
    }

    /// Waits until it has ended by itself and its output is complete. `None` when that is unknown.
    pub async fn ended(&self) -> Option<ExitStatus> {
        let mut exited = self.exited.clone();
        exited.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// Its standard output and standard error so far.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.output.path()).unwrap_or_default()).into_owned()
    }

    /// Peak memory so far in KiB (`VmHWM`). `None` without `/proc`.
    #[must_use]
    pub fn peak_memory_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid?)).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        peak.split_whitespace().next()?.parse().ok()
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // The process goes with its task.
        self.watcher.abort();
    }
}

fn append(path: &Path) -> anyhow::Result<Stdio> {
    let file = File::options().append(true).open(path).context("open the file for the binary's output")?;
    Ok(file.into())
}

/// Waits for the end of the process.
async fn watch_over(mut child: Child, exit: watch::Sender<Option<ExitStatus>>) {
    if let Ok(status) = child.wait().await {
        exit.send_replace(Some(status));
    }
}
