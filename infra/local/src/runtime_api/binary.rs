//! A function's binary as a process of its own, in the environment that Lambda gives it.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{InvocationError, RuntimeApi, lock};

/// A running binary with a Runtime API of its own. The process is killed when this is dropped.
#[derive(Debug)]
pub struct Binary {
    api: RuntimeApi,
    pid: Option<u32>,
    started: Instant,
    output: Arc<Mutex<Vec<u8>>>,
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
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let started = Instant::now();
        let mut child = command.spawn().with_context(|| format!("start {}", path.display()))?;
        let output = Arc::new(Mutex::new(Vec::new()));
        let reading = [
            child.stdout.take().map(|pipe| tokio::spawn(keep(pipe, Arc::clone(&output)))),
            child.stderr.take().map(|pipe| tokio::spawn(keep(pipe, Arc::clone(&output)))),
        ];
        let (exit, exited) = watch::channel(None);
        let pid = child.id();
        let watcher = tokio::spawn(watch_over(child, reading, exit));
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

    /// Waits for its first poll, and tells how long after its start that was.
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

    /// Waits until it has ended by itself and all of its output is here. `None` when that cannot be told.
    pub async fn ended(&self) -> Option<ExitStatus> {
        let mut exited = self.exited.clone();
        exited.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// What it wrote so far, to standard output and standard error.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&lock(&self.output)).into_owned()
    }

    /// The most memory that it held at once so far, in KiB (`VmHWM`). `None` where `/proc` does not tell.
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

/// Waits for the end of the process and of its output.
async fn watch_over(mut child: Child, reading: [Option<JoinHandle<()>>; 2], exit: watch::Sender<Option<ExitStatus>>) {
    let Ok(status) = child.wait().await else { return };
    for pipe in reading.into_iter().flatten() {
        // A reader that failed has read what there was.
        let _ = pipe.await;
    }
    exit.send_replace(Some(status));
}

async fn keep(mut pipe: impl AsyncRead + Unpin, output: Arc<Mutex<Vec<u8>>>) {
    let mut chunk = [0; 4096];
    while let Ok(read) = pipe.read(&mut chunk).await {
        match chunk.get(..read) {
            None | Some([]) => return,
            Some(read) => lock(&output).extend_from_slice(read),
        }
    }
}
