"""Binning once trains the same trees, contributions add up, and damaged text never reaches LightGBM."""

from __future__ import annotations

import itertools
import re

import lightgbm as lgb
import numpy as np
import pytest

from cxml.errors import ModelError
from cxml.models import trees
from cxml.models.tree_text import check_text

SMALL = {"objective": "binary", "num_leaves": 6, "learning_rate": 0.1, "min_data_per_group": 5}


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 5)).astype(np.float32)
    X[:, 3] = rng.integers(0, 40, 1500)
    X[:, 4] = rng.integers(0, 3, 1500)
    X[rng.random(X.shape) < 0.1] = np.nan
    score = (
        np.nan_to_num(X[:, 0]) + np.nan_to_num(X[:, 1]) * (X[:, 2] > 0) + 2 * np.isin(X[:, 3], [1, 5, 7, 33])
    )
    return X, (score + rng.normal(size=1500) > 0.3).astype(float)


@pytest.fixture(scope="module")
def booster(data: tuple[np.ndarray, np.ndarray]) -> lgb.Booster:
    return trees.Binned(data[0], [3, 4], 1).train(data[1], SMALL, 12)


@pytest.fixture(scope="module")
def text(booster: lgb.Booster) -> str:
    return trees.tree_text(booster)


def test_parts_of_a_binned_table_train_like_the_table(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    rows = np.arange(0, 1500, 2)
    binned = trees.Binned(X, [3, 4], 1)
    part = binned.train(y, SMALL, 10, rows=rows)
    # The oracle: the same rows as a data set of their own that shares the bins.
    reference = lgb.Dataset(
        X, label=y, categorical_feature=[3, 4], params=dict(trees.COMMON), free_raw_data=False
    )
    alone = lgb.train(
        {**trees.COMMON, **SMALL, "num_threads": 1, "seed": 0},
        lgb.Dataset(X[rows], label=y[rows], reference=reference, categorical_feature=[3, 4]),
        10,
    )
    np.testing.assert_allclose(trees.tree_margins(part, X), alone.predict(X, raw_score=True), atol=1e-12)


def test_threads_and_repeats_give_the_same_text(
    data: tuple[np.ndarray, np.ndarray], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "_SMALL", 0)
    for threads in (1, 2):
        assert trees.tree_text(trees.Binned(data[0], [3, 4], threads).train(data[1], SMALL, 12)) == text
    other = trees.Binned(data[0], [3, 4], 1).train(data[1], SMALL, 12, seed=1)
    assert trees.tree_text(other) != text


def test_training_stops_when_the_check_rows_get_worse(data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    rows, check = np.arange(1000), np.arange(1000, 1500)
    deep = {**SMALL, "metric": "binary_logloss", "learning_rate": 0.3}
    binned = trees.Binned(X, [3, 4], 1)
    (found,) = binned.train_until_worse(y, deep, 300, splits=[(rows, check)], offsets=[None])
    best = found.best_iteration
    assert 0 < best < 300
    longer = binned.train(y, deep, best + 40, rows=rows)

    def loss(rounds: int) -> float:
        p = 1 / (1 + np.exp(-longer.predict(X[check], raw_score=True, num_iteration=rounds)))
        return float(-np.mean(np.where(y[check] == 1, np.log(p), np.log1p(-p))))

    assert min(range(1, best + 41), key=loss) == best
    again = trees.read_trees(trees.tree_text(found), 5)
    np.testing.assert_array_equal(trees.tree_margins(again, X), trees.tree_margins(found, X))


def test_contributions_add_up_to_the_margin(
    booster: lgb.Booster, data: tuple[np.ndarray, np.ndarray]
) -> None:
    found = trees.tree_contributions(booster, data[0])
    assert found.shape == (1500, 6)
    np.testing.assert_allclose(found.sum(axis=1), trees.tree_margins(booster, data[0]), atol=1e-9)


def test_contributions_are_shapley_values(data: tuple[np.ndarray, np.ndarray]) -> None:
    """One numeric tree over three columns against the average over all orders of arrival."""
    X, y = np.nan_to_num(data[0][:, :3]), data[1]
    tree = trees.Binned(X, [], 1).train(y, {**SMALL, "feature_fraction": 1.0}, 1)
    info = tree.dump_model()["tree_info"][0]["tree_structure"]

    def value(node: dict, row: np.ndarray, known: set[int]) -> float:
        if "leaf_value" in node:
            return node["leaf_value"]
        left, right = node["left_child"], node["right_child"]
        if node["split_feature"] in known:
            return value(left if row[node["split_feature"]] <= node["threshold"] else right, row, known)
        counts = [c.get("internal_count", c.get("leaf_count")) for c in (left, right)]
        return sum(n * value(c, row, known) for n, c in zip(counts, (left, right), strict=True)) / sum(counts)

    for row, got in zip(X[:20].astype(float), trees.tree_contributions(tree, X[:20]), strict=True):
        wanted = np.zeros(3)
        for order in itertools.permutations(range(3)):
            for i, feature in enumerate(order):
                gain = value(info, row, set(order[: i + 1])) - value(info, row, set(order[:i]))
                wanted[feature] += gain / 6
        np.testing.assert_allclose(got[:3], wanted, atol=1e-9)


def test_text_round_trip_without_parameters(
    booster: lgb.Booster, text: str, data: tuple[np.ndarray, np.ndarray]
) -> None:
    assert text.endswith("end of trees\n") and "num_threads" not in text
    again = trees.read_trees(text, 5)
    np.testing.assert_array_equal(trees.tree_margins(again, data[0]), trees.tree_margins(booster, data[0]))
    np.testing.assert_array_equal(
        trees.tree_contributions(again, data[0]), trees.tree_contributions(booster, data[0])
    )
    assert trees.tree_text(again) == text


@pytest.mark.parametrize("objective", ["binary", "gamma", "regression", "tweedie"])
def test_single_leaf_trees_pass(objective: str, data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = data
    flat = trees.Binned(X, [], 1).train(
        y + 1 * (objective == "gamma"), {**SMALL, "objective": objective, "min_data_in_leaf": 2000}, 3
    )
    again = trees.read_trees(trees.tree_text(flat), 5)
    np.testing.assert_array_equal(trees.tree_margins(again, X), trees.tree_margins(flat, X))


def swap(text: str, key: str, make: object, tree: int = 2) -> str:
    """The text with one array of one tree replaced, its stated size kept true."""
    head, *blocks = text.removesuffix("end of trees\n").split("Tree=")
    block = blocks[tree]
    old = re.search(rf"^{key}=(.*)$", block, flags=re.M)
    assert old
    blocks[tree] = block.replace(old[0], f"{key}={make(old[1])}", 1)  # type: ignore[operator]
    sizes = " ".join(str(len("Tree=" + b)) for b in blocks)
    head = re.sub(r"^tree_sizes=.*$", f"tree_sizes={sizes}", head, flags=re.M)
    return "Tree=".join([head, *blocks]) + "end of trees\n"


def first(value: object) -> object:
    return lambda old: " ".join([str(value), *old.split(" ")[1:]])


BROKEN = {
    "child far out": ("left_child", first(99)),
    "child before its parent": ("left_child", first(0)),
    "leaf out of range": ("right_child", first(-99)),
    "same child twice": ("left_child", lambda old: " ".join([old.split()[0]] * len(old.split()))),
    "short leaves": ("leaf_value", lambda old: old.rsplit(" ", 1)[0]),
    "long leaves": ("leaf_value", lambda old: old + " 1"),
    "nan leaf": ("leaf_value", first("nan")),
    "infinite leaf": ("leaf_value", first("1e999")),
    "hexadecimal leaf": ("leaf_value", first("0x10")),
    "column out of range": ("split_feature", first(5)),
    "negative column": ("split_feature", first(-1)),
    "impossible decision": ("decision_type", first(12)),
    "no rows in a leaf": ("leaf_count", first(0)),
    "too many leaves": ("num_leaves", lambda _: "2000"),
    "no leaves": ("num_leaves", lambda _: "0"),
    "linear": ("is_linear", lambda _: "1"),
    "no categories": ("num_cat", lambda _: "0"),
    "many categories": ("num_cat", lambda _: "3000000000"),
    "category bounds that fall": ("cat_boundaries", lambda old: " ".join(reversed(old.split()))),
    "category bounds too far": ("cat_boundaries", lambda old: old.rsplit(" ", 1)[0] + " 4000000"),
    "category bits missing": ("cat_threshold", lambda old: old.rsplit(" ", 1)[0] if " " in old else ""),
    "negative category bits": ("cat_threshold", first(-1)),
    "category split without bits": ("threshold", lambda old: " ".join("7" for _ in old.split())),
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_arrays_are_refused(text: str, how: str) -> None:
    key, make = BROKEN[how]
    with_categories = next(
        i for i in range(12) if f"Tree={i}\n" in text and "num_cat=0" not in text.split("Tree=")[i + 1]
    )
    broken = swap(text, key, make, with_categories)
    assert broken != text
    with pytest.raises(ModelError, match="model text is damaged"):
        trees.read_trees(broken, 5)
    check_text(swap(text, key, lambda old: old, with_categories), 5)


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: "",
        lambda t: t[:-1],
        lambda t: t[: len(t) // 2],
        lambda t: t[: len(t) // 2] + "\nend of trees\n",
        lambda t: t.replace("end of trees\n", ""),
        lambda t: t + t,
        lambda t: t.replace("version=v4", "version=v5"),
        lambda t: t.replace("num_class=1", "num_class=3"),
        lambda t: t.replace("objective=binary sigmoid:1", "objective=custom"),
        lambda t: t.replace("max_feature_idx=4", "max_feature_idx=400"),
        lambda t: t.replace("Column_0", "Column_9"),
        lambda t: t.replace("tree_sizes=", "tree_sizes=1 "),
        lambda t: t.replace("Tree=3\n", "Tree=4\n"),
        lambda t: t.replace("shrinkage=0.1", "shrinkage=0.1\nshrinkage=0.1", 1),
        lambda t: t.replace("num_leaves=6", "num_leaves=6\u00e9", 1),
        lambda t: "\x80\x04\x95" + t,
    ],
)
def test_broken_frames_are_refused(text: str, damage: object) -> None:
    with pytest.raises(ModelError):
        trees.read_trees(damage(text), 5)  # type: ignore[operator]


def test_another_number_of_columns_is_refused(text: str, booster: lgb.Booster) -> None:
    with pytest.raises(ModelError, match="6 columns"):
        trees.read_trees(text, 6)
    with pytest.raises(ModelError):
        trees.tree_margins(booster, np.zeros((3, 4), dtype=np.float32))


def test_rounds_side_by_side_are_those_of_lightgbm_cv() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(900, 4)).astype(np.float32)
    y = (rng.random(900) < 1 / (1 + np.exp(-X[:, 0] * X[:, 1]))).astype(float)
    splits = [
        (np.flatnonzero(np.arange(900) % 3 != k), np.flatnonzero(np.arange(900) % 3 == k)) for k in range(3)
    ]
    params = {"objective": "binary", "num_leaves": 7, "learning_rate": 0.1}
    found = trees.Binned(X, (), 1).train_until_worse(y, params, 200, splits=splits, offsets=[None] * 3)
    settings = {**trees.COMMON, **params, "num_threads": 1, "seed": 0, "metric": "binary_logloss"}
    table = lgb.Dataset(X, label=y, params=settings, free_raw_data=False)
    curve = lgb.cv(settings, table, num_boost_round=200, folds=splits)["valid binary_logloss-mean"]
    assert {booster.best_iteration for booster in found} == {int(np.argmin(curve)) + 1}
