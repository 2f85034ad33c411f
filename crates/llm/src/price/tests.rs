//! Prices to the millionth of a dollar, at the edges of tiers, on both sides of a day, and never above their bound.

use proptest::prelude::*;
use protocol::{ModelId, TokenUsage};

use super::*;
use crate::catalog::Catalog;
use crate::day::Day;
use crate::prices::Prices;

fn usage(
    input_tokens: u64,
    cached_tokens: u64,
    cache_write_tokens: u64,
    cache_write_hour_tokens: u64,
    output_tokens: u64,
) -> TokenUsage {
    TokenUsage {
        input_tokens,
        cached_tokens,
        cache_write_tokens,
        cache_write_hour_tokens,
        output_tokens,
    }
}

fn bundled(model: &str, day: &str) -> Price {
    let (vendor, name) = model.split_once(':').unwrap();
    let day = day.parse().unwrap();
    let price = Prices::bundled().of(&ModelId::new(vendor, name), day);
    price.expect(model)
}

#[test]
fn each_class_has_its_price_and_the_sum_is_rounded_up() {
    let price = Price::flat(Rates {
        input_microusd_per_million: 3_000_000,
        cached_microusd_per_million: 300_000,
        cache_write_microusd_per_million: 3_750_000,
        cache_write_hour_microusd_per_million: 6_000_000,
        output_microusd_per_million: 15_000_000,
    });
    let check = |used: TokenUsage, want| {
        assert_eq!(price.of(&used, Service::Standard), want, "{used:?}");
        // It has no cheaper service, so whatever answered is billed the same.
        assert_eq!(price.of(&used, Service::Flex), want, "{used:?}");
    };
    check(usage(0, 0, 0, 0, 0), 0);
    check(usage(1_000_000, 0, 0, 0, 0), 3_000_000);
    check(usage(0, 1, 0, 0, 0), 1);
    check(usage(10, 90, 7, 3, 12), 30 + 27 + 27 + 18 + 180);
    check(usage(u64::MAX, u64::MAX, 0, 0, u64::MAX), u64::MAX);
    // The dearest class of input is the one kept for an hour.
    assert_eq!(price.at_most(4, 2, Service::Standard), 24 + 30);
}

/// A request of this model at the edge of its tier: one token below, at it and above it.
#[track_caller]
fn edge(model: &str, service: Service, edge: u64, want: [u64; 3]) {
    let price = bundled(model, "2026-11-29");
    let got = [edge - 1, edge, edge + 1].map(|input| {
        // The length of a request is all its input, read from the cache or not.
        let used = usage(input - 90_000, 80_000, 10_000, 0, 1_000);
        price.of(&used, service)
    });
    assert_eq!(got, want, "{model}");
}

#[test]
fn a_request_longer_than_a_tiers_edge_is_priced_by_the_tier_as_a_whole() {
    // 2, 0.1, 2.5 and 10 dollars a million; above 272,000 tokens 4, 0.2, 5 and 15.
    let below = (272_000 - 90_000) * 2 + 80_000 / 10 + 25_000 + 10_000;
    let above = (272_001 - 90_000) * 4 + 80_000 / 5 + 50_000 + 15_000;
    edge(
        "openai:gpt-6.1-sol",
        Service::Standard,
        272_000,
        [below - 2, below, above],
    );
    edge(
        "openai:gpt-6.1-sol",
        Service::Flex,
        272_000,
        [(below - 2) / 2, below / 2, above / 2],
    );
    // 0.1, 0.01, 0.125 and 0.5 dollars a million; above 100,000 tokens five times as much.
    let below = 10_000 / 10 + 80_000 / 100 + 1_250 + 500;
    let above = 5 * below + 1;
    edge(
        "anthropic:claude-haiku-5-5",
        Service::Standard,
        100_000,
        [below, below, above],
    );
    // A model without tiers.
    let flat = 110_000 * 2 + 80_000 / 10 + 25_000 + 10_000;
    edge(
        "anthropic:claude-sonnet-5-5",
        Service::Standard,
        200_000,
        [flat - 2, flat, flat + 2],
    );
}

