//! Listening sockets: addresses as people write them, and what accepted connections have in common.

use std::{io, net::SocketAddr, time::Duration};

use socket2::SockRef;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tracing::debug;

/// What was sent must be acknowledged by then, and a peer that takes nothing must open its window: it is dead
/// or as good as dead.
const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no listening on an address.
#[derive(Debug, Error)]
pub enum ListenError {
    /// It is none, or its name does not resolve.
    #[error(
        "{address:?} given with `{flag}` is not an address to listen on\n  hint: write it as HOST:PORT, such as `127.0.0.1:9799`"
    )]
    Address {
        /// As it was written.
        address: String,
        /// The flag.
        flag: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is taken, or not ours.
    #[error(
        "cannot listen on {address} given with `{flag}`\n  hint: is another program listening there? choose another address with `{flag}`"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The flag.
        flag: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The addresses that `text` stands for: `HOST:PORT`, or `:PORT` for all interfaces.
async fn resolve(text: &str, flag: &'static str) -> Result<Vec<SocketAddr>, ListenError> {
    let full = if text.starts_with(':') {
        format!("0.0.0.0{text}")
    } else {
        text.to_owned()
    };
    let fail = |source| ListenError::Address {
        address: text.to_owned(),
        flag,
        source,
    };
    Ok(lookup_host(&full).await.map_err(fail)?.collect())
}

/// Listens on the first address of `text` that can be had.
///
/// # Errors
/// [`ListenError`], which names the flag and a way out.
pub async fn listen(
    text: &str,
    flag: &'static str,
) -> Result<(TcpListener, SocketAddr), ListenError> {
    let addresses = resolve(text, flag).await?;
    let mut failure = None;
    for address in addresses {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        match bound.await {
            Ok(bound) => return Ok(bound),
            Err(source) => {
                failure.get_or_insert(ListenError::Bind {
                    address,
                    flag,
                    source,
                });
            }
        }
    }
    Err(failure.unwrap_or_else(|| ListenError::Address {
        address: text.to_owned(),
        flag,
        source: io::ErrorKind::AddrNotAvailable.into(),
    }))
}

/// Sets what every accepted connection should have. One that refuses it works all the same.
pub fn prepare(stream: &TcpStream) {
    let set = stream
        .set_nodelay(true)
        .and_then(|()| SockRef::from(stream).set_tcp_user_timeout(Some(USER_TIMEOUT)));
    if let Err(error) = set {
        debug!(%error, "cannot set socket options");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn errors_name_the_address_and_the_flag() {
        let (_taken, address) = listen("127.0.0.1:0", "--f").await.unwrap();
        let error = listen(&address.to_string(), "--f")
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&address.to_string()) && error.contains("`--f`"),
            "{error}"
        );
        let error = listen("9799", "--f").await.unwrap_err().to_string();
        assert!(
            error.contains("\"9799\"") && error.contains("HOST:PORT"),
            "{error}"
        );
    }
}
