//! A cap in money without any configuration: what the user sees first, and what the vendors are asked for.

use serde_json::Value;

use crate::world::World;

#[tokio::test]
async fn a_cap_in_money_needs_no_configuration_and_is_told_before_anything_is_paid() {
    let world = World::new().await;
    let mut arguments = world.run_arguments();
    arguments.retain(|it| it != "--json");
    arguments.extend(["--budget", "2.00"].map(str::to_owned));

    let ended = world.run(&arguments).await;

    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    let told: Vec<&str> = ended.stderr.lines().collect();
    let place = |beginning: &str| {
        let found = told.iter().position(|it| it.starts_with(beginning));
        found.unwrap_or_else(|| panic!("nothing begins with `{beginning}`:\n{}", ended.stderr))
    };
    assert!(place("crew        draft   openai:gpt-6.1-sol") < place("cap         $2.00"));
    assert!(place("cap         $2.00") < place("environment"));
    let cost = ended.stdout.lines().find(|it| it.starts_with("cost"));
    let cost = cost.expect("it says what it cost");
    assert!(cost.contains(" tokens, $0.0"), "{cost}");

    // Thinking counts into a reply, so each role may say more than the limit of a reply without it.
    let asked: Vec<(&str, Value)> = world
        .vendors
        .asked()
        .into_iter()
        .flat_map(|((agent, _), bodies)| bodies.into_iter().map(move |it| (agent, it)))
        .map(|(agent, body)| (agent, serde_json::from_str(&body).expect("a body is JSON")))
        .collect();
    for (agent, body) in &asked {
        let limit = match *agent {
            "drafter" => &body["max_output_tokens"],
            "reviewer" => &body["generationConfig"]["maxOutputTokens"],
            _ => &body["max_tokens"],
        };
        assert_eq!(*limit, 32_000, "{agent}: {body}");
        let effort = body["output_config"]["effort"].as_str();
        let claude = ["refiner", "test-author"].contains(agent);
        assert_eq!(effort, claude.then_some("medium"), "{agent}: {body}");
    }
    assert!(3 < asked.len(), "all of the crew worked");
}
