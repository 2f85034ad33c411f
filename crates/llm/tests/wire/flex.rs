//! The cheaper, slower service: asked for where it is wanted, and left where it has no room.

use std::sync::Arc;

use expect_test::{Expect, expect};
use llm::{Budget, Connecting, Day, Ledger, Prices, Service, Spent};
use protocol::Silent;
use serde_json::{Value, json};
use testkit::vendor::{Answer, FakeVendor, Script};

use crate::vendors::{Interface, KEY, connecting, request};

/// A whole answer, by the service that says so.
fn answer(interface: Interface, tier: &str) -> Answer {
    Answer::Json(match interface {
        Interface::Responses => json!({"id": "r", "status": "completed", "service_tier": tier,
            "usage": {"input_tokens": 1_000_000, "output_tokens": 0},
            "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "fine"}]}]}),
        _ => {
            json!({"candidates": [{"finishReason": "STOP", "content": {"role": "model", "parts": [{"text": "fine"}]}}],
            "usageMetadata": {"promptTokenCount": 1_000_000, "candidatesTokenCount": 0, "serviceTier": tier}})
        }
    })
}

/// The tiers that were asked for, and what it cost in dollars.
async fn check(interface: Interface, answers: Vec<Answer>, want: Expect) {
    let fake = FakeVendor::start(interface.speaks(), KEY, Script::in_order(answers))
        .await
        .unwrap();
    let vendors = interface.vendors(fake.base_url(), KEY);
    let today = "2026-11-29".parse::<Day>().unwrap();
    let prices = Prices::bundled();
    let ledger = Ledger::open(Budget::default(), prices, today, Spent::default());
    let connecting = Connecting {
        service: Service::Flex,
        ledger: ledger.clone(),
        ..connecting(Arc::new(Silent))
    };
    let model = match interface {
        Interface::Responses => "gpt-6.1-sol",
        _ => "gemini-3.8-flash",
    };
    let id = protocol::ModelId::new(interface.model().vendor, model);
    let model = llm::connect(&id, &vendors, connecting).unwrap();
    let told = match model.ask(&request()).await {
        Ok(reply) => reply.text,
        Err(error) => error.to_string(),
    };
    let tier = |body: &Value| {
        let tier = body["service_tier"]
            .as_str()
            .or(body["serviceTier"].as_str());
        tier.unwrap_or("usual").to_owned()
    };
    let asked: Vec<String> = fake.received().iter().map(|it| tier(&it.body)).collect();
    let spent = ledger.spent().microusd;
    want.assert_eq(&format!(
        "{}: {told}, {spent} microdollars",
        asked.join(", ")
    ));
}

#[tokio::test]
async fn the_cheaper_service_is_asked_first_and_what_answers_is_billed() {
    let cheaper = |it| vec![answer(it, "flex")];
    check(
        Interface::Responses,
        cheaper(Interface::Responses),
        expect!["flex: fine, 2000000 microdollars"],
    )
    .await;
    check(
        Interface::Gemini,
        cheaper(Interface::Gemini),
        expect!["flex: fine, 375000 microdollars"],
    )
    .await;
}

#[tokio::test]
async fn where_it_has_no_room_the_usual_one_answers_at_once() {
    let usual = |it| answer(it, "default");
    check(
        Interface::Responses,
        vec![Answer::status(429), usual(Interface::Responses)],
        expect!["flex, usual: fine, 4000000 microdollars"],
    )
    .await;
    check(
        Interface::Gemini,
        vec![Answer::status(503), usual(Interface::Gemini)],
        expect!["flex, usual: fine, 750000 microdollars"],
    )
    .await;
}

#[tokio::test]
async fn what_the_usual_one_would_not_mend_ends_as_always() {
    check(Interface::Gemini, vec![Answer::status(401)], expect!["flex: get an answer from Gemini: it refused with status 401: a fault of the fake (check GOOGLE_API_KEY or GEMINI_API_KEY), 0 microdollars"]).await;
}
