"""From tables to a tested bundle: assemble the training set, split it in time, fit, calibrate, compare.

The last matured cutoff tests, those whose label was known by then train; where the labels of earlier cutoffs
would not have been known in time, customers are held out instead, and it is said so. What is shipped is trained
again on every cutoff, the tested one included: the figures are those of the model before that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import has_fit_parameter

from cxml.config.load import Config
from cxml.contracts.purchases import ORDERS
from cxml.drivers import contributions as drivers, evidence, hits
from cxml.drivers.hits import Usual
from cxml.errors import NotEnoughDataError
from cxml.features import values
from cxml.features.company import terms
from cxml.models.bundle import Bundle
from cxml.models.churn import ChurnClassifier
from cxml.models.lifetime import Lifetime
from cxml.models.value_if_stays import leavers_bring
from cxml.records.how_tested import FOLDS
from cxml.sampling import customer_folds
from cxml.snapshots.splits import Split
from cxml.store.manifest import plain
from cxml.training import churn_target, evaluation as tested, survival_target, too_good, value_target
from cxml.training.dataset import KEYS, TrainingSet
from cxml.training.evaluation import Forecasts

Floats = NDArray[np.float64]
Tell = Callable[[str], None]
AHEAD = 12
"""Months after observation_end for which the level is forecast."""


@dataclass(frozen=True)
class Trained:
    """A bundle, how it was tested before its refit, which factors and features drive it, and the tested forecasts."""

    bundle: Bundle
    metrics: dict[str, Any]
    factors: pd.DataFrame
    features: pd.DataFrame
    forecasts: pd.DataFrame


@dataclass(frozen=True)
class Compared:
    """What was fitted for each target, and the forecasts of it and its baselines for the test snapshots, by name."""

    models: dict[str, Any]
    forecasts: dict[str, Forecasts]


def fit(data: TrainingSet, config: Config, tell: Tell = lambda text: None) -> Trained:
    """Fit, calibrate and test churn and value models beside their baselines.

    Raises
    ------
    NotEnoughDataError
        One class only, or too few leavers to learn from.
    """
    split = data.split
    refuse_one_class(data.frame, split)
    value_target.refuse_too_little(data.frame, split)
    tell(split.reason)
    compared = compare(data, config, tell, churn=_searching(data, config, tell))
    fitted, forecasts = compared.models, compared.forecasts
    measured = tested.measure(forecasts, data.frame, split)
    suspect = too_good.warning(
        measured["churn"]["auc"], data.frame[data.frame["cutoff"] == split.test], data.columns, data.labels
    )
    if suspect:
        measured["too_good"] = suspect
        tell(suspect["what"])
    measured["tables"]["cutoffs"] = tested.by_cutoff(fitted["churn"], data.frame, data.columns, split)
    measured["level"] = plain(tested.level(fitted["churn"], forecasts["churn"]["model"], data.frame, split))
    if "value" in fitted:
        ranges = value_target.coverage(fitted["value"], data.frame, data.columns, split)
        measured["tables"]["coverage"], measured["value"]["coverage"] = plain(ranges), ranges[-1]["coverage"]
        measured["tables"]["value_candidates"] = plain(fitted["value"].ladder_)
    if trials := getattr(fitted["churn"], "trials_", None):
        measured["tables"]["search"] = trials
    if (price := fitted["churn"].monotone_price_) is not None:
        measured["churn"]["monotone_price"] = price
        tell(f"directions cost {price:+.5f} of log loss on customers held out in training")
    tell("training the survival model")
    ahead = survival_target.train(data.frame, split, config, fitted["churn"], forecasts["churn"]["model"])
    if ahead is not None:
        measured["survival"] = plain(ahead.metrics)
        measured["tables"]["survival"] = ahead.curve
    told = (*_grouped(fitted["churn"], data), *measured["verdict"].values(), *measured["level"]["told"])
    for sentence in told:
        tell(sentence)
    bundle = _shipped(data, config, fitted, ahead.lifetime if ahead else None, tell)
    bundle = replace(bundle, info={**bundle.info, "metrics": measured, **_of_leavers(compared, data, config)})
    test = data.frame[data.frame["cutoff"] == split.test].reset_index(drop=True)
    scored, contributions = bundle.explain(test)
    strongest = drivers.features(contributions, test, data.labels)
    ways, usual = drivers.directions(strongest), Usual.among(contributions, test)
    strange = fitted["churn"].schema_.strange(test)
    unseen = {name: rows / len(test) for name, rows in strange.unseen.items()}
    beside = evidence.comparisons(data.frame, strongest, bundle.labels)
    against = [*drivers.backwards(strongest), *evidence.contradicted(beside, bundle.labels)]
    more = {"directions": ways.to_dict(), "backwards": against, "usual": asdict(usual)}
    bundle = replace(bundle, info={**bundle.info, **more, "unseen": unseen})
    hit = hits.hit_factors(contributions, test, data.labels, bundle.info, usual)
    factors = drivers.summary(pd.concat([test[list(KEYS)], scored, hit], axis=1), data.labels)
    factors["direction"] = factors["factor"].map(ways)
    behind = evidence.evidence_of(bundle, data.frame, test, beside)
    bundle = replace(bundle, info={**bundle.info, "evidence": behind})
    return Trained(
        bundle, measured, factors, strongest, tested.beside_what_came(forecasts, data.frame, split)
    )


def _shipped(
    data: TrainingSet, config: Config, tested: Mapping[str, Any], lifetime: Lifetime | None, tell: Tell
) -> Bundle:
    """The models that score: those that were tested, trained again on every cutoff whose label is known.

    Sizes are kept. Where customers were held out, the models have learned from all of them already.
    """
    models, sentence = dict(tested), ""
    if data.split.mode == "time":
        sentence = (
            f"The model that scores was trained again on all {len(data.split.cutoffs)} cutoffs, the tested one included;"
            " the figures are those of the model before that."
        )
        tell(sentence)
        columns, ahead = list(data.columns), _months_on(config)
        for name, column in (("churn", "churned"), ("value", "value")):
            if name in models:
                models[name] = _learn(models[name].again(), data.frame, columns, column, config, ahead)
        lifetime = lifetime and survival_target.again(lifetime, data.frame, config, models["churn"])
    churn, rates = _at_base_rate(models["churn"], data, config, tell)
    return Bundle(
        churn=churn,
        value=models.get("value"),
        labels=values.with_levels(data.labels, churn.schema_.levels),
        info={**_info(data, data.split, config, churn), "shipped": sentence, "base_rate": rates},
        lifetime=lifetime,
    )


def _months_on(config: Config) -> list[datetime]:
    """observation_end, and the months after it."""
    end = pd.Timestamp(config.project.observation_end)
    return [(end + pd.DateOffset(months=month)).to_pydatetime() for month in range(AHEAD + 1)]


def _of_leavers(compared: Compared, data: TrainingSet, config: Config) -> dict[str, Any]:
    """What tells the value of those who stay: see ``cxml.models.value_if_stays``; from rows not learned from."""
    if "value" not in compared.models:
        return {}
    rows = data.frame[data.frame["cutoff"] == data.split.test]
    p, expected = (compared.forecasts[name]["model"] for name in ("churn", "value"))
    silence = config.churn.definition in ("inactivity", "rhythm") and ORDERS in config.churn.activity
    share = leavers_bring(expected, p, rows["churned"], rows["value"])
    return {"leavers_bring": share, "staying_is_buying": silence}


def _at_base_rate(
    churn: ChurnClassifier, data: TrainingSet, config: Config, tell: Tell
) -> tuple[ChurnClassifier, dict[str, float]]:
    """The classifier for the rate at which customers leave, where the table was drawn by outcome; and both rates."""
    if not config.churn.base_rate:
        return churn, {}
    rates = {"data": float(data.frame["churned"].mean()), "said": config.churn.base_rate}
    tell(
        f"{rates['data']:.1%} of the labels say that the customer left, and {rates['said']:.1%} of all do: probabilities"
        " are at the second rate, tested figures at the first"
    )
    return churn.at_rate(rates["said"], among=rates["data"]), rates


def compare(
    data: TrainingSet,
    config: Config,
    tell: Tell = lambda text: None,
    only: Sequence[str] = (),
    churn: churn_target.Make | None = None,
) -> Compared:
    """Fit models and baselines on the training cutoffs of the split, and ask them for its test snapshots.

    Of the labels only those of the cutoffs that train are seen. *only* names the competitors
    to fit (``model`` and its baselines); all when empty. *churn* makes what is fitted in the place of the usual classifier.

    Raises
    ------
    NotEnoughDataError
        Too few leavers to learn from.
    """
    split = data.split
    targets = [_churn_target(data, config, churn)]
    if data.frame["value"].notna().any():
        targets.append(_value_target(data, config))
    models, forecasts = {}, {}
    for target in targets:
        tell(f"training the {target.name} model" + ("" if only else " and its baselines"))
        chosen = {name: make for name, make in target.candidates.items() if name in only or not only}
        target = replace(target, candidates=chosen)
        models[target.name], forecasts[target.name] = (
            _by_time(target, data, config) if split.mode == "time" else _by_customer(target, data, config)
        )
    return Compared(models, forecasts)


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
    """What is predicted: its column, who competes (``model`` and its baselines), and what to ask them."""

    name: str
    column: str
    candidates: Mapping[str, Callable[[], Any]]
    ask: Callable[[Any, pd.DataFrame], Floats]


def _searching(data: TrainingSet, config: Config, tell: Tell) -> churn_target.Make | None:
    """What makes a classifier that searches for its size; None where nothing is asked for.

    With customers held out every part has a search of its own, which sees none of those held out.
    """
    if not (config.model.trials or config.model.minutes):
        return None
    fits = FOLDS + 1 if data.split.mode == "customers" else 1
    return churn_target.searching(
        partial(churn_target.usual, data.columns, data.labels, config), config, fits, tell
    )


def _churn_target(data: TrainingSet, config: Config, churn: churn_target.Make | None) -> _Target:
    churn = churn or partial(churn_target.usual, data.columns, data.labels, config)
    candidates = churn_target.competitors(churn, data.columns, config)
    return _Target("churn", "churned", candidates, lambda m, X: np.asarray(m.predict_proba(X)[:, 1]))


def _value_target(data: TrainingSet, config: Config) -> _Target:
    candidates = value_target.competitors(data.columns, config)
    return _Target("value", "value", candidates, lambda m, X: np.asarray(m.predict(X)))


def _by_time(target: _Target, data: TrainingSet, config: Config) -> tuple[Any, Forecasts]:
    """Train on the cutoffs whose label was known by the last one, and forecast that."""
    frame, columns, split = data.frame, list(data.columns), data.split
    train, test = frame[frame["cutoff"].isin(split.train)], frame[frame["cutoff"] == split.test]
    models = {
        name: _learn(make(), train, columns, target.column, config, [split.test])
        for name, make in target.candidates.items()
    }
    return models["model"], {name: target.ask(model, test[columns]) for name, model in models.items()}


def _by_customer(target: _Target, data: TrainingSet, config: Config) -> tuple[Any, Forecasts]:
    """Forecast each tenth of the customers by what the other nine tenths teach; ship what all teach."""
    columns, column = list(data.columns), target.column
    frame = data.frame[data.frame["cutoff"] == data.split.test].reset_index(drop=True)
    folds = customer_folds(frame["customer_id"], FOLDS, config.model.seed)
    found = {name: np.full(len(frame), np.nan) for name in target.candidates}
    for fold in range(FOLDS):
        train, test = frame[folds != fold], frame[folds == fold]
        if len(test):
            for name, make in target.candidates.items():
                model = _learn(make(), train, columns, column, config)
                found[name][folds == fold] = target.ask(model, test[columns])
    # A rate by fold would rank the folds, those with most leavers last: an AUC below one half.
    if "base_rate" in found:
        found["base_rate"][:] = found["base_rate"].mean()
    return _learn(target.candidates["model"](), frame, columns, column, config), found


def _learn(
    model: Any,
    train: pd.DataFrame,
    columns: list[str],
    column: str,
    config: Config,
    ahead: Sequence[datetime] = (),
) -> Any:
    """Fit *model*; with instants *ahead*, its level is the one that its way over the cutoffs forecasts for them."""
    customers = train["customer_id"].to_numpy()
    when = {"cutoffs": train["cutoff"]} if ahead and has_fit_parameter(model, "cutoffs") else {}
    model = model.fit(train[columns], train[column].to_numpy(), groups=customers, **when)
    if ahead and hasattr(model, "follow"):
        window = config.churn.lead + config.churn.horizon
        model.follow(train["cutoff"], customers, window, ahead)
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
        "train_cutoffs": [c.isoformat() for c in split.cutoffs],
        "tested_train_cutoffs": [c.isoformat() for c in split.train],
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
        "grouped": _grouped(churn, data),
        "terms": terms(config),
        "seed": config.model.seed,
        "populations": [
            {"cutoff": p.cutoff.isoformat(), "at_risk": p.at_risk, "new": p.new, "gone": p.gone}
            for p in data.populations
        ],
    }


def _grouped(churn: ChurnClassifier, data: TrainingSet) -> list[str]:
    """What became of texts with very many levels."""
    called, levels = data.labels["features"], churn.schema_.levels
    return [
        f"{called[name]['en']} has very many levels: {len(levels[name]):,} frequent ones are kept, the others are one"
        f" ({share:.0%} of the rows)"
        for name, share in churn.schema_.grouped.items()
    ]
