//! `dispute_test`: the model says that a test contradicts the task. Words only; the author of the tests decides.

use protocol::ToolSpec;
use serde_json::json;

use super::Call;
use crate::arguments::Arguments;
use crate::refusal::Refusal;

pub(crate) const NAME: &str = "dispute_test";

/// What a model says against a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The test, as in `tests/test_a.py::test_b`.
    pub(crate) test: String,
    /// A line of the task.
    pub(crate) quote: String,
    /// Why they contradict each other.
    pub(crate) words: String,
}

pub(crate) fn spec() -> ToolSpec {
    super::spec(
        NAME,
        "Says that a test named in the feedback contradicts the task. The author of the tests decides, without seeing \
         the change, and changes the test or lets it stand; there is one such decision in a run. Your own work goes on.",
        json!({
            "test": {
                "type": "string",
                "description": "The test as the feedback names it, as in tests/test_a.py::test_b.",
            },
            "quote": {
                "type": "string",
                "description": "The line of the task that it contradicts, word for word.",
            },
            "words": {
                "type": "string",
                "description": "What the test expects and what the task says instead; a few sentences.",
            },
        }),
        &["test", "quote", "words"],
    )
}

pub(super) fn understand(arguments: &Arguments) -> Result<Call, Refusal> {
    let text = |name| arguments.text(name).map(|it| it.trim().to_owned());
    Ok(Call::Dispute(Claim {
        test: text("test")?,
        quote: text("quote")?,
        words: text("words")?,
    }))
}
