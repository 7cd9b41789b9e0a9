//! Every query of every shipped dashboard, asked of a real Prometheus that scrapes a fleet of all platforms, and of one
//! that gets the devices' samples by remote write. In the fleet a few things are wrong, so that panels that tell of
//! trouble have some to tell of.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use netwolf_simulator::{FleetConfig, Manner, Scenario};
use serde_json::Value;

use crate::{
    lab::{self, Devices, Manager, PASSWORD, eventually, netwolf},
    metrics_server::{self, Prometheus},
    receivers::{Kind, Receiver},
};

/// A rate needs several scrapes, and a recording rule of a rate some more.
const PATIENCE: Duration = Duration::from_mins(3);

/// All collectors that there are.
const COLLECTORS: &str = "[facts, cpu, memory, interfaces, bgp, ospf, environment, optics, inventory, neighbors, ntp, tables]";

/// Panels that may be empty although all is well, because what they tell of does not happen here; and why.
const MAY_BE_EMPTY: &[(&str, &str, &str)] = &[
    (
        "interfaces",
        "Down, though switched on",
        "none tells since when",
    ),
    ("interfaces", "Flaps", "interfaces stay as they are"),
    ("routing", "BGP sessions that came or went", "none does"),
    ("routing", "OSPF neighbors that are not adjacent", "all are"),
];

/// A fleet with two devices of each platform that has collectors, at two sites.
fn fleet() -> Devices {
    let library =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../netwolf-manager/library/collectors");
    let bundled: String = fs::read_dir(library)
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let mut config = FleetConfig::new(0, "netwolf", PASSWORD);
    let is_polled = |manner: &&Manner| bundled.contains(manner.platform());
    config.mix = Manner::ALL
        .iter()
        .filter(is_polled)
        .map(|manner| (*manner, 2))
        .collect();
    Devices::of(config)
}

/// The fleet's configuration, with a device that is gone, a stranger, and two whose password is another one; samples
/// are sent to `receiver`, and a backup waits some seconds for those that are not there.
fn configuration(folder: &Path, devices: &Devices, receiver: &Receiver) -> std::path::PathBuf {
    let port = |index: usize| devices.fleet().devices()[index].address().port();
    let refused = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let other_key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let odd = [
        format!("gone, port: {refused}, host_key: accept-new"),
        format!("stranger, port: {}, host_key: \"{other_key}\"", port(0)),
        format!(
            "locked-1, port: {}, host_key: accept-new, credential: old",
            port(0)
        ),
        format!(
            "locked-2, port: {}, host_key: accept-new, credential: old",
            port(1)
        ),
    ];
    let odd = odd.map(|rest| {
        format!("  - {{ platform: cisco_ios, address: 127.0.0.1, labels: {{ site: fra }}, name: {rest} }}\n")
    });
    let inventory = format!(
        "  old: {{ username: netwolf, password: \"file:{}\" }}\n{}{}",
        folder.join("old-password").display(),
        devices.inventory_with(", labels: { site: ams, role: core }"),
        odd.concat(),
    );
    fs::write(folder.join("old-password"), "wrong").unwrap();
    let config = lab::configuration(folder, &inventory);
    let text = fs::read_to_string(&config).unwrap();
    let more = format!(
        "remote_write: [{{ url: \"{}\" }}]\nbackup: {{ folder: \"{}\", every: 24h }}\n\
         procedures: {{ backup: {{ commands: [show running-config], run_deadline: 20s }} }}\n",
        receiver.url(),
        folder.join("configs").display(),
    );
    fs::write(&config, more + &text.replace("[cpu]", COLLECTORS)).unwrap();
    config
}

/// Dashboard, panel and query.
type Key = (String, String, String);

/// Whether each query has data, and which is asked; an answer with data is better than one without.
type Verdicts = BTreeMap<Key, (bool, String)>;

/// Asks what `netwolf dashboards check` finds, with `more` arguments.
fn check(prometheus: &str, more: &[&str], verdicts: &mut Verdicts) -> Result<(), String> {
    let url = format!("http://{prometheus}");
    let about = [
        "--prometheus.url",
        &url,
        "--from",
        "1m",
        "--scrape-interval",
        "1s",
    ];
    let args = [
        &["dashboards", "check", "--output", "json"],
        &about[..],
        more,
    ]
    .concat();
    let (code, out, err) = netwolf(&args);
    if code != 0 {
        return Err(err);
    }
    let report: Value = serde_json::from_str(&out).unwrap();
    for dashboard in report["dashboards"].as_array().unwrap() {
        let file = dashboard["file"].as_str().unwrap();
        let mut told = |panel: &str, query: &Value, has_data: bool, what: String| {
            let key = (file.to_owned(), panel.to_owned(), query.to_string());
            let verdict = verdicts.entry(key).or_insert((false, what));
            verdict.0 |= has_data;
        };
        for variable in dashboard["unanswered"].as_array().unwrap() {
            told(
                "variables",
                &variable["variable"],
                false,
                variable.to_string(),
            );
        }
        for query in dashboard["queries"].as_array().unwrap() {
            let (panel, outcome) = (query["panel"].as_str().unwrap(), &query["outcome"]);
            let what = format!("{outcome}: {}", query["query"]);
            told(panel, &query["ref_id"], outcome == "data", what);
        }
    }
    Ok(())
}

