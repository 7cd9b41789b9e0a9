//! Asks a jump host for the way to a device, and minds what comes of it after nobody wants it any more.

use std::time::Duration;

use netwolf_wire::status::{Failure, Reason};
use russh::ChannelOpenFailure;
use tokio::{sync::oneshot, time::timeout};

use super::{User, Way, lost, through};

/// Ways to one device that the jump host has not decided about. It may try for minutes to reach a device that is
/// off, and cannot be told to stop; a device that has more is not asked for until one is decided.
const MAX_UNDECIDED: u32 = 4;

/// One place among the undecided ways to a device.
struct Undecided {
    user: User,
    device: (String, u16),
}

impl Undecided {
    fn new(user: User, device: (String, u16)) -> Result<Self, Failure> {
        let full = {
            let mut undecided = user.link().undecided();
            let count = undecided.entry(device.clone()).or_default();
            let full = *count >= MAX_UNDECIDED;
            *count += u32::from(!full);
            full
        };
        if full {
            let (address, port) = device;
            return Err(through(
                &user.link().endpoint,
                Failure {
                    reason: Reason::JumpFailed,
                    message: format!(
                        "it still tries to reach {address}:{port} for earlier attempts"
                    ),
                    hint: Some(
                        "is the device up, and is there a route to it from the jump host?".into(),
                    ),
                },
            ));
        }
        Ok(Self { user, device })
    }
}

impl Drop for Undecided {
    fn drop(&mut self) {
        let mut undecided = self.user.link().undecided();
        if let Some(count) = undecided.get_mut(&self.device) {
            *count -= 1;
            if *count == 0 {
                undecided.remove(&self.device);
            }
        }
    }
}

/// Opens a way to `address` and `port`.
pub(super) async fn open(
    user: User,
    address: &str,
    port: u16,
    deadline: Duration,
) -> Result<Way, Failure> {
    let endpoint = user.link().endpoint.clone();
    let failed = |message: String, hint: &str| {
        let failure = Failure {
            reason: Reason::JumpFailed,
            message,
            hint: Some(hint.into()),
        };
        Err(through(&endpoint, failure))
    };
    let place = Undecided::new(user, (address.to_owned(), port))?;
    let (tell, decided) = oneshot::channel();
    // The jump host may decide after the deadline, and a way that it then opens must be closed: so a task waits for
    // it, and a way that nobody takes from it is dropped, which closes it.
    tokio::spawn(async move {
        let link = place.user.0.clone();
        let opened = link
            .handle
            .channel_open_direct_tcpip(
                place.device.0.clone(),
                place.device.1.into(),
                "127.0.0.1",
                0,
            )
            .await
            .map(|channel| Way::new(channel, User::new(&link)));
        drop(place);
        if tell.send(opened).is_err() {
            tracing::trace!("a way through the jump host was opened too late");
        }
    });
    let up = "is the device up, and is there a route to it from the jump host?";
    match timeout(deadline, decided).await {
        Ok(Ok(Ok(way))) => Ok(way),
        Ok(Ok(Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed)))) => {
            failed(format!("it cannot reach {address}:{port}"), up)
        }
        Ok(Ok(Err(russh::Error::ChannelOpenFailure(why)))) => failed(
            format!("it does not open the way to {address}:{port}: {why:?}"),
            "does it allow TCP forwarding (AllowTcpForwarding, PermitOpen) for this user?",
        ),
        Ok(Ok(Err(_)) | Err(_)) => Err(lost(&endpoint)),
        Err(_) => failed(
            format!(
                "it did not reach {address}:{port} within {} s",
                deadline.as_secs_f64()
            ),
            up,
        ),
    }
}
