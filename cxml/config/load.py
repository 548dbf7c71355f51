"""Reading ``cxml.toml``: wrong keys and values are refused with what was expected, and the nearest right name."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cxml.config.sections import (
    Churn,
    Decisions,
    EngineLimits,
    Features,
    Model,
    OwnFactor,
    PopulationRule,
    Project,
    Promises,
    Report,
    TableSource,
    Tracking,
    Training,
    Value,
    ValueSource,
)
from cxml.config.time_spans import LONGEST
from cxml.config.values import plain_value, read_instant, read_section, refuse_unknown
from cxml.contracts import ALL_TABLES, CONTACTS, TABLES
from cxml.errors import ConfigError, did_you_mean


@dataclass(frozen=True, kw_only=True)
class Config:
    """A read ``cxml.toml``. ``folder`` is where it lies; relative paths start there."""

    folder: Path
    project: Project
    tables: Mapping[str, TableSource]
    population: PopulationRule = field(default_factory=PopulationRule)
    churn: Churn = field(default_factory=Churn)
    value: Value = field(default_factory=Value)
    training: Training = field(default_factory=Training)
    features: Features = field(default_factory=Features)
    factors: Mapping[str, OwnFactor] = field(default_factory=dict)
    promises: Promises = field(default_factory=Promises)
    model: Model = field(default_factory=Model)
    decisions: Decisions = field(default_factory=Decisions)
    report: Report = field(default_factory=Report)
    tracking: Tracking = field(default_factory=Tracking)
    engine: EngineLimits = field(default_factory=EngineLimits)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of times that carry none."""
        return ZoneInfo(self.project.timezone)

    def instant(self, text: str | date | datetime) -> datetime:
        """*text* as an instant in UTC; a time without a zone is in the project's zone."""
        return read_instant(text, self.zone, "cutoff")


def load_config(path: str | Path) -> Config:
    """Read a configuration file, or the ``cxml.toml`` of a folder.

    Raises
    ------
    ConfigError
        No such file, no TOML, unknown or missing key, wrong type or value: with the nearest right
        name and what was expected.
    """
    file = Path(path)
    file = file / "cxml.toml" if file.is_dir() else file
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            "there is no configuration",
            where=str(file),
            expected="a cxml.toml",
            fix="make one with 'cxml init DIR', or try 'cxml demo'",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"the configuration cannot be read ({error.strerror})",
            where=str(file),
            expected="a file that may be read",
            fix="fix its permissions",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot be read as TOML: {error}", where=str(file), fix="correct the line that is named"
        ) from error
    return parse_config(raw, folder=file.parent.resolve())


def parse_config(raw: Mapping[str, Any], folder: Path) -> Config:
    """The configuration held by *raw*, the tables of a TOML file as dictionaries."""
    sections = {f.name: f for f in dataclasses.fields(Config) if f.name != "folder"}
    refuse_unknown(raw, sections, "cxml.toml")
    if "project" not in raw:
        raise ConfigError(
            "the section [project] is missing",
            where="cxml.toml",
            expected="[project] with observation_end",
            fix='write [project] and observation_end = "2026-01-01"',
        )
    zone = _zone(raw["project"])
    hints = typing.get_type_hints(Config)
    made: dict[str, Any] = {}
    raw = _with_contacts(raw)
    for name, value in raw.items():
        if name in _NAMED:
            refuse_unknown(value, ALL_TABLES if name == "tables" else value, f"[{name}]")
            made[name] = {
                key: read_section(_NAMED[name], part, f"[{name}.{key}]", zone) for key, part in value.items()
            }
        else:
            made[name] = read_section(hints[name], value, f"[{name}]", zone)
    config = Config(folder=folder, **{"tables": {}, **made})
    if config.churn.definition == "label":
        config = _of_one_moment(config, raw)
    _coherent(config)
    return config


_NAMED: Mapping[str, type[TableSource] | type[OwnFactor]] = {"tables": TableSource, "factors": OwnFactor}
"""Sections with a part for each name, such as ``[tables.orders]``."""
_AHEAD = ("lead", "horizon", "grace", "activity", "times")
"""Keys of [churn] about what is seen after a cutoff."""


def _of_one_moment(config: Config, raw: Mapping[str, Any]) -> Config:
    """What follows from a ready label: no label window, and everybody in the table customers is at risk."""
    for key in _AHEAD:
        if key in raw["churn"]:
            raise ConfigError(
                f"{key} means nothing beside a ready label",
                where=f"[churn] {key}",
                expected="none of " + ", ".join(_AHEAD) + ": the label says who left, and not when",
                fix="take it out, or choose a definition that looks ahead of a cutoff",
            )
    column = raw["churn"].get("column", "customers.churned")
    churn = dataclasses.replace(config.churn, column=column, lead=timedelta(0), horizon=timedelta(0))
    by = raw.get("population", {}).get("by", "customers")
    return dataclasses.replace(config, churn=churn, population=dataclasses.replace(config.population, by=by))


