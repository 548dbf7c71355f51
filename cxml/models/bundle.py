"""A trained model as a folder of plain text: no pickle, nothing that runs.

Trees are LightGBM's text without its parameters, everything else is JSON, curves among it; ``manifest.json`` holds the
SHA-256 of every file. A folder is read in this order: checksums, format, JSON, structure of the trees,
and only then LightGBM. The checksums find accidents and changed files; they do not stop someone who
can rewrite the manifest as well.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from cxml.errors import CxmlError, ModelError
from cxml.models.boosted_trees import BoostedTrees
from cxml.models.calibration import SigmoidCalibrator
from cxml.models.churn import ChurnClassifier
from cxml.models.info_sheet import info_sheet
from cxml.models.lifetime import Lifetime
from cxml.models.purchase_features import EXTRA
from cxml.models.schema import Schema, Strange
from cxml.models.value import ValueRegressor
from cxml.models.value_if_stays import if_they_stay
from cxml.models.value_parts import BOOSTED
from cxml.store import manifest

Floats = NDArray[np.float64]
FORMAT = 2
_WITHOUT_CURVES = 1
"""The format of bundles from before curves, which are still read."""
MOST_UNSEEN = 0.05
LEAST_UNSEEN = 10
"""Rows from which a share says something: a single customer with a new plan is scored, and told of."""
_LARGEST_GAP = 1e-6
_VALUE_COLUMNS = ("expected_value", "median_value", "value_low", "value_high")
_LIFETIME_COLUMNS = ("expected_lifetime_days", "lifetime_value")
_TREES = {
    "churn": "churn",
    "survival": "survival",
    "chance": "value_chance",
    "amount": "value_amount",
    "tweedie": "value_tweedie",
    "offset": "value_offset",
}


@dataclass(frozen=True, eq=False)
class Bundle:
    """Everything that scoring needs.

    Attributes
    ----------
    churn : ChurnClassifier
        Fitted on a DataFrame.
    value : ValueRegressor or None
        Fitted on a DataFrame with the same columns; None where no value is configured.
    labels : mapping
        ``factors``: factor -> ``en``, ``ko``, ``kind``, ``family``; ``features``: column -> ``factor``,
        ``en``, ``ko``, ``unit``, ``direction``. Every column of the model is there.
    info : mapping
        What a reader must know: data, dates, choices and figures, as JSON values.
    lifetime : Lifetime or None
        Its survival model was fitted on a DataFrame with some of the columns; None where leaving has no moment.

    Raises
    ------
    ModelError
        The models have different columns, or a column has no label or no known factor.
    """

    churn: ChurnClassifier
    value: ValueRegressor | None
    labels: Mapping[str, Any]
    info: Mapping[str, Any]
    lifetime: Lifetime | None = None

    def __post_init__(self) -> None:
        _labels_fit(self.schema, self.labels)
        if self.value is not None and self.value.schema_.columns != self.schema.columns:
            _refuse("the churn and the value model have different columns", "bundle")
        if self.lifetime and not {*self.lifetime.survival.schema_.columns} <= {*self.schema.columns}:
            _refuse("the survival model has columns that the churn model lacks", "bundle")

    @property
    def schema(self) -> Schema:
        """Names, kinds and levels of the columns of the churn model."""
        schema: Schema | None = self.churn.schema_
        if schema is None:
            _refuse("the churn model was fitted on an array without column names", "bundle")
        return schema

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that the bundle holds: the same in memory and in any folder."""
        texts = sorted(self.files().items())
        return hashlib.sha256(json.dumps(texts).encode()).hexdigest()

    def at(self, cutoff: datetime) -> Bundle:
        """The same with the levels of leaving and of money that are forecast for *cutoff*.

        As read, a bundle speaks of its observation_end.
        """
        value = self.value.at(cutoff) if self.value is not None else None
        return replace(self, churn=self.churn.at(cutoff), value=value)

    def score(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Scores of the rows of a feature table.

        Returns
        -------
        DataFrame
            With the index of *frame*: ``churn_probability``, ``base`` and ``contribution_<factor>``
            (calibrated log-odds, in the order of the labels; their sum is logit of the probability),
            ``expected_value``, ``median_value``, ``value_low``, ``value_high``, ``value_if_stays`` (money; NaN
            without a value model), ``expected_lifetime_days`` and ``lifetime_value`` (NaN where nothing is known).

        Raises
        ------
        ModelError
            The table does not fit the schema, or contributions do not add up within 1e-6.
        """
        return self.explain(frame)[0]

    def feature_contributions(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds to the calibrated log-odds: one column per feature, without the base."""
        return self.explain(frame)[1]

    def explain(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """``score`` and ``feature_contributions`` for the price of one."""
        encoded = self.schema.encode(frame)
        log_odds, parts = self.churn.log_odds(encoded), self.churn.contributions(encoded)
        gap = float(np.abs(parts.sum(axis=1) - log_odds).max(initial=0.0))
        if not gap <= _LARGEST_GAP:
            _refuse(f"contributions miss the log-odds by {gap:.1e}", "scores")
        scores = {"churn_probability": expit(log_odds), "base": parts[:, -1], **self._by_factor(parts)}
        features = pd.DataFrame(parts[:, :-1], columns=list(self.schema.columns), index=frame.index)
        found = pd.DataFrame(scores, index=frame.index).join(self._money(frame, encoded))
        found["value_if_stays"] = self._if_they_stay(found, encoded, frame)
        return found.join(self._ahead(frame, found)), features

    def as_told(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The table as reasons read it: what has ``levels`` in its label is the place of its level, a number."""
        told = [name for name, label in self.labels["features"].items() if "levels" in label]
        return self.schema.coded(frame, told) if told else frame

    def staying(self, frame: pd.DataFrame, churn_probability: Floats, days: Sequence[float]) -> Floats | None:
        """Chance of each row to be there still after each of *days*; None where leaving has no moment."""
        if self.lifetime is None:
            return None
        encoded = self.lifetime.survival.schema_.encode(frame)
        return self.lifetime.curve(encoded, churn_probability).at(days)

    def refuse_strange(self, found: Strange, rows: int) -> None:
        """Refuse a table in which too many rows hold texts that training never saw.

        Parameters
        ----------
        found : Strange
            As counted by ``schema.strange`` and added up over chunks.
        rows : int
            Rows in all.

        Raises
        ------
        ModelError
            In some column it is at least 10 rows, and by more than 5 % of the rows more than usual: as were rare in
            training, or unseen among those it was tested on.
        """
        usual = Counter(self.schema.grouped) + Counter(self.info.get("unseen", {}))
        beyond = {name: n - usual[name] * rows for name, n in sorted((found.unseen + found.rare).items())}
        many = {name: n for name, n in beyond.items() if n > MOST_UNSEEN * rows and n >= LEAST_UNSEEN}
        if many:
            shares = ", ".join(f"{name} ({n / rows:.0%} of the rows)" for name, n in many.items())
            raise ModelError(
                f"too many values that training never saw: {shares}",
                where="table to score",
                expected=f"at most {MOST_UNSEEN:.0%} of the rows of a column more than in training",
                fix="train again with recent cutoffs, or fix the names in the source",
            )

    def files(self) -> dict[str, str]:
        """The files of the bundle, but its manifest: name -> text."""
        value = self.value
        by_name = {"churn": self.churn.trees_}
        schemas: dict[str, Any] = {"churn": self.schema.to_dict(), "value": None, "survival": None}
        numbers: dict[str, Any] = {"churn": self.churn.calibrator_.to_dict(), "value": None, "survival": None}
        if value is not None:
            by_name |= value.trees_ | ({"chance": value.chance_} if value.chance_ else {})
            schemas["value"] = value.schema_.to_dict()
            numbers["value"] = value.numbers()
        if self.lifetime is not None:
            by_name["survival"] = self.lifetime.survival.trees_
            schemas["survival"] = self.lifetime.survival.schema_.to_dict()
            numbers["survival"] = self.lifetime.to_dict()
        found = {
            f"{_TREES[name]}_{i}.lgb": text
            for name, boosted in by_name.items()
            for i, text in enumerate(boosted.texts())
        }
        info = manifest.plain(dict(self.info))
        return found | {
            "schema.json": manifest.as_json(schemas),
            "calibrator.json": manifest.as_json(numbers),
            "curves.json": manifest.as_json(
                {name: boosted.additive and boosted.additive.to_dict() for name, boosted in by_name.items()}
            ),
            "labels.json": manifest.as_json(dict(self.labels)),
            "info.json": manifest.as_json(info),
            "info.md": info_sheet(info, self.labels, len(self.schema.columns)),
        }

    def write(self, folder: Path | str) -> Path:
        """Write the bundle into a new folder, which appears whole or not at all.

        Raises
        ------
        CxmlError
            The folder exists and is not empty.
        """
        target = Path(folder).absolute()
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise CxmlError(
                "there is something already",
                where=str(target),
                expected="a new or empty folder",
                fix="name another folder",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        making = target.with_name(f"{target.name}.part-{os.getpid()}")
        try:
            making.mkdir()
            for name, text in self.files().items():
                (making / name).write_text(text, encoding="utf-8", newline="\n")
            manifest.seal(making, {"bundle_format": FORMAT})
            making.replace(target)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
        return target

    @classmethod
    def read(cls, folder: Path | str, num_threads: int = 0) -> Bundle:
        """Read a bundle, whose models then use *num_threads* threads; 0 takes all.

        Raises
        ------
        ModelError
            A file is missing, added, changed or damaged, or the format is another one.
        """
        root = Path(folder)
        sealed = manifest.verify(root)
        written = sealed.get("info", {}).get("bundle_format")
        if written not in (_WITHOUT_CURVES, FORMAT):
            raise ModelError(
                "the bundle has another format",
                where=str(root),
                expected=f"bundle_format {_WITHOUT_CURVES} or {FORMAT}",
                fix="use the version of cxml that wrote it, or train again",
            )
        schemas, numbers, labels, info = (_json(root, n) for n in ("schema", "calibrator", "labels", "info"))
        schema = Schema.from_dict(schemas.get("churn"))
        size = len(schema.columns)
        names = list(sealed["files"])
        curves = None if written == _WITHOUT_CURVES else _json(root, "curves")
        churn = ChurnClassifier.from_parts(
            _boosted(root, names, "churn", size, curves),
            SigmoidCalibrator.from_dict(numbers.get("churn")),
            schema,
            num_threads,
        )
        value = None
        if isinstance(numbers.get("value"), dict):
            own = Schema.from_dict(schemas.get("value"))
            # What purchase models say comes after the columns of the table.
            wide = size + (EXTRA if numbers["value"].get("outlook") else 0)
            found = {
                part: _boosted(root, names, part, wide, curves)
                for part in ("chance", *BOOSTED.values())
                if any(name.startswith(f"{_TREES[part]}_") for name in names)
            }
            value = ValueRegressor.from_parts(
                found.pop("chance", None), found, numbers["value"], own, num_threads
            )
        lifetime = None
        if isinstance(numbers.get("survival"), dict):
            own = Schema.from_dict(schemas.get("survival"))
            # The number of the period is the last feature of the trees.
            trees = _boosted(root, names, "survival", len(own.columns) + 1, curves)
            lifetime = Lifetime.from_parts(trees, numbers["survival"], own, num_threads)
        return cls(churn, value, labels, info, lifetime)

    def _by_factor(self, found: Floats) -> dict[str, Floats]:
        """Contributions added up by factor, one column after another: the same sum for any number of rows."""
        totals = {f"contribution_{factor}": np.zeros(len(found)) for factor in self.labels["factors"]}
        for i, column in enumerate(self.schema.columns):
            totals[f"contribution_{self.labels['features'][column]['factor']}"] += found[:, i]
        return totals

    def _money(self, frame: pd.DataFrame, encoded: NDArray[np.float32]) -> pd.DataFrame:
        if self.value is None:
            return pd.DataFrame(np.nan, index=frame.index, columns=list(_VALUE_COLUMNS))
        own = self.value.schema_ != self.schema
        found = self.value.predict_all(self.value.schema_.encode(frame) if own else encoded)
        return found.set_index(frame.index)

    def _if_they_stay(self, found: pd.DataFrame, encoded: NDArray[np.float32], frame: pd.DataFrame) -> Any:
        """Value if they stay, as ``cxml.models.value_if_stays`` has it."""
        if self.value is None:
            return np.nan
        expected, p = found["expected_value"], found["churn_probability"]
        own = self.value.schema_ != self.schema
        X = self.value.schema_.encode(frame) if own else encoded
        pace = self.value.pace(X) if self.info.get("staying_is_buying") else None
        if pace is not None:
            return np.maximum(expected, pace)
        return if_they_stay(expected, p, float(self.info.get("leavers_bring", 1.0)))

    def _ahead(self, frame: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
        if self.lifetime is None:
            return pd.DataFrame(np.nan, index=frame.index, columns=list(_LIFETIME_COLUMNS))
        encoded = self.lifetime.survival.schema_.encode(frame)
        found = self.lifetime.predict(encoded, scores["churn_probability"], scores["expected_value"])
        return found.set_index(frame.index)


def _labels_fit(schema: Schema, labels: Any) -> None:
    try:
        factors = set(labels["factors"])
        missing = [c for c in schema.columns if labels["features"][c]["factor"] not in factors]
    except (KeyError, TypeError, AttributeError, IndexError):
        missing = [
            c
            for c in schema.columns
            if not isinstance(labels, Mapping) or c not in labels.get("features", {})
        ]
        missing = missing or ["one of them"]
    if missing:
        _refuse(
            f"{len(missing)} columns have no label or no known factor, such as {missing[0]}", "labels.json"
        )


def _boosted(
    root: Path, names: list[str], part: str, features: int, curves: Mapping[str, Any] | None
) -> BoostedTrees:
    """The trees of one part, ``<part>_0.lgb``, ``<part>_1.lgb`` ... without a gap, and the curves that they start from."""
    if curves is not None and part not in curves:
        _refuse(f"the curves of {part} are missing", str(root))
    own = None if curves is None else curves[part]
    wanted = sum(name.startswith(f"{_TREES[part]}_") and name.endswith(".lgb") for name in names)
    files = [f"{_TREES[part]}_{i}.lgb" for i in range(wanted)]
    if not (files or own) or not set(files) <= set(names):
        _refuse(f"the trees of {_TREES[part]} are missing", str(root))
    try:
        return BoostedTrees.read([(root / name).read_text(encoding="ascii") for name in files], features, own)
    except UnicodeDecodeError:
        _refuse("the trees are not plain text", str(root))


def _json(root: Path, name: str) -> dict[str, Any]:
    path = root / f"{name}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        _refuse(f"{name}.json is missing or damaged", str(root))
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)


def _refuse(what: str, where: str) -> NoReturn:
    raise ModelError(
        what, where=where, expected="a bundle that cxml wrote", fix="use another bundle, or train again"
    )
