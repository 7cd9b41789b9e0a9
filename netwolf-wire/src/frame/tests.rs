//! Frames survive any split, and nothing wrong costs memory.

use std::{collections::BTreeMap, pin::Pin, sync::Arc, task};

use proptest::prelude::*;
use tokio::io::{AsyncRead, ReadBuf};

use super::*;
use crate::{
    AgentName, DeviceName, Epoch, Incarnation,
    message::{Declare, Goodbye, Heartbeat, Hello, Polls, Revoked, Running, ToManager},
    series::{DeviceDecl, DeviceNo, FamilyDecl, FamilyNo, Kind, Poll, SeriesDecl, SeriesNo, Value},
    stats::{Histogram, ShardStats},
    version::CURRENT,
};

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn encode(messages: &[ToManager]) -> Vec<u8> {
    block_on(async {
        let mut bytes = Vec::new();
        let mut writer = FrameWriter::new(&mut bytes);
        for message in messages {
            writer.feed(message).await.unwrap();
        }
        writer.flush().await.unwrap();
        bytes
    })
}

/// A stream that hands out its bytes in pieces of the given sizes, over and over.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    sizes: Vec<usize>,
    turn: usize,
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> task::Poll<io::Result<()>> {
        let size = self.sizes[self.turn % self.sizes.len()]
            .min(buf.remaining())
            .min(self.bytes.len() - self.at);
        buf.put_slice(&self.bytes[self.at..self.at + size]);
        self.at += size;
        self.turn += 1;
        task::Poll::Ready(Ok(()))
    }
}

fn decode(bytes: Vec<u8>, sizes: Vec<usize>) -> (Vec<ToManager>, Result<(), FrameError>) {
    block_on(async {
        let mut reader = FrameReader::new(Pieces {
            bytes,
            at: 0,
            sizes,
            turn: 0,
        });
        let mut messages = Vec::new();
        loop {
            match reader.next().await {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => return (messages, Ok(())),
                Err(error) => return (messages, Err(error)),
            }
        }
    })
}

fn names() -> impl Strategy<Value = String> + Clone {
    "[a-z][a-z0-9._-]{0,20}"
}

fn devices() -> impl Strategy<Value = DeviceName> + Clone {
    names().prop_map(|name| DeviceName::new(&name).unwrap())
}

fn polls() -> impl Strategy<Value = Poll> {
    let value = prop_oneof![
        any::<f64>(),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(f64::NAN)
    ]
    // Payload bits of NaNs do not travel, and NaN never equals itself; the sign of zero does travel.
    .prop_map(|value| Value(if value.is_nan() { 0.5 } else { value }));
    (
        any::<u32>(),
        any::<u64>(),
        proptest::collection::vec((any::<u32>().prop_map(SeriesNo), value), 0..60),
    )
        .prop_map(|(device, time, samples)| Poll(DeviceNo(device), time, samples))
}