#[test]
fn a_price_that_changes_on_a_day_is_the_new_one_from_that_day_on() {
    let used = usage(100_000, 50_000, 0, 0, 7_000);
    let check = |model: &str, day: &str, standard: u64, flex: u64| {
        let price = bundled(model, day);
        let got = (
            price.of(&used, Service::Standard),
            price.of(&used, Service::Flex),
        );
        assert_eq!(got, (standard, flex), "{model} on {day}");
    };
    // 0.75, 0.075 and 3.75 dollars a million, then twice that; half of it where one can wait.
    check(
        "gemini:gemini-3.8-flash",
        "2026-12-31",
        75_000 + 3_750 + 26_250,
        52_500,
    );
    check(
        "gemini:gemini-3.8-flash",
        "2027-01-01",
        150_000 + 7_500 + 52_500,
        105_000,
    );
    check("gemini:gemini-3.8-flash", "2029-06-30", 210_000, 105_000);
    check(
        "gemini:gemini-4-argon",
        "2026-11-30",
        200_000 + 5_000 + 70_000,
        137_500,
    );
    check("gemini:gemini-4-argon", "2026-12-01", 550_000, 275_000);
    let listed = |model: &str| Catalog::bundled().model(&ModelId::new("gemini", model));
    let next = |day: &str| {
        let listed = listed("gemini-3.8-flash").unwrap();
        listed
            .next_price(day.parse().unwrap())
            .map(|it| it.0.to_string())
    };
    assert_eq!(next("2026-12-31").as_deref(), Some("2027-01-01"));
    assert_eq!(next("2027-01-01"), None);
}

#[test]
fn a_configured_price_comes_before_the_bundled_one_and_scripts_cost_nothing() {
    let day = Day::new(2026, 11, 29).unwrap();
    let sol = ModelId::new("openai", "gpt-6.1-sol");
    let own = Price::flat(Rates {
        input_microusd_per_million: 1,
        ..Rates::default()
    });
    let prices = Prices::bundled().with(&sol, own.clone());
    assert_eq!(prices.of(&sol, day), Some(own));
    assert!(prices.is_own(&sol));
    assert_eq!(prices.of(&ModelId::new("openai", "qwen3:8b"), day), None);
    assert_eq!(
        Prices::default().of(&ModelId::new("anthropic", "claude-opus-5"), day),
        None
    );
    let scripted = Prices::default().of(&ModelId::new("scripted", "draft"), day);
    assert_eq!(
        scripted.map(|it| it.of(&usage(9, 9, 9, 9, 9), Service::Standard)),
        Some(0)
    );
}

