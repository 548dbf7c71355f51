"""The bundle as an MLflow model: plain rows in, scores and readable reasons out.

MLflow keeps a copy of this file beside each bundle and runs it when somebody serves the model
(models from code); nothing is pickled. A row is a record of feature columns, as ``cxml features``
writes them; a column that a row does not have is missing for that row, and so is a text that
training never saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from cxml.drivers import hits, spoken_reasons
from cxml.drivers.hits import Usual
from cxml.errors import DataError
from cxml.models.bundle import Bundle

_UNITS = {"s": " s", "h": " h", "d": " days", "share": "%"}


class ServedBundle(PythonModel):
    """A bundle that answers ``predict``."""

    def load_context(self, context: Any) -> None:
        """Read the bundle that lies beside this file; a damaged one is a ModelError."""
        self.bundle = Bundle.read(Path(context.artifacts["bundle"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Score the rows of *model_input*.

        Returns
        -------
        DataFrame
            What ``Bundle.score`` gives, and ``reasons``: up to three reasons in English, each as
            label: value, with ``; `` between them. Missing is None.

        Raises
        ------
        DataError
            The rows hold none of the model's columns.
        """
        rows = known_rows(self.bundle, model_input)
        found, contributions = self.bundle.explain(rows)
        labels, info = self.bundle.labels, self.bundle.info
        # There is no telling who else is a customer today: what was usual at the test cutoff stands in.
        added = hits.amounts(contributions, rows, labels, Usual.of(info), hits.backwards(info, labels))
        said = spoken_reasons.reasons(
            added,
            hits.by_factor(contributions, added, labels, list(labels["factors"])),
            self.bundle.as_told(rows),
            labels,
        )
        found["reasons"] = told(said, self.bundle)
        for name in found.columns[found.isna().any()]:  # JSON has no NaN
            found[name] = found[name].astype(object).where(found[name].notna(), None)
        return found


def known_rows(bundle: Bundle, rows: pd.DataFrame) -> pd.DataFrame:
    """The model's columns of *rows*: a column that is absent is missing everywhere.

    Raises
    ------
    DataError
        None of them is there.
    """
    wanted = list(bundle.schema.columns)
    frame = pd.DataFrame(rows).reset_index(drop=True)
    if not frame.columns.isin(wanted).any():
        raise DataError(
            "the rows hold none of the model's columns",
            where="rows to score",
            expected=f"feature columns such as {', '.join(wanted[:3])}",
            fix="send the columns that 'cxml features' writes, by name",
        )
    return frame.reindex(columns=wanted)


def told(reasons: pd.DataFrame, bundle: Bundle) -> list[str | None]:
    """The reasons of each row as one readable text; None where there is none."""
    labels, currency = bundle.labels["features"], str(bundle.info.get("currency", ""))
    rows = reasons.itertuples(index=False, name=None)
    texts = (
        [
            said(value, labels[name], currency)
            for name, value in zip(row[::2], row[1::2], strict=True)
            if isinstance(name, str)
        ]
        for row in rows
    )
    return ["; ".join(text) or None for text in texts]


def said(value: float, label: Mapping[str, Any], currency: str = "") -> str:
    """A feature and its value in words, with three significant digits.

    >>> said(387.33, {"en": "average wait, last 90 days", "unit": "s"})
    'Average wait, last 90 days: 387 s'
    >>> said(0.125, {"en": "share of repeat contacts, last 30 days", "unit": "share"})
    'Share of repeat contacts, last 30 days: 12.5%'
    """
    text: str = label["en"][:1].upper() + label["en"][1:]
    unit = label["unit"]
    if unit == "text" and "levels" in label and np.isfinite(value):
        levels: list[str] = [*label["levels"], "another value"]
        return f"{text}: {levels[int(value)]}"
    if unit == "text" or not np.isfinite(value):
        return text
    if unit == "flag":
        return f"{text}: {'yes' if value else 'no'}"
    number = 100 * value if unit == "share" else value
    digits = f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
    return f"{text}: {digits}{f' {currency}'.rstrip() if unit == 'money' else _UNITS.get(unit, '')}"


set_model(ServedBundle())
