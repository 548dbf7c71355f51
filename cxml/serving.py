"""The bundle as an MLflow model: plain rows in, scores and readable reasons out.

MLflow keeps a copy of this file beside each bundle and runs it when somebody serves the model
(models from code); nothing is pickled. A row is a record of feature columns, as ``cxml features``
writes them; a column that a row does not have is missing for that row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from cxml import drivers
from cxml.errors import DataError
from cxml.models.bundle import Bundle

BUNDLE = "bundle"
"""The artifact that holds the bundle."""

_WINDOW = re.compile(r"_(\d+)d$")
_UNITS = {"s": " s", "h": " h", "d": " days", "share": "%"}


class ServedBundle(PythonModel):  # type: ignore[misc]
    """A bundle that answers ``predict``."""

    def load_context(self, context: Any) -> None:
        """Read the bundle that lies beside this file; a damaged one is a ModelError."""
        self.bundle = Bundle.read(Path(context.artifacts[BUNDLE]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Score the rows of *model_input*, whatever their order of columns.

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
        found = self.bundle.score(rows).reset_index(drop=True)
        found["reasons"] = reasons(self.bundle, rows).to_numpy()
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
            "the rows hold none of the model's columns", where="rows to score",
            expected=f"feature columns such as {', '.join(wanted[:3])}",
            fix="send the columns that 'cxml features' writes, by name",
        )  # fmt: skip
    return frame.reindex(columns=wanted)


def reasons(bundle: Bundle, rows: pd.DataFrame) -> pd.Series[str]:
    """The reasons of each row as one readable text; missing where nothing that can be changed raises the risk."""
    found = drivers.reasons(bundle.feature_contributions(rows), rows, bundle.labels)
    currency = str(bundle.info.get("currency", ""))
    texts = [
        "; ".join(said(name, value, bundle.labels["features"][name], currency)
                  for name, value in zip(row[::2], row[1::2], strict=True) if isinstance(name, str))
        for row in found.itertuples(index=False, name=None)
    ]  # fmt: skip
    return pd.Series([text or None for text in texts], index=rows.index, dtype="str")


def said(column: str, value: float, label: Mapping[str, str], currency: str = "") -> str:
    """A feature and its value in words.

    >>> said("wait_mean_90d", 870.0, {"en": "average wait", "unit": "s"})
    'Average wait, last 90 days: 870 s'
    >>> said("repeat_share_30d", 0.125, {"en": "share of repeat contacts", "unit": "share"})
    'Share of repeat contacts, last 30 days: 12.5%'
    """
    window = _WINDOW.search(column)
    text = label["en"][:1].upper() + label["en"][1:] + (f", last {window[1]} days" if window else "")
    unit = label["unit"]
    if unit == "text" or not np.isfinite(value):
        return text
    if unit == "flag":
        return f"{text}: {'yes' if value else 'no'}"
    number = f"{100 * value if unit == 'share' else value:,.2f}".rstrip("0").rstrip(".")
    return f"{text}: {number}{f' {currency}'.rstrip() if unit == 'money' else _UNITS.get(unit, '')}"


set_model(ServedBundle())
