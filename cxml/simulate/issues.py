"""Issues and the contacts that they take: the table ``interactions``.

Three streams of issues run beside each other. Questions (how to, where is my order) grow with usage
and are mostly settled at once; problems (a fault, a wrong bill) come with need and take longer;
defects and installations come with the luck one has with the goods. That is what makes a raw count of
contacts look protective: those who ask most use the service most and stay longest.

An issue runs in rounds. A contact is served or abandoned; served, it is solved, handed to the back
office (solved later, no further contact), forgotten (never solved), or the customer comes back.
A solved issue may come back once more. All of it is drawn as if nobody ever left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxml.simulate.conduct import with_conduct
from cxml.simulate.contact_centre import into_opening, open_hours
from cxml.simulate.handling import Company, Contacts, by_machine, handle, has_queue
from cxml.simulate.months import HOUR, draw_counts, draw_times
from cxml.simulate.moods import with_moods
from cxml.simulate.outbound import company_contacts
from cxml.simulate.rows import (
    DAY,
    NEVER,
    BoolArray,
    FloatArray,
    IntArray,
    Rows,
    SmallArray,
    by_time,
    codes,
    days_s,
    flag,
    joined,
    numbered,
    take,
)
from cxml.simulate.topics import (
    OFFICE_D,
    PROBLEM_MIX,
    PROBLEMS,
    PRODUCT,
    PRODUCT_MIX,
    QUESTION_MIX,
    QUESTIONS,
    SOLVED,
    TOPIC_SHARE,
)

_QUESTION_RATE, _PROBLEM_RATE, _PRODUCT_RATE = 0.8, 0.15, 0.06
_QUESTION_BY_USAGE, _PROBLEM_BY_NEED, _PRODUCT_BY_LUCK = 1.4, 0.4, 1.1
_MACHINE_WITH_PROBLEM = 0.5
_AGAIN, _OFFICE = 0.48, 0.20
_AGAIN_AFTER_HANGING_UP = 0.70
_CLOSED_UNSERVED = 0.75
_ROUNDS = 6
_REOPENED = np.array([0.01, 0.06])
_STAYS_PREFERRED = {QUESTIONS: 0.08, PROBLEMS: 0.35, PRODUCT: 0.2}
_MIX = {QUESTIONS: QUESTION_MIX, PROBLEMS: PROBLEM_MIX, PRODUCT: PRODUCT_MIX}
_AT_NIGHT = 1.0
_HOURS_OF_RHYTHM = ((0, 24), (8, 13), (16, 22))


@dataclass(frozen=True)
class _Due:
    """Contacts that are about to be made: one entry per issue that is still open."""

    issue: IntArray
    who: IntArray
    topic: IntArray
    channel: IntArray
    at: IntArray
    seat: IntArray

    def of(self, chosen: BoolArray) -> _Due:
        """The chosen entries."""
        return _Due(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def draw_interactions(rng: np.random.Generator, company: Company, helpless: Rows) -> Rows:
    """All contacts by time.

    Beyond the columns of the contract: ``repeat``, ``solved`` (1 when this contact did it), ``skilled``
    (the agent is trained for the topic), ``seat`` and ``turn``.

    Parameters
    ----------
    helpless : Rows
        ``customer_id`` and ``at`` of those who did not find help online, and ask.
    """
    due = _first_contacts(rng, company, helpless)
    count = len(due.issue)
    first, resolved = _run(rng, company, due, count, range(_ROUNDS))
    back, reopened = _reopened(rng, first, resolved)
    second, resolved_again = _run(rng, company, back, count, range(1, _ROUNDS))
    first |= {"resolved_at": resolved[first["issue_id"]], "reopened_at": reopened[first["issue_id"]]}
    never = np.full(len(second["issue_id"]), NEVER)
    second |= {"resolved_at": resolved_again[second["issue_id"]], "reopened_at": never}
    rows = joined([first, second])
    rows["customer_language"] = company.people.language[rows["customer_id"]].astype(np.int8)
    rows = with_moods(rng, with_conduct(rng, company, rows))
    rows |= {
        "direction": np.zeros(len(rows["issue_id"]), dtype=np.int8),
        "proactive": np.zeros(len(rows["issue_id"]), dtype=np.int8),
    }
    rows = by_time(joined([rows, company_contacts(rng, company, first_issue=count)]), "started_at")
    rows["repeat"] = repeats(rows["customer_id"], rows["topic"], rows["started_at"])
    return numbered(rows, "interaction_id")


def repeats(who: IntArray, topic: IntArray, at: IntArray, within_s: int = 7 * DAY) -> SmallArray:
    """1 where the customer's contact before, on the same topic, lies at most *within_s* back, else 0.

    >>> one = np.zeros(3, dtype=np.int64)
    >>> repeats(one, one, np.array([0, 7 * 86400, 15 * 86400])).tolist()
    [0, 1, 0]
    """
    order = np.lexsort((at, topic, who))
    same = (np.diff(who[order]) == 0) & (np.diff(topic[order]) == 0)
    again = np.zeros(len(at), dtype=np.int8)
    again[order[1:]] = same & (np.diff(at[order]) <= within_s)
    return again


def _first_contacts(rng: np.random.Generator, company: Company, helpless: Rows) -> _Due:
    """One entry per issue, in the order of their first contacts."""
    people, months = company.people, company.months
    usage = _QUESTION_RATE * np.exp(_QUESTION_BY_USAGE * people.usage - _QUESTION_BY_USAGE**2 / 2)
    need = _PROBLEM_RATE * np.exp(_PROBLEM_BY_NEED * people.need - _PROBLEM_BY_NEED**2 / 2)
    goods = company.luck.kinds["product"][:, :-1]
    rates = {
        QUESTIONS: np.repeat(usage[:, None], months.count, axis=1),
        PROBLEMS: np.repeat(need[:, None], months.count, axis=1),
        PRODUCT: _PRODUCT_RATE * np.exp(_PRODUCT_BY_LUCK * goods - _PRODUCT_BY_LUCK**2 / 2),
    }
    parts = [_asked_for_help(rng, company, helpless)]
    for kind, rate in rates.items():
        who, month = draw_counts(rng, rate)
        topic, channel = _about(rng, company, kind, who)
        at = _contact_times(rng, company, who, month, channel)
        parts.append({"who": who, "topic": topic, "channel": channel, "at": at})
    rows = by_time(joined(parts), "at")
    rows = take(rows, people.had_joined(rows["who"], rows["at"]))
    # Who has just had an answer does not open a new issue about the same thing.
    rows = take(rows, repeats(rows["who"], rows["topic"], rows["at"]) == 0)
    issue = np.arange(len(rows["at"]))
    return _Due(issue=issue, seat=np.full(len(issue), -1), **rows)


def _about(
    rng: np.random.Generator, company: Company, kind: range, who: IntArray
) -> tuple[IntArray, IntArray]:
    """Topic and channel of issues of one kind."""
    topic = kind.start + codes(rng, len(who), TOPIC_SHARE[kind]).astype(np.int64)
    channel = codes(rng, len(who), _MIX[kind]).astype(np.int64)
    keeps = rng.random(len(who)) < _STAYS_PREFERRED[kind]
    return topic, np.where(keeps, company.people.preferred[who], channel)


def _asked_for_help(rng: np.random.Generator, company: Company, helpless: Rows) -> Rows:
    """Questions of those who found no help online, minutes later; with a queue, while the lines are open."""
    who: IntArray = helpless["customer_id"]
    topic, channel = _about(rng, company, QUESTIONS, who)
    at = helpless["at"] + rng.integers(60, HOUR // 2, len(who))
    return {
        "who": who,
        "topic": topic,
        "channel": channel,
        "at": np.where(has_queue(channel), into_opening(at), at),
    }


def _contact_times(
    rng: np.random.Generator, company: Company, who: IntArray, month: IntArray, channel: IntArray
) -> IntArray:
    """Instants of first contacts: with a queue, while the lines are open; else at night too.

    Some customers prefer the morning or the evening.
    """
    at = np.zeros(len(who), dtype=np.int64)
    hour = np.tile(np.arange(24), 7)
    queued = has_queue(channel)
    for rhythm, (start, stop) in enumerate(_HOURS_OF_RHYTHM):
        liked = np.where((hour >= start) & (hour < stop), 1.0, 0.45)
        for queue, least in ((True, 0.0), (False, _AT_NIGHT)):
            weights: FloatArray = np.maximum(open_hours(), least) * liked
            mine = np.flatnonzero((company.people.rhythm[who] == rhythm) & (queued == queue))
            at[mine] = draw_times(rng, company.months, month[mine], weights)
    return at


def _run(
    rng: np.random.Generator, company: Company, due: _Due, issues: int, turns: range
) -> tuple[Rows, IntArray]:
    """Contacts until each issue is settled, and when each was resolved (``NEVER`` when it was not)."""
    resolved = np.full(issues, NEVER)
    parts: list[Rows] = []
    for turn in turns:
        due = due.of(due.at < company.months.end)
        contacts = Contacts(due.who, due.topic, due.channel, due.at, due.seat, turn)
        lost = by_machine(due.channel) & (due.topic >= PROBLEMS.start)
        solving = SOLVED[due.topic] * np.where(lost, _MACHINE_WITH_PROBLEM, 1.0)
        rows = {"issue_id": due.issue} | handle(rng, contacts, company, solving)
        parts.append(rows)
        due = _settle(rng, due, rows, resolved, last=turn == turns[-1])
    return joined(parts), resolved


def _settle(rng: np.random.Generator, due: _Due, rows: Rows, resolved: IntArray, *, last: bool) -> _Due:
    """Note in *resolved* what is settled by this round of contacts; return those who come back."""
    ended: IntArray = rows["ended_at"]
    gone = rows["abandoned"] == 1
    solved = rows["solved"] == 1
    fate, size = rng.random(len(ended)), len(ended)
    office = ended + days_s(OFFICE_D[due.topic] * rng.lognormal(0, 0.8, size))
    closed = ended + days_s(rng.uniform(0.1, 4.0, size))
    again = ~solved & np.where(gone, fate < _AGAIN_AFTER_HANGING_UP, fate < _AGAIN)
    if last:
        again[:] = False
    unserved = gone & ~again & (rng.random(size) < _CLOSED_UNSERVED)
    handed = ~gone & ~solved & ~again & (fate < _AGAIN + _OFFICE)
    at = np.select([solved, unserved, handed], [ended, closed, office], NEVER)
    resolved[due.issue] = at
    gap_d = np.where(gone, rng.lognormal(-2.3, 1.3, size), rng.lognormal(1.1, 0.9, size))
    start = ended + 60 + days_s(gap_d)
    moved = codes(rng, size, PROBLEM_MIX).astype(np.int64)
    stays = (rng.random(size) < 0.75) & ~by_machine(due.channel)
    channel = np.where(stays, due.channel, moved)
    start = np.where(has_queue(channel), into_opening(start), start)
    seat: IntArray = rows["seat"]
    return _Due(due.issue, due.who, due.topic, channel, start, seat).of(again)


def _reopened(rng: np.random.Generator, rows: Rows, resolved: IntArray) -> tuple[_Due, IntArray]:
    """The issues that come back after they were resolved, and when each did."""
    at = resolved + days_s(rng.uniform(0.5, 20.0, len(resolved)))
    issue: IntArray = rows["issue_id"]
    last = np.zeros(len(resolved), dtype=np.int64)
    last[issue] = np.arange(len(issue))  # rows come by rounds: the last one of an issue stays
    met = take(rows, last)
    is_problem = np.isin(met["topic"], PROBLEMS)
    back = (rng.random(len(resolved)) < _REOPENED[flag(is_problem)]) & (resolved < NEVER)
    start = np.where(back, into_opening(at), NEVER)
    whole = {name: met[name].astype(np.int64) for name in ("customer_id", "topic", "channel", "seat")}
    due = _Due(
        np.arange(len(resolved)),
        whole["customer_id"],
        whole["topic"],
        whole["channel"],
        at=start,
        seat=whole["seat"],
    )
    return due.of(back), start
