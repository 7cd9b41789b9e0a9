//! Server-sent events: bytes as they come in, events as they are told. Pure.
//!
//! ```text
//!   event: step          a line that begins with a colon keeps the connection alive and says nothing
//!   id: 17
//!   data: {"step":3,...}
//!                        an empty line ends the event
//! ```
//!
//! Invariant: however a server behaves, no line and no event takes more than [`MAX_BYTES`].

use std::collections::VecDeque;

/// One event, its name and its lines included: a view has a kilobyte.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// Something was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// What; `message` where the server does not say.
    pub(crate) name: String,
    /// Its lines, with line ends between.
    pub(crate) data: String,
}

/// The server sends what is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {MAX_BYTES} bytes")]
pub(crate) struct TooLong;

/// Makes events of bytes.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    /// The last byte was a carriage return, so that a line feed belongs to it.
    after_return: bool,
    name: String,
    data: String,
    has_data: bool,
    ready: VecDeque<Event>,
}

impl Events {
    /// Takes what has come.
    ///
    /// # Errors
    /// Where an event is longer than it may be; nothing is to be read after that.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        for &byte in bytes {
            let was_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if was_return => {}
                b'\n' | b'\r' => self.end_of_line(),
                byte => {
                    if self.line.len() + self.data.len() + self.name.len() >= MAX_BYTES {
                        return Err(TooLong);
                    }
                    self.line.push(byte);
                }
            }
        }
        Ok(())
    }

    /// The next event that is whole.
    pub(crate) fn poll(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    fn end_of_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            self.end_of_event();
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            // A number that we do not need, since a server tells the present state to whoever asks again; or a
            // comment, which has no name before its colon.
            _ => {}
        }
    }

    fn end_of_event(&mut self) {
        let (name, data) = (
            std::mem::take(&mut self.name),
            std::mem::take(&mut self.data),
        );
        if std::mem::take(&mut self.has_data) {
            let name = if name.is_empty() {
                "message".into()
            } else {
                name
            };
            self.ready.push_back(Event { name, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(events: &mut Events) -> Vec<(String, String)> {
        std::iter::from_fn(|| events.poll())
            .map(|event| (event.name, event.data))
            .collect()
    }

    #[test]
    fn events_come_whole_wherever_they_are_cut() {
        let text = ": hello\r\nevent: run\nid: 1\ndata: {\"a\":1}\n\nevent:step\rdata:x\rdata: y\r\r: alive\n\n\
                    data: \u{e9}\n\ndata: cut off";
        let expected = [
            ("run", "{\"a\":1}"),
            ("step", "x\ny"),
            ("message", "\u{e9}"),
        ];
        let expected: Vec<_> = expected
            .map(|(name, data)| (name.to_owned(), data.to_owned()))
            .into();
        for size in 1..=text.len() {
            let mut events = Events::default();
            for piece in text.as_bytes().chunks(size) {
                events.feed(piece).unwrap();
            }
            assert_eq!(read(&mut events), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_data_says_nothing() {
        let mut events = Events::default();
        events.feed(b"event: run\n\ndata:\n\n").unwrap();
        assert_eq!(read(&mut events), [("message".into(), String::new())]);
    }

    #[test]
    fn a_server_that_never_ends_its_line_is_given_up() {
        let piece = [b'x'; 4096];
        let mut events = Events::default();
        let taken = (0..MAX_BYTES)
            .find(|_| events.feed(&piece).is_err())
            .unwrap();
        assert_eq!(taken, MAX_BYTES / piece.len());
        let mut events = Events::default();
        let line = b"data: 0123456789\n".repeat(1000);
        assert!((0..200).any(|_| events.feed(&line).is_err()));
    }
}
