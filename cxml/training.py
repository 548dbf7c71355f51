"""From tables to a tested bundle: assemble the training set, split it in time, fit, calibrate, compare.

The last matured cutoff tests, an earlier one calibrates, still earlier ones train; where the labels of
earlier cutoffs would not have been known in time, customers are held out instead, and it is said so.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from cxml import drivers, evidence, labels, snapshots, static, tested, time_to_leave, too_good, value_models
from cxml.config import Config
from cxml.errors import NotEnoughDataError
from cxml.features import matrix, planner
from cxml.features.profile import COLUMN
from cxml.manifest import plain
from cxml.models import baselines
from cxml.models.bundle import Bundle
from cxml.models.churn import ChurnClassifier, ladder_for
from cxml.splits import Plan as Split
from cxml.splits import customer_folds, plan_splits
from cxml.tables import Tables
from cxml.tested import Forecasts

Floats = NDArray[np.float64]
Tell = Callable[[str], None]
FOLDS = 10
FEW = 10
"""Leavers among those tested below which it is told that the figures say little."""
HALF_YEAR = pd.Timedelta(days=183)
KEYS = ("customer_id", "cutoff")
SIMPLE = ("contact_days_since", "contacts_n", "order_days_since", "orders_n")
"""The features of the baseline that knows when and how often, and nothing of how people were served."""
RECENCY = ("order_days_since", "contact_days_since", "session_days_since")
"""The features that the recency rule may rank by: the first that was built."""


@dataclass(frozen=True)
class TrainingSet:
    """Snapshots with features and labels.

    Attributes
    ----------
    frame : DataFrame
        ``customer_id``, ``cutoff``, the feature columns, ``churned`` (0/1), ``value`` (money, NaN when no
        value is configured) and ``left_after_days`` (NaN where leaving was not seen, or has no moment). Who
        left within the lead is not in it.
    columns : tuple of str
        The feature columns.
    labels : dict
        How factors and features are called, as stored in the bundle, and what is typical.
    split : splits.Plan
        Which cutoffs train, calibrate and test; only those are in the frame, unless others were asked for.
    populations : tuple of snapshots.Population
    left_in_lead : int
        Snapshots left out because the customer was gone before anybody could have acted.
    """

    frame: pd.DataFrame
    columns: tuple[str, ...]
    labels: dict[str, Any]
    split: Split
    populations: tuple[snapshots.Population, ...]
    left_in_lead: int


@dataclass(frozen=True)
class Trained:
    """A bundle, how it did on the test snapshots, and which factors and features drove it there."""

    bundle: Bundle
    metrics: dict[str, Any]
    factors: pd.DataFrame
    features: pd.DataFrame


@dataclass(frozen=True)
class Compared:
    """What was fitted for each target, and the forecasts of it and its baselines for the test snapshots, by name."""

    models: dict[str, Any]
    forecasts: dict[str, Forecasts]


def assemble(tables: Tables, cutoffs: Sequence[datetime] = ()) -> TrainingSet:
    """Features and labels of every cutoff that training on the config uses, or of all *cutoffs*.

    Raises
    ------
    ImmatureCutoffError, NotEnoughDataError, ConfigError
    """
    config = tables.config
    usable = cutoffs or snapshots.usable_cutoffs(tables)
    split = plan_of(usable, config, () if cutoffs else labels.one_sided(tables, usable))
    used = cutoffs or [cutoff.to_pydatetime() for cutoff in split.cutoffs]
    populations = snapshots.take(tables, used)
    plan = matrix.planned(tables)
    planner.run(tables.engine, plan)
    labels.make(tables)
    tables.engine.keep("training_set", "select * from matrix join labels using (customer_id, cutoff)")
    tables.engine.drop("matrix")
    frame = matrix.read(tables, "training_set")
    tables.engine.drop("training_set")
    if static.is_static(config) and (without := populations[0].at_risk - len(frame)):
        split = replace(split, reason=f"{split.reason} {without:,} without a label were left out.")
    stayed = frame["left_in_lead"] == 0
    left = int(frame.loc[stayed & (frame["cutoff"] == split.test), "churned"].sum())
    if 0 < left < FEW:
        split = replace(
            split, reason=f"{split.reason} Only {left} of those tested left: the figures say little."
        )
    columns = tuple(column.name for column in plan.columns)
    kept = frame[stayed].drop(columns="left_in_lead").reset_index(drop=True)
    said = _with_typical(matrix.labels_of(plan, tables), kept[kept["cutoff"].isin(split.train)])
    return TrainingSet(kept, columns, said, split, populations, int((~stayed).sum()))


def _with_typical(said: dict[str, Any], train: pd.DataFrame) -> dict[str, Any]:
    """The labels with the median of each number in the training snapshots: what a reason is measured against."""
    for column, label in said["features"].items():
        if label["unit"] != "text":
            median = float(train[column].astype(float).median())
            label["typical"] = median if np.isfinite(median) else None
    return said


def _with_levels(said: dict[str, Any], levels: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The labels with the levels of the customers' columns: what the number of a reason stands for."""
    told = {name: {"levels": list(known)} for name, known in levels.items() if name.startswith(COLUMN)}
    features = {name: {**label, **told.get(name, {})} for name, label in said["features"].items()}
    return {**said, "features": features}


