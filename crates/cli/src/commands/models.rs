//! `pipeline models`: the models with their limits and prices, the crew marked, and what a typical task costs.

use llm::{Catalog, Day, Listed, ModelSpec, Price, Prices, Tier};
use protocol::ModelId;
use serde_json::{Value, json};

use crate::args::{CrewArgs, ModelsArgs};
use crate::briefing::{SeatPrice, cents, count, per_million, seat_prices, typical};
use crate::config::Config;
use crate::crew::Chosen;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::surroundings::Surroundings;
use crate::{out, settings, words};

/// In narrower terminals the limits and the rarer prices are left out.
const WIDE_CHARS_MIN: usize = 100;

/// Shorter names leave room, so that the columns stand where they do in most lists.
const NAME_CHARS_MIN: usize = 24;

/// A model of the list, or one that the configuration has a price for.
struct Row {
    id: ModelId,
    listed: Option<&'static Listed>,
    price: Price,
    /// Whether the price is the configuration's.
    is_own: bool,
    /// What it does in the crew.
    roles: Vec<&'static str>,
}

/// A bundled crew with its prices.
struct CrewPrice {
    name: &'static str,
    seats: Vec<SeatPrice>,
}

/// All that is shown.
struct List {
    day: Day,
    rows: Vec<Row>,
    crew: Vec<SeatPrice>,
    crews: Vec<CrewPrice>,
}

pub(crate) fn models(args: &ModelsArgs) -> Result<Exit, Failure> {
    let surroundings = Surroundings::read()?;
    let config = Config::read(&surroundings)?;
    let crew = CrewArgs {
        crew: args.crew.clone(),
        ..CrewArgs::default()
    };
    let list = List::of(&Chosen::of(&crew, &config)?, &config, surroundings.today);
    if args.json {
        out::line(&list.json().to_string());
        return Ok(Exit::Done);
    }
    for line in list.lines(out::chars_max()) {
        out::line(&line);
    }
    Ok(Exit::Done)
}

/// The list as programs read it.
pub(crate) fn listed(config: &Config, surroundings: &Surroundings) -> Result<Value, Failure> {
    let chosen = Chosen::of(&CrewArgs::default(), config)?;
    Ok(List::of(&chosen, config, surroundings.today).json())
}

impl List {
    fn of(chosen: &Chosen, config: &Config, day: Day) -> List {
        let catalog = Catalog::bundled();
        let prices = settings::prices(config);
        let seats = |of: &Chosen| {
            seat_prices(
                of.seats(),
                |it| of.efforts.of(it),
                config.flex,
                &prices,
                day,
            )
        };
        let crews = catalog.crews().map(|(name, entry)| CrewPrice {
            name,
            seats: seats(&Chosen::of_entry(entry)),
        });
        List {
            day,
            rows: rows(chosen, config, &prices, day),
            crew: seats(chosen),
            crews: crews.collect(),
        }
    }

    fn json(&self) -> Value {
        let tables = Catalog::bundled().tables();
        let models = self.rows.iter().map(|row| {
            let listed = row.listed;
            json!({
                "vendor": row.id.vendor,
                "model": row.id.model,
                "also": listed.map_or(&[][..], |it| &it.also),
                "window_tokens": listed.and_then(|it| it.window_tokens),
                "reply_tokens_max": listed.and_then(|it| it.reply_tokens_max),
                "thinks": listed.and_then(|it| it.thinks),
                "efforts": listed.map_or(&[][..], |it| &it.efforts),
                "retires": listed.and_then(|it| it.retires),
                "tables": listed.map_or(&[][..], |it| &it.tables),
                "configured": row.is_own,
                "price": row.price,
                "next_price": row.next_price(self.day).map(|(from, price)| json!({"from": from, "price": price})),
                "roles": row.roles,
            })
        });
        let crews = self.crews.iter().map(
            |it| json!({"name": it.name, "crew": it.seats, "typical_microusd": typical(&it.seats)}),
        );
        json!({
            "day": self.day,
            "tables": {"genai-prices": tables.genai_prices, "litellm": tables.litellm, "read": tables.read},
            "models": models.collect::<Vec<_>>(),
            "crew": self.crew,
            "typical_microusd": typical(&self.crew),
            "crews": crews.collect::<Vec<_>>(),
        })
    }

