//! Answers an agent that wants a certificate, to join or to renew the one it has.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use base64ct::{Base64, Encoding};
use netwolf_wire::{
    AgentName,
    certify::{Certified, Certify},
    message::{Refused, ToAgent},
    tls::request::ProvenKey,
    version,
};
use tracing::{error, info, warn};

use super::arrival::Identity;
use crate::{
    clock::unix_seconds,
    state::State,
    trust::{Grounds, Issued, Refusal},
};

/// What is answered. It may wait for a disk.
pub(super) async fn answer(
    certify: Certify,
    identity: Identity,
    peer: SocketAddr,
    state: &Arc<State>,
) -> ToAgent {
    let state = state.clone();
    let deciding = tokio::task::spawn_blocking(move || decide(&certify, &identity, peer, &state));
    deciding
        .await
        .unwrap_or_else(|_| refused("the manager is shutting down".into(), true))
}

fn decide(certify: &Certify, identity: &Identity, peer: SocketAddr, state: &State) -> ToAgent {
    let Certify {
        protocol,
        agent,
        key,
        proof,
        invite,
    } = certify;
    if let Err(incompatible) = version::settle(version::CURRENT, *protocol) {
        return refused(incompatible.to_string(), false);
    }
    let grounds = match (identity, invite) {
        (Identity::Plain, _) => {
            return refused("certificates are given out over TLS only".into(), false);
        }
        (_, Some(invite)) => Grounds::Invite(invite, peer.ip()),
        (Identity::Agent { name, made }, None) if name == agent => Grounds::Renewal(*made),
        _ => {
            let text = format!("no certificate of the agent {:?} was shown", agent.as_str());
            return refused(text, false);
        }
    };
    let decode = |text: &String| Base64::decode_vec(text).unwrap_or_default();
    let Some(key) = ProvenKey::check(agent, &decode(key), &decode(proof)) else {
        return refused(
            "the key is not one of P-256, or is not the agent's".into(),
            false,
        );
    };
    let joins = invite.is_some();
    let issued = state
        .trust
        .certify(agent, &key, &grounds, unix_seconds(), Instant::now());
    match issued {
        Ok(issued) => {
            state.telemetry.certificate_issued(joins);
            if joins {
                info!(%agent, peer.addr = %peer, "an agent has joined and has its first certificate");
            }
            let Issued {
                certificate,
                authorities,
            } = issued;
            Certified {
                certificate,
                authorities,
            }
            .into()
        }
        Err(refusal) => refuse(agent, peer, &refusal, state),
    }
}

fn refuse(agent: &AgentName, peer: SocketAddr, refusal: &Refusal, state: &State) -> ToAgent {
    state.telemetry.certificate_refused(refusal);
    let cause: &dyn std::error::Error = refusal;
    if let Refusal::Internal(_) = refusal {
        error!(%agent, peer.addr = %peer, error = cause, "no certificate for an agent");
    } else {
        warn!(%agent, peer.addr = %peer, error = cause, hint = refusal.hint(), "no certificate for an agent");
    }
    let text = format!("{refusal}\n  hint: {}", refusal.hint());
    refused(text, refusal.is_passing())
}

fn refused(message: String, retry: bool) -> ToAgent {
    Refused {
        protocol: version::CURRENT,
        message,
        retry,
    }
    .into()
}
