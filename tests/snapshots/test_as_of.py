"""The leak wall on tables as systems export them: values worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
from at_cutoffs import features_at, labels_at

from cxml.audit import scrambled_future
from cxml.config.load import Config, parse_config
from cxml.factors.declare import FactorKind
from cxml.features.company import plan_features
from cxml.snapshots import as_of
from cxml.tables.check import check_tables
from cxml.tables.opening import Tables, open_tables

Frames = Mapping[str, pd.DataFrame]
FEBRUARY = datetime(2025, 2, 1, tzinfo=UTC)


def config(end: str = "2025-06-01", zone: str = "UTC", tables: Any = None, **sections: Any) -> Config:
    raw: dict[str, Any] = {
        "project": {"observation_end": end, "timezone": zone},
        "population": {"activity": ["interactions"], "within": "365D"},
        "churn": {"activity": ["interactions"], "horizon": "28D"},
        "tables": tables or {},
    }
    return parse_config(raw | sections, Path())


def features(tables: Tables, cutoff: datetime = FEBRUARY) -> pd.DataFrame:
    return features_at(tables, [cutoff], get_args(FactorKind)).set_index("customer_id")


def csv(frame: pd.DataFrame, folder: Path, name: str) -> dict[str, Any]:
    """The table as a CSV file, as a source of the configuration."""
    frame.to_csv(folder / f"{name}.csv", index=False)
    return {name: {"source": str(folder / f"{name}.csv")}}


def tickets(**columns: list[Any]) -> pd.DataFrame:
    """Two tickets of 5 January that were handed on seven times: A is still open, B was closed on 20 January."""
    made = {
        "interaction_id": ["a", "b"],
        "customer_id": ["A", "B"],
        "started_at": pd.to_datetime(["2025-01-05 09:00:00"] * 2),
        "channel": ["email"] * 2,
        "transfers": [7, 7],
        "agent_id": ["kim", "kim"],
        "escalated": [True, True],
    }
    return pd.DataFrame(made | columns)


CLOSED = {"ended_at": pd.to_datetime([None, "2025-01-20 09:00:00"])}
OUTCOME = ["transfers_mean_90d", "transfers_max_90d", "escalated_n_90d"]


@pytest.mark.parametrize(("day", "shown"), [(10, [None, None]), (21, [None, 7.0]), (31, [None, 7.0])])
def test_a_contact_without_an_end_shows_no_outcome(day: int, shown: list[float | None]) -> None:
    opened = open_tables(config(), {"interactions": tickets(**CLOSED)})
    found = features(opened, datetime(2025, 1, day, tzinfo=UTC))["transfers_max_365d"]
    assert [None if pd.isna(one) else one for one in found] == shown


def test_an_open_contact_counts_as_a_contact() -> None:
    found = features(open_tables(config(), {"interactions": tickets(**CLOSED)}))
    assert list(found["contacts_n_30d"]) == [1, 1]
    assert list(found["escalated_n_90d"]) == [0, 1]


def test_without_any_end_outcomes_are_left_out_by_name() -> None:
    opened = open_tables(config(), {"interactions": tickets()})
    plan = plan_features(opened).matrix(get_args(FactorKind))
    assert plan.left_out["transfers_max"] == ("interactions.ended_at",)
    assert not {column.name for column in plan.columns} & set(OUTCOME)
    assert "contacts_n_30d" in features(opened)


def test_wait_and_handling_bound_an_end_that_is_not_recorded() -> None:
    """A was waited for a minute and served for two hours, B has no time of service, C gave up after a minute."""
    log = tickets(wait_s=[60.0, 60.0], handle_s=[7200.0, None], abandoned=[False, False])
    log = pd.concat([log, log.iloc[[1]].assign(interaction_id="c", customer_id="C", abandoned=True)])
    opened = open_tables(config(), {"interactions": log.reset_index(drop=True)})
    for hour, minute, outcomes in ((9, 1, ""), (9, 2, "C"), (11, 1, "C"), (11, 2, "AC")):
        found = features(opened, datetime(2025, 1, 5, hour, minute, tzinfo=UTC))
        assert "".join(found.index[found["transfers_max_365d"].notna()]) == outcomes, (hour, minute)
        waited = found["wait_max_30d"].notna()
        assert waited.all() if minute == 2 or hour == 11 else not waited.any(), "a wait bounds itself"


def test_check_tells_what_an_unknown_end_costs() -> None:
    def notes(frame: pd.DataFrame) -> str:
        return "\n".join(check_tables(open_tables(config(), {"interactions": frame})).notes)

    assert "1 of 2 contacts have no end (ended_at)" in notes(tickets(**CLOSED))
    assert "no ended_at and no handle_s" in notes(tickets())
    assert "ends are taken as start, wait and handling" in notes(
        tickets(wait_s=[1.0, 2.0], handle_s=[1.0, 2.0])
    )


def old_rule(present: frozenset[str]) -> str:
    """What the wall must never be again: an open contact that is over as it begins."""
    return (
        "coalesce(seconds(s.ended_at), seconds(s.started_at))"
        if "ended_at" in present
        else "seconds(s.started_at)"
    )


@pytest.mark.parametrize("ended", [CLOSED, {"handle_s": [None, 60.0]}])
def test_the_audit_names_a_wall_that_shows_open_contacts(
    monkeypatch: pytest.MonkeyPatch, ended: dict[str, Any]
) -> None:
    log = pd.concat(
        [
            tickets(**ended).assign(
                interaction_id=lambda f, k=k: f["interaction_id"] + str(k),
                customer_id=lambda f, k=k: f["customer_id"] + str(k),
            )
            for k in range(20)
        ],
        ignore_index=True,
    )
    opened = open_tables(config(), {"interactions": log})
    moved = scrambled_future.probe(plan_features(opened), [FEBRUARY], customers=100, seed=0, tell=str)
    assert not moved.findings
    monkeypatch.setattr(as_of, "made_instant", lambda name, present: old_rule(present))
    broken = scrambled_future.probe(plan_features(opened), [FEBRUARY], customers=100, seed=0, tell=str)
    assert {"transfers_max_365d", "escalated_n_90d"} <= {one.about for one in broken.findings}


def test_an_issue_that_came_back_is_open_again() -> None:
    """Never solved; solved; solved and reopened; reopened and solved again."""
    day = pd.Timestamp("2025-01-10 10:00")
    log = pd.DataFrame(
        {
            "interaction_id": list("abcd"),
            "issue_id": list("abcd"),
            "customer_id": list("ABCD"),
            "started_at": day,
            "resolved_at": pd.to_datetime([None, "2025-01-10 12:00", "2025-01-10 12:00", "2025-01-20 12:00"]),
            "reopened_at": pd.to_datetime([None, None, "2025-01-13 09:00", "2025-01-13 09:00"]),
            "channel": "email",
            "topic": "billing",
        }
    )
    opened = open_tables(config(), {"interactions": log})
    found = features(opened)
    assert list(found["open_issues_n_30d"]) == [1, 0, 1, 0]
    assert list(found["unresolved_last_365d"]) == [1, 0, 1, 0]
    assert list(found["resolved_share_30d"]) == [0, 1, 0, 1]
    assert list(found["overdue_issues_n_90d"]) == [1, 0, 1, 0]
    assert found["open_oldest_d_365d"]["C"] == pytest.approx(21 + 14 / 24)
    assert list(found["reopened_n_90d"]) == [0, 0, 1, 1]
    before = features(opened, datetime(2025, 1, 12, tzinfo=UTC))
    assert list(before["open_issues_n_30d"]) == [1, 0, 0, 1], (
        "nobody knew on the 12th that they would come back"
    )


def audit_log(**columns: list[Any]) -> pd.DataFrame:
    """One ticket whose state was written three times, twice within the same minute."""
    made = {
        "interaction_id": ["t"] * 3,
        "customer_id": ["A"] * 3,
        "started_at": ["2025-01-05 09:00:00"] * 3,
        "ended_at": [None, None, "2025-01-05 10:00:00"],
        "recorded_at": ["2025-01-05 09:00:00", "2025-01-05 10:00:00", "2025-01-05 10:00:00"],
        "transfers": [0, 3, 1],
        "channel": ["email"] * 3,
    }
    return pd.DataFrame(made | columns)


def test_of_versions_of_one_minute_the_one_further_down_counts(tmp_path: Path) -> None:
    opened = open_tables(config(tables=csv(audit_log(), tmp_path, "interactions")))
    assert features(opened)["transfers_max_365d"]["A"] == 1
    found = check_tables(opened)
    assert not found.problems
    assert any("2 rows share their id and recorded_at" in one for one in found.notes)
    turned = csv(audit_log().iloc[[0, 2, 1]], tmp_path, "interactions")
    assert pd.isna(features(open_tables(config(tables=turned)))["transfers_max_365d"]["A"]), (
        "the last is open"
    )


def test_a_sequence_column_tells_versions_of_one_minute_apart(tmp_path: Path) -> None:
    log = audit_log(version=[10, 11, 12]).iloc[[2, 0, 1]]
    opened = open_tables(config(tables=csv(log, tmp_path, "interactions")))
    assert features(opened)["transfers_max_365d"]["A"] == 1
    assert not any("share their id" in one for one in check_tables(opened).notes)


def test_a_column_called_version_is_none_where_rows_have_no_versions(tmp_path: Path) -> None:
    log = (
        audit_log(version=["2.1", "2.1", "3.0"])
        .drop(columns="recorded_at")
        .assign(interaction_id=list("abc"))
    )
    opened = open_tables(config(tables=csv(log, tmp_path, "interactions")))
    assert not check_tables(opened).problems
    assert "interactions: columns not used: version" in opened.notes


def paid_months(style: str) -> pd.DataFrame:
    """One row a paid month, billed on the 1st or the 15th; who ends in 1 paid one month less than who ends in 2."""
    rows = []
    for customer, first, months in (("P1", 1, 8), ("P2", 1, 9), ("Q1", 15, 8), ("Q2", 15, 9)):
        start = pd.Timestamp(2024, 6, first)
        for month in range(months):
            following = start + pd.DateOffset(months=1)
            end = following - pd.Timedelta(days=1) if style == "last day" else following
            rows.append((customer, f"{customer}-{month}", f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}"))
            start = following
    return pd.DataFrame(rows, columns=["customer_id", "subscription_id", "started_at", "ended_at"])


CONTRACTS = {"by": "subscription"}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Seoul"])
@pytest.mark.parametrize("style", ["last day", "next day"])
@pytest.mark.parametrize("grace", ["0D", "7D"])
def test_who_pays_month_by_month_is_at_risk_and_stays(
    tmp_path: Path, style: str, zone: str, grace: str
) -> None:
    """P1 paid up to 31 January, P2 up to 28 February, Q1 up to 14 February, Q2 up to 14 March."""
    sources = csv(paid_months(style), tmp_path, "subscriptions")
    churn = {"definition": "subscription", "grace": grace, "horizon": "28D"}
    made = config("2025-05-01", zone, sources, population=CONTRACTS, churn=churn)
    opened = open_tables(made)
    left = {
        "2025-01-01": {"P1": 0, "P2": 0, "Q1": 0, "Q2": 0},
        "2025-01-10": {"P1": 1, "P2": 0, "Q1": 0, "Q2": 0},
        "2025-01-20": {"P1": 1, "P2": 0, "Q1": 1, "Q2": 0},
    }
    for day, expected in left.items():
        labels = labels_at(opened, [made.instant(day)]).set_index("customer_id")
        assert labels["churned"].to_dict() == expected, day


def test_an_end_day_ends_with_its_last_second(tmp_path: Path) -> None:
    spans = pd.DataFrame(
        {
            "customer_id": ["A"],
            "subscription_id": ["s"],
            "started_at": ["2025-01-01"],
            "ended_at": ["2025-01-31"],
        }
    )
    made = config(
        zone="Asia/Seoul",
        tables=csv(spans, tmp_path, "subscriptions"),
        population=CONTRACTS,
        churn={"definition": "subscription"},
    )
    opened = open_tables(made)
    start, end = opened.engine.rows("select started_at, ended_at from subscriptions")[0]
    assert (start, end) == (datetime(2024, 12, 31, 15), datetime(2025, 1, 31, 15))


def test_who_is_dated_back_neither_stays_nor_leaves() -> None:
    """On 1 April A's contract was running; on the 12th it was written down as ended on 20 March. B stays."""
    spans = pd.DataFrame(
        {
            "customer_id": ["A", "A", "B"],
            "subscription_id": ["a", "a", "b"],
            "started_at": pd.to_datetime(["2024-05-01"] * 3),
            "ended_at": pd.to_datetime([None, "2025-03-20", None]),
            "recorded_at": pd.to_datetime(["2024-05-01", "2025-04-12", "2024-05-01"]),
        }
    )
    people = pd.DataFrame(
        {
            "customer_id": ["A", "A", "B"],
            "joined_at": pd.to_datetime(["2024-05-01"] * 3),
            "left_at": spans["ended_at"],
            "recorded_at": spans["recorded_at"],
        }
    )
    for sections in (
        {"population": CONTRACTS, "churn": {"definition": "subscription", "horizon": "28D"}},
        {"population": {"by": "customers"}, "churn": {"definition": "date", "horizon": "28D"}},
    ):
        opened = open_tables(config(**sections), {"subscriptions": spans, "customers": people})
        found = labels_at(opened, [datetime(2025, 4, 1, tzinfo=UTC)]).set_index("customer_id")
        assert found["churned"].to_dict() == {"A": 0, "B": 0}
        assert found["left_in_lead"].to_dict() == {"A": 1, "B": 0}, "A plays no part in training"


