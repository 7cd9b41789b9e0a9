//! Outputs of steps that are larger than what is kept: cut, and marked where they are.

use netwolf_wire::step::{MAX_OUTPUT, MAX_STEP_OUTPUT};

use super::*;

/// Runs commands whose outputs have so many bytes each as they come, which is a little more than is shown of them.
async fn flooded(
    scene: &mut Scene,
    step: u32,
    bytes: usize,
    commands: &[&str],
) -> Vec<CommandDone> {
    scene.device().update_faults(|faults| faults.flood = bytes);
    let commands: Vec<_> = commands.iter().copied().map(typed).collect();
    let (end, done) = scene.run(scene.order(step, &commands)).await;
    assert_eq!(end, StepEnd::Succeeded);
    assert_eq!(done.len(), commands.len());
    done
}

#[tokio::test]
async fn what_is_kept_of_an_output_and_of_a_step_is_bounded_and_marked_where_it_is_cut() {
    let mut scene = Scene::routers(600_000, &[]).await;
    // One that is larger than what is kept of a command.
    let done = flooded(
        &mut scene,
        0,
        MAX_OUTPUT / 2 * 3,
        &["show version", "show clock"],
    )
    .await;
    for done in &done {
        assert!(done.truncated, "it says that it was cut");
        assert!(done.text.len() <= MAX_OUTPUT, "{}", done.text.len());
        assert!(done.text.len() > MAX_OUTPUT / 2, "{}", done.text.len());
    }
    // Each of them is small enough, and all together are not.
    let each = MAX_STEP_OUTPUT / 5 * 2;
    let names = ["show version", "show version", "show version", "show clock"];
    let done = flooded(&mut scene, 1, each, &names).await;
    let kept: Vec<_> = done
        .iter()
        .map(|done| (done.text.len() > each / 10 * 9, done.truncated))
        .collect();
    let (whole, cut) = ((true, false), (false, true));
    assert_eq!(kept, [whole, whole, cut, cut]);
    let all: usize = done.iter().map(|done| done.text.len()).sum();
    assert_eq!(all, MAX_STEP_OUTPUT, "as much as there is room for");
    // The hash is of what was said, so it tells what was cut.
    assert_eq!(done[0].sha256, sha256(&done[0].text));
    assert_ne!(done[2].sha256, sha256(&done[2].text));
    assert!(done[3].text.is_empty() && !done[3].sha256.is_empty());
    assert_eq!(scene.device().logins(), 1);
    scene.agent.shutdown().await;
}
