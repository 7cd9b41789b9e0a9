//! Requests to see what a device answers: from the API to the shard that has the device, and back.
//!
//! Bounds: [`MAX`] requests are under way at a time, [`MAX_PER_LINK`] on one link, and one more is refused. Whoever asks has a deadline of
//! their own and goes away; a request that nobody waits for gives its place up to the next one.

use std::collections::HashMap;

use netwolf_wire::{
    DeviceName,
    message::{Show, Shown, ShownOutput},
};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::fleet::LinkNo;

/// Requests under way at a time: for people, who ask for one device after the other.
pub const MAX: usize = 64;

/// Requests under way on one link at a time: a shard answers no more.
pub const MAX_PER_LINK: usize = 16;

/// Why there is nothing to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ShowError {
    /// No linked shard has the device.
    #[error("no agent has the device")]
    NoAgent,
    /// The shard lost its link.
    #[error("the agent that has the device lost its connection")]
    Lost,
    /// Too many ask at the same time.
    #[error(
        "{MAX} requests for outputs, or {MAX_PER_LINK} at the shard that has the device, are under way already"
    )]
    Busy,
}

type Answer = oneshot::Sender<Result<Vec<ShownOutput>, ShowError>>;

/// What somebody wants to see.
#[derive(Debug)]
pub struct ShowRequest {
    /// Of which device.
    pub device: DeviceName,
    /// Of which command; of all where it is left out.
    pub command: Option<String>,
    /// Told what the device answered; nothing when the session is not up.
    pub answer: Answer,
}

impl ShowRequest {
    /// Answers that nothing can be seen.
    pub fn refuse(self, error: ShowError) {
        answer(self.answer, Err(error));
    }
}

fn answer(to: Answer, result: Result<Vec<ShownOutput>, ShowError>) {
    // Whoever asked may have gone.
    to.send(result).ok();
}

/// The requests under way.
#[derive(Debug, Default)]
pub(super) struct Shows {
    pending: HashMap<u64, (LinkNo, Answer)>,
    counted: u64,
}

impl Shows {
    /// A request goes out on a link; `None` where it was refused.
    pub(super) fn begin(&mut self, link: LinkNo, request: ShowRequest) -> Option<Show> {
        self.pending.retain(|_, (_, answer)| !answer.is_closed());
        let n_on_link = self.pending.values().filter(|(of, _)| *of == link).count();
        if self.pending.len() >= MAX || n_on_link >= MAX_PER_LINK {
            request.refuse(ShowError::Busy);
            return None;
        }
        self.counted += 1;
        self.pending.insert(self.counted, (link, request.answer));
        Some(Show {
            request: self.counted,
            device: request.device,
            command: request.command,
        })
    }

    /// A shard answers; only the one that was asked is believed.
    pub(super) fn end(&mut self, link: LinkNo, shown: Shown) {
        let asked = self.pending.get(&shown.request);
        if asked.is_some_and(|(of, _)| *of == link)
            && let Some((_, to)) = self.pending.remove(&shown.request)
        {
            answer(to, Ok(shown.outputs));
        }
    }

    /// A link is gone.
    pub(super) fn forget(&mut self, link: LinkNo) {
        for (_, (_, to)) in self.pending.extract_if(|_, (of, _)| *of == link) {
            answer(to, Err(ShowError::Lost));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> (
        ShowRequest,
        oneshot::Receiver<Result<Vec<ShownOutput>, ShowError>>,
    ) {
        let (answer, answered) = oneshot::channel();
        let request = ShowRequest {
            device: "sw-1".parse().unwrap(),
            command: None,
            answer,
        };
        (request, answered)
    }

    #[test]
    fn an_answer_comes_from_the_link_that_was_asked_or_its_loss_is_told() {
        let mut shows = Shows::default();
        let (first, mut answered) = request();
        let show = shows.begin(LinkNo(1), first).unwrap();
        let answer = Shown {
            request: show.request,
            outputs: Vec::new(),
        };
        shows.end(LinkNo(2), answer.clone());
        assert!(answered.try_recv().is_err(), "another's word");
        shows.end(LinkNo(1), answer);
        assert_eq!(answered.try_recv().unwrap(), Ok(Vec::new()));

        let (second, mut answered) = request();
        shows.begin(LinkNo(1), second).unwrap();
        shows.forget(LinkNo(2));
        assert!(answered.try_recv().is_err());
        shows.forget(LinkNo(1));
        assert_eq!(answered.try_recv().unwrap(), Err(ShowError::Lost));
    }

    #[test]
    fn requests_are_bounded_and_those_that_nobody_waits_for_give_way() {
        let mut shows = Shows::default();
        let mut answers = Vec::new();
        for link in 1..=MAX / MAX_PER_LINK {
            for _ in 0..MAX_PER_LINK {
                let (request, answered) = request();
                shows.begin(LinkNo(link as u64), request).unwrap();
                answers.push(answered);
            }
            // No more on this one, whatever others have left.
            let (over, mut refused) = request();
            assert!(shows.begin(LinkNo(link as u64), over).is_none());
            assert_eq!(refused.try_recv().unwrap(), Err(ShowError::Busy));
        }
        let (over, mut refused) = request();
        assert!(shows.begin(LinkNo(9), over).is_none());
        assert_eq!(refused.try_recv().unwrap(), Err(ShowError::Busy));
        answers.remove(0);
        let (next, _answered) = request();
        assert!(shows.begin(LinkNo(1), next).is_some());
    }
}
