"""The label workbench against a slow recomputation, and the page it writes."""

from __future__ import annotations

import re
import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml import jobs
from cxml.config.load import parse_config
from cxml.labels.study import REACH, SILENCES, workbench
from cxml.labels.study_results import Workbench
from cxml.simulate import Simulation, simulate
from cxml.tables.opening import open_tables

DAY = pd.Timedelta("1D")


@pytest.fixture(scope="module")
def company() -> Simulation:
    return simulate(500, months=18, seed=4)


@pytest.fixture(scope="module")
def frames(company: Simulation) -> dict[str, pd.DataFrame]:
    return {name: table.to_pandas() for name, table in company.tables.items()}


def opened(company: Simulation, **sections: dict[str, object]) -> Workbench:
    raw = tomllib.loads(company.config) | {"tables": {}, "engine": {"threads": 1}} | sections
    return workbench(open_tables(parse_config(raw, Path()), company.tables))


@pytest.fixture(scope="module")
def found(company: Simulation) -> Workbench:
    return opened(company)


def active(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    orders = frames["orders"]
    bought = orders[orders.cancelled_at.isna() & (orders.revenue > 0)]
    parts = ((frames["interactions"], "started_at"), (bought, "ordered_at"))
    return pd.concat(rows[["customer_id", name]].rename(columns={name: "at"}) for rows, name in parts)


def at_risk(frames: dict[str, pd.DataFrame], cutoff: pd.Timestamp) -> set[str]:
    spans = frames["subscriptions"]
    return set(spans[(spans.started_at < cutoff) & ~(spans.ended_at < cutoff)].customer_id)


def rows_of(found: Workbench, definition: str, days: int) -> pd.DataFrame:
    return found.rates[(found.rates.definition == definition) & (found.rates.days == days)]


@pytest.mark.parametrize("days", [28, 90])
def test_the_end_of_the_contract(frames: dict[str, pd.DataFrame], found: Workbench, days: int) -> None:
    last = frames["subscriptions"].sort_values("started_at").drop_duplicates("customer_id", keep="last")
    rows = rows_of(found, "subscription", days)
    assert len(rows) == 12 and rows.in_force.all() == (days == 28)
    for row in rows.itertuples():
        cutoff = pd.Timestamp(row.cutoff, tz="UTC")
        here = at_risk(frames, cutoff)
        gone = last[(last.ended_at >= cutoff) & (last.ended_at < cutoff + days * DAY)].customer_id
        assert (row.at_risk, row.left) == (len(here), len(here & set(gone)))
        assert row.low < row.rate == row.left / row.at_risk < row.high


def test_silence(frames: dict[str, pd.DataFrame], found: Workbench) -> None:
    events = active(frames)
    for row in rows_of(found, "inactivity", 60).itertuples():
        cutoff = pd.Timestamp(row.cutoff, tz="UTC")
        seen = set(events[(events["at"] >= cutoff) & (events["at"] < cutoff + 60 * DAY)].customer_id)
        assert row.left == len(at_risk(frames, cutoff) - seen)


def test_every_definition_is_summed_up_and_its_last_usable_cutoff_is_named(found: Workbench) -> None:
    assert found.definitions.in_force.tolist() == [True] + [False] * (len(found.definitions) - 1)
    assert {"subscription", "inactivity", "rhythm", "date"} == set(found.definitions.definition)
    for row in found.definitions.itertuples():
        rates = rows_of(found, row.definition, row.days)
        assert (row.left, row.at_risk) == (rates.left.sum(), rates.at_risk.sum())
        assert row.lowest <= row.rate <= row.highest
        known = datetime.fromisoformat(row.last_usable) + timedelta(days=row.days)
        assert known == datetime(2025, 7, 1)


def test_who_comes_back_after_a_silence(frames: dict[str, pd.DataFrame], found: Workbench) -> None:
    end, events = pd.Timestamp("2025-07-01", tz="UTC"), active(frames)
    silent, back = [], []
    for cutoff in (end - (REACH + 30 * k) * DAY for k in (0, 1, 2)):
        last = events[events["at"] < cutoff].groupby("customer_id")["at"].max()
        following = events[events["at"] >= cutoff].groupby("customer_id")["at"].min()
        silent.append(np.floor((cutoff - last) / DAY))
        back.append(np.floor((following - cutoff) / DAY).reindex(last.index))
    days, until = pd.concat(silent), pd.concat(back).to_numpy()
    assert found.reach == REACH and found.returns.silent.tolist() == list(SILENCES[: len(found.returns)])
    for row in found.returns.itertuples():
        of = (days >= row.silent).to_numpy()
        assert row.silences == of.sum()
        assert row.back_30 == pytest.approx((until[of] < 30).mean())
        assert row.back == pytest.approx((until[of] < REACH).mean())


def test_asked_or_not(frames: dict[str, pd.DataFrame], found: Workbench) -> None:
    last = frames["subscriptions"].sort_values("started_at").drop_duplicates("customer_id", keep="last")
    for row in found.ways.itertuples():
        cutoff = pd.Timestamp(row.cutoff, tz="UTC")
        gone = last[last.customer_id.isin(at_risk(frames, cutoff))]
        gone = gone[(gone.ended_at >= cutoff) & (gone.ended_at < cutoff + 28 * DAY)]
        asked = gone.cancel_requested_at.notna()
        assert (row.asked, row.not_asked) == (asked.sum(), (~asked).sum())
    assert found.ways.asked.sum() > 0 < found.ways.not_asked.sum()


def test_who_leaves_is_counted_by_heads(frames: dict[str, pd.DataFrame], found: Workbench) -> None:
    last = frames["subscriptions"].sort_values("started_at").drop_duplicates("customer_id", keep="last")
    (row,) = found.definitions[
        (found.definitions.definition == "subscription") & (found.definitions.days == 90)
    ].itertuples()
    here, gone = set[str](), set[str]()
    for one in rows_of(found, "subscription", 90).itertuples():
        cutoff = pd.Timestamp(one.cutoff, tz="UTC")
        there = at_risk(frames, cutoff)
        ends = last[(last.ended_at >= cutoff) & (last.ended_at < cutoff + 90 * DAY)]
        here |= there
        gone |= there & set(ends.customer_id)
    assert (row.customers, row.leavers) == (len(here), len(gone))
    assert row.leavers < row.left  # windows of 90 days at month starts overlap


def test_who_ends_two_contracts_is_one_customer() -> None:
    started, ended, asked = (
        pd.Timestamp(day, tz="UTC") for day in ("2024-01-01", "2025-02-10", "2025-02-05")
    )
    rows = [(f"both{k}", started, ended, asked) for k in range(3) for _ in range(2)]
    rows += [
        (f"one of two asked{k}", started, ended, asked if i else pd.NaT) for k in range(4) for i in range(2)
    ]
    rows += [(f"unasked{k}", started, ended, pd.NaT) for k in range(5) for _ in range(3)]
    rows += [(f"stays{k}", started, pd.NaT, pd.NaT) for k in range(9)]
    contracts = pd.DataFrame(rows, columns=["customer_id", "started_at", "ended_at", "cancel_requested_at"])
    contracts["subscription_id"] = [str(k) for k in range(len(contracts))]
    raw = {
        "project": {"observation_end": "2025-06-01"},
        "population": {"by": "subscription"},
        "churn": {"definition": "subscription", "horizon": "28D"},
        "engine": {"threads": 1},
    }
    ways = workbench(open_tables(parse_config(raw, Path()), {"subscriptions": contracts})).ways
    (row,) = ways[ways.asked > 0].itertuples()
    assert (row.cutoff, row.asked, row.not_asked) == ("2025-02-01", 3 + 4, 5)


def test_the_horizon_of_silence_is_the_shortest_after_which_few_return(company: Simulation) -> None:
    found = opened(company, churn={"definition": "inactivity", "horizon": "28D"})
    assert found.suggestion is not None and found.suggestion.rule == "return"
    few = found.returns[found.returns.back <= 0.1]
    assert found.suggestion.days == few.silent.min() and found.suggestion.figure == few.back.iloc[0]
    assert (found.returns[found.returns.silent < found.suggestion.days].back > 0.1).all()


def test_a_short_history_gives_what_it_can(company: Simulation) -> None:
    contacts = company.tables["interactions"].to_pandas()[["customer_id", "started_at"]].head(3_000)
    end = contacts.started_at.max().normalize()
    contacts = contacts[contacts.started_at >= end - 70 * DAY]
    raw = {
        "project": {"observation_end": f"{end:%Y-%m-%d}"},
        "population": {"by": "activity", "within": "30D", "activity": ["interactions"]},
        "churn": {"definition": "inactivity", "activity": ["interactions"], "horizon": "14D"},
    }
    found = workbench(open_tables(parse_config(raw, Path()), {"interactions": contacts}))
    assert 0 < found.reach < 30 and "back_30" not in found.returns
    assert set(found.definitions.definition) == {"inactivity", "rhythm"} and found.ways.empty


def seen_for(days: int) -> dict[str, Any]:
    """Customers who come at most every 20 days, seen for so many days; a third of them stop half way."""
    rng = np.random.default_rng(0)
    end = pd.Timestamp("2025-07-01")
    rows = [
        (f"c{c}", day)
        for c in range(120)
        for day in pd.date_range(end - days * DAY + rng.integers(20) * DAY, end, freq="20D")
        if c % 3 or day < end - days / 2 * DAY
    ]
    raw = {
        "project": {"observation_end": "2025-07-01"},
        "churn": {"definition": "inactivity", "activity": ["interactions"]},
        "population": {"by": "activity", "within": "60D", "activity": ["interactions"]},
        "engine": {"threads": 1},
    }
    contacts = pd.DataFrame(rows, columns=["customer_id", "started_at"])
    return workbench(open_tables(parse_config(raw, Path()), {"interactions": contacts})).rows()


def test_no_horizon_is_suggested_that_leaves_no_cutoff_to_test_on() -> None:
    long, short = seen_for(700), seen_for(150)
    for found in (long, short):
        costs = {one["days"]: one for one in found["horizons"]}
        assert [costs[days]["cutoffs"] for days in (7, 60, 90)] == sorted(
            (costs[d]["cutoffs"] for d in (7, 60, 90)), reverse=True
        )
        assert found["suggestion"] is None or costs[found["suggestion"]["days"]]["tests"]
    # Month starts with 90 known days after them, up to 2 April 2025, of a log that begins on 1 August 2023.
    assert {one["days"]: one["cutoffs"] for one in long["horizons"]}[90] == 20
    assert long["suggestion"]["days"] == 30, "after 30 days nobody comes back"
    # Of five months, 90 days leave two cutoffs, and the outcome of the one is not known at the other.
    assert not {one["days"]: one["tests"] for one in short["horizons"]}[90]


def test_the_advice_is_said_in_the_terminal_and_to_machines() -> None:
    from cxml.report import advice

    first, *costs = advice(seen_for(700))
    assert first.startswith("Suggested horizon: 30 days.")
    assert "  90 days: 20 cutoffs, one later to test on" in costs
    assert advice({"horizons": [{"days": 90, "cutoffs": 0, "tests": False}], "suggestion": None, "reach": 0})[
        1
    ] == ("  90 days: no outcome is known yet")


def test_the_job_writes_a_page_per_language_and_tables(company: Simulation, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("interactions", "orders", "subscriptions"):
        company.tables[name].to_pandas().to_parquet(data / f"{name}.parquet", index=False)
    sources = "".join(f'[tables.{p.stem}]\nsource = "{p.name}"\n' for p in sorted(data.glob("*.parquet")))
    text = re.sub(r"(?ms)^\[tables\..*?(?=^\[population\])", sources, company.config)
    text = re.sub(r"(?ms)^\[\[value\.sources\]\].*?(?=^\[decisions\])", "", text)
    (data / "cxml.toml").write_text(text)
    made = jobs.label(data, out=tmp_path / "out")
    assert {"label.en.html", "label.ko.html", "rates.csv", "definitions.csv", "label.json"} <= {
        p.name for p in made.iterdir()
    }
    rates = pd.read_csv(made / "rates.csv")
    own = rates[rates.in_force]
    for lang in ("en", "ko"):
        page = (made / f"label.{lang}.html").read_text(encoding="utf-8")
        assert f'<html lang="{lang}"' in page and "http://" not in page and "<script" not in page
        assert f"{100 * own.left.sum() / own.at_risk.sum():.1f}%" in page
        assert page.count('<circle class="dot"') >= len(own)
    korean = re.sub(r"(?s)<style>.*?</style>|<[^>]+>|&[a-z]+;", " ", page.split("<body>")[1])
    assert set(re.findall(r"[A-Za-z]{2,}", korean)) <= {"demo"}
