//! What is counted: one poll through the dialogue, one output through the filter, one batch over the link, one page.

use std::{
    fmt::Write as _,
    hint::black_box,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use netwolf_agent::dialogue::{Dialogue, Event, Manners};
use netwolf_filter::{Filter, Recollection};
use netwolf_manager::{
    board::Board,
    clock::Tick,
    config,
    exposition::{self, Format},
    inventory::Inventory,
    series::{LinkTable, SeriesStore},
};
use netwolf_wire::{
    Epoch, ShardId,
    frame::{FrameReader, FrameWriter},
    job::Plan,
    message::{Declare, Polls, ToManager},
    series::{DeviceDecl, DeviceNo, FamilyDecl, FamilyNo, Kind, Poll, SeriesDecl, SeriesNo, Value},
};

/// Each with how often it runs more: a start varies by some 100,000 instructions, so what takes few runs often.
pub(crate) const ALL: &[(&str, u32)] = &[
    ("dialogue", 2000),
    ("filter", 1000),
    ("frame", 20),
    ("exposition", 20),
];

const ANSWER: &str =
    "CPU utilization for five seconds: 17%/3%; one minute: 16%; five minutes: 14%\n";
const PROMPT: &str = "rtr-1#";
/// Devices, and series of each.
const DEVICES: u32 = 100;
const SERIES: u32 = 50;

/// Runs a scenario so often.
pub(crate) fn run(scenario: &str, times: u32) -> anyhow::Result<()> {
    match scenario {
        "dialogue" => dialogue(times),
        "filter" => filter(times),
        "frame" => frame(times),
        "exposition" => page(times),
        _ => bail!("there is no scenario {scenario:?}"),
    }
}

/// A configuration with devices of IOS that are asked for their CPU load.
fn inventory() -> anyhow::Result<Arc<Inventory>> {
    let mut text = String::from(
        "defaults: { interval: 1s, credential: c, platform: cisco_ios, host_key: accept-new, collectors: [cpu] }\n\
         credentials: { c: { username: u, password: \"env:P\" } }\n\
         devices:\n",
    );
    for number in 0..DEVICES {
        writeln!(
            text,
            "  - {{ name: device-{number:03}, address: 192.0.2.1 }}"
        )?;
    }
    let loaded = config::parse(Path::new("netwolf.yml"), &text)
        .map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    Ok(Arc::new(loaded.inventory))
}

fn plan() -> anyhow::Result<Arc<Plan>> {
    let inventory = inventory()?;
    let plan = inventory.plans.values().next();
    plan.cloned().context("a plan for the devices")
}

/// A command from its typing to its output, echo and output apart, as devices send them.
fn dialogue(times: u32) -> anyhow::Result<()> {
    let plan = plan()?;
    let manners = Arc::new(Manners::compile(&plan.platform)?);
    let mut now = Instant::now();
    let mut dialogue = Dialogue::new(manners, None, Duration::from_secs(5), now);
    dialogue.handle_data(format!("\r\nWelcome\r\n{PROMPT}").as_bytes(), now);
    // Until the login is over: a prompt for each line that is typed, and a silence behind it.
    let mut ready = false;
    while !ready {
        while let Some(typed) = dialogue.poll_transmit() {
            let echo = String::from_utf8_lossy(&typed).replace('\n', "\r\n");
            dialogue.handle_data(format!("{echo}{PROMPT}").as_bytes(), now);
        }
        match dialogue.poll_event() {
            Some(Event::Ready) => ready = true,
            None => {
                now = dialogue.poll_timeout().context("a silence to wait for")?;
                dialogue.handle_timeout(now);
            }
            other => bail!("no login: {other:?}"),
        }
    }
    let text = plan.commands.first().context("a command")?.text.clone();
    let (echo, answer) = (
        format!("{text}\r\n"),
        format!("{}\r\n{PROMPT}", ANSWER.trim_end()),
    );
    for _ in 0..times {
        dialogue.start_command(&text, now + Duration::from_secs(5));
        black_box(dialogue.poll_transmit());
        dialogue.handle_data(echo.as_bytes(), now);
        dialogue.handle_data(answer.as_bytes(), now);
        // Only the first time a silence is waited for.
        let mut event = dialogue.poll_event();
        if event.is_none() {
            now = dialogue.poll_timeout().context("a silence to wait for")?;
            dialogue.handle_timeout(now);
            event = dialogue.poll_event();
        }
        match event {
            Some(Event::Output(output)) if output.text == ANSWER => {}
            other => bail!("not the output: {other:?}"),
        }
    }
    Ok(())
}

/// An output to four samples, as the one before.
fn filter(times: u32) -> anyhow::Result<()> {
    let plan = plan()?;
    let rules = &plan.commands.first().context("a command")?.rules;
    let filter = Filter::compile(rules).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let mut recollection = Recollection::default();
    for _ in 0..times {
        let extraction = filter.apply_again(black_box(ANSWER), &mut recollection);
        anyhow::ensure!(extraction.samples.len() == 4, "{extraction:?}");
    }
    Ok(())
}

fn polls(round: u32) -> Vec<Poll> {
    let poll = |device| {
        let samples = (0..SERIES).map(|index| {
            let no = device * SERIES + index;
            (
                SeriesNo(no),
                Value(f64::from(no) * 1_234_567.0 + f64::from(round) * 1_511.0),
            )
        });
        Poll(
            DeviceNo(device),
            1_790_000_000_000 + u64::from(round),
            samples.collect(),
        )
    };
    (0..DEVICES).map(poll).collect()
}

/// Five thousand samples through a link: written, compressed, read.
fn frame(times: u32) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let message = ToManager::from(Polls { polls: polls(1) });
    runtime.block_on(async {
        for _ in 0..times {
            let mut bytes = Vec::new();
            FrameWriter::new(&mut bytes)
                .send(black_box(&message))
                .await?;
            let read = FrameReader::<_, ToManager>::new(&bytes[..]).next().await?;
            anyhow::ensure!(read.as_ref() == Some(&message), "not the message");
        }
        Ok(())
    })
}

