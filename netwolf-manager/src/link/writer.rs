//! What is said to an agent's shard: everything that waits is written before a flush.

use netwolf_wire::{
    frame::{FrameError, FrameWriter},
    message::ToAgent,
    tls::stream::Writing,
};
use tokio::{sync::mpsc, time::timeout};
use tracing::{debug, warn};

use super::WRITE_DEADLINE;

/// Writes until the link ends.
pub(super) async fn run(
    mut writer: FrameWriter<Writing, ToAgent>,
    mut messages: mpsc::Receiver<ToAgent>,
) {
    while let Some(first) = messages.recv().await {
        match timeout(WRITE_DEADLINE, write(&mut writer, first, &mut messages)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.is_malformed() => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "link closed: a message cannot be sent"
                );
                return;
            }
            Ok(Err(error)) => {
                debug!(error = &error as &dyn std::error::Error, "link broke");
                return;
            }
            Err(_) => {
                warn!("link closed: the agent does not read");
                return;
            }
        }
    }
}

async fn write(
    writer: &mut FrameWriter<Writing, ToAgent>,
    first: ToAgent,
    messages: &mut mpsc::Receiver<ToAgent>,
) -> Result<(), FrameError> {
    writer.feed(&first).await?;
    // One pass over what waits now, so that each pass has its own deadline.
    for _ in 0..messages.len() {
        let Ok(message) = messages.try_recv() else {
            break;
        };
        writer.feed(&message).await?;
    }
    writer.flush().await
}
