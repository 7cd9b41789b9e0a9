//! Steps and transcripts of a run, fetched: pages of steps over one connection, transcripts over a few.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use hyper::StatusCode;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::step_path;
use crate::{
    http::{Line, escape},
    manager::{Client, Refused},
    print::put,
};

/// A manager that is away is asked again for so long: longer than it takes to start again.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);
/// From one attempt to the next.
pub(super) const PAUSE: Duration = Duration::from_millis(500);
/// Steps of one page; a view has half a kilobyte.
const PAGE: usize = 1000;
/// Transcripts that are fetched at a time: enough to hide the way, few enough to leave the manager to others.
const LANES: usize = 4;

/// All steps of a run, or those in `state`, in the order of the rollout.
///
/// # Errors
/// When the manager has something to object or goes away.
pub(super) async fn steps(
    client: &Client,
    id: u64,
    state: Option<&str>,
) -> anyhow::Result<Vec<Value>> {
    let mut line = client.line().await?;
    let mut steps = Vec::new();
    let mut after = None;
    loop {
        let mut path = format!("/api/v1/runs/{id}/steps?limit={PAGE}");
        if let Some(state) = state {
            put(&mut path, format_args!("&state={}", escape(state)));
        }
        if let Some(after) = after {
            put(&mut path, format_args!("&after={after}"));
        }
        let mut page = client.get_over(&mut line, &path).await?;
        if let Some(more) = page["steps"].as_array_mut() {
            steps.append(more);
        }
        let next = page["next"].as_u64();
        // A server that leads in a circle is not followed.
        if next.is_none() || next <= after {
            return Ok(steps);
        }
        after = next;
    }
}

/// One step with its transcript.
///
/// # Errors
/// As [`steps`].
pub(super) async fn step(client: &Client, id: u64, device: &str) -> anyhow::Result<Value> {
    client.get(&step_path(id, device)).await
}

/// The transcripts of many steps, in their order; steps that `wants` does not want come as they are.
///
/// # Errors
/// As [`steps`]; what came before is handed over.
pub(super) async fn transcripts(
    client: &Client,
    id: u64,
    steps: Vec<Value>,
    wants: impl Fn(&Value) -> bool,
    mut take: impl FnMut(Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let lanes = Lanes::default();
    let fetched = steps.into_iter().map(|step| {
        let (lanes, wanted) = (&lanes, wants(&step));
        async move {
            if !wanted {
                return Ok(step);
            }
            let device = step["device"].as_str().unwrap_or_default();
            lanes.get(client, &step_path(id, device)).await
        }
    });
    let mut fetched = std::pin::pin!(stream::iter(fetched).buffered(LANES));
    while let Some(step) = fetched.next().await {
        take(step?)?;
    }
    Ok(())
}

/// Connections that are free.
#[derive(Default)]
struct Lanes<'c>(std::cell::RefCell<Vec<Line<'c>>>);

impl<'c> Lanes<'c> {
    /// Asks patiently: a connection that was kept may have been closed meanwhile.
    async fn get(&self, client: &'c Client, path: &str) -> anyhow::Result<Value> {
        patiently(|| self.attempt(client, path)).await
    }

    async fn attempt(&self, client: &'c Client, path: &str) -> anyhow::Result<Value> {
        let free = self.0.borrow_mut().pop().filter(Line::is_open);
        let mut line = match free {
            Some(line) => line,
            None => client.line().await?,
        };
        let answer = client.get_over(&mut line, path).await?;
        self.0.borrow_mut().push(line);
        Ok(answer)
    }
}

/// Whether a refusal is one of a manager that starts, ends or has much to do.
pub(super) fn is_passing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| {
        refused.status.is_server_error() || refused.status == StatusCode::TOO_MANY_REQUESTS
    })
}

/// Asks until there is an answer, within [`PATIENCE`].
pub(super) async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let asking = async {
        loop {
            match ask().await {
                Err(error) if !error.is::<Refused>() || is_passing(&error) => sleep(PAUSE).await,
                answer => return answer,
            }
        }
    };
    match timeout(PATIENCE, asking).await {
        Ok(answer) => answer,
        // What it says the last time is what is told.
        Err(_) => ask().await,
    }
}
