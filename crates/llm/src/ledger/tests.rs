//! Caps that hold whatever happens to a request.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use protocol::{
    Bill, Message, ModelId, ModelReply, ModelRequest, ScriptedReply, TokenUsage, ToolCall,
};
use serde_json::json;

use super::*;
use crate::fault::{Again, Billed, Cause, Fault};
use crate::price::{Price, Rates};
use crate::scripted::ScriptedModel;
use crate::traffic::Lane;
use crate::vendor::{Answered, Attempt};

fn price() -> Price {
    Price::flat(Rates {
        input_microusd_per_million: 3_000_000,
        cached_microusd_per_million: 300_000,
        cache_write_microusd_per_million: 3_750_000,
        cache_write_hour_microusd_per_million: 3_750_000,
        output_microusd_per_million: 15_000_000,
    })
}

fn prices() -> Prices {
    Prices::default().with(&ModelId::new("openai", "gpt"), price())
}

fn today() -> Day {
    Day::new(2026, 11, 29).unwrap()
}

fn request() -> ModelRequest {
    ModelRequest {
        // With what is reckoned around it: 300 + 2 × 64 + 1024 tokens at most.
        messages: vec![Message::user("x".repeat(300))],
        reply_tokens_max: 1000,
        ..ModelRequest::default()
    }
}

fn usage(input_tokens: u64, output_tokens: u64) -> TokenUsage {
    TokenUsage {
        input_tokens,
        output_tokens,
        ..TokenUsage::default()
    }
}

fn reply() -> ScriptedReply {
    ScriptedReply {
        usage: usage(200, 500),
        ..ScriptedReply::text("Words.")
    }
}

fn model(name: &str, replies: usize) -> Arc<dyn Model> {
    let replies = (0..replies).map(|_| reply());
    Arc::new(ScriptedModel::new(ModelId::new("openai", name), replies))
}

fn tokens(tokens_max: u64) -> Budget {
    Budget {
        tokens_max: Some(tokens_max),
        microusd_max: None,
    }
}

fn money(microusd_max: u64) -> Budget {
    Budget {
        tokens_max: None,
        microusd_max: Some(microusd_max),
    }
}

/// Asks until something ends it.
async fn check(budget: Budget, spent: Spent, want: Expect) {
    let ledger = Ledger::open(budget, prices(), today(), spent);
    let model = ledger.meter(model("gpt", 3)).unwrap();
    let mut got = String::new();
    loop {
        match model.ask(&request()).await {
            Ok(reply) => got += &format!("{:?} ", reply.cost_microusd),
            Err(error) => break got += &format!("{error}"),
        }
    }
    let spent = ledger.spent();
    want.assert_eq(&format!(
        "{got}; {} tokens, {} µ$",
        spent.tokens, spent.microusd
    ));
    assert_eq!(ledger.book().reserved, Spent::default());
}

#[tokio::test]
async fn without_a_cap_everything_is_counted_and_nothing_refused() {
    check(Budget::default(), Spent::default(), expect!["Some(8100) Some(8100) Some(8100) answer request 4 of openai:gpt: its script ends after reply 3; 2100 tokens, 24300 µ$"]).await;
}

#[tokio::test]
async fn the_worst_case_must_fit_before_a_request_is_sent() {
    check(tokens(3151), Spent::default(), expect!["Some(8100) stay within the budget: the next request may need 2452 tokens and 2451 tokens is left; 700 tokens, 8100 µ$"]).await;
    check(money(28_000), Spent::default(), expect!["Some(8100) stay within the budget: the next request may need $0.021 and $0.020 is left; 700 tokens, 8100 µ$"]).await;
}

#[tokio::test]
async fn a_resumed_run_starts_from_what_it_had_spent() {
    let before = Spent {
        tokens: 4000,
        microusd: 7,
    };
    check(tokens(5000), before, expect!["stay within the budget: the next request may need 2452 tokens and 1000 tokens is left; 4000 tokens, 7 µ$"]).await;
}

#[tokio::test]
async fn parallel_requests_cannot_pass_the_cap_together() {
    /// Answers when it has been told to.
    struct Held(ModelId, tokio::sync::Semaphore);
    #[async_trait]
    impl Model for Held {
        fn id(&self) -> &ModelId {
            &self.0
        }
        async fn ask(&self, _: &ModelRequest) -> Result<ModelReply, ModelError> {
            let _told = self.1.acquire().await.unwrap();
            Ok(reply().to_reply(1))
        }
    }
    let ledger = Ledger::open(tokens(6000), prices(), today(), Spent::default());
    let held = Arc::new(Held(
        ModelId::new("openai", "gpt"),
        tokio::sync::Semaphore::new(0),
    ));
    let model = ledger.meter(held.clone()).unwrap();
    let asking: Vec<_> = (0..4)
        .map(|_| {
            let model = Arc::clone(&model);
            tokio::spawn(async move { model.ask(&request()).await.is_ok() })
        })
        .collect();
    tokio::task::yield_now().await;
    held.1.add_permits(4);
    let mut answered = 0;
    for it in asking {
        answered += usize::from(it.await.unwrap());
    }
    // Two worst cases of 2452 tokens fit into 6000, a third doesn't.
    assert_eq!(answered, 2);
    assert_eq!(ledger.spent().tokens, 1400);
}

