//! What a model costs. Prices come from configuration only: a wrong one is worse than none.

use std::collections::BTreeMap;

use protocol::{ModelId, TokenUsage};
use serde::{Deserialize, Serialize};

use crate::scripted::SCRIPTED;

/// The class of service that answered a request, and that it is billed as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// The usual one.
    #[default]
    Standard,
    /// Cheaper and slower, and answered while one waits. Not every vendor has it.
    Flex,
}

/// The price of a model by class of token, each in millionths of a US dollar per million tokens.
///
/// Three dollars per million tokens are `3_000_000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Input that was neither read from nor written to a cache.
    pub input_microusd_per_million: u64,
    /// Input read from a cache.
    pub cached_microusd_per_million: u64,
    /// Input written to a cache.
    pub cache_write_microusd_per_million: u64,
    /// Output, thinking included.
    pub output_microusd_per_million: u64,
}

impl Price {
    const NOTHING: Price = Price {
        input_microusd_per_million: 0,
        cached_microusd_per_million: 0,
        cache_write_microusd_per_million: 0,
        output_microusd_per_million: 0,
    };

    /// The price of this use in millionths of a US dollar, rounded up.
    pub fn of(&self, usage: &TokenUsage, _: Service) -> u64 {
        let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let sum = part(usage.input_tokens, self.input_microusd_per_million)
            + part(usage.cached_tokens, self.cached_microusd_per_million)
            + part(
                usage.cache_write_tokens,
                self.cache_write_microusd_per_million,
            )
            + part(usage.output_tokens, self.output_microusd_per_million);
        u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// The most this many tokens can cost, whatever class the input turns out to be.
    pub(crate) fn at_most(&self, input_tokens: u64, output_tokens: u64, service: Service) -> u64 {
        let dearest = self
            .input_microusd_per_million
            .max(self.cached_microusd_per_million)
            .max(self.cache_write_microusd_per_million);
        Price {
            input_microusd_per_million: dearest,
            ..*self
        }
        .of(
            &TokenUsage {
                input_tokens,
                output_tokens,
                ..TokenUsage::default()
            },
            service,
        )
    }
}

/// The prices that are known, by `vendor:model`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prices(pub BTreeMap<String, Price>);

impl Prices {
    /// The price of a model. Scripted models cost nothing.
    pub fn of(&self, model: &ModelId) -> Option<Price> {
        if model.vendor == SCRIPTED {
            return Some(Price::NOTHING);
        }
        self.0.get(&model.to_string()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_price_and_the_sum_is_rounded_up() {
        let price = Price {
            input_microusd_per_million: 3_000_000,
            cached_microusd_per_million: 300_000,
            cache_write_microusd_per_million: 3_750_000,
            output_microusd_per_million: 15_000_000,
        };
        let check = |input_tokens, cached_tokens, cache_write_tokens, output_tokens, want| {
            let usage = TokenUsage {
                input_tokens,
                cached_tokens,
                cache_write_tokens,
                output_tokens,
                ..TokenUsage::default()
            };
            assert_eq!(price.of(&usage, Service::Standard), want, "{usage:?}");
        };
        check(0, 0, 0, 0, 0);
        check(1_000_000, 0, 0, 0, 3_000_000);
        check(0, 1, 0, 0, 1);
        check(10, 90, 7, 12, 30 + 27 + 27 + 180);
        check(u64::MAX, u64::MAX, 0, 0, u64::MAX);
        assert_eq!(price.at_most(4, 2, Service::Standard), 15 + 30);
    }
}
