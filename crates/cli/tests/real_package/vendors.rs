//! The three vendors of one world: what each says, whose requests they got, and how far each talk came.

use std::collections::BTreeMap;

use protocol::ScriptedReply;
use testkit::Package;
use testkit::vendor::{Answer, FakeVendor, Received, Script, Speaks};

/// The key of each vendor; nothing but a request may carry it.
pub(crate) const KEYS: [(&str, &str); 3] = [
    ("OPENAI_API_KEY", "sk-openai-5d1c60b2f7"),
    ("ANTHROPIC_API_KEY", "sk-ant-83ae4f9d10"),
    ("GOOGLE_API_KEY", "AIza-2b97c3e6a4"),
];

/// The three vendors.
pub(crate) struct Vendors {
    pub(crate) openai: FakeVendor,
    pub(crate) anthropic: FakeVendor,
    pub(crate) gemini: FakeVendor,
}

/// A place in an agent's talk: the agent, and how many of its replies the request replays.
pub(crate) type Place = (&'static str, usize);

impl Vendors {
    /// Vendors whose models do their work on the package.
    pub(crate) async fn at_work(package: &Package) -> Vendors {
        let replies = |role: &str| package.replies[role].clone();
        Vendors::saying(
            Script::conversations(vec![replies("draft")]),
            Script::conversations(vec![replies("refine"), replies("author")]),
            Script::conversations(vec![replies("review")]),
        )
        .await
    }

    /// Vendors with these scripts.
    pub(crate) async fn saying(openai: Script, anthropic: Script, gemini: Script) -> Vendors {
        let start = async |speaks, key: usize, script| {
            FakeVendor::start(speaks, KEYS[key].1, script)
                .await
                .expect("a port of this machine is free")
        };
        Vendors {
            openai: start(Speaks::OpenAi, 0, openai).await,
            anthropic: start(Speaks::Anthropic, 1, anthropic).await,
            gemini: start(Speaks::Gemini, 2, gemini).await,
        }
    }

    /// The variables that point the program at them.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("OPENAI_BASE_URL", self.openai.base_url().to_owned()),
            ("ANTHROPIC_BASE_URL", self.anthropic.base_url().to_owned()),
            ("GOOGLE_GEMINI_BASE_URL", self.gemini.base_url().to_owned()),
        ];
        variables.extend(KEYS.map(|(name, key)| (name, key.to_owned())));
        variables
    }

    fn all(&self) -> [&FakeVendor; 3] {
        [&self.openai, &self.anthropic, &self.gemini]
    }

    /// Why requests were refused; a well-behaved client leaves this empty.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.all().iter().flat_map(|it| it.refused()).collect()
    }

    /// The bodies that came in, by whose they are and how far their talk had come.
    pub(crate) fn asked(&self) -> BTreeMap<Place, Vec<String>> {
        let mut asked: BTreeMap<Place, Vec<String>> = BTreeMap::new();
        let mut add = |agent, received: Received| {
            let place = (agent, received.turn);
            asked.entry(place).or_default().push(received.raw);
        };
        for received in self.openai.received() {
            add("drafter", received);
        }
        for received in self.anthropic.received() {
            let is_author = received.raw.contains("submit_tests");
            add(if is_author { "test-author" } else { "refiner" }, received);
        }
        for received in self.gemini.received() {
            add("reviewer", received);
        }
        asked
    }
}

/// Answers these first, in order, then always with the reply.
pub(crate) fn troubled(troubles: Vec<Answer>, reply: ScriptedReply) -> Script {
    let left = std::sync::Mutex::new(troubles.into_iter());
    Script::with(move |_| {
        let trouble = left.lock().expect("no answer panics").next();
        trouble.unwrap_or_else(|| Answer::Reply(reply.clone()))
    })
}
