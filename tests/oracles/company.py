"""A small, nasty company: every column of every table, with ties, gaps, boundaries and late values.

``company(seed, versions, tables)`` makes the tables as plain rows. A row is a dict of the contract's
columns, with ``id`` for the column that tells rows apart and ``t`` for the event; instants are whole
seconds since 1970. With *versions* rows are written down late, and some of them twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cxml.contracts import TABLES, Column
from cxml.factors.declare import LOOKBACKS

Row = dict[str, Any]
Tables = dict[str, list[Row]]

HOUR, DAY = 3600, 86400
BASE = 1_735_689_600  # 2025-01-01 UTC
CUTOFFS = (BASE + 400 * DAY, BASE + 430 * DAY + 5 * HOUR)
CUSTOMERS = [f"c{k:02d}" for k in range(30)]
AGENTS = ("a1", "a2", "a3", "a4")

LIMITS = (HOUR, DAY, 7 * DAY, 30 * DAY, 90 * DAY, 180 * DAY)
SPANS = (0, 300, HOUR, 5 * HOUR, 44 * HOUR, *(days * DAY for days in (1, *LOOKBACKS)))
EDGES = sorted({c - span + s for c in CUTOFFS for span in SPANS for s in (-1, 0, 1)})
STEPS = (0, 1, 299, 300, 301, *(span + s for span in LIMITS for s in (-1, 0, 1)))

AFTER = {
    "first_reply_at": (300, HOUR, 5 * HOUR, 44 * HOUR),
    "resolved_at": (DAY, 44 * HOUR, 7 * DAY),
    "delivered_at": (5 * DAY,),
    "refunded_at": (14 * DAY,),
    "replied_at": (HOUR, 5 * HOUR, DAY),
}
"""Spans from the event to an instant that matter to somebody, in seconds."""

ZONE = ZoneInfo("Australia/Lord_Howe")  # half hours and a change of clock
MONDAY = datetime(2026, 1, 12, tzinfo=ZONE)
OPENING = [
    int((MONDAY + timedelta(days=day, hours=hour)).timestamp()) + s
    for day, hour in ((0, 0), (0, 9), (1, 9), (1, 18), (4, 18), (5, 0))
    for s in (-1, 0, 1)
]
"""Where working hours and weekends begin and end."""

WORDS: dict[str, tuple[str | None, ...]] = {
    "interactions.channel": (
        "phone.human",
        "phone.human",
        "phone.ivr",
        "chat.bot",
        "chat.live",
        "email",
        "email",
        "social.dm",
        "social.messenger.bot",
        "sms",
        "store",
        "portal.mobile",
        "app.message",
        "field",
        None,
    ),
    "topic": (
        "billing.fee",
        "billing.fee",
        "delivery.status",
        "delivery.status",
        "product.defect",
        "product.install",
        "technical",
        "billing",
        "account",
        "incident.fraud",
        "sales",
        "retention",
        None,
    ),
    "issue_id": ("i1", "i2", "i3", None),
    "agent_id": (*AGENTS, None),
    "direction": ("inbound", "inbound", "outbound", None),
    "customer_language": ("ko", "en", None),
    "agent_language": ("KO", "en", None),
    "language": ("ko", "en", "EN", None),
    "preferred_channel": ("email", "phone", "chat.live", "sms", None),
    "device": ("mobile", "mobile", "desktop", "tablet", None),
    "action": ("understand", "apology", "explain", "fix", "compensate", "follow_up", "prevent", "gift", None),
    "higher_is": ("good", "bad", None),
    "surveys.kind": ("nps", "csat", "csat", "ces", "other", "other", None),
    "about": (
        "courtesy",
        "trust",
        "listened",
        "understood",
        "quality",
        "expectation",
        "store",
        "packaging",
        None,
    ),
    "sessions.kind": ("web", "web", "app", "portal", "faq", "store", None),
    "charges.kind": ("fee", "use", None),
    "category": ("a", "b", "c", None),
    "plan": ("basic", "plus", None),
    "region": ("north", "south", None),
    "member_tier": ("gold", "basic", None),
    "acquired_via": ("ad", "shop", None),
    "referred_by": (*CUSTOMERS[:6], None, None),
    "shipping_paid_by": ("company", "customer", None),
    "returns.channel": ("post", "store", None),
    "messages.channel": ("email", "sms", "phone.human", "post", None),
    "purpose": (
        "nurture",
        "offer",
        "offer",
        "transactional",
        "status",
        "aftercare",
        "alert",
        "survey",
        "review_request",
        "thanks",
        "gift",
        "service",
        None,
    ),
    "site": ("reviews", "social.x", None),
    "skills": (
        "billing;technical",
        "billing.fee;product",
        "delivery.status",
        "billing.feeling;sales",
        "",
        None,
    ),
    "languages": ("ko;en", "EN", "ko", "", None),
    "team": ("first", "second", None),
}
"""What a text may be, by ``table.column`` or column."""
SELDOM = {("orders", "cancelled_at"): 0.6, ("visits", "cancelled_by_customer"): 0.5}
"""How often what would undo most rows is missing, beside what is drawn."""

NUMBERS: dict[str, tuple[float | None, ...]] = {
    "wait_s": (0.0, 299.0, 300.0, 301.0, 600.0, 600.5, 3600.0, 4000.0, 160_000.0, None),
    "scale_min": (0.0, 0.0, 0.0, 5.0, None),
    "scale_max": (5.0, 5.0, 5.0, 10.0, None),
    "score": (0.0, 1.0, 2.0, 3.0, 4.0, 5.0),
    "price": (0.0, 10.0, 12.5, 30.0, None),
    "queue_s": (0.0, 299.0, 300.0, 301.0, 900.0, None),
    "reach": (0, 1, 1, 2, 2, 3, 3, 5, 5, 8, 8, 4000, None),
    "orders.revenue": (0.0, 10.0, 10.0, 19.99, 19.99, 250.0, -10.0, -19.99, None),
    "charges.amount": (0.0, 10.0, 10.0, 19.99, 250.0, -10.0, None),
    "birth_year": (1955, 1980, 1995, 2001, None),
}
BY_KIND: dict[str, tuple[Any, ...]] = {
    "text": ("x", "y", None),
    "flag": (True, False, None),
    "count": (0, 0, 1, 2, 3, None),
    "number": (0.0, 60.0, 400.0, 600.0, 0.5, None),
    "money": (0.0, 10.0, 19.99, 250.0, None),
}


def instant(r: random.Random, t: int, column: str) -> int | None:
    """After *t*, often on a boundary."""
    late = [e for e in EDGES if e >= t] or [t]
    plain = r.choice((None, t + r.choice(STEPS), r.choice(late), t + r.randrange(20 * DAY)))
    if column in AFTER and r.random() < 0.3:
        return t + r.choice(AFTER[column]) + r.choice((-1, 0, 1))
    return plain


def value(r: random.Random, table: str, column: Column, t: int) -> Any:
    """Any legal value of a column, now and then none."""
    if column.name == "hired_at":
        edge = r.choice(EDGES) - 90 * DAY
        return r.choice((None, t, t - r.randrange(3000 * DAY), min(t, edge), min(t, edge)))
    if (table, column.name) in SELDOM and r.random() < SELDOM[table, column.name]:
        return None
    if column.kind == "instant":
        found = instant(r, t, column.name)
        if column.name == "ended_at" and table == "interactions" and found is None and r.random() < 0.7:
            return t + r.choice(STEPS)  # most contacts are over
        return found
    words = WORDS.get(f"{table}.{column.name}", WORDS.get(column.name))
    if words:
        return r.choice(words)
    numbers = NUMBERS.get(f"{table}.{column.name}", NUMBERS.get(column.name))
    if numbers:
        plain = r.choice(numbers)
        return float(r.randrange(2000)) if column.name == "wait_s" and r.random() < 0.2 else plain
    if column.kind == "number" and column.high == 1:
        low = column.low or 0.0
        return r.choice((low, 0.0, 0.25, 0.5, column.high, r.randrange(int(low * 8), 9) / 8, None))
    if column.kind in ("number", "money") and r.random() < 0.2:
        return r.randrange(100_000) / 100 if column.kind == "money" else float(r.randrange(900))
    return r.choice(BY_KIND[column.kind])


def made_row(
    r: random.Random, table: str, owner: str, t: int, number: int, orders: Iterable[str] = ()
) -> Row:
    """One row of *table* about *owner* at *t*; *orders* are those that it may name."""
    contract = TABLES[table]
    apart = (contract.id, contract.owner, contract.event, "recorded_at")
    row = {c.name: value(r, table, c, t) for c in contract.columns if not c.target and c.name not in apart}
    if "order_id" in row:
        row["order_id"] = r.choice((*orders, *orders, f"orders{r.randrange(10_000):05d}", None))
    own = owner if contract.id == contract.owner else f"{table}{number:05d}"
    return {"id": own, contract.owner: owner, "t": t, **row}


def company(seed: int, versions: bool, wanted: Iterable[str]) -> Tables:
    """Random tables: ties, boundaries to the second, values missing and values known late."""
    r = random.Random(seed)
    tables: Tables = {}
    orders: dict[str, list[str]] = {}
    times: dict[str, list[int]] = {}
    for table in sorted(wanted, key=lambda name: (name != "customers", name != "orders", name)):
        made = agent_spans(r) if table == "agents" else customer_rows(r, table, orders, times)
        for row in made if table != "agents" else ():
            times.setdefault(row["customer_id"], []).append(row["t"])
            if table == "orders":
                orders.setdefault(row["customer_id"], []).append(row["id"])
        tables[table] = recorded(r, table, made, orders) if versions else made
    return tables


def customer_rows(
    r: random.Random, table: str, orders: dict[str, list[str]], times: dict[str, list[int]]
) -> list[Row]:
    """The rows of one table; some customers have none. *times*: when other rows of a customer happened."""
    rows: list[Row] = []
    numbers = r.sample(range(10_000), 30 * 12)
    for customer in CUSTOMERS:
        t = r.choice((BASE, BASE + r.randrange(430 * DAY), r.choice(EDGES)))
        for _ in range(1 if table == "customers" else r.randrange(13)):
            rows.append(made_row(r, table, customer, t, numbers[len(rows)], orders.get(customer, ())))
            recent, any_time = CUTOFFS[1] - r.randrange(70 * DAY), BASE + r.randrange(440 * DAY)
            near = (t + r.choice(STEPS), t - r.choice(STEPS), r.choice(EDGES))
            beside = r.choice(times.get(customer, [t])) + r.choice((1, -1)) * r.choice(STEPS)
            t = max(BASE, r.choice((*near, beside, recent, any_time, r.choice(OPENING))))
    return rows


def agent_spans(r: random.Random) -> list[Row]:
    """Spans of the agents: some end early, some overlap, some leave a gap."""
    rows = []
    for agent in AGENTS[:3]:  # one agent is met but unknown
        later = [r.choice((BASE + r.randrange(440 * DAY), r.choice(EDGES))) for _ in range(r.randrange(1, 7))]
        starts = {BASE - r.randrange(100 * DAY), *later}
        rows += [made_row(r, "agents", agent, t, 0) for t in sorted(starts)]
    return rows


def recorded(r: random.Random, table: str, rows: list[Row], orders: dict[str, list[str]]) -> list[Row]:
    """Rows written down late, and some of them once more with other values."""
    found = []
    owner = TABLES[table].owner
    for row in rows:
        at = row["t"] + r.choice((0, 0, 1, r.randrange(60 * DAY)))
        found.append({**row, "recorded_at": r.choice((at, None)) if at == row["t"] else at})
        if r.random() < 0.3:
            again = made_row(r, table, row[owner], row["t"], 0, orders.get(row[owner], ()))
            later = at + 1 + r.choice((*STEPS, r.randrange(90 * DAY)))
            found.append({**again, "id": row["id"], "recorded_at": later})
    return found


def scrambled(
    r: random.Random, table: str, rows: list[Row], c: int, hidden: Callable[..., bool]
) -> list[Row]:
    """Everything that was not known before *c* dropped, changed or added; the rest as it was.

    ``hidden(table, row, column, c)`` says whether a value was not known before *c*.
    """
    found = []
    owner = TABLES[table].owner
    for row in rows:
        fresh = made_row(r, table, row[owner], row["t"], 0)
        if max(row["t"], row.get("recorded_at") or 0) >= c:
            if r.random() < 0.5:
                found.append({**fresh, **_kept(row)})
            continue
        late = [name for name in row if name in fresh and hidden(table, row, name, c)]
        changed = {**row, **{name: fresh[name] for name in late}}
        for name in late:
            if TABLES[table].by_name[name].kind == "instant":
                changed[name] = r.choice((None, c, c + 1, c + r.randrange(99 * DAY)))
        if table == "interactions":  # a contact that is over stays over, one that goes on may end whenever
            over = not hidden(table, row, "transfers", c)
            changed["ended_at"] = row["ended_at"] if over else r.choice((None, c + r.randrange(DAY)))
            if "wait_s" in late:
                changed["wait_s"] = r.choice((None, float(c - row["t"] + r.randrange(600))))
        found.append(changed)
        if "recorded_at" in row and r.random() < 0.3:
            found.append({**fresh, **_kept(row), "recorded_at": c + len(found)})
    if table != "customers":
        for k in range(60):
            whose = r.choice(AGENTS if table == "agents" else CUSTOMERS)
            new = made_row(r, table, whose, c + r.choice((0, 1, r.randrange(40 * DAY))), 20_000 + k)
            found.append({**new, **({"recorded_at": None} if "recorded_at" in rows[0] else {})})
    r.shuffle(found)
    return found


def _kept(row: Row) -> Row:
    return {name: row[name] for name in ("id", "t", "recorded_at") if name in row}
