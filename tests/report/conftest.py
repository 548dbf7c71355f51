"""A company of 10,000 customers as the report meets it: scores, drivers, labels, metrics, coverage."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml.config.sections import Decisions
from cxml.decisions.call_plan import call_plan
from cxml.decisions.uplift import Proof
from cxml.report import ReportInputs

# factor: English, Korean, kind, family, strength in log-odds, share of customers it hits
FACTORS: dict[str, tuple[str, str, str, str, float, float]] = {
    "waiting": ("Waiting", "대기 시간", "lever", "process", 0.62, 0.24),
    "repeats": ("Repeat contacts", "재문의", "lever", "process", 0.55, 0.17),
    "resolution": ("Resolution", "문제 해결", "lever", "process", 0.44, 0.15),
    "effort": ("Customer effort", "고객 노력", "lever", "people", 0.38, 0.14),
    "personalization": ("Personalization gap", "개인화 부족", "lever", "people", 0.33, 0.16),
    "abandonment": ("Abandoned calls", "대기 중 포기", "lever", "process", 0.40, 0.08),
    "recovery": ("Missing recovery", "서비스 회복 부족", "lever", "people", 0.30, 0.07),
    "delivery": ("Late delivery", "배송 지연", "lever", "product", 0.03, 0.02),
    "language": ("Wrong language", "언어 불일치", "lever", "people", 0.02, 0.0004),
    "feedback": ("Survey answers", "설문 응답", "outcome", "other", 0.35, 0.20),
    "contacts": ("Contact volume", "문의량", "volume", "other", -0.15, 0.10),
    "behaviour": ("Buying behaviour", "구매 행동", "context", "other", 0.80, 0.35),
}

# feature: factor, English, Korean, unit, typical value among the customers hit
FEATURES: dict[str, tuple[str, str, str, str, float]] = {
    "wait_mean_90d": ("waiting", "average wait", "평균 대기 시간", "s", 780.0),
    "wait_last_30d": ("waiting", "last wait", "마지막 대기 시간", "s", 1130.0),
    "repeats_90d": ("repeats", "repeat contacts within 7 days", "7일 이내 재문의 건수", "count", 3.0),
    "open_age": ("resolution", "age of the oldest open issue", "미해결 건의 최장 경과 시간", "h", 190.0),
    "resolved_share_180d": ("resolution", "share of issues resolved", "문의 해결률", "share", 0.41),
    "agents_180d": ("effort", "agents met", "만난 상담원 수", "count", 4.0),
    "transfers_90d": ("effort", "transfers", "상담원 변경 횟수", "count", 2.0),
    "generic_share_90d": ("personalization", "generic messages", "일반 발송 메시지 비율", "share", 0.83),
    "abandoned_share_90d": ("abandonment", "share of calls abandoned", "대기 중 포기율", "share", 0.5),
    "recovery_missing": ("recovery", "problem without an apology", "사과하지 않은 문제 여부", "flag", 1.0),
    "late_days_180d": ("delivery", "days late at worst", "최대 배송 지연 일수", "d", 3.0),
    "mismatch_365d": ("language", "contacts in the wrong language", "언어 불일치 상담 건수", "count", 1.0),
}


def scores_of(customers: int, seed: int = 7) -> pd.DataFrame:
    """Scores whose contributions add up to the log-odds, in the columns of ``scores.parquet``."""
    rng = np.random.default_rng(seed)
    frame: dict[str, Any] = {
        "customer_id": [f"C-{n:06d}" for n in rng.permutation(customers) + 100_000],
        "cutoff": pd.Timestamp("2026-04-30T15:00:00Z"),
    }
    logit = np.full(customers, -2.75)
    for factor, (_, _, _, _, strength, share) in FACTORS.items():
        hit = rng.random(customers) < share
        part = np.where(
            hit, strength * rng.gamma(4, 0.25, customers), -abs(strength) * share * rng.random(customers)
        )
        frame[f"contribution_{factor}"] = part
        # What is usual adds a fifth of what hits; only the rest counts, where it is more than a tenth of the odds.
        more = part - 0.2 * abs(strength)
        frame[f"hit_{factor}"] = np.where(more > np.log(1.1), more, 0.0)
        logit += part
    p = 1 / (1 + np.exp(-logit))
    frame["churn_probability"], frame["base"] = p, -2.75
    value = np.exp(rng.normal(11.6, 0.9, customers))
    frame |= {
        "expected_value": value,
        "median_value": value * 0.8,
        "value_low": value * 0.3,
        "value_high": value * 2,
    }
    frame["value_if_stays"] = 1.1 * value
    frame["value_at_risk"] = p * 1.1 * value
    frame |= _reasons(frame, customers, rng)
    frame["other_reason"] = np.where(frame["contribution_behaviour"] > 0.3, "recency", None)
    frame["other_reason_value"] = np.where(frame["contribution_behaviour"] > 0.3, 61.0, np.nan)
    frame["expected_profit"] = 0.1 * p * value - 2500
    frame["holdout"] = rng.random(customers) < 0.1
    return pd.DataFrame(frame)


def _reasons(frame: dict[str, Any], customers: int, rng: np.random.Generator) -> dict[str, Any]:
    levers = [f for f, facts in FACTORS.items() if facts[2] == "lever"]
    parts = np.stack([frame[f"contribution_{f}"] for f in levers])
    order = np.argsort(-parts, axis=0, kind="stable")[:3]
    feature = {f: [n for n, facts in FEATURES.items() if facts[0] == f] for f in levers}
    out: dict[str, Any] = {}
    for k in range(3):
        names: list[str | None] = []
        values: list[float] = []
        for i in range(customers):
            factor = levers[order[k, i]]
            some = feature[factor]
            name = some[i % len(some)] if parts[order[k, i], i] > 0.02 else None
            typical = FEATURES[name][4] if name else np.nan
            spread = 1.0 if name and FEATURES[name][3] in ("flag", "share") else rng.uniform(0.7, 1.6)
            value = typical * spread
            names.append(name)
            values.append(float(np.ceil(value)) if name and FEATURES[name][3] in ("count", "d") else value)
        out[f"reason_{k + 1}"], out[f"reason_{k + 1}_value"] = names, values
    return out


def drivers_of(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per factor, straight from the definitions."""
    p, value = scores["churn_probability"], scores["value_if_stays"].astype(float)
    logit = np.log(p / (1 - p))
    importance = {f: float(scores[f"contribution_{f}"].abs().mean()) for f in FACTORS}
    strength = {f: float(scores[f"hit_{f}"].mean()) for f in FACTORS}
    of_levers = sum(strength[f] for f, facts in FACTORS.items() if facts[2] == "lever")
    rows = []
    for factor, (_, _, kind, family, _, _) in FACTORS.items():
        part = scores[f"hit_{factor}"]
        hit = part > 0
        without = 1 / (1 + np.exp(-(logit - part)))
        at_risk, rest = float((p * value)[hit].sum()), float((without * value)[hit].sum())
        rows.append(
            {
                "factor": factor,
                "kind": kind,
                "family": family,
                "strength": strength[factor],
                "share_of_strength": strength[factor] / of_levers if kind == "lever" else np.nan,
                "importance": importance[factor],
                "share_of_importance": importance[factor] / sum(importance.values()),
                "customers_hit": int(hit.sum()),
                "share_hit": float(hit.mean()),
                "odds_ratio": float(np.exp(part[hit].mean())),
                "value_at_risk": at_risk,
                "value_at_risk_without": rest,
                "avoidable": at_risk - rest,
            }
        )
    return pd.DataFrame(rows).sort_values("strength", ascending=False, kind="stable", ignore_index=True)


