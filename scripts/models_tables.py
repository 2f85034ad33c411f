"""Reads the two public tables of models and prices, for `scripts/models`: each becomes one shape, in dollars a million.

Both are data inside Python packages under the MIT licence: `genai-prices` (Pydantic Services Inc.) and `litellm` (Berri
AI). Nothing of the packages is run: the first table is Python source, of which only literals are read.

A table gives, for a model, `Rates`: by service (`standard`, `flex`, `batch`) and by the tokens above which a tier
begins (0 for the first), the price of each class that the table names.
"""

import ast
import datetime
import json
import re
import zipfile
from decimal import Decimal

CLASSES = ("input", "cached", "cache_write", "cache_write_hour", "output")
SERVICES = ("standard", "flex", "batch")
# The names of the vendors in models.toml, in genai-prices and in litellm.
VENDORS = {"anthropic": ("anthropic", "anthropic"), "gemini": ("google", "gemini"), "openai": ("openai", "openai")}


class Genai:
    """The table of `genai-prices`: it knows start dates and which names mean which model."""

    FIELDS = {
        "input": "input_mtok",
        "cached": "cache_read_mtok",
        "cache_write": "cache_write_mtok",
        "cache_write_hour": "cache_write_1h_mtok",
        "output": "output_mtok",
    }
    WHEN = {"flex": {"service_tier": "flex"}, "batch": {"processing": "batch"}}

    def __init__(self, wheel):
        with zipfile.ZipFile(wheel) as archive:
            tree = ast.parse(archive.read("genai_prices/data.py"))
        providers = next(
            literal(it.value) for it in tree.body if isinstance(it, ast.AnnAssign) and it.target.id == "providers"
        )
        self.models = {it["id"]: it["models"] for it in providers}

    def model(self, vendor, name):
        """The model that a name means: the first whose rule it meets."""
        models = self.models[VENDORS[vendor][0]]
        return next((it for it in models if meets(it["match"], name)), None)

    def all(self, vendor):
        return self.models[VENDORS[vendor][0]]

    def start_dates(self, model):
        """The days on which a price of this model begins."""
        conditional = as_list(model["prices"]) + model.get("price_variants", [])
        return sorted({it["constraint"]["start_date"] for it in conditional if it.get("constraint")})

    def standard(self, model, day):
        """The fields of the price on that day: the last one that has begun."""
        prices = as_list(model["prices"])
        return next((it["prices"] for it in reversed(prices) if begun(it, day)), prices[0]["prices"])

    def rates(self, model, day):
        """The rates on that day. A variant names some fields, and the first that names one counts."""
        standard = self.standard(model, day)
        rates = {"standard": self.tiers(standard)}
        for service, when in self.WHEN.items():
            variants = [it["prices"] for it in model.get("price_variants", []) if it["when"] == when and begun(it, day)]
            if variants:
                fields = dict(standard)
                for variant in reversed(variants):
                    fields.update(variant)
                rates[service] = self.tiers(fields)
        return rates

    def tiers(self, fields):
        tiers = {0: {}}
        for cls, field in self.FIELDS.items():
            price = fields.get(field)
            if isinstance(price, dict):
                tiers[0][cls] = price["base"]
                for tier in price["tiers"]:
                    tiers.setdefault(tier["start"], {})[cls] = tier["price"]
            elif price is not None:
                tiers[0][cls] = price
        # A class without a price of its own in a tier costs there what it costs below.
        for above, tier in tiers.items():
            tiers[above] = {**tiers[0], **tier}
        return tiers


