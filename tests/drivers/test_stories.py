"""Stories: each one's dates and figures recomputed in plain Python, and nothing of the future in any of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from clerk import hidden, known
from company import CUSTOMERS, CUTOFFS, DAY, HOUR, ZONE, Row, Tables, company, scrambled
from oracle import Case, Scene, arrow, promised, same

from cxml.config.load import parse_config
from cxml.contracts import TABLES
from cxml.drivers.stories import tell_stories
from cxml.drivers.story import STEPS
from cxml.drivers.story_facts import STORIES
from cxml.factors import FACTORS
from cxml.tables.opening import open_tables

C = CUTOFFS[0]
NAMES = sorted(TABLES)
LABELS = {"features": {f"{s.name}_x": {"factor": s.factors[0]} for s in STORIES}}
Rows = dict[str, Any]
"""The known rows of one customer by table, and ``case``: the customer among all tables."""


def sources_of(tables: Tables) -> dict[str, pa.Table]:
    """The tables in memory, their instants in UTC."""
    found = {}
    for name, rows in tables.items():
        table = arrow(name, rows)
        zoned = [
            pa.field(f.name, pa.timestamp("s", "UTC") if pa.types.is_timestamp(f.type) else f.type)
            for f in table.schema
        ]
        found[name] = table.cast(pa.schema(zoned))
    return found


def told(
    tables: Tables,
    customers: list[str] = CUSTOMERS,
    *,
    at: int = C,
    leave_out: tuple[str, ...] = (),
    days: int = 0,
) -> dict[str, Any]:
    """What is told of all customers when every story explains some reason that looks back *days*; *leave_out*:
    table.column."""
    config = parse_config(
        {"project": {"observation_end": "2027-01-01", "timezone": ZONE.key}, "tables": {}}, Path()
    )
    sources = {}
    for name, table in sources_of(tables).items():
        lacking = [column for column in leave_out if column.startswith(f"{name}.")]
        sources[name] = table.drop_columns([column.partition(".")[2] for column in lacking])
    reasons = {f"reason_{k}": f"{story.name}_x" for k, story in enumerate(STORIES, start=1)}
    frame = pd.DataFrame({"customer_id": customers, **reasons})
    reaches = dict.fromkeys(LABELS["features"], days)
    return tell_stories(open_tables(config, sources), frame, datetime.fromtimestamp(at, UTC), LABELS, reaches)


# ---------------------------------------------------------------- the oracle


def day(t: int | None) -> str | None:
    return None if t is None else datetime.fromtimestamp(t, UTC).isoformat()


def seconds(value: float | None) -> int | None:
    return None if value is None else round(value)


def within(rows: list[Row], days: int) -> list[Row]:
    return [r for r in rows if C - r["t"] <= days * DAY]


def inbound(r: Row) -> bool:
    return r["direction"] in (None, "inbound")


def pick(rows: list[Row], first: Callable[[Row], Any] = lambda r: -r["t"]) -> Row | None:
    return min(rows, key=lambda r: (first(r), -r["n"]), default=None)


def again(rows: list[Row]) -> int | None:
    return len(rows) if len(rows) > 1 else None


def at(row: Row, **more: Any) -> Row:
    return {"at": day(row["t"]), **more}


def repeated(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 90) if r["topic"] and inbound(r)]
    of = {r["topic"]: same(r, rows, "topic") for r in rows}
    row = pick([r for r in rows if len(of[r["topic"]]) >= 2], lambda r: (-len(of[r["topic"]]), -r["t"]))
    if row is None:
        return None
    all_ = of[row["topic"]]
    agents = len({r["agent_id"] for r in all_} - {None})
    return {
        "topic": row["topic"],
        "contacts": len(all_),
        "since": day(min(r["t"] for r in all_)),
        "agents": agents if agents > 1 else None,
        "open": row["resolved_at"] is None,
        "hold": seconds(row["hold_s"]) if (row["hold_s"] or 0) >= 60 else None,
    }


def long_wait(x: Rows) -> Row | None:
    waits = [r for r in within(x["interactions"], 365) if r["wait_s"] is not None]
    row = pick([r for r in within(waits, 90) if r["wait_s"] > 300], lambda r: (-r["wait_s"], -r["t"]))
    if row is None:
        return None
    others = [r["wait_s"] for r in waits if r is not row]
    promise = promised(row)
    return at(
        row,
        channel=row["channel"],
        wait=seconds(row["wait_s"]),
        usual=seconds(sum(others) / len(others)) if len(others) >= 2 else None,
        promise=promise if promise and row["wait_s"] > promise else None,
    )


def long_hold(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 90) if (r["hold_s"] or 0) >= 300]
    row = pick(rows, lambda r: (-r["hold_s"], -r["t"]))
    return row and at(row, channel=row["channel"], hold=seconds(row["hold_s"]), times=again(rows))


def met(contact: Row) -> bool:
    return contact["first_reply_at"] is not None or contact["resolved_at"] is not None


def unanswered(x: Rows) -> Row | None:
    asked = [r for r in within(x["interactions"], 90) if inbound(r)]
    rows = [
        r
        for r in asked
        if r["channel"]
        and not r["channel"].startswith(("phone", "store", "field"))
        and not r["abandoned"]
        and not met(r)
        and C - r["t"] > (promised(r) or 0)
        and not any(
            met(o) and o["issue_id"] == r["issue_id"] and o["t"] >= r["t"] for o in asked if r["issue_id"]
        )
    ]
    row = pick(rows, lambda r: r["t"])
    return row and at(row, channel=row["channel"], topic=row["topic"], times=again(rows))


def gave_up(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 90) if r["abandoned"]]
    row = pick(rows)
    return row and at(row, channel=row["channel"], wait=seconds(row["wait_s"]), times=again(rows))


def open_issue(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 365) if r["issue_id"]]
    found = []
    for issue in {r["issue_id"] for r in rows}:
        mine = [r for r in rows if r["issue_id"] == issue]
        last = max(mine, key=lambda r: (r["t"], r["n"]))
        if last["resolved_at"] is None and C - last["t"] <= 180 * DAY:
            found.append((min(r["t"] for r in mine), -last["n"], last, len(mine)))
    if not found:
        return None
    since, _, last, contacts = min(found, key=lambda one: one[:2])
    return {
        "topic": last["topic"],
        "since": day(since),
        "contacts": contacts if contacts > 1 else None,
        "last": day(last["t"]) if contacts > 1 else None,
        "promise": 44 * HOUR if C - since > 44 * HOUR else None,
    }


def slow_resolution(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 365) if r["issue_id"]]
    found = []
    for issue in {r["issue_id"] for r in rows}:
        mine = [r for r in rows if r["issue_id"] == issue]
        last, since = max(mine, key=lambda r: r["n"]), min(r["t"] for r in mine)
        if (
            last["resolved_at"] is not None
            and last["resolved_at"] - since > 44 * HOUR
            and within([last], 180)
        ):
            found.append({**last, "since": since, "took": last["resolved_at"] - since})
    row = pick(found, lambda r: (-r["took"], -r["t"]))
    return row and {
        "topic": row["topic"],
        "since": day(row["since"]),
        "took": row["took"],
        "promise": 44 * HOUR,
    }


def reopened(x: Rows) -> Row | None:
    row = pick([r for r in within(x["interactions"], 365) if r["reopened_at"]], lambda r: -r["reopened_at"])
    if row is None:
        return None
    before = row["once_resolved_at"] is not None and row["once_resolved_at"] <= row["reopened_at"]
    return {
        "topic": row["topic"],
        "back": day(row["reopened_at"]),
        "resolved": day(row["once_resolved_at"]) if before else None,
    }


def handed_on(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 90) if (r["transfers"] or 0) >= 1]
    row = pick(rows, lambda r: (-r["transfers"], -r["t"]))
    return row and at(row, channel=row["channel"], transfers=row["transfers"])


def identity(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 90) if (r["verifications"] or 0) >= 1]
    proofs = sum(r["verifications"] for r in rows)
    return {"since": day(min(r["t"] for r in rows)), "proofs": proofs} if proofs >= 2 else None


def explained_again(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 90) if r["context_carried"] is False]
    row = pick(rows)
    return row and at(row, channel=row["channel"], times=again(rows))


def rude(x: Rows) -> Row | None:
    row = pick([r for r in within(x["interactions"], 180) if r["abusive"]])
    return row and at(row, channel=row["channel"])


def wrong_information(x: Rows) -> Row | None:
    row = pick([r for r in within(x["interactions"], 180) if r["corrected_at"]], lambda r: -r["corrected_at"])
    return row and at(row, topic=row["topic"], corrected=day(row["corrected_at"]))


def scripted(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 90) if r["scripted"]]
    row = pick(rows)
    return row and at(row, channel=row["channel"], times=again(rows))


def wrong_language(x: Rows) -> Row | None:
    spoken = [r for r in within(x["interactions"], 180) if r["customer_language"] and r["agent_language"]]
    row = pick([r for r in spoken if r["customer_language"].lower() != r["agent_language"].lower()])
    return row and at(row, channel=row["channel"])


def unskilled(x: Rows) -> Row | None:
    rows = []
    for r in within(x["interactions"], 180):
        agent = x["case"].lookup(r, "agents", "agent_id")
        if agent and agent["skills"] and r["topic"]:  # an empty text is a missing one
            fits = {r["topic"], r["topic"].split(".")[0]} & set(agent["skills"].split(";"))
            rows += [] if fits else [r]
    row = pick(rows)
    return row and at(row, channel=row["channel"], topic=row["topic"], times=again(rows))


def ever_new_agents(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 180) if r["agent_id"] is not None and inbound(r)]
    if len(rows) < 3 or len({r["agent_id"] for r in rows}) < len(rows):
        return None
    return {"since": day(min(r["t"] for r in rows)), "contacts": len(rows)}


def uneven(rows: list[Row], durations: list[float], least: int) -> Row | None:
    if len(rows) < 3 or max(durations) <= least or max(durations) < 3 * min(durations):
        return None
    spread = {"least": seconds(min(durations)), "most": seconds(max(durations))}
    return {"since": day(min(r["t"] for r in rows)), "contacts": len(rows), **spread}


def uneven_waits(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 365) if r["wait_s"] is not None]
    return uneven(rows, [r["wait_s"] for r in rows], 60)


def uneven_resolution(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 365) if r["resolved_at"] is not None]
    return uneven(rows, [r["resolved_at"] - r["t"] for r in rows], DAY)


def unwarned(x: Rows) -> Row | None:
    incidents = [r for r in within(x["interactions"], 365) if (r["topic"] or "").startswith("incident")]
    alerts = [m["t"] for m in x["messages"] if m["purpose"] == "alert"]
    row = pick(
        [r for r in incidents if not r["proactive"] and not any(0 < r["t"] - t <= 7 * DAY for t in alerts)]
    )
    return row and at(row, channel=row["channel"])


def order_untold(x: Rows) -> Row | None:
    sent = [m for m in x["messages"] if m["purpose"] in ("transactional", "status")]
    rows = [
        r
        for r in within(x["orders"], 365)
        if C - r["t"] > 3 * DAY
        and (r["revenue"] or 0) >= 0
        and not any(m["order_id"] == r["id"] and 0 <= m["t"] - r["t"] <= 30 * DAY for m in sent)
    ]
    row = pick(rows)
    return row and {"ordered": day(row["t"]), "times": again(rows)}


def defect(x: Rows) -> Row | None:
    rows = [r for r in within(x["interactions"], 90) if (r["topic"] or "").startswith("product.defect")]
    row = pick(rows)
    return row and at(row, times=again(rows), open=row["resolved_at"] is None)


def due(r: Row) -> int:
    return r["promised_at"] if r["promised_at"] is not None else r["t"] + 5 * DAY


def not_delivered(x: Rows) -> Row | None:
    rows = [
        r
        for r in within(x["orders"], 180)
        if r["delivered_at"] is None and r["cancelled_at"] is None and (r["revenue"] or 0) >= 0
    ]
    row = pick([r for r in rows if due(r) < C], due)
    return row and {"ordered": day(row["t"]), "due": day(due(row)), "late": C - due(row)}


def late_delivery(x: Rows) -> Row | None:
    row = pick([r for r in within(x["orders"], 180) if r["delivered_at"] and r["delivered_at"] > due(r)])
    return row and {
        "due": day(due(row)),
        "delivered": day(row["delivered_at"]),
        "late": row["delivered_at"] - due(row),
    }


def wrong_item(x: Rows) -> Row | None:
    row = pick([r for r in within(x["orders"], 180) if r["wrong_item"]])
    return row and {"delivered": day(row["delivered_at"])}


def refund_due(x: Rows) -> Row | None:
    rows = [
        r
        for r in within(x["returns"], 365)
        if r["refunded_at"] is None
        and r["accepted"] is not False
        and not r["exchanged"]
        and C - r["t"] > 14 * DAY
    ]
    row = pick(rows, lambda r: r["t"])
    return row and {"requested": day(row["t"]), "late": C - row["t"] - 14 * DAY}


def return_refused(x: Rows) -> Row | None:
    row = pick([r for r in within(x["returns"], 365) if r["accepted"] is False], lambda r: -r["decided_at"])
    return row and {"requested": day(row["t"]), "decided": day(row["decided_at"])}


def bill_above(x: Rows) -> Row | None:
    rows = [
        r for r in within(x["charges"], 180) if r["amount"] is not None and r["expected_amount"] is not None
    ]
    row = pick(
        [r for r in rows if r["amount"] > r["expected_amount"] > 0],
        lambda r: (-round(r["amount"] - r["expected_amount"], 4), -r["t"]),
    )
    return row and at(
        row,
        amount=row["amount"],
        expected=row["expected_amount"],
        above=round(row["amount"] - row["expected_amount"], 4),
        disputed=day(row["disputed_at"]),
    )


def fee_untold(x: Rows) -> Row | None:
    fees = [
        r
        for r in within(x["charges"], 180)
        if (r["kind"] or "").startswith("fee") and (r["amount"] or 0) >= 0
    ]
    row = pick([r for r in fees if r["notified_at"] is None or r["notified_at"] > r["t"]])
    return row and at(row, amount=row["amount"], disputed=day(row["disputed_at"]))


def price_rise(x: Rows) -> Row | None:
    found = []
    for r in x["subscriptions"]:
        earlier = [o for o in same(r, x["subscriptions"], "plan") if o["n"] < r["n"]]
        before = earlier[-1]["price"] if earlier else None
        if before and r["price"] is not None and r["price"] > before and C - r["t"] <= 365 * DAY:
            found.append({**r, "before": before})
    row = pick(found)
    return row and at(row, plan=row["plan"], price=row["price"], before=row["before"])


def called_off(r: Row) -> bool:
    moved = r["rescheduled_at"] and r["window_end"] and r["rescheduled_at"] <= r["window_end"]
    return bool(r["cancelled_by_customer"] or moved)


def no_show(x: Rows) -> Row | None:
    rows = [r for r in within(x["visits"], 365) if r["no_show"] and not called_off(r)]
    row = pick(rows)
    return row and at(row, times=again(rows))


def late_visit(x: Rows) -> Row | None:
    rows = [r for r in within(x["visits"], 365) if r["arrived_at"] and r["window_end"]]
    rows = [r for r in rows if r["arrived_at"] > r["window_end"] and not called_off(r)]
    row = pick(rows)
    return row and {
        "end": day(row["window_end"]),
        "late": row["arrived_at"] - row["window_end"],
        "times": again(rows),
    }


def unanswered_post(x: Rows) -> Row | None:
    rows = [r for r in within(x["posts"], 365) if r["polarity"] is not None and r["polarity"] < 0]
    rows = [r for r in rows if r["replied_at"] is None]
    row = pick(rows, lambda r: r["t"])
    return row and at(row, site=row["site"], times=again(rows))


def digital_errors(x: Rows) -> Row | None:
    rows = [r for r in within(x["sessions"], 90) if (r["errors"] or 0) >= 1]
    times = sorted(r["t"] for r in rows)
    return (
        {"since": day(times[0]), "errors": sum(r["errors"] for r in rows), "last": day(times[-1])}
        if rows
        else None
    )


def help_not_found(x: Rows) -> Row | None:
    rows = [r for r in within(x["sessions"], 90) if r["help_search"] and r["help_found"] is False]
    row = pick(rows)
    return row and at(row, times=again(rows))


def store_queue(x: Rows) -> Row | None:
    rows = [r for r in within(x["sessions"], 365) if r["kind"] == "store" and (r["queue_s"] or 0) >= 300]
    row = pick(rows, lambda r: (-r["queue_s"], -r["t"]))
    return row and at(row, wait=seconds(row["queue_s"]))


def irrelevant(x: Rows) -> Row | None:
    rows = [r for r in within(x["messages"], 90) if r["relevant"] is not None]
    bad = sum(not r["relevant"] for r in rows)
    return {"since": day(min(r["t"] for r in rows)), "sent": len(rows), "irrelevant": bad} if bad else None


def refused_request(x: Rows) -> Row | None:
    row = pick([r for r in within(x["recoveries"], 365) if r["asked_at"] and r["granted"] is False])
    return row and at(row, asked=day(row["asked_at"]))


ORACLE = {story.name: globals()[story.name] for story in STORIES}


def recovery(x: Rows) -> dict[str, Any] | None:
    """The steps missing for the open bad issue that began first (rather one with a contact in the last 90 days), or
    else for the one with the last bad contact."""
    found = []
    contacts = [r for r in within(x["interactions"], 365) if r["issue_id"]]
    for issue in {r["issue_id"] for r in contacts}:
        mine = [r for r in contacts if r["issue_id"] == issue]
        still = mine[-1]["resolved_at"] is None
        bad = [
            r
            for k, r in enumerate(mine)
            if C - r["t"] <= 180 * DAY
            and (
                r["abandoned"]
                or (r["wait_s"] or 0) > 600
                or r["reopened_at"]
                or r["corrected_at"]
                or (still and (k or C - mine[0]["t"] > 44 * HOUR))
            )
        ]
        if not bad:
            continue
        since, failed = min(r["t"] for r in mine), min(r["t"] for r in bad)
        done = {
            a["action"]
            for a in x["recoveries"]
            if a["issue_id"] == issue
            and a["t"] >= failed
            and not (a["action"] == "compensate" and a["granted"] is False)
        }
        done |= set() if still else {"fix"}
        topics = [r["topic"] for r in bad if r["topic"]]
        last = max(r["t"] for r in bad)
        found.append(
            (
                (still, C - last <= 90 * DAY, -since if still else last, last),
                {
                    "topic": topics[-1] if topics else None,
                    "since": day(since),
                    "open": still,
                    "missing": [step for step in STEPS if step not in done],
                },
            )
        )
    # Two issues whose last bad contact fell into one second: either may be told.
    best = max((one[0] for one in found), default=None)
    return [one[1] for one in found if one[0] == best] or [None]


# ---------------------------------------------------------------- the comparison


@pytest.mark.parametrize("versions", [False, True])
def test_every_figure_is_recomputed_from_the_tables(versions: bool) -> None:
    seen: Counter[str] = Counter()
    for seed in (11, 13, 17):
        tables = company(seed, versions, NAMES)
        found = {one["customer_id"]: one for one in told(tables)["customers"]}
        assert list(found) == CUSTOMERS
        scene = Scene(tables, C, {}, {})
        for customer in CUSTOMERS:
            mine: Rows = {
                name: known(name, [r for r in rows if r[TABLES[name].owner] == customer], C)
                for name, rows in tables.items()
            }
            mine["case"] = Case(customer, scene)
            stories = {one["story"]: one["facts"] for one in found[customer]["stories"]}
            for name, oracle in ORACLE.items():
                assert stories.get(name) == oracle(mine), (seed, customer, name)
            assert found[customer]["recovery"] in recovery(mine), (seed, customer)
            seen.update(list(stories))
    assert not set(ORACLE) - set(seen), "a story that never happened was not tested"


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("versions", [False, True])
def test_nothing_known_at_or_after_the_cutoff_changes_a_story(seed: int, versions: bool) -> None:
    tables = company(seed, versions, NAMES)
    r = random.Random(seed)
    other = {name: scrambled(r, name, rows, C, hidden) for name, rows in tables.items()}
    assert told(other) == told(tables)
    assert seed or told(other, at=CUTOFFS[1]) != told(tables, at=CUTOFFS[1]), "the scrambling does nothing"


def test_a_story_is_no_older_than_what_its_reason_counts() -> None:
    begin, outcome = day(C - 30 * DAY), Counter[str]()
    for seed in (5, 11):
        tables = company(seed, False, NAMES)
        for every, late in zip(told(tables)["customers"], told(tables, days=30)["customers"], strict=True):
            lately = {one["story"]: one["facts"] for one in late["stories"]}
            assert late["recovery"] == every["recovery"]
            assert lately.keys() <= {one["story"] for one in every["stories"]}
            for one in every["stories"]:
                name, facts, told_now = one["story"], one["facts"], lately.get(one["story"])
                if "at" in facts and str(facts["at"]) >= str(begin):
                    assert told_now == facts, "the first of all rows is the first of the late ones"
                    outcome["same"] += 1
                elif "at" in facts and told_now:
                    assert str(told_now["at"]) >= str(begin)
                    outcome["another row"] += 1
                outcome["untold"] += name not in lately
    assert min(outcome.values()) > 2 and len(outcome) == 3, outcome


def test_other_customers_and_the_order_of_the_rows_play_no_part() -> None:
    tables = company(5, False, NAMES)
    some = CUSTOMERS[3:7][::-1]
    everyone = {one["customer_id"]: one for one in told(tables)["customers"]}
    mixed = {name: random.Random(1).sample(rows, len(rows)) for name, rows in tables.items()}
    assert told(mixed, some)["customers"] == [everyone[name] for name in some]


def test_a_story_stands_only_on_columns_that_are_there() -> None:
    tables = company(11, False, NAMES)
    whole = {name for one in told(tables)["customers"] for name in (s["story"] for s in one["stories"])}
    lacking = ("interactions.resolved_at", "interactions.channel", "visits.window_end", "charges.amount")
    cut = told(tables, leave_out=lacking)["customers"]
    left = {name for one in cut for name in (s["story"] for s in one["stories"])}
    # no_show is known from the window's end: without it nobody knows when.
    gone = {
        "open_issue",
        "slow_resolution",
        "uneven_resolution",
        "unanswered",
        "no_show",
        "late_visit",
        "bill_above",
    }
    assert whole - left == gone
    facts = [s["facts"] for one in cut for s in one["stories"] if s["story"] == "repeated"]
    assert facts and all("open" not in one and "contacts" in one for one in facts)
    assert all(one["recovery"] is None or one["recovery"]["open"] is None for one in cut)
    assert (
        told({k: v for k, v in tables.items() if k in ("orders", "posts")})["customers"][0]["recovery"]
        is None
    )


def test_stories_explain_the_reason_that_is_shown() -> None:
    tables = company(11, False, NAMES)
    config = parse_config(
        {"project": {"observation_end": "2027-01-01", "timezone": ZONE.key}, "tables": {}}, Path()
    )
    labels = {
        "features": {"hold_max_365d": {"factor": "waiting"}, "late_deliveries_n_90d": {"factor": "delivery"}}
    }
    frame = pd.DataFrame(
        {
            "customer_id": CUSTOMERS,
            "reason_1": "hold_max_365d",
            "reason_2": None,
            "reason_3": "late_deliveries_n_90d",
        }
    )
    reaches = {"hold_max_365d": 365, "late_deliveries_n_90d": 90}
    found = tell_stories(
        open_tables(config, sources_of(tables)), frame, datetime.fromtimestamp(C, UTC), labels, reaches
    )["customers"]
    by_name = {story.name: story for story in STORIES}
    for one in found:
        places = Counter(story["reason"] for story in one["stories"])
        assert set(places) <= {1, 3} and max(places.values(), default=0) <= 2
        for story in one["stories"]:
            assert story["factor"] in by_name[story["story"]].factors
            assert story["factor"] == {1: "waiting", 3: "delivery"}[story["reason"]]
        first = [story["story"] for story in one["stories"] if story["reason"] == 1]
        assert "long_hold" not in first[1:], "what is nearest to the reason comes first"


def test_every_story_is_about_a_factor_that_the_company_can_change() -> None:
    kinds = {factor.name: factor.kind for factor in FACTORS}
    levers = {name for name, kind in kinds.items() if kind == "lever"}
    assert {name for story in STORIES for name in story.factors} == levers


def test_what_a_story_is_near_to_is_a_feature_of_its_factors() -> None:
    features = {f.name: [item.name for item in (*f.features, *f.derived)] for f in FACTORS}
    for story in STORIES:
        mine = [name for factor in story.factors for name in features[factor]]
        assert all(any(name.startswith(near) for name in mine) for near in story.near), story.name


def test_no_value_about_a_person_is_told() -> None:
    columns = {f"{t.name}.{c.name}": c for t in TABLES.values() for c in t.columns}
    shown = {fact.sql for story in STORIES for fact in story.facts if fact.kind in ("text", "channel")}
    assert shown == {"topic", "channel", "plan", "site"}
    assert not any(
        columns[f"{s.table}.{f.sql}"].personal
        for s in STORIES
        for f in s.facts
        if f"{s.table}.{f.sql}" in columns
    )