/// The queries without data, a line each. The dashboard of one device is asked about one of each platform, since none
/// of them tells all that there is, and about the one that is gone.
fn wrong(prometheus: &str, devices: &[String]) -> Vec<String> {
    let mut verdicts = Verdicts::new();
    let mut asked = check(prometheus, &[], &mut verdicts);
    for device in devices {
        let device = format!("device={device}");
        asked =
            asked.and_then(|()| check(prometheus, &["device", "--var", &device], &mut verdicts));
    }
    let is_excused = |file: &str, panel: &str| {
        MAY_BE_EMPTY
            .iter()
            .any(|(known, title, _)| (*known, *title) == (file, panel))
    };
    let wrong = verdicts
        .iter()
        .filter(|((file, panel, _), (has_data, _))| !has_data && !is_excused(file, panel));
    let wrong =
        wrong.map(|((file, panel, query), (_, what))| format!("{file}: {panel}, {query}: {what}"));
    let is_there = |file: &str, panel: &str| {
        verdicts
            .keys()
            .any(|(known, title, _)| (known.as_str(), title.as_str()) == (file, panel))
    };
    let stale = MAY_BE_EMPTY
        .iter()
        .filter(|(file, panel, _)| !is_there(file, panel));
    let stale = stale.map(|(file, panel, _)| format!("{file}: {panel}: excused, and not there"));
    asked.err().into_iter().chain(wrong).chain(stale).collect()
}

#[test]
fn every_panel_of_every_dashboard_has_data() {
    let folder = lab::folder();
    let devices = fleet();
    let Some(receiver) = Receiver::start(Kind::Prometheus, folder.path()) else {
        return;
    };
    let config = configuration(folder.path(), &devices, &receiver);
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent_with("a1", 1, folder.path(), |agent| {
        agent.args(["--web.listen-address", "127.0.0.1:0"]);
    });
    // One that was up is lost: the last of its platform's two, of which the first is asked about below.
    let all = devices.fleet().devices();
    lab::wait_until_up(&manager.web, f64::from(u32::try_from(all.len()).unwrap()));
    let lost = all.last().unwrap().name();
    let outage = format!("steps: [{{ at: 0s, devices: {lost}, fault: {{ reboot: 1h }} }}]");
    devices.play(&Scenario::parse(&outage).unwrap());
    let Some(prometheus) = Prometheus::every("1s", &manager.web, folder.path()) else {
        return;
    };
    // The other one scrapes what is not sent.
    let job = "job_name: netwolf\n";
    let shipped = metrics_server::shipped("1s", &manager.web);
    assert!(shipped.contains(job), "{shipped}");
    let params = format!("{job}    params: {{ \"collect[]\": [netwolf] }}\n");
    receiver.configure(&shipped.replacen(job, &params, 1));
    let mut asked: Vec<String> = all
        .iter()
        .step_by(2)
        .map(|one| one.name().to_owned())
        .collect();
    asked.push("gone".into());
    let url = format!("http://{}", manager.web);
    let run = [
        "run",
        "--where",
        "platform=cisco_ios,site=ams",
        "show clock",
    ];
    let run = [&run[..], &["--manager.url", &url]].concat();
    for address in [&prometheus.address, &receiver.address] {
        eventually(PATIENCE, "data for every query", || {
            // Each time, because a rate is one of what happened just now.
            let (code, out, err) = netwolf(&run);
            assert_eq!(code, 0, "{out}{err}");
            let wrong = wrong(address, &asked);
            if wrong.is_empty() {
                return Ok(());
            }
            let (count, wrong) = (wrong.len(), wrong.join("\n"));
            Err(format!("{address}, {count} queries:\n{wrong}"))
        });
    }

    // The same, drawn: a page for each, and none of them has an error.
    let pages = folder.path().join("pages");
    let url = format!("http://{}", prometheus.address);
    let args = [
        "dashboards",
        "preview",
        "--prometheus.url",
        &url,
        "--scrape-interval",
        "1s",
    ];
    let to = ["--output-dir", pages.to_str().unwrap(), "--from", "1m"];
    let (code, out, err) = netwolf(&[&args[..], &to].concat());
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let count = fs::read_dir(&pages).unwrap().count();
    assert_eq!(count, out.lines().count(), "{out}");
    assert!(count > 0, "{out}");
}

#[test]
fn what_is_not_there_is_told_with_the_way_out() {
    let nowhere = ["--prometheus.url", "http://127.0.0.1:1"];
    let (code, _, err) = netwolf(&[&["dashboards", "check"], &nowhere[..]].concat());
    assert_eq!(code, 1);
    assert!(
        err.contains("hint: ") && err.contains("--prometheus.url"),
        "{err}"
    );
    for (args, word) in [
        (["check", "nonesuch", "--from", "1m"], "fleet"),
        (["preview", "cpu", "--var", "devise=core-1"], "device"),
        (["check", "cpu", "--prometheus.url", "ftp://x"], "https"),
    ] {
        let (code, out, err) = netwolf(&[&["dashboards"], &args[..]].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(word), "{args:?}: {err}");
    }
}
