//! Keys: in one header, sent to one host, and in no text that anybody could see.

use std::sync::Arc;

use protocol::Silent;
use testkit::vendor::{Answer, FakeVendor, Fault, Script};

use crate::vendors::{ALL, Interface, KEY, connecting, request};

#[tokio::test]
async fn a_key_travels_in_one_header_and_never_in_the_address_or_the_body() {
    let header = |interface| match interface {
        Interface::Responses | Interface::Chat => "authorization",
        Interface::Anthropic => "x-api-key",
        Interface::Gemini => "x-goog-api-key",
    };
    for interface in ALL {
        let (fake, reply) = interface.ask([Answer::text("x")], &request()).await;
        reply.unwrap();
        let received = &fake.received()[0];
        assert!(!received.path.contains(KEY) && !received.raw.contains(KEY));
        let carriers: Vec<&String> = received
            .headers
            .iter()
            .filter(|(_, value)| value.contains(KEY))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(carriers, [header(interface)]);
    }
}

#[tokio::test]
async fn no_error_repeats_the_key_even_if_the_vendor_does() {
    let echo = |status| {
        Answer::Fault(Fault::Status {
            status,
            headers: vec![("location".to_owned(), format!("/?key={KEY}"))],
            body: Some(format!(
                "{{\"error\": {{\"message\": \"your key {KEY} is wrong\"}}}}"
            )),
        })
    };
    let garbage = || {
        Answer::Fault(Fault::Body {
            kind: "text/html".to_owned(),
            text: format!("<html>{KEY}</html>"),
        })
    };
    for interface in ALL {
        for answer in [echo(401), echo(403), echo(500), echo(302), garbage()] {
            let answers = [answer.clone(), answer.clone(), answer];
            let (_fake, reply) = interface.ask(answers, &request()).await;
            let error = reply.unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(KEY), "{interface:?}: {shown}");
        }
    }
}

#[test]
fn debug_output_of_what_holds_keys_shows_none() {
    let vendors = Interface::Anthropic.vendors("https://user:secret-word@host/", KEY);
    let shown = format!("{vendors:?}");
    assert!(
        !shown.contains(KEY) && !shown.contains("secret-word"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for interface in ALL {
        let elsewhere =
            FakeVendor::start(interface.speaks(), KEY, Script::with(|_| Answer::text("x")))
                .await
                .unwrap();
        let there = elsewhere.base_url().to_owned();
        for status in [301, 302, 307, 308] {
            let answer = Answer::status_with(status, "location", &there);
            let (_fake, reply) = interface.ask([answer], &request()).await;
            let error = reply.unwrap_err().to_string();
            assert!(
                error.contains("redirects are not followed"),
                "{interface:?}: {error}"
            );
        }
        assert!(elsewhere.received().is_empty(), "{interface:?}");
    }
}

#[tokio::test]
async fn a_server_of_ones_own_may_need_no_key() {
    let script = Script::with(|_| Answer::text("Hello."));
    let fake = FakeVendor::start(Interface::Chat.speaks(), "", script)
        .await
        .unwrap();
    let mut vendors = Interface::Chat.vendors(fake.base_url(), KEY);
    vendors.keys.clear();
    let id = protocol::ModelId::new("openai", "llama-4");
    let model = llm::connect(&id, &vendors, connecting(Arc::new(Silent))).unwrap();
    assert_eq!(model.ask(&request()).await.unwrap().text, "Hello.");
    assert_eq!(fake.received()[0].header("authorization"), None);
}