fn messages() -> impl Strategy<Value = ToManager> {
    let leases = proptest::collection::vec((devices(), any::<u64>().prop_map(Epoch)), 0..80);
    prop_oneof![
        (names(), any::<u16>(), any::<u64>(), leases.clone()).prop_map(
            |(agent, shard, incarnation, leases)| Hello {
                protocol: CURRENT,
                software: "0".into(),
                agent: AgentName::new(&agent).unwrap(),
                shard,
                shards: shard.saturating_add(1),
                incarnation: Incarnation(incarnation),
                site: None,
                size: 1,
                web: None,
                silent: crate::Span::default(),
                running: leases
                    .into_iter()
                    .map(|(device, epoch)| Running {
                        job: crate::hash::Digest::of(&device),
                        device,
                        epoch
                    })
                    .collect(),
            }
            .into()
        ),
        (any::<u64>(), any::<u64>()).prop_map(|(beat, polls)| Heartbeat {
            beat,
            stats: Box::new(ShardStats {
                polls,
                poll_seconds: BTreeMap::from([("cpu".into(), Histogram::default())]),
                ..Default::default()
            }),
        }
        .into()),
        (devices(), any::<u32>(), "\\PC{0,40}").prop_map(|(device, no, text)| Declare {
            devices: vec![DeviceDecl {
                no: DeviceNo(no),
                device,
                epoch: Epoch(1)
            }],
            families: vec![FamilyDecl {
                no: FamilyNo(no),
                name: "netwolf_x".into(),
                kind: Kind::Gauge,
                help: text.clone()
            }],
            series: vec![SeriesDecl {
                no: SeriesNo(no),
                device: DeviceNo(no),
                family: FamilyNo(no),
                labels: vec![("interface".into(), text)],
                interval_ms: 1000,
            }],
        }
        .into()),
        proptest::collection::vec(polls(), 0..40).prop_map(|polls| Polls { polls }.into()),
        leases.prop_map(|leases| Revoked { leases }.into()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn messages_survive_any_split_and_any_order(
        messages in proptest::collection::vec(messages(), 0..8),
        sizes in proptest::collection::vec(1usize..700, 1..12),
    ) {
        let (decoded, end) = decode(encode(&messages), sizes);
        prop_assert!(end.is_ok());
        prop_assert_eq!(decoded, messages);
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_whole_messages_before_the_cut(
        messages in proptest::collection::vec(messages(), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(&messages);
        let at = cut.index(bytes.len());
        bytes.truncate(at);
        let (decoded, end) = decode(bytes, vec![4096]);
        prop_assert!(messages.starts_with(&decoded));
        let boundary = encode(&decoded).len() == at;
        prop_assert_eq!(end.is_ok(), boundary, "only a cut between two frames is a clean end");
    }

    #[test]
    fn garbage_is_refused_and_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400), zstd in any::<bool>()) {
        let mut payload = if zstd { vec![0x28, 0xb5, 0x2f, 0xfd] } else { Vec::new() };
        payload.extend(bytes);
        let mut framed = u32::try_from(payload.len()).unwrap().to_be_bytes().to_vec();
        framed.extend(payload);
        let (decoded, end) = decode(framed, vec![64]);
        prop_assert!(end.is_err() || decoded.iter().all(|message| matches!(message, ToManager::Unknown(_))));
    }
}

#[test]
fn a_stream_that_ends_right_behind_a_length_is_broken() {
    let mut bytes = encode(&[Revoked { leases: Vec::new() }.into()]);
    let whole = bytes.len();
    bytes.extend_from_within(..4);
    for sizes in [vec![whole, 4], vec![whole + 4], vec![1]] {
        let (decoded, end) = decode(bytes.clone(), sizes);
        assert_eq!(decoded.len(), 1);
        assert!(matches!(end, Err(FrameError::Io(_))), "{end:?}");
    }
}

/// A reader that panics when more than the length field is asked of it.
struct OnlyHead(Vec<u8>);

impl AsyncRead for OnlyHead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> task::Poll<io::Result<()>> {
        assert!(
            !self.0.is_empty(),
            "the frame was not refused by its length alone"
        );
        assert!(
            buf.remaining() <= 64 << 10,
            "a buffer of the announced size was allocated"
        );
        let head = std::mem::take(&mut self.0);
        buf.put_slice(&head);
        task::Poll::Ready(Ok(()))
    }
}

#[test]
fn an_oversize_frame_is_refused_by_its_length_without_allocation() {
    let head = u32::try_from(MAX_FRAME + 1).unwrap().to_be_bytes().to_vec();
    let error = block_on(FrameReader::<_, ToManager>::new(OnlyHead(head)).next()).unwrap_err();
    assert!(matches!(error, FrameError::FrameTooLong), "{error:?}");
    assert!(error.is_malformed());
}

#[test]
fn a_bomb_is_refused_by_its_declared_size_before_it_is_inflated() {
    let bomb = zstd::bulk::compress(&vec![b' '; MAX_MESSAGE + 1], 1).unwrap();
    assert!(bomb.len() < 4096);
    let (decoded, end) = decode(framed(&bomb), vec![4096]);
    assert!(decoded.is_empty());
    assert!(matches!(end, Err(FrameError::MessageTooLong)), "{end:?}");
}

#[test]
fn a_stranger_can_say_little() {
    let read = |bytes: Vec<u8>| {
        block_on(async {
            FrameReader::<_, ToManager>::of_stranger(bytes.as_slice())
                .next()
                .await
        })
    };
    let mut long = serde_json::to_vec(&ToManager::from(Goodbye {})).unwrap();
    long.resize(MAX_STRANGE, b' ');
    assert!(matches!(
        read(framed(&long)),
        Ok(Some(ToManager::Goodbye(_)))
    ));
    long.push(b' ');
    let length = u32::try_from(long.len()).unwrap().to_be_bytes();
    assert!(matches!(read(length.into()), Err(FrameError::FrameTooLong)));
    let bomb = zstd::bulk::compress(&long, 1).unwrap();
    assert!(bomb.len() < 1024);
    assert!(matches!(
        read(framed(&bomb)),
        Err(FrameError::MessageTooLong)
    ));
}

/// The payload of one frame, in its frame.
fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length, payload].concat()
}

