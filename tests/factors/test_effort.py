"""Customer effort against plain Python, written from what each feature says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oracle import (
    DAY,
    HOUR,
    Case,
    Row,
    after,
    before,
    biggest,
    check,
    col,
    gap,
    machine,
    mean,
    n,
    per,
    share,
    upto,
)

from cxml.factors.effort import EFFORT
from cxml.features import planner


def issues(w: list[Row], k: list[Row]) -> list[tuple[Row, int]]:
    """The last contact of each issue, and when the issue began (at most 180 days earlier)."""
    return [
        (r, min(x["t"] for x in upto(r, k, 180, "issue_id")))
        for r in w
        if r["issue_id"] is not None and after(r, k, "issue_id") is None
    ]


def reverified(r: Row, k: list[Row]) -> bool:
    checks = r["verifications"] or 0
    return checks > 1 or (
        checks > 0
        and any(x["n"] < r["n"] and (x["verifications"] or 0) > 0 and r["t"] - x["t"] <= DAY for x in k)
    )


def sale_unknown(r: Row, k: list[Row]) -> bool:
    sales = [x for x in k if (x["topic"] or "").startswith("sales")]
    return (
        r["context_carried"] is False
        and r not in sales
        and any(x["n"] < r["n"] and r["t"] - x["t"] <= 30 * DAY for x in sales)
    )


def switched(r: Row, k: list[Row]) -> bool:
    earlier = before(r, k, "issue_id")
    if earlier is None or gap(r, k, "issue_id", 30) is None or None in (earlier["channel"], r["channel"]):
        return False
    return bool(earlier["channel"] != r["channel"])


def escaped(r: Row, k: list[Row]) -> bool:
    earlier = before(r, k, "issue_id")
    return (
        gap(r, k, "issue_id", 30) is not None
        and earlier is not None
        and machine(earlier)
        and r["channel"] is not None
        and not machine(r)
    )


def agents_of(rows: list[Row]) -> set[tuple[str, str]]:
    return {(r["issue_id"], r["agent_id"]) for r in rows if None not in (r["issue_id"], r["agent_id"])}


def per_issue(rows: list[Row], value: Callable[[Row], Any]) -> float | None:
    """How many different values there are per issue that has any."""
    pairs = {(r["issue_id"], value(r)) for r in rows if None not in (r["issue_id"], value(r))}
    return per(len(pairs), len({issue for issue, _ in pairs}))


def team(r: Row, x: Case) -> str | None:
    agent = x.lookup(r, "agents", "agent_id")
    return agent and agent["team"]


def told_another(r: Row, k: list[Row]) -> bool:
    earlier = before(r, k, "issue_id")
    if earlier is None or gap(r, k, "issue_id", 30) is None or None in (earlier["agent_id"], r["agent_id"]):
        return False
    return r["context_carried"] is False and earlier["agent_id"] != r["agent_id"]


def effort_issue_index(x: Case, w: int) -> float | None:
    if x.of("contacts_per_issue", w) is None:
        return None
    extra = [
        x.of(stem, w) - 1
        for stem in ("contacts_per_issue", "agents_per_issue", "channels_per_issue")
        if x.of(stem, w) is not None
    ]
    small = [x.of(stem, w) or 0 for stem in ("verifications_mean", "documents_mean")]
    return sum(extra) + sum(small) / 2


def effort_index(x: Case, w: int) -> float | None:
    if x.of("transfers_mean", w) is None:
        return None
    extra_agents = (x.of("agents_per_issue", w) or 1) - 1
    told_again, moved = x.of("explain_again_share", w) or 0, x.of("channel_switch_share", w) or 0
    checks = x.of("verifications_mean", w) or 0
    return x.of("transfers_mean", w) + told_again + moved + extra_agents + checks / 2


ORACLE = {
    "transfers_mean": lambda w, k, c: mean(col(w, "transfers")),
    "transfers_max": lambda w, k, c: biggest(col(w, "transfers")),
    "agents_per_issue": lambda w, k, c: per(len(agents_of(w)), len({issue for issue, _ in agents_of(w)})),
    "agents_issue_max": lambda w, k, c: biggest(
        [len(agents_of(upto(r, k, 90, "issue_id"))) for r, _ in issues(w, k)]
    ),
    "explain_again_n": lambda w, k, c: n(r["context_carried"] is False for r in w),
    "explain_again_share": lambda w, k, c: share([not x for x in col(w, "context_carried")]),
    "verifications_mean": lambda w, k, c: mean(col(w, "verifications")),
    "sale_unknown_n": lambda w, k, c: n(sale_unknown(r, k) for r in w),
    "reverified_n": lambda w, k, c: n(reverified(r, k) for r in w),
    "channel_switch_share": lambda w, k, c: share(
        [switched(r, k) for r in w if None not in (r["issue_id"], r["channel"])]
    ),
    "bot_to_person_n": lambda w, k, c: n(escaped(r, k) for r in w),
    "contacts_per_issue": lambda w, k, c: per(len(col(w, "issue_id")), len(set(col(w, "issue_id")))),
    "channels_per_issue": lambda w, k, c: per_issue(w, lambda r: r["channel"]),
    "teams_per_issue": lambda w, k, c, x: per_issue(w, lambda r: team(r, x)),
    "contacts_to_resolve_mean": lambda w, k, c: mean(
        [len(upto(r, k, 90, "issue_id")) for r, _ in issues(w, k) if r["resolved_at"] is not None]
    ),
    "misrouted_share": lambda w, k, c: share([x > 0 for x in col(w, "transfers")]),
    "transfers_issue_max": lambda w, k, c: biggest(
        [sum(v) for r, _ in issues(w, k) if (v := col(upto(r, k, 90, "issue_id"), "transfers"))]
    ),
    "told_another_n": lambda w, k, c: n(told_another(r, k) for r in w),
    "unassigned_h_mean": lambda w, k, c: mean([x / HOUR for x in col(w, "unassigned_s")]),
    "unassigned_h_max": lambda w, k, c: biggest([x / HOUR for x in col(w, "unassigned_s")]),
    "documents_mean": lambda w, k, c: mean(col(w, "documents_asked")),
}
FORMULAS = {
    "effort_issue_index": effort_issue_index,
    "effort_index": effort_index,
}


def test_every_column_is_what_it_says() -> None:
    check(EFFORT, ORACLE, FORMULAS)


def test_the_indices_go_on_without_what_is_not_there() -> None:
    columns = {"interaction_id", "customer_id", "started_at", "ended_at", "issue_id", "transfers", "channel"}
    planned = planner.plan({"interactions": frozenset(columns)}, (EFFORT,))
    assert {"effort_index", "effort_issue_index"} <= {c.feature.name for c in planned.columns}
    assert set(planned.reduced["effort"]) == {
        "explain_again_share",
        "agents_per_issue",
        "verifications_mean",
        "documents_mean",
    }
