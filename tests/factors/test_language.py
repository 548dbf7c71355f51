"""Language mismatch against plain Python, written from what each feature says."""

from __future__ import annotations

from oracle import Case, Row, check, last, n, number, share, since, told

from cxml.factors.language import LANGUAGE


def foreign(r: Row) -> bool | None:
    if r["agent_language"] is None or r["customer_language"] is None:
        return None
    return r["agent_language"].lower() != r["customer_language"].lower()


def not_as_filed(r: Row, x: Case) -> bool | None:
    customer = x.lookup(r, "customers", "customer_id")
    if customer is None or customer["language"] is None or r["agent_language"] is None:
        return None
    return customer["language"].lower() != r["agent_language"].lower()


def unspoken(r: Row, x: Case) -> bool | None:
    agent = x.lookup(r, "agents", "agent_id")
    if agent is None or agent["languages"] is None or r["customer_language"] is None:
        return None
    return r["customer_language"].lower() not in agent["languages"].lower().split(";")


ORACLE = {
    "language_mismatch_share": lambda w, k, c: share([x for r in w if (x := foreign(r)) is not None]),
    "language_mismatch_n": lambda w, k, c: n(foreign(r) for r in w),
    "language_mismatch_last": lambda w, k, c: last(w, lambda r: number(foreign(r))),
    "language_mismatch_days_since": lambda w, k, c: since([r for r in w if foreign(r)], c),
    "language_on_file_share": lambda w, k, c, x: share(told(not_as_filed(r, x) for r in w)),
    "language_unspoken_share": lambda w, k, c, x: share(told(unspoken(r, x) for r in w)),
}


def test_every_column_is_what_it_says() -> None:
    check(LANGUAGE, ORACLE)
