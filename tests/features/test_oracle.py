"""The oracle's own promises: every column is generated, every factor has its test, and lies are found."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from company import company
from oracle import check, mean, share

from cxml.contracts import TABLES
from cxml.factors import FACTORS
from cxml.factors.declare import DAY, Factor, Feature, count


@pytest.mark.parametrize("versions", [False, True])
def test_the_company_has_every_column_with_values_and_gaps(versions: bool) -> None:
    companies = [company(seed, versions, TABLES) for seed in range(3)]
    for name, table in TABLES.items():
        there = {"id": table.id, "t": table.event}
        rows = [
            {there.get(key, key): value for key, value in row.items()}
            for made in companies
            for row in made[name]
        ]
        wanted = {c.name for c in table.columns if not c.target and (versions or c.name != "recorded_at")}
        always = {table.id, table.owner, table.event, "score"}
        assert set(rows[0]) == wanted
        assert not [column for column in wanted if len({row[column] for row in rows} - {None}) < 2]
        assert not [column for column in wanted - always if all(row[column] is not None for row in rows)]


def test_every_factor_has_an_oracle() -> None:
    tests = "".join(
        path.read_text("utf-8") for path in sorted(Path(__file__).parents[1].glob("factors/test_*.py"))
    )
    assert not [f.name for f in FACTORS if not re.search(rf"\b{f.name.upper()}\b", tests)]


LATE = Factor(
    name="late",
    en="Late visits",
    ko="방문 지연",
    kind="lever",
    family="process",
    tier=3,
    says="Visits that came late.",
    features=(
        Feature(
            name="visits_n",
            table="visits",
            sql=count(),
            unit="count",
            row="D1",
            direction="+",
            en="visits",
            ko="방문 건수",
            lookbacks=(30,),
            empty=0,
        ),
        Feature(
            name="missed_share",
            table="visits",
            sql="avg(case when no_show then 1e0 when not no_show then 0e0 end)",
            unit="share",
            row="D1",
            direction="+",
            en="share of visits missed",
            ko="미방문 비율",
            lookbacks=(365,),
        ),
    ),
)
ORACLE = {
    "visits_n": lambda w, k, c: len(w),
    "missed_share": lambda w, k, c: share([r["no_show"] for r in w if r["no_show"] is not None]),
}


def test_what_is_true_is_accepted() -> None:
    check(LATE, ORACLE)


@pytest.mark.parametrize(
    ("stem", "sql"),
    [
        ("visits_n", f"count(case when age < {30 * DAY} then 1 end)"),  # a window that is open
        ("visits_n", "count(no_show)"),  # nulls not counted
        ("missed_share", "avg(case when no_show then 1e0 else 0e0 end)"),  # the unknown taken for a no
        (
            "missed_share",
            "avg(case when arrived_at is null then 1e0 else 0e0 end)",
        ),  # not yet known taken for a fact
    ],
)
def test_what_is_not_true_is_found(stem: str, sql: str) -> None:
    features = tuple(replace(f, sql=sql) if f.name == stem else f for f in LATE.features)
    with pytest.raises(AssertionError, match=f"planner, oracle, where.*{stem}"):
        check(replace(LATE, features=features), ORACLE)


def test_an_oracle_of_something_else_is_refused() -> None:
    with pytest.raises(AssertionError, match="of no feature"):
        check(LATE, {**ORACLE, "visits_meen": lambda w, k, c: mean([])})
    with pytest.raises(AssertionError, match="without an oracle"):
        check(LATE, {})
