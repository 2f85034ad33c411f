//! Which models fill the roles, how hard they think, and who stands in.

use expect_test::{Expect, expect};

use super::*;
use crate::args::CREWS;
use crate::args::roles::effort_of_role;

/// The crew of these flags (`name` or `role=value`) and this configuration, one seat a line.
fn check(flags: &[(&str, &str)], config: &str, want: Expect) {
    let mut args = CrewArgs::default();
    for (flag, value) in flags {
        let value = (*value).to_owned();
        match *flag {
            "crew" => args.crew = Some(value),
            "coder" => args.coders.push(value),
            "test-author" => args.test_author = Some(value),
            "reviewer" => args.reviewer = Some(value),
            "fallback" => args.fallbacks.push(fallback_of_role(&value).unwrap()),
            "effort" => args.efforts.push(effort_of_role(&value).unwrap()),
            other => panic!("{other} is no flag"),
        }
    }
    let config =
        figment::Figment::from(figment::providers::Serialized::defaults(Config::default()))
            .merge(<figment::providers::Toml as figment::providers::Format>::string(config));
    let told = match Chosen::of(&args, &config.extract().unwrap()) {
        Err(failure) => failure.to_string(),
        Ok(chosen) => {
            let seat = |(role, model): (Role, &ModelId)| {
                let effort = chosen.efforts.of(role);
                let effort = effort.map_or(String::new(), |it| format!(" {it}"));
                format!("{}={}{effort}", role.name(), model.model)
            };
            chosen.seats().map(seat).collect::<Vec<_>>().join("\n")
        }
    };
    want.assert_eq(&told);
}

#[test]
fn the_command_line_knows_the_crews_that_there_are() {
    let crews: Vec<&str> = Catalog::bundled().crews().map(|(name, _)| name).collect();
    assert_eq!(crews, CREWS);
}

