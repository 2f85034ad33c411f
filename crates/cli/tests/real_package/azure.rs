//! A deployment at Azure: known by its host, asked by its name, with the key in Azure's own header.

use protocol::ScriptedReply;
use serde_json::json;
use testkit::Package;
use testkit::vendor::{DEPLOYMENT, FakeVendor, Script, Speaks};

use crate::vendors::{KEYS, Vendors};
use crate::world::World;

#[tokio::test]
async fn a_deployment_at_azure_drafts_over_many_turns() {
    let read =
        || ScriptedReply::default().call("read_file", json!({"path": "inflection/__init__.py"}));
    let edit = json!({
        "path": "inflection/__init__.py",
        "old_text": "    if number in (11, 12, 13):",
        "new_text": "    if number % 100 in (11, 12, 13):",
    });
    let mut replies: Vec<ScriptedReply> = (0..18).map(|_| read()).collect();
    replies.push(ScriptedReply::default().call("edit_file", edit));
    replies.push(ScriptedReply::default().call("finish", json!({"summary": "Done."})));
    let azure = FakeVendor::start(
        Speaks::Azure,
        KEYS[0].1,
        Script::conversations(vec![replies]),
    )
    .await
    .expect("a port of this machine is free");
    let nobody = || Script::in_order([]);
    let vendors = Vendors::saying(nobody(), nobody(), nobody()).await;
    let mut world = World::with(Package::load("inflection"), vendors);
    // Only the host's name tells Azure from others, and nobody answers to it here: the way there is a proxy.
    let proxy = azure.base_url().trim_end_matches("openai/v1/").to_owned();
    let address = "http://team.openai.azure.com/openai/v1/".to_owned();
    world.configuration.push(("OPENAI_BASE_URL", address));
    world.configuration.push(("HTTP_PROXY", proxy));
    world
        .configuration
        .push(("PIPELINE_OPENAI_API", String::new()));
    let mut arguments = world.run_arguments();
    let crew = format!("--coder openai:{DEPLOYMENT} --test-author none --reviewer none");
    arguments.extend(crew.split(' ').map(str::to_owned));
    let ended = world.run(&arguments).await;
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(azure.refused(), Vec::<String>::new());
    assert_eq!(azure.received().len(), 20);
    assert!(world.patch().exists(), "there is no patch");
}
