//! Delivers a dialogue's outputs where that takes time: faults, and clients that read slowly.
//!
//! A task of its own per shell. It sends through russh's bounded queue, so a client that does not
//! read stops it rather than filling memory, and it listens while it waits, so that an interrupt
//! is heard.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use russh::server::Handle;
use russh::{ChannelId, Disconnect};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

use super::Station;
use super::handler::farewell;
use crate::device::{Faults, count};
use crate::dialogue::{Dialogue, Output, Outputs};

mod halt;
mod noise;

use halt::Halt;

/// What a client typed while the device was busy, in bytes; more is dropped and counted.
const AHEAD: usize = 4 * 1024;
/// A flood is sent in pieces of this many bytes, so a hundred megabytes take no more memory.
const FLOOD_PIECE: usize = 8 * 1024;
/// What the device says when it throws a client out.
const THROWN_OUT: &str = "The session was cleared by an administrator";

/// More garbage than this is more than anybody needs.
const GARBAGE_LIMIT: usize = 1024 * 1024;
/// So long what was sent last may take to leave before the connection is cut behind it.
const BEFORE_CUT: Duration = Duration::from_secs(1);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(2);

const CTRL_C: u8 = 0x03;
/// Ctrl-^, which IOS takes as the escape character.
const BREAK: u8 = 0x1e;

/// What comes from the client. Without `Debug`, for it may hold a secret.
pub(super) enum Input {
    Bytes(Vec<u8>),
    /// Columns and rows.
    Resize(usize, usize),
    /// No more will come.
    End,
}

/// The client or the session is gone: nothing is left to do.
struct Gone;

/// Whether a wait came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Over,
    Interrupted,
}

/// Carries one shell.
pub(super) struct Courier {
    handle: Handle,
    channel: ChannelId,
    station: Arc<Station>,
    socket: Weak<TcpStream>,
    dialogue: Box<dyn Dialogue>,
    faults: watch::Receiver<Faults>,
    queue: VecDeque<Output>,
    ahead: Vec<u8>,
    halt: Halt,
    /// The client will send no more.
    ended: bool,
}

impl Courier {
    pub(super) fn new(
        handle: Handle,
        channel: ChannelId,
        station: Arc<Station>,
        socket: Weak<TcpStream>,
        dialogue: Box<dyn Dialogue>,
    ) -> Self {
        let faults = station.device().faults.subscribe();
        Self {
            handle,
            channel,
            station,
            socket,
            dialogue,
            faults,
            queue: VecDeque::new(),
            ahead: Vec::new(),
            halt: Halt::Never,
            ended: false,
        }
    }

    /// Sends `first`, then answers what comes through `inbox` until either side ends.
    pub(super) async fn run(mut self, first: Outputs, mut inbox: mpsc::Receiver<Input>) {
        self.queue.extend(first);
        while let Ok(()) = self.turn(&mut inbox).await {}
    }

    /// Empties the queue and takes the next input.
    async fn turn(&mut self, inbox: &mut mpsc::Receiver<Input>) -> Result<(), Gone> {
        self.send_queue(inbox).await?;
        if self.ahead.is_empty() {
            if self.ended {
                return self.finish(0).await;
            }
            let input = inbox.recv().await;
            // Interrupts are for the dialogue itself while it does not wait.
            self.hear(input)?;
        }
        let bytes = std::mem::take(&mut self.ahead);
        let outputs = {
            let dialogue = &mut self.dialogue;
            self.station
                .converse(|around, out| dialogue.handle_bytes(&bytes, around, out))
        };
        self.queue.extend(outputs);
        Ok(())
    }

    async fn send_queue(&mut self, inbox: &mut mpsc::Receiver<Input>) -> Result<(), Gone> {
        let mut text = Vec::new();
        while let Some(output) = self.queue.pop_front() {
            match output {
                Output::Text(more) | Output::Prompt(more) => text.extend_from_slice(&more),
                Output::Hostname(_) | Output::Shown | Output::Ran(_) | Output::Configured(_) => {}
                Output::Answer => {
                    let faults = *self.faults.borrow_and_update();
                    if faults.touch_answers() {
                        self.send_text(std::mem::take(&mut text), inbox).await?;
                        if self.misbehave(faults, inbox).await? == Wait::Interrupted {
                            self.drop_answer();
                        } else {
                            self.halt = Halt::of(&faults);
                        }
                    }
                }
                Output::Close { status } => {
                    self.send_text(text, inbox).await?;
                    return self.finish(status).await;
                }
            }
        }
        self.send_text(text, inbox).await?;
        self.halt = Halt::Never;
        Ok(())
    }