def labels_of() -> dict[str, Any]:
    """Labels of all factors and features."""
    return {
        "factors": {
            f: {"en": en, "ko": ko, "kind": kind, "family": family}
            for f, (en, ko, kind, family, _, _) in FACTORS.items()
        },
        "features": {
            n: {"factor": f, **windowed(n, en, ko), "unit": unit, "direction": "+"}
            for n, (f, en, ko, unit, _) in FEATURES.items()
        }
        | {
            "recency": {
                "factor": "behaviour",
                "en": "days since the last order",
                "ko": "마지막 주문 후 경과 일수",
                "unit": "d",
                "direction": "+",
            }
        }
        | {
            "customer_region": {
                "factor": "behaviour",
                "en": "region",
                "ko": "지역",
                "unit": "text",
                "direction": "±",
            }
        },
    }


def windowed(column: str, en: str, ko: str) -> dict[str, str]:
    """The labels of a column say its window."""
    days = column.rpartition("_")[2].removesuffix("d")
    return (
        {"en": f"{en}, last {days} days", "ko": f"최근 {days}일 {ko}"}
        if days.isdigit()
        else {"en": en, "ko": ko}
    )


def metrics_of(seed: int = 3) -> dict[str, Any]:
    """A test whose groups scatter as chance has it."""
    rng = np.random.default_rng(seed)
    predicted = np.array([0.018, 0.03, 0.042, 0.056, 0.073, 0.094, 0.12, 0.158, 0.22, 0.405])
    rows = [984] * 10
    observed = rng.binomial(984, predicted) / 984
    share = np.linspace(0.05, 1.0, 20)
    captured = 1 - (1 - share) ** 4
    means = np.array([9e3, 2.2e4, 3.6e4, 5.1e4, 7e4, 9.4e4, 1.28e5, 1.78e5, 2.6e5, 5.2e5])
    actual = means * rng.normal(1.0, 0.07, 10)
    return {
        "test": {"cutoff": "2026-03-31T15:00:00+00:00", "rows": 9840, "mode": "time"},
        "churn": {
            "auc": 0.783,
            "pr_auc": 0.391,
            "log_loss": 0.2871,
            "brier": 0.0874,
            "ece": 0.0061,
            "ece_noise_p99": 0.0118,
            "top_decile_lift": 3.42,
            "base_rate": 0.1216,
            "rows": 9840,
            "events": 1197,
        },
        "value": {
            "gini": 0.61,
            "spearman": 0.58,
            "decile_mape": 0.061,
            "mae": 48210.0,
            "total_error": 0.034,
            "coverage": 0.874,
        },
        "baselines": {
            "churn": {
                "base_rate": {
                    "auc": 0.5,
                    "pr_auc": 0.1216,
                    "log_loss": 0.3697,
                    "brier": 0.1068,
                    "top_decile_lift": 1.0,
                    "ece": 0.004,
                },
                "recency": {
                    "auc": 0.664,
                    "pr_auc": 0.222,
                    "log_loss": 0.3412,
                    "brier": 0.1006,
                    "top_decile_lift": 2.1,
                    "ece": 0.0102,
                },
                "logistic": {
                    "auc": 0.769,
                    "pr_auc": 0.368,
                    "log_loss": 0.2932,
                    "brier": 0.0889,
                    "top_decile_lift": 3.25,
                    "ece": 0.0094,
                },
            },
            "value": {
                "naive": {
                    "gini": 0.52,
                    "spearman": 0.49,
                    "decile_mape": 0.21,
                    "mae": 61000.0,
                    "total_error": 0.19,
                }
            },
        },
        "tables": {
            "calibration": [
                {"predicted": float(a), "actual": float(b), "rows": n}
                for a, b, n in zip(predicted, observed, rows, strict=True)
            ],
            "lift": [
                {"share": float(s), "lift": float(c / s), "recall": float(c)}
                for s, c in zip(share, captured, strict=True)
            ],
            "deciles": [
                {"predicted": float(a), "actual": float(b), "rows": 984}
                for a, b in zip(means[::-1], actual[::-1], strict=True)
            ],
        },
        "verdict": {"churn": "The churn model beats its baselines."},
    }


