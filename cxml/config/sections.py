"""The sections of ``cxml.toml`` as data: every key, its default and what it means."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal


@dataclass(frozen=True)
class Within:
    """The numbers, or time spans in seconds, that a key takes: *low* to *high*, or *above* low only."""

    low: float
    high: float = math.inf
    above: bool = False

    def holds(self, value: float | timedelta) -> bool:
        """Whether *value* is one of them; no infinite one is."""
        x = value.total_seconds() if isinstance(value, timedelta) else float(value)
        return math.isfinite(x) and self.low <= x <= self.high and not (self.above and x == self.low)

    def __str__(self) -> str:
        if self.high < math.inf:
            return f"{self.low:g} to {self.high:g}"
        return f"above {self.low:g}" if self.above else f"{self.low:g} or more"


SOME = Within(0, above=True)
NONE_OR_SOME = Within(0)
SHARE = Within(0, 1)


def _key(says: str, default: Any = dataclasses.MISSING, within: Within | None = None) -> Any:
    """A key of the file, with its meaning for the reference page and what it may be."""
    metadata = {"says": says, "within": within}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Project:
    """``[project]``."""

    observation_end: datetime = _key("instant up to which the extract is complete, exclusive")
    name: str = _key("name shown in reports and used for the registered model", "cxml")
    currency: str = _key("ISO code of the one currency", "KRW")
    timezone: str = _key("zone of times that carry none, and of the days in the report", "UTC")
    languages: tuple[Literal["en", "ko"], ...] = _key("languages of the report", ("en", "ko"))


@dataclass(frozen=True, kw_only=True)
class TableSource:
    """``[tables.NAME]``."""

    source: str = _key("file or glob (CSV, Parquet) or DuckDB file, relative to cxml.toml")
    table: str = _key("table inside a DuckDB file", "")
    columns: Mapping[str, str] = _key("names of cxml = names in the source", {})
    words: Mapping[str, Mapping[str, str]] = _key(
        'words of the source = words of cxml, by column, such as { channel = { "전화" = "phone.human" } }', {}
    )
    attributes: tuple[str, ...] = _key(
        "customers only: further columns to use as attributes; empty beside a ready label: all of them", ()
    )
    constants: Mapping[str, str | int | float | bool] = _key(
        "columns of cxml that the source lacks since they are the same in every row, such as"
        ' { channel = "email" }; read as if the source held them',
        {},
    )
    ignore: tuple[str, ...] = _key("columns of the source that play no part, whatever they are called", ())
    types: Mapping[str, Literal["number", "comma", "text"]] = _key(
        "customers only: what an attribute is taken for, such as { visits = 'number' }, comma being a number with a decimal"
        " comma; others by their values",
        {},
    )
    na: tuple[str, ...] = _key("texts of the source that stand for a missing value, as it has them", ())
    decimal: Literal[".", ","] = _key("what numbers written as text have before their decimals", ".")
    delimiter: str = _key('CSV only; a tab is "\\t"', ",")
    tolerate: float = _key(
        "share of the rows that may break a rule and are set aside, for each rule and of those that give its column;"
        " one row always may where the table has ten; 0: none may",
        0.01,
        SHARE,
    )


@dataclass(frozen=True, kw_only=True)
class OwnFactor:
    """``[factors.NAME]``."""

    columns: tuple[str, ...] = _key(
        "columns of the table customers that speak of it, as their source calls them"
    )
    en: str = _key("its name in English; empty: NAME", "")
    ko: str = _key("its name in Korean; empty: NAME", "")
    kind: Literal["lever", "outcome", "context", "volume"] = _key(
        "lever: the company can change it; outcome: what service left behind, such as a score; context: who the"
        " customer is and what they buy; volume: how often they are in touch",
        "lever",
    )
    family: Literal["people", "process", "product", "price", "other"] = _key(
        "its area in the report", "other"
    )
    direction: Literal["+", "-", "±"] = _key(
        "of its numbers: + where more of it is expected to make customers leave, - where less does, ± unsure",
        "±",
    )


@dataclass(frozen=True, kw_only=True)
class PopulationRule:
    """``[population]``: who is at risk at a cutoff."""

    by: Literal["subscription", "activity", "customers"] = _key(
        "an active contract, activity within a time, or everybody in the table customers; with a ready label"
        " the default is customers",
        "activity",
    )
    within: timedelta = _key("activity: at least one row in [cutoff - within, cutoff)", timedelta(days=90))
    activity: tuple[str, ...] = _key("activity: the tables that count", ("interactions", "orders"))


Definition = Literal["subscription", "inactivity", "rhythm", "date", "label"]
"""How leaving can show."""


@dataclass(frozen=True, kw_only=True)
class Churn:
    """``[churn]``."""

    definition: Definition = _key(
        "how leaving shows; rhythm: silent for longer than usual, with the customer's own gaps as the measure;"
        " label: a column of customers says who left, and nothing says when",
        "inactivity",
    )
    lead: timedelta = _key("time to act between the cutoff and the label window", timedelta(0))
    horizon: timedelta = _key("length of the label window", timedelta(days=90))
    grace: timedelta = _key("subscription: a new contract within it is no churn", timedelta(days=30))
    activity: tuple[str, ...] = _key(
        "inactivity, rhythm: tables, or table.column of instants, whose rows in the window mean staying",
        ("interactions", "orders"),
    )
    times: float = _key(
        "rhythm: so many times the customer's median gap without activity is leaving, or the whole horizon",
        3.0,
        SOME,
    )
    column: str = _key(
        "date: the column that says when the customer left; label: customers. and the column, as its source calls"
        " it, that says who left, by default customers.churned",
        "customers.left_at",
    )
    positive: str = _key(
        "label: the value that means leaving, any other one being staying; empty: true, 1 and yes mean leaving,"
        " false, 0 and no staying",
        "",
    )
    base_rate: float = _key(
        "label: share of all customers who leave, where the table holds more or fewer leavers than that, such as 0.02 of a"
        " table that was balanced; 0: as in the table",
        0.0,
        Within(0, 0.999),
    )
    negative: tuple[str, ...] = _key(
        "label: beside positive, the values that mean staying; any other is no label; empty: there is but one other",
        (),
    )


@dataclass(frozen=True, kw_only=True)
class ValueSource:
    """``[[value.sources]]``."""

    table: str = _key("table of the money")
    column: str = _key("its column")
    share: float = _key("share that is margin", 1.0, Within(0.001, 1000))


@dataclass(frozen=True, kw_only=True)
class Value:
    """``[value]``."""

    sources: tuple[ValueSource, ...] = _key("what is added up; empty: no value model", ())
    discount_rate: float = _key(
        "a year; money at day d counts (1 + rate) ** (-d / 365)", 0.1, Within(-0.99, 100)
    )
    lifetime: timedelta = _key(
        "how far ahead expected lifetime and lifetime value look", timedelta(days=1095), SOME
    )


@dataclass(frozen=True, kw_only=True)
class Training:
    """``[training]``."""

    cutoffs: tuple[datetime, ...] = _key("cutoffs; empty: the last matured month starts", ())
    count: int = _key(
        "how many month starts the tested model trains on when no cutoffs are given: a year shows a season",
        12,
        Within(1),
    )


@dataclass(frozen=True, kw_only=True)
class Features:
    """``[features]``."""

    lookbacks: tuple[int, ...] = _key("days of the standard windows", (7, 30, 90, 180, 365))
    leave_out: tuple[str, ...] = _key("factors or columns not to build", ())
    files: tuple[str, ...] = _key("Python files with factors of your own, relative to cxml.toml", ())


ANSWERS: Mapping[str, timedelta] = {
    **dict.fromkeys(("phone", "chat", "web", "app", "portal"), timedelta(minutes=5)),
    **dict.fromkeys(("social", "sms", "email"), timedelta(hours=1)),
    "*": timedelta(hours=44),
}
"""What customers expect: 5 minutes online and on the phone (C4, C5), an hour on social media and by mail (C1,
C2); elsewhere the 44 hours that firms take on average (C3)."""


@dataclass(frozen=True, kw_only=True)
class Promises:
    """``[promises]``: what customers are promised, or may expect, where a row does not say."""

    answer: Mapping[str, timedelta] = _key(
        "time until a contact is answered, by what its channel begins with, * for all others; what is named"
        " here replaces or joins the defaults",
        ANSWERS,
        SOME,
    )
    resolution: timedelta = _key("time until an issue is resolved", timedelta(hours=44), SOME)
    delivery: timedelta = _key("time until an order is delivered", timedelta(days=5), SOME)
    refund: timedelta = _key("time until a returned order is refunded", timedelta(days=14), SOME)
    returns: timedelta = _key("time within which an order may be returned", timedelta(days=365), SOME)


@dataclass(frozen=True, kw_only=True)
class Model:
    """``[model]``."""

    seed: int = _key("seed of everything random", 0, NONE_OR_SOME)
    threads: int = _key("threads of training; 0: all", 0, NONE_OR_SOME)
    monotone: bool = _key(
        "let the churn probability move only in the direction that each feature declares", False
    )
    trials: int = _key(
        "sizes of trees to try beyond the ladder (needs the extra search); 0: none", 0, NONE_OR_SOME
    )
    minutes: float = _key(
        "time for these trials; with trials, whichever ends first; 0: no limit", 0.0, NONE_OR_SOME
    )


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """``[decisions]``."""

    contact_cost: float = _key("cost of one contact", 0.0, NONE_OR_SOME)
    offer_cost: float = _key("cost of the offer, when it is taken", 0.0, NONE_OR_SOME)
    save_rate: float = _key("share of leavers who stay when contacted", 0.1, SHARE)
    holdout: float = _key("share of customers kept out of the list to learn from", 0.1, SHARE)
    budget: float = _key(
        "money for one list: contacts, and offers expected to be taken; 0: no limit", 0.0, NONE_OR_SOME
    )
    most: int = _key("most contacts in one list; 0: no limit", 0, NONE_OR_SOME)
    stories: int = _key(
        "customers at the top of the list whose reasons are told with dates and figures", 300, NONE_OR_SOME
    )


@dataclass(frozen=True, kw_only=True)
class Report:
    """``[report]``."""

    hash_ids: bool = _key(
        "show pseudonyms for customer ids, made with the secret in the environment variable CXML_ID_KEY",
        False,
    )


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """``[tracking]``."""

    uri: str = _key("MLflow tracking URI; relative sqlite paths start at cxml.toml", "sqlite:///mlflow.db")
    experiment: str = _key("experiment; empty: the project's name", "")
    promote: Literal["better", "always", "never"] = _key(
        "when a version becomes champion: when it is better, always, or by hand only", "better"
    )
    measure: Literal["log_loss", "brier", "auc", "pr_auc", "empc"] = _key(
        "which figure of the churn model on the test cutoff decides", "log_loss"
    )


@dataclass(frozen=True, kw_only=True)
class EngineLimits:
    """``[engine]``."""

    memory: str = _key("limit of DuckDB, such as 4GB; empty: its own default", "")
    threads: int = _key("threads; 0: all", 0)
