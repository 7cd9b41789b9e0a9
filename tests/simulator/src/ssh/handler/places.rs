//! The sessions of one connection: each channel's shell, and where its dialogue is.

use russh::ChannelId;
use tokio::sync::mpsc;

use super::Handler;
use crate::device::count;
use crate::dialogue::Dialogue;
use crate::ssh::courier::Input;

/// Where a session's dialogue is.
pub(super) enum Shell {
    /// Shell or command not asked for yet.
    Opened,
    /// Answered from here.
    Here(Box<dyn Dialogue>),
    /// Handed to a courier.
    Away(mpsc::Sender<Input>),
    /// Over.
    Ended,
}

impl Shell {
    /// Whether it takes no room on its connection any more. What is closed from here is not heard
    /// of again.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Ended => true,
            Self::Away(inbox) => inbox.is_closed(),
            Self::Opened | Self::Here(_) => false,
        }
    }
}

/// One channel's session.
pub(super) struct Place {
    pub(super) channel: ChannelId,
    /// Columns and rows; 0 if the client did not say.
    pub(super) terminal: (usize, usize),
    pub(super) shell: Shell,
}

impl Handler {
    pub(super) fn place(&mut self, channel: ChannelId) -> Option<&mut Place> {
        self.places
            .iter_mut()
            .find(|place| place.channel == channel)
    }

    /// Takes the shell of `channel` out, which is then over unless it is put back.
    pub(super) fn take(&mut self, channel: ChannelId) -> Option<Shell> {
        let place = self.place(channel)?;
        Some(std::mem::replace(&mut place.shell, Shell::Ended))
    }

    pub(super) fn put(&mut self, channel: ChannelId, shell: Shell) {
        if let Some(place) = self.place(channel) {
            place.shell = shell;
        }
    }

    /// Passes `input` to a courier. A full queue drops it, and counts.
    pub(super) fn send_away(&self, inbox: &mpsc::Sender<Input>, input: Input) {
        if let Err(mpsc::error::TrySendError::Full(_)) = inbox.try_send(input) {
            count(&self.station.device().counters.input_dropped);
        }
    }

    pub(super) fn is_opened(&mut self, channel: ChannelId) -> bool {
        self.place(channel)
            .is_some_and(|place| matches!(place.shell, Shell::Opened))
    }

    pub(super) fn resize(&mut self, channel: ChannelId, columns: u32, rows: u32) {
        let characters = |count: u32| usize::try_from(count).unwrap_or(0);
        let (columns, rows) = (characters(columns), characters(rows));
        let Some(place) = self.place(channel) else {
            return;
        };
        place.terminal = (columns, rows);
        match &mut place.shell {
            Shell::Here(dialogue) => dialogue.resize(columns, rows),
            Shell::Away(inbox) => {
                let inbox = inbox.clone();
                self.send_away(&inbox, Input::Resize(columns, rows));
            }
            _ => {}
        }
    }
}