    /// The lines for a person.
    fn lines(&self, width: usize) -> Vec<String> {
        let tables = Catalog::bundled().tables();
        let is_wide = WIDE_CHARS_MIN <= width;
        let names = self.rows.iter().map(|it| it.id.model.chars().count());
        let columns = Columns {
            chars_max: width,
            name_chars: names.max().unwrap_or(0).max(NAME_CHARS_MIN),
            is_wide,
        };
        let mut lines = words::wrapped(
            "",
            0,
            &format!(
                "US dollars per million tokens on {}, from genai-prices {} and litellm {} as read on {}. Cached is input \
                 read from a cache, write is input written to one for some minutes. A star marks the crew, and flex what --flex \
                 makes cheaper.",
                self.day, tables.genai_prices, tables.litellm, tables.read
            ),
            width,
        );
        let mut vendor = "";
        for row in &self.rows {
            if row.id.vendor != vendor {
                vendor = &row.id.vendor;
                lines.push(String::new());
                lines.push(columns.head(vendor));
            }
            lines.extend(row.lines(&columns, self.day));
        }
        lines.push(String::new());
        lines.extend(self.costs(width));
        lines
    }

    /// What a typical task costs with each crew.
    fn costs(&self, width: usize) -> Vec<String> {
        let mut lines = vec!["A typical task costs about".to_owned()];
        let mut is_named = false;
        let is_this = |it: &CrewPrice| {
            let models = |seats: &[SeatPrice]| -> Vec<ModelId> {
                seats.iter().map(|it| it.model.clone()).collect()
            };
            models(&it.seats) == models(&self.crew)
        };
        let mut one = |name: &str, seats: &[SeatPrice]| {
            let cost = typical(seats).map_or("unknown".to_owned(), cents);
            let mut models: Vec<String> = Vec::new();
            for seat in seats {
                let model = words::visible(&seat.model.model);
                if !models.contains(&model) {
                    models.push(model);
                }
            }
            let text = format!("{name}: {}", models.join(", "));
            lines.extend(words::wrapped(&format!("{cost:>9}  "), 11, &text, width));
        };
        for crew in &self.crews {
            let mark = if is_this(crew) { " (this crew)" } else { "" };
            is_named |= is_this(crew);
            one(&format!("--crew {}{mark}", crew.name), &crew.seats);
        }
        if !is_named {
            one("this crew", &self.crew);
        }
        lines.extend(words::wrapped(
            "",
            0,
            "by an estimate: one draft of 20 turns, 10 turns that refine it, 8 that write tests, one review, and whatever \
             was sent before is read from the cache.",
            width,
        ));
        lines
    }
}

/// What stands where.
struct Columns {
    chars_max: usize,
    name_chars: usize,
    is_wide: bool,
}

impl Columns {
    /// Whether notes fit behind a line.
    fn has_room(&self, line: &str, notes: &str) -> bool {
        line.chars().count() + 2 + notes.chars().count() <= self.chars_max
    }

    fn head(&self, vendor: &str) -> String {
        self.line(
            vendor,
            ["window", "reply"].map(str::to_owned),
            ["input", "cached", "write", "output"].map(str::to_owned),
        )
    }

    fn line(&self, name: &str, limits: [String; 2], rates: [String; 4]) -> String {
        let name = format!("{name:<width$}", width = self.name_chars + 2);
        let [window, reply] = limits;
        let [input, cached, write, output] = rates;
        let line = match self.is_wide {
            true => {
                format!("{name}{window:>8}{reply:>8}{input:>10}{cached:>9}{write:>9}{output:>9}")
            }
            false => format!("{name}{input:>8}{cached:>9}{output:>9}"),
        };
        line.trim_end().to_owned()
    }

