//! Against a receiver that decodes with another implementation and answers as it is told.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Instant,
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::post,
};
use netwolf_wire::{
    Epoch, ShardId,
    message::Declare,
    series::{
        DeviceDecl, DeviceNo, FamilyDecl, FamilyNo, Kind, Poll, SeriesDecl, SeriesNo,
        Value as Sampled,
    },
};
use prost::Message;
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};

use super::*;
use crate::{
    board::Board,
    clock::{Tick, unix_ms},
    series::{LinkTable, SeriesStore},
    testing,
};

/// Longer than anything takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Value {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

impl TimeSeries {
    fn text(&self) -> String {
        let label = |label: &Label| format!("{}={}", label.name, label.value);
        self.labels.iter().map(label).collect::<Vec<_>>().join(",")
    }
}

/// What a receiver answers to its `n`th request.
type Answer = Box<dyn Fn(usize, &WriteRequest) -> (StatusCode, &'static str) + Send + Sync>;

struct Receiver {
    url: String,
    taken: Arc<Mutex<Vec<TimeSeries>>>,
    headers: Arc<Mutex<HeaderMap>>,
    n_requests: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/v1/write", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(Vec::new()));
        let headers = Arc::new(Mutex::new(HeaderMap::new()));
        let n_requests = Arc::new(AtomicUsize::new(0));
        let (answer, all, seen, count) = (
            Arc::new(answer),
            taken.clone(),
            headers.clone(),
            n_requests.clone(),
        );
        let handler = async move |headers: HeaderMap, body: Bytes| {
            let bytes = snap::raw::Decoder::new().decompress_vec(&body).unwrap();
            let request = WriteRequest::decode(&*bytes).unwrap();
            let (status, text) = answer(count.fetch_add(1, Relaxed), &request);
            if status.is_success() {
                lock(&all).extend(request.timeseries);
            }
            *lock(&seen) = headers;
            let pause = text.strip_prefix("retry-after: ");
            let pause = pause.map(|seconds| [(header::RETRY_AFTER, seconds)]);
            (status, pause.map(axum::response::AppendHeaders), text).into_response()
        };
        let app = Router::new().route("/api/v1/write", post(handler));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            taken,
            headers,
            n_requests,
            server,
        }
    }

    async fn willing() -> Self {
        Self::start(Box::new(|_, _| (StatusCode::NO_CONTENT, ""))).await
    }

    /// Takes every request without such a series, and answers those with one by a status.
    async fn but_for(series: &'static str, status: StatusCode) -> Self {
        Self::start(Box::new(move |_, request| {
            let is_meant = |one: &TimeSeries| one.text().contains(series);
            if request.timeseries.iter().any(is_meant) {
                (status, series)
            } else {
                (StatusCode::OK, "")
            }
        }))
        .await
    }

    fn remote(&self) -> Remote {
        Remote {
            name: "lab".into(),
            url: self.url.clone(),
            timeout: Duration::from_secs(10),
            headers: Vec::new(),
            tls: Tls::default(),
            authorization: None,
            connections: 1,
            queue_samples: 10_000,
            max_age: Duration::from_hours(1),
        }
    }

    /// Waits for so many samples; returns their series.
    async fn takes(&self, n_samples: usize) -> Vec<TimeSeries> {
        eventually("samples", || {
            let taken = lock(&self.taken).clone();
            let n_taken: usize = taken.iter().map(|series| series.samples.len()).sum();
            assert!(n_taken <= n_samples, "{taken:?}");
            (n_taken == n_samples).then_some(taken)
        })
        .await
    }
}

async fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A writer to some remotes, as if links had brought the samples.
struct Stage {
    writer: RemoteWriter,
    store: SharedStore,
    meters: Meters,
}

impl Stage {
    fn new(remotes: Vec<Remote>) -> Self {
        let (store, meters) = (Arc::new(SeriesStore::default()), Meters::default());
        let stage = Self {
            writer: RemoteWriter::new(store.clone(), meters.clone()),
            store,
            meters,
        };
        stage.configure(remotes);
        stage
    }

