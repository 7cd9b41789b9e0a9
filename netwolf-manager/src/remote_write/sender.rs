//! One connection to a receiver: takes samples from its queue and stays with them until they are taken, refused or old.
//!
//! ```text
//!   batch --> POST --> 2xx              taken
//!                 +--> 429, 5xx, none   the same once more after 30 ms to 5 s, or when `Retry-After` says
//!                 +--> 400 and the like each half by itself: what spoils a request is lost, and not what is beside it
//!                 +--> other            lost and counted
//! ```
//!
//! The protocol knows no second attempt after a 400. Receivers refuse a request of 5,000 series for one of them, though,
//! and a half is another request; where halves fare no better, that is left off for a while.
//!
//! A 500 may be an outage or a sample that the receiver cannot digest (a Prometheus that takes samples out of order
//! answers so to one that is too old). It is the second where other requests were taken meanwhile, and then the request
//! is halved, too, so that it does not stop all behind it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Incoming},
    header,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    Remote,
    connector::Connector,
    health::Health,
    meters::Meter,
    protobuf::write_request,
    queue::{Queue, Sample},
    secret::Proof,
};
use crate::{clock::unix_ms, logging::with_causes};

/// Pauses between attempts: the first, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(30), Duration::from_secs(5));
/// However long a receiver asks to be left alone.
const MAX_PAUSE: Duration = Duration::from_mins(1);
/// A whole request may get 500 for so long, while others are taken, before it is halved, and halves for so long.
const DIGESTION: (Duration, Duration) = (Duration::from_mins(1), Duration::from_secs(5));
/// Parts of a batch that may be refused one after the other until all that is left of it is given up: on the way to a bad
/// sample there are at most as many, for a batch can be halved 13 times.
const MAX_REFUSALS: usize = 16;
/// After that nothing is halved for so long: the receiver refuses whatever comes.
const WHOLE: Duration = Duration::from_mins(1);
/// At the end what waits must be sent by then.
const FLUSH: Duration = Duration::from_secs(5);
/// From one complaint about refusals to the next.
const COMPLAIN: Duration = Duration::from_mins(1);
/// So much of a receiver's answer is read.
const MAX_ANSWER: usize = 16 << 10;
/// So much of it is told, in characters.
const TOLD: usize = 200;

/// Sends the samples of a queue.
#[derive(Debug)]
pub(super) struct Sender {
    remote: Arc<Remote>,
    queue: Arc<Queue>,
    meter: Meter,
    client: Client<Connector, Full<Bytes>>,
    /// Read when it is needed, and again after the receiver did not take it.
    proof: Option<Proof>,
    /// Samples that are under way.
    n_in_flight: usize,
    /// Which of the remote's connections it is.
    lane: usize,
    health: Arc<Health>,
    /// Nothing is halved until then.
    whole_until: Option<Instant>,
    complained: Option<Instant>,
}

/// What became of a request.
#[derive(Debug)]
enum Answer {
    Taken,
    Refused(Refusal),
    /// It may be taken later.
    Later {
        why: String,
        /// When the receiver wants it.
        pause: Option<Duration>,
        /// It may be for what is in it.
        may_be_content: bool,
    },
}

/// A request that is not to be sent again.
#[derive(Debug)]
struct Refusal {
    why: String,
    /// It is for what is in it.
    is_content: bool,
}

