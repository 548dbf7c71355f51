"""Who trains and who tests: by time with a gap, or by customer where time does not allow it.

The label of a cutoff covers ``[cutoff + lead, cutoff + lead + horizon)`` and is known when that
window has ended. A model tested at a cutoff may have learned only from labels known by then.
``plan_splits`` decides it for a config; ``TimeGapSplit`` is the same rule for scikit-learn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.config.time_spans import duration
from cxml.errors import ConfigError
from cxml.records.how_tested import HowTested, Why, days
from cxml.sampling import customer_folds

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Which cutoffs do what.

    Attributes
    ----------
    train : tuple of Timestamp
        Cutoffs to learn from, in order. In mode ``customers`` the test cutoff itself.
    test : Timestamp
        Cutoff to test on.
    mode : {"time", "customers"}
        ``customers``: one cutoff only, the test rows belong to customers held out by fold.
    how : HowTested
        The facts of the choice, for people.
    passed : tuple of Timestamp
        Later cutoffs that cannot test, since everybody stayed (or left) after them.
    between : tuple of Timestamp
        Cutoffs before the test whose label was not known by then: the model that is tested must not learn from them,
        the one that scores does.
    """

    train: tuple[pd.Timestamp, ...]
    test: pd.Timestamp
    mode: Literal["time", "customers"]
    how: HowTested
    passed: tuple[pd.Timestamp, ...] = ()
    between: tuple[pd.Timestamp, ...] = ()

    @property
    def cutoffs(self) -> tuple[pd.Timestamp, ...]:
        """All that anything is learned from or tested on, in order."""
        return tuple(sorted({*self.train, *self.between, self.test}))

    @property
    def reason(self) -> str:
        """The choice in plain words."""
        return self.how.in_english()


def without_time(moment: pd.Timestamp) -> Split:
    """Of a ready label, which says nothing of when: all customers are seen at one *moment*, and some held out."""
    how = HowTested("customers", test=moment, train=(moment,), why="no_dates")
    return Split((moment,), moment, "customers", how)


def plan_splits(
    cutoffs: Iterable[datetime | pd.Timestamp],
    lead: timedelta,
    horizon: timedelta,
    one_sided: Collection[datetime] = (),
) -> Split:
    """Test on the last cutoff, train on every one whose label was known by then.

    That is: whose label window ends at or before the test cutoff. None is given away to calibrate: customers held
    out in training do that. When no earlier label is known by the test, customers are held out instead.

    Parameters
    ----------
    cutoffs : iterable of time-zone aware instants
        Matured cutoffs: their label windows end at or before observation_end.
    lead, horizon : timedelta
        Start (after the cutoff) and length of the label window.
    one_sided : collection of instants
        Cutoffs after which nobody left, or everybody: nothing can be tested on them. The last cutoff that is none of
        them tests, and later ones play no part; where all of them are, the last one stands.

    Raises
    ------
    ConfigError
        No cutoff, a cutoff without a time zone, a negative lead or a horizon that is not positive.

    Examples
    --------
    >>> months = pd.date_range("2025-01-01", periods=8, freq="MS", tz="UTC")
    >>> plan = plan_splits(months, timedelta(0), timedelta(days=90))
    >>> plan.test.month, [c.month for c in plan.train]
    (8, [1, 2, 3, 4, 5])
    """
    ordered = _instants(cutoffs)
    if lead < timedelta(0) or horizon <= timedelta(0):
        raise ConfigError(
            "the label window has no length or starts before its cutoff",
            where="[churn] lead, horizon",
            expected="lead of 0D or more and a horizon of more than 0D",
            fix="write for example horizon = '90D'",
        )

    able = [place for place, cutoff in enumerate(ordered) if cutoff not in one_sided]
    last = able[-1] if able else len(ordered) - 1
    plan = _by_time(ordered[: last + 1], lead + horizon)
    passed = tuple(ordered[last + 1 :])
    inside = tuple(cutoff for cutoff in plan.cutoffs if cutoff in one_sided)
    return replace(plan, passed=passed, how=replace(plan.how, passed=passed, one_sided=inside))


def _by_time(ordered: list[pd.Timestamp], window: timedelta) -> Split:
    """The plan that tests on the last of the cutoffs, each of whose labels is known a *window* later."""
    test = ordered[-1]
    train = _known_by(test, ordered, window)
    known = window / timedelta(days=1)
    if not train:
        why: Why = "one_cutoff" if len(ordered) == 1 else "immature"
        how = HowTested("customers", test=test, train=(test,), why=why, window_days=known)
        return Split((test,), test, "customers", how)
    between = tuple(cutoff for cutoff in ordered[:-1] if cutoff not in train)
    return Split(train, test, "time", HowTested("time", test, train, window_days=known), between=between)


