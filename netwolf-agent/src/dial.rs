//! Tries the addresses of a name one after another, so that one that is silent leaves time for the others.

use std::{future::Future, io, net::SocketAddr, time::Instant};

use tokio::time::timeout;

/// Connects to the first of `addresses` that takes it. Each has its share of the time until `deadline`: what
/// is left, divided by the addresses that are left.
///
/// # Errors
/// The last address that was tried, and why it failed; a share that ran out is [`io::ErrorKind::TimedOut`].
/// `None` when there is no address.
pub(crate) async fn dial<T, F: Future<Output = io::Result<T>>>(
    addresses: &[SocketAddr],
    deadline: Instant,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<T, Option<(SocketAddr, io::Error)>> {
    let mut last = None;
    for (left, address) in (1..=addresses.len()).rev().zip(addresses) {
        let time = deadline.saturating_duration_since(Instant::now());
        let share = time / u32::try_from(left).unwrap_or(u32::MAX);
        match timeout(share, connect(*address)).await {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(error)) => last = Some((*address, error)),
            Err(_) => last = Some((*address, io::ErrorKind::TimedOut.into())),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use super::*;

    fn address(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[tokio::test]
    async fn an_address_that_is_silent_leaves_time_for_the_others() {
        let addresses = [address(1), address(2), address(3)];
        let connect = |address: SocketAddr| async move {
            match address.port() {
                1 => pending().await,
                2 => Err(io::ErrorKind::ConnectionRefused.into()),
                port => Ok(port),
            }
        };
        let deadline = Instant::now() + Duration::from_secs(3);
        assert_eq!(dial(&addresses, deadline, connect).await.unwrap(), 3);
        assert!(Instant::now() < deadline);
        let deadline = Instant::now() + Duration::from_millis(20);
        let (last, error) = dial(&addresses[..1], deadline, connect)
            .await
            .unwrap_err()
            .unwrap();
        assert_eq!(
            (last, error.kind()),
            (addresses[0], io::ErrorKind::TimedOut)
        );
        assert!(dial(&[], deadline, connect).await.unwrap_err().is_none());
    }
}