def coverage_of() -> dict[str, Any]:
    """Twelve factors measured, three not, one in part."""
    return {
        "measured": [
            {"factor": factor, "en": told[0], "ko": told[1], "features": 4, "missing": []}
            for factor, told in FACTORS.items()
        ],
        "not_measured": [
            {
                "factor": "billing",
                "en": "Unexplained charges",
                "ko": "설명 없는 청구",
                "missing": ["charges.amount", "charges.expected_amount", "charges.notified_at"],
            },
            {
                "factor": "visits",
                "en": "Field visits",
                "ko": "방문 서비스",
                "missing": ["visits.window_end", "visits.arrived_at"],
            },
            {
                "factor": "digital",
                "en": "Digital friction",
                "ko": "디지털 이용 불편",
                "missing": ["sessions.errors", "sessions.checkout_steps"],
            },
        ],
        "partly": [
            {
                "factor": "effort",
                "en": "Customer effort",
                "ko": "고객 노력",
                "features": 6,
                "missing": ["interactions.verifications", "interactions.context_carried"],
            }
        ],
        "rows": {
            "customers": 23_410,
            "interactions": 412_880,
            "orders": 301_222,
            "surveys": 41_870,
            "messages": 890_110,
            "recoveries": 9_310,
            "agents": 214,
        },
    }


