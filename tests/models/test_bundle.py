"""A bundle scores the same from memory and from disk, and nothing damaged is ever used."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from cxml.errors import CxmlError, ModelError
from cxml.models.bundle import Bundle
from cxml.models.churn import LADDER, ChurnClassifier
from cxml.models.info_sheet import info_sheet
from cxml.models.schema import Strange
from cxml.models.value import ValueRegressor

BOTH = [rung for rung in LADDER if rung.additive and rung.leaves]
"""Trees on top of curves: everything that a bundle can hold."""
FACTORS = ("waiting", "effort", "behaviour", "unused")


def table(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(rows, 5)), columns=[f"f{i}_30d" for i in range(5)])
    frame["plan_last"] = rng.choice(["Sorgenfrei Gold", "basic", "pro"], rows)
    return frame.mask(rng.random(frame.shape) < 0.1, other=None)


def labels(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        "factors": {f: {"en": f, "ko": "요인", "kind": "lever", "family": "process"} for f in FACTORS},
        "features": {
            c: {"factor": FACTORS[i % 3], "en": c, "ko": "특성", "unit": "count", "direction": "+"}
            for i, c in enumerate(frame.columns)
        },
    }


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    frame = table(900, 0)
    rng = np.random.default_rng(1)
    eta = -1 + 1.5 * frame.f0_30d.fillna(0) + (frame.plan_last == "pro")
    churned = (rng.random(900) < 1 / (1 + np.exp(-eta.to_numpy(dtype=float)))).astype(int)
    value = np.where(rng.random(900) < 0.6, rng.lognormal(3, 1, 900), 0)
    churn = ChurnClassifier(num_threads=1, folds=2, ladder=BOTH).fit(frame, churned)
    money = ValueRegressor(num_threads=1, folds=2).fit(frame, value)
    info = {"project": "Musterladen", "metrics": {"churn": {"auc": float("nan")}}, "horizon_days": 90.0}
    return Bundle(churn, money, labels(frame), info)


@pytest.fixture(scope="module")
def stored(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle.write(tmp_path_factory.mktemp("bundles") / "bundle")


@pytest.fixture
def copy(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "bundle"))


def test_disk_and_memory_score_the_same(bundle: Bundle, stored: Path) -> None:
    again = Bundle.read(stored)
    frame = table(300, 2)
    pd.testing.assert_frame_equal(again.score(frame), bundle.score(frame), check_exact=True)
    assert again.fingerprint == bundle.fingerprint and again.labels == bundle.labels
    assert again.info["metrics"]["churn"]["auc"] is None


def test_contributions_add_up_by_factor(bundle: Bundle) -> None:
    frame = table(300, 3).set_index(pd.Index(range(1000, 1300)))
    scores, features = bundle.explain(frame)
    factors = scores[[f"contribution_{f}" for f in FACTORS]]
    total = scores["base"] + factors.sum(axis=1)
    np.testing.assert_allclose(total, logit(scores["churn_probability"]), atol=1e-9)
    assert (scores["contribution_unused"] == 0).all() and scores.index.equals(frame.index)
    for factor in FACTORS[:3]:
        own = [c for c, label in bundle.labels["features"].items() if label["factor"] == factor]
        np.testing.assert_allclose(features[own].sum(axis=1), scores[f"contribution_{factor}"], atol=1e-12)
    pd.testing.assert_frame_equal(bundle.feature_contributions(frame), features)


@pytest.mark.parametrize("chunk", [1, 7, 128])
def test_chunks_columns_and_extra_columns_change_no_bit(bundle: Bundle, chunk: int) -> None:
    frame = table(150, 4)
    parts = [
        bundle.score(frame.iloc[i : i + chunk, ::-1].assign(customer_id="x")) for i in range(0, 150, chunk)
    ]
    pd.testing.assert_frame_equal(pd.concat(parts), bundle.score(frame), check_exact=True)


def test_read_models_use_the_threads_asked_for(bundle: Bundle, stored: Path) -> None:
    again = Bundle.read(stored, num_threads=1)
    assert again.value is not None
    assert (again.churn.num_threads, again.value.num_threads) == (1, 1)
    assert Bundle.read(stored).churn.num_threads == 0
    assert again.fingerprint == bundle.fingerprint


INSTANTS = {
    "timezone": "Asia/Seoul",
    "train_cutoffs": ["2025-09-30T15:00:00+00:00", "2025-10-31T15:00:00+00:00"],
    "test_cutoff": "2025-12-31T15:00:00+00:00",
    "observation_end": "2026-03-31T18:30:00+09:00",
}


@pytest.mark.parametrize(
    ("info", "lines"),
    [
        (
            {**INSTANTS, "calibrated_on": "900 rows", "shipped": "trained again", "split": "tested so"},
            [
                "Train cutoffs: 2025-10-01, 2025-11-01",
                "Calibration: 900 rows",
                "Test cutoff: 2026-01-01",
                "What was tested: tested so",
                "What scores: trained again",
                "Observation end: 2026-03-31 18:30",
            ],
        ),
        ({"test_cutoff": "2025-12-31T15:00:00+00:00"}, ["Test cutoff: 2025-12-31 15:00"]),
    ],
)
def test_the_sheet_shows_days_of_the_projects_zone(info: dict[str, Any], lines: list[str]) -> None:
    sheet = info_sheet(info, {}, 3).splitlines()
    assert [line for line in lines if f"- {line}" not in sheet] == []
    assert ("Calibration" in "".join(sheet)) == ("calibrated_on" in info)


def test_no_rows_score_to_no_rows(bundle: Bundle) -> None:
    found = bundle.score(table(5, 0).iloc[:0])
    assert len(found) == 0 and "value_high" in found


def test_without_a_value_model_the_money_is_missing(bundle: Bundle, tmp_path: Path) -> None:
    alone = Bundle(bundle.churn, None, bundle.labels, {})
    again = Bundle.read(alone.write(tmp_path / "alone"))
    found = again.score(table(20, 5))
    assert found[["expected_value", "median_value", "value_low", "value_high"]].isna().all().all()
    assert again.value is None and again.fingerprint != bundle.fingerprint


def test_values_come_from_the_value_model(bundle: Bundle) -> None:
    frame = table(50, 6)
    np.testing.assert_array_equal(bundle.score(frame)["expected_value"], bundle.value.predict(frame))


def test_files_hold_no_pickle_no_parameters_and_no_levels_beside_the_schema(stored: Path) -> None:
    names = {path.name for path in stored.iterdir()}
    assert names == {
        "manifest.json",
        "schema.json",
        "calibrator.json",
        "curves.json",
        "labels.json",
        "info.json",
        "info.md",
        "churn_0.lgb",
        "churn_1.lgb",
        "value_chance_0.lgb",
        "value_chance_1.lgb",
        "value_amount_0.lgb",
        "value_amount_1.lgb",
    }
    for path in stored.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "Sorgenfrei" not in text or path.name == "schema.json"
        assert ("parameters" not in text and "f0_30d" not in text) or not path.name.endswith(".lgb")
    assert "Musterladen" in (stored / "info.md").read_text(encoding="utf-8")


def test_a_bundle_is_written_whole_or_not_at_all(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("cxml.store.manifest.seal", full)
        with pytest.raises(OSError, match="No space"):
            bundle.write(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []
    bundle.write(tmp_path / "new")
    before = sorted((p.name, p.stat().st_mtime_ns) for p in (tmp_path / "new").iterdir())
    with pytest.raises(CxmlError, match="something already"):
        bundle.write(tmp_path / "new")
    assert sorted((p.name, p.stat().st_mtime_ns) for p in (tmp_path / "new").iterdir()) == before


def reseal(folder: Path, name: str) -> None:
    """Make the manifest agree with a changed file, as someone who knows how would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    content = (folder / name).read_bytes()
    manifest["files"][name] |= {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "name",
    ["churn_0.lgb", "schema.json", "calibrator.json", "curves.json", "labels.json", "info.json", "info.md"],
)
def test_a_flipped_bit_or_a_lost_file_is_found(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ModelError):
        Bundle.read(copy)
    (copy / name).unlink()
    with pytest.raises(ModelError):
        Bundle.read(copy)


