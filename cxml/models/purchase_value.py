"""What a purchase model alone says of the money ahead: counts times spend, for any horizon."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cxml.errors import ModelError
from cxml.models.calibration import number
from cxml.models.purchase_counts import BgNbd, ParetoNbd, PurchaseProcess
from cxml.models.purchase_spend import GammaGamma, PurchaseHistory

Floats = NDArray[np.float64]
_KINDS: dict[str, type[PurchaseProcess]] = {"pareto_nbd": ParetoNbd, "bg_nbd": BgNbd}


@dataclass(frozen=True)
class PurchaseValue:
    """Pareto/NBD or BG/NBD for how often, Gamma-Gamma for how much.

    Attributes
    ----------
    process : ParetoNbd or BgNbd
    spend : GammaGamma
        Of every purchase, the first included, where the history counts it.

    Examples
    --------
    >>> rows = ["ann", "ann", "bob", "cid", "cid"], [0, 9, 3, 1, 5], [10.0, 20.0, 8.0, 4.0, 5.0]
    >>> history = PurchaseHistory.of_all_purchases(*rows, last_day=30)
    >>> model = PurchaseValue(ParetoNbd(0.6, 10.0, 0.6, 12.0), GammaGamma(6.0, 4.0, 15.0))
    >>> model.value(history, 30).round(1)
    array([9. , 2.4, 3.3])
    """

    process: PurchaseProcess
    spend: GammaGamma

    @classmethod
    def fit(cls, history: PurchaseHistory, kind: str = "pareto_nbd") -> Self:
        """The parameters of greatest likelihood; *kind* is ``pareto_nbd`` or ``bg_nbd``.

        Raises
        ------
        NotEnoughDataError
            Nobody bought again, or fewer than two customers differ in what they spend.
        ModelError
            A likelihood is not finite.
        """
        process = _KINDS[kind].fit(history.frequency, history.recency, history.T)
        return cls(process, GammaGamma.fit(history.purchases, history.mean_spend))

    def with_process(self, history: PurchaseHistory, kind: str) -> Self:
        """The same spend with another model of when customers buy, fitted on *history*."""
        return type(self)(_KINDS[kind].fit(history.frequency, history.recency, history.T), self.spend)

    def count(self, history: PurchaseHistory, horizon: float) -> Floats:
        """Expected purchases of each customer within *horizon*, in the history's unit of time."""
        return self.process.expected_purchases(history.frequency, history.recency, history.T, horizon)

    def per_purchase(self, history: PurchaseHistory) -> Floats:
        """Expected money of one purchase of each customer."""
        return self.spend.expected_spend(history.purchases, history.mean_spend)

    def value(self, history: PurchaseHistory, horizon: float) -> Floats:
        """Expected money of each customer within *horizon*."""
        return self.count(history, horizon) * self.per_purchase(history)

    def to_dict(self) -> dict[str, Any]:
        """The parameters as JSON values."""
        kind = next(name for name, one in _KINDS.items() if one is type(self.process))
        return {kind: dataclasses.asdict(self.process), "gamma_gamma": dataclasses.asdict(self.spend)}

    @classmethod
    def from_dict(cls, raw: Any) -> Self:
        """The models held by JSON values; ModelError when a parameter is missing or impossible."""
        kind = next((name for name in _KINDS if isinstance(raw, dict) and name in raw), None)
        if kind is None:
            raise ModelError(
                "a purchase model is missing",
                where="calibrator.json",
                expected=" or ".join(_KINDS),
                fix="use a bundle that cxml wrote",
            )
        return cls(_read(_KINDS[kind], raw[kind]), _read(GammaGamma, raw.get("gamma_gamma")))


def _read(kind: Any, raw: Any) -> Any:
    return kind(**{field.name: number(raw, field.name) for field in dataclasses.fields(kind)})
