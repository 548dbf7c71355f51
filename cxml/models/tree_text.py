"""Proof that a text is a whole LightGBM model, without asking LightGBM.

Every count, array length, child index, feature index and number is checked; children come after
their parents and every node and leaf is reached exactly once, so no walk can leave the arrays or go
round in circles. What cannot be seen this way is a changed number that stays legal: only a checksum
sees that.
"""

from __future__ import annotations

import itertools
import re
from typing import NoReturn

from cxml.errors import ModelError

OBJECTIVES = ("binary sigmoid:1", "gamma", "regression", "tweedie", "poisson")
MOST_LEAVES = 1024
MOST_BYTES = 512 * 1024 * 1024
_END = "end of trees\n"
_HEADER = (
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "feature_names",
    "feature_infos",
    "tree_sizes",
)
_TREE = (
    "num_leaves",
    "num_cat",
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
    "leaf_weight",
    "leaf_count",
    "internal_value",
    "internal_weight",
    "internal_count",
    "cat_boundaries",
    "cat_threshold",
    "is_linear",
    "shrinkage",
)
_CATEGORY_KEYS = ("cat_boundaries", "cat_threshold")
_WHOLE = re.compile(r"-?\d{1,10}")
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,3})?")
_INFO = re.compile(r"none|\[[-+.eE\d]{1,40}:[-+.eE\d]{1,40}\]|-?\d{1,10}(:-?\d{1,10})*")


def check_text(text: str, features: int) -> None:
    """Prove that *text* is a model of trees over *features* columns that can be walked safely.

    Raises
    ------
    ModelError
        It is not; the message names the first thing that is wrong.
    """
    if len(text) > MOST_BYTES or not text.isascii() or not text.endswith("\n" + _END):
        _refuse("it is cut off, too long, or not plain text")
    start = text.find("\nTree=")
    if start < 0 or not text.startswith("tree\n"):
        _refuse("it has no head or no tree")
    head = _pairs(text[len("tree\n") : start], _HEADER)
    sizes = _head(head, features)
    position = start + 1
    for number, size in enumerate(sizes):
        block = text[position : position + size]
        position += size
        label, _, body = block.partition("\n")
        if label != f"Tree={number}" or not block.endswith("\n\n\n"):
            _refuse(f"tree {number} does not have the size that the head states")
        _tree(_pairs(body, _TREE), features, number)
    if text[position:] != _END:
        _refuse("the trees are not as many as the head states")


def _head(head: dict[str, str], features: int) -> list[int]:
    fixed = {"version": "v4", "num_class": "1", "num_tree_per_iteration": "1", "label_index": "0"}
    for key, value in fixed.items():
        if head.get(key) != value:
            _refuse(f"{key} is not {value}")
    if head.get("objective") not in OBJECTIVES:
        _refuse("its objective is none that cxml trains")
    names = " ".join(f"Column_{i}" for i in range(features))
    if head.get("max_feature_idx") != str(features - 1) or head.get("feature_names") != names:
        _refuse(f"it is not made for {features} columns")
    infos = head.get("feature_infos", "").split(" ")
    if len(infos) != features or not all(_INFO.fullmatch(info) for info in infos):
        _refuse("feature_infos is damaged")
    sizes = _wholes(head.get("tree_sizes", ""), None, "tree_sizes")
    if not sizes or min(sizes) <= 0:
        _refuse("tree_sizes is damaged")
    return sizes


