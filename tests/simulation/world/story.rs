//! What is said, in words.

use super::*;

impl World {
    pub(super) fn tell_up(&mut self, shard: usize, message: &ToManager) {
        let text = match message {
            ToManager::Hello(hello) => {
                let running = hello
                    .running
                    .iter()
                    .map(|r| format!("{}@{}", r.device, r.epoch));
                format!("hello, runs {:?}", running.collect::<Vec<_>>())
            }
            ToManager::Revoked(revoked) => format!("revoked {:?}", revoked.leases),
            other if self.story.is_some() => other.kind().to_owned(),
            _ => return,
        };
        let id = self.shards[shard].id.clone();
        self.tell(format_args!("the manager reads of {id}: {text}"));
    }

    pub(super) fn tell_down(&mut self, shard: usize, message: &ToAgent) {
        self.mix(shard as u64);
        if self.story.is_none() {
            return;
        }
        let text = match message {
            ToAgent::Assign(assign) => {
                let leases = assign.leases.iter();
                let leases = leases.map(|lease| format!("{}@{}", lease.job.device, lease.epoch));
                format!("assign {:?}", leases.collect::<Vec<_>>())
            }
            ToAgent::Revoke(revoke) => format!("revoke {:?}", revoke.leases),
            other => other.kind().to_owned(),
        };
        let id = self.shards[shard].id.clone();
        self.tell(format_args!("{id} reads: {text}"));
    }
}
