//! Connections that break in mid login, and those that a device ends.

use socket2::SockRef;
use tokio::io::copy_bidirectional;

use super::*;

/// How the connection ends once the device was told the password.
#[derive(Clone, Copy)]
enum Ending {
    /// By a reset, as of a device that restarts.
    Reset,
    /// As a device does that has had enough.
    Closed,
}

/// Logs in to a device whose connection ends after the password was sent; tells whether it was sent.
async fn cut_after_the_password(ending: Ending) -> (Failure, bool) {
    let lab = Lab::start(&[PASSWORD], Duration::from_mins(1), "wrong", false).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut target = lab.target.clone();
    target.port = listener.local_addr().unwrap().port();
    let (tried, device) = (lab.tried.clone(), lab.target.port);
    let carrying = tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = tokio::net::TcpStream::connect(("127.0.0.1", device))
            .await
            .unwrap();
        tokio::select! {
            _ = copy_bidirectional(&mut near, &mut far) => panic!("it ended by itself"),
            () = tried.seen.notified() => {}
        }
        if matches!(ending, Ending::Reset) {
            SockRef::from(&near)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        }
    });
    let (result, offered) = timeout(PATIENCE, Shared::default().connect(&target, &linux()))
        .await
        .unwrap();
    carrying.await.unwrap();
    (result.map(drop).unwrap_err(), offered)
}

#[tokio::test]
async fn a_connection_that_breaks_says_nothing_of_the_credential() {
    let (failure, offered) = cut_after_the_password(Ending::Reset).await;
    assert_eq!(
        (failure.reason, offered),
        (Reason::ConnectionLost, true),
        "{failure:?}"
    );
    assert!(failure.hint.is_some());
}

#[tokio::test]
async fn a_device_that_hangs_up_after_the_password_has_refused_it() {
    let (failure, offered) = cut_after_the_password(Ending::Closed).await;
    assert_eq!(
        (failure.reason, offered),
        (Reason::AuthFailed, true),
        "{failure:?}"
    );
}