def fit(data: TrainingSet, config: Config, tell: Tell = lambda text: None) -> Trained:
    """Fit, calibrate and test churn and value models beside their baselines.

    Raises
    ------
    NotEnoughDataError
        One class only, or too few leavers to learn from.
    """
    split = data.split
    refuse_one_class(data.frame, split)
    value_models.refuse_too_little(data.frame, split)
    tell(split.reason)
    churn, trials = _churn_model(data, config), list[dict[str, Any]]()
    if config.model.trials or config.model.minutes:
        churn, trials = _searched(churn, data, config, tell)
    compared = compare(data, config, tell, churn=churn)
    fitted, forecasts = compared.models, compared.forecasts
    measured = tested.measure(forecasts, data.frame, split)
    suspect = too_good.warning(
        measured["churn"]["auc"], data.frame[data.frame["cutoff"] == split.test], data.columns, data.labels
    )
    if suspect:
        measured["too_good"] = suspect
        tell(suspect["what"])
    measured["tables"]["cutoffs"] = tested.by_cutoff(fitted["churn"], data.frame, data.columns, split)
    if "value" in fitted:
        ranges = value_models.coverage(fitted["value"], data.frame, data.columns, split)
        measured["tables"]["coverage"], measured["value"]["coverage"] = plain(ranges), ranges[-1]["coverage"]
        measured["tables"]["value_candidates"] = plain(fitted["value"].ladder_)
    if trials:
        measured["tables"]["search"] = trials
    if (price := fitted["churn"].monotone_price_) is not None:
        measured["churn"]["monotone_price"] = price
        tell(f"directions cost {price:+.5f} of log loss on customers held out in training")
    tell("training the survival model")
    ahead = time_to_leave.train(data.frame, split, config, fitted["churn"], forecasts["churn"]["model"])
    if ahead is not None:
        measured["survival"] = plain(ahead.metrics)
        measured["tables"]["survival"] = ahead.curve
    churn, rates = _at_base_rate(fitted["churn"], data, config)
    if rates:
        tell(
            f"{rates['data']:.1%} of the labels say that the customer left, and {rates['said']:.1%} of all do: probabilities"
            " are at the second rate, tested figures at the first"
        )
    bundle = Bundle(
        churn=churn,
        value=fitted.get("value"),
        labels=_with_levels(data.labels, fitted["churn"].schema_.levels),
        info={**_info(data, split, config, churn), "metrics": measured, "base_rate": rates},
        lifetime=ahead.lifetime if ahead is not None else None,
    )
    for sentence in (*_grouped(fitted["churn"]), *measured["verdict"].values()):
        tell(sentence)
    test = data.frame[data.frame["cutoff"] == split.test].reset_index(drop=True)
    scored, contributions = bundle.explain(test)
    strongest = drivers.features(contributions, test, data.labels)
    factors = drivers.summary(pd.concat([test[list(KEYS)], scored], axis=1), data.labels)
    ways = drivers.directions(strongest)
    factors["direction"] = factors["factor"].map(ways)
    behind = evidence.of(bundle, data.frame, test, strongest)
    unseen = {name: rows / len(test) for name, rows in bundle.schema.strange(test).unseen.items()}
    more = {"directions": ways.to_dict(), "evidence": behind, "unseen": unseen}
    bundle = replace(bundle, info={**bundle.info, **more})
    return Trained(bundle, measured, factors, strongest)


def _at_base_rate(
    churn: ChurnClassifier, data: TrainingSet, config: Config
) -> tuple[ChurnClassifier, dict[str, float]]:
    """The classifier for the rate at which customers leave, where the table was drawn by outcome; and both rates."""
    if not config.churn.base_rate:
        return churn, {}
    rates = {"data": float(data.frame["churned"].mean()), "said": config.churn.base_rate}
    found = copy.copy(churn)
    found.calibrator_ = churn.calibrator_.at_rate(rates["said"], among=rates["data"])
    return found, rates


