"""The catalogue: what ships is sound and named in both languages, and unsound declarations are refused."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from cxml.contracts import TABLES
from cxml.errors import ConfigError
from cxml.factors import FACTORS, Derived, Factor, Feature, Flag, labels
from cxml.factors.catalogue import feature_rows
from cxml.features import planner
from cxml.features.validate import validate

EVERYTHING = {name: frozenset(table.by_name) - {"recorded_at"} for name, table in TABLES.items()}
FINE = Factor(
    name="visits_late",
    en="Late visits",
    ko="방문 지연",
    kind="lever",
    family="process",
    tier=3,
    says="Visits that came late.",
    features=(
        Feature(
            name="visit_n",
            table="visits",
            sql="count(*)",
            unit="count",
            row="D1",
            direction="+",
            en="visits",
            ko="방문 건수",
            empty=0,
        ),
    ),
    flags=(Flag("late", "visits", "arrived_at > window_end"),),
    derived=(
        Derived(
            name="visits_per_contact",
            sql="visit_n_{w}d / nullif(contacts_n_{w}d, 0)",
            unit="ratio",
            row="D1",
            direction="+",
            en="visits per contact",
            ko="문의당 방문 건수",
        ),
    ),
)


def changed(**feature: object) -> Factor:
    return replace(FINE, features=(replace(FINE.features[0], **feature),), derived=())  # type: ignore[arg-type]


def test_what_ships_is_sound_and_can_be_built() -> None:
    validate(FACTORS)
    planned = planner.plan(EVERYTHING, FACTORS)
    assert not planned.left_out
    names = [column.name for column in planned.columns]
    assert len(names) == len(set(names))


def test_every_column_has_labels_in_both_languages() -> None:
    planned = planner.plan(EVERYTHING, FACTORS)
    found = labels(column.name for column in planned.columns)
    assert set(found["features"]) == {column.name for column in planned.columns}
    assert set(found["factors"]) == {factor.name for factor in FACTORS}
    assert all(set(entry) == {"en", "ko", "kind", "family"} for entry in found["factors"].values())
    for column in planned.columns:
        entry = found["features"][column.name]
        assert set(entry) - {"kept"} == {"factor", "en", "ko", "unit", "direction", "aloud"}
        if entry["unit"] in ("score", "ratio"):
            assert not entry["aloud"], "nobody says a bare number to a customer"
        assert entry["factor"] == column.factor
        assert (f"last {column.lookback} days" in entry["en"]) == bool(column.lookback)
        assert entry["ko"].startswith(f"최근 {column.lookback}일 ") == bool(column.lookback)
    for lang in ("en", "ko"):
        said = [entry[lang] for entry in found["features"].values()]
        assert len(said) == len(set(said)), f"two columns share a label in {lang}"


def test_every_lever_has_a_feature_that_can_be_said_aloud() -> None:
    found = labels(column.name for column in planner.plan(EVERYTHING, FACTORS).columns)
    aloud = {entry["factor"] for entry in found["features"].values() if entry["aloud"]}
    levers = {name for name, entry in found["factors"].items() if entry["kind"] == "lever"}
    assert levers <= aloud | {"consistency"}, "of consistency only spreads are measured"
    assert not found["features"]["wait_faded_180d"]["aloud"]


def test_labels_are_noun_phrases() -> None:
    for row in feature_rows():
        assert not row["en"].endswith(".") and row["en"][0] in row["en"][0].lower() + "NC", row["en"]
        assert re.search("[가-힣]", row["ko"]) and not re.search(r"(다|요|\.)$", row["ko"]), row["ko"]


def test_labels_of_a_config_with_other_windows() -> None:
    found = labels(["wait_mean_59d", "frequency", "wait_trend"])["features"]
    assert found["wait_mean_59d"]["ko"] == "최근 59일 평균 대기 시간"
    assert found["frequency"]["en"] == "repeat purchases"
    assert found["wait_trend"]["unit"] == "times"


def test_labels_refuse_a_column_of_nobody() -> None:
    with pytest.raises(ConfigError, match="wait_meen_30d") as refused:
        labels(["wait_meen_30d"])
    assert "wait_mean" in refused.value.fix


def test_the_catalogue_names_rows_of_the_factor_map() -> None:
    rows = feature_rows()
    assert {row["factor"] for row in rows} == {factor.name for factor in FACTORS}
    for row in rows:
        assert row["rows"], row["feature"]
        assert all(re.fullmatch(r"[A-GJKR]\d{1,2}", name) for name in row["rows"]), row["feature"]


def test_volume_and_behaviour_are_no_levers() -> None:
    kinds = {factor.name: factor.kind for factor in FACTORS}
    assert kinds["contacts"] == "volume"
    assert kinds["behaviour"] == "context"
    assert kinds["feedback"] == "outcome"
    volume = next(factor for factor in FACTORS if factor.name == "contacts")
    assert {item.direction for item in (*volume.features, *volume.derived)} == {"±"}


def test_a_factor_of_ones_own_is_accepted_beside_ours() -> None:
    validate((*FACTORS, FINE))
    assert {row["factor"] for row in feature_rows((*FACTORS, FINE))} - {
        row["factor"] for row in feature_rows(FACTORS)
    } == {FINE.name}


@pytest.mark.parametrize(
    ("factor", "says"),
    [
        (replace(FINE, name="waiting"), "the factor 'waiting' is declared twice"),
        (changed(name="wait_mean"), "the column 'wait_mean_7d' is declared twice"),
        (changed(name="Wait_mean"), "declared twice"),
        (
            replace(FINE, flags=(Flag("held", "interactions", "abandoned"),)),
            "the flag 'held' is declared twice",
        ),
        (changed(unit="minutes"), "unknown unit 'minutes'"),
        (changed(direction="up"), "unknown direction 'up'"),
        (replace(FINE, kind="cause"), "unknown kind 'cause'"),
        (replace(FINE, family="staff"), "unknown family 'staff'"),
        (replace(FINE, tier=9), "tier 9"),
        (replace(FINE, says=" "), "says nothing"),
        (replace(FINE, ko=""), "Korean label"),
        (changed(en=""), "English label"),
        (changed(table="visit"), "unknown table 'visit', did you mean 'visits'"),
        (changed(sql="avg(arrived)"), "unknown word 'arrived'"),
        (changed(sql="count(case when who then 1 end)"), "unknown word 'who'"),
        (changed(sql='max("arrived_at")'), "quoted names"),
        (changed(table="customers", sql="max(left_at)"), "for labels only"),
        (changed(name="cutoff", lookbacks=(0,)), "cannot be the name"),
        (changed(name="visit_n_30d"), "cannot be the name"),
        (changed(lookbacks=(-1,)), "a lookback is negative"),
        (
            replace(FINE, flags=(Flag("a1", "visits", "b1"), Flag("b1", "visits", "no_show"))),
            "unknown word 'b1'",
        ),
        (
            replace(FINE, derived=(replace(FINE.derived[0], sql="visit_{w}d / 2e0"),)),
            "unknown word 'visit_0d'",
        ),
        (
            replace(FINE, flags=(Flag("all_n", "visits", "count(*) over (partition by who)"),)),
            "without an order",
        ),
        (
            replace(
                FINE,
                flags=(
                    Flag(
                        "soon_s", "visits", "lead(t) over (partition by who order by t, pos) - t", ahead=True
                    ),
                ),
            ),
            "bare instant",
        ),
        (
            replace(
                FINE,
                flags=(
                    Flag(
                        "next_one", "visits", "lead(no_show) over (partition by who order by t)", ahead=True
                    ),
                ),
            ),
            "bare instant",
        ),
    ],
)
def test_an_unsound_declaration_is_refused(factor: Factor, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        validate((*FACTORS, factor))


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        validate((changed(unit="minutes", sql="avg(arrived)"),))
    assert "minutes" in refused.value.what and "arrived" in refused.value.what
