"""What was written on old rows later is named, in whichever table and column; what was known in time never is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml.audit import columns, drift, overwritten
from cxml.audit.findings import Probe
from cxml.audit.value_groups import groups_by_value
from cxml.config.load import parse_config
from cxml.contracts import TABLES
from cxml.tables.opening import open_tables

Frames = dict[str, pd.DataFrame]
FIRST, DAYS = pd.Timestamp("2023-01-01", tz="UTC"), 540
END = FIRST + pd.Timedelta(days=DAYS)
EVENTS = {
    "interactions": "started_at",
    "orders": "ordered_at",
    "charges": "charged_at",
    "surveys": "sent_at",
    "messages": "sent_at",
    "posts": "posted_at",
    "sessions": "started_at",
    "recoveries": "at",
}


def day(number: Any) -> Any:
    return FIRST + pd.to_timedelta(number, unit="D")


def life(seed: int = 0, n: int = 1_500) -> tuple[Any, pd.DataFrame]:
    """Customers who come over a year and leave at a risk of their own, known to nobody: when, also after the extract."""
    rng = np.random.default_rng(seed)
    came, risky = rng.uniform(0, 365, n), rng.random(n) < 0.3
    gone = came + rng.exponential(1 / np.where(risky, 0.006, 0.0015))
    people = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(n)], "came": came, "gone": gone, "risky": risky}
    )
    return rng, people


def contracts(people: pd.DataFrame, **values: Any) -> pd.DataFrame:
    ended = pd.Series(day(people.gone)).where(people.gone < DAYS)
    return pd.DataFrame(
        {
            "subscription_id": people.customer_id,
            "customer_id": people.customer_id,
            "started_at": day(people.came),
            "ended_at": ended,
            **values,
        }
    )


def log(rng: Any, people: pd.DataFrame, table: str, every: float = 20) -> pd.DataFrame:
    """Rows of a log at random days of each customer's time, seen up to the extract, in order."""
    until = np.minimum(people.gone, DAYS) - people.came
    who = np.repeat(people.index, rng.poisson(until / every))
    at = people.came[who] + rng.random(len(who)) * until[who]
    rows = pd.DataFrame({"customer_id": people.customer_id[who].to_numpy(), "at": at.to_numpy()})
    rows = rows.sort_values("at", ignore_index=True)
    rows[TABLES[table].id] = [f"r{i}" for i in range(len(rows))]
    rows["left"] = rows.customer_id.map(people.set_index("customer_id").gone) < DAYS
    rows["last"] = ~rows.customer_id.duplicated(keep="last")
    return rows


def table_of(rows: pd.DataFrame, table: str, **values: Any) -> pd.DataFrame:
    over = {"ended_at": day(rows["at"])} if table == "interactions" else {}
    rows = rows.assign(**{EVENTS[table]: day(rows["at"]), **over, **values})
    return rows.drop(columns=[name for name in ("at", "left", "last") if name != EVENTS[table]])


def probed(frames: Frames, **training: Any) -> Probe:
    months = [f"{at:%Y-%m-%d}" for at in pd.date_range("2023-09-01", "2024-05-01", freq="MS")]
    config = parse_config(
        {
            "project": {"observation_end": END.isoformat()},
            "population": {"by": "subscription"},
            "churn": {"definition": "subscription", "horizon": "30D", "grace": "0D"},
            "training": {"cutoffs": months, **training},
        },
        Path(),
    )
    return overwritten.probe(open_tables(config, frames), 10_000, 0)


def named(found: Probe) -> dict[str, str]:
    return {one.about: one.what for one in found.leaks}


# ---------------------------------------------------------------- contracts


@pytest.mark.parametrize(("before", "share"), [(0.0, 1.0), (0.3, 1.0), (0.05, 0.8)])
def test_a_flag_that_is_set_as_the_customer_leaves_is_named(before: float, share: float) -> None:
    """Whether or not some had it before, and also when it is not set for all."""
    rng, people = life()
    off = (rng.random(len(people)) < before) | ((people.gone < DAYS) & (rng.random(len(people)) < share))
    found = named(probed({"subscriptions": contracts(people, auto_renew=~off)}))
    assert set(found) == {"subscriptions.auto_renew"}
    assert ("gives leavers away" if share == 1 else "seems to know the future") in found[
        "subscriptions.auto_renew"
    ]


@pytest.mark.parametrize(("column", "honest", "then"), [("plan", "p", "none"), ("price", 30.0, 0.0)])
def test_a_plan_or_price_that_is_taken_back_is_named(column: str, honest: Any, then: Any) -> None:
    _, people = life()
    values = pd.Series(honest, index=people.index).where(people.gone >= DAYS, then)
    assert set(named(probed({"subscriptions": contracts(people, **{column: values})}))) == {
        f"subscriptions.{column}"
    }


