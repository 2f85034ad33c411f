//! What the user sees before the first paid request: who works, what each costs, and the cap.

use llm::{Catalog, Day, Price, Prices, Rates, Role, Service, Spent, Tier, typical_cost};
use protocol::{Effort, ModelId};
use runs::Settings;
use serde::Serialize;

use crate::surroundings::Surroundings;
use crate::words;

/// Where the values stand behind the labels.
const INDENT: usize = 12;
/// Where a model stands behind its role.
const MODEL_AT: usize = INDENT + 8;

/// Who works on a run, and what it may cost.
#[derive(Debug, Serialize)]
pub(crate) struct Briefing {
    /// The day of the prices.
    day: Day,
    crew: Vec<SeatPrice>,
    /// What a typical task costs with this crew: an estimate.
    typical_microusd: Option<u64>,
    money_microusd_max: Option<u64>,
    tokens_max: Option<u64>,
    spent_microusd: u64,
    spent_tokens: u64,
    notes: Vec<String>,
}

/// A role, who fills it, and what that costs.
#[derive(Debug, Serialize)]
pub(crate) struct SeatPrice {
    pub(crate) role: &'static str,
    #[serde(serialize_with = "as_text")]
    pub(crate) model: ModelId,
    pub(crate) effort: Option<Effort>,
    /// Which service is asked for.
    pub(crate) service: Service,
    /// None when nobody knows it.
    pub(crate) price: Option<Price>,
    /// What the role costs in a typical task: an estimate.
    pub(crate) typical_microusd: Option<u64>,
}