def evidence_of(drivers: pd.DataFrame) -> dict[str, Any]:
    """What stands behind the levers: ranks, four cutoffs, comparisons of three of them."""
    levers = list(drivers.loc[drivers["kind"] == "lever", "factor"])
    cutoffs = ["2025-12-31T15:00:00+00:00", "2026-01-31T15:00:00+00:00", "2026-02-28T15:00:00+00:00"]
    compared = {
        "waiting": ("wait_mean_90d", 360.0, 0.081, 0.052, 1.56, 1.31, 1.86),
        "repeats": ("repeats_90d", 0.0, 0.09, 0.05, 1.8, 1.4, 2.31),
        "resolution": ("open_age", 48.0, 0.062, 0.058, 1.07, 0.88, 1.3),
    }
    return {
        "ranks": {
            f: {
                "rank": k + 1,
                "rank_low": max(1, k),
                "rank_high": k + 2 if k else 1,
                "first": float(k == 0),
                "weight_low": 0.9 - 0.01 * k,
                "weight_high": 1.1 + 0.02 * k,
            }
            for k, f in enumerate(levers)
        },
        "history": [
            {"cutoff": c, "factor": f, "strength": 0.1, "share_hit": 0.2 + 0.01 * j - 0.02 * k, "rank": k + 1}
            for j, c in enumerate(cutoffs)
            for k, f in enumerate(levers)
        ],
        "curves": {
            "waiting": {
                "value": [30.0, 120.0, 600.0, 900.0],
                "left": [0.03, 0.05, 0.08, 0.2],
                "low": [0.02, 0.04, 0.06, 0.0],
                "high": [0.04, 0.06, 0.1, 0.5],
                "customers": [900, 800, 700, 9],
            }
        },
        "comparisons": {
            f: {
                "feature": name,
                "threshold": edge,
                "above": True,
                "left": left,
                "left_others": others,
                "ratio": ratio,
                "low": low,
                "high": high,
                "customers": 1500,
                "rows": 4100,
            }
            for f, (name, edge, left, others, ratio, low, high) in compared.items()
        },
    }


CAUSES: dict[str, Any] = {
    "waiting": {
        "badge": "supported",
        "reason": "passed",
        "told": "minute",
        "column": "wait_mean_90d",
        "effect": 0.52,
        "low": 0.3,
        "high": 0.81,
    },
    "repeats": {
        "badge": "association_only",
        "reason": "benchmark",
        "told": "one",
        "effect": 2.5,
        "low": 0.4,
        "high": 4.6,
    },
    "resolution": {"badge": "not_testable", "reason": "exposed"},
    "effort": {
        "badge": "contradicted",
        "reason": "no_effect",
        "told": "any",
        "effect": 0.02,
        "low": -0.1,
        "high": 0.14,
    },
}
"""What was found about four of the factors; effects in points."""


