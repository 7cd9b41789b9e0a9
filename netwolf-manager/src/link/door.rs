//! The first exchange of a link: hello, then welcome or a refusal that says what to do.

use std::{net::SocketAddr, sync::Arc};

use netwolf_wire::{
    ShardId,
    frame::{FrameError, FrameReader, FrameWriter},
    message::{Hello, Refused, ToAgent, ToManager},
    version,
};
use tokio::{
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{Span, debug, info, warn};

use super::{HELLO_DEADLINE, LinkHandle, Pulse, QUEUE, WRITE_DEADLINE};
use crate::{
    board::AgentSlot,
    core::{Entrant, Event},
    fleet::{Duplicate, LinkNo},
    state::State,
    telemetry::RefusalReason,
};

/// A link that was let in.
pub(super) struct Entered {
    pub(super) reader: FrameReader<OwnedReadHalf, ToManager>,
    pub(super) writer: FrameWriter<OwnedWriteHalf, ToAgent>,
    /// For the reader, which answers heartbeats itself.
    pub(super) queue: mpsc::Sender<ToAgent>,
    pub(super) messages: mpsc::Receiver<ToAgent>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) slot: Arc<AgentSlot>,
}

/// Leads a connection in; `None` when it was not let in and is to be closed.
pub(super) async fn enter(
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    peer: SocketAddr,
    no: LinkNo,
    state: &State,
    close: CancellationToken,
) -> Option<Entered> {
    let mut reader = FrameReader::new(read);
    let mut writer = FrameWriter::new(write);
    let hello = first_message(&mut reader, state).await?;
    Span::current().record("agent", hello.agent.as_str());
    let protocol = match version::settle(version::CURRENT, hello.protocol) {
        Ok(protocol) => protocol,
        Err(incompatible) => {
            info!(agent = %hello.agent, error = %incompatible, "agent refused");
            let message = incompatible.to_string();
            refuse(&mut writer, state, RefusalReason::Version, message, false).await;
            return None;
        }
    };
    let shard = ShardId {
        agent: hello.agent.clone(),
        index: hello.shard,
    };
    if hello.shard >= hello.shards {
        let Hello { shard, shards, .. } = hello;
        let message =
            format!("an agent of {shards} shards has no shard {shard}; they count from 0");
        info!(agent = %hello.agent, error = message, "agent refused");
        refuse(&mut writer, state, RefusalReason::Shard, message, false).await;
        return None;
    }
    let pulse = Arc::new(Pulse::default());
    pulse.beat(state.clock.now());
    let (queue, messages) = mpsc::channel(QUEUE);
    let (answer, answered) = oneshot::channel();
    let link = LinkHandle {
        no,
        pulse: pulse.clone(),
        queue: queue.clone(),
        close,
    };
    let entrant = Entrant {
        hello,
        protocol,
        link,
        peer,
        answer,
    };
    state
        .core
        .send(Event::Hello(Box::new(entrant)))
        .await
        .ok()?;
    match answered.await.ok()? {
        Ok(slot) => Some(Entered {
            reader,
            writer,
            queue,
            messages,
            pulse,
            slot,
        }),
        Err(duplicate) => {
            let message = duplicate_message(&shard, duplicate);
            refuse(&mut writer, state, RefusalReason::Duplicate, message, true).await;
            None
        }
    }
}

fn duplicate_message(shard: &ShardId, duplicate: Duplicate) -> String {
    let ShardId { agent, index } = shard;
    let ago = duplicate.heard_ago.as_millis();
    format!(
        "an agent named {:?} is linked already, its shard {index} was heard {ago} ms ago; \
         give each agent a name of its own with `--name`",
        agent.as_str()
    )
}

async fn first_message(
    reader: &mut FrameReader<OwnedReadHalf, ToManager>,
    state: &State,
) -> Option<Hello> {
    let refused = |why: &str| {
        debug!(why, "connection closed before hello");
        state.telemetry.hello_refused(RefusalReason::NoHello);
    };
    match timeout(HELLO_DEADLINE, reader.next()).await {
        Ok(Ok(Some(ToManager::Hello(hello)))) => return Some(hello),
        Ok(Ok(Some(other))) => refused(other.kind()),
        Ok(Ok(None)) => refused("end of stream"),
        Ok(Err(error)) if error.is_malformed() => {
            state.telemetry.malformed_frames.inc();
            // Such as a browser or a scraper on the wrong port.
            warn!(
                error = &error as &dyn std::error::Error,
                hint = "not a NetWolf agent? this port is for agents only",
                "connection closed: what came first is not a message"
            );
            refused("malformed");
        }
        Ok(Err(error)) => {
            report(&error, state);
            refused("broken");
        }
        Err(_) => refused("nothing in time"),
    }
    None
}

/// Counts and logs what ended a link.
pub(super) fn report(error: &FrameError, state: &State) {
    if error.is_malformed() {
        state.telemetry.malformed_frames.inc();
        warn!(
            error = error as &dyn std::error::Error,
            "link closed: what came is not a message"
        );
    } else {
        debug!(error = error as &dyn std::error::Error, "link broke");
    }
}

async fn refuse(
    writer: &mut FrameWriter<OwnedWriteHalf, ToAgent>,
    state: &State,
    reason: RefusalReason,
    message: String,
    retry: bool,
) {
    state.telemetry.hello_refused(reason);
    let refused = Refused {
        protocol: version::CURRENT,
        message,
        retry,
    };
    if !matches!(
        timeout(WRITE_DEADLINE, writer.send(&refused.into())).await,
        Ok(Ok(()))
    ) {
        debug!("the refusal could not be sent");
    }
}