def _tree(tree: dict[str, str], features: int, number: int) -> None:
    leaves, cats = (_wholes(tree.get(k, ""), 1, f"tree {number}: {k}")[0] for k in ("num_leaves", "num_cat"))
    if not 1 <= leaves <= MOST_LEAVES or not 0 <= cats < leaves:
        _refuse(f"tree {number}: num_leaves or num_cat is impossible")
    if tree.get("is_linear") != "0" or (cats == 0) == any(key in tree for key in _CATEGORY_KEYS):
        _refuse(f"tree {number}: it is linear, or its category arrays do not match num_cat")
    nodes = leaves - 1
    wholes = {
        key: _wholes(tree.get(key, ""), length, f"tree {number}: {key}")
        for key, length in (
            ("split_feature", nodes),
            ("decision_type", nodes),
            ("left_child", nodes),
            ("right_child", nodes),
            ("leaf_count", leaves),
            ("internal_count", nodes),
        )
    }
    for key, length in (
        ("split_gain", nodes),
        ("leaf_value", leaves),
        ("internal_value", nodes),
        ("leaf_weight", leaves if nodes else 0),
        ("internal_weight", nodes),
        ("shrinkage", 1),
    ):
        _numbers(tree.get(key, ""), length, f"tree {number}: {key}")
    # LightGBM parts what is missing from what is there by an infinite threshold.
    given = tree.get("threshold", "").split(" ")
    finite = " ".join("0" if part in ("inf", "-inf") else part for part in given)
    thresholds = _numbers(finite, nodes, f"tree {number}: threshold")
    if not all(0 <= f < features for f in wholes["split_feature"]):
        _refuse(f"tree {number}: a split asks for a column that does not exist")
    if not all(0 <= d <= 15 and d >> 2 != 3 for d in wholes["decision_type"]):
        _refuse(f"tree {number}: decision_type is damaged")
    if min((*wholes["leaf_count"], *wholes["internal_count"])) < 1:
        _refuse(f"tree {number}: a node without rows")
    _shape(wholes["left_child"], wholes["right_child"], leaves, number)
    _categories(tree, wholes["decision_type"], thresholds, cats, number)


def _shape(left: list[int], right: list[int], leaves: int, number: int) -> None:
    """Children form exactly one tree: each comes after its parent and is reached once."""
    for node, pair in enumerate(zip(left, right, strict=True)):
        if any(not (node < child < leaves - 1 or -leaves <= child < 0) for child in pair):
            _refuse(f"tree {number}: a child index is out of range or goes back")
    if len({*left, *right}) != 2 * len(left):
        _refuse(f"tree {number}: a node is reached twice")


def _categories(
    tree: dict[str, str], kinds: list[int], thresholds: list[float], cats: int, number: int
) -> None:
    """Category splits each own one slice of the bit sets."""
    mine = [t for t, kind in zip(thresholds, kinds, strict=True) if kind & 1]
    if sorted(mine) != list(range(cats)):
        _refuse(f"tree {number}: its category splits do not match num_cat")
    if not cats:
        return
    bounds = _wholes(tree["cat_boundaries"], cats + 1, f"tree {number}: cat_boundaries")
    bits = _wholes(tree["cat_threshold"], bounds[-1], f"tree {number}: cat_threshold")
    if bounds[0] != 0 or any(a >= b for a, b in itertools.pairwise(bounds)):
        _refuse(f"tree {number}: cat_boundaries is damaged")
    if not all(0 <= b < 2**32 for b in bits):
        _refuse(f"tree {number}: cat_threshold is damaged")


def _pairs(block: str, known: tuple[str, ...]) -> dict[str, str]:
    """``key=value`` lines in the order of *known*, each at most once."""
    found: dict[str, str] = {}
    last = -1
    for line in block.rstrip("\n").split("\n"):
        key, equals, value = line.partition("=")
        if not equals or key not in known or known.index(key) <= last:
            _refuse("it holds a line that is unknown, repeated or out of order")
        last = known.index(key)
        found[key] = value
    return found


def _wholes(text: str, length: int | None, where: str) -> list[int]:
    parts = text.split(" ") if text else []
    if (length is not None and len(parts) != length) or not all(_WHOLE.fullmatch(p) for p in parts):
        _refuse(f"{where} is damaged")
    return [int(p) for p in parts]


def _numbers(text: str, length: int, where: str) -> list[float]:
    parts = text.split(" ") if text else []
    if len(parts) != length or not all(_NUMBER.fullmatch(p) for p in parts):
        _refuse(f"{where} is damaged")
    numbers = [float(p) for p in parts]
    if not all(-1e300 <= n <= 1e300 for n in numbers):
        _refuse(f"{where} holds an infinite number")
    return numbers


def _refuse(why: str) -> NoReturn:
    raise ModelError(
        f"the model text is damaged: {why}",
        where="model text",
        expected="a whole text that cxml wrote",
        fix="use another bundle, or train again",
    )