def compare(
    data: TrainingSet,
    config: Config,
    tell: Tell = lambda text: None,
    only: Sequence[str] = (),
    churn: ChurnClassifier | None = None,
) -> Compared:
    """Fit models and baselines on the training cutoffs of the split, and ask them for its test snapshots.

    Of the labels only those of the cutoffs that train and calibrate are seen. *only* names the competitors
    to fit (``model`` and its baselines); all when empty. *churn* is fitted in the place of the usual classifier.

    Raises
    ------
    NotEnoughDataError
        Too few leavers to learn from.
    """
    split = data.split
    targets = [_churn_target(data, config, churn or _churn_model(data, config))]
    if data.frame["value"].notna().any():
        targets.append(_value_target(data, config))
    models, forecasts = {}, {}
    for target in targets:
        tell(f"training the {target.name} model" + ("" if only else " and its baselines"))
        chosen = {name: make for name, make in target.candidates.items() if name in only or not only}
        target = replace(target, candidates=chosen)
        models[target.name], forecasts[target.name] = (
            _by_time(target, data, split)
            if split.mode == "time"
            else _by_customer(target, data, split, config.model.seed)
        )
    return Compared(models, forecasts)


def plan_of(cutoffs: Sequence[datetime], config: Config, one_sided: Collection[datetime] = ()) -> Split:
    """Who trains, calibrates and tests; its sentence shows the days of the project's zone.

    The last cutoffs are passed over where they are *one_sided*: where everybody stayed, or left.
    """
    if static.is_static(config):
        moment = pd.Timestamp(cutoffs[-1])
        return Split((moment,), None, moment, "customers", static.NO_LATER_TIME)
    local = [pd.Timestamp(cutoff).tz_convert(config.zone) for cutoff in cutoffs]
    horizon = snapshots.maturity(config) - config.churn.lead
    split = plan_splits(local, config.churn.lead, horizon, one_sided)

    def utc(some: Iterable[pd.Timestamp]) -> tuple[pd.Timestamp, ...]:
        return tuple(cutoff.tz_convert("UTC") for cutoff in some)

    calibrate = split.calibrate and split.calibrate.tz_convert("UTC")
    return replace(
        split,
        train=utc(split.train),
        calibrate=calibrate,
        test=split.test.tz_convert("UTC"),
        passed=utc(split.passed),
    )


def refuse_one_class(frame: pd.DataFrame, split: Split) -> None:
    """Refuse test snapshots that all left or all stayed, before time is spent: nothing could be compared."""
    found = frame.loc[frame["cutoff"] == split.test, "churned"].unique()
    if len(found) < 2:
        raise NotEnoughDataError(
            f"{'everybody' if found.any() else 'nobody'} left after the test cutoff {split.test:%Y-%m-%d}",
            where="[churn] definition",
            expected="some who left and some who stayed",
            fix="check that the extract holds who left up to observation_end, and that the definition fits",
        )


@dataclass(frozen=True)
class _Target:
    """What is predicted: its column, who competes (``model`` and its baselines), what to ask and to calibrate them by."""

    name: str
    column: str
    candidates: Mapping[str, Callable[[], Any]]
    ask: Callable[[Any, pd.DataFrame], Floats]
    beside: Callable[[pd.DataFrame, pd.DataFrame], dict[str, Any]] = lambda train, later: {}


def _churn_model(data: TrainingSet, config: Config) -> ChurnClassifier:
    """The classifier that the config asks for, not yet fitted."""
    signs = {"+": 1, "-": -1}
    told = {name: signs.get(data.labels["features"][name]["direction"], 0) for name in data.columns}
    return ChurnClassifier(
        monotone=told if config.model.monotone else None,
        random_state=config.model.seed,
        num_threads=config.model.threads,
    )


def _searched(
    churn: ChurnClassifier, data: TrainingSet, config: Config, tell: Tell
) -> tuple[ChurnClassifier, list[dict[str, Any]]]:
    """The classifier with one more size to choose from, and every size that was tried for it."""
    from cxml.models.search import search

    if data.split.mode == "customers":
        tell("no search: customers are held out in place of a later time, and it would look at all of them")
        return churn, []
    train = data.frame[data.frame["cutoff"].isin(data.split.train)]
    found = search(
        churn,
        train[list(data.columns)],
        train["churned"],
        train["customer_id"],
        trials=config.model.trials,
        minutes=config.model.minutes,
        storage=config.folder / "search.sqlite3",
        tell=tell,
    )
    rungs = ladder_for(int(train["churned"].sum()))
    return clone(churn).set_params(ladder=(*rungs, found.rung)), found.trials


