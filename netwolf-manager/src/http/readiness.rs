//! How the manager does, in a sentence: for `/-/ready`, the landing page and devices that nobody has.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use netwolf_wire::status::{Failure, Reason};

use crate::{board::device::DeviceView, state::State};

/// What the sentence is made from.
#[derive(Clone, Debug)]
pub(super) struct Readiness {
    waits_for: Option<String>,
    n_linked: usize,
    n_unassigned: usize,
    agents_addr: SocketAddr,
}

impl Readiness {
    pub(super) fn of(state: &State) -> Self {
        let core = state.board.core();
        let agents = state.board.agents(state.clock.now());
        let n_devices = state.board.devices().len();
        Self {
            n_unassigned: n_devices.saturating_sub(core.held + core.revoking),
            waits_for: core.waits_for,
            n_linked: agents.iter().filter(|slot| slot.is_up()).count(),
            agents_addr: state.agents_addr,
        }
    }

    /// Whether the start is over: the configuration is in force and devices have been placed. It stays so when
    /// all agents are lost, since nothing on this side would mend that.
    pub(super) fn is_ready(&self) -> bool {
        self.waits_for.is_none()
    }

    /// What to do, where a person has to do something.
    pub(super) fn hint(&self) -> Option<String> {
        (self.n_linked == 0 && self.n_unassigned > 0).then(|| {
            let port = self.agents_addr.port();
            let address = match self.agents_addr.ip() {
                // Where it listens everywhere, only the agent's side knows by which name.
                IpAddr::V4(ip) if ip.is_unspecified() => format!("HOST:{port}"),
                IpAddr::V6(ip) if ip.is_unspecified() => format!("HOST:{port}"),
                _ => self.agents_addr.to_string(),
            };
            format!("start `netwolf-agent --manager.address {address} --name NAME`")
        })
    }

    /// Why a device's session is not up.
    pub(super) fn failure_of(&self, view: &DeviceView<'_>) -> Option<Failure> {
        match view.shard {
            Some(_) => view.status.and_then(|status| status.failure.clone()),
            None => Some(self.no_agent()),
        }
    }

    /// Why a device that no shard has is not polled.
    fn no_agent(&self) -> Failure {
        let message = match &self.waits_for {
            _ if self.n_linked == 0 => "no agent is connected".to_owned(),
            Some(reason) => format!("no agent has the device yet: {reason}"),
            None => "no agent has the device yet: it is being placed".to_owned(),
        };
        Failure {
            reason: Reason::NoAgent,
            message,
            hint: self.hint(),
        }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = &self.waits_for {
            write!(f, "not ready: {reason}")?;
        } else if self.n_unassigned == 0 {
            write!(f, "ready")?;
        } else {
            let n = self.n_unassigned;
            let who = if self.n_linked == 0 {
                "no agent is connected: "
            } else {
                ""
            };
            let plural = if n == 1 { " is" } else { "s are" };
            write!(f, "ready; {who}{n} device{plural} unassigned")?;
        }
        match self.hint() {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_who_is_missing_and_what_to_do() {
        let mut readiness = Readiness {
            waits_for: None,
            n_linked: 0,
            n_unassigned: 26,
            agents_addr: "127.0.0.1:9798".parse().unwrap(),
        };
        assert_eq!(
            readiness.to_string(),
            "ready; no agent is connected: 26 devices are unassigned\n\
             hint: start `netwolf-agent --manager.address 127.0.0.1:9798 --name NAME`"
        );
        readiness.agents_addr = "0.0.0.0:9798".parse().unwrap();
        assert!(readiness.hint().unwrap().contains("HOST:9798"));
        (readiness.n_linked, readiness.n_unassigned) = (1, 1);
        assert_eq!(readiness.to_string(), "ready; 1 device is unassigned");
        readiness.n_unassigned = 0;
        assert_eq!(readiness.to_string(), "ready");
        readiness.waits_for = Some("waiting for the first agent".into());
        assert_eq!(
            readiness.to_string(),
            "not ready: waiting for the first agent"
        );
    }
}
