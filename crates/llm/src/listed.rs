//! One model of the list in `models.toml`: its limits, and its price on any day.

use std::fmt;
use std::str::FromStr;

use protocol::Effort;
use serde::Deserialize;

use crate::day::Day;
use crate::price::{Price, Rates, Tier};

/// What is known of a model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Other names that mean this very model.
    #[serde(default)]
    pub also: Vec<String>,
    /// The date or number that may stand behind its name and mean the same model.
    #[serde(default)]
    pub dated: Option<DatedName>,
    /// The day from which it isn't answered any more, where one is announced.
    #[serde(default)]
    pub retires: Option<Day>,
    /// Tokens of a request and its reply together.
    #[serde(default)]
    pub window_tokens: Option<u64>,
    /// Longest reply, in tokens, thinking included.
    #[serde(default)]
    pub reply_tokens_max: Option<u32>,
    /// Whether it thinks before it answers; `None` where the tables don't say.
    #[serde(default)]
    pub thinks: Option<bool>,
    /// The efforts that it takes; empty where the tables don't say.
    #[serde(default)]
    pub efforts: Vec<Effort>,
    /// The tables that know it.
    pub tables: Vec<String>,
    prices: DatedPrices,
}

impl Listed {
    /// What it costs on that day.
    pub fn price(&self, day: Day) -> &Price {
        self.prices.on(day)
    }

    /// The next price after that day, and the day on which it begins.
    pub fn next_price(&self, day: Day) -> Option<(Day, &Price)> {
        let later = self.prices.later.iter();
        later
            .map(|(from, price)| (*from, price))
            .find(|(from, _)| day < *from)
    }

    /// Whether this name, which isn't the row's own, means this model as well.
    pub(crate) fn is_also(&self, own: &str, name: &str) -> bool {
        let is_dated = |form: DatedName| {
            name.strip_prefix(own)
                .is_some_and(|rest| form.is_form_of(rest))
        };
        self.also.iter().any(|it| it == name) || self.dated.is_some_and(is_dated)
    }
}

/// How a vendor writes a date or a number behind a model's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum DatedName {
    /// As in `-20260131`.
    #[serde(rename = "YYYYMMDD")]
    Digits,
    /// As in `-2026-01-31`.
    #[serde(rename = "YYYY-MM-DD")]
    Day,
    /// As in `-001`.
    #[serde(rename = "NNN")]
    Number,
}

impl DatedName {
    /// Whether what follows a name has this form.
    fn is_form_of(self, rest: &str) -> bool {
        let example = match self {
            DatedName::Digits => "-20260131",
            DatedName::Day => "-2026-01-31",
            DatedName::Number => "-001",
        };
        let same = |(a, b): (u8, u8)| a == b || (a.is_ascii_digit() && b.is_ascii_digit());
        rest.len() == example.len() && rest.bytes().zip(example.bytes()).all(same)
    }
}

/// The price in force when the tables were read, and those that begin later, in their order.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<Row>")]
struct DatedPrices {
    first: Price,
    later: Vec<(Day, Price)>,
}

impl DatedPrices {
    fn on(&self, day: Day) -> &Price {
        let begun = self.later.iter().rev().find(|(from, _)| *from <= day);
        begun.map_or(&self.first, |(_, price)| price)
    }
}

/// One line of the list: the rates of one service, from one day, above one length.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(default)]
    from: Option<Day>,
    #[serde(default)]
    service: RowService,
    #[serde(default)]
    above_tokens: u64,
    input: Dollars,
    #[serde(default)]
    cached: Option<Dollars>,
    #[serde(default)]
    cache_write: Option<Dollars>,
    #[serde(default)]
    cache_write_hour: Option<Dollars>,
    output: Dollars,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RowService {
    #[default]
    Standard,
    Flex,
    Batch,
}

impl Row {
    /// A class without a price of its own costs what the next plainer one does.
    fn tier(&self) -> Tier {
        let or = |own: Option<Dollars>, plainer: u64| own.map_or(plainer, |it| it.0);
        let cache_write = or(self.cache_write, self.input.0);
        Tier {
            above_tokens: self.above_tokens,
            rates: Rates {
                input_microusd_per_million: self.input.0,
                cached_microusd_per_million: or(self.cached, self.input.0),
                cache_write_microusd_per_million: cache_write,
                cache_write_hour_microusd_per_million: or(self.cache_write_hour, cache_write),
                output_microusd_per_million: self.output.0,
            },
        }
    }
}

impl TryFrom<Vec<Row>> for DatedPrices {
    type Error = String;