def test_what_was_agreed_at_the_start_is_not_named_however_much_it_says() -> None:
    for seed in range(5):
        rng, people = life(seed)
        mostly = np.where(rng.random(len(people)) < 0.9, people.risky, ~people.risky)
        frames = {
            "subscriptions": contracts(
                people,
                plan=np.where(mostly, "month", "year"),
                auto_renew=~people.risky,
                price=10.0 + 5 * mostly + rng.normal(0, 1, len(people)),
            )
        }
        assert probed(frames).findings == ()


def test_a_plan_that_became_riskier_is_not_named() -> None:
    """From the last year on the plan costs more: its customers leave, and as many have it as before."""
    rng, people = life(n=4_000)
    plan = np.where(rng.random(len(people)) < 0.3, "dear", "cheap")
    soon = np.maximum(people.came, 365) + rng.exponential(1 / 0.006, len(people))
    people["gone"] = np.where(plan == "dear", np.minimum(people.gone, soon), people.gone)
    assert probed({"subscriptions": contracts(people, plan=plan)}).findings == ()


def test_contracts_that_all_show_the_present_plan_are_a_remark() -> None:
    rng, people = life(n=600)
    plans = ["a", "b", "c"]
    first = contracts(people, plan=rng.choice(plans, len(people)))
    half = people.came + (people.gone - people.came) / 2
    later = first.assign(
        subscription_id=[f"s{i}" for i in range(len(first))],
        started_at=day(half),
        plan=rng.choice(plans, len(first)),
    )[(half < DAYS).to_numpy()]
    first["ended_at"] = day(np.minimum(half, people.gone)).to_numpy()
    first.loc[half >= DAYS, "ended_at"] = pd.NaT
    both = pd.concat([first, later], ignore_index=True)
    assert probed({"subscriptions": both}).findings == ()
    present = both.sort_values("started_at").groupby("customer_id").plan.last()
    (found,) = probed({"subscriptions": both.assign(plan=both.customer_id.map(present))}).findings
    assert found.about == "subscriptions.plan" and not found.leak and "never changes" in found.what


# ---------------------------------------------------------------- contacts and other logs


def test_a_code_that_the_last_contacts_of_leavers_got_later_is_named() -> None:
    rng, people = life()
    rows = log(rng, people, "interactions")
    topics = np.where(rows.left & rows["last"], "closed", rng.choice(["a", "b", "c"], len(rows)))
    frames = {
        "subscriptions": contracts(people),
        "interactions": table_of(rows, "interactions", topic=topics),
    }
    found = named(probed(frames))
    assert (
        set(found) == {"interactions.topic"}
        and "written late on the rows of leavers" in found["interactions.topic"]
    )
    versions = frames["interactions"].assign(recorded_at=frames["interactions"].started_at)
    assert probed(frames | {"interactions": versions}).findings == ()  # then cxml knows what was known


def test_a_call_on_the_way_out_is_known_in_time() -> None:
    """Whoever will leave says so on the last contact, also those whose end comes after the extract."""
    for seed in range(5):
        rng, people = life(seed)
        rows = log(rng, people, "interactions")
        goodbye = people[rng.random(len(people)) < 0.7]
        said = goodbye.gone - rng.uniform(1, 45, len(goodbye))
        seen = (said < DAYS) & (said > goodbye.came)
        more = pd.DataFrame({"customer_id": goodbye.customer_id[seen], "at": said[seen]})
        more["interaction_id"] = [f"bye{i}" for i in range(len(more))]
        topics = np.append(rng.choice(["a", "b", "c"], len(rows)), ["goodbye"] * len(more))
        both = pd.concat([rows, more], ignore_index=True)
        frames = {
            "subscriptions": contracts(people),
            "interactions": table_of(both, "interactions", topic=topics),
        }
        assert probed(frames).findings == ()


