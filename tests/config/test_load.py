"""The configuration: defaults, what is refused and with which words, instants and spans."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from cxml.config.load import Config, load_config, parse_config
from cxml.config.sections import OwnFactor, TableSource
from cxml.config.time_spans import duration
from cxml.contracts import TABLES
from cxml.errors import ConfigError

END = {"observation_end": "2026-01-01"}


def parse(project=None, **sections):
    return parse_config({"project": {**END, **(project or {})}, **sections}, Path("/somewhere"))


def at(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


def test_defaults_are_what_the_keys_say():
    config = parse()
    assert config.project.observation_end == at(2026, 1, 1)
    assert (config.project.name, config.project.timezone, config.project.languages) == (
        "cxml",
        "UTC",
        ("en", "ko"),
    )
    assert (config.churn.definition, config.churn.horizon) == ("inactivity", dt.timedelta(days=90))
    assert config.churn.lead == dt.timedelta(0)
    assert config.features.lookbacks == (7, 30, 90, 180, 365)
    assert dict(config.tables) == {}
    assert config.value.sources == ()


def test_every_key_says_what_it_means():
    def keys(cls):
        for field in dataclasses.fields(cls):
            if field.name in {"folder", "tables", "factors"}:
                continue
            made = getattr(parse(), field.name, None) if cls is Config else None
            if dataclasses.is_dataclass(made):
                yield from keys(type(made))
            else:
                yield field

    said = [field.metadata.get("says", "") for field in (*keys(Config), *keys(TableSource), *keys(OwnFactor))]
    assert len(said) > 30
    assert all(said)


def test_a_full_file_is_read(tmp_path):
    (tmp_path / "cxml.toml").write_text("""
        [project]
        observation_end = 2026-01-01
        timezone = "Asia/Seoul"

        [tables.interactions]
        source = "calls/*.csv"
        columns = { wait_s = "Wait" }

        [churn]
        definition = "date"
        horizon = "12W"

        [[value.sources]]
        table = "orders"
        column = "revenue"
        share = 1

        [training]
        cutoffs = [2025-01-01, "2025-02-01", 2025-03-01T00:00:00Z]
    """)
    for path in (tmp_path, tmp_path / "cxml.toml", str(tmp_path)):
        config = load_config(path)
        assert config.folder == tmp_path.resolve()
        assert config.zone == ZoneInfo("Asia/Seoul")
        assert config.tables["interactions"].columns == {"wait_s": "Wait"}
        assert config.churn.horizon == dt.timedelta(weeks=12)
        assert (config.value.sources[0].share, type(config.value.sources[0].share)) == (1.0, float)
        # Days begin in the zone of the project; what names its own zone keeps it.
        assert config.training.cutoffs == (at(2024, 12, 31, 15), at(2025, 1, 31, 15), at(2025, 3, 1))
        assert config.project.observation_end == at(2025, 12, 31, 15)


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        parse().churn.lead = dt.timedelta(1)


@pytest.mark.parametrize(
    ("sections", "where", "words"),
    [
        ({"churm": {}}, "cxml.toml", "did you mean 'churn'?"),
        ({"churn": {"horison": "90D"}}, "[churn]", "did you mean 'horizon'?"),
        ({"churn": {"definition": "inactive"}}, "[churn] definition", "did you mean 'inactivity'?"),
        ({"churn": {"horizon": 90}}, "[churn] horizon", "such as '90D'"),
        ({"churn": {"horizon": "90 days"}}, "[churn] horizon", "write for example '90D'"),
        ({"churn": {"horizon": "0D"}}, "[churn] horizon", "above 0"),
        ({"churn": {"activity": "orders"}}, "[churn] activity", "a list"),
        ({"churn": {"activity": ["order"]}}, "[churn] activity", "did you mean 'orders'?"),
        ({"churn": {"activity": ["orders.orderd_at"]}}, "[churn] activity", "did you mean 'ordered_at'?"),
        ({"churn": {"definition": "label", "horizon": "9D"}}, "[churn] horizon", "take it out"),
        ({"churn": {"definition": "label", "column": "left"}}, "[churn] column", "'customers.left'"),
        ({"churn": {"column": "customers.leftat"}}, "[churn] column", "did you mean 'left_at'?"),
        ({"churn": "date"}, "[churn]", "as a section"),
        ({"population": {"activity": ["visit"]}}, "[population] activity", "did you mean 'visits'?"),
        ({"tables": {"interaction": {}}}, "[tables]", "did you mean 'interactions'?"),
        ({"tables": {"orders": {}}}, "[tables.orders]", "add source"),
        ({"tables": {"orders": {"source": "x", "colums": {}}}}, "[tables.orders]", "did you mean 'columns'?"),
        ({"tables": {"orders": {"source": ["x"]}}}, "[tables.orders] source", "a text"),
        ({"tables": {"orders": {"source": "x", "columns": {"revenue": 1}}}}, "columns", "a table of names"),
        ({"tables": {"customers": {"source": "x", "attributes": [1]}}}, "attributes", "a text"),
        ({"value": {"sources": [{"table": "orders"}]}}, "[value] sources", "add column"),
        ({"value": {"sources": [{"table": "orders", "column": "magrin"}]}}, "value.sources", "'margin'"),
        ({"value": {"discount_rate": "10%"}}, "[value] discount_rate", "a number"),
        ({"features": {"lookbacks": [30, 0]}}, "[features]", "above 0"),
        ({"features": {"lookbacks": [30.5]}}, "[features] lookbacks", "a whole number"),
        ({"features": {"lookbacks": [True]}}, "[features] lookbacks", "a whole number"),
        ({"training": {"cutoffs": ["soon"]}}, "[training] cutoffs", "2026-01-01"),
        ({"training": {"cutoffs": ["2025-01-01T00:00:00.5"]}}, "[training] cutoffs", "whole second"),
        ({"training": {"count": "8"}}, "[training] count", "a whole number"),
        ({"population": {"activity": ["agents"]}}, "[population] activity", "not about customers"),
        ({"churn": {"activity": ["agents"]}}, "[churn] activity", "not about customers"),
        ({"churn": {"column": "agents.valid_to"}}, "[churn] column", "not about customers"),
        (
            {"value": {"sources": [{"table": "agents", "column": "skill"}]}},
            "value.sources",
            "not about customers",
        ),
        (
            {"value": {"sources": [{"table": "interactions", "column": "wait_s"}]}},
            "value.sources",
            "no money",
        ),
        (
            {"value": {"sources": [{"table": "orders", "column": "margin", "share": 1e-9}]}},
            "share",
            "0.001 to 1000",
        ),
        (
            {"value": {"sources": [{"table": "orders", "column": "margin", "share": float("nan")}]}},
            "share",
            "0.001",
        ),
        ({"value": {"discount_rate": float("inf")}}, "[value] discount_rate", "-0.99 to 100"),
        ({"value": {"lifetime": "0D"}}, "[value] lifetime", "a time span above 0"),
        ({"churn": {"times": float("inf")}}, "[churn] times", "above 0"),
        ({"churn": {"grace": "999999999D"}}, "[churn] grace", "at most 36,525 days"),
        ({"features": {"lookbacks": [36_526]}}, "[features] lookbacks", "at most 36,525"),
        ({"promises": {"resolution": "0D"}}, "[promises] resolution", "a time span above 0"),
        ({"promises": {"answer": {"chat": "0D"}}}, "[promises] answer.chat", "a time span above 0"),
        ({"decisions": {"contact_cost": -1}}, "[decisions] contact_cost", "0 or more"),
        ({"decisions": {"budget": float("inf")}}, "[decisions] budget", "0 or more"),
        ({"training": {"count": 0}}, "[training] count", "1 or more"),
        ({"project": {**END, "languages": []}}, "[project] languages", "at least one"),
        ({"project": {**END, "languages": ["fr"]}}, "[project] languages", "one of en, ko"),
        ({"project": {**END, "name": " "}}, "[project] name", "a name"),
        ({"project": {**END, "currency": "won"}}, "[project] currency", "three capitals"),
        ({"model": {"monotone": 1}}, "[model] monotone", "true or false"),
        ({"model": {"trials": -1}}, "[model] trials", "0 or more"),
        ({"model": {"trials": 2, "minutes": -1.0}}, "[model] minutes", "0 or more"),
        ({"model": {"seed": -1}}, "[model] seed", "0 or more"),
        ({"decisions": {"save_rate": 10}}, "[decisions] save_rate", "0 to 1"),
        ({"project": {}}, "[project]", "add observation_end"),
        ({"project": {"observation_end": 20260101}}, "[project] observation_end", "ISO"),
        ({"project": {**END, "timezone": "Seoul"}}, "[project] timezone", "Asia/Seoul"),
        ({"project": {**END, "timezone": "../Seoul"}}, "[project] timezone", "Asia/Seoul"),
        ({"project": {**END, "timezone": "Asia"}}, "[project] timezone", "Asia/Seoul"),
        ({"project": {**END, "timezone": ""}}, "[project] timezone", "Asia/Seoul"),
        ({"project": {**END, "timezone": 9}}, "[project] timezone", "Asia/Seoul"),
        ({"project": "x"}, "[project]", "as a section"),
    ],
)
def test_what_is_refused(sections, where, words):
    with pytest.raises(ConfigError) as caught:
        parse_config({"project": END, **sections}, Path())
    error = caught.value
    assert where in error.where
    assert words in f"{error.expected} {error.fix} {error.what}"
    assert error.fix
    assert error.exit_code == 2


def test_the_project_is_needed():
    with pytest.raises(ConfigError, match="project"):
        parse_config({}, Path())


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no configuration"), (b"[project", "TOML"), (b"name = '\xff'", "TOML")]
)
def test_files_that_cannot_be_read(tmp_path, content, words):
    if content is not None:
        (tmp_path / "cxml.toml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path)
    assert words in caught.value.what
    assert "cxml.toml" in caught.value.where


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_table_can_be_named(name):
    assert parse(tables={name: {"source": "x"}}).tables[name].source == "x"


@given(st.integers(0, 5_000), st.sampled_from(["D", "W", "h", "min", "s"]), st.sampled_from(["", " "]))
def test_spans(number, unit, between):
    seconds = {"D": 86400, "W": 604800, "h": 3600, "min": 60, "s": 1}[unit]
    assert duration(f"{number}{between}{unit}") == dt.timedelta(seconds=number * seconds)


@pytest.mark.parametrize("text", ["", "D", "-1D", "1.5D", "1M", "1d", "90", "1D 2h"])
def test_what_is_no_span(text):
    with pytest.raises(ConfigError, match="time span"):
        duration(text)


@given(
    st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2100, 1, 1)).map(
        lambda moment: moment.replace(
            microsecond=0, fold=0
        )  # a text cannot say which of two like hours it means
    ),
    st.sampled_from(["UTC", "Asia/Seoul", "America/New_York"]),
)
def test_instants_are_utc_whatever_they_are_written_as(local, zone):
    config = parse({"timezone": zone})
    want = local.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    assert config.instant(local) == config.instant(local.isoformat()) == want
    assert config.instant(want) == config.instant(want.isoformat()) == want
    midnight = dt.datetime(local.year, local.month, local.day, tzinfo=ZoneInfo(zone))
    assert config.instant(local.date()) == config.instant(local.date().isoformat()) == midnight
    assert config.instant(local).utcoffset() == dt.timedelta(0)
