"""The badge rule, row by row, and Holm against its definition."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cxml.causes.badge_rules import ALPHA, Evidence, Reason, badges, holm

STRONG = Evidence(
    "lever", "+", theta=0.02, se=0.002, base=0.1, robustness=0.05, benchmark=0.004, negative=0.3, placebos=1
)
SLIGHT = replace(STRONG, theta=0.0005, se=0.001, robustness=0.0, benchmark=0.002)


@pytest.mark.parametrize(
    ("changed", "badge", "reason"),
    [
        ({}, "supported", "passed"),
        ({"direction": "-"}, "contradicted", "opposite"),
        ({"direction": "±"}, "supported", "passed"),
        ({"theta": -0.02}, "contradicted", "opposite"),
        ({"theta": -0.02, "direction": "-"}, "supported", "passed"),
        ({"theta": -0.02, "negative": 2.0}, "association_only", "negative_control"),
        ({"negative": 2.0}, "association_only", "negative_control"),
        ({"negative": -2.0}, "association_only", "negative_control"),
        ({"negative": math.nan}, "association_only", "no_negative_control"),
        ({"placebos": 4}, "supported", "passed"),
        ({"placebos": 5}, "association_only", "placebo"),
        ({"robustness": 0.01}, "association_only", "robustness"),
        ({"benchmark": 0.0161}, "association_only", "benchmark"),
        ({"benchmark": 0.016}, "supported", "passed"),
        ({"kind": "volume"}, "association_only", "volume"),
        ({"kind": "volume", "theta": -0.02, "direction": "±"}, "association_only", "volume"),
        ({"se": 0.02}, "association_only", "uncertain"),
        ({"lacks": "power"}, "not_testable", "power"),
        ({"lacks": "kind", "theta": math.nan, "se": math.nan}, "not_testable", "kind"),
        ({"theta": 0.0005, "se": 0.001}, "contradicted", "no_effect"),
        ({"theta": 0.0005, "se": 0.001, "robustness": 0.0, "benchmark": 1.0}, "contradicted", "no_effect"),
        ({"theta": 0.0005, "se": 0.001, "negative": 3.0}, "association_only", "uncertain"),
        ({"theta": 0.0005, "se": 0.001, "placebos": 9}, "association_only", "uncertain"),
        ({"theta": 0.0005, "se": 0.003}, "association_only", "uncertain"),
        ({"theta": 0.0005, "se": 0.001, "step": 3.0}, "association_only", "uncertain"),
    ],
)
def test_the_rule(changed: dict[str, object], badge: str, reason: str) -> None:
    (found,) = badges([replace(STRONG, **changed)])  # type: ignore[arg-type]
    assert (found.badge, found.reason) == (badge, reason)
    assert reason in get_args(Reason)


def test_the_number_and_its_limit_come_with_the_reason() -> None:
    found = badges(
        [replace(STRONG, negative=-2.5), replace(STRONG, placebos=7), replace(STRONG, benchmark=0.5)]
    )
    assert [(v.value, round(v.limit, 5)) for v in found] == [(2.5, 1.95996), (7.0, 4.0), (0.5, 0.01608)]


def test_volume_is_never_called_protective_whatever_else_is_found() -> None:
    family = [
        replace(STRONG, kind="volume", theta=theta, direction=direction, negative=0.0, benchmark=0.0)
        for theta in (-0.5, -0.02, 0.02)
        for direction in ("+", "-", "±")
    ]
    assert {found.badge for found in badges(family)} == {"association_only"}


def test_the_family_makes_each_test_harder() -> None:
    lone = replace(STRONG, theta=0.0046, benchmark=0.0)  # t = 2.3
    assert badges([lone])[0].badge == "supported"
    assert badges([lone, *[replace(SLIGHT, se=0.01)] * 9])[0].badge == "association_only"
    untested = replace(STRONG, lacks="rows")
    assert badges([lone, *[untested] * 9])[0].badge == "supported", (
        "what is not tested is no part of the family"
    )


def test_without_a_direction_either_side_counts_at_five_in_a_hundred() -> None:
    either = replace(STRONG, direction="±", benchmark=0.0)
    assert badges([replace(either, theta=1.95 * either.se)])[0].reason == "uncertain"
    assert badges([replace(either, theta=-1.97 * either.se)])[0].badge == "supported"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_steps_down(p: list[float]) -> None:
    order, n = np.argsort(p, kind="stable"), len(p)
    adjusted = np.maximum.accumulate([min(1.0, p[i] * (n - k)) for k, i in enumerate(order)])
    found = holm(p)
    assert np.allclose([found[i] for i in order], adjusted)
    rejected = set()
    for k, i in enumerate(order):
        if p[i] * (n - k) >= ALPHA:
            break
        rejected.add(int(i))
    assert rejected == {i for i in range(n) if found[i] < ALPHA}
