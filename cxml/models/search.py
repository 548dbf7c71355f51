"""A bounded search for a size of trees beyond the ladder, which can be stopped and taken up again.

Sizes are judged as the ladder's are, by log loss on customers held out inside the training rows, so the
search sees no test row. The best of many looks is lucky by nature: put it at the end of the ladder, where
it is kept only when simpler sizes are worse by more than a standard error.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone

from cxml.errors import ConfigError
from cxml.models.boosted_trees import Task, losses
from cxml.models.churn import LADDER, ChurnClassifier
from cxml.models.tree_sizes import TreeSize

NAME = "searched"
_MOST_ROUNDS, _LEAST_L2 = 1_000, 1e-3


@dataclass(frozen=True)
class Searched:
    """What a search found.

    Attributes
    ----------
    rung : TreeSize
        The size with the lowest loss.
    trials : list of dict
        Every size tried so far, in order: ``number``, ``loss`` (log loss on held-out customers),
        ``seconds`` and the settings.
    """

    rung: TreeSize
    trials: list[dict[str, Any]]


@dataclass(frozen=True)
class Searching:
    """A classifier that first searches, inside the rows that it is given, for one more size to choose from.

    Attributes
    ----------
    model : ChurnClassifier
        Without a ladder of its own.
    trials, minutes, storage, tell
        As for ``search``.
    """

    model: ChurnClassifier
    trials: int
    minutes: float = 0.0
    storage: Path | None = None
    tell: Callable[[str], None] = lambda text: None

    def fit(
        self,
        X: pd.DataFrame | ArrayLike,
        y: ArrayLike,
        groups: ArrayLike | None = None,
        cutoffs: ArrayLike | None = None,
    ) -> ChurnClassifier:
        """A fitted copy of the model, whose ``trials_`` are the sizes tried for it."""
        found = search(
            self.model,
            X,
            y,
            groups,
            cutoffs,
            trials=self.trials,
            minutes=self.minutes,
            storage=self.storage,
            tell=self.tell,
        )
        rungs = (*LADDER, found.rung)
        fitted: ChurnClassifier = clone(self.model).set_params(ladder=rungs)
        fitted.fit(X, y, groups, cutoffs)
        fitted.trials_ = found.trials
        return fitted


def search(
    model: ChurnClassifier,
    X: pd.DataFrame | ArrayLike,
    y: ArrayLike,
    groups: ArrayLike | None = None,
    cutoffs: ArrayLike | None = None,
    *,
    trials: int,
    minutes: float = 0.0,
    storage: Path | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Searched:
    """Try sizes of trees for *model* on the rows *X*, *y*, beginning with those of the ladder.

    Parameters
    ----------
    model : ChurnClassifier
        Says how customers are held out; it is left as it is.
    trials : int
        Sizes to try in all, those of earlier calls with the same rows and *storage* included; 0: as many as
        there is time for.
    minutes : float
        No trial but the first begins after this time; 0: no limit.
    storage : Path, optional
        SQLite file that keeps every trial as soon as it is known. None: in memory only.

    Raises
    ------
    ConfigError
        The package optuna is not installed, there is neither a number of trials nor a time, or *storage*
        cannot be used.

    References
    ----------
    Akiba et al. (2019), Optuna: a next-generation hyperparameter optimization framework, KDD; Bergstra et
    al. (2011), Algorithms for hyper-parameter optimization, NeurIPS (the sampler).
    """
    if not trials and not minutes:
        raise ConfigError(
            "a search without an end",
            where="[model] trials",
            expected="trials or minutes above 0",
            fix="write for example trials = 50",
        )
    task = clone(model).task(X, y, groups, cutoffs)
    events = float(task.target["binary"].sum())

    def loss(trial: Any) -> float:
        started, rung = time.monotonic(), _suggested(trial)
        (found,) = losses(task, [rung], events=events, seed=model.random_state, num_threads=model.num_threads)
        trial.set_user_attr("seconds", time.monotonic() - started)
        trial.set_user_attr("rounds_kept", found["rounds"])
        tell(f"trial {trial.number + 1}: log loss {found['loss']:.4f} with {rung.leaves} leaves")
        return float(found["loss"])

    study = _study(_fingerprint(task, model), storage, model.random_state)
    done = sum(trial.value is not None for trial in study.trials)
    if not done:
        study.optimize(loss, n_trials=1)
        done = 1
    if not trials or done < trials:
        study.optimize(loss, n_trials=trials - done if trials else None, timeout=60 * minutes or None)
    complete = [trial for trial in study.trials if trial.value is not None]
    return Searched(
        _rung(study.best_trial.params),
        [
            {"number": t.number, "loss": t.value, **t.user_attrs, **t.params}
            for t in sorted(complete, key=lambda t: t.number)
        ],
    )


def _study(name: str, storage: Path | None, seed: int) -> Any:
    """The search of that name: it begins with the sizes of the ladder, or where it was stopped."""
    try:
        import optuna
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        raise ConfigError(
            "optuna is not installed",
            where="[model] trials",
            expected="the extra 'search'",
            fix="pip install 'cxml[search]', or trials = 0",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    place = f"sqlite:///{storage}" if storage else None
    try:
        study = optuna.create_study(storage=place, study_name=name, load_if_exists=True)
    except (optuna.exceptions.OptunaError, SQLAlchemyError) as error:
        raise ConfigError(
            "the file of the search cannot be used",
            where=str(storage),
            expected="a file that a search wrote, in a folder that can be written to",
            fix="move it away, or make the folder writable",
        ) from error
    if not study.trials:
        for rung in LADDER:
            if rung.leaves:
                study.enqueue_trial(_settings(rung))
    for trial in study.trials:
        if trial.state == optuna.trial.TrialState.RUNNING:  # killed in it: try it anew
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(trial.system_attrs.get("fixed_params", trial.params))
    # A search that goes on must not draw once more what it drew before.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials))
    return study


def _suggested(trial: Any) -> TreeSize:
    return _rung(
        {
            "leaves": trial.suggest_int("leaves", 2, 127, log=True),
            "rate": trial.suggest_float("rate", 0.01, 0.2, log=True),
            "rows_share": trial.suggest_float("rows_share", 0.4, 1.0),
            "columns_share": trial.suggest_float("columns_share", 0.1, 1.0),
            "l2": trial.suggest_float("l2", _LEAST_L2, 100.0, log=True),
            "least_rows": trial.suggest_int("least_rows", 1, 50, log=True),
            "additive": trial.suggest_categorical("additive", (False, True)),
        }
    )


def _rung(p: dict[str, Any]) -> TreeSize:
    return TreeSize(name=NAME, **p, most=_MOST_ROUNDS)


def _settings(rung: TreeSize) -> dict[str, Any]:
    """A size of the ladder as the settings of a trial."""
    names = ("leaves", "rate", "rows_share", "columns_share", "least_rows", "additive")
    return {name: getattr(rung, name) for name in names} | {"l2": max(float(rung.l2), _LEAST_L2)}


def _fingerprint(task: Task, model: ChurnClassifier) -> str:
    """A name for the question asked: the rows, how they are held out, the directions, and how losses are counted."""
    rows = np.arange(len(task.keys))
    counted = task.loss(np.zeros(len(rows)), rows)
    signs = np.array(task.signs, dtype=np.int64)
    parts = (task.X, task.target["binary"], task.folds, task.keys, signs, counted)
    whole = hashlib.sha256(str(model.random_state).encode())
    for part in parts:
        whole.update(np.ascontiguousarray(part).tobytes())
    return f"cxml-{whole.hexdigest()[:16]}"
