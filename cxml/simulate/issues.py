"""Issues and the contacts that they take: the table ``interactions``.

Two streams of issues run beside each other. Questions (how to, where is my order) grow with usage
and are mostly settled at once; problems (a fault, a wrong bill) come with need and take longer.
That is what makes a raw count of contacts look protective: those who ask most use the service most
and stay longest.

An issue runs in rounds. A contact is served or abandoned; served, it is solved, handed to the back
office (solved later, no further contact), forgotten (never solved), or the customer comes back.
A solved issue may come back once more. All of it is drawn as if nobody ever left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxml.simulate.contact_centre import into_opening, open_hours
from cxml.simulate.handling import BOT, CHANNELS, Company, Contacts, handle, has_queue
from cxml.simulate.months import draw_counts, draw_times
from cxml.simulate.rows import DAY, NEVER, BoolArray, FloatArray, IntArray, Rows, by_time, joined, take

TOPICS = (
    "how_to", "order_status", "plan_info", "usage_info", "promotion", "account",
    "technical", "billing", "delivery", "contract",
)  # fmt: skip
_QUESTIONS = 6
_QUESTION_RATE, _PROBLEM_RATE = 0.8, 0.15
_QUESTION_BY_USAGE, _PROBLEM_BY_NEED = 1.4, 0.4
_TOPIC_SHARE = (np.array([0.2, 0.2, 0.15, 0.15, 0.15, 0.15]), np.array([0.4, 0.3, 0.18, 0.12]))
_SOLVED = np.array([0.985, 0.985, 0.985, 0.985, 0.985, 0.98, 0.52, 0.60, 0.62, 0.58])
_BOT_WITH_PROBLEM = 0.5
_OFFICE_D = np.array([1.0, 1.5, 1.0, 1.0, 1.0, 1.0, 9.0, 8.0, 6.0, 10.0])
_AGAIN, _OFFICE = 0.48, 0.20
_AGAIN_AFTER_HANGING_UP = 0.70
_CLOSED_UNSERVED = 0.75
_ROUNDS = 6
_REOPENED = np.array([0.01, 0.06])
_PROBLEM_MIX = np.array([0.60, 0.26, 0.05, 0.02, 0.04, 0.03])
_QUESTION_MIX = np.array([0.03, 0.05, 0.22, 0.46, 0.18, 0.06])
_STAYS_PREFERRED = np.array([0.08, 0.35])
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


def draw_interactions(rng: np.random.Generator, company: Company) -> Rows:
    """All contacts by time.

    Beyond the columns of the contract: ``repeat``, ``solved`` (1 when this contact did it) and ``seat``.
    """
    due = _first_contacts(rng, company)
    count = len(due.issue)
    first, resolved = _run(rng, company, due, count, range(_ROUNDS))
    back, reopened = _reopened(rng, first, resolved)
    second, resolved_again = _run(rng, company, back, count, range(1, _ROUNDS))
    first |= {"resolved_at": resolved[first["issue_id"]], "reopened_at": reopened[first["issue_id"]]}
    never = np.full(len(second["issue_id"]), NEVER)
    second |= {"resolved_at": resolved_again[second["issue_id"]], "reopened_at": never}
    rows = by_time(joined([first, second]), "started_at")
    rows["interaction_id"] = np.arange(len(rows["started_at"]))
    rows["direction"] = np.zeros(len(rows["started_at"]), dtype=np.int64)
    rows["customer_language"] = company.people.language[rows["customer_id"]]
    rows["repeat"] = repeats(rows["customer_id"], rows["topic"], rows["started_at"])
    return rows


def repeats(who: IntArray, topic: IntArray, at: IntArray, within_s: int = 7 * DAY) -> IntArray:
    """1 where the customer's contact before, on the same topic, lies at most *within_s* back, else 0.

    >>> one = np.zeros(3, dtype=np.int64)
    >>> repeats(one, one, np.array([0, 7 * 86400, 15 * 86400])).tolist()
    [0, 1, 0]
    """
    order = np.lexsort((at, topic, who))
    same = (np.diff(who[order]) == 0) & (np.diff(topic[order]) == 0)
    flag = np.zeros(len(at), dtype=np.int64)
    flag[order[1:]] = same & (np.diff(at[order]) <= within_s)
    return flag


def _first_contacts(rng: np.random.Generator, company: Company) -> _Due:
    """One entry per issue, in the order of their first contacts."""
    people, months = company.people, company.months
    usage = _QUESTION_RATE * np.exp(_QUESTION_BY_USAGE * people.usage - _QUESTION_BY_USAGE**2 / 2)
    need = _PROBLEM_RATE * np.exp(_PROBLEM_BY_NEED * people.need - _PROBLEM_BY_NEED**2 / 2)
    parts = []
    for kind, rate in enumerate((usage, need)):
        who, month = draw_counts(rng, np.repeat(rate[:, None], months.count, axis=1))
        topic = kind * _QUESTIONS + rng.choice(len(_TOPIC_SHARE[kind]), len(who), p=_TOPIC_SHARE[kind])
        mix = (_QUESTION_MIX, _PROBLEM_MIX)[kind]
        channel = rng.choice(len(CHANNELS), len(who), p=mix)
        channel = np.where(rng.random(len(who)) < _STAYS_PREFERRED[kind], people.preferred[who], channel)
        at = _contact_times(rng, company, who, month, channel)
        parts.append({"who": who, "topic": topic, "channel": channel, "at": at})
    rows = by_time(joined(parts), "at")
    rows = take(rows, people.had_joined(rows["who"], rows["at"]))
    # Who has just had an answer does not open a new issue about the same thing.
    rows = take(rows, repeats(rows["who"], rows["topic"], rows["at"]) == 0)
    issue = np.arange(len(rows["at"]))
    return _Due(issue=issue, seat=np.full(len(issue), -1), **rows)


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
        lost = (due.channel == BOT) & (due.topic >= _QUESTIONS)
        solving = _SOLVED[due.topic] * np.where(lost, _BOT_WITH_PROBLEM, 1.0)
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
    office = ended + (_OFFICE_D[due.topic] * DAY * rng.lognormal(0, 0.8, size)).astype(np.int64)
    closed = ended + (DAY * rng.uniform(0.1, 4.0, size)).astype(np.int64)
    again = ~solved & np.where(gone, fate < _AGAIN_AFTER_HANGING_UP, fate < _AGAIN)
    if last:
        again[:] = False
    unserved = gone & ~again & (rng.random(size) < _CLOSED_UNSERVED)
    handed = ~gone & ~solved & ~again & (fate < _AGAIN + _OFFICE)
    at = np.select([solved, unserved, handed], [ended, closed, office], NEVER)
    resolved[due.issue] = at
    gap_d = np.where(gone, rng.lognormal(-2.3, 1.3, size), rng.lognormal(1.1, 0.9, size))
    start = ended + 60 + (gap_d * DAY).astype(np.int64)
    moved = rng.choice(len(CHANNELS), size, p=_PROBLEM_MIX)
    stays = (rng.random(size) < 0.75) & (due.channel != BOT)
    channel = np.where(stays, due.channel, moved)
    start = np.where(has_queue(channel), into_opening(start), start)
    seat: IntArray = rows["seat"]
    return _Due(due.issue, due.who, due.topic, channel, start, seat).of(again)


def _reopened(rng: np.random.Generator, rows: Rows, resolved: IntArray) -> tuple[_Due, IntArray]:
    """The issues that come back after they were resolved, and when each did."""
    at = resolved + (DAY * rng.uniform(0.5, 20.0, len(resolved))).astype(np.int64)
    issue: IntArray = rows["issue_id"]
    last = np.zeros(len(resolved), dtype=np.int64)
    last[issue] = np.arange(len(issue))  # rows come by rounds: the last one of an issue stays
    is_problem = (rows["topic"][last] >= _QUESTIONS).astype(np.int64)
    back = (rng.random(len(resolved)) < _REOPENED[is_problem]) & (resolved < NEVER)
    start = np.where(back, into_opening(at), NEVER)
    met = take(rows, last)
    due = _Due(
        np.arange(len(resolved)), met["customer_id"], met["topic"], met["channel"], at=start, seat=met["seat"]
    )
    return due.of(back), start
