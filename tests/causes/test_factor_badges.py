"""Badges from end to end: in worlds whose every effect is known, and on the tables of a small company."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxml.causes import factor_badges, study as studies
from cxml.causes.study import START, Study, study_from, study_of
from cxml.config.load import parse_config
from cxml.factors import FACTORS as SHIPPED
from cxml.factors.declare import EVER, Factor, Feature, Treatment
from cxml.features.company import plan_features
from cxml.simulate import simulate
from cxml.simulate.causal_factors import FACTORS, GROUPS
from cxml.simulate.causal_world import CausalWorld, Hidden, causal_world
from cxml.tables.opening import Tables, open_tables
from cxml.training import dataset

# causal_world.truth(customers=400_000): points per minute, ten points of a share, one, or any.
THETA = {
    "issues": 5.292,
    "wait": 0.640,
    "untrained": 0.007,
    "abandoned": 9.867,
    "language": 12.016,
    "transfers": 4.768,
    "verifications": 0.026,
    "scripted": -0.015,
    "queue": 0.001,
    "impersonal": 0.858,
    "billing": 3.648,
    "unresolved": 8.123,
    "repeats": 3.981,
}
ACTS = {factor.name: factor.acts for factor in FACTORS}


def declared() -> tuple[Factor, ...]:
    return tuple(
        Factor(
            name=f.name,
            en=f.name,
            ko=f.name,
            kind=f.kind,
            family="other",
            tier=f.tier,
            says=f.name,
            after=f.after,
            treatment=Treatment(f.name, any=f.any, everyone=f.population == "everyone"),
            features=(
                Feature(
                    name=f.name,
                    table="interactions",
                    sql=f.name,
                    unit=f.unit,
                    row="",
                    direction=f.direction,
                    en=f.name,
                    ko=f.name,
                    lookbacks=EVER,
                ),
            ),
        )
        for f in FACTORS
    )


def as_study(world: CausalWorld) -> Study:
    frame = pd.concat([world.frame.assign(activity=world.activity), world.inside], axis=1)
    return study_from(declared(), frame, world.before, groups=GROUPS, context=["topic"], earlier=world.before)


@cache
def judged(seed: int, rows: int = 10_000) -> pd.DataFrame:
    return factor_badges.badges_of(as_study(causal_world(rows, seed)), seed).set_index("factor")


def test_intervals_hold_the_truth_nothing_is_made_of_nothing_and_causes_are_found() -> None:
    found = pd.concat([judged(seed).dropna(subset=["effect"]) for seed in range(1000, 1004)])
    theta = found.index.map(THETA).to_numpy()
    held = (found["low"] <= theta) & (theta <= found["high"])
    assert held.mean() > 0.85
    levers = found[found["kind"] == "lever"]
    acts = levers.index.map(ACTS).to_numpy(dtype=bool)
    supported = (levers["badge"] == "supported").to_numpy()
    assert supported[~acts].sum() <= 1
    assert supported[acts].mean() > 0.65
    assert set(found.loc["issues", "badge"]) == {"association_only"}


def test_without_controls_what_does_nothing_looks_like_a_cause() -> None:
    """The control of the test above: in this world something is to be controlled for."""
    study = as_study(causal_world(10_000, 1000))
    bare = replace(study, before=study.before[[]], during=dict.fromkeys(study.during, ()))
    found = factor_badges.badges_of(bare).set_index("factor")
    assert found.loc["queue", "low"] > 0 and found.loc["abandoned", "low"] > THETA["abandoned"]


@pytest.mark.parametrize("proxies", [0.0, 0.6, 0.98])
def test_a_hidden_trait_makes_nobody_call_contact_protective(proxies: float) -> None:
    study = as_study(causal_world(10_000, 1001, Hidden(0.8, proxies)))
    asked = tuple(replace(q, kind="lever") for q in study.questions if q.factor == "issues")
    (lone,) = factor_badges.badges_of(replace(study, questions=asked)).to_dict("records")
    assert proxies > 0.5 or lone["high"] < 0, "by its interval alone it would be"
    assert not (lone["badge"] == "supported" and lone["effect"] < 0)
    (kept,) = factor_badges.badges_of(
        replace(study, questions=tuple(replace(q, kind="volume") for q in asked))
    ).to_dict("records")
    assert (kept["badge"], kept["reason"]) == ("association_only", "volume")


def test_the_result_is_tidy() -> None:
    found = judged(1000)
    assert list(found.index) == [factor.name for factor in FACTORS]
    assert found.loc["score", ["badge", "reason"]].tolist() == ["not_testable", "kind"]
    tested = found[found["badge"] != "not_testable"]
    assert (tested["low"] < tested["effect"]).all() and (tested["effect"] < tested["high"]).all()
    assert tested["rows"].gt(0).all() and tested["exposed"].le(tested["customers"]).all()
    assert found.loc["abandoned", "average"] == pytest.approx(8.8, abs=2.5)
    assert found["average"].notna().sum() == 3, "of treatments that are any or none"
    said = factor_badges.short(found.reset_index())
    assert said["score"] == {"badge": "not_testable", "reason": "kind"}
    assert said["wait"]["told"] == "minute" and said["wait"]["low"] < said["wait"]["effect"]


def test_too_few_exposed_are_not_testable() -> None:
    study = as_study(causal_world(4_000, 1002))
    rare = study.exposures.copy()
    rare["billing"] = (rare["billing"] > 0) & (np.arange(len(rare)) % 40 == 0)
    rare["queue"] = rare["queue"].where(np.arange(len(rare)) < 900)
    rare["impersonal"] = study.before["usage" + START] * 0.1 + 0.5
    found = factor_badges.badges_of(replace(study, exposures=rare.astype(float))).set_index("factor")
    assert found.loc[["billing", "queue", "impersonal"], "badge"].tolist() == ["not_testable"] * 3
    assert found.loc[["billing", "queue", "impersonal"], "reason"].tolist() == ["exposed", "rows", "overlap"]
    assert found.loc["queue", ["reason_value", "reason_limit"]].tolist() == [900, 1000]
    assert found.loc["language", "reason"] == "power" and found.loc["language", "effect"] > 5, (
        "too few to say, not none"
    )


def test_without_a_month_before_nothing_is_called_a_cause() -> None:
    study = as_study(causal_world(6_000, 1003))
    found = factor_badges.badges_of(replace(study, activity=None, earlier=None))
    assert "supported" not in set(found["badge"])
    assert "no_negative_control" in set(found["reason"])


# --- a small company -------------------------------------------------------------------------------------

KEPT = {
    "waiting",
    "abandonment",
    "language",
    "personalization",
    "feedback",
    "contacts",
    "channels",
    "behaviour",
    "profile",
    "worth",
    "leaving",
}
OWN = """
from cxml.factors.declare import Factor, Feature, count