#[test]
fn a_message_too_long_for_its_frame_is_refused_by_its_declared_size() {
    let blank = |length| zstd::bulk::compress(&vec![b' '; length], 1).unwrap();
    assert!(blank(MAX_FRAME + 1).len() * MAX_RATIO < MAX_FRAME);
    let (_, end) = decode(framed(&blank(MAX_FRAME + 1)), vec![4096]);
    assert!(matches!(end, Err(FrameError::MessageTooLong)), "{end:?}");
    // As much as a plain frame may say, however short it is.
    let (_, end) = decode(framed(&blank(MAX_FRAME)), vec![4096]);
    assert!(matches!(end, Err(FrameError::Decode(_))), "{end:?}");
}

#[test]
fn the_declared_sizes_of_all_frames_of_zstd_in_a_payload_count() {
    let first = zstd::bulk::compress(b"{\"goodbye\":{}}", 1).unwrap();
    let second = zstd::bulk::compress(&vec![b' '; MAX_FRAME], 1).unwrap();
    let (decoded, end) = decode(framed(&[first, second].concat()), vec![4096]);
    assert!(decoded.is_empty());
    assert!(matches!(end, Err(FrameError::MessageTooLong)), "{end:?}");
}

#[test]
fn what_shrinks_to_nothing_can_be_sent_all_the_same() {
    let output = crate::message::ShownOutput {
        command: "show tech".into(),
        unix_ms: 1,
        took: crate::Span::default(),
        // Each is two characters of JSON.
        text: "\n".repeat(MAX_FRAME),
        truncated: false,
        failure: None,
    };
    let outputs = vec![output];
    let message = ToManager::from(crate::message::Shown {
        request: 1,
        outputs,
    });
    let bytes = encode(std::slice::from_ref(&message));
    assert!(bytes.len() < MAX_FRAME / 100, "{}", bytes.len());
    let (decoded, end) = decode(bytes, vec![4096]);
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(decoded, [message]);
}

#[test]
fn lists_of_devices_are_far_from_the_ratio() {
    let leases = (0..150_000).map(|n| (DeviceName::new(&format!("device-{n}")).unwrap(), Epoch(7)));
    let message = ToManager::from(Revoked {
        leases: leases.collect(),
    });
    let plain = serde_json::to_vec(&message).unwrap().len();
    let ratio = plain / encode(&[message]).len();
    assert!(ratio * 4 < MAX_RATIO, "{ratio}");
}

#[test]
fn a_message_that_is_too_long_is_not_sent() {
    let leases = (0..700_000)
        .map(|n| (DeviceName::new(&format!("device-{n}")).unwrap(), Epoch(n)))
        .collect();
    let message = ToManager::from(Revoked { leases });
    let mut bytes = Vec::new();
    let error = block_on(FrameWriter::new(&mut bytes).send(&message)).unwrap_err();
    assert!(matches!(error, FrameError::MessageTooLong), "{error:?}");
    assert!(bytes.is_empty());
}

#[test]
fn a_batch_of_samples_costs_few_bytes() {
    let polls = (0..500_u32)
        .map(|n| {
            Poll(
                DeviceNo(n),
                1_790_000_000_000 + u64::from(n),
                vec![(SeriesNo(n), Value(f64::from(n % 100) / 100.0))],
            )
        })
        .collect();
    let bytes = encode(&[Polls { polls }.into()]);
    assert!(
        bytes.len() < 500 * 16,
        "{} bytes for 500 samples",
        bytes.len()
    );
}

#[test]
fn shared_contents_are_written_as_if_owned() {
    let plans: crate::message::ToAgent = crate::message::Plans { plans: Vec::new() }.into();
    assert_eq!(
        serde_json::to_string(&Arc::new(plans)).unwrap(),
        r#"{"plans":{"plans":[]}}"#
    );
}