def _churn_target(data: TrainingSet, config: Config, churn: ChurnClassifier) -> _Target:
    candidates: dict[str, Callable[[], Any]] = {
        "model": lambda: clone(churn),
        "base_rate": baselines.BaseRate,
        "logistic": lambda: baselines.LogisticBaseline(random_state=config.model.seed),
    }
    simple = [name for name in data.columns for stem in SIMPLE if re.fullmatch(rf"{stem}(_\d+d)?", name)]
    if simple:
        candidates["recency_frequency"] = lambda: baselines.LogisticBaseline(
            columns=simple, random_state=config.model.seed
        )
    recency = next((name for stem in RECENCY for name in data.columns if name.startswith(stem)), None)
    if recency:
        candidates["recency"] = lambda: baselines.RecencyRule(recency)
    return _Target("churn", "churned", candidates, lambda m, X: np.asarray(m.predict_proba(X)[:, 1]), _recent)


def _recent(train: pd.DataFrame, later: pd.DataFrame) -> dict[str, Any]:
    """The cutoffs of the half year before the later ones as periods: their levels count beside the later one."""
    recent = later["cutoff"].min() - train["cutoff"] <= HALF_YEAR
    return {"periods": np.where(recent, train["cutoff"].rank(method="dense"), 0)}


def _value_target(data: TrainingSet, config: Config) -> _Target:
    candidates = value_models.competitors(data.columns, config)
    return _Target("value", "value", candidates, lambda m, X: np.asarray(m.predict(X)))


def _by_time(target: _Target, data: TrainingSet, split: Split) -> tuple[Any, Forecasts]:
    """Train on the earlier cutoffs, calibrate on a later one, forecast the last."""
    frame, columns = data.frame, list(data.columns)
    train = frame[frame["cutoff"].isin(split.train)]
    later = frame[frame["cutoff"] == split.calibrate] if split.calibrate is not None else None
    test = frame[frame["cutoff"] == split.test]
    models = {name: _learn(target, make(), train, columns, later) for name, make in target.candidates.items()}
    return models["model"], {name: target.ask(model, test[columns]) for name, model in models.items()}


def _by_customer(target: _Target, data: TrainingSet, split: Split, seed: int) -> tuple[Any, Forecasts]:
    """Forecast each tenth of the customers by what the other nine tenths teach; ship what all teach."""
    columns = list(data.columns)
    frame = data.frame[data.frame["cutoff"] == split.test].reset_index(drop=True)
    folds = customer_folds(frame["customer_id"], FOLDS, seed)
    found = {name: np.full(len(frame), np.nan) for name in target.candidates}
    for fold in range(FOLDS):
        train, test = frame[folds != fold], frame[folds == fold]
        if len(test):
            for name, make in target.candidates.items():
                found[name][folds == fold] = target.ask(
                    _learn(target, make(), train, columns, None), test[columns]
                )
    return _learn(target, target.candidates["model"](), frame, columns, None), found


def _learn(
    target: _Target, model: Any, train: pd.DataFrame, columns: list[str], later: pd.DataFrame | None
) -> Any:
    model.fit(train[columns], train[target.column].to_numpy(), groups=train["customer_id"].to_numpy())
    if later is not None and hasattr(model, "calibrate"):
        model.calibrate(later[columns], later[target.column].to_numpy(), **target.beside(train, later))
    return model


def _info(data: TrainingSet, split: Split, config: Config, churn: ChurnClassifier) -> dict[str, Any]:
    """What a reader of the bundle must know: whom it is for, on what it was trained and tested."""
    return {
        "project": config.project.name,
        "currency": config.project.currency,
        "churn": config.churn.definition,
        "lead_days": config.churn.lead.total_seconds() / 86400,
        "horizon_days": config.churn.horizon.total_seconds() / 86400,
        "observation_end": config.project.observation_end.isoformat(),
        "train_cutoffs": [c.isoformat() for c in split.train],
        "calibration_cutoff": split.calibrate.isoformat() if split.calibrate is not None else None,
        "test_cutoff": split.test.isoformat(),
        "mode": split.mode,
        "split": split.reason,
        "calibrated_on": churn.calibrated_on_,
        "rung": churn.rung_,
        "rounds": churn.rounds_,
        "snapshots": len(data.frame),
        "timezone": config.project.timezone,
        "left_in_lead": data.left_in_lead,
        "features": len(data.columns),
        "grouped": _grouped(churn),
        "terms": matrix.terms(config),
        "seed": config.model.seed,
        "populations": [
            {"cutoff": p.cutoff.isoformat(), "at_risk": p.at_risk, "new": p.new, "gone": p.gone}
            for p in data.populations
        ],
    }


def _grouped(churn: ChurnClassifier) -> list[str]:
    """What became of texts with very many levels."""
    return [
        f"{name} has very many levels: {len(churn.schema_.levels[name]):,} frequent ones are kept, the others are one"
        f" ({share:.0%} of the rows)"
        for name, share in churn.schema_.grouped.items()
    ]
