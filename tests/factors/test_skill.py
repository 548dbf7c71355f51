"""Agent skill against plain Python, written from what each feature says."""

from __future__ import annotations

from typing import Any

from oracle import DAY, Case, Row, before, check, last, mean, n, number, share, since, smallest, told

from cxml.factors.skill import SKILL


def agent(r: Row, x: Case, column: str) -> Any:
    """What the agents table said of the agent when the contact began."""
    span = x.lookup(r, "agents", "agent_id")
    return span and span[column]


def of_agents(rows: list[Row], x: Case, column: str) -> list[Any]:
    return told(agent(r, x, column) for r in rows)


def unskilled(r: Row, x: Case) -> bool | None:
    skills = agent(r, x, "skills")
    if skills is None or r["topic"] is None:
        return None
    return not {r["topic"], r["topic"].split(".")[0]} & set(skills.split(";"))


def tenures(rows: list[Row], x: Case) -> list[float]:
    return [(r["t"] - hired) / DAY for r in rows if (hired := agent(r, x, "hired_at")) is not None]


def same_agent(r: Row, k: list[Row]) -> bool | None:
    earlier = before(r, k)
    if earlier is None or r["t"] - earlier["t"] > 90 * DAY or None in (r["agent_id"], earlier["agent_id"]):
        return None
    return bool(r["agent_id"] == earlier["agent_id"])


ORACLE = {
    "unskilled_share": lambda w, k, c, x: share(told(unskilled(r, x) for r in w)),
    "unskilled_n": lambda w, k, c, x: n(unskilled(r, x) for r in w),
    "unskilled_last": lambda w, k, c, x: last(w, lambda r: number(unskilled(r, x))),
    "unskilled_days_since": lambda w, k, c, x: since([r for r in w if unskilled(r, x)], c),
    "agent_tenure_d_mean": lambda w, k, c, x: mean(tenures(w, x)),
    "new_agent_share": lambda w, k, c, x: share([d < 90 for d in tenures(w, x)]),
    "agent_training_h_mean": lambda w, k, c, x: mean(of_agents(w, x, "training_h")),
    "agent_satisfaction_mean": lambda w, k, c, x: mean(of_agents(w, x, "satisfaction")),
    "agent_satisfaction_min": lambda w, k, c, x: smallest(of_agents(w, x, "satisfaction")),
    "onshore_share": lambda w, k, c, x: share(of_agents(w, x, "onshore")),
    "same_agent_share": lambda w, k, c: share(told(same_agent(r, k) for r in w)),
    "team_last": lambda w, k, c, x: last(w, lambda r: agent(r, x, "team")),
}


def test_every_column_is_what_it_says() -> None:
    check(SKILL, ORACLE)
