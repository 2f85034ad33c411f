//! The JSON that a reviewer must answer with.

use protocol::OutputSchema;
use serde_json::json;

/// The schema of [`protocol::Review`]: every property required and no others, because some vendors insist.
pub(crate) fn review() -> OutputSchema {
    OutputSchema {
        name: "review".to_owned(),
        schema: json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["verdict", "summary", "findings"],
            "properties": {
                "verdict": {"type": "string", "enum": ["pass", "fail"]},
                "summary": {"type": "string", "description": "A sentence or two."},
                "findings": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["severity", "file", "line", "requirement", "message"],
                        "properties": {
                            "severity": {"type": "string", "enum": ["blocking", "minor"]},
                            "file": {
                                "type": "string",
                                "description": "Path as in the diff; empty when it is about a requirement."
                            },
                            "line": {
                                "type": "integer",
                                "description": "Line in the new file, from 1; 0 when it is about a requirement."
                            },
                            "requirement": {
                                "type": "string",
                                "description": "The task's own words that are not met, copied; empty when it is about a line."
                            },
                            "message": {"type": "string", "description": "What is wrong, and when it shows."}
                        }
                    }
                }
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Finding, Review, ReviewVerdict, Severity};

    use super::*;

    #[test]
    fn the_schema_names_exactly_the_fields_that_are_read() {
        let review_as_json = serde_json::to_value(Review {
            verdict: ReviewVerdict::Pass,
            summary: String::new(),
            findings: vec![Finding {
                severity: Severity::Minor,
                file: String::new(),
                line: 0,
                requirement: String::new(),
                message: String::new(),
            }],
        })
        .expect("a review is plain data");
        let schema = review().schema;
        let check = |schema: &serde_json::Value, value: &serde_json::Value| {
            let mut required: Vec<&str> = schema["required"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(|it| it.as_str())
                .collect();
            let mut fields: Vec<&String> = value.as_object().expect("an object").keys().collect();
            required.sort_unstable();
            fields.sort();
            assert_eq!(required, fields);
            assert_eq!(schema["additionalProperties"], false);
        };
        check(&schema, &review_as_json);
        check(
            &schema["properties"]["findings"]["items"],
            &review_as_json["findings"][0],
        );
    }
}
