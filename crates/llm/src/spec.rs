//! How people name a model: `openai:gpt-6.1-sol`, a bare name, or `none`.

use std::fmt;

use protocol::ModelId;

use crate::catalog::Catalog;
use crate::error::LlmError;

/// Which model fills a role, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSpec {
    /// The role is left out.
    Unfilled,
    /// This model.
    Model(ModelId),
}

impl ModelSpec {
    /// Reads `vendor:name`, a bare name that a known prefix gives away, or `none`.
    ///
    /// What follows the first colon is the vendor's own name for the model and may have colons itself, as in
    /// `openai:qwen3:8b`.
    pub fn parse(given: &str) -> Result<ModelSpec, LlmError> {
        let catalog = Catalog::bundled();
        let written = given.trim();
        if written.eq_ignore_ascii_case("none") {
            return Ok(ModelSpec::Unfilled);
        }
        let named = match written.split_once(':') {
            Some((vendor, model)) => catalog
                .vendor(&vendor.trim().to_ascii_lowercase())
                .map(|(vendor, _)| (vendor, model.trim())),
            None => catalog.vendor_of_model(written).map(|it| (it, written)),
        };
        match named {
            Some((vendor, model)) if is_model_name(model) => {
                Ok(ModelSpec::Model(ModelId::new(vendor, model)))
            }
            _ => Err(LlmError::UnknownModel {
                given: given.to_owned(),
                vendors: catalog
                    .vendors()
                    .map(|(name, _)| name)
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    /// The model, unless the role is left out.
    pub fn model(&self) -> Option<&ModelId> {
        match self {
            ModelSpec::Unfilled => None,
            ModelSpec::Model(model) => Some(model),
        }
    }
}

impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModelSpec::Unfilled => f.write_str("none"),
            ModelSpec::Model(model) => model.fmt(f),
        }
    }
}

/// Whether a name can stand in a request and, for Gemini, in a path. `::` is a namespace to the client library.
fn is_model_name(name: &str) -> bool {
    let harmless = |it: char| it.is_ascii_alphanumeric() || "._-:/@+".contains(it);
    !name.is_empty() && name.chars().all(harmless) && !name.contains("::") && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, want: &str) {
        let got = match ModelSpec::parse(given) {
            Ok(spec) => spec.to_string(),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(got, want);
    }

    #[test]
    fn vendor_and_name() {
        check("openai:gpt-6.1-sol", "openai:gpt-6.1-sol");
        check(" Claude:claude-sonnet-5-5 ", "anthropic:claude-sonnet-5-5");
        check("google:gemini-3.8-flash", "gemini:gemini-3.8-flash");
        check("openai:qwen3:8b", "openai:qwen3:8b");
        check("openai:meta-llama/Llama-4", "openai:meta-llama/Llama-4");
    }

    #[test]
    fn a_bare_name_is_recognised_by_its_beginning() {
        check("gpt-6.1-sol", "openai:gpt-6.1-sol");
        check("claude-opus-5", "anthropic:claude-opus-5");
        check("gemini-3.8-flash", "gemini:gemini-3.8-flash");
        check("none", "none");
    }

    #[test]
    fn anything_else_is_refused() {
        let refused = |given: &str| {
            check(
                given,
                &format!(
                    "error: find the model `{given}` (write `vendor:name`, with a vendor of anthropic, gemini, openai, or `none`)"
                ),
            );
        };
        for given in [
            "",
            "llama",
            "mistral:large",
            "openai:",
            ":x",
            "gemini:../x",
            "openai:a b",
            "openai:a::b",
        ] {
            refused(given);
        }
    }
}
