//! A manager that has had no room for what a shard told closes its link: all that was not heard comes again on the next
//! one, from its beginning and in its order, as often as it takes, and the devices notice nothing.

use super::*;

/// All that is told of a step, up to its end, on the present link.
async fn told(scene: &mut Scene, step: u32) -> Vec<StepNews> {
    scene.end(step).await;
    scene.news(step)
}

#[tokio::test]
async fn what_was_not_heard_is_told_again_from_its_beginning_on_each_link_until_it_is() {
    let mut scene = Scene::routers(600_000, &[]).await;
    let orders = [
        scene.order(0, &[typed("show version"), typed("show clock")]),
        scene.order(1, &[typed("show users")]),
    ];
    let ids = orders.each_ref().map(|order| order.id);
    scene.send(orders.into()).await;
    let all = [told(&mut scene, 0).await, told(&mut scene, 1).await];
    assert_eq!(all[0][..2], [StepNews::Accepted, StepNews::Started]);
    assert!(matches!(
        all[0].last(),
        Some(StepNews::Ended(StepEnd::Succeeded))
    ));

    // Nobody has heard it, on two links one after the other.
    for _ in 0..2 {
        scene = scene.relinked().await;
        let again = [told(&mut scene, 0).await, told(&mut scene, 1).await];
        assert_eq!(
            scene.link.world.held,
            [ids.to_vec()],
            "said before any event"
        );
        assert_eq!(again, all);
    }
    // One of them is heard, and the link breaks before the other is.
    let steps = vec![ids[0]];
    scene.link.send(StepsHeard { steps }).await;
    scene
        .link
        .until("the step to be forgotten", |world| {
            world.stats.steps_held == 1
        })
        .await;
    scene = scene.relinked().await;
    assert_eq!(told(&mut scene, 1).await, all[1]);
    assert_eq!(scene.link.world.held, [vec![ids[1]]]);
    assert!(scene.news(0).is_empty(), "what was heard is not told again");

    let steps = vec![ids[1]];
    scene.link.send(StepsHeard { steps }).await;
    scene
        .link
        .until("the other one, too", |world| world.stats.steps_held == 0)
        .await;
    let device = scene.device();
    for once in ["show version", "show clock", "show users"] {
        assert_eq!(device.times_ran(once), 1, "{once}");
    }
    assert_eq!(device.logins(), 1, "it has the same session");
    scene.agent.shutdown().await;
}