def test_a_contract_that_was_taken_back_never_began(tmp_path: Path) -> None:
    """Systems whose end day belongs to the span write the day before the start; A has no other contract."""
    spans = pd.DataFrame(
        {
            "customer_id": ["A", "B", "B"],
            "subscription_id": list("abc"),
            "started_at": ["2025-01-10", "2025-01-10", "2025-01-05"],
            "ended_at": ["2025-01-09", "2025-01-09", ""],
        }
    )
    tables = csv(spans, tmp_path, "subscriptions")
    opened = open_tables(config(tables=tables, population=CONTRACTS, churn={"definition": "subscription"}))
    assert not check_tables(opened).problems
    assert features(opened)["contracts_n"].to_dict() == {"B": 1}


def test_no_duration_is_negative_where_days_meet_times(tmp_path: Path) -> None:
    log = pd.DataFrame(
        {
            "interaction_id": list("abc"),
            "issue_id": list("abc"),
            "customer_id": list("XYZ"),
            "started_at": ["2025-01-10"] * 3,
            "channel": "email",
            "topic": "t",
            "direction": "inbound",
            "first_reply_at": ["2025-01-10 09:30:00", "2025-01-10 23:00:00", "2025-01-12 09:00:00"],
            "resolved_at": ["2025-01-10 10:00:00", "2025-01-11 10:00:00", "2025-01-12 10:00:00"],
        }
    )
    orders = pd.DataFrame(
        {
            "order_id": ["1", "2"],
            "customer_id": ["X", "Y"],
            "ordered_at": ["2025-01-10"] * 2,
            "revenue": [10, 10],
            "delivered_at": ["2025-01-10 14:00:00", "2025-01-12 14:00:00"],
        }
    )
    sources = csv(log, tmp_path, "interactions") | csv(orders, tmp_path, "orders")
    found = features(open_tables(config(zone="Asia/Seoul", tables=sources)), FEBRUARY)
    numbers = found.select_dtypes("number")
    assert not (numbers < 0).any(axis=None)
    assert list(found["resolve_h_mean_90d"]) == [0, 24, 48], "in whole days, since the opening is a day"
    assert list(found["delivery_d_mean_90d"])[:2] == [0, 2]
    turned = orders.assign(
        ordered_at=["2025-01-10 14:00:00"] * 2,
        delivered_at=["2025-01-10", "2025-01-12"],
        edited_at=["2025-01-10", None],
    )
    sources = csv(log, tmp_path, "interactions") | csv(turned, tmp_path, "orders")
    found = features(open_tables(config(zone="Asia/Seoul", tables=sources)), FEBRUARY)
    assert list(found["delivery_d_mean_90d"])[:2] == [0, 2], (
        "also where the order has a time and the delivery none"
    )
    assert found["edit_h_mean_365d"]["X"] == 0
    for unknown in ("reply_h_mean_90d", "reply_over_1h_share_90d", "reply_breach_share_90d"):
        assert found[unknown].isna().all(), f"{unknown} cannot be told from days"
    assert not found["off_hours_share_180d"].any(), "10 January was a Friday, at an hour that nobody knows"


