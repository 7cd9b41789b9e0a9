//! What the driver hands on, and in which order.

use netwolf_wire::{
    DeviceName, Epoch, Span,
    job::{Job, Plan},
    login::LoginOutcome,
    message::{Assign, Lease, Plans, ToManager},
    platform::{Platform, Transport},
    target::{HostKey, Login, Target},
};

use super::{core::Effect, *};
use crate::{link::machine::Autonomy, session::gate::Ask};

fn shard() -> Shard {
    let config = ShardConfig {
        descriptors: crate::session::descriptors::Descriptors::within(u64::MAX, 1),
        agent: AgentName::new("a1").unwrap(),
        index: 0,
        shards: 1,
        incarnation: Incarnation(1),
        manager: String::new(),
        security: Security::Plaintext { insecure: false },
        accepted: Arc::default(),
        jumps: Arc::default(),
        logins_per_second: NonZeroU32::MIN,
        leave: Leave::default(),
        load: Load::default(),
        site: None,
        size: NonZeroU16::MIN,
        web: None,
        links: Links::new(1),
        read_only: false,
    };
    Shard::new(config, Instant::now())
}

/// Takes a device on whose task is not run, and has asked the manager for a permit.
fn asking(shard: &mut Shard) -> TaskId {
    let now = Instant::now();
    shard.mind.core.handle_welcome(
        now,
        Autonomy {
            ordinary: Duration::from_mins(1),
            exclusive: Duration::from_secs(4),
        },
        now,
    );
    let held = shard.mind.core.poll_answer();
    assert!(
        matches!(held, Some(ToManager::StepsHeld(_))),
        "first on each link"
    );
    let plan = Arc::new(Plan {
        platform: Arc::new(Platform::new("linux", Transport::Exec)),
        commands: Vec::new(),
    });
    let job = Job {
        device: DeviceName::new("r1").unwrap(),
        target: Target {
            address: "192.0.2.1".into(),
            port: 22,
            login: Login {
                credential: "c".into(),
                username: "u".into(),
                private_key: None,
                passphrase: None,
                password: None,
                enable_secret: None,
                ssh_agent: None,
                allow: Vec::new(),
            },
            host_key: HostKey::AcceptNew,
            connect_timeout: Span::from_secs(5),
            jump: None,
            legacy: Vec::new(),
            max_age: None,
        },
        plan: plan.digest(),
        exclusive: false,
    };
    shard.mind.core.handle_plans(&Plans {
        plans: vec![(plan.digest(), plan)],
    });
    let lease = Lease {
        epoch: Epoch(1),
        job: Arc::new(job),
    };
    let leases = vec![lease];
    shard.mind.core.handle_assign(Assign { leases }, now);
    let Some(Effect::Start { id, .. }) = shard.mind.core.poll_effect() else {
        panic!("nothing was started")
    };
    let (ask, _) = Ask::for_test("c", Arc::default());
    shard.mind.core.handle_notice(id, Notice::Ask(ask), now);
    assert!(matches!(
        shard.mind.core.poll_answer(),
        Some(ToManager::Asks(_))
    ));
    id
}

#[tokio::test]
async fn what_a_task_told_last_is_heard_before_its_end() {
    let mut shard = shard();
    let id = asking(&mut shard);
    let notices = shard.commons.notices.clone();
    let task = shard.tasks.spawn(async move {
        let refused = Notice::Ended("c".into(), LoginOutcome::Refused);
        notices.send((id, refused)).await.unwrap();
    });
    shard.by_tokio.insert(task.id(), id);
    let ended = shard.tasks.join_next_with_id().await.unwrap();
    shard.handle_ended(task_id(&ended), Instant::now());
    let Some(ToManager::Ended(ended)) = shard.mind.core.poll_answer() else {
        panic!("nothing was told")
    };
    assert_eq!(ended.logins[0].outcome, LoginOutcome::Refused);
}
