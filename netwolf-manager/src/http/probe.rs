//! `/probe?target=NAME`: one device, for people who think in the terms of `blackbox_exporter` and `snmp_exporter`.
//!
//! Nothing is asked of the device: its series are those that stand at `/metrics`, with their label `device`. A target
//! is a name of the inventory and never an address, so that nobody leads this program to a machine of his choice.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use axum::{
    extract::{Query as Asked, State as Shared, rejection::QueryRejection},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use super::{
    Web,
    metrics::{
        self, Form,
        scope::{Query, Refusal, Scope},
    },
};
use crate::{
    board::{Board, DeviceSlot},
    exposition::{Content, Format, OwnFamily, PageReader, Type},
    inventory::catalogue::OWN,
    state::State,
};

/// What `/probe` may be asked for.
const KNOWN: &str = "`target`, a device's name, and `module`, a collector";

/// What ends a page of OpenMetrics.
const EOF: &str = "# EOF\n";

/// What is probed.
#[derive(Debug)]
struct Probe {
    device: Arc<DeviceSlot>,
    scope: Scope,
}

impl Probe {
    fn of(query: Query, board: &Board) -> Result<Self, Refusal> {
        let (mut targets, mut modules) = (Vec::new(), Vec::new());
        for (key, value) in query {
            match key.as_str() {
                "target" => targets.push(value),
                "module" => modules.push(value),
                _ => {
                    let error = format!("unknown parameter {key:?}");
                    return Err(Refusal::bad(error, format!("there are {KNOWN}")));
                }
            }
        }
        let [target] = targets.as_slice() else {
            let error = "a probe needs one `target`, a device's name";
            let hint = "write /probe?target=NAME; /sd/devices has the names";
            return Err(Refusal::bad(error, hint.to_owned()));
        };
        let device = device(target, board)?;
        let mut scope = Scope::of_device(device.clone());
        if !modules.is_empty() {
            // What tells whether the others can be trusted is always there.
            scope.add_collectors(OWN, board)?;
        }
        for module in &modules {
            scope.add_collectors(module, board)?;
        }
        Ok(Self { device, scope })
    }

    fn page(&self, state: &State, format: Format) -> String {
        let (started, now) = (Instant::now(), state.clock.now());
        let content = Content {
            own: metrics::own_families(state, &self.scope),
            ..self.scope.content(&state.store, &state.board)
        };
        let mut page: String = PageReader::new(format, content, now).collect();
        // Last of all, since nobody knows before how long it takes.
        if page.ends_with(EOF) {
            page.truncate(page.len() - EOF.len());
        }
        let mut success = OwnFamily::new(
            "probe_success",
            Type::Gauge,
            "Whether the device is up, as netwolf_device_up.",
        );
        let is_up = self
            .device
            .inspect(now, |view| view.is_known.then_some(view.up));
        if let Some(is_up) = is_up {
            success.add(&[], if is_up { 1.0 } else { 0.0 });
        }
        let mut duration = OwnFamily::new(
            "probe_duration_seconds",
            Type::Gauge,
            "How long it took to answer this probe from what is held; the device was not asked.",
        );
        duration.add(&[], started.elapsed().as_secs_f64());
        let own = Content {
            own: vec![success, duration],
            ..Content::default()
        };
        page.extend(PageReader::new(format, own, now));
        page
    }
}

/// The device of that name.
fn device(target: &str, board: &Board) -> Result<Arc<DeviceSlot>, Refusal> {
    if let Some(slot) = board.device(target) {
        return Ok(slot);
    }
    let devices = board.devices();
    let now = crate::clock::Tick(0);
    let is_at = |slot: &&Arc<DeviceSlot>| {
        slot.inspect(now, |view| {
            let (address, port) = (&view.about.address, view.about.port);
            address == target || format!("{address}:{port}") == target
        })
    };
    let owner = devices.values().find(is_at);
    let is_address =
        target.parse::<IpAddr>().is_ok() || target.parse::<SocketAddr>().is_ok() || owner.is_some();
    if !is_address {
        return Err(Refusal::unknown_device(target, &devices));
    }
    let hint = match owner {
        Some(slot) => format!("name the device: {:?}", slot.name.as_str()),
        None => "name a device of the inventory; /sd/devices has the names".into(),
    };
    let error = format!("{target:?} is an address, and only devices of the inventory are probed");
    Err(Refusal::bad(error, hint))
}

pub(super) async fn serve(
    Shared(web): Shared<Web>,
    asked: Result<Asked<Query>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let (form, state) = (Form::of(&headers), web.state);
    let probe = match asked {
        Ok(Asked(query)) => Probe::of(query, &state.board),
        Err(rejection) => Err(Refusal::bad(rejection.body_text(), None)),
    };
    match probe {
        Ok(probe) => metrics::answer(form, move || {
            std::iter::once(Bytes::from(probe.page(&state, form.format)))
        }),
        Err(refusal) => refusal.into_response(),
    }
}
