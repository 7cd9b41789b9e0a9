//! The memory of a chunk, used again for the next one once the chunk is written.
//!
//! Without it each half MiB goes back to the operating system, which clears as many pages for the next: a seventh of
//! what a large page costs. Where chunks are kept, each has memory of its own, as ever.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::board::lock;

/// Holds the memory of one chunk at most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spare(Arc<Mutex<String>>);

impl Spare {
    /// An empty text, in the memory of a chunk that is done with if there is one.
    pub(crate) fn take(&self) -> String {
        std::mem::take(&mut *lock(&self.0))
    }

    /// The text as bytes, whose memory comes back when the last of them is dropped.
    pub(crate) fn lend(&self, text: String) -> Bytes {
        Bytes::from_owner(Lent {
            text,
            owner: self.clone(),
        })
    }
}

#[derive(Debug)]
struct Lent {
    text: String,
    owner: Spare,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        *lock(&self.owner.0) = text;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_once_nobody_has_the_chunk() {
        let spare = Spare::default();
        let mut text = spare.take();
        text.push_str("a chunk");
        let memory = text.as_ptr();
        let chunk = spare.lend(text);
        let kept = chunk.clone();
        drop(chunk);
        assert_eq!(spare.take().capacity(), 0, "it is still in use");
        assert_eq!(kept, "a chunk");
        drop(kept);
        let again = spare.take();
        assert_eq!((again.as_str(), again.as_ptr()), ("", memory));
    }

    #[test]
    fn a_chunk_may_outlive_its_page() {
        let spare = Spare::default();
        let chunk = spare.lend("a chunk".into());
        drop(spare);
        assert_eq!(chunk, "a chunk");
    }
}
