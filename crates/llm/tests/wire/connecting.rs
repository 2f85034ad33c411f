//! From names, keys and addresses to models: what is chosen, and what is refused before anything is sent.

use std::sync::Arc;

use expect_test::{Expect, expect};
use llm::{Connecting, Vendors, connect};
use protocol::{ModelId, Silent};

use crate::vendors::connecting;

/// What becomes of a model when these variables are set.
#[track_caller]
fn check(model: &str, variables: &[(&str, &str)], want: Expect) {
    let vendors = Vendors::from_variables(|name| {
        let found = variables.iter().find(|(it, _)| *it == name);
        found.map(|(_, value)| (*value).to_owned())
    });
    let (vendor, name) = model.split_once(':').unwrap();
    let id = ModelId::new(vendor, name);
    let connecting = Connecting {
        role: "review".to_owned(),
        ..connecting(Arc::new(Silent))
    };
    let got = match connect(&id, &vendors, connecting) {
        Ok(model) => model.id().to_string(),
        Err(error) => format!("error: {error}"),
    };
    want.assert_eq(&got);
}

#[test]
fn a_missing_key_is_named_with_its_role_vendor_and_variable() {
    check(
        "gemini:gemini-3.8-flash",
        &[],
        expect![
            "error: connect gemini:gemini-3.8-flash for the role `review`: Gemini needs a key (set GOOGLE_API_KEY or GEMINI_API_KEY, or choose another model for this role)"
        ],
    );
    check(
        "openai:gpt-6.1-sol",
        &[("OPENAI_API_KEY", "  ")],
        expect![
            "error: connect openai:gpt-6.1-sol for the role `review`: OpenAI needs a key (set OPENAI_API_KEY, or choose another model for this role)"
        ],
    );
}

#[test]
fn keys_are_found_under_all_their_names() {
    check("gemini:g", &[("GEMINI_API_KEY", "k")], expect!["gemini:g"]);
    check("google:g", &[("GOOGLE_API_KEY", "k")], expect!["gemini:g"]);
    check(
        "openai:qwen3:8b",
        &[("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1")],
        expect!["openai:qwen3:8b"],
    );
}

#[test]
fn what_cannot_work_is_said_before_a_run_starts() {
    check(
        "openai:gpt-6",
        &[("OPENAI_API_KEY", "two\nlines")],
        expect![
            "error: use the key of OpenAI (is there a line break or a quote too many in OPENAI_API_KEY?)"
        ],
    );
    check(
        "anthropic:c",
        &[
            ("ANTHROPIC_API_KEY", "k"),
            ("ANTHROPIC_BASE_URL", "api.anthropic.com"),
        ],
        expect![
            "error: reach Anthropic at `api.anthropic.com`: it isn't an address such as https://host.example/v1 (check ANTHROPIC_BASE_URL)"
        ],
    );
    check(
        "anthropic:c",
        &[
            ("ANTHROPIC_API_KEY", "k"),
            ("ANTHROPIC_BASE_URL", "https://me:pass@proxy/v1?token=x"),
        ],
        expect![
            "error: reach Anthropic at `https://proxy/v1`: a name or password must not stand in it (check ANTHROPIC_BASE_URL)"
        ],
    );
    check(
        "anthropic:c",
        &[
            ("ANTHROPIC_API_KEY", "k"),
            ("ANTHROPIC_BASE_URL", "file:///etc"),
        ],
        expect![
            "error: reach Anthropic at `file:///etc`: it must begin with https:// or http:// and name a host (check ANTHROPIC_BASE_URL)"
        ],
    );
    check(
        "mistral:large",
        &[],
        expect![
            "error: find the model `mistral:large` (write `vendor:name`, with a vendor of anthropic, gemini, openai, or `none`)"
        ],
    );
}