@dataclass
class TimeGapSplit:
    """Walk forward over cutoffs, with a gap: a cross-validator for scikit-learn.

    Each test fold is one cutoff. Its training rows are those of every cutoff whose label window has ended
    at or before it, so that nothing is learned from what was not known then. ``groups`` carries the
    cutoffs: one time-zone aware instant per row or, where customers are held out as well, a DataFrame with
    the columns ``cutoff`` and ``customer_id``.

    Parameters
    ----------
    window : timedelta or str
        Lead and horizon together, such as ``"90D"``: how long after its cutoff a label is known.
    n_splits : int, optional
        Test on the last so many cutoffs; None: on every one that has something to learn from.
    customers : int, optional
        Hold customers out in so many folds by the hash of their id. Each test cutoff is then tested fold by
        fold, by what the customers of the other folds teach. Without it a customer's earlier rows may train
        what forecasts the later ones, as they do when a model is used.

    Examples
    --------
    >>> months = pd.date_range("2025-01-01", periods=5, freq="MS", tz="UTC")
    >>> cutoffs = months.repeat(2)
    >>> splitter = TimeGapSplit("60D", n_splits=2)
    >>> for train, test in splitter.split(cutoffs, groups=cutoffs):
    ...     print(sorted(set(cutoffs[train].month)), sorted(set(cutoffs[test].month)))
    [1] [4]
    [1, 2, 3] [5]
    """

    window: timedelta | str
    n_splits: int | None = None
    customers: int | None = None

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Rows, Rows]]:
        """Row numbers to train on and to test on, the earliest test cutoff first.

        Raises
        ------
        ConfigError
            No cutoffs, or fewer with something to learn from than ``n_splits``; no customers where they are
            to be held out.
        """
        from sklearn.utils import check_consistent_length

        which, cutoffs, folds = self._read(groups)
        check_consistent_length(which, X)
        for test in self._tested(cutoffs):
            known = _known_by(test, cutoffs, self._gap())
            train = np.isin(which, [k for k, c in enumerate(cutoffs) if c in known])
            asked = which == cutoffs.index(test)
            for fold in range(self.customers or 1):
                parts = (
                    (train & (folds != fold), asked & (folds == fold)) if self.customers else (train, asked)
                )
                found = np.flatnonzero(parts[0]), np.flatnonzero(parts[1])
                if not all(map(len, found)):
                    raise ConfigError(
                        f"a fold of customers at {days((test,))} has nothing to train on or to test on",
                        where="TimeGapSplit customers",
                        expected="customers in every fold, at every cutoff",
                        fix="use fewer folds of customers, or leave customers out",
                    )
                yield found

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many pairs ``split`` gives; without ``n_splits`` the *groups* are needed to tell."""
        tested = self.n_splits if self.n_splits is not None else len(self._tested(self._read(groups)[1]))
        return tested * (self.customers or 1)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name, as scikit-learn asks for them."""
        return {"window": self.window, "n_splits": self.n_splits, "customers": self.customers}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name."""
        for name, value in params.items():
            if name not in self.get_params():
                raise ConfigError(
                    f"there is no parameter {name!r}",
                    where="TimeGapSplit",
                    expected="window, n_splits or customers",
                    fix="correct the name",
                )
            setattr(self, name, value)
        return self

    def get_metadata_routing(self) -> Any:
        """With metadata routing on, scikit-learn passes ``groups`` without being asked."""
        from sklearn.utils.metadata_routing import MetadataRequest

        request = MetadataRequest(owner=self)
        request.split.add_request(param="groups", alias=True)
        return request

    def _gap(self) -> timedelta:
        span = (
            self.window
            if isinstance(self.window, timedelta)
            else duration(self.window, "TimeGapSplit window")
        )
        if span <= timedelta(0):
            raise ConfigError(
                "a label window has no length",
                where="TimeGapSplit window",
                expected="lead and horizon, more than 0D",
                fix="write for example '90D'",
            )
        return span

    def _read(self, groups: Any) -> tuple[Rows, list[pd.Timestamp], Rows]:
        """The number of each row's cutoff, the cutoffs in order, and the fold of each row's customer."""
        framed = isinstance(groups, pd.DataFrame)
        wanted = (
            {"cutoff", *(["customer_id"] if self.customers else [])} if framed or self.customers else set()
        )
        if groups is None or (wanted and not (framed and wanted <= set(groups.columns))):
            raise ConfigError(
                "groups do not say what is needed",
                where="TimeGapSplit groups",
                expected="the cutoff of each row, or a DataFrame with the columns cutoff and, to hold customers"
                " out, customer_id",
                fix="pass for example groups=frame[['cutoff', 'customer_id']]",
            )
        codes, names = pd.factorize(pd.Series(groups["cutoff"] if framed else groups), use_na_sentinel=False)
        cutoffs = _instants(names, "TimeGapSplit groups")
        place = np.array([cutoffs.index(pd.Timestamp(name)) for name in names], dtype=np.int64)
        folds = (
            customer_folds(groups["customer_id"], self.customers) if self.customers else np.zeros_like(codes)
        )
        return place[codes], cutoffs, np.asarray(folds, dtype=np.int64)

    def _tested(self, cutoffs: list[pd.Timestamp]) -> list[pd.Timestamp]:
        """The cutoffs to test on, in order."""
        able = [cutoff for cutoff in cutoffs if _known_by(cutoff, cutoffs, self._gap())]
        wanted = self.n_splits if self.n_splits is not None else max(1, len(able))
        if not 1 <= wanted <= len(able):
            raise ConfigError(
                f"{len(able)} of {len(cutoffs)} cutoffs have anything to train on: the label of a cutoff is known"
                f" {self._gap() / timedelta(days=1):g} days after it",
                where="TimeGapSplit",
                expected=f"at least {max(1, wanted)} of them, and n_splits of 1 or more",
                fix="add earlier cutoffs, or ask for fewer splits",
            )
        return able[-wanted:]


def _known_by(
    instant: pd.Timestamp, cutoffs: list[pd.Timestamp], window: timedelta
) -> tuple[pd.Timestamp, ...]:
    """The cutoffs whose label window has ended at or before *instant*."""
    return tuple(cutoff for cutoff in cutoffs if cutoff + window <= instant)


def _instants(
    cutoffs: Iterable[datetime | pd.Timestamp], where: str = "[training] cutoffs"
) -> list[pd.Timestamp]:
    found = [pd.Timestamp(c) for c in cutoffs]
    if not found or any(c.tz is None for c in found):
        raise ConfigError(
            "there is no cutoff, or one without a time zone",
            where=where,
            expected="at least one time-zone aware instant",
            fix="write for example 2026-01-01T00:00:00Z",
        )
    return sorted(set(found))