#[tokio::test]
async fn runs_below_one_book_share_its_cap_and_keep_their_own() {
    let above = Ledger::open(tokens(6000), prices(), today(), Spent::default());
    let ask = async |below: &Arc<Ledger>| {
        let model = below.meter(model("gpt", 1)).unwrap();
        let asked = model.ask(&request()).await;
        asked.map(|_| ()).map_err(|it| it.to_string())
    };
    let own = above.child(tokens(2452), Spent::default());
    assert_eq!(ask(&own).await, Ok(()));
    expect![
        "stay within the budget: the next request may need 2452 tokens and 1752 tokens is left"
    ]
    .assert_eq(&ask(&own).await.unwrap_err());
    // What the cap above had set aside for the refused one is free again.
    assert_eq!(above.book().reserved, Spent::default());
    assert_eq!(above.spent().tokens, 700);
    let roomy = above.child(Budget::default(), Spent::default());
    for _ in 0..4 {
        assert_eq!(ask(&roomy).await, Ok(()));
    }
    assert_eq!(above.spent().tokens, 3500);
    assert_eq!(ask(&roomy).await, Ok(()));
    expect![
        "stay within the budget: the next request may need 2452 tokens and 1800 tokens is left"
    ]
    .assert_eq(&ask(&roomy).await.unwrap_err());
}

#[test]
fn money_can_only_be_capped_where_prices_are_known() {
    let meter = |name: &str, tokens_max: Option<u64>, microusd_max: Option<u64>| {
        let budget = Budget {
            tokens_max,
            microusd_max,
        };
        let ledger = Ledger::open(budget, prices(), today(), Spent::default());
        let below = ledger.child(Budget::default(), Spent::default());
        let both = [&ledger, &below].map(|it| {
            it.meter(model(name, 0))
                .map(|it| it.id().to_string())
                .map_err(|it| it.to_string())
        });
        let [here, below] = both;
        assert_eq!(here, below);
        here
    };
    assert!(meter("gpt", None, Some(1)).is_ok());
    assert!(meter("new", Some(1), Some(1)).is_ok());
    assert!(meter("new", None, None).is_ok());
    expect!["keep the budget in money with openai:new, whose price isn't known (configure its price, or give a budget in tokens)"]
        .assert_eq(&meter("new", None, Some(1)).unwrap_err());
}

/// What happens to one try.
#[derive(Clone, Debug)]
enum Fate {
    /// A reply with this share of the longest one, in percent.
    Reply(u64),
    /// An answer that can't be read, and says what it took.
    Unreadable(u64),
    /// The answer is lost after the work was done.
    Lost(u64),
    /// The request is refused.
    Refused,
    /// Whoever asked gives up.
    GivenUp(u64),
}

/// A vendor that makes a token of each byte, and knows what it bills.
struct Vendor {
    id: ModelId,
    lane: Arc<Lane>,
    fate: Mutex<Fate>,
    billed: AtomicU64,
    billed_tokens: AtomicU64,
}

