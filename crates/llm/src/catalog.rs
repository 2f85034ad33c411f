//! The data file of model names: who does what by default, and what each vendor is called.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// The content of `models.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    roles: BTreeMap<String, String>,
    vendors: BTreeMap<String, VendorEntry>,
}

/// A place in the crew that a model fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The coder that writes the first draft.
    Draft,
    /// The coder that goes over it.
    Refine,
    /// The author of the acceptance tests.
    Author,
    /// The reviewer.
    Review,
}

impl Role {
    /// All of them, in the order of the walk.
    pub const ALL: [Role; 4] = [Role::Draft, Role::Refine, Role::Author, Role::Review];

    /// Its name in configuration and messages.
    pub fn name(self) -> &'static str {
        match self {
            Role::Draft => "draft",
            Role::Refine => "refine",
            Role::Author => "author",
            Role::Review => "review",
        }
    }
}

/// What is known of a vendor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorEntry {
    /// Its name for people.
    pub title: String,
    /// Other words for it.
    pub aliases: Vec<String>,
    /// Beginnings of its models' names.
    pub prefixes: Vec<String>,
    /// The variables a key is looked for in, the usual one first.
    pub keys: Vec<String>,
    /// The variable another address is looked for in.
    pub base_url_variable: String,
    /// Its own address.
    pub base_url: String,
}

impl VendorEntry {
    /// The variables of the key, for a sentence.
    pub fn key_variables(&self) -> String {
        self.keys.join(" or ")
    }
}

impl Catalog {
    /// The one that comes with the program; read when first asked for.
    pub fn bundled() -> &'static Catalog {
        static BUNDLED: OnceLock<Catalog> = OnceLock::new();
        BUNDLED.get_or_init(|| {
            toml::from_str(include_str!("../models.toml"))
                .expect("models.toml is part of the program and its form is tested")
        })
    }

    /// The default model of a role, as `vendor:name`.
    pub fn default_model(&self, role: Role) -> &str {
        &self.roles[role.name()]
    }

    /// The vendors, by the names that stand in front of the colon.
    pub fn vendors(&self) -> impl Iterator<Item = (&str, &VendorEntry)> {
        self.vendors.iter().map(|(name, it)| (name.as_str(), it))
    }

    /// A vendor by its name or one of its aliases.
    pub fn vendor(&self, name: &str) -> Option<(&str, &VendorEntry)> {
        self.vendors()
            .find(|(it, entry)| *it == name || entry.aliases.iter().any(|it| it == name))
    }

    /// The vendor of a bare model name, told by its beginning.
    pub fn vendor_of_model(&self, model: &str) -> Option<&str> {
        let is_its = |entry: &VendorEntry| entry.prefixes.iter().any(|it| model.starts_with(it));
        self.vendors()
            .find(|(_, entry)| is_its(entry))
            .map(|(name, _)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::ModelSpec;

    #[test]
    fn every_role_has_a_default_of_a_known_vendor() {
        let catalog = Catalog::bundled();
        for role in Role::ALL {
            let spec = ModelSpec::parse(catalog.default_model(role)).unwrap();
            let model = spec.model().expect("a default is a model");
            assert!(catalog.vendor(&model.vendor).is_some(), "{role:?}");
            assert_eq!(catalog.vendor_of_model(&model.model), Some(&*model.vendor));
        }
        assert_eq!(catalog.roles.len(), Role::ALL.len());
    }

    #[test]
    fn the_reviewer_is_of_another_vendor_than_the_last_coder() {
        let vendor = |role| Catalog::bundled().default_model(role).split(':').next();
        assert_ne!(vendor(Role::Review), vendor(Role::Refine));
    }

    #[test]
    fn every_address_ends_with_a_slash_so_that_paths_can_be_joined() {
        for (name, vendor) in Catalog::bundled().vendors() {
            assert!(vendor.base_url.ends_with('/'), "{name}");
            assert!(!vendor.keys.is_empty(), "{name}");
        }
    }
}
