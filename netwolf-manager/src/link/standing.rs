//! The links of agents that are known by a certificate, so that a revocation can end them at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use netwolf_wire::AgentName;
use tokio_util::sync::CancellationToken;

use crate::{board::lock, fleet::LinkNo};

/// Links by their numbers. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Standing(Arc<Mutex<HashMap<LinkNo, (AgentName, CancellationToken)>>>);

/// A link that stands here while this lives.
#[derive(Debug)]
pub struct Place {
    standing: Standing,
    no: LinkNo,
}

impl Standing {
    /// Enters a link. Whether its certificate is good is to be asked after this, so that a revocation that comes in
    /// between is seen there or ends it here.
    pub fn enter(&self, no: LinkNo, agent: AgentName, close: CancellationToken) -> Place {
        lock(&self.0).insert(no, (agent, close));
        Place {
            standing: self.clone(),
            no,
        }
    }

    /// Ends all links of an agent. Tells how many there were.
    pub fn end(&self, agent: &AgentName) -> usize {
        let links = lock(&self.0);
        let its = links.values().filter(|(name, _)| name == agent);
        its.map(|(_, close)| close.cancel()).count()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.standing.0).remove(&self.no);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_links_of_an_agent_and_no_others_are_ended() {
        let standing = Standing::default();
        let name = |text: &str| text.parse::<AgentName>().unwrap();
        let closes = [(); 3].map(|()| CancellationToken::new());
        let mut places = Vec::new();
        for (n, (agent, close)) in ["a", "a", "b"].into_iter().zip(&closes).enumerate() {
            places.push(standing.enter(LinkNo(n as u64), name(agent), close.clone()));
        }
        drop(places.remove(0));
        assert_eq!(standing.end(&name("a")), 1);
        let ended: Vec<_> = closes.iter().map(CancellationToken::is_cancelled).collect();
        assert_eq!(ended, [false, true, false]);
    }
}