def test_an_answer_on_the_day_of_an_order_follows_it(tmp_path: Path) -> None:
    orders = pd.DataFrame(
        {"order_id": ["1"], "customer_id": ["X"], "ordered_at": ["2025-01-10"], "revenue": [10]}
    )
    sent = pd.DataFrame(
        {
            "message_id": ["m"],
            "customer_id": ["X"],
            "sent_at": ["2025-01-10 09:00:00"],
            "purpose": ["status"],
            "order_id": ["1"],
        }
    )
    log = pd.DataFrame({"interaction_id": ["i"], "customer_id": ["X"], "started_at": ["2025-01-02 09:00:00"]})
    sources = (
        csv(orders, tmp_path, "orders") | csv(sent, tmp_path, "messages") | csv(log, tmp_path, "interactions")
    )
    assert features(open_tables(config(tables=sources)))["order_status_share_365d"]["X"] == 1


def test_an_observation_end_that_is_moved_back_hides_what_came_later() -> None:
    """The same features and labels as from an extract that was made on that day."""
    end = pd.Timestamp("2025-03-15")
    day = pd.Timestamp("2024-06-01")
    rows = []
    for k in range(200):
        start = day + timedelta(days=k * 1.7, hours=k % 24)
        rows.append(
            (
                f"i{k}",
                f"c{k % 23}",
                start,
                start + timedelta(days=k % 40),
                start + timedelta(days=k % 60),
                k % 4,
            )
        )
    log = pd.DataFrame(
        rows, columns=["interaction_id", "customer_id", "started_at", "ended_at", "resolved_at", "transfers"]
    ).assign(channel="email", issue_id=lambda f: f["interaction_id"])
    spans = pd.DataFrame(
        {
            "customer_id": [f"c{k}" for k in range(23)],
            "subscription_id": [f"s{k}" for k in range(23)],
            "started_at": day,
            "ended_at": [end + timedelta(days=20 - 3 * k) for k in range(23)],
        }
    )
    cut = log[log["started_at"] < end].copy()
    for column in ("ended_at", "resolved_at"):
        cut[column] = cut[column].where(cut[column] < end)
    cut["transfers"] = cut["transfers"].astype("Int64").mask(cut["ended_at"].isna())
    cut_spans = spans.assign(ended_at=spans["ended_at"].where(spans["ended_at"] < end))
    assert len(cut) < len(log) and cut["ended_at"].isna().any()
    made = config(
        "2025-03-15",
        population=CONTRACTS,
        churn={"definition": "subscription", "horizon": "28D", "grace": "7D"},
    )
    found = []
    for frames in (
        {"interactions": log, "subscriptions": spans},
        {"interactions": cut, "subscriptions": cut_spans},
    ):
        opened = open_tables(made, frames)
        assert not check_tables(opened).problems
        x = features(opened)
        found.append((x, labels_at(opened, [FEBRUARY]).set_index("customer_id")))
    pd.testing.assert_frame_equal(found[0][0], found[1][0], check_exact=True)
    pd.testing.assert_frame_equal(found[0][1], found[1][1], check_exact=True)
    assert found[0][1]["churned"].nunique() == 2