fn as_text<S: serde::Serializer>(id: &ModelId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// The seats of a crew on a day.
pub(crate) fn seat_prices<'a>(
    seats: impl Iterator<Item = (Role, &'a ModelId)>,
    effort: impl Fn(Role) -> Option<Effort>,
    flex: bool,
    prices: &Prices,
    day: Day,
) -> Vec<SeatPrice> {
    seats
        .map(|(role, model)| {
            let price = prices.of(model, day);
            let has_flex = price.as_ref().is_some_and(|it| !it.flex().is_empty());
            let service = match flex && has_flex {
                true => Service::Flex,
                false => Service::Standard,
            };
            SeatPrice {
                role: role.name(),
                model: model.clone(),
                effort: effort(role),
                service,
                typical_microusd: price.as_ref().map(|it| typical_cost(role, it, service)),
                price,
            }
        })
        .collect()
}

/// What a typical task costs with these seats, if the price of each is known.
pub(crate) fn typical(seats: &[SeatPrice]) -> Option<u64> {
    seats.iter().map(|it| it.typical_microusd).sum()
}

impl Briefing {
    /// What holds for these settings on that day, with what the run has spent already.
    pub(crate) fn of(
        settings: &Settings,
        prices: &Prices,
        surroundings: &Surroundings,
        spent: Spent,
    ) -> Briefing {
        let day = surroundings.today;
        let effort = |role| settings.efforts.of(role);
        let crew = seat_prices(settings.seats(), effort, settings.flex, prices, day);
        let elsewhere = |variable: &str| surroundings.variable(variable).is_some();
        let fallbacks = settings
            .fallbacks
            .iter()
            .map(|(role, model)| (*role, model));
        let fallbacks = seat_prices(fallbacks, |_| None, settings.flex, prices, day);
        let mut notes = notes(&crew, settings.flex, prices, day, elsewhere);
        notes.extend(fallbacks.iter().map(SeatPrice::as_fallback));
        Briefing {
            day,
            typical_microusd: typical(&crew),
            money_microusd_max: settings.money_microusd_max,
            tokens_max: settings.tokens_max,
            spent_microusd: spent.microusd,
            spent_tokens: spent.tokens,
            notes,
            crew,
        }
    }

    /// The same, of something that is no task.
    pub(crate) fn without_a_typical_task(self) -> Briefing {
        Briefing {
            typical_microusd: None,
            ..self
        }
    }

    /// The lines for a person, none longer than this unless a word is.
    pub(crate) fn lines(&self, width: usize) -> Vec<String> {
        let names: Vec<String> = self.crew.iter().map(SeatPrice::name).collect();
        let name_chars = names.iter().map(|it| it.chars().count()).max().unwrap_or(0);
        let rates: Vec<String> = self.crew.iter().map(SeatPrice::rates).collect();
        let rate_chars = rates.iter().map(|it| it.chars().count()).max().unwrap_or(0);
        let is_wide = MODEL_AT + name_chars + 2 + rate_chars <= width;
        let mut lines = Vec::new();
        for ((seat, name), rates) in self.crew.iter().zip(names).zip(rates) {
            let label = if lines.is_empty() { "crew" } else { "" };
            let head = format!("{label:<INDENT$}{:<8}", seat.role);
            if is_wide {
                lines.push(format!("{head}{name:<name_chars$}  {rates}"));
            } else {
                lines.push(format!("{head}{name}"));
                lines.extend(words::wrapped(
                    &" ".repeat(MODEL_AT),
                    MODEL_AT,
                    &rates,
                    width,
                ));
            }
        }
        let typical = match self.typical_microusd {
            Some(0) | None => String::new(),
            Some(cost) => format!(
                "; a typical task costs about {}, by an estimate",
                cents(cost)
            ),
        };
        let day = self.day;
        let mut labelled = |label: &str, text: &str| {
            let label = format!("{label:<INDENT$}");
            lines.extend(words::wrapped(&label, INDENT, text, width));
        };
        labelled(
            "",
            &format!("US dollars per million tokens on {day}{typical}"),
        );
        for note in &self.notes {
            labelled("note", note);
        }
        labelled("cap", &self.cap());
        lines
    }

    /// What was spent before, and the most that may be spent in all, in millionths of a dollar.
    pub(crate) fn spent_and_cap(&self) -> (u64, Option<u64>) {
        (self.spent_microusd, self.money_microusd_max)
    }

    /// Why to ask before a run that may cost more than this; nothing where it can't, or where nobody knows.
    pub(crate) fn reason_to_ask(&self, above_microusd: u64) -> Option<String> {
        let (what, sum) = match (self.money_microusd_max, self.typical_microusd) {
            (Some(cap), _) => (
                "This run may cost up to",
                cap.saturating_sub(self.spent_microusd),
            ),
            (None, Some(typical)) => ("There is no cap, and a typical task costs about", typical),
            (None, None) => return None,
        };
        (above_microusd < sum).then(|| format!("{what} {}.", cents(sum)))
    }

    /// The caps in words, with what of them is used up.
    fn cap(&self) -> String {
        let spent = |amount: u64, words: String| match amount {
            0 => String::new(),
            _ => format!(", {words} of it spent"),
        };
        let money = self.money_microusd_max.map(|it| {
            let used = spent(self.spent_microusd, cents(self.spent_microusd));
            cents(it) + &used
        });
        let tokens = self.tokens_max.map(|it| {
            let used = spent(self.spent_tokens, words::tokens(self.spent_tokens));
            words::tokens(it) + &used
        });
        match (money, tokens) {
            (Some(money), Some(tokens)) => format!("{money}; {tokens}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => "none; --budget 2.00 would set one".to_owned(),
        }
    }
}

impl SeatPrice {
    /// The model with what differs from the way it is usually asked.
    fn name(&self) -> String {
        let mut name = words::visible(&self.model.to_string());
        if let Some(effort) = self.effort {
            name += &format!(", {effort}");
        }
        if self.service == Service::Flex {
            name += ", flex";
        }
        name
    }

    fn as_fallback(&self) -> String {
        format!(
            "{} stands in for {} while its vendor is down: {}",
            self.name(),
            self.role,
            self.rates()
        )
    }

    fn rates(&self) -> String {
        let Some(price) = &self.price else {
            return "its price isn't known".to_owned();
        };
        match self.service {
            Service::Flex => rates_of(price.flex()),
            Service::Standard => rates_of(price.standard()),
        }
    }
}

/// What somebody should know who pays for this crew.
fn notes(
    crew: &[SeatPrice],
    flex: bool,
    prices: &Prices,
    day: Day,
    is_elsewhere: impl Fn(&str) -> bool,
) -> Vec<String> {
    let catalog = Catalog::bundled();
    let mut elsewhere: Vec<&str> = Vec::new();
    let mut notes = Vec::new();
    let mut add = |note: String| {
        if !notes.contains(&note) {
            notes.push(note);
        }
    };
    for seat in crew {
        let model = &seat.model;
        let own_price = prices.is_own(model);
        if let Some(listed) = catalog.model(model) {
            if let Some(retires) = listed.retires {
                add(format!("{model} isn't answered any more from {retires} on"));
            }
            if let (Some((from, price)), false) = (listed.next_price(day), own_price) {
                let rates = rates_of(price.standard());
                add(format!("{model} costs {rates} from {from} on"));
            }
        }
        let Some((_, vendor)) = catalog.vendor(&model.vendor) else {
            continue;
        };
        let variable = vendor.base_url_variable.as_str();
        let is_bundled = seat.price.is_some() && !own_price;
        if is_bundled && is_elsewhere(variable) && !elsewhere.contains(&variable) {
            elsewhere.push(variable);
        }
        if flex && seat.service == Service::Standard && seat.price.is_some() {
            add(format!(
                "{model} has no flex service and is billed as usual"
            ));
        }
    }
    if !elsewhere.is_empty() {
        add(format!(
            "these are the vendors' own prices; behind {} they may be others",
            elsewhere.join(", ")
        ));
    }
    notes
}

/// The rates of a service in words.
pub(crate) fn rates_of(tiers: &[Tier]) -> String {
    let Some(first) = tiers.first() else {
        return String::new();
    };
    let Rates {
        input_microusd_per_million: input,
        cached_microusd_per_million: cached,
        output_microusd_per_million: output,
        ..
    } = first.rates;
    if first.rates == Rates::default() {
        return "nothing".to_owned();
    }
    let more = tiers.get(1).map_or_else(String::new, |it| {
        format!(", more above {}", count(it.above_tokens))
    });
    format!(
        "${} in, ${} cached, ${} out{more}",
        per_million(input),
        per_million(cached),
        per_million(output)
    )
}

/// Dollars per million tokens, to the last digit and with two at least.
pub(crate) fn per_million(microusd: u64) -> String {
    let part = format!("{:06}", microusd % 1_000_000);
    let digits = part.trim_end_matches('0').len().max(2);
    format!("{}.{}", microusd / 1_000_000, &part[..digits])
}

/// Money for people, rounded up to the cent.
pub(crate) fn cents(microusd: u64) -> String {
    let cents = microusd.div_ceil(10_000);
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// A round number of tokens, as in `272 k` or `1.05 M`.
pub(crate) fn count(tokens: u64) -> String {
    match tokens {
        0..1_000 => tokens.to_string(),
        1_000..1_000_000 => format!("{} k", tokens / 1_000),
        _ => {
            let hundredths = format!("{}.{:02}", tokens / 1_000_000, tokens % 1_000_000 / 10_000);
            let short = hundredths.trim_end_matches('0').trim_end_matches('.');
            format!("{short} M")
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn briefing(flex: bool, elsewhere: &str) -> Briefing {
        let catalog = Catalog::bundled();
        let of_crew = catalog.crew(llm::DEFAULT_CREW).unwrap();
        let model = |role| of_crew.pick(role).model();
        let coders = [model(Role::Draft), model(Role::Refine)];
        let (author, reviewer) = (model(Role::Author), model(Role::Review));
        let seats = runs::crew::roles(&coders, Some(&author), Some(&reviewer));
        let day = "2026-11-29".parse().unwrap();
        let prices = Prices::bundled();
        let effort = |role: Role| of_crew.pick(role).effort;
        let crew = seat_prices(seats, effort, flex, &prices, day);
        Briefing {
            day,
            typical_microusd: typical(&crew),
            money_microusd_max: Some(2_000_000),
            tokens_max: None,
            spent_microusd: 0,
            spent_tokens: 0,
            notes: notes(&crew, flex, &prices, day, |it| it == elsewhere),
            crew,
        }
    }

    fn check(briefing: &Briefing, width: usize, want: Expect) {
        let lines = briefing.lines(width);
        for line in &lines {
            assert!(line.chars().count() <= width, "{line}");
        }
        want.assert_eq(&(lines.join("\n") + "\n"));
    }

    #[test]
    fn who_works_what_it_costs_and_the_cap_are_told_wide_and_narrow() {
        check(
            &briefing(false, ""),
            110,
            expect![[r#"
            crew        draft   openai:gpt-6.1-sol                   $2.00 in, $0.10 cached, $10.00 out, more above 272 k
                        refine  anthropic:claude-sonnet-5-5, medium  $2.00 in, $0.10 cached, $10.00 out
                        author  anthropic:claude-sonnet-5-5, medium  $2.00 in, $0.10 cached, $10.00 out
                        review  gemini:gemini-3.8-flash              $0.75 in, $0.075 cached, $3.75 out
                        US dollars per million tokens on 2026-11-29; a typical task costs about $0.71, by an estimate
            note        gemini:gemini-3.8-flash costs $1.50 in, $0.15 cached, $7.50 out from 2027-01-01 on
            cap         $2.00
        "#]],
        );
        check(
            &briefing(false, "OPENAI_BASE_URL"),
            60,
            expect![[r#"
                crew        draft   openai:gpt-6.1-sol
                                    $2.00 in, $0.10 cached, $10.00 out, more
                                    above 272 k
                            refine  anthropic:claude-sonnet-5-5, medium
                                    $2.00 in, $0.10 cached, $10.00 out
                            author  anthropic:claude-sonnet-5-5, medium
                                    $2.00 in, $0.10 cached, $10.00 out
                            review  gemini:gemini-3.8-flash
                                    $0.75 in, $0.075 cached, $3.75 out
                            US dollars per million tokens on 2026-11-29; a
                            typical task costs about $0.71, by an estimate
                note        gemini:gemini-3.8-flash costs $1.50 in, $0.15
                            cached, $7.50 out from 2027-01-01 on
                note        these are the vendors' own prices; behind
                            OPENAI_BASE_URL they may be others
                cap         $2.00
            "#]],
        );
        check(
            &briefing(true, ""),
            110,
            expect![[r#"
            crew        draft   openai:gpt-6.1-sol, flex             $1.00 in, $0.05 cached, $5.00 out, more above 272 k
                        refine  anthropic:claude-sonnet-5-5, medium  $2.00 in, $0.10 cached, $10.00 out
                        author  anthropic:claude-sonnet-5-5, medium  $2.00 in, $0.10 cached, $10.00 out
                        review  gemini:gemini-3.8-flash, flex        $0.375 in, $0.0375 cached, $1.875 out
                        US dollars per million tokens on 2026-11-29; a typical task costs about $0.53, by an estimate
            note        anthropic:claude-sonnet-5-5 has no flex service and is billed as usual
            note        gemini:gemini-3.8-flash costs $1.50 in, $0.15 cached, $7.50 out from 2027-01-01 on
            cap         $2.00
        "#]],
        );
    }

    #[test]
    fn caps_are_told_with_what_is_spent_of_them() {
        let told = |money, tokens, spent| {
            let briefing = Briefing {
                money_microusd_max: money,
                tokens_max: tokens,
                spent_microusd: spent,
                spent_tokens: spent,
                ..briefing(false, "")
            };
            briefing.cap()
        };
        assert_eq!(told(None, None, 9), "none; --budget 2.00 would set one");
        assert_eq!(told(Some(2_000_000), None, 0), "$2.00");
        assert_eq!(
            told(Some(2_000_000), Some(500_000), 310_001),
            "$2.00, $0.32 of it spent; 500.0 k tokens, 310.0 k tokens of it spent"
        );
    }

    #[test]
    fn amounts_are_exact_and_short() {
        assert_eq!(per_million(2_000_000), "2.00");
        assert_eq!(per_million(37_500), "0.0375");
        assert_eq!(per_million(12_500_000), "12.50");
        assert_eq!(count(272_000), "272 k");
        assert_eq!(count(1_050_000), "1.05 M");
        assert_eq!(count(1_000_000), "1 M");
    }
}
