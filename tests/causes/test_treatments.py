"""What is asked of each factor, and that no control comes after it or says how the customer felt: over all factors."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml.causes import treatments
from cxml.causes.treatments import Question, exposure, questions, scaled, window_of
from cxml.contracts import TABLES
from cxml.errors import ConfigError
from cxml.factors import FACTORS, Factor, Feature
from cxml.factors.declare import LOOKBACKS, Treatment
from cxml.features import planner
from cxml.features.validate import validate

EVERYTHING = {name: frozenset(table.by_name) - {"recorded_at"} for name, table in TABLES.items()}
BUILT = {column.name: column for column in planner.plan(EVERYTHING, FACTORS).columns}
ASKED = {q.factor: q for q in questions(FACTORS, BUILT, LOOKBACKS)}
TESTED = [factor for factor in FACTORS if not ASKED[factor.name].reason]
BY_NAME = {factor.name: factor for factor in FACTORS}
FELT = {"feedback", "sentiment", "posts"}

each_tested = pytest.mark.parametrize("factor", TESTED, ids=lambda factor: factor.name)


def own(**changed: object) -> Factor:
    made = Factor(
        name="night",
        en="Night calls",
        ko="야간 문의",
        kind="lever",
        family="process",
        tier=2,
        says="Contacts at night.",
        features=(
            Feature(
                name="night_days_since",
                table="interactions",
                sql="min(age)",
                unit="d",
                row="",
                direction="-",
                en="days since",
                ko="경과 일수",
                lookbacks=(90,),
            ),
            Feature(
                name="night_long",
                table="interactions",
                sql="count(*)",
                unit="count",
                row="",
                direction="+",
                en="calls in a year",
                ko="연간",
                lookbacks=(365,),
                empty=0,
            ),
            Feature(
                name="night_n",
                table="interactions",
                sql="count(*)",
                unit="count",
                row="",
                direction="+",
                en="calls at night",
                ko="야간 문의",
                lookbacks=(),
                empty=0,
            ),
        ),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def test_every_lever_that_ships_has_something_to_vary() -> None:
    validate(FACTORS)
    for factor in FACTORS:
        question = ASKED[factor.name]
        if factor.kind in ("lever", "volume"):
            assert factor.treatment and not question.reason, factor.name
            assert BUILT[question.column].factor == factor.name
            assert BUILT[question.column].lookback in (90, 0)
            declared = {f.name: f for f in factor.features}[factor.treatment.feature]
            assert question.direction == declared.direction, factor.name
            assert question.direction != "±" or factor.kind == "volume", factor.name
        else:
            assert question.reason == "kind"


@each_tested
def test_controls_from_the_window_come_from_lower_tiers_or_beside(factor: Factor) -> None:
    for column in treatments.within(factor, FACTORS, BUILT, LOOKBACKS):
        other = BY_NAME[BUILT[column].factor]
        assert other.name != factor.name
        assert 1 <= other.tier <= factor.tier, f"{column} is no earlier than {factor.name}"
        assert other.kind in ("lever", "volume", "context")
        assert factor.name not in other.after, f"{column} comes after {factor.name}"
        assert BUILT[column].feature.table not in ("surveys", "posts")  # type: ignore[union-attr]
        assert "sentiment" not in BUILT[column].feature.sql
    if factor.kind == "volume":
        assert not treatments.within(factor, FACTORS, BUILT, LOOKBACKS)


@each_tested
def test_what_comes_before_a_factor_does_not_have_it_as_a_control_when_it_is_said_so(factor: Factor) -> None:
    for name in factor.after:
        assert ASKED[factor.name].column not in treatments.within(BY_NAME[name], FACTORS, BUILT, LOOKBACKS)
        assert ASKED[name].column in treatments.within(factor, FACTORS, BUILT, LOOKBACKS)


def test_nothing_of_what_customers_feel_and_no_part_of_leaving_is_asked_as_of_the_start() -> None:
    start = treatments.at_the_start(FACTORS, LOOKBACKS)
    assert {factor.name for factor in start}.isdisjoint(
        {*FELT, "leaving", "frustration", "personalization_index"}
    )
    for factor in start:
        assert not factor.derived
        for feature in factor.features:
            assert feature.table not in ("surveys", "posts")
            assert len(feature.lookbacks) == 1
            used = _words_of(factor, feature.sql)
            assert not used & {"sentiment_start", "sentiment_end", "polarity", "score", "surveys", "posts"}, (
                feature.name
            )
        if factor.kind == "lever":
            assert [f.name for f in factor.features] == [BY_NAME[factor.name].treatment.feature]  # type: ignore[union-attr]
    planned = planner.plan(EVERYTHING, start)
    assert len(planned.columns) < 150, "the second pass stays cheap"


def _words_of(factor: Factor, sql: str) -> set[str]:
    """All names behind a text, by brute force."""
    texts = {f.name: f.sql for f in factor.flags} | {n.name: n.sql for n in factor.norms}
    texts |= {m.name: f"{m.other} {m.where}" for m in factor.matches}
    seen: set[str] = set()
    todo = set(re.findall(r"[a-z_]\w*", re.sub(r"'[^']*'", "", sql.lower())))
    while todo - seen:
        word = (todo - seen).pop()
        seen.add(word)
        todo |= set(re.findall(r"[a-z_]\w*", re.sub(r"'[^']*'", "", texts.get(word, ""))))
    return seen


def test_a_factor_of_ones_own_is_asked_about_its_first_feature_in_the_window() -> None:
    assert questions([own()], ["night_n_90d"], LOOKBACKS)[0].column == "night_n_90d"
    declared = own(treatment=Treatment("night_long"))
    assert questions([declared], ["night_long_365d"], LOOKBACKS)[0].reason == "window"
    assert questions([own(features=own().features[:2])], [], LOOKBACKS)[0].reason == "treatment"
    assert questions([own(kind="outcome")], ["night_n_90d"], LOOKBACKS)[0].reason == "kind"
    assert questions([own()], [], LOOKBACKS)[0].reason == "column"
    gone = own(treatment=Treatment("night_n"), features=own().features[:2])
    assert questions([gone], [], LOOKBACKS)[0].reason == "treatment", "a feature that the config leaves out"


@pytest.mark.parametrize(
    "wrong",
    [
        own(treatment=Treatment("night")),
        own(after=("effort",)),
        own(name="nights", after=("x",), treatment=None),
    ],
)
def test_unsound_declarations_are_refused(wrong: Factor) -> None:
    others = tuple(FACTORS)
    if wrong.after == ("x",):
        other = replace(own(), name="x", after=("nights",), features=(), flags=())
        others = (other,)
    with pytest.raises(ConfigError, match=r"treatment|cannot come after"):
        validate((*others, wrong))


def test_the_window_is_the_standard_lookback_nearest_to_ninety_days() -> None:
    assert [window_of(days) for days in ((7, 30, 90), (60, 120), (30,), (365, 28))] == [90, 60, 30, 28]


# --- exposures -------------------------------------------------------------------------------------------

PLAIN = Question("waiting", "lever", 2, "x", "interactions", "s", "+")
ROWS = pd.Series([0.0, 1.0, 2.0, 5.0])


def values(question: Question, x: list[float | None], rows: pd.Series[float] | None = ROWS) -> list[float]:
    return exposure(
        question, pd.DataFrame({"x": pd.array(x, dtype="Float64").astype("float64")}), rows
    ).tolist()


def test_who_was_never_contacted_did_not_wait_for_nothing() -> None:
    found = values(PLAIN, [None, 60.0, 90.0, 120.0])
    assert np.isnan(found[0]) and found[1:3] == [60.0, 90.0]


@pytest.mark.parametrize(
    ("unit", "usual", "scale", "per", "most"),
    [
        ("s", 300.0, "minute", 60.0, 2_700.0),
        ("s", 1_340.0, "minute", 60.0, 2_700.0),
        ("s", 1_360.0, "hour", 3_600.0, 162_000.0),
        ("s", 3 * 86_400.0, "day", 86_400.0, 3_888_000.0),
        ("s", 90 * 86_400.0, "day", 86_400.0, 1e9),
        ("h", 0.1, "minute", 1 / 60, 1e9),
        ("h", 200.0, "day", 24.0, 1e9),
        ("d", 40.0, "day", 1.0, 1e9),
    ],
)
def test_durations_are_told_and_cut_on_the_scale_that_they_have(
    unit: Any, usual: float, scale: str, per: float, most: float
) -> None:
    frame = pd.DataFrame({"x": [usual] * 97 + [1e9] * 3})
    asked = scaled(replace(PLAIN, unit=unit), frame)
    assert (asked.scale, asked.told, asked.per) == (scale, scale, pytest.approx(per))
    found = exposure(asked, frame, None)
    assert (found[0], found[-1]) == (usual, pytest.approx(most))


def test_what_is_no_duration_has_no_scale() -> None:
    frame = pd.DataFrame({"x": [3.0, 4.0]})
    for asked in (replace(PLAIN, unit="count"), replace(PLAIN, any=True), replace(PLAIN, reason="window")):
        assert scaled(asked, frame) == asked
    assert scaled(PLAIN, pd.DataFrame({"x": [0.0, np.nan]})).told == "minute"


def test_a_count_is_missing_for_who_had_no_row_in_the_table() -> None:
    counted = replace(PLAIN, unit="count", counts=True)
    found = values(counted, [0.0, 0.0, 1.0, 80.0])
    assert np.isnan(found[0]) and found[1:3] == [0.0, 1.0] and found[3] == pytest.approx(78.4, abs=0.5)
    assert values(replace(counted, any=True, unit="count"), [0.0, 0.0, 1.0, 80.0])[1:] == [0.0, 1.0, 1.0]
    everyone = replace(counted, everyone=True, any=True)
    assert values(everyone, [None, 0.0, 1.0, 80.0]) == [0.0, 0.0, 1.0, 1.0]


def test_a_count_is_never_cut_below_three() -> None:
    counted = replace(PLAIN, unit="count", counts=True, everyone=True)
    assert max(values(counted, [0.0] * 500 + [3.0], None)) == 3.0
    assert max(values(replace(counted, unit="share"), [0.0] * 500 + [1.0], None)) == 1.0


def test_effects_are_told_per_something_people_know() -> None:
    told = {factor.name: (ASKED[factor.name].told, ASKED[factor.name].per) for factor in TESTED}
    assert told["waiting"] == ("minute", 60.0)
    assert told["personalization"] == ("ten_points", 0.1)
    assert told["abandonment"] == ("any", 1.0)
    assert told["repeats"] == ("one", 1.0)