    fn tier(&self, name: &str, limits: [String; 2], tier: &Tier) -> String {
        let rates = [
            tier.rates.input_microusd_per_million,
            tier.rates.cached_microusd_per_million,
            tier.rates.cache_write_microusd_per_million,
            tier.rates.output_microusd_per_million,
        ];
        self.line(name, limits, rates.map(per_million))
    }
}

impl Row {
    /// The next price of the list, unless the configuration has its own.
    fn next_price(&self, day: Day) -> Option<(Day, &'static Price)> {
        self.listed
            .filter(|_| !self.is_own)
            .and_then(|it| it.next_price(day))
    }

    fn lines(&self, columns: &Columns, day: Day) -> Vec<String> {
        let mark = if self.roles.is_empty() { ' ' } else { '*' };
        let tokens = |it: Option<u64>| it.map_or_else(String::new, count);
        let limits = [
            tokens(self.listed.and_then(|it| it.window_tokens)),
            tokens(
                self.listed
                    .and_then(|it| it.reply_tokens_max)
                    .map(u64::from),
            ),
        ];
        let none = || [String::new(), String::new()];
        let mut notes = Vec::new();
        if !self.roles.is_empty() {
            notes.push(self.roles.join(", "));
        }
        if self.is_own {
            notes.push("configured".to_owned());
        }
        if !self.price.flex().is_empty() {
            notes.push("flex".to_owned());
        }
        if let Some(retires) = self.listed.and_then(|it| it.retires) {
            notes.push(format!("retires {retires}"));
        }
        let notes = notes.join(" · ");
        let name = format!("{mark} {}", words::visible(&self.id.model));
        let mut lines = Vec::new();
        for (place, tier) in self.price.standard().iter().enumerate() {
            lines.push(match place {
                0 => columns.tier(&name, limits.clone(), tier),
                _ => columns.tier(&above(tier), none(), tier),
            });
        }
        match lines.first_mut() {
            _ if notes.is_empty() => {}
            Some(first) if columns.has_room(first, &notes) => *first = format!("{first}  {notes}"),
            _ => lines.insert(1.min(lines.len()), format!("    {notes}")),
        }
        if let Some((from, price)) = self.next_price(day) {
            for tier in price.standard() {
                let name = match tier.above_tokens {
                    0 => format!("    from {from}"),
                    _ => above(tier),
                };
                lines.push(columns.tier(&name, none(), tier));
            }
        }
        lines
    }
}

fn above(tier: &Tier) -> String {
    format!("    above {}", count(tier.above_tokens))
}

/// The list, and after it what only the configuration has a price for.
fn rows(chosen: &Chosen, config: &Config, prices: &Prices, day: Day) -> Vec<Row> {
    let catalog = Catalog::bundled();
    let row = |id: ModelId, listed: Option<&'static Listed>| {
        let is_it = |model: &ModelId| match (catalog.model(model), listed) {
            (Some(one), Some(other)) => std::ptr::eq(one, other),
            _ => *model == id,
        };
        let mut roles: Vec<&str> = Vec::new();
        for (role, _) in chosen.seats().filter(|it| is_it(it.1)) {
            if !roles.contains(&role.name()) {
                roles.push(role.name());
            }
        }
        Some(Row {
            price: prices.of(&id, day)?,
            is_own: prices.is_own(&id),
            listed,
            roles,
            id,
        })
    };
    let own = config.prices.keys().filter_map(|it| {
        let id = ModelSpec::parse(it).ok()?.model().cloned()?;
        let listed = catalog.model(&id);
        Some((id, listed))
    });
    let listed = catalog.models().map(|(id, listed)| (id, Some(listed)));
    let mut rows: Vec<Row> = listed
        .chain(own)
        .filter_map(|(id, listed)| row(id, listed))
        .collect();
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    rows.dedup_by(|one, other| one.id == other.id);
    rows
}
