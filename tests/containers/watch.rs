//! The manager's page, read ten times a second: when each device was polled, and whether a value ever went back.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use crate::lab::{self, Page, label};

/// From one look to the next. A device is polled once a second, so no poll is overlooked.
const INTERVAL: Duration = Duration::from_millis(100);

/// The family of which each device has one series.
pub(crate) const COUNTER: &str = "netwolf_lab_received_bytes_total";

/// Seconds of the wall clock, which all containers share.
pub(crate) fn wall() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("it is after 1970").as_secs_f64()
}

/// A thread that looks.
pub(crate) struct Watch {
    story: Arc<Mutex<Story>>,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Story {
    /// When each device's whole outputs came in, by its agent's clock.
    polls: BTreeMap<String, Vec<f64>>,
    values: BTreeMap<String, f64>,
    setbacks: Vec<String>,
}

impl Story {
    fn read(&mut self, page: &Page) {
        for (series, at) in page.series("netwolf_device_last_success_timestamp_seconds", &[]) {
            let device = label(series, "device").expect("a device label").to_owned();
            let polls = self.polls.entry(device).or_default();
            if polls.last().is_none_or(|last| *last < at) {
                polls.push(at);
            }
        }
        for (series, value) in page.series(COUNTER, &[]) {
            let before = self.values.insert(series.to_owned(), value);
            if before.is_some_and(|before| before > value) {
                self.setbacks
                    .push(format!("{series}: {before:?}, then {value}"));
            }
        }
    }
}

impl Watch {
    /// Begins to read the page at `web`.
    pub(crate) fn start(web: &str) -> Self {
        let (story, done) = (
            Arc::new(Mutex::new(Story::default())),
            Arc::new(AtomicBool::new(false)),
        );
        let (web, shared, end) = (web.to_owned(), story.clone(), done.clone());
        let thread = thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                // A manager that is gone has no page, which is not for this thread to judge.
                if let Ok(body) = lab::get(&web, "/metrics", "") {
                    shared.lock().unwrap().read(&Page::parse(&body));
                }
                thread::park_timeout(INTERVAL);
            }
        });
        Self {
            story,
            done,
            thread: Some(thread),
        }
    }

    /// When `device` was polled.
    pub(crate) fn polls(&self, device: &str) -> Vec<f64> {
        let story = self.story.lock().unwrap();
        story.polls.get(device).cloned().unwrap_or_default()
    }

    /// The devices.
    pub(crate) fn devices(&self) -> Vec<String> {
        self.story.lock().unwrap().polls.keys().cloned().collect()
    }

    /// How many devices were polled in the last `seconds`.
    pub(crate) fn fresh(&self, seconds: f64) -> usize {
        let since = wall() - seconds;
        let story = self.story.lock().unwrap();
        let polls = story.polls.values();
        polls
            .filter(|polls| polls.last().is_some_and(|last| *last >= since))
            .count()
    }

    /// Seconds from `since` to the first poll of `device` that was later.
    pub(crate) fn delay(&self, device: &str, since: f64) -> Option<f64> {
        let polls = self.polls(device);
        polls
            .iter()
            .find(|at| **at > since)
            .map(|first| first - since)
    }

    /// The longest time from one poll of `device` to the next, from the last before `since` on.
    pub(crate) fn longest_gap(&self, device: &str, since: f64) -> f64 {
        let polls = self.polls(device);
        let first = polls.partition_point(|at| *at < since).saturating_sub(1);
        let end = [wall()];
        let times = polls[first..].iter().chain(&end);
        let pairs = times.clone().zip(times.skip(1));
        pairs.map(|(one, next)| next - one).fold(0.0, f64::max)
    }

    /// Values that were followed by an older one, since this was asked before.
    pub(crate) fn take_setbacks(&self) -> Vec<String> {
        std::mem::take(&mut self.story.lock().unwrap().setbacks)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            drop(thread.join());
        }
    }
}

#[test]
fn a_gap_begins_before_the_fault_and_a_setback_is_seen() {
    let mut story = Story::default();
    let now = wall();
    for (age, value) in [(9.0, 5), (8.0, 6), (4.0, 4), (3.0, 7)] {
        let at = now - age;
        story.read(&Page::parse(&format!(
            "netwolf_device_last_success_timestamp_seconds{{device=\"a\"}} {at}\n{COUNTER}{{device=\"a\"}} {value}\n"
        )));
    }
    let watch = Watch {
        story: Arc::new(Mutex::new(story)),
        done: Arc::default(),
        thread: None,
    };
    assert!((watch.longest_gap("a", now - 7.5) - 4.0).abs() < 0.1);
    assert!((watch.delay("a", now - 7.5).unwrap() - 3.5).abs() < 0.1);
    assert_eq!((watch.fresh(5.0), watch.fresh(1.0)), (1, 0));
    assert_eq!(watch.take_setbacks().len(), 1);
}
