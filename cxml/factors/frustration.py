"""Frustration: what went wrong of late, openly weighted, and the peak and the end of the experience.

An event counts half after 30 days. The weights are points of trouble: 1 for what is a nuisance (a wait
beyond the promise of the channel, a transfer, an identity check beyond the first, a scripted answer), 2
for work done twice (the same topic within 7 days, explaining again, another language, a late delivery), 3
for a failure (given up, wrong information, a missed or late visit, a disputed or unexpected charge, a
refused return), 5 for abuse. People judge an experience by its worst moment and by its end (Kahneman
and others 1993): hence both, over the points of single contacts. The index goes on without the parts whose
columns are not there, and says which.
"""

from __future__ import annotations

from cxml.factors.declare import Derived, Factor, Feature, Flag, faded, latest, mean, worst

HALF_LIFE = 30
"""Days after which an event counts half."""

_WINDOW = (180,)

# Column, table, what counts, weight, rows of the map, and how it is said.
_EVENTS = (
    (
        "waits",
        "interactions",
        "wait_s > promised_s",
        1,
        "D2",
        "waits longer than their channel promises",
        "응답 약속을 넘긴 대기",
    ),
    ("given_up", "interactions", "abandoned", 3, "D3", "contacts given up", "대기 중 포기"),
    (
        "repeats",
        "interactions",
        "again",
        2,
        "D7",
        "contacts on the same topic within 7 days",
        "7일 이내 재문의",
    ),
    (
        "retold",
        "interactions",
        "not context_carried",
        2,
        "D5 D21",
        "contacts in which the customer had to explain again",
        "같은 내용을 다시 설명한 문의",
    ),
    (
        "language",
        "interactions",
        "lower(agent_language) <> lower(customer_language)",
        2,
        "D18",
        "contacts in another language than the customer's",
        "언어 불일치 상담",
    ),
    ("scripted", "interactions", "scripted", 1, "D14", "scripted answers", "정해진 문구 답변"),
    ("abuse", "interactions", "abusive", 5, "D19", "rude or abusive conduct", "불친절·부적절한 언행"),
    ("wrong", "interactions", "corrected_at is not null", 3, "D13", "wrong information", "잘못된 안내"),
    (
        "visits",
        "visits",
        "(coalesce(no_show, false) or arrived_at > window_end) and not called_off",
        3,
        "D1",
        "visits missed or late",
        "미방문·늦은 방문",
    ),
    (
        "charges",
        "charges",
        "disputed_at is not null or amount > expected_amount",
        3,
        "D10",
        "charges disputed or above what could be expected",
        "이의를 제기했거나 예상보다 많은 청구",
    ),
    ("deliveries", "orders", "delivered_at > promised_at", 2, "D11", "late deliveries", "배송 지연"),
    ("returns", "returns", "not accepted", 3, "D15", "returns refused", "반품 거절"),
)
# The same for what is counted more than once a contact.
_AMOUNTS = (
    ("transfers", "transfers", 1, "D6", "transfers", "이관"),
    (
        "checks",
        "greatest(verifications - 1, 0)",
        1,
        "D4",
        "identity checks beyond the first",
        "반복된 본인 확인",
    ),
)


def _part(name: str, table: str, points: str, row: str, en: str, ko: str) -> Feature:
    """How much there was of one thing, halved every 30 days."""
    return Feature(
        name=f"frustration_{name}",
        table=table,
        sql=faded(points, HALF_LIFE),
        unit="score",
        row=f"{row} D38",
        direction="+",
        en=f"{en}, halved every {HALF_LIFE} days",
        ko=f"{ko}({HALF_LIFE}일마다 절반 반영)",
        lookbacks=_WINDOW,
    )


def _weighted(weights: dict[str, int]) -> str:
    """The sum of the parts, each with its weight; what did not happen adds nothing."""
    return " + ".join(
        f"{weight}e0 * coalesce(frustration_{name}_{{w}}d, 0)" for name, weight in weights.items()
    )


_WEIGHTS = {event[0]: event[3] for event in _EVENTS} | {amount[0]: amount[2] for amount in _AMOUNTS}

FRUSTRATION = Factor(
    name="frustration",
    en="Frustration",
    ko="불만 누적",
    kind="index",
    family="process",
    tier=5,
    says="What went wrong of late, weighted and halved every 30 days; the worst and the last experience.",
    optional=tuple(f"frustration_{name}" for name in _WEIGHTS),
    flags=(
        Flag(
            "again",
            "interactions",
            "topic is not null"
            " and coalesce(t - lag(t) over (partition by who, topic order by t, pos) <= 604800, false)",
            reach=7,
        ),
        Flag(
            "trouble",
            "interactions",
            "case when coalesce(abandoned, context_carried) is not null or coalesce(wait_s, transfers) is not null"
            " then case when abandoned then 3 else 0 end + case when wait_s > promised_s then 1 else 0 end"
            " + coalesce(transfers, 0) + case when not context_carried then 2 else 0 end end",
        ),
    ),
    features=(
        *(
            _part(name, table, f"case when {what} then 1e0 else 0e0 end", row, en, ko)
            for name, table, what, _, row, en, ko in _EVENTS
        ),
        *(
            _part(name, "interactions", f"coalesce({what}, 0)", row, en, ko)
            for name, what, _, row, en, ko in _AMOUNTS
        ),
        Feature(
            name="trouble_peak",
            table="interactions",
            sql=worst("trouble"),
            unit="score",
            row="J3",
            direction="+",
            en="most points of trouble in one contact",
            ko="한 문의에서 겪은 최대 불편 점수",
            lookbacks=(90, 365),
        ),
        Feature(
            name="trouble_end",
            table="interactions",
            sql=latest("trouble"),
            unit="score",
            row="J3",
            direction="+",
            en="points of trouble in the last contact",
            ko="마지막 문의에서 겪은 불편 점수",
            lookbacks=(90, 365),
        ),
        Feature(
            name="trouble_mean",
            table="interactions",
            sql=mean("trouble"),
            unit="score",
            row="J3",
            direction="+",
            en="average points of trouble per contact",
            ko="문의당 평균 불편 점수",
            lookbacks=(90, 365),
        ),
    ),
    derived=(
        Derived(
            name="frustration_index",
            sql=_weighted(_WEIGHTS),
            unit="score",
            row="D38 A14",
            direction="+",
            en=f"frustration index: weighted bad events, halved every {HALF_LIFE} days",
            ko=f"불만 지수(가중치를 준 나쁜 경험, {HALF_LIFE}일마다 절반 반영)",
            lookbacks=_WINDOW,
        ),
        Derived(
            name="peak_end",
            sql="(trouble_peak_{w}d + trouble_end_{w}d) / 2e0",
            unit="score",
            row="J3",
            direction="+",
            en="peak and end: points of trouble in the worst and in the last contact, averaged",
            ko="정점과 마지막: 최악의 문의와 마지막 문의의 평균 불편 점수",
            lookbacks=(90, 365),
        ),
    ),
)
