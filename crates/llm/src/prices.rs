//! What models cost: the bundled list, and what a configuration says instead.

use std::collections::BTreeMap;

use protocol::ModelId;

use crate::catalog::Catalog;
use crate::day::Day;
use crate::price::{Price, Rates};
use crate::scripted::SCRIPTED;

/// The prices that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// By `vendor:model`; they come first.
    own: BTreeMap<String, Price>,
    /// Whether the bundled list counts as well.
    bundled: bool,
}

impl Prices {
    /// Those that come with the program.
    pub fn bundled() -> Prices {
        Prices {
            own: BTreeMap::new(),
            bundled: true,
        }
    }

    /// Adds the price of a model, or puts it in the place of the bundled one, tiers and cheaper services included.
    #[must_use]
    pub fn with(mut self, model: &ModelId, price: Price) -> Prices {
        self.own.insert(model.to_string(), price);
        self
    }

    /// What a model costs on that day, if anybody knows. Scripted models cost nothing.
    pub fn of(&self, model: &ModelId, day: Day) -> Option<Price> {
        if model.vendor == SCRIPTED {
            return Some(Price::flat(Rates::default()));
        }
        let own = self.own.get(&model.to_string()).cloned();
        own.or_else(|| {
            let listed = self.bundled.then(|| Catalog::bundled().model(model));
            listed.flatten().map(|it| it.price(day).clone())
        })
    }

    /// Whether the price of a model is the user's own.
    pub fn is_own(&self, model: &ModelId) -> bool {
        self.own.contains_key(&model.to_string())
    }
}