def _cliff(promise: str, clock: float, answer: str, why: str = "", **told: Any) -> dict[str, Any]:
    return {
        "promise": promise,
        "clock": clock,
        "answer": answer,
        "why": why,
        "bunched": 1.0,
        "rows": 4100,
        "customers": 1630,
        **told,
    }


def _curve(clock: float, jump: float, place: float) -> dict[str, list[float]]:
    """Bins of a fifth of the promised time; the last but one is about nine customers."""
    wait = [clock * (0.1 + 0.2 * k) for k in range(15)]
    left = [0.04 + 0.004 * k + (jump if w > place else 0.0) for k, w in enumerate(wait)]
    return {
        "wait": wait,
        "left": left,
        "low": [x - 0.05 for x in left],
        "high": [x + 0.05 for x in left],
        "customers": [400 - 20 * k for k in range(13)] + [9, 31],
    }


CLIFFS: tuple[dict[str, Any], ...] = (
    _cliff(
        "resolution", 158_400.0, "none", smallest=0.0731, level=0.05, p=0.6, curve=_curve(158_400.0, 0.0, 0.0)
    ),
    _cliff("answer.email", 3600.0, "untested", "around"),
    _cliff(
        "answer.phone",
        300.0,
        "elsewhere",
        at=360.0,
        at_low=342.0,
        at_high=384.0,
        jump=0.102,
        jump_low=0.031,
        jump_high=0.173,
        smallest=0.0644,
        curve=_curve(300.0, 0.102, 360.0),
        fitted={"wait": [120.0, 360.0, 360.0, 600.0], "left": [0.04, 0.06, 0.16, 0.19]},
    ),
    _cliff(
        "answer.chat",
        240.0,
        "promise",
        at=240.0,
        at_low=240.0,
        at_high=240.0,
        jump=0.058,
        jump_low=0.012,
        jump_high=0.104,
        smallest=0.0509,
        bunched=1.62,
        curve=_curve(240.0, 0.058, 240.0),
        fitted={"wait": [48.0, 240.0, 240.0, 432.0], "left": [0.03, 0.05, 0.11, 0.12]},
    ),
    _cliff("delivery", 432_000.0, "none", smallest=0.0287),
    _cliff("answer.*", 158_400.0, "untested", "rows", customers=4),
    _cliff("refund", 1_209_600.0, "untested", "leavers"),
)
"""How leaving goes along the waits about seven promised times."""


def _gain(
    asked: str, factor: str, by: str, target: float = 0.0, lack: str = "", **told: Any
) -> dict[str, Any]:
    return {
        "asked": asked,
        "factor": factor,
        "by": by,
        "target": target,
        "lack": lack,
        "concerned": 2400.0,
        **told,
    }


WHAT_IF: tuple[dict[str, Any], ...] = (
    _gain("recovery_missing", "recovery", "cause", lack="beyond", reached=0.013),
    _gain(
        "transfers_90d",
        "effort",
        "cause",
        fewer=-3.4,
        fewer_low=-9.2,
        fewer_high=2.4,
        value=-412_000.0,
        value_low=-991_000.0,
        value_high=167_000.0,
        reached=0.4,
    ),
    _gain(
        "answer.phone",
        "waiting",
        "cause",
        300.0,
        fewer=61.3,
        fewer_low=22.1,
        fewer_high=100.5,
        value=5_310_000.0,
        value_low=1_720_000.0,
        value_high=8_900_000.0,
        reached=0.7,
    ),
    _gain("answer.chat answer.social", "waiting", "model", 3600.0, fewer=12.7, value=1_090_000.0),
    _gain("resolved_share_180d", "resolution", "model", fewer=0.21, value=18_500.0),
    _gain("repeats_90d", "repeats", "model", fewer=83.6, value=7_230_000.0),
    _gain("delivery", "delivery", "model", 432_000.0, fewer=-1.8, value=-121_000.0),
    _gain("abandoned_share_90d", "abandonment", "model", concerned=7.0, fewer=3.25, value=277_000.0),
)
"""What would change if one thing were made good."""