    /// Sends text up to where the answer comes to a halt, and what is behind when that is over.
    async fn send_text(
        &mut self,
        mut text: Vec<u8>,
        inbox: &mut mpsc::Receiver<Input>,
    ) -> Result<(), Gone> {
        let (left, drops) = match &mut self.halt {
            Halt::Never => return self.send_slowly(text, inbox).await,
            Halt::Hang(left) => (left, false),
            Halt::Drop(left) => (left, true),
        };
        if text.len() < *left {
            *left -= text.len();
            return self.send_slowly(text, inbox).await;
        }
        let rest = text.split_off(*left);
        self.halt = Halt::Never;
        let written = self.station.written.load(Ordering::Relaxed);
        let is_empty = text.is_empty();
        self.send_slowly(text, inbox).await?;
        if drops {
            if !is_empty {
                self.await_writing(written).await;
            }
            if let Some(socket) = self.socket.upgrade() {
                crate::device::cut(&socket);
            }
            return Err(Gone);
        }
        self.hang(inbox, |faults| faults.hang_after.is_some())
            .await?;
        self.send_slowly(rest, inbox).await
    }

    /// Waits until russh has written more than `before` bytes, unless the client does not read.
    async fn await_writing(&self, before: u64) {
        let wrote = async {
            while self.station.written.load(Ordering::Relaxed) <= before {
                tokio::time::sleep(LOOK).await;
            }
        };
        // Cut either way.
        drop(tokio::time::timeout(BEFORE_CUT, wrote).await);
    }