def _with_contacts(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """*raw* with the file that ``[decisions] contacts`` names as the source of ``[tables.contacts]``, its one home."""
    decisions, tables = raw.get("decisions"), raw.get("tables", {})
    if not isinstance(decisions, Mapping) or "contacts" not in decisions or not isinstance(tables, Mapping):
        return raw
    where, file = "[decisions] contacts", plain_value(str, decisions["contacts"], "[decisions] contacts")
    rest = {key: value for key, value in decisions.items() if key != "contacts"}
    if not file:
        return {**raw, "decisions": rest}
    section = tables.get(CONTACTS.name, {})
    refuse_unknown(section, section, f"[tables.{CONTACTS.name}]")
    _need(
        "source" not in section,
        where,
        "one source of the log of contacts",
        "take it out: [tables.contacts] has one",
    )
    return {**raw, "decisions": rest, "tables": {**tables, CONTACTS.name: {"source": file, **section}}}


def _zone(project: Any) -> ZoneInfo:
    name = project.get("timezone", "UTC") if isinstance(project, Mapping) else "UTC"
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(
            f"unknown time zone {name!r}",
            where="[project] timezone",
            expected="a name of the IANA list",
            fix="write for example 'Asia/Seoul'",
        ) from error


def _coherent(config: Config) -> None:
    """Refuse what contradicts itself across keys."""
    project = config.project
    _need(
        bool(project.languages), "[project] languages", "at least one of en, ko", 'write languages = ["ko"]'
    )
    _need(bool(project.name.strip()), "[project] name", "a name", "write one, or leave the key out")
    _need(
        bool(re.fullmatch("[A-Z]{3}", project.currency)),
        "[project] currency",
        "an ISO code of three capitals",
        "write for example 'KRW'",
    )
    for name in config.population.activity:
        _table(name, "[population] activity")
    for name in config.churn.activity:
        _instants(name, "[churn] activity")
    if config.churn.definition == "label":
        _ready_label(config)
    else:
        _need(
            not config.churn.base_rate,
            "[churn] base_rate",
            "a ready label: rows of events are not drawn by outcome",
            "take it out",
        )
        _instants(config.churn.column, "[churn] column", table_alone=False)
        _need(
            config.churn.horizon > timedelta(0),
            "[churn] horizon",
            "a span above 0",
            "write for example '90D'",
        )
    for source in config.value.sources:
        _money(source)
    if len({(source.table, source.column) for source in config.value.sources}) < len(config.value.sources):
        raise ConfigError(
            "two value sources name the same column",
            where="[[value.sources]]",
            expected="each column once",
            fix="leave one of them out, or add up their shares",
        )
    lookbacks = config.features.lookbacks
    _need(
        bool(lookbacks)
        and 1 <= min(lookbacks) <= max(lookbacks) <= LONGEST.days
        and len(set(lookbacks)) == len(lookbacks),
        "[features] lookbacks",
        f"whole days above 0, at most {LONGEST.days:,}, each once",
        "write for example [30, 90, 365]",
    )


def _ready_label(config: Config) -> None:
    """Refuse what a label without dates cannot carry."""
    table, _, column = config.churn.column.partition(".")
    _need(
        table == "customers" and bool(column),
        "[churn] column",
        "customers. and the name of the label's column",
        f"write 'customers.{column or table or 'churned'}'",
    )
    _need(
        bool(config.churn.positive) or not config.churn.negative,
        "[churn] negative",
        "positive beside it",
        'name the value that means leaving too, such as positive = "gone"',
    )
    _need(
        len(config.training.cutoffs) <= 1,
        "[training] cutoffs",
        "one cutoff at most: a ready label belongs to one moment",
        "leave one, or none to take observation_end",
    )
    _need(
        not config.value.sources,
        "[[value.sources]]",
        "no value: a label without dates tells no time in which to earn it",
        "take the section out, or say by a date when customers left",
    )


def _need(holds: bool, where: str, expected: str, fix: str) -> None:
    if not holds:
        raise ConfigError("this value cannot be used", where=where, expected=expected, fix=fix)


def _table(name: str, where: str) -> None:
    """*name* is a table, and one about customers."""
    about = [table.name for table in TABLES.values() if table.owner == "customer_id"]
    if name not in about:
        raise ConfigError(
            f"{name!r} is not about customers" if name in TABLES else f"unknown table {name!r}",
            where=where,
            expected=f"one of {', '.join(about)}",
            fix=did_you_mean(name, about),
        )


def _column(name: str, where: str) -> str:
    """The kind of ``table.column``."""
    table, _, column = name.partition(".")
    _table(table, where)
    if column not in TABLES[table].by_name:
        raise ConfigError(
            f"unknown column {name!r}",
            where=where,
            expected="a column of the table's contract",
            fix=did_you_mean(column, TABLES[table].by_name),
        )
    return TABLES[table].by_name[column].kind


def _instants(name: str, where: str, *, table_alone: bool = True) -> None:
    """*name* is a table of events, or a ``table.column`` of instants."""
    if table_alone and "." not in name:
        _table(name, where)
    elif "." not in name or _column(name, where) != "instant":
        raise ConfigError(
            f"{name!r} holds no instants",
            where=where,
            expected="a table.column that says when something happened",
            fix="write for example 'customers.left_at'",
        )


def _money(source: ValueSource) -> None:
    name = f"{source.table}.{source.column}"
    if _column(name, "[[value.sources]]") != "money":
        raise ConfigError(
            f"{name!r} is no money",
            where="[[value.sources]]",
            expected="a column of money",
            fix='write for example table = "orders" and column = "margin"',
        )
