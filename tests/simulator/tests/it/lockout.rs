//! A password that is changed while the fleet runs, refusals, and the account that they lock.

use std::time::Duration;

use netwolf_simulator::{Fleet, Lockout};

use crate::client::{Connection, PASSWORD, config, fleet};
use crate::eventually;

#[tokio::test]
async fn a_password_is_rotated_for_the_fleet_or_for_one_device() {
    let fleet = fleet(2).await;
    let (first, second) = (&fleet.devices()[0], &fleet.devices()[1]);
    fleet.set_password("a new secret");
    first.set_password("a secret of its own");
    for (device, password, granted) in [
        (first, PASSWORD, false),
        (first, "a new secret", false),
        (first, "a secret of its own", true),
        (second, PASSWORD, false),
        (second, "a new secret", true),
    ] {
        let mut connection = Connection::open(device).await.unwrap();
        assert_eq!(
            connection.by_password(password).await.success(),
            granted,
            "{password}"
        );
    }
    assert_eq!((first.login_failures(), second.login_failures()), (2, 1));
    fleet.shutdown().await;
}

#[tokio::test]
async fn refusals_over_the_fleet_lock_the_account() {
    let mut config = config(4);
    config.lockout = Some(Lockout {
        refusals: 3,
        within: Duration::from_mins(30),
        duration: Duration::from_secs(4),
    });
    let fleet = Fleet::start(config).await.unwrap();
    for device in &fleet.devices()[..3] {
        assert!(!fleet.account_locked());
        let mut connection = Connection::open(device).await.unwrap();
        assert!(!connection.by_password("wrong").await.success());
    }
    assert!(fleet.account_locked());
    assert_eq!(fleet.lockouts(), 1);
    let mut connection = Connection::open(&fleet.devices()[3]).await.unwrap();
    let granted = connection.by_password(PASSWORD).await.success();
    assert!(
        !granted || !fleet.account_locked(),
        "the right secret, but locked"
    );
    assert!(fleet.totals().login_failures >= 3);
    eventually("the lock is opened by time", || !fleet.account_locked()).await;
    let mut connection = Connection::open(&fleet.devices()[3]).await.unwrap();
    assert!(connection.by_password(PASSWORD).await.success());
    fleet.shutdown().await;
}

#[tokio::test]
async fn a_device_may_refuse_every_login() {
    let fleet = fleet(1).await;
    let device = &fleet.devices()[0];
    device.update_faults(|faults| faults.refuse_logins = true);
    let mut connection = Connection::open(device).await.unwrap();
    assert!(!connection.by_password(PASSWORD).await.success());
    assert_eq!(fleet.totals().login_failures, 1);
    device.update_faults(|faults| faults.refuse_logins = false);
    assert!(connection.by_password(PASSWORD).await.success());
    fleet.shutdown().await;
}
