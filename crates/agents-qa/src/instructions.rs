//! All that a reviewer is told besides the change in hand.

use prompts::{ReviewChange, ReviewRepair, ReviewSystem};

use crate::schema;

/// The prompts around a change, and the form of the answer. Reviewers that were told the same can be compared.
pub fn instructions() -> String {
    let frame = |amendments| {
        ReviewChange {
            task: "",
            amendments,
            tests: "",
            change: "",
        }
        .render()
    };
    let repair = |cut_off, unreadable| {
        ReviewRepair {
            cut_off,
            unreadable,
        }
        .render()
    };
    [
        ReviewSystem.render(),
        frame(""),
        frame("changed"),
        repair(false, None),
        repair(true, None),
        repair(false, Some("unreadable")),
        schema::review().schema.to_string(),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_and_the_form_are_in_it() {
        let all = instructions();
        for part in [
            "You review a change",
            "What was asked:",
            "after a dispute, without seeing the change",
            "can't be read as the JSON object",
            "was cut off",
            "no blocking finding can be checked",
            "\"additionalProperties\":false",
        ] {
            assert!(all.contains(part), "{part}");
        }
    }
}