impl Vendor {
    fn bill(&self, usage: &TokenUsage) {
        let cost = price().of(usage, Service::Standard);
        self.billed.fetch_add(cost, Ordering::SeqCst);
        self.billed_tokens
            .fetch_add(usage.total(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Attempt for Arc<Vendor> {
    fn id(&self) -> &ModelId {
        &self.id
    }

    fn title(&self) -> &str {
        "Vendor"
    }

    fn address(&self) -> &str {
        "https://vendor"
    }

    fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    async fn attempt(&self, request: &ModelRequest) -> Result<Answered, Fault> {
        let input: usize = request
            .messages
            .iter()
            .map(|it| match it {
                Message::User { text } | Message::ToolAnswer { text, .. } => text.len() + 8,
                Message::Assistant { reply } => {
                    let calls = reply
                        .tool_calls
                        .iter()
                        .map(|it| it.arguments.to_string().len() + 8);
                    reply.text.len() + calls.sum::<usize>() + 8
                }
            })
            .sum();
        let used = |percent: u64| {
            usage(
                input as u64 + 40,
                u64::from(request.reply_tokens_max) * percent / 100,
            )
        };
        let fate = self.fate.lock().unwrap().clone();
        match fate {
            Fate::Reply(percent) => {
                let usage = used(percent);
                self.bill(&usage);
                let text = "7".repeat(usage.output_tokens as usize);
                let call = ToolCall {
                    id: "call".into(),
                    tool: "read_file".into(),
                    arguments: json!({"path": text}),
                };
                let native = json!({"wire": "w", "vendor": "openai", "model": "gpt", "content": [{"args": text}]});
                Ok(Answered {
                    reply: ModelReply {
                        tool_calls: vec![call],
                        usage,
                        native: Some(native),
                        ..ModelReply::default()
                    },
                    service: Service::Standard,
                })
            }
            Fate::Unreadable(percent) => {
                let usage = used(percent);
                self.bill(&usage);
                Err(Fault::unreadable("no").billed(Billed::Known(usage)))
            }
            Fate::Lost(percent) => {
                self.bill(&used(percent));
                Err(Fault::new(Cause::Connection, "reset", Again::Later(None))
                    .billed(Billed::Unknown))
            }
            Fate::Refused => Err(Fault::new(Cause::Status(429), "no", Again::Later(None))),
            Fate::GivenUp(percent) => {
                self.bill(&used(percent));
                std::future::pending().await
            }
        }
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => (0..=100_u64).prop_map(Fate::Reply),
        1 => (0..=100_u64).prop_map(Fate::Unreadable),
        1 => (0..=100_u64).prop_map(Fate::Lost),
        1 => Just(Fate::Refused),
        1 => (0..=100_u64).prop_map(Fate::GivenUp),
    ]
}

/// What people and tools say: words, digits, identifiers, base64, other scripts.
fn said() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,400}",
        "[0-9 \n]{0,400}",
        "[0-9a-f-]{0,300}",
        "[A-Za-z0-9+/]{0,600}",
        "\\PC{0,100}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn what_is_billed_never_passes_a_cap_and_is_reported_whatever_happens(
        turns in prop::collection::vec((said(), fate()), 1..14),
        cap in 20_000..400_000_u64,
        in_tokens in any::<bool>(),
    ) {
        let budget = if in_tokens { tokens(cap / 6) } else { money(cap) };
        let ledger = Ledger::open(budget, prices(), today(), Spent::default());
        let vendor = Arc::new(Vendor {
            id: ModelId::new("openai", "gpt"),
            lane: Arc::default(),
            fate: Mutex::new(Fate::Refused),
            billed: AtomicU64::new(0),
            billed_tokens: AtomicU64::new(0),
        });
        let account = ledger.account(&vendor.id, Service::Standard).unwrap();
        let attempt = MeteredAttempt::new(Arc::clone(&vendor), Arc::clone(&account));
        let mut asked = ModelRequest { reply_tokens_max: 500, ..ModelRequest::default() };
        let mut reported = Spent::default();
        let mut all_known = true;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            for (text, fate) in turns {
                all_known &= !matches!(fate, Fate::Lost(_) | Fate::GivenUp(_));
                asked.messages.push(Message::user(text));
                *vendor.fate.lock().unwrap() = fate;
                let patience = std::time::Duration::from_millis(1);
                let answer = tokio::time::timeout(patience, attempt.attempt(&asked)).await;
                if let Ok(Ok(Ok(reply))) = answer {
                    reported.tokens += reply.usage.total();
                    reported.microusd += reply.cost_microusd.unwrap();
                    asked.messages.push(Message::Assistant { reply });
                    asked.messages.push(Message::ToolAnswer {
                        call_id: "call".into(), tool: "read_file".into(), text: "x = 1".into(), is_error: false,
                    });
                }
            }
        });
        for it in account.take_unanswered() {
            reported.tokens += it.usage.total();
            reported.microusd += it.cost_microusd.unwrap();
        }
        let billed = vendor.billed.load(Ordering::SeqCst);
        let billed_tokens = vendor.billed_tokens.load(Ordering::SeqCst);
        match in_tokens {
            true => prop_assert!(billed_tokens <= cap / 6, "{} of {}", billed_tokens, cap / 6),
            false => prop_assert!(billed <= cap, "{} of {}", billed, cap),
        }
        // Everything on the book stands in replies and in what was unanswered, so that a journal has it all.
        prop_assert_eq!(ledger.spent(), reported);
        prop_assert_eq!(ledger.book().reserved, Spent::default());
        if all_known {
            prop_assert_eq!(reported, Spent { tokens: billed_tokens, microusd: billed });
        } else {
            prop_assert!(billed <= reported.microusd && billed_tokens <= reported.tokens);
        }
    }
}

#[test]
fn a_request_that_was_lost_in_a_kill_is_booked_whatever_the_caps_say() {
    let ledger = Ledger::open(tokens(1), prices(), today(), Spent::default());
    let id = ModelId::new("openai", "gpt");
    let account = ledger.account(&id, Service::Standard).unwrap();
    account.book_lost(&request());
    assert_eq!(ledger.spent().tokens, 2452);
    let [lost] = &account.take_unanswered()[..] else {
        panic!("one request was lost");
    };
    assert_eq!(lost.usage.total(), 2452);
    assert_eq!(account.take_unanswered(), Vec::new());
}