/// A page of five thousand series.
fn page(times: u32) -> anyhow::Result<()> {
    let inventory = inventory()?;
    let (store, board): (Arc<SeriesStore>, Arc<Board>) = Default::default();
    board.set_inventory(&inventory);
    let mut link = LinkTable::new(store.clone(), board.clone());
    let mut declare = Declare {
        families: vec![FamilyDecl {
            no: FamilyNo(0),
            name: "netwolf_interface_receive_bytes_total".into(),
            kind: Kind::Counter,
            help: "Octets.".into(),
        }],
        ..Declare::default()
    };
    let shard = ShardId {
        agent: "a".parse()?,
        index: 0,
    };
    for (name, no) in inventory.devices.keys().zip(0..) {
        let slot = board
            .device(name.as_str())
            .context("a device of the inventory")?;
        slot.set_lease(Some((shard.clone(), Epoch(1))));
        declare.devices.push(DeviceDecl {
            no: DeviceNo(no),
            device: name.clone(),
            epoch: Epoch(1),
        });
        declare.series.extend((0..SERIES).map(|index| SeriesDecl {
            no: SeriesNo(no * SERIES + index),
            device: DeviceNo(no),
            family: FamilyNo(0),
            labels: vec![("interface".into(), format!("GigabitEthernet1/0/{index}"))],
            interval_ms: 1000,
        }));
    }
    link.declare(declare, Tick(1));
    link.ingest(&polls(1), Tick(1), 1_790_000_000_000);
    for _ in 0..times {
        let page = exposition::render(Format::Text, Vec::new(), &store, Tick(1));
        anyhow::ensure!(page.len() > 400_000, "{} bytes", page.len());
    }
    Ok(())
}
