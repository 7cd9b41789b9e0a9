//! A backup that somebody begins: it has begun when that is answered, or they are told why not.

use super::*;

impl Stage {
    async fn backed_up() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_config(folder.path(), &ONE);
        prepare(folder.path());
        let path = folder.path().join("netwolf.yml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(
            &path,
            text + "backup: { folder: configs, procedure: load }\n",
        )
        .unwrap();
        let manager = start(folder.path(), "127.0.0.1:0").await;
        Self { folder, manager }
    }

    async fn back_up(&self) -> (u16, Value) {
        let answer = post_json(self.manager.web_addr, "/api/v1/backup", &[], &json!({})).await;
        (answer.status, answer.json())
    }
}

#[tokio::test]
async fn whoever_begins_a_backup_is_told_whether_it_has_begun() {
    let stage = Stage::backed_up().await;
    // The first one begins by itself, and is the answer while it is under way.
    eventually("the first backup", async || {
        let told = get(stage.manager.web_addr, "/api/v1/backup").await.json();
        (told["running"] == 1).then_some(())
    })
    .await;
    let (status, told) = stage.back_up().await;
    assert_eq!((status, &told["running"]), (202, &json!(1)), "{told}");
    assert_eq!(stage.act("/1/cancel", &json!({})).await.0, 200);
    let told = eventually("the end of the first", async || {
        let told = get(stage.manager.web_addr, "/api/v1/backup").await.json();
        (told["running"].is_null() && told["last"]["run"] == 1).then_some(told)
    })
    .await;
    let device = &told["last"]["devices"][0];
    assert_eq!(
        (&device["state"], &device["file"]),
        (&json!("failed"), &Value::Null)
    );
    assert!(device["reason"].is_string(), "{device}");

    let disk = stage.manager.state().runs.disk();
    disk.fill();
    let (status, problem) = stage.back_up().await;
    assert_eq!(status, 507, "{problem}");
    assert_eq!(
        problem["error"],
        "no room on the disk for the journal of runs"
    );
    assert!(problem["hint"].is_string(), "{problem}");
    disk.free();
    stage.sees("netwolf_run_journal_failing 0").await;
    let (status, told) = stage.back_up().await;
    assert_eq!(status, 202, "{told}");
    assert!(told["running"].as_u64() > Some(1), "{told}");
    assert_eq!(told["problem"], json!(null));
}

#[tokio::test]
async fn what_a_device_has_no_reason_for_is_null() {
    let stage = Stage::backed_up().await;
    let agent = stage.worker(&ONE).await;
    let order = agent.step("sw-1", 1).await;
    agent.carry_out(&order, "0.1\n", StepEnd::Succeeded).await;
    let told = eventually("the end of the backup", async || {
        let told = get(stage.manager.web_addr, "/api/v1/backup").await.json();
        (told["running"].is_null() && told["last"].is_object()).then_some(told)
    })
    .await;
    assert_eq!(
        told["last"]["devices"],
        json!([{ "device": "sw-1", "state": "new", "file": "linux/sw-1.cfg", "reason": null }])
    );
}

#[tokio::test]
async fn a_backup_that_is_not_configured_is_not_begun() {
    let stage = Stage::prepared(&ONE).await;
    let (status, problem) = stage.back_up().await;
    assert_eq!(status, 409, "{problem}");
    assert_eq!(problem["error"], "no backup is configured");
}