#[test]
fn a_role_is_filled_by_flag_then_crew_then_configuration_then_its_crew() {
    check(
        &[],
        "",
        expect![[r#"
        draft=gpt-6.1-sol
        refine=claude-sonnet-5-5 medium
        author=claude-sonnet-5-5 medium
        review=gemini-3.8-flash"#]],
    );
    check(
        &[("crew", "cheap")],
        "",
        expect![[r#"
        draft=gpt-6-luna medium
        refine=claude-haiku-5-5 medium
        author=claude-haiku-5-5 medium
        review=gemini-3.5-flash-lite"#]],
    );
    let own = "crew = 'cheap'\ncoders = ['openai:qwen3:8b']\nreviewer = 'claude-opus-5'";
    check(
        &[],
        own,
        expect![[r#"
        draft=qwen3:8b
        author=claude-haiku-5-5 medium
        review=claude-opus-5"#]],
    );
    check(
        &[("crew", "best")],
        own,
        expect![[r#"
        draft=gpt-6-astra high
        refine=claude-opus-5-5 high
        author=claude-opus-5-5 high
        review=gemini-4-argon high"#]],
    );
    check(
        &[
            ("crew", "best"),
            ("coder", "claude-sonnet-5"),
            ("test-author", "none"),
        ],
        own,
        expect![[r#"
            draft=claude-sonnet-5
            review=gemini-4-argon high"#]],
    );
    check(
        &[],
        "crew = 'tiny'",
        expect!["could not find the crew `tiny` (there are best, cheap, default)"],
    );
}

#[test]
fn an_effort_is_the_flags_then_the_configurations_then_the_crews_for_its_own_model() {
    let own = "[effort]\nrefine = 'high'\nreview = 'low'";
    check(
        &[],
        own,
        expect![[r#"
        draft=gpt-6.1-sol
        refine=claude-sonnet-5-5 high
        author=claude-sonnet-5-5 medium
        review=gemini-3.8-flash low"#]],
    );
    check(
        &[
            ("effort", "refine=max"),
            ("effort", "draft=low"),
            ("effort", "draft=xhigh"),
        ],
        own,
        expect![[r#"
            draft=gpt-6.1-sol xhigh
            refine=claude-sonnet-5-5 max
            author=claude-sonnet-5-5 medium
            review=gemini-3.8-flash low"#]],
    );
    // What the crew says of Claude isn't said of another model.
    check(
        &[("coder", "gpt-6-sol"), ("coder", "claude-opus-5")],
        "",
        expect![[r#"
            draft=gpt-6-sol
            refine=claude-opus-5
            author=claude-sonnet-5-5 medium
            review=gemini-3.8-flash"#]],
    );
    check(
        &[("effort", "review=max")],
        "",
        expect![
            "could not let gemini:gemini-3.8-flash think with the effort `max` in the role `review`: it takes low, medium, high"
        ],
    );
    // Nobody knows what this one takes.
    check(
        &[("reviewer", "openai:qwen3:8b"), ("effort", "review=max")],
        "",
        expect![[r#"
            draft=gpt-6.1-sol
            refine=claude-sonnet-5-5 medium
            author=claude-sonnet-5-5 medium
            review=qwen3:8b max"#]],
    );
}

#[test]
fn what_is_no_effort_of_a_role_is_refused() {
    let check = |given: &str, want: Expect| {
        want.assert_eq(&effort_of_role(given).unwrap_err());
    };
    check(
        "high",
        expect!["write a role and a level, as in refine=high"],
    );
    check(
        "paint=high",
        expect!["`paint` is no role (there are draft, refine, author, review)"],
    );
    check(
        "draft=huge",
        expect!["`huge` is no effort (there are low, medium, high, xhigh, max)"],
    );
}

#[test]
fn who_stands_in_is_the_flags_then_the_configurations_and_of_another_vendor() {
    let fallbacks = |flags: &[&str], config: &str, want: Expect| {
        let mut args = CrewArgs::default();
        let flags = flags.iter().map(|it| fallback_of_role(it).unwrap());
        args.fallbacks.extend(flags);
        let config =
            figment::Figment::from(figment::providers::Serialized::defaults(Config::default()))
                .merge(<figment::providers::Toml as figment::providers::Format>::string(config));
        let told = match Chosen::of(&args, &config.extract().unwrap()) {
            Err(failure) => failure.to_string(),
            Ok(chosen) => {
                let line = |(role, model): (&Role, &ModelId)| format!("{}={model}", role.name());
                chosen
                    .fallbacks
                    .iter()
                    .map(line)
                    .collect::<Vec<_>>()
                    .join("\n")
            }
        };
        want.assert_eq(&told);
    };
    let own = "[fallback]\nreview = 'openai:gpt-4.1'\ndraft = 'gemini:gemini-3.8-flash'";
    fallbacks(
        &["review=openai:gpt-6.1-sol"],
        own,
        expect![[r#"
        draft=gemini:gemini-3.8-flash
        review=openai:gpt-6.1-sol"#]],
    );
    fallbacks(
        &["review=gemini:gemini-3.8-pro"],
        "",
        expect![
            "could not let gemini:gemini-3.8-pro stand in for gemini:gemini-3.8-flash in the role `review`: both are of one vendor, and when it is down neither answers"
        ],
    );
    fallbacks(
        &[],
        "reviewer = 'none'\n[fallback]\nreview = 'openai:gpt-4.1'",
        expect![[""]],
    );
    fallbacks(
        &[],
        "[fallback]\npaint = 'openai:gpt-4.1'",
        expect![
            "could not use `fallback.paint`: `paint` is no role (there are draft, refine, author, review)"
        ],
    );
}

#[test]
fn what_is_no_stand_in_of_a_role_is_refused() {
    let check = |given: &str, want: Expect| {
        want.assert_eq(&fallback_of_role(given).unwrap_err());
    };
    check(
        "openai:gpt-4.1",
        expect!["write a role and a model, as in review=openai:gpt-6.1-sol"],
    );
    check(
        "paint=openai:gpt-4.1",
        expect!["`paint` is no role (there are draft, refine, author, review)"],
    );
    check(
        "draft=none",
        expect!["`none` can't stand in for anybody (leave the flag out)"],
    );
    check(
        "draft=gpt",
        expect![[r#"
        could not choose the models
          because: find the model `gpt` (write `vendor:name`, with a vendor of anthropic, gemini, openai, or `none`)"#]],
    );
}