    fn configure(&self, remotes: Vec<Remote>) {
        self.writer.configure(&Remotes {
            remotes,
            ..Remotes::default()
        });
    }

    fn series(&self, labels: &[(&str, &str)]) -> Arc<Written> {
        let outlet = self.store.outlet();
        let labels = labels
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        Arc::new(Written::new(outlet.as_deref().unwrap(), "load", labels))
    }

    fn send(&self, samples: &[(&Arc<Written>, f64, u64)]) {
        let outlet = self.store.outlet();
        let mut outgoing = Outgoing::new(outlet.as_deref().unwrap(), unix_ms());
        for (series, value, time_ms) in samples {
            outgoing.push(series, *value, *time_ms, Epoch(1));
        }
        outgoing.send();
    }

    /// A line of the page.
    fn shows(&self, line: &str) -> bool {
        let mut registry = prometheus_client::registry::Registry::with_prefix("remote");
        self.meters.register(&mut registry);
        let families = crate::exposition::from_registry(&registry);
        families
            .iter()
            .any(|family| family.lines().lines().any(|l| l == line))
    }

    async fn comes_to_show(&self, line: &str) {
        eventually(line, || self.shows(line).then_some(())).await;
    }
}

#[tokio::test]
async fn what_is_sent_arrives_with_its_labels_and_times() {
    let receiver = Receiver::willing().await;
    let mut remote = receiver.remote();
    remote.headers = vec![("X-Scope-OrgID".into(), "lab".into())];
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "t0ken\n").unwrap();
    remote.authorization = Some(Authorization::Bearer(SecretRef::File(secret)));
    let stage = Stage::new(vec![remote]);
    let now = unix_ms();
    let a = stage.series(&[
        ("device", "a"),
        ("cpu", "0"),
        ("Zone", "ä\n"),
        ("empty", ""),
    ]);
    let b = stage.series(&[("device", "b"), ("job", "mine")]);
    stage.send(&[(&a, 0.5, now - 2_000), (&b, f64::NAN, now - 2_000)]);
    stage.send(&[(&a, 0.25, now - 1_000), (&a, 0.25, now - 1_000)]);
    let mut taken = receiver.takes(3).await;
    taken.sort_by_key(TimeSeries::text);
    assert_eq!(
        taken.iter().map(TimeSeries::text).collect::<Vec<_>>(),
        [
            "Zone=ä\n,__name__=load,cpu=0,device=a,job=netwolf",
            "__name__=load,device=b,job=mine"
        ],
        "sorted by name; a label of its own is nearer than an external one"
    );
    let times: Vec<_> = taken[0]
        .samples
        .iter()
        .map(|s| (s.value, s.timestamp))
        .collect();
    let time = |ms: u64| i64::try_from(ms).unwrap();
    assert_eq!(times, [(0.5, time(now - 2_000)), (0.25, time(now - 1_000))]);
    assert_eq!(taken[1].samples[0].value.to_bits(), 0x7ff8_0000_0000_0001);
    let headers = lock(&receiver.headers).clone();
    for (name, value) in [
        ("content-encoding", "snappy"),
        ("content-type", "application/x-protobuf"),
        ("x-prometheus-remote-write-version", "0.1.0"),
        ("x-scope-orgid", "lab"),
        ("authorization", "Bearer t0ken"),
    ] {
        assert_eq!(headers[name], value);
    }
    stage
        .comes_to_show(r#"remote_samples_total{remote="lab"} 3"#)
        .await;
    stage
        .comes_to_show(r#"remote_pending_samples{remote="lab"} 0"#)
        .await;
}

#[tokio::test]
async fn a_receiver_that_is_away_gets_everything_later_and_in_order() {
    let answers = [
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::INTERNAL_SERVER_ERROR,
    ];
    let receiver = Receiver::start(Box::new(move |n, _| {
        (answers.get(n).copied().unwrap_or(StatusCode::OK), "busy")
    }))
    .await;
    let stage = Stage::new(vec![receiver.remote()]);
    let series = stage.series(&[("device", "a")]);
    let now = unix_ms();
    for n in 0..5_u32 {
        stage.send(&[(&series, n.into(), now + u64::from(n))]);
    }
    let taken = receiver.takes(5).await;
    let values: Vec<_> = taken
        .iter()
        .flat_map(|s| &s.samples)
        .map(|s| s.value)
        .collect();
    assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0]);
    stage
        .comes_to_show(r#"remote_retries_total{remote="lab"} 3"#)
        .await;
    assert!(stage.shows(r#"remote_failed_samples_total{remote="lab",reason="refused"} 0"#));
}

#[tokio::test]
async fn one_bad_sample_costs_nothing_but_itself() {
    let receiver = Receiver::but_for("device=n77", StatusCode::BAD_REQUEST).await;
    let stage = Stage::new(vec![receiver.remote()]);
    let now = unix_ms();
    let all: Vec<_> = (0..200)
        .map(|n| stage.series(&[("device", &format!("n{n}"))]))
        .collect();
    let samples: Vec<_> = all.iter().map(|series| (series, 1.0, now)).collect();
    stage.send(&samples);
    receiver.takes(199).await;
    let line = r#"remote_failed_samples_total{remote="lab",reason="refused"} 1"#;
    stage.comes_to_show(line).await;
    assert!(
        stage.shows(r#"remote_retries_total{remote="lab"} 0"#),
        "nothing is sent twice"
    );
    let n_requests = receiver.n_requests.load(Relaxed);
    assert!((9..=17).contains(&n_requests), "{n_requests} requests");
}

#[tokio::test]
async fn many_bad_samples_cost_nothing_but_themselves() {
    let receiver = Receiver::but_for("device=bad", StatusCode::BAD_REQUEST).await;
    let stage = Stage::new(vec![receiver.remote()]);
    let name = |n: u32| if n % 10 == 3 { "bad" } else { "good" };
    let all: Vec<_> = (0..100)
        .map(|n| stage.series(&[("device", &format!("{}{n}", name(n)))]))
        .collect();
    let samples: Vec<_> = all.iter().map(|series| (series, 1.0, unix_ms())).collect();
    stage.send(&samples);
    receiver.takes(90).await;
    let line = r#"remote_failed_samples_total{remote="lab",reason="refused"} 10"#;
    stage.comes_to_show(line).await;
    stage
        .comes_to_show(r#"remote_pending_samples{remote="lab"} 0"#)
        .await;
}

#[tokio::test]
async fn a_receiver_that_refuses_everything_is_not_asked_about_each_sample() {
    let receiver = Receiver::start(Box::new(|_, _| (StatusCode::BAD_REQUEST, "limit"))).await;
    let stage = Stage::new(vec![receiver.remote()]);
    let all: Vec<_> = (0..3_000)
        .map(|n| stage.series(&[("device", &format!("n{n}"))]))
        .collect();
    let samples: Vec<_> = all.iter().map(|series| (series, 1.0, unix_ms())).collect();
    stage.send(&samples);
    let line = r#"remote_failed_samples_total{remote="lab",reason="refused"} 3000"#;
    stage.comes_to_show(line).await;
    let n_requests = receiver.n_requests.load(Relaxed);
    assert!(n_requests < 40, "{n_requests} requests");
    stage.send(&[(&all[0], 1.0, unix_ms() + 1), (&all[1], 1.0, unix_ms() + 1)]);
    let line = r#"remote_failed_samples_total{remote="lab",reason="refused"} 3002"#;
    stage.comes_to_show(line).await;
    assert_eq!(
        receiver.n_requests.load(Relaxed),
        n_requests + 1,
        "nothing is halved for a while"
    );
}

#[tokio::test]
async fn a_secret_that_was_changed_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "former").unwrap();
    let path = secret.clone();
    let receiver = Receiver::start(Box::new(move |n, _| {
        if n > 0 {
            return (StatusCode::OK, "");
        }
        std::fs::write(&path, "present").unwrap();
        (StatusCode::UNAUTHORIZED, "")
    }))
    .await;
    let mut remote = receiver.remote();
    remote.authorization = Some(Authorization::Bearer(SecretRef::File(secret)));
    let stage = Stage::new(vec![remote]);
    let series = stage.series(&[("device", "a")]);
    stage.send(&[(&series, 1.0, unix_ms())]);
    receiver.takes(1).await;
    assert_eq!(lock(&receiver.headers)["authorization"], "Bearer present");
}

#[tokio::test]
async fn a_pause_of_nothing_is_no_pause_to_go_by() {
    let asked = Instant::now();
    let receiver = Receiver::start(Box::new(|n, _| {
        let status = if n < 4 {
            StatusCode::TOO_MANY_REQUESTS
        } else {
            StatusCode::OK
        };
        (status, "retry-after: 0")
    }))
    .await;
    let stage = Stage::new(vec![receiver.remote()]);
    let series = stage.series(&[("device", "a")]);
    stage.send(&[(&series, 1.0, unix_ms())]);
    receiver.takes(1).await;
    // A second until it is sent, and 30, 60, 120 and 240 ms.
    assert!(asked.elapsed() >= Duration::from_millis(1_450));
}

#[tokio::test]
async fn how_far_behind_is_told_by_the_connection_that_is_furthest() {
    let receiver = Receiver::but_for("device=stuck", StatusCode::BAD_GATEWAY).await;
    let mut remote = receiver.remote();
    remote.connections = 2;
    let stage = Stage::new(vec![remote]);
    let stuck = stage.series(&[("device", "stuck")]);
    let other = (0..64)
        .map(|n| stage.series(&[("device", &format!("n{n}"))]))
        .find(|series| series.lane(2) != stuck.lane(2))
        .unwrap();
    let now = unix_ms();
    stage.send(&[(&stuck, 1.0, now - 20_000), (&other, 1.0, now)]);
    receiver.takes(1).await;
    let view = eventually("it is behind", || {
        let view = stage.writer.view().pop().unwrap();
        view.behind_seconds
            .is_some_and(|behind| behind > 0.0)
            .then_some(view)
    })
    .await;
    let behind = view.behind_seconds.unwrap();
    assert!((19.9..20.1).contains(&behind), "{behind}");
    assert!(view.trouble.is_some_and(|why| why.contains("stuck")));
    assert_eq!(view.pending_samples, 1);
}

#[tokio::test]
async fn what_is_forbidden_is_not_tried_piece_by_piece() {
    let receiver = Receiver::start(Box::new(|_, _| (StatusCode::FORBIDDEN, "no"))).await;
    let stage = Stage::new(vec![receiver.remote()]);
    let (a, b) = (
        stage.series(&[("device", "a")]),
        stage.series(&[("device", "b")]),
    );
    stage.send(&[(&a, 1.0, unix_ms()), (&b, 1.0, unix_ms())]);
    let line = r#"remote_failed_samples_total{remote="lab",reason="refused"} 2"#;
    stage.comes_to_show(line).await;
    assert_eq!(receiver.n_requests.load(Relaxed), 1);
}

#[tokio::test]
async fn what_waits_is_bounded_and_the_oldest_goes_first() {
    let receiver = Receiver::start(Box::new(|n, _| {
        let status = if n == 0 {
            StatusCode::BAD_GATEWAY
        } else {
            StatusCode::OK
        };
        (status, "")
    }))
    .await;
    let mut remote = receiver.remote();
    remote.queue_samples = 3;
    let stage = Stage::new(vec![remote]);
    let series = stage.series(&[("device", "a")]);
    let now = unix_ms();
    let samples: Vec<_> = (0..5_u32)
        .map(|n| (&series, n.into(), now + u64::from(n)))
        .collect();
    stage.send(&samples);
    let taken = receiver.takes(3).await;
    let values: Vec<_> = taken
        .iter()
        .flat_map(|s| &s.samples)
        .map(|s| s.value)
        .collect();
    assert_eq!(values, [2.0, 3.0, 4.0]);
    assert!(stage.shows(r#"remote_dropped_samples_total{remote="lab",reason="queue_full"} 2"#));
    stage
        .comes_to_show(r#"remote_pending_samples{remote="lab"} 0"#)
        .await;
}

#[tokio::test]
async fn what_is_too_old_is_not_sent() {
    let receiver = Receiver::willing().await;
    let stage = Stage::new(vec![receiver.remote()]);
    let series = stage.series(&[("device", "a")]);
    let now = unix_ms();
    stage.send(&[(&series, 1.0, now - 3_700_000), (&series, 2.0, now)]);
    let taken = receiver.takes(1).await;
    assert_eq!(taken[0].samples[0].value.to_bits(), 2.0_f64.to_bits());
    assert!(stage.shows(r#"remote_dropped_samples_total{remote="lab",reason="too_old"} 1"#));
}

#[tokio::test]
async fn a_remote_that_is_taken_away_gets_what_waits_and_is_shown_no_more() {
    let (former, present) = (Receiver::willing().await, Receiver::willing().await);
    let stage = Stage::new(vec![former.remote()]);
    let series = stage.series(&[("device", "a")]);
    stage.send(&[(&series, 1.0, unix_ms())]);
    let mut other = present.remote();
    other.name = "other".into();
    stage.configure(vec![other.clone()]);
    former.takes(1).await;
    assert!(!stage.shows(r#"remote_queue_limit_samples{remote="lab"} 10000"#));
    assert!(stage.shows(r#"remote_queue_limit_samples{remote="other"} 10000"#));
    let known = stage.series(&[("device", "a")]);
    stage.configure(vec![other]);
    assert!(
        known.is_of(stage.store.outlet().as_deref().unwrap()),
        "nothing has changed"
    );
    stage.configure(Vec::new());
    assert!(stage.store.outlet().is_none());
}

#[tokio::test]
async fn the_end_waits_for_what_waits() {
    let receiver = Receiver::willing().await;
    let mut remote = receiver.remote();
    remote.connections = 3;
    let stage = Stage::new(vec![remote]);
    let all: Vec<_> = (0..20)
        .map(|n| stage.series(&[("device", &format!("n{n}"))]))
        .collect();
    let samples: Vec<_> = all.iter().map(|series| (series, 1.0, unix_ms())).collect();
    stage.send(&samples);
    stage.writer.finish().await;
    assert_eq!(lock(&receiver.taken).len(), 20, "all have arrived");
}

#[tokio::test]
async fn an_end_without_a_receiver_is_an_end() {
    let mut remote = Receiver::willing().await.remote();
    remote.url = "http://127.0.0.1:1/".into();
    let stage = Stage::new(vec![remote]);
    let series = stage.series(&[("device", "a")]);
    stage.send(&[(&series, 1.0, unix_ms())]);
    stage.writer.finish().await;
    assert!(stage.shows(r#"remote_dropped_samples_total{remote="lab",reason="ended"} 1"#));
    assert!(stage.shows(r#"remote_pending_samples{remote="lab"} 0"#));
}

/// What a link brings of `load{device="a"}`.
fn link(stage: &Stage, board: &Arc<Board>, epoch: u64) -> LinkTable {
    link_of(stage, board, epoch, ("load", Kind::Gauge), Tick(1))
}

/// What a link brings of a series of `a`.
fn link_of(
    stage: &Stage,
    board: &Arc<Board>,
    epoch: u64,
    (name, kind): (&str, Kind),
    now: Tick,
) -> LinkTable {
    let mut link = LinkTable::new(stage.store.clone(), board.clone());
    let device = DeviceDecl {
        no: DeviceNo(0),
        device: "a".parse().unwrap(),
        epoch: Epoch(epoch),
    };
    let family = FamilyDecl {
        no: FamilyNo(0),
        name: name.into(),
        kind,
        help: String::new(),
    };
    let series = SeriesDecl {
        no: SeriesNo(0),
        device: DeviceNo(0),
        family: FamilyNo(0),
        labels: vec![("cpu".into(), "0".into())],
        interval_ms: 1_000,
    };
    let declare = Declare {
        devices: vec![device],
        families: vec![family],
        series: vec![series],
    };
    link.declare(declare, now);
    link
}

#[tokio::test]
async fn a_family_whose_name_another_one_has_now_is_not_sent() {
    let receiver = Receiver::willing().await;
    let stage = Stage::new(vec![receiver.remote()]);
    let board = Arc::new(Board::default());
    board.set_inventory(&testing::inventory([("a", 22)]));
    let shard = ShardId {
        agent: "x".parse().unwrap(),
        index: 0,
    };
    let device = board.device("a").unwrap();
    device.set_lease(Some((shard, Epoch(1))));
    let now = unix_ms() - 60_000;
    let poll = |ms| [Poll(DeviceNo(0), ms, vec![(SeriesNo(0), Sampled(1.0))])];
    let mut gauge = link(&stage, &board, 1);
    gauge.ingest(&poll(now), Tick(20_000), now);
    // It is stale by then, so the name is free.
    let counter = ("load_total", Kind::Counter);
    let mut other = link_of(&stage, &board, 1, counter, Tick(40_000));
    other.ingest(&poll(now + 1_000), Tick(40_000), now + 1_000);
    gauge.ingest(&poll(now + 2_000), Tick(40_001), now + 2_000);
    let taken = receiver.takes(3).await;
    let names: Vec<_> = taken.iter().map(TimeSeries::text).collect();
    assert_eq!(
        names
            .iter()
            .filter(|name| name.contains("load_total"))
            .count(),
        1
    );
    let gauges = taken
        .iter()
        .filter(|series| series.text().contains("=load,"));
    let samples = gauges.flat_map(|series| &series.samples).count();
    assert_eq!(samples, 2, "one and its end");
}

#[tokio::test]
async fn a_series_ends_for_receivers_when_it_ends_on_the_page() {
    let receiver = Receiver::willing().await;
    let stage = Stage::new(vec![receiver.remote()]);
    let board = Arc::new(Board::default());
    board.set_inventory(&testing::inventory([("a", 22)]));
    let lease = |epoch| {
        let agent = "x".parse().unwrap();
        let shard = ShardId { agent, index: 0 };
        board
            .device("a")
            .unwrap()
            .set_lease(Some((shard, Epoch(epoch))));
    };
    let now = unix_ms() - 60_000;
    let poll = |time_ms, value| {
        [Poll(
            DeviceNo(0),
            time_ms,
            vec![(SeriesNo(0), Sampled(value))],
        )]
    };
    lease(1);
    let mut first = link(&stage, &board, 1);
    first.ingest(&poll(now, 0.5), Tick(10), now);
    stage.store.end_stale(Tick(5_010));
    stage.store.end_stale(Tick(5_011));
    // Its link was lost for a while, and brings what was polled meanwhile.
    first.ingest(&poll(now + 1_000, 0.25), Tick(20_000), now + 20_000);
    // The device goes to an agent whose clock is behind, and then leaves the inventory.
    lease(2);
    let mut second = link(&stage, &board, 2);
    second.ingest(&poll(now - 5_000, 0.75), Tick(30_000), now + 30_000);
    board.set_inventory(&testing::inventory([]));
    stage.store.end_stale(Tick(30_001));
    drop((first, second));
    stage.store.sweep(Tick(30_001));
    assert_eq!(stage.store.len(), 0, "nothing is left of it");

    let taken = receiver.takes(5).await;
    let name = "__name__=load,cpu=0,device=a,job=netwolf";
    assert!(
        taken.iter().all(|series| series.text() == name),
        "{taken:?}"
    );
    let marker = 0x7ff0_0000_0000_0002;
    let samples: Vec<_> = taken.iter().flat_map(|series| &series.samples).collect();
    let seen: Vec<_> = samples
        .iter()
        .map(|s| (s.value.to_bits(), s.timestamp))
        .collect();
    let expected = [
        (0.5_f64.to_bits(), now),
        (marker, now + 1),
        (0.25_f64.to_bits(), now + 1_000),
        (0.75_f64.to_bits(), now + 30_000),
        (marker, now + 30_001),
    ];
    let expected = expected.map(|(bits, ms)| (bits, i64::try_from(ms).unwrap()));
    assert_eq!(seen, expected);
    stage
        .comes_to_show(r#"remote_stale_markers_total{remote="lab"} 2"#)
        .await;
}
