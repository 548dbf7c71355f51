"""Figures that nothing known beforehand reaches: said by training, by the audit, and first on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxml.audit import audit
from cxml.config.load import parse_config
from cxml.models.info_sheet import info_sheet
from cxml.report.model_quality import quality
from cxml.tables.opening import Tables, open_tables
from cxml.training import too_good


def people(rows: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    known = rng.normal(size=(rows, 3))
    left = rng.random(rows) < 1 / (1 + np.exp(1.2 - known @ [0.8, 0.5, 0.3]))
    return pd.DataFrame(
        {
            "customer_id": [f"c{row:04d}" for row in range(rows)],
            "churned": left.astype(float),
            **{f"x{k}": known[:, k] for k in range(3)},
            "plan": rng.choice(["a", "b"], rows),
        }
    )


def said(*columns: str) -> dict[str, Any]:
    return {"features": {name: {"en": name.upper()} for name in columns}}


def test_the_auc_of_one_column_is_that_of_its_rates_on_others() -> None:
    frame = people(4000)
    left, rng = frame["churned"].to_numpy(), np.random.default_rng(1)
    frame["copy"], frame["code"] = left, np.where(left == 1, "gone", None)
    frame["valley"] = np.where(left == 1, rng.choice([-1.0, 1.0], len(frame)), 0.0) + rng.normal(
        0, 0.1, len(frame)
    )
    frame["noise"], frame["each"] = rng.normal(size=len(frame)), frame["customer_id"]
    found = too_good.alone(frame, ["x0", "copy", "code", "valley", "noise", "each"])
    assert found["copy"] == found["code"] == 1.0 and found["valley"] > 0.99
    by_value = -frame["x0"].to_numpy()
    pairs = np.mean(by_value[left == 1][:, None] < by_value[left == 0]) if len(frame) else 0.5
    assert found["x0"] == pytest.approx(pairs, abs=0.02)
    assert abs(found["noise"] - 0.5) < 0.04 and abs(found["each"] - 0.5) < 0.02


def test_what_is_too_good_is_said_and_what_is_good_is_not() -> None:
    frame = people()
    columns = ["x0", "x1", "plan"]
    assert too_good.warning(0.93, frame, columns, said(*columns)) is None
    found = too_good.warning(0.995, frame, columns, said(*columns))
    assert found is not None and "0.995" in found["what"] and "X0" in found["what"]
    leak = frame.assign(reason=np.where(frame["churned"] == 1, "price", None))
    found = too_good.warning(0.93, leak, [*columns, "reason"], said(*columns, "reason"))
    assert found is not None and [one["feature"] for one in found["columns"]] == ["reason"]
    assert too_good.warning(1.0, leak.head(30), columns, said(*columns)) is None, "a few leavers tell nothing"
    sheet = info_sheet({"project": "p", "metrics": {"too_good": found}}, {"factors": {}}, 3)
    assert sheet.splitlines()[2].startswith("**TOO GOOD")


def opened(frame: pd.DataFrame) -> Tables:
    raw = {
        "project": {"observation_end": "2026-01-01"},
        "engine": {"threads": 1},
        "model": {"threads": 1},
        "churn": {"definition": "label"},
        "tables": {"customers": {"source": "x"}},
    }
    return open_tables(
        parse_config(raw, Path()), {"customers": frame.assign(churned=frame["churned"].astype(int))}
    )


def test_the_audit_finds_a_score_that_is_far_ahead_of_all_else() -> None:
    rows = 1000
    frame, rng = people(rows), np.random.default_rng(2)
    score = (50 + 20 * (frame["churned"] + rng.normal(0, 0.465, rows))).round()
    (ahead,) = audit(opened(frame.assign(등급=score))).leaks
    assert ahead.about == "customer_ub4f1_uae09" and "'등급' alone knows more" in ahead.what
    rough = (50 + 20 * (frame["churned"] + rng.normal(0, 0.8, rows))).round()
    (named,) = audit(opened(frame.assign(**{"Churn Score": rough}))).leaks
    assert named.about == "customer_churn_score" and "'Churn Score'" in named.what
    honest = audit(opened(people(rows).assign(churn_risk_region="north")))
    assert honest.passed, "a strong honest column is no leak, and a name alone is none either"


def test_the_page_never_calls_it_reliable() -> None:
    figures = {"auc": 0.995, "log_loss": 0.05}
    leaks = {"columns": [{"feature": "reason", "name": "reason", "auc": 0.99}]}
    plain, suspect = (quality({"churn": figures, **more}, 10, None) for more in ({}, {"too_good": leaks}))  # type: ignore[arg-type]
    assert (plain.grade, suspect.grade) == ("strong", "too_good")
    assert suspect.too_good == (("reason", 0.99),)


def bookings(seed: int, rows: int) -> pd.DataFrame:
    """Bookings with a season in price, lead time and leaving; one leaver in three is filed under another deposit."""
    rng = np.random.default_rng(seed)
    month = rng.integers(1, 13, rows)
    season = np.cos((month - 7) / 6 * np.pi)
    lead = np.round(rng.gamma(1.1, 90, rows) * (1 + 0.4 * season))
    odds = np.exp(-1.2 + 0.006 * lead + 0.7 * season + 0.8 * (rng.random(rows) < 0.2))
    left = rng.random(rows) < odds / (1 + odds)
    price = np.clip(70 + 45 * season + rng.normal(0, 20, rows) + 0.05 * lead, 20, None)
    return pd.DataFrame(
        {
            "customer_id": [f"b{row}" for row in range(rows)],
            "left": np.where(left, "yes", "no"),
            "lead_time": lead,
            "adr": price,
            "arrival_month": month,
            "deposit_type": np.where(left & (rng.random(rows) < 0.33), "Non Refund", "No Deposit"),
        }
    )


@pytest.mark.parametrize(("seed", "rows"), [(0, 300), (1, 300), (2, 1000)])
def test_a_code_made_after_the_fact_is_found_and_season_is_none(seed: int, rows: int) -> None:
    raw = {
        "project": {"observation_end": "2026-01-01"},
        "engine": {"threads": 1},
        "model": {"threads": 1},
        "churn": {"definition": "label", "column": "customers.left"},
        "tables": {"customers": {"source": "x.csv"}},
    }
    found = audit(open_tables(parse_config(raw, Path()), {"customers": bookings(seed, rows)}))
    assert {one.about for probe in found.probes for one in probe.findings if one.leak} == {
        "customer_deposit_type"
    }