class Litellm:
    """The table of `litellm`: it knows limits, efforts, days of retirement, and today's prices only."""

    FIELDS = {
        "input": "input_cost_per_token",
        "cached": "cache_read_input_token_cost",
        "cache_write": "cache_creation_input_token_cost",
        "cache_write_hour": "cache_creation_input_token_cost_above_1hr",
        "output": "output_cost_per_token",
    }
    SUFFIX = {"standard": "", "flex": "_flex", "batch": "_batches"}

    def __init__(self, wheel):
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read("litellm/model_prices_and_context_window_backup.json")
        self.rows = json.loads(text, parse_float=Decimal)

    def all(self, vendor):
        """The rows of a vendor's own service that talk, by the names in its requests."""
        of_vendor = VENDORS[vendor][1]
        rows = {}
        for key, row in self.rows.items():
            if row.get("litellm_provider") != of_vendor or row.get("mode") not in ("chat", "responses"):
                continue
            # The names of Gemini's models carry the vendor in front, and without it they are another service's.
            if vendor == "gemini" and not key.startswith("gemini/"):
                continue
            rows[key.removeprefix("gemini/")] = row
        return rows

    def rates(self, row):
        rates = {}
        for service, suffix in self.SUFFIX.items():
            tiers = {0: self.tier(row, "", suffix)}
            for field in row:
                found = re.fullmatch(rf"input_cost_per_token_above_(\d+)k_tokens{suffix}", field)
                if found:
                    tiers[int(found[1]) * 1000] = self.tier(row, f"_above_{found[1]}k_tokens", suffix)
            if tiers[0].get("input") is not None:
                rates[service] = tiers
        return rates

    def tier(self, row, above, suffix):
        prices = {cls: row.get(f"{field}{above}{suffix}") for cls, field in self.FIELDS.items()}
        # Thinking is output; where it has a price of its own, the dearer one counts for both.
        thinking = row.get(f"output_cost_per_reasoning_token{above}{suffix}")
        if thinking is not None and prices["output"] is not None:
            prices["output"] = max(prices["output"], thinking)
        return {cls: Decimal(price) * 1_000_000 for cls, price in prices.items() if price is not None}

    def efforts(self, row):
        """The levels of effort that a model takes, where the table says so."""
        if not row.get("supports_reasoning"):
            return []
        # Anthropic's level travels in `output_config`; older models have a number of tokens instead.
        if row["litellm_provider"] == "anthropic" and not row.get("supports_output_config"):
            return []
        levels = {"low": True, "medium": True, "high": True, "xhigh": False, "max": False}
        return [it for it, usual in levels.items() if row.get(f"supports_{it}_reasoning_effort", usual)]


def literal(node):
    """A literal of the table's source as plain data; a call becomes a dictionary of its arguments."""
    match node:
        case ast.Constant():
            return node.value
        case ast.List():
            return [literal(it) for it in node.elts]
        case ast.Dict():
            return {literal(key): literal(value) for key, value in zip(node.keys, node.values)}
        case ast.UnaryOp(op=ast.USub()):
            return -literal(node.operand)
        case ast.Attribute() | ast.Name():
            return ast.unparse(node)
        case ast.Call():
            name = ast.unparse(node.func)
            arguments = [literal(it) for it in node.args]
            if name == "Decimal":
                return Decimal(arguments[0])
            if name == "datetime.date":
                return datetime.date(*arguments)
            return {"is": name, **{it.arg: literal(it.value) for it in node.keywords}}
    raise SystemExit(f"could not read the table: `{ast.unparse(node)[:80]}` is no literal")


def as_list(prices):
    return prices if isinstance(prices, list) else [{"prices": prices}]


def begun(conditional, day):
    """Whether a price has begun; one that depends on the time of day never has, because we know no such vendor."""
    constraint = conditional.get("constraint")
    return constraint is None or ("start_date" in constraint and constraint["start_date"] <= day)


def meets(clause, name):
    """Whether a model's name meets a rule of the table."""
    match clause["is"]:
        case "ClauseOr":
            return any(meets(it, name) for it in clause["or_"])
        case "ClauseAnd":
            return all(meets(it, name) for it in clause["and_"])
        case "ClauseEquals":
            return name == clause["equals"]
        case "ClauseStartsWith":
            return name.startswith(clause["starts_with"])
        case "ClauseEndsWith":
            return name.endswith(clause["ends_with"])
        case "ClauseContains":
            return clause["contains"] in name
        case "ClauseRegex":
            return re.search(clause["regex"], name) is not None
    raise SystemExit(f"could not read the table: {clause['is']} is no rule that we know")
