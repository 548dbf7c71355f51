"""What was promised, in seconds: words that the texts of factors use, with the values of ``[promises]``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from cxml.config.sections import ANSWERS, Promises
from cxml.factors.declare import Flag
from cxml.sql import literal


def promise_flags(promises: Promises) -> tuple[Flag, ...]:
    """The words ``promised_s``, ``resolve_promise_s``, ``delivery_promise_s`` and the like; all are seconds.

    ``promised_s`` goes by the channel of a contact, the others are the same for all rows.

    >>> print(promise_flags(Promises())[0].sql[:60])
    case when starts_with(channel, 'portal') then 300e0 when sta
    """
    return (
        Flag(
            "promised_s", "interactions", by_channel({k: _seconds(v) for k, v in answers(promises).items()})
        ),
        Flag("resolve_promise_s", "interactions", _seconds(promises.resolution)),
        Flag("delivery_promise_s", "orders", _seconds(promises.delivery)),
        Flag("refund_promise_s", "returns", _seconds(promises.refund)),
        Flag("return_window_s", "returns", _seconds(promises.returns)),
    )


def answers(promises: Promises) -> dict[str, timedelta]:
    """Within which time each beginning of a channel is answered: the defaults and what the config adds."""
    return {**ANSWERS, **promises.answer}


def by_channel(said: Mapping[str, str]) -> str:
    """What is *said* of the beginning of a row's channel, ``*`` for all others: a row expression.

    >>> by_channel({"chat": "1", "*": "2"})
    "case when starts_with(channel, 'chat') then 1 when channel is not null then 2 end"
    """
    # The longest beginning first: what is said of social.whatsapp goes before what is said of social.
    channels = sorted(said.keys() - {"*"}, key=lambda name: (-len(name), name))
    cases = "".join(f" when starts_with(channel, {literal(name)}) then {said[name]}" for name in channels)
    return f"case{cases} when channel is not null then {said['*']} end"


def _seconds(span: timedelta) -> str:
    return f"{int(span.total_seconds())}e0"