    /// Sends text at once, or a byte at a time where the device dribbles.
    async fn send_slowly(
        &mut self,
        text: Vec<u8>,
        inbox: &mut mpsc::Receiver<Input>,
    ) -> Result<(), Gone> {
        let mut rest = text.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            let gap = self.faults.borrow_and_update().dribble;
            if gap.is_zero() {
                return self.send(rest.to_vec()).await;
            }
            self.send(vec![*first]).await?;
            rest = behind;
            // Whoever has sent all waits for nothing, and what is typed now is typed at a prompt.
            if rest.is_empty() {
                return Ok(());
            }
            if self.pause(gap, inbox).await? == Wait::Interrupted {
                self.drop_answer();
                return Ok(());
            }
        }
        Ok(())
    }

    /// Lets the faults have their way between a command's echo and its answer.
    async fn misbehave(
        &mut self,
        faults: Faults,
        inbox: &mut mpsc::Receiver<Input>,
    ) -> Result<Wait, Gone> {
        if faults.disconnect {
            let reason = Disconnect::ByApplication;
            let goodbye = self
                .handle
                .disconnect(reason, THROWN_OUT.to_owned(), "en".to_owned());
            goodbye.await.map_err(|_| Gone)?;
            return Err(Gone);
        }
        let pause = faults.latency + faults.split;
        if !pause.is_zero() && self.pause(pause, inbox).await? == Wait::Interrupted {
            return Ok(Wait::Interrupted);
        }
        if faults.prompt_inside {
            let prompt = format!("{}\r\n", self.dialogue.prompt());
            self.send(prompt.into_bytes()).await?;
        }
        if faults.garbage > 0 {
            self.send(noise::garbage(faults.garbage.min(GARBAGE_LIMIT)))
                .await?;
        }
        if faults.flood > 0 && self.flood(faults.flood, inbox).await? == Wait::Interrupted {
            return Ok(Wait::Interrupted);
        }
        self.hang(inbox, |faults| faults.hang).await?;
        Ok(Wait::Over)
    }

    /// Waits until no fault `hangs` any more. A device that hangs is deaf: what is typed is lost.
    async fn hang(
        &mut self,
        inbox: &mut mpsc::Receiver<Input>,
        hangs: impl Fn(&Faults) -> bool,
    ) -> Result<(), Gone> {
        while hangs(&self.faults.borrow_and_update()) {
            tokio::select! {
                changed = self.faults.changed() => changed.map_err(|_| Gone)?,
                input = inbox.recv() => drop(input.ok_or(Gone)?),
            }
        }
        Ok(())
    }

    async fn pause(
        &mut self,
        pause: Duration,
        inbox: &mut mpsc::Receiver<Input>,
    ) -> Result<Wait, Gone> {
        let over = tokio::time::sleep(pause);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return Ok(Wait::Over),
                input = inbox.recv() => {
                    if self.hear_busy(input).await? && self.interrupted() {
                        return Ok(Wait::Interrupted);
                    }
                }
            }
        }
    }

    /// Sends `count` bytes of rows of text.
    async fn flood(
        &mut self,
        count: usize,
        inbox: &mut mpsc::Receiver<Input>,
    ) -> Result<Wait, Gone> {
        let mut left = count;
        let mut row = 0_u64;
        while left > 0 {
            let piece = noise::rows(&mut row, FLOOD_PIECE.min(left));
            left -= piece.len();
            self.send(piece).await?;
            while let Ok(input) = inbox.try_recv() {
                if self.hear_busy(Some(input)).await? && self.interrupted() {
                    return Ok(Wait::Interrupted);
                }
            }
        }
        Ok(Wait::Over)
    }

    /// As [`hear`](Self::hear), and shows what a busy device shows of it.
    async fn hear_busy(&mut self, input: Option<Input>) -> Result<bool, Gone> {
        let shown = match &input {
            Some(Input::Bytes(bytes)) => self.dialogue.echo_ahead(bytes),
            _ => Vec::new(),
        };
        let heard = self.hear(input)?;
        self.send(shown).await?;
        Ok(heard)
    }

    /// Takes an input in; true if it brought bytes.
    fn hear(&mut self, input: Option<Input>) -> Result<bool, Gone> {
        match input.ok_or(Gone)? {
            Input::Bytes(bytes) if self.ahead.len() + bytes.len() > AHEAD => {
                count(&self.station.device().counters.input_dropped);
                Ok(false)
            }
            Input::Bytes(bytes) => {
                self.ahead.extend_from_slice(&bytes);
                Ok(true)
            }
            Input::Resize(columns, rows) => {
                self.dialogue.resize(columns, rows);
                Ok(false)
            }
            Input::End => {
                self.ended = true;
                Ok(false)
            }
        }
    }

    /// Whether what was typed ahead holds an interrupt; it and all before it is then gone.
    fn interrupted(&mut self) -> bool {
        match self
            .ahead
            .iter()
            .rposition(|byte| matches!(*byte, CTRL_C | BREAK))
        {
            Some(at) => {
                self.ahead.drain(..=at);
                true
            }
            None => false,
        }
    }

    /// Drops the rest of an answer; what follows is the prompt.
    fn drop_answer(&mut self) {
        while let Some(output) = self.queue.front() {
            if matches!(output, Output::Prompt(_) | Output::Close { .. }) {
                return;
            }
            self.queue.pop_front();
        }
        // The answer would have ended at the pager's mark, or at a question: leave that too.
        let dialogue = &mut self.dialogue;
        let outputs = self
            .station
            .converse(|around, out| dialogue.handle_bytes(&[CTRL_C], around, out));
        self.queue.extend(outputs);
    }

    async fn send(&self, bytes: Vec<u8>) -> Result<(), Gone> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.handle
            .data(self.channel, bytes)
            .await
            .map_err(|_| Gone)
    }

    async fn finish(&self, status: u32) -> Result<(), Gone> {
        self.handle
            .exit_status_request(self.channel, status)
            .await
            .map_err(|()| Gone)?;
        self.handle.eof(self.channel).await.map_err(|()| Gone)?;
        self.handle.close(self.channel).await.map_err(|()| Gone)?;
        // Where a connection carries several sessions, the others go on.
        if self.station.is_single() {
            tokio::spawn(farewell(self.handle.clone(), self.socket.clone()));
        }
        Err(Gone)
    }
}
