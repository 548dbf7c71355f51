"""A handle on snapshots: what SQL sees through it, what handles made from it share, and what is left when it is closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from cxml.config.load import parse_config
from cxml.engine import Engine
from cxml.features import matrix
from cxml.features.company import plan_features
from cxml.labels import targets
from cxml.snapshots import population
from cxml.snapshots.handle import Snapshots, frame_of
from cxml.tables.opening import Tables, open_tables

CUTOFFS = (datetime(2025, 2, 1, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC))


@pytest.fixture
def tables() -> Tables:
    """Five customers: e comes in February, the orders of a to d begin in January."""
    days = {"a": "2025-01-03", "b": "2025-01-10", "c": "2025-01-20", "d": "2025-01-31", "e": "2025-02-10"}
    orders = pd.DataFrame(
        {
            "order_id": list(days),
            "customer_id": list(days),
            "ordered_at": pd.to_datetime(list(days.values()), utc=True),
            "revenue": 10.0,
        }
    )
    raw = {
        "project": {"observation_end": "2025-06-01"},
        "population": {"within": "60D"},
        "churn": {"definition": "inactivity", "horizon": "30D", "activity": ["orders"]},
    }
    return open_tables(parse_config(raw, Path()), {"orders": orders})


def relations(engine: Engine) -> set[str]:
    return {name for (name,) in engine.rows("select table_name from duckdb_tables()")}


def who(snapshots: Snapshots) -> set[tuple[str, int]]:
    return {(str(row[0]), int(row[1])) for row in snapshots.rows("select customer_id, k from snapshots")}


def test_a_handle_holds_who_is_at_risk_at_each_cutoff(tables: Tables) -> None:
    with population.take(tables, CUTOFFS) as snapshots:
        assert who(snapshots) == {(one, 0) for one in "abcd"} | {(one, 1) for one in "abcde"}
        assert [(one.at_risk, one.new, one.gone) for one in snapshots.populations] == [(4, 1, 0), (5, 0, 0)]
        assert snapshots.cutoffs == CUTOFFS and len(snapshots) == 9
        assert snapshots.row("select count(*) as n, count(distinct g) as g from snapshots") == {
            "n": 9,
            "g": 9,
        }


def test_nothing_is_left_of_a_closed_handle(tables: Tables) -> None:
    before = relations(tables.engine)
    with (
        population.take(tables, CUTOFFS) as snapshots,
        snapshots.only(["a", "e"]) as some,
        some.back(86_400) as then,
    ):
        assert relations(tables.engine) > before
        assert len(then) == len(some) == 3
    left = relations(tables.engine) - before
    assert left <= {"known_customers"}, "a list of the customers that the tables keep for themselves"


def test_no_relation_has_a_name_that_others_could_rewrite(tables: Tables) -> None:
    with population.take(tables, CUTOFFS):
        for name in ("snapshots", "customer_keys", "arrivals", "cutoffs"):
            with pytest.raises(duckdb.CatalogException):
                tables.engine.rows(f"select * from {name}")


def test_two_handles_do_not_know_each_other(tables: Tables) -> None:
    with population.take(tables, CUTOFFS[:1]) as early, population.take(tables, CUTOFFS[1:]) as late:
        assert ({one for one, _ in who(early)}, {one for one, _ in who(late)}) == (set("abcd"), set("abcde"))
    with population.take(tables, CUTOFFS) as both:
        with both.only(["b"]) as some:
            assert who(some) == {("b", 0), ("b", 1)}
            assert some.rows("select customer_id from customer_keys") == [("b",)]
        assert len(both) == 9, "a part that is closed takes nothing from the whole"


def test_a_condition_and_an_earlier_look_change_only_what_they_say(tables: Tables) -> None:
    with population.take(tables, CUTOFFS) as snapshots:
        with snapshots.where("customer_id < 'c'") as some:
            assert {one for one, _ in who(some)} == {"a", "b"}
        with snapshots.back(10) as then:
            now, earlier = (dict(one.rows("select g, c from snapshots")) for one in (snapshots, then))
            assert {g: c - 10 for g, c in now.items()} == earlier


def test_given_customers_keep_their_places(tables: Tables) -> None:
    with Snapshots.of(tables.engine, ["d", "a"], CUTOFFS[0]) as given:
        assert given.rows("select customer_id, ci, g from snapshots order by g") == [("d", 0, 0), ("a", 1, 1)]


def test_features_and_labels_of_a_part_are_those_of_the_whole(tables: Tables) -> None:
    plan = plan_features(tables).matrix()
    with population.take(tables, CUTOFFS) as everybody, everybody.only(["b", "d", "e"]) as some:
        for whole, part in (
            (matrix.build_features(everybody, plan), matrix.build_features(some, plan)),
            (targets.labels(tables, everybody), targets.labels(tables, some)),
        ):
            mine = whole[whole["customer_id"].isin(["b", "d", "e"])].reset_index(drop=True)
            pd.testing.assert_frame_equal(mine, part, check_exact=True)


def test_a_frame_is_in_order_with_cutoffs_in_utc(tables: Tables) -> None:
    second = int(CUTOFFS[0].timestamp())
    select = f"select * from (values ('b', {second}), ('a', {second + 60}), ('a', {second})) v(customer_id, cutoff)"
    found = frame_of(tables.engine, select)
    assert found["customer_id"].tolist() == ["a", "a", "b"]
    assert found["cutoff"].tolist() == [
        pd.Timestamp(CUTOFFS[0]),
        pd.Timestamp(CUTOFFS[0] + timedelta(minutes=1)),
        pd.Timestamp(CUTOFFS[0]),
    ]