@pytest.mark.parametrize(
    ("table", "column", "usual", "then"),
    [
        ("interactions", "agent_id", ["kim", "lee", "park"], "closing desk"),
        ("interactions", "channel", ["email", "phone.human"], "letter"),
        ("orders", "category", ["shoes", "coats"], "former customers"),
        ("orders", "margin", [5.0, 7.5, 9.0], 0.0),
        ("charges", "kind", ["monthly", "fee"], "written off"),
        ("surveys", "score", [6.0, 8.0, 9.0], 0.0),
        ("messages", "relevant", [True], False),
        ("posts", "polarity", [0.1, 0.2, 0.6], -1.0),
        ("recoveries", "granted", [True], False),
    ],
)
def test_every_column_of_a_log_is_asked(table: str, column: str, usual: list[Any], then: Any) -> None:
    rng, people = life()
    rows = log(rng, people, table)
    values = pd.Series(rng.choice(usual, len(rows))).where(~(rows.left & rows["last"]), then)
    more: dict[str, Any] = {column: values}
    if table == "surveys":
        more |= {
            "answered_at": day(rows["at"]),
            "kind": "nps",
            "scale_min": 0,
            "scale_max": 10,
            "higher_is": "good",
        }
    if table == "recoveries":
        more |= {"action": "apology"}
    found = named(probed({"subscriptions": contracts(people), table: table_of(rows, table, **more)}))
    assert set(found) == {f"{table}.{column}"}
    assert not any(str(value) in found[f"{table}.{column}"] for value in usual if isinstance(value, str))


def test_what_agents_are_is_asked_of_the_contacts_they_had() -> None:
    rng, people = life()
    rows = log(rng, people, "interactions")
    agents = [f"a{i}" for i in range(40)]
    served = np.where(rows.left & rows["last"], "a39", rng.choice(agents[:39], len(rows)))
    staff = pd.DataFrame({"agent_id": agents, "valid_from": FIRST, "team": ["front"] * 39 + ["archive"]})
    found = named(
        probed(
            {
                "subscriptions": contracts(people),
                "agents": staff,
                "interactions": table_of(rows, "interactions", agent_id=served),
            }
        )
    )
    assert set(found) == {"interactions.agent_id", "agents.team"}


def test_a_promise_that_was_moved_for_leavers_is_named() -> None:
    """An instant is held against that of its row."""
    rng, people = life()
    rows = log(rng, people, "orders")
    after = np.where(rows.left & rows["last"], 60.0, rng.integers(2, 6, len(rows)))
    orders = table_of(rows, "orders", promised_at=day(rows["at"] + after))
    assert set(named(probed({"subscriptions": contracts(people), "orders": orders}))) == {
        "orders.promised_at"
    }


def test_too_few_cutoffs_and_an_extract_without_customers_are_told() -> None:
    _, people = life(n=300)
    frames = {"subscriptions": contracts(people, auto_renew=people.gone >= DAYS)}
    found = probed(frames, cutoffs=["2024-03-01", "2024-04-01"])
    assert found.findings == () and found.result == "not testable" and "2 cutoffs" in found.note
    people["gone"] = np.minimum(people.gone, DAYS - 1)
    everyone = {"subscriptions": contracts(people, auto_renew=True)}
    assert probed(everyone).findings == ()


# ---------------------------------------------------------------- the statistics


def test_ids_that_few_share_are_not_asked() -> None:
    asked = {
        f"{name}.{column.name}"
        for name, table in TABLES.items()
        for column in table.columns
        if columns._could_be_written_late(table, column)
    }
    assert {
        "interactions.agent_id",
        "interactions.topic",
        "subscriptions.auto_renew",
        "orders.promised_at",
    } <= asked
    assert not asked & {
        "interactions.issue_id",
        "orders.order_id",
        "interactions.started_at",
        "orders.delivered_at",
    }


def test_a_number_that_many_leavers_share_is_a_group_of_its_own() -> None:
    numbers = pd.Series([0.0] * 3 + list(np.linspace(1, 9, 97)))
    made = groups_by_value(numbers, np.arange(100) < 6, bins=4, most=8)
    assert len(set(made.of[:3])) == 1 and (made.of == made.of[0]).sum() == 3


def test_few_who_have_it_by_chance_is_seldom() -> None:
    """Shares as they come: the chance of one so low is as often below a hundredth as it says, and no oftener."""
    rng, low = np.random.default_rng(0), 0
    for _ in range(2_000):
        rows = np.full(8, 1_000.0)
        had = rng.binomial(1_000, 0.02, 9)
        low += overwritten._chance(had[:8].astype(float), rows, int(had[8]), 1_000) < 0.01
    assert low <= 40


def test_a_group_is_used_up_when_it_dwindles_as_its_risk_rises() -> None:
    def made(change: float, share: float) -> drift.Drift:
        return drift.Drift("x", 9.0, change, by_rank=False, share=share)

    assert made(3.0, 0.4).used_up and made(0.3, 3.0).used_up
    assert not made(3.0, 1.0).used_up and not made(3.0, 2.0).used_up and not made(0.3, 0.5).used_up
