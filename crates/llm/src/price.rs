//! What one request to a model costs, to the millionth of a dollar.

use protocol::TokenUsage;
use serde::Serialize;

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

/// The price of each class of token, in millionths of a US dollar per million tokens.
///
/// Three dollars per million tokens are `3_000_000`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rates {
    /// Input that was neither read from nor written to a cache.
    pub input_microusd_per_million: u64,
    /// Input read from a cache.
    pub cached_microusd_per_million: u64,
    /// Input written to a cache for some minutes.
    pub cache_write_microusd_per_million: u64,
    /// Input written to a cache for an hour.
    pub cache_write_hour_microusd_per_million: u64,
    /// Output, thinking included.
    pub output_microusd_per_million: u64,
}

/// Rates that hold for requests whose input is longer than a number of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tier {
    /// Input tokens, of all classes together, that a request must have more than.
    pub above_tokens: u64,
    /// What each of its tokens costs, the first ones and the reply's included.
    #[serde(flatten)]
    pub rates: Rates,
}

/// What a model costs on one day: by service, and by the length of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Price {
    /// The usual service, the shortest requests first.
    pub(crate) standard: Vec<Tier>,
    /// The cheaper one that answers while one waits; empty where there is none.
    pub(crate) flex: Vec<Tier>,
    /// Requests handed in as a batch and fetched later; empty where there is none. Nothing of ours asks so.
    pub(crate) batch: Vec<Tier>,
}

impl Price {
    /// One price for all requests, whatever their length and service.
    pub fn flat(rates: Rates) -> Price {
        Price {
            standard: vec![Tier {
                above_tokens: 0,
                rates,
            }],
            flex: Vec::new(),
            batch: Vec::new(),
        }
    }

    /// No rates yet; whoever reads a list fills it.
    pub(crate) fn empty() -> Price {
        Price {
            standard: Vec::new(),
            flex: Vec::new(),
            batch: Vec::new(),
        }
    }

    /// The tiers of the usual service, the shortest requests first; there is one at least.
    pub fn standard(&self) -> &[Tier] {
        &self.standard
    }

    /// The tiers of the cheaper service that answers while one waits; none where there is no such service.
    pub fn flex(&self) -> &[Tier] {
        &self.flex
    }

    /// The tiers of batches; none where there are no batches.
    pub fn batch(&self) -> &[Tier] {
        &self.batch
    }

    /// What a request costs that this service answered, in millionths of a US dollar, rounded up.
    ///
    /// A service without a price of its own is billed as the usual one.
    pub fn of(&self, usage: &TokenUsage, service: Service) -> u64 {
        let input = usage
            .input_tokens
            .saturating_add(usage.cached_tokens)
            .saturating_add(usage.cache_write_tokens)
            .saturating_add(usage.cache_write_hour_tokens);
        let tiers = self.tiers(service);
        // The first tier is above nothing, and holds for a request without input as well.
        let tier = tiers.iter().rev().find(|it| it.above_tokens < input);
        tier.or(tiers.first()).map_or(0, |it| it.rates.of(usage))
    }

    /// The most that a request can cost which asks for this service, in millionths of a US dollar.
    ///
    /// It holds whatever class its input turns out to be, however short it is, and whichever service answers: a
    /// vendor may answer a request for the cheaper one with the usual one.
    pub fn at_most(&self, input_tokens_max: u64, output_tokens_max: u64, service: Service) -> u64 {
        let cheaper = match service {
            Service::Standard => &[],
            Service::Flex => self.flex.as_slice(),
        };
        let possible = self.standard.iter().chain(cheaper);
        possible
            .filter(|it| it.above_tokens == 0 || it.above_tokens < input_tokens_max)
            .map(|it| it.rates.at_most(input_tokens_max, output_tokens_max))
            .max()
            .unwrap_or(0)
    }

    fn tiers(&self, service: Service) -> &[Tier] {
        match service {
            Service::Flex if !self.flex.is_empty() => &self.flex,
            _ => &self.standard,
        }
    }
}

impl Rates {
    fn of(&self, usage: &TokenUsage) -> u64 {
        let parts = [
            (usage.input_tokens, self.input_microusd_per_million),
            (usage.cached_tokens, self.cached_microusd_per_million),
            (
                usage.cache_write_tokens,
                self.cache_write_microusd_per_million,
            ),
            (
                usage.cache_write_hour_tokens,
                self.cache_write_hour_microusd_per_million,
            ),
            (usage.output_tokens, self.output_microusd_per_million),
        ];
        let sum = parts.iter().fold(0_u128, |sum, (tokens, rate)| {
            sum.saturating_add(u128::from(*tokens) * u128::from(*rate))
        });
        u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    fn at_most(&self, input_tokens: u64, output_tokens: u64) -> u64 {
        let dearest = self
            .input_microusd_per_million
            .max(self.cached_microusd_per_million)
            .max(self.cache_write_microusd_per_million)
            .max(self.cache_write_hour_microusd_per_million);
        Rates {
            input_microusd_per_million: dearest,
            ..*self
        }
        .of(&TokenUsage {
            input_tokens,
            output_tokens,
            ..TokenUsage::default()
        })
    }
}

#[cfg(test)]
mod tests;
