//! Something that each role of a crew may have, by the roles' names.

use llm::Role;
use serde::{Deserialize, Serialize};

/// One value a role, where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByRole<T> {
    draft: Option<T>,
    refine: Option<T>,
    author: Option<T>,
    review: Option<T>,
}

// Not derived, because that would ask for a default of the value.
impl<T> Default for ByRole<T> {
    fn default() -> ByRole<T> {
        ByRole {
            draft: None,
            refine: None,
            author: None,
            review: None,
        }
    }
}

impl<T: Copy> ByRole<T> {
    /// The value of a role.
    pub fn of(&self, role: Role) -> Option<T> {
        match role {
            Role::Draft => self.draft,
            Role::Refine => self.refine,
            Role::Author => self.author,
            Role::Review => self.review,
        }
    }

    /// Gives a role its value.
    pub fn set(&mut self, role: Role, value: T) {
        let place = match role {
            Role::Draft => &mut self.draft,
            Role::Refine => &mut self.refine,
            Role::Author => &mut self.author,
            Role::Review => &mut self.review,
        };
        *place = Some(value);
    }
}
