//! What a typical task costs with a crew: an estimate for people who choose one, and never part of an account.

use protocol::TokenUsage;

use crate::catalog::Role;
use crate::price::{Price, Service};

/// How much a role asks and answers in a typical task.
///
/// An estimate: one draft that is not sent back, in a repository of some hundred files. First requests were measured on
/// a small package (1,100 to 1,500 tokens, at four bytes a token) and have a map of a larger repository added. Twenty
/// turns of a coder, and the size of what a turn adds, are round numbers of ours: a tool's answer is at most 16 KiB, and
/// most are some thousand bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypicalRole {
    /// Which role.
    pub role: Role,
    /// Requests that are answered.
    pub requests: u64,
    /// Input tokens of the first one.
    pub first_tokens: u64,
    /// Input tokens that each later one has more than the one before, the reply to that one included.
    pub added_tokens: u64,
    /// Output tokens of each reply, thinking included.
    pub reply_tokens: u64,
}

impl TypicalRole {
    /// All roles, in the order of the walk.
    pub const ALL: [TypicalRole; 4] = [
        TypicalRole {
            role: Role::Draft,
            requests: 20,
            first_tokens: 5_000,
            added_tokens: 2_500,
            reply_tokens: 800,
        },
        TypicalRole {
            role: Role::Refine,
            requests: 10,
            first_tokens: 7_000,
            added_tokens: 2_500,
            reply_tokens: 800,
        },
        TypicalRole {
            role: Role::Author,
            requests: 8,
            first_tokens: 5_000,
            added_tokens: 2_000,
            reply_tokens: 1_500,
        },
        TypicalRole {
            role: Role::Review,
            requests: 1,
            first_tokens: 8_000,
            added_tokens: 0,
            reply_tokens: 3_000,
        },
    ];

    /// The tokens of one of its requests, counted from 0: what the one before held is read from the cache, and the
    /// rest is written to it.
    fn usage(&self, request: u64) -> TokenUsage {
        let input = |request: u64| self.first_tokens + request * self.added_tokens;
        let cached = request.checked_sub(1).map_or(0, input);
        TokenUsage {
            cached_tokens: cached,
            cache_write_tokens: input(request) - cached,
            output_tokens: self.reply_tokens,
            ..TokenUsage::default()
        }
    }
}

/// What a role costs in a typical task, in millionths of a US dollar: an estimate, see [`TypicalRole`].
pub fn typical_cost(role: Role, price: &Price, service: Service) -> u64 {
    let of_role = TypicalRole::ALL.iter().filter(|it| it.role == role);
    of_role
        .flat_map(|it| (0..it.requests).map(|request| price.of(&it.usage(request), service)))
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::Rates;

    #[test]
    fn each_request_is_priced_by_itself_with_its_prefix_cached() {
        let price = Price::flat(Rates {
            input_microusd_per_million: 9_000_000,
            cached_microusd_per_million: 1_000_000,
            cache_write_microusd_per_million: 2_000_000,
            cache_write_hour_microusd_per_million: 9_000_000,
            output_microusd_per_million: 10_000_000,
        });
        assert_eq!(
            typical_cost(Role::Review, &price, Service::Standard),
            16_000 + 30_000
        );
        // Written: the last request's input. Read: what all but the last held.
        let written = 7_000 + 9 * 2_500;
        let read = 9 * 7_000 + 36 * 2_500;
        assert_eq!(
            typical_cost(Role::Refine, &price, Service::Flex),
            2 * written + read + 10 * 10 * 800
        );
    }
}