PROOF = Proof(
    verdict="not_proven",
    rows=6000,
    contacted=3000,
    customers=6000,
    draws=1,
    effect=0.013,
    effect_low=0.001,
    effect_high=0.025,
    auc=0.501,
    auc_limit=0.52,
    qini=0.004,
    qini_low=-0.002,
    qini_high=0.011,
    qini_risk=0.003,
    share=(0.0, 0.5, 1.0),
    saved=(0.0, 48.0, 78.0),
    saved_by_risk=(0.0, 44.0, 78.0),
)


def groups_of(drivers: pd.DataFrame) -> dict[str, Any]:
    """Whom the factors hit: three regions, one of them small, and who is beyond the thresholds."""
    days = [0, 30, 60, 90, 120, 180, 240, 300, 365]
    hits = dict(zip(drivers["factor"], drivers["customers_hit"], strict=True))

    def group(customers: int, rate: float, tilt: float) -> dict[str, Any]:
        return {
            "customers": customers,
            "leavers": 0.07 * customers,
            "value_at_risk": 9_500.0 * customers,
            "hit": {f: round(n * customers * tilt / 10_000) for f, n in hits.items()},
            "stays": [float(np.exp(-rate * day)) for day in days],
        }

    return {
        "days": days,
        "everybody": group(10_000, 0.001, 1.0),
        "segments": [
            {"attribute": "customer_region", "level": level, **group(n, rate, tilt)}
            for level, n, rate, tilt in (
                ("11", 6000, 0.0009, 0.8),
                ("26", 3992, 0.0014, 1.3),
                ("48", 8, 0.004, 4.0),
            )
        ],
        "beyond": {
            f: group(n, 0.002, 1.0) for f, n in (("waiting", 2310), ("repeats", 1200), ("resolution", 7))
        },
    }


META: dict[str, Any] = {
    "project": "Hangang Home",
    "currency": "KRW",
    "timezone": "Asia/Seoul",
    "cutoff": "2026-04-30T15:00:00+00:00",
    "lead": "7D",
    "horizon": "28D",
    "churn_definition": "inactivity",
    "model_version": "hangang-home 4",
    "data_fingerprint": "9f3c2a71d0be",
    "population": {"at_risk": 10_000, "new": 412, "gone": 3_180},
    "observation_end": "2026-05-02T15:00:00+00:00",
    "training_cutoffs": [
        "2025-11-30T15:00:00Z",
        "2025-12-31T15:00:00Z",
        "2026-01-31T15:00:00Z",
        "2026-02-28T15:00:00Z",
    ],
    "level_error": 0.1,
    "refit": True,
}


def make_inputs(customers: int = 10_000) -> ReportInputs:
    """The whole input."""
    scores = scores_of(customers)
    drivers = drivers_of(scores)
    rule = Decisions(contact_cost=2000.0, offer_cost=500.0, save_rate=0.2, holdout=0.1)
    plan = call_plan(scores["customer_id"], scores["churn_probability"], scores["value_if_stays"], rule)
    return ReportInputs(
        scores,
        drivers,
        labels_of(),
        metrics_of(),
        coverage_of(),
        META,
        evidence=evidence_of(drivers),
        groups=groups_of(drivers),
        causes=CAUSES,
        cliffs=CLIFFS,
        what_if=WHAT_IF,
        calls={"plan": plan.to_dict(), "proof": PROOF.to_dict()},
    )