    fn try_from(rows: Vec<Row>) -> Result<DatedPrices, String> {
        let mut days: Vec<(Option<Day>, Price)> = Vec::new();
        for row in rows {
            if days.last().is_none_or(|(from, _)| *from != row.from) {
                days.push((row.from, Price::empty()));
            }
            let Some((_, price)) = days.last_mut() else {
                continue;
            };
            let tiers = match row.service {
                RowService::Standard => &mut price.standard,
                RowService::Flex => &mut price.flex,
                RowService::Batch => &mut price.batch,
            };
            let is_next = match tiers.last() {
                None => row.above_tokens == 0,
                Some(last) => last.above_tokens < row.above_tokens,
            };
            if !is_next {
                return Err(format!("{row:?}: tiers begin at 0 and ascend"));
            }
            tiers.push(row.tier());
        }
        if days.iter().any(|(_, price)| price.standard.is_empty()) {
            return Err("a price needs rates of the usual service".to_owned());
        }
        let mut days = days.into_iter();
        let Some((None, first)) = days.next() else {
            return Err("the first price is the one in force and has no day".to_owned());
        };
        let later: Vec<(Day, Price)> = days
            .map(|(from, price)| Some((from?, price)))
            .collect::<Option<_>>()
            .ok_or("a later price needs its day")?;
        if !later.is_sorted_by(|(one, _), (next, _)| one < next) {
            return Err("the days of prices ascend".to_owned());
        }
        Ok(DatedPrices { first, later })
    }
}

/// An amount of US dollars as it is written, such as `0.075`, kept in millionths.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Dollars(u64);

impl fmt::Debug for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} µ$", self.0)
    }
}

impl FromStr for Dollars {
    type Err = String;

    fn from_str(given: &str) -> Result<Dollars, String> {
        let (whole, part) = given.split_once('.').unwrap_or((given, "0"));
        let is_number = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
        let read = || {
            if !is_number(whole) || !is_number(part) || 6 < part.len() {
                return None;
            }
            let millionths: u64 = format!("{part:0<6}").parse().ok()?;
            let whole: u64 = whole.parse().ok()?;
            whole.checked_mul(1_000_000)?.checked_add(millionths)
        };
        read()
            .map(Dollars)
            .ok_or_else(|| format!("`{given}` is no amount of dollars to the millionth"))
    }
}

impl TryFrom<String> for Dollars {
    type Error = String;

    fn try_from(given: String) -> Result<Dollars, String> {
        given.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_to_the_millionth_and_no_further() {
        let check = |given: &str, want: Result<u64, ()>| {
            assert_eq!(
                given.parse::<Dollars>().map(|it| it.0).map_err(drop),
                want,
                "{given}"
            );
        };
        check("2", Ok(2_000_000));
        check("0.0375", Ok(37_500));
        check("12.5", Ok(12_500_000));
        check("0.000001", Ok(1));
        for wrong in [
            "",
            ".5",
            "1.",
            "0.0000001",
            "-1",
            "1e3",
            "NaN",
            "99999999999999",
        ] {
            check(wrong, Err(()));
        }
    }

    #[test]
    fn a_list_that_contradicts_itself_is_refused() {
        let check = |rows: &str, want: &str| {
            let text = format!("tables = ['one']\nprices = [{rows}]");
            let error = toml::from_str::<Listed>(&text).map(drop).unwrap_err();
            assert!(error.to_string().contains(want), "{error}");
        };
        let rates = "input = '1', output = '2'";
        check("", "the first price is the one in force");
        check(
            &format!("{{ from = '2027-01-01', {rates} }}"),
            "the first price is the one in force",
        );
        check(
            &format!(
                "{{ {rates} }}, {{ from = '2027-01-01', {rates} }}, {{ from = '2026-01-01', {rates} }}"
            ),
            "the days of prices ascend",
        );
        check(
            &format!("{{ above_tokens = 1, {rates} }}"),
            "tiers begin at 0 and ascend",
        );
        check(
            &format!("{{ {rates} }}, {{ {rates} }}"),
            "tiers begin at 0 and ascend",
        );
        check(
            &format!("{{ service = 'flex', {rates} }}"),
            "needs rates of the usual service",
        );
        check(
            &format!("{{ colour = 'red', {rates} }}"),
            "unknown field `colour`",
        );
    }

    #[test]
    fn a_class_without_a_price_costs_what_the_plainer_one_does() {
        let listed: Listed = toml::from_str(
            "tables = []\nprices = [{ input = '1', cache_write = '1.25', output = '2' }]",
        )
        .unwrap();
        let day = Day::new(2026, 11, 29).unwrap();
        let rates = listed.price(day).standard()[0].rates;
        assert_eq!(rates.cached_microusd_per_million, 1_000_000);
        assert_eq!(rates.cache_write_hour_microusd_per_million, 1_250_000);
    }
}
