//! A scenario played on a live fleet.

use std::sync::Mutex;
use std::time::Duration;

use netwolf_simulator::Scenario;

use crate::client::fleet;
use crate::eventually;

#[tokio::test]
async fn a_scenario_changes_devices_and_takes_its_faults_back() {
    let scenario = Scenario::parse(
        "steps:\n\
         - { at: 0s, devices: sim-0001, fault: { latency: 5ms }, for: 300ms }\n\
         - { at: 100ms, devices: sim-0002, fault: { hostname: renamed } }\n\
         - { at: 100ms, devices: \"*\", pick: 1, choose: [mute, refuse] }\n",
    )
    .unwrap();
    let fleet = fleet(2).await;
    let told = Mutex::new(Vec::new());
    let (first, second) = (&fleet.devices()[0], &fleet.devices()[1]);
    let play = scenario.play(&fleet, |event| told.lock().unwrap().push(event.to_string()));
    let watch = eventually("the latency came", || {
        first.faults().latency == Duration::from_millis(5)
    });
    tokio::join!(play, watch);
    assert_eq!(first.faults().latency, Duration::ZERO);
    assert_eq!(&*second.hostname(), "renamed");
    let chosen = fleet.devices().iter().filter(|device| {
        let faults = device.faults();
        faults.mute || faults.refuse
    });
    assert_eq!(chosen.count(), 1);
    let told = told.into_inner().unwrap();
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told[0], "t=+0.0s sim-0001: latency 5ms");
    assert_eq!(told[1], "t=+0.1s sim-0002: hostname renamed");
    assert_eq!(told[3], "t=+0.3s sim-0001: latency is over");
    fleet.shutdown().await;
}