def without_value(inputs: ReportInputs) -> ReportInputs:
    """The same company with no value configured: the value columns are null."""
    money = (
        "expected_value",
        "median_value",
        "value_low",
        "value_high",
        "value_if_stays",
        "value_at_risk",
        "expected_profit",
    )
    empty = dict.fromkeys(money, np.nan)
    drivers = inputs.drivers.assign(value_at_risk=np.nan, value_at_risk_without=np.nan, avoidable=np.nan)
    metrics = {key: part for key, part in inputs.metrics.items() if key != "value"}
    metrics["tables"] = {key: part for key, part in inputs.metrics["tables"].items() if key != "deciles"}
    plan = {**inputs.calls["plan"], "scenarios": [], "profit": None, "best_profit": None}
    return dataclasses.replace(
        inputs,
        scores=inputs.scores.assign(**empty),
        drivers=drivers,
        metrics=metrics,
        calls={"plan": plan, "proof": None},
    )


@pytest.fixture(scope="session")
def inputs() -> ReportInputs:
    return make_inputs()


@pytest.fixture(scope="session")
def plain_inputs(inputs: ReportInputs) -> ReportInputs:
    return without_value(inputs)


@dataclasses.dataclass
class Node:
    """An element of a page with the text below it."""

    tag: str
    attrs: dict[str, str | None]
    parent: Node | None = None
    text: str = ""

    @property
    def around(self) -> list[Node]:
        """The element and what it lies in, inmost first."""
        return [self, *(self.parent.around if self.parent else [])]

    def inside(self, tag: str = "", name: str = "") -> bool:
        """Whether it is, or lies in, an element with this tag and this id or class."""
        return any(
            (not tag or n.tag == tag)
            and (not name or name in ((n.attrs.get("class") or "") + " " + (n.attrs.get("id") or "")).split())
            for n in self.around
        )


class Page(HTMLParser):
    """A page taken apart by the standard library's parser, which knows nothing of the templates."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.nodes: list[Node] = []
        self.texts: list[tuple[Node, str]] = []
        self._open: list[Node] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, dict(attrs), self._open[-1] if self._open else None)
        self.nodes.append(node)
        if tag not in self.VOID:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.nodes.append(Node(tag, dict(attrs), self._open[-1] if self._open else None))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag, f"</{tag}> closes nothing that is open"

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.append((self._open[-1], data))
            for node in self._open[-1].around:
                node.text += data

    def structure(self) -> list[tuple[str, tuple[str, ...]]]:
        """Every element in order, with the names of its attributes."""
        return [(n.tag, tuple(sorted(n.attrs))) for n in self.nodes]

    def find(self, tag: str = "", name: str = "") -> list[Node]:
        """The elements with this tag and this id or class."""
        return [
            n for n in self.nodes if n.inside(tag, name) and not (n.parent and n.parent.inside(tag, name))
        ]

    def figures(self, name: str = "") -> list[float]:
        """The exact values of the numbers, in the whole page or below an id or class."""
        return [
            float(n.attrs["value"] or "nan") for n in self.nodes if n.tag == "data" and n.inside(name=name)
        ]

    def blocks(self) -> list[list[float]]:
        """The numbers of each paragraph, cell or entry; within a sentence their order is the language's."""
        inline = ("data", "strong", "b", "span", "small")
        found: dict[int, list[float]] = {}
        for n in (n for n in self.nodes if n.tag == "data"):
            block = next(a for a in n.around if a.tag not in inline)
            found.setdefault(self.nodes.index(block), []).append(float(n.attrs["value"] or "nan"))
        return [sorted(found[k]) for k in sorted(found)]

    def prose(self) -> str:
        """What a reader sees and hears, apart from code, ids and style."""
        skip = ("code", "bdi", "style", "script")
        return " ".join(text for node, text in self.texts if not any(n.tag in skip for n in node.around))


@pytest.fixture(scope="session")
def read() -> type[Page]:
    return Page


@pytest.fixture(scope="session")
def company() -> Callable[[int], ReportInputs]:
    return make_inputs