impl Sender {
    pub(super) fn new(
        remote: Arc<Remote>,
        (lane, queue): (usize, Arc<Queue>),
        health: Arc<Health>,
        meter: Meter,
    ) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(remote.timeout));
        let connector = Connector::new(connector, remote.tls.clone());
        Self {
            remote,
            queue,
            meter,
            client: Client::builder(TokioExecutor::new()).build(connector),
            proof: None,
            n_in_flight: 0,
            lane,
            health,
            whole_until: None,
            complained: None,
        }
    }

    /// Sends until `stop`, and then what waits still, if that is soon done.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let queue = self.queue.clone();
        let given_up = async {
            stop.cancelled().await;
            queue.close();
            sleep(FLUSH).await;
        };
        tokio::select! {
            () = self.send_all() => return,
            () = given_up => {}
        }
        let n_lost = self.n_in_flight + self.queue.clear();
        self.meter.lost(n_lost);
        warn!(
            remote = self.remote.name,
            n_lost, "samples were not sent before the end"
        );
    }

    async fn send_all(&mut self) {
        while let Some(mut batch) = self.queue.batch().await {
            self.n_in_flight = batch.len();
            self.health
                .begun(self.lane, batch.iter().map(|sample| sample.time_ms).min());
            batch.sort_by_key(|sample| (Arc::as_ptr(&sample.series), sample.time_ms));
            self.send(batch).await;
            self.health.begun(self.lane, self.queue.oldest());
            self.meter.sent_until(self.health.oldest());
        }
    }

    async fn send(&mut self, batch: Vec<Sample>) {
        let mut parts = vec![batch];
        let (mut digestion, mut n_refusals) = (DIGESTION.0, 0);
        while let Some(mut part) = parts.pop() {
            let n_samples = part.len();
            let Err(Refusal { why, is_content }) = self.deliver(&mut part, digestion).await else {
                n_refusals = 0;
                self.done(n_samples);
                continue;
            };
            n_refusals += 1;
            if n_refusals >= MAX_REFUSALS {
                self.whole_until = Some(Instant::now() + WHOLE);
            }
            let may_halve = self.whole_until.is_none_or(|end| Instant::now() >= end);
            // Those that were too old are not in it any more.
            self.done(n_samples - part.len());
            if is_content && may_halve && part.len() > 1 {
                digestion = DIGESTION.1;
                let second = part.split_off(part.len() / 2);
                parts.extend([second, part]);
            } else {
                self.meter.refused.inc_by(part.len() as u64);
                self.complain(part.len(), &why);
                self.done(part.len());
            }
        }
    }

    /// Samples are not under way any more.
    fn done(&mut self, n_samples: usize) {
        self.n_in_flight -= n_samples;
        self.meter.done(n_samples);
    }

    /// Tries until the samples are taken, refused or too old.
    async fn deliver(
        &mut self,
        part: &mut Vec<Sample>,
        digestion: Duration,
    ) -> Result<(), Refusal> {
        let (started, mut backoff) = (Instant::now(), BACKOFF.0);
        loop {
            self.leave_out_old(part);
            if part.is_empty() {
                return Ok(());
            }
            let pause = match self.post(write_request(part)).await {
                Answer::Taken => {
                    self.meter.samples.inc_by(part.len() as u64);
                    self.recovered();
                    return Ok(());
                }
                Answer::Refused(refusal) => return Err(refusal),
                Answer::Later {
                    why,
                    pause,
                    may_be_content,
                } => {
                    self.fell_behind(&why);
                    let others_are = self.health.was_taken_after(started);
                    if may_be_content && others_are && started.elapsed() > digestion {
                        let is_content = true;
                        return Err(Refusal { why, is_content });
                    }
                    pause.map_or(backoff, |pause| pause.clamp(backoff, MAX_PAUSE))
                }
            };
            sleep(pause).await;
            self.meter.retries.inc();
            backoff = (backoff * 2).min(BACKOFF.1);
        }
    }

    fn leave_out_old(&self, part: &mut Vec<Sample>) {
        let n_before = part.len();
        let max_age = u64::try_from(self.remote.max_age.as_millis()).unwrap_or(u64::MAX);
        let oldest = unix_ms().saturating_sub(max_age);
        part.retain(|sample| sample.time_ms >= oldest);
        self.meter.too_old.inc_by((n_before - part.len()) as u64);
    }

    async fn post(&mut self, message: Vec<u8>) -> Answer {
        let later = |why| Answer::Later {
            why,
            pause: None,
            may_be_content: false,
        };
        let request = match self.request(&message).await {
            Ok(request) => request,
            Err(why) => return later(why),
        };
        let n_bytes = request.body().size_hint().exact().unwrap_or_default();
        let started = Instant::now();
        let exchange = async {
            let response = self.client.request(request).await?;
            Ok::<_, hyper_util::client::legacy::Error>(
                Self::read(response, self.proof.as_ref()).await,
            )
        };
        let exchanged = timeout(self.remote.timeout, exchange).await;
        self.meter
            .send_seconds
            .observe(started.elapsed().as_secs_f64());
        self.meter.sent_bytes.inc_by(n_bytes);
        let (status, pause, text) = match exchanged {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return later(with_causes(&error)),
            Err(_) => return later(format!("no answer within {:?}", self.remote.timeout)),
        };
        let why = format!("{status}: {text}");
        match status.as_u16() {
            200..=299 => Answer::Taken,
            429 | 500..=599 => Answer::Later {
                why,
                pause,
                may_be_content: status == StatusCode::INTERNAL_SERVER_ERROR,
            },
            code => {
                if matches!(code, 401 | 403) && self.has_new_secret().await {
                    return later(why);
                }
                let is_content = matches!(code, 400 | 409 | 413 | 422);
                Answer::Refused(Refusal { why, is_content })
            }
        }
    }

    async fn request(&mut self, message: &[u8]) -> Result<Request<Full<Bytes>>, String> {
        let body = snap::raw::Encoder::new()
            .compress_vec(message)
            .map_err(|error| error.to_string())?;
        let mut request = Request::post(&self.remote.url)
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .header(header::CONTENT_ENCODING, "snappy")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0")
            .header(
                header::USER_AGENT,
                concat!("netwolf-manager/", env!("CARGO_PKG_VERSION")),
            );
        for (name, value) in &self.remote.headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = &self.remote.authorization {
            let proof = match self.proof.take() {
                Some(proof) => proof,
                None => Proof::read(authorization).await?,
            };
            request = request.header(header::AUTHORIZATION, proof.header());
            self.proof = Some(proof);
        }
        request
            .body(Full::from(body))
            .map_err(|error| error.to_string())
    }

    /// The status, when it is to be tried again, and what the receiver says.
    async fn read(
        response: Response<Incoming>,
        proof: Option<&Proof>,
    ) -> (StatusCode, Option<Duration>, String) {
        let status = response.status();
        let pause = response.headers().get(header::RETRY_AFTER);
        let pause = pause.and_then(|value| value.to_str().ok()?.parse().ok());
        // To its end, so that the connection can be used again.
        let body = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await;
        let bytes = body
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        // In this order: what is cut in two would not be found any more.
        let words = match proof {
            Some(proof) => proof.hide_in(&words),
            None => words,
        };
        (
            status,
            pause.map(Duration::from_secs),
            words.chars().take(TOLD).collect(),
        )
    }

    /// Reads the secret again, and says whether it is another one.
    async fn has_new_secret(&mut self) -> bool {
        let former = self.proof.take();
        if let Some(authorization) = &self.remote.authorization {
            self.proof = Proof::read(authorization).await.ok();
        }
        let header = |proof: &Option<Proof>| proof.as_ref().map(Proof::header);
        self.proof.is_some() && header(&self.proof) != header(&former)
    }

    fn fell_behind(&mut self, why: &str) {
        if self.health.ails(self.lane, why) {
            let remote = &self.remote.name;
            warn!(
                remote,
                why, "samples wait, because the receiver does not take them"
            );
        }
    }

    fn recovered(&mut self) {
        if self.health.is_well(self.lane) {
            info!(
                remote = self.remote.name,
                "the receiver takes samples again"
            );
        }
    }

    fn complain(&mut self, n_samples: usize, why: &str) {
        self.health.ails(self.lane, why);
        if self.complained.is_none_or(|at| at.elapsed() > COMPLAIN) {
            self.complained = Some(Instant::now());
            let remote = &self.remote.name;
            warn!(remote, n_samples, why, "samples were refused and are lost");
        }
    }
}
