//! The first exchange of a link: hello, then welcome or a refusal that says what to do.
//!
//! Invariant: over TLS a hello's name is that of the certificate, and the certificate has not been revoked.

use std::{net::SocketAddr, sync::Arc};

use netwolf_wire::{
    ShardId,
    certify::Certify,
    frame::{FrameError, FrameReader, FrameWriter},
    message::{Hello, Refused, ToAgent, ToManager},
    tls::stream::{Reading, Writing},
    version::{self, Version},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{Span, debug, warn};

use super::{
    HELLO_DEADLINE, LinkHandle, Pulse, QUEUE, WRITE_DEADLINE,
    arrival::{Arrived, Identity, Port},
    certifying,
    standing::Place,
};
use crate::{
    board::AgentSlot,
    core::{Entrant, Event},
    fleet::{Duplicate, LinkNo},
    state::State,
    telemetry::RefusalReason,
    trust::Refusal,
};

/// A link that was let in.
pub(super) struct Entered {
    pub(super) reader: FrameReader<Reading, ToManager>,
    pub(super) writer: FrameWriter<Writing, ToAgent>,
    /// For the reader, which answers heartbeats itself.
    pub(super) queue: mpsc::Sender<ToAgent>,
    pub(super) messages: mpsc::Receiver<ToAgent>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) slot: Arc<AgentSlot>,
    /// Where a revocation finds it.
    pub(super) place: Option<Place>,
}

/// Leads a connection in; `None` when it was not let in and is to be closed.
pub(super) async fn enter(
    arrived: Arrived,
    peer: SocketAddr,
    no: LinkNo,
    port: &Port,
    state: &Arc<State>,
    close: CancellationToken,
) -> Option<Entered> {
    let Arrived {
        stream,
        identity,
        leave,
    } = arrived;
    let (read, write) = stream.into_split();
    let mut reader = match identity {
        Identity::Stranger => FrameReader::of_stranger(read),
        Identity::Plain | Identity::Agent { .. } => FrameReader::new(read),
    };
    let mut writer = FrameWriter::new(write);
    let hello = match first_message(&mut reader, state).await? {
        First::Hello(hello) => hello,
        First::Certify(certify) => {
            let answer = certifying::answer(certify, identity, peer, state).await;
            say_last(&mut writer, &answer).await;
            return None;
        }
    };
    Span::current().record("agent", hello.agent.as_str());
    let place = matches!(&identity, Identity::Agent { .. })
        .then(|| state.standing.enter(no, hello.agent.clone(), close.clone()));
    let protocol = match check(&hello, &identity, state) {
        Ok(protocol) => protocol,
        Err((reason, message)) => {
            warn!(agent = %hello.agent, error = message, "agent refused");
            refuse(&mut writer, state, reason, message, false).await;
            return None;
        }
    };
    if place.is_some() {
        port.meet(peer);
    }
    drop(leave);
    let shard = ShardId {
        agent: hello.agent.clone(),
        index: hello.shard,
    };
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
        hello: *hello,
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
            place,
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

/// The protocol that both speak, where the agent may come in at all; else why not, and what to do. A certificate that
/// is revoked after this finds the link in its place.
fn check(
    hello: &Hello,
    identity: &Identity,
    state: &State,
) -> Result<Version, (RefusalReason, String)> {
    let protocol = version::settle(version::CURRENT, hello.protocol)
        .map_err(|incompatible| (RefusalReason::Version, incompatible.to_string()))?;
    is_who_it_says(hello, identity).map_err(|message| (RefusalReason::Identity, message))?;
    if let Identity::Agent { name, made } = identity
        && !state.trust.admits(name, *made)
    {
        let refusal = Refusal::Revoked(name.to_string());
        let message = format!("{refusal}\n  hint: {}", refusal.hint());
        return Err((RefusalReason::Revoked, message));
    }
    let Hello { shard, shards, .. } = hello;
    if shard >= shards {
        let message =
            format!("an agent of {shards} shards has no shard {shard}; they count from 0");
        return Err((RefusalReason::Shard, message));
    }
    Ok(protocol)
}

/// Whether a hello comes from the agent that it names, as far as the connection tells; else why not, and what to do.
fn is_who_it_says(hello: &Hello, identity: &Identity) -> Result<(), String> {
    let name = hello.agent.as_str();
    match identity {
        Identity::Plain => Ok(()),
        Identity::Agent { name, .. } if *name == hello.agent => Ok(()),
        Identity::Agent { name: theirs, .. } => {
            let theirs = theirs.as_str();
            Err(format!(
                "the agent calls itself {name:?} and has a certificate of {theirs:?}\n  hint: start it with \
                 `--name {theirs}`, or with a `--storage.path` of its own"
            ))
        }
        Identity::Stranger => Err(
            "the agent has no certificate\n  hint: start it with `--join` and a token of `netwolf agents invite`"
                .into(),
        ),
    }
}

/// What a connection begins with.
enum First {
    Hello(Box<Hello>),
    Certify(Certify),
}

async fn first_message(
    reader: &mut FrameReader<Reading, ToManager>,
    state: &State,
) -> Option<First> {
    let refused = |why: &str| {
        debug!(why, "connection closed before hello");
        state.telemetry.hello_refused(RefusalReason::NoHello);
    };
    match timeout(HELLO_DEADLINE, reader.next()).await {
        Ok(Ok(Some(ToManager::Hello(hello)))) => return Some(First::Hello(Box::new(hello))),
        Ok(Ok(Some(ToManager::Certify(certify)))) => return Some(First::Certify(certify)),
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
    writer: &mut FrameWriter<Writing, ToAgent>,
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
    say_last(writer, &refused.into()).await;
}

/// Says the last word of a connection.
async fn say_last(writer: &mut FrameWriter<Writing, ToAgent>, message: &ToAgent) {
    if !matches!(
        timeout(WRITE_DEADLINE, writer.send(message)).await,
        Ok(Ok(()))
    ) {
        debug!("the last word could not be sent");
    }
}