#[test]
fn every_row_of_the_list_makes_sense() {
    let catalog = Catalog::bundled();
    let read = catalog.tables().read;
    let mut names = std::collections::BTreeSet::new();
    let mut strange = Vec::new();
    for (id, listed) in catalog.models() {
        let mut check = |holds: bool, what: &str| {
            if !holds {
                strange.push(format!("{id}: {what}"));
            }
        };
        for name in std::iter::once(&id.model).chain(&listed.also) {
            check(
                names.insert(format!("{}:{name}", id.vendor)),
                "its name is there twice",
            );
            check(
                catalog.vendor_of_model(name) == Some(&*id.vendor),
                "its name isn't known by its beginning",
            );
        }
        check(!listed.tables.is_empty(), "no table knows it");
        check(
            listed.retires.is_none_or(|it| read < it),
            "it is retired already",
        );
        check(listed.window_tokens.is_some(), "its window isn't known");
        let fits = |reply: u32| u64::from(reply) <= listed.window_tokens.unwrap_or(0);
        check(
            listed.reply_tokens_max.is_none_or(fits),
            "its longest reply is longer than its window",
        );
        check(listed.efforts.is_sorted(), "its efforts don't ascend");
        check(
            listed.efforts.is_empty() || listed.thinks == Some(true),
            "an effort without thinking",
        );
        let mut day = Some((read, listed.price(read)));
        while let Some((from, price)) = day {
            check(
                price.standard[0].above_tokens == 0,
                "its first tier isn't above nothing",
            );
            for tier in price.standard.iter().chain(&price.flex).chain(&price.batch) {
                let rates = tier.rates;
                check(0 < rates.input_microusd_per_million, "input is free");
                check(0 < rates.output_microusd_per_million, "output is free");
                check(
                    rates.cached_microusd_per_million <= rates.input_microusd_per_million,
                    "cached input is dearer than fresh input",
                );
                check(
                    rates.cache_write_microusd_per_million
                        <= rates.cache_write_hour_microusd_per_million,
                    "an hour in the cache is cheaper than some minutes",
                );
            }
            for cheaper in [&price.flex, &price.batch] {
                check(
                    cheaper.len() == price.standard.len() || cheaper.is_empty(),
                    "a cheaper service lacks a tier",
                );
                for (cheaper, standard) in cheaper.iter().zip(&price.standard) {
                    check(
                        cheaper.above_tokens == standard.above_tokens,
                        "a tier begins elsewhere",
                    );
                    check(
                        cheaper.rates.input_microusd_per_million
                            <= standard.rates.input_microusd_per_million
                            && cheaper.rates.output_microusd_per_million
                                <= standard.rates.output_microusd_per_million,
                        "a cheaper service is dearer",
                    );
                }
            }
            let next = listed.next_price(from);
            check(
                next.is_none_or(|(it, _)| from < it),
                "its days don't ascend",
            );
            day = next;
        }
    }
    assert!(strange.is_empty(), "{strange:#?}");
}

/// Rates as the list could have them, and as nobody would.
fn rates() -> impl Strategy<Value = Rates> {
    let rate = || prop_oneof![0..200_000_000_u64, Just(0), any::<u64>()];
    (rate(), rate(), rate(), rate(), rate()).prop_map(|(a, b, c, d, e)| Rates {
        input_microusd_per_million: a,
        cached_microusd_per_million: b,
        cache_write_microusd_per_million: c,
        cache_write_hour_microusd_per_million: d,
        output_microusd_per_million: e,
    })
}

/// Up to four tiers, which need not grow dearer.
fn tiers(least: usize) -> impl Strategy<Value = Vec<Tier>> {
    prop::collection::btree_map(1..500_000_u64, rates(), least..4).prop_map(|tiers| {
        let mut tiers: Vec<Tier> = tiers
            .into_iter()
            .map(|(above_tokens, rates)| Tier {
                above_tokens,
                rates,
            })
            .collect();
        if let Some(first) = tiers.first_mut() {
            first.above_tokens = 0;
        }
        tiers
    })
}

proptest! {
    #[test]
    fn no_use_within_the_bounds_costs_more_than_the_bound(
        standard in tiers(1),
        flex in tiers(0),
        parts in prop::array::uniform5(0..600_000_u64),
        (more_input, more_output) in (0..1000_u64, 0..1000_u64),
        answered_flex: bool,
    ) {
        let price = Price { standard, flex, batch: Vec::new() };
        let [a, b, c, d, output] = parts;
        let used = usage(a, b, c, d, output);
        let input_max = a + b + c + d + more_input;
        let asked_flex = price.at_most(input_max, output + more_output, Service::Flex);
        let answered = if answered_flex { Service::Flex } else { Service::Standard };
        prop_assert!(price.of(&used, answered) <= asked_flex);
        let asked_standard = price.at_most(input_max, output + more_output, Service::Standard);
        prop_assert!(price.of(&used, Service::Standard) <= asked_standard);
        prop_assert!(asked_standard <= asked_flex);
    }
}