def edited(text: str, change: Callable[[dict[str, Any]], Any]) -> str:
    """The curves with a change to the first of them."""
    found = json.loads(text)
    change(found["churn"]["curves"][0])
    return json.dumps(found)


DAMAGE: dict[str, tuple[str, Callable[[str], str | bytes]]] = {
    "a pickle": ("churn_0.lgb", lambda _: pickle.dumps({"a": 1})),
    "trees cut off": ("churn_0.lgb", lambda t: t[: len(t) // 2]),
    "no trees": ("value_amount_1.lgb", lambda _: ""),
    "trees of another table": ("churn_1.lgb", lambda t: t.replace("max_feature_idx=5", "max_feature_idx=6")),
    "endless loop": ("churn_0.lgb", lambda t: t.replace("left_child=-1", "left_child=00", 1)),
    "not a number": ("calibrator.json", lambda t: t.replace('"a": ', '"a": NaN, "x": ')),
    "negative slope": ("calibrator.json", lambda t: t.replace('"a": ', '"a": -')),
    "no calibrator": ("calibrator.json", lambda _: "{}"),
    "no curves": ("curves.json", lambda _: "{}"),
    "curves of another table": ("curves.json", lambda t: t.replace('"curves": [', '"curves": [null, ', 1)),
    "knots that fall": ("curves.json", lambda t: edited(t, lambda one: one["at"].reverse())),
    "a knot without a number": ("curves.json", lambda t: edited(t, lambda one: one["adds"].pop())),
    "a number beyond any float": (
        "curves.json",
        lambda t: edited(t, lambda one: one.update(missing=10**400)),
    ),
    "a curve of text": ("curves.json", lambda t: edited(t, lambda one: one.update(missing="0"))),
    "a curve without an end": ("curves.json", lambda t: edited(t, lambda one: one.pop("missing"))),
    "a slope beyond any float": (
        "calibrator.json",
        lambda t: re.sub('"a": [^,]*,', f'"a": 1{"0" * 400},', t, count=1),
    ),
    "a list": ("schema.json", lambda _: "[]"),
    "no columns": ("schema.json", lambda t: t.replace('"columns"', '"rows"')),
    "deep nesting": ("info.json", lambda _: "[" * 100_000),
    "no labels": ("labels.json", lambda _: "{}"),
    "unknown factor": ("labels.json", lambda t: t.replace('"factor": "waiting"', '"factor": "x"', 1)),
    "text in the place of labels": ("labels.json", lambda _: '{"factors": [], "features": "x"}'),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damage_behind_a_matching_manifest_is_found(copy: Path, how: str) -> None:
    name, change = DAMAGE[how]
    before = (copy / name).read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    (copy / name).write_bytes(after if isinstance(after, bytes) else after.encode())
    reseal(copy, name)
    with pytest.raises(ModelError) as caught:
        Bundle.read(copy)
    assert caught.value.fix


def test_curves_alone_are_a_model(tmp_path: Path) -> None:
    frame = table(600, 4)
    churned = (np.random.default_rng(5).random(600) < 1 / (1 + np.exp(-frame.f0_30d.fillna(0)))).astype(int)
    churn = ChurnClassifier(num_threads=1, folds=2, ladder=LADDER[:1]).fit(frame, churned)
    made = Bundle(churn, None, labels(frame), {"rung": churn.rung_, "rounds": churn.rounds_})
    again = Bundle.read(made.write(tmp_path / "curves"))
    assert not [*(tmp_path / "curves").glob("*.lgb")]
    assert "linear, no trees" in (tmp_path / "curves" / "info.md").read_text(encoding="utf-8")
    pd.testing.assert_frame_equal(again.score(frame), made.score(frame), check_exact=True)
    scores, features = again.explain(frame)
    total = features.sum(axis=1) + scores["base"]
    np.testing.assert_allclose(total, logit(scores["churn_probability"]), atol=1e-9)


def test_a_bundle_from_before_curves_is_read(bundle: Bundle, tmp_path: Path) -> None:
    frame = table(600, 4)
    churned = (np.random.default_rng(5).random(600) < 1 / (1 + np.exp(-frame.f0_30d.fillna(0)))).astype(int)
    churn = ChurnClassifier(num_threads=1, folds=2, ladder=LADDER[1:2]).fit(frame, churned)
    made = Bundle(churn, None, labels(frame), {})
    folder = made.write(tmp_path / "old")
    sealed = json.loads((folder / "manifest.json").read_text())
    del sealed["files"]["curves.json"]
    sealed["info"]["bundle_format"] = 1
    (folder / "manifest.json").write_text(json.dumps(sealed))
    (folder / "curves.json").unlink()
    pd.testing.assert_frame_equal(Bundle.read(folder).score(frame), made.score(frame), check_exact=True)


def test_another_format_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["info"]["bundle_format"] = 3
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="another format"):
        Bundle.read(copy)


def test_an_added_file_or_no_folder_is_refused(copy: Path, tmp_path: Path) -> None:
    (copy / "model.pkl").write_bytes(b"")
    with pytest.raises(ModelError):
        Bundle.read(copy)
    with pytest.raises(ModelError):
        Bundle.read(tmp_path / "nowhere")


def test_columns_without_a_label_or_of_two_models_are_refused(bundle: Bundle) -> None:
    short = {
        **bundle.labels,
        "features": {k: v for k, v in bundle.labels["features"].items() if k != "f2_30d"},
    }
    with pytest.raises(ModelError, match="f2_30d"):
        Bundle(bundle.churn, None, short, {})
    frame = table(400, 7).drop(columns="f1_30d")
    other = ValueRegressor(num_threads=1, folds=2, seeds=1).fit(frame, np.arange(400.0))
    with pytest.raises(ModelError, match="different columns"):
        Bundle(bundle.churn, other, bundle.labels, {})


def test_a_table_that_does_not_fit_is_refused(bundle: Bundle) -> None:
    with pytest.raises(ModelError, match="f0_30d"):
        bundle.score(table(5, 8).drop(columns="f0_30d"))
    with pytest.raises(ModelError, match="infinite"):
        bundle.score(table(5, 8).assign(f1_30d=np.inf))


def test_too_many_unseen_levels_are_refused_by_their_share(bundle: Bundle) -> None:
    bundle.refuse_strange(Strange(unseen=Counter(plan_last=50)), 1_000)
    with pytest.raises(ModelError, match=r"plan_last \(5% of the rows\)"):
        bundle.refuse_strange(Strange(unseen=Counter(plan_last=51)), 1_000)
    bundle.refuse_strange(Strange(), 0)


def test_a_few_customers_with_a_new_level_are_scored(bundle: Bundle) -> None:
    bundle.refuse_strange(Strange(unseen=Counter(plan_last=1)), 1)
    bundle.refuse_strange(Strange(unseen=Counter(plan_last=9)), 9)
    with pytest.raises(ModelError, match="plan_last"):
        bundle.refuse_strange(Strange(unseen=Counter(plan_last=10)), 10)


def test_rare_levels_are_refused_beyond_their_share_in_training() -> None:
    frame = pd.DataFrame({"plan_last": ["pro"] * 400 + [f"p{i}" for i in range(1_200)]})
    rng = np.random.default_rng(0)
    churn = ChurnClassifier(num_threads=1, folds=2, seeds=1).fit(frame, rng.integers(0, 2, len(frame)))
    assert churn.schema_ is not None
    assert churn.schema_.grouped == {"plan_last": 0.75}
    grouped = Bundle(churn, None, labels(frame), {})
    grouped.refuse_strange(Strange(rare=Counter(plan_last=800)), 1_000)
    with pytest.raises(ModelError, match="plan_last"):
        grouped.refuse_strange(Strange(rare=Counter(plan_last=801)), 1_000)
