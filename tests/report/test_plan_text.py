"""How long the list should be: the figures of the plan, in both languages, and what is not known left out."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cxml.report import ReportInputs, render


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_plan_is_told(inputs: ReportInputs, read: Any, lang: Any) -> None:
    shown = read(render(inputs, lang)).figures("plan")
    plan, proof = inputs.calls["plan"], inputs.calls["proof"]
    want = [plan[name] for name in ("size", "profit", "cost", "leavers", "saved", "break_even")]
    want += [
        one[name] for one in plan["scenarios"] for name in ("save_rate", "best_size", "best_profit", "profit")
    ]
    want += [
        proof[name]
        for name in ("effect", "effect_low", "effect_high", "qini", "qini_low", "qini_high", "qini_risk")
    ]
    for number in want:
        assert any(abs(number - one) < 1e-6 * max(1.0, abs(number)) for one in shown), number


def test_a_scenario_with_more_saved_is_no_worse(inputs: ReportInputs) -> None:
    best = [one["best_profit"] for one in inputs.calls["plan"]["scenarios"]]
    assert best == sorted(best)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"limited_by": "budget"}, "The budget allows"),
        ({"limited_by": "most"}, "The limit on contacts"),
        ({"cost": 0.0}, "No cost is configured"),
        ({"size": 0}, "no contact pays"),
        ({"size": 7, "withheld": 2}, "the last to contact is No."),
    ],
)
def test_what_ends_the_list_is_said(
    inputs: ReportInputs, read: Any, changed: dict[str, Any], said: str
) -> None:
    calls = {**inputs.calls, "plan": {**inputs.calls["plan"], **changed}}
    assert said in read(render(dataclasses.replace(inputs, calls=calls), "en")).prose()


def test_without_a_plan_or_money_nothing_is_said(inputs: ReportInputs, read: Any) -> None:
    bare = {"plan": {**inputs.calls["plan"], "scenarios": []}, "proof": None}
    for calls in ({}, bare):
        page = read(render(dataclasses.replace(inputs, calls=calls), "en"))
        assert not page.find(name="plan")