NIGHT = Factor(
    name="night_calls", en="Calls at night", ko="야간 문의", kind="lever", family="process", tier=1,
    says="Contacts outside the day.",
    features=(
        Feature("night_n", "interactions", count("mod(wall, 86400) < 28800"), "count", "", "+",
                "contacts before eight in the morning", "오전 8시 이전 문의 건수", (90,), empty=0),
    ),
)
"""


def open_company(folder: Path, customers: int, **sections: object) -> Tables:
    made = simulate(customers, months=12, seed=1000)
    raw = tomllib.loads(made.config)
    names = [factor.name for factor in SHIPPED if factor.name not in KEPT]
    raw["training"]["cutoffs"] = raw["training"]["cutoffs"][-3:]
    raw |= {"tables": {}, "engine": {"threads": 1}, "model": {"threads": 1}}
    raw["features"] = {"lookbacks": [30, 90], "leave_out": names, "files": ["own.py"]}
    (folder / "own.py").write_text(OWN, encoding="utf-8")
    return open_tables(parse_config(raw | sections, folder), made.tables)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, pd.DataFrame]:
    tables = open_company(tmp_path_factory.mktemp("company"), 700)
    return tables, dataset.assemble(tables).frame


@pytest.fixture(scope="module")
def study(company: tuple[Tables, pd.DataFrame]) -> Study:
    found = study_of(*company)
    assert found is not None
    return found


def test_who_was_never_contacted_in_the_window_is_in_no_factor_about_contacts(
    company: tuple[Tables, pd.DataFrame], study: Study
) -> None:
    frame = company[1].merge(pd.DataFrame({"customer_id": study.customers, "cutoff": study.cutoffs}))
    frame = frame.sort_values(["customer_id", "cutoff"]).reset_index(drop=True)
    contacted = frame["contacts_n_90d"].to_numpy() > 0
    for factor in ("waiting", "abandonment", "language", "night_calls"):
        concerned = study.exposures[factor].notna().to_numpy()
        assert concerned.any() and not (concerned & ~contacted).any(), factor
    assert study.exposures["abandonment"].notna().to_numpy().tolist() == contacted.tolist()
    assert study.exposures["contacts"].notna().all(), "a volume is about everybody"


def test_controls_are_those_of_the_same_customers_when_the_window_began(
    company: tuple[Tables, pd.DataFrame], study: Study
) -> None:
    """As of 90 days before a cutoff, by counting orders and contacts by hand."""
    tables = company[0]
    orders = pd.DataFrame(
        tables.engine.rows("select customer_id, ordered_at from orders"), columns=["who", "at"]
    )
    orders["at"] = pd.to_datetime(orders["at"], utc=True)
    start = study.cutoffs - pd.Timedelta(days=90)
    for row in range(0, len(start), 97):
        own = orders.loc[orders["who"] == study.customers[row], "at"]
        seen = int(((own < start[row]) & (own >= start[row] - pd.Timedelta(days=90))).sum())
        assert study.before.loc[row, "orders_n_90d" + START] == seen
    assert study.young > 0, "who joined within the window has nothing before it"
    assert not [c for c in study.before if c.startswith(("csat", "nps", "cancel_", "wait_over"))]


def test_the_month_before_lies_between_the_two_sets_of_controls(study: Study) -> None:
    assert study.activity is not None and study.earlier is not None
    assert list(study.earlier.columns) == list(study.before.columns)
    known = ~np.isnan(study.activity)
    assert 0.8 < known.mean() <= 1.0
    assert study.earlier.loc[~known, "T" + START].isna().all()


def test_the_order_of_the_rows_changes_nothing(company: tuple[Tables, pd.DataFrame]) -> None:
    tables, frame = company
    one, other = (factor_badges.find(tables, f) for f in (frame, frame.sample(frac=1, random_state=1)))
    pd.testing.assert_frame_equal(one, other)
    assert set(one["factor"]) >= {*KEPT, "night_calls"}
    assert one.set_index("factor").loc["night_calls", "column"] == "night_n_90d"


def test_records_younger_than_the_window_say_nothing(
    company: tuple[Tables, pd.DataFrame], study: Study
) -> None:
    tables, frame = company
    old = pd.DataFrame({"customer_id": study.customers, "cutoff": study.cutoffs})
    young = frame[frame.merge(old, how="left", indicator=True)["_merge"].eq("left_only").to_numpy()]
    assert len(young) == study.young > 5
    found = factor_badges.find(tables, young)
    assert set(found["badge"]) == {"not_testable"}
    own = {"kind", "treatment", "window", "column"}
    assert {"history"} <= set(found["reason"]) <= {*own, "history"}
    assert (
        {"unable"}
        <= set(factor_badges.untested(plan_features(tables), young, "unable")["reason"])
        <= {*own, "unable"}
    )


def test_of_too_many_snapshots_customers_are_drawn_and_it_is_said(
    company: tuple[Tables, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables, frame = company
    monkeypatch.setattr(studies, "MOST_SNAPSHOTS", len(frame) // 3)
    said: list[str] = []
    found = factor_badges.find(tables, frame, tell=said.append)
    drawn, everyone = int(found["drawn"].iloc[0]), int(found["everyone"].iloc[0])
    assert everyone == frame["customer_id"].nunique() and 0.2 * everyone < drawn < 0.45 * everyone
    assert len(said) == 1 and f"{drawn:,} of {everyone:,}" in said[0]
    rows = frame.groupby("customer_id").size()
    half = study_of(tables, frame)
    assert half is not None
    kept = half.customers.value_counts()
    assert (rows[kept.index] - kept).sum() <= half.young, (
        "all rows of a customer, but those too early for a window"
    )
    assert set(found["badge"]) == {"not_testable"}, "what is too little is said to be too little"
    assert set(found["reason"]) >= {"kind", "rows"}
