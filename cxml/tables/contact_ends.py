"""When a contact was over, and when its wait was: instants that are no columns, worked out for each row."""

from __future__ import annotations

from cxml.contracts import WAIT_END


def ends_known(present: frozenset[str]) -> bool:
    """Whether the table of contacts says when any contact was over."""
    return bool({"ended_at", "handle_s"} & present)


def made_instant(name: str, present: frozenset[str]) -> str:
    """SQL over a contact ``s``: the second of ``contact_end`` or ``wait_end``, missing where nothing tells it."""
    start, wait = "seconds(s.started_at)", "coalesce(s.wait_s, 0)" if "wait_s" in present else "0"
    if "ended_at" in present:
        end = "seconds(s.ended_at)"
    elif "handle_s" in present:
        cases = f"when s.handle_s is not null then {start} + cast(ceil({wait} + s.handle_s) as bigint)"
        if {"abandoned", "wait_s"} <= present:  # who gives up is not served: the end of the wait is the end
            cases += f" when s.abandoned then {start} + cast(ceil(s.wait_s) as bigint)"
        end = f"case {cases} end"
    else:
        end = "cast(null as bigint)"
    if name == WAIT_END and "wait_s" in present:
        return f"least({start} + cast(ceil(s.wait_s) as bigint), {end})"  # of two the first, of one that one
    return end
