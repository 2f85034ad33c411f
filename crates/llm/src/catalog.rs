//! The data file of models: who does what by default, what each vendor is called, and what is known of each model.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use protocol::{Effort, ModelId};
use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::listed::Listed;

/// The content of `models.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    crews: BTreeMap<String, CrewEntry>,
    vendors: BTreeMap<String, VendorEntry>,
    tables: Tables,
    models: BTreeMap<String, Listed>,
}

/// Where the list of models comes from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tables {
    /// The version of the package `genai-prices`.
    pub genai_prices: String,
    /// The version of the package `litellm`.
    pub litellm: String,
    /// The day on which they were read.
    pub read: Day,
}

/// A set of models for all roles.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrewEntry {
    draft: Pick,
    refine: Pick,
    author: Pick,
    review: Pick,
}

/// The model of a role in a crew, and how hard it thinks there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pick {
    model: String,
    /// How hard it thinks; `None` leaves it to the vendor.
    #[serde(default)]
    pub effort: Option<Effort>,
}

impl Pick {
    /// The model.
    pub fn model(&self) -> ModelId {
        let (vendor, model) = self.model.split_once(':').unwrap_or(("", &self.model));
        ModelId::new(vendor, model)
    }
}

impl CrewEntry {
    /// Who fills a role.
    pub fn pick(&self, role: Role) -> &Pick {
        match role {
            Role::Draft => &self.draft,
            Role::Refine => &self.refine,
            Role::Author => &self.author,
            Role::Review => &self.review,
        }
    }
}

/// The crew of a run that names none.
pub const DEFAULT_CREW: &str = "default";

/// A place in the crew that a model fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// A role by its name.
    pub fn named(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|it| it.name() == name)
    }

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

    /// The crews, by their names.
    pub fn crews(&self) -> impl Iterator<Item = (&str, &CrewEntry)> {
        self.crews.iter().map(|(name, it)| (name.as_str(), it))
    }

    /// A crew by its name.
    pub fn crew(&self, name: &str) -> Option<&CrewEntry> {
        self.crews.get(name)
    }

    /// Where the list of models comes from.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The listed models, vendor by vendor.
    pub fn models(&self) -> impl Iterator<Item = (ModelId, &Listed)> {
        self.models.iter().map(|(name, listed)| {
            let (vendor, model) = name.split_once(':').unwrap_or(("", name));
            (ModelId::new(vendor, model), listed)
        })
    }

    /// What is known of a model: by its own name, by another one that means it, or by its name with a date behind.
    pub fn model(&self, id: &ModelId) -> Option<&Listed> {
        self.models.get(&id.to_string()).or_else(|| {
            let of_vendor = self.models().filter(|(it, _)| it.vendor == id.vendor);
            let mut found = of_vendor.filter(|(it, row)| row.is_also(&it.model, &id.model));
            found.next().map(|(_, listed)| listed)
        })
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
    fn every_crew_is_of_listed_models_and_efforts_that_they_take() {
        let catalog = Catalog::bundled();
        assert!(catalog.crew(DEFAULT_CREW).is_some());
        for (name, crew) in catalog.crews() {
            for role in Role::ALL {
                let pick = crew.pick(role);
                let spec = ModelSpec::parse(&pick.model).unwrap();
                assert_eq!(spec.model(), Some(&pick.model()), "{name} {role:?}");
                let bare = catalog.vendor_of_model(&pick.model().model);
                assert_eq!(bare, Some(&*pick.model().vendor));
                let listed = catalog.model(&pick.model()).expect(&pick.model);
                // Both tables know them, so that what they cost was compared.
                assert_eq!(listed.tables.len(), 2, "{}", pick.model);
                assert_eq!(listed.retires, None, "{}", pick.model);
                assert!(listed.reply_tokens_max.is_some(), "{}", pick.model);
                assert!(
                    pick.effort.is_none_or(|it| listed.efforts.contains(&it)),
                    "{}: {:?}",
                    pick.model,
                    pick.effort
                );
            }
        }
    }

    #[test]
    fn the_reviewer_is_of_another_vendor_than_the_last_coder() {
        for (name, crew) in Catalog::bundled().crews() {
            let vendor = |role| crew.pick(role).model().vendor;
            assert_ne!(vendor(Role::Review), vendor(Role::Refine), "{name}");
        }
    }

    #[test]
    fn a_name_means_a_listed_model_only_where_the_tables_say_so() {
        let catalog = Catalog::bundled();
        let check = |given: &str, want: Option<&str>| {
            let (vendor, model) = given.split_once(':').unwrap();
            let got = catalog.model(&ModelId::new(vendor, model));
            let want = want.map(|it| &catalog.models[it]);
            assert!(
                match (got, want) {
                    (Some(got), Some(want)) => std::ptr::eq(got, want),
                    (got, want) => got.is_none() && want.is_none(),
                },
                "{given}"
            );
        };
        let sonnet = Some("anthropic:claude-sonnet-5-5");
        check("anthropic:claude-sonnet-5-5", sonnet);
        check("anthropic:claude-sonnet-5-5-20261001", sonnet);
        check("anthropic:claude-sonnet-5-5-2026-10-01", None);
        check("anthropic:claude-sonnet-5-5-20261001x", None);
        check("anthropic:claude-sonnet-5-5-fast", None);
        check(
            "anthropic:claude-sonnet-5",
            Some("anthropic:claude-sonnet-5"),
        );
        check("openai:claude-sonnet-5-5", None);
        check("openai:gpt-6.1-sol-2026-09-29", Some("openai:gpt-6.1-sol"));
        check("openai:gpt-6.1-sol-20260929", None);
        check("openai:gpt-5.6", Some("openai:gpt-5.6-sol"));
        check(
            "gemini:gemini-3.8-flash-001",
            Some("gemini:gemini-3.8-flash"),
        );
        // Names that move to another model one day have no price that could be relied on.
        check("gemini:gemini-flash-latest", None);
    }

    #[test]
    fn every_address_ends_with_a_slash_so_that_paths_can_be_joined() {
        for (name, vendor) in Catalog::bundled().vendors() {
            assert!(vendor.base_url.ends_with('/'), "{name}");
            assert!(!vendor.keys.is_empty(), "{name}");
        }
    }
}
