"""Walking forward: the same training at one cutoff after the other, each time with what was known by then.

Each test cutoff is forecast by models that learned from labels known at it, beside their baselines. Every
figure carries an interval by customer. A random split beside the time split is an alarm for leaks, and two
learning curves on the last test cutoff say whether more cutoffs, or longer windows, would help.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from cxml.config.load import Config
from cxml.errors import ConfigError, NotEnoughDataError
from cxml.features.company import FeaturePlan, plan_features
from cxml.labels import targets
from cxml.metrics import bootstrap, forecasts as metrics
from cxml.snapshots.cutoffs import maturity, usable_cutoffs
from cxml.snapshots.splits import Split
from cxml.tables.opening import Tables
from cxml.training import dataset, fit
from cxml.training.dataset import TrainingSet
from cxml.training.random_split import LEAST_GAP, LEAST_LEAVERS, learn_twice

Tell = Callable[[str], None]
Keep = Callable[[str, Callable[[], pd.DataFrame]], pd.DataFrame]
"""Gives the result of a part by its name, and makes it where there is none yet."""
CUTOFFS = 4
"""Test cutoffs, where nobody says how many."""
ALL = "all"
"""Stands in the place of a cutoff for the rows of all test cutoffs together."""
JUDGED = {"churn": {"auc": 1, "log_loss": -1}, "value": {"gini": 1, "decile_mape": -1}}
"""By which figures the model is compared with its baselines: 1 where more is better, -1 where less is."""
CURVES = {"churn": ("auc", "log_loss"), "value": ("gini", "decile_mape")}
_ONE_SIDED = "nobody (or everybody) left after it"
_COLUMN = {"churn": "churned", "value": "value"}


@dataclass(frozen=True)
class Fold:
    """One test cutoff: who trained, the test snapshots, and their forecasts.

    Attributes
    ----------
    day : str
        The cutoff by the clock of the project's zone.
    split : splits.Split
    test : DataFrame
        ``customer_id``, ``cutoff``, ``churned`` and ``value`` of the test snapshots.
    forecasts : DataFrame
        A column per target and competitor, such as ``churn.model``, for the same rows.
    """

    day: str
    split: Split
    test: pd.DataFrame
    forecasts: pd.DataFrame


@dataclass(frozen=True)
class Backtest:
    """What was found.

    Attributes
    ----------
    figures : DataFrame
        ``cutoff`` (a day, or ``all``: the snapshots of every test cutoff together), ``model`` (``model`` or a
        baseline), ``metric`` (such as ``churn.auc``), ``value``, its interval ``low``, ``high`` (NaN where a figure
        has none) and ``rows``.
    differences : DataFrame
        The model's figure less that of a baseline on the same rows: ``cutoff``, ``model`` (the baseline), ``metric``,
        ``value``, ``low``, ``high``, and ``better``: ``model``, ``baseline`` or ``neither`` where the interval holds 0.
    curves : DataFrame
        The model on the last test cutoff: ``curve`` (``cutoffs`` or ``lookback``), ``step`` (training cutoffs, the
        latest ones; or the longest window in days), ``features``, ``metric``, ``value``, ``low``, ``high``, ``rows``.
    folds : list of dict
        ``cutoff``, ``train`` (days), ``rows``, ``churned``, ``split`` (in words).
    random : dict
        ``time`` and ``random`` (AUC), ``gap``, ``low``, ``high``, ``rows`` learned from, ``grade`` and ``verdict``.
    skipped : list of dict
        ``cutoff`` and ``why`` it was not tested.
    verdict : dict
        A sentence per target.
    """

    figures: pd.DataFrame
    differences: pd.DataFrame
    curves: pd.DataFrame
    folds: list[dict[str, Any]]
    random: dict[str, Any]
    skipped: list[dict[str, str]]
    verdict: dict[str, str]

    def rows(self) -> dict[str, Any]:
        """Everything as plain lists and dictionaries, with None in the place of NaN."""
        return {
            "figures": _plain(self.figures),
            "differences": _plain(self.differences),
            "curves": _plain(self.curves),
            "folds": self.folds,
            "random": self.random,
            "skipped": self.skipped,
            "verdict": self.verdict,
        }


def backtest(
    tables: Tables,
    *,
    cutoffs: int = CUTOFFS,
    draws: int = bootstrap.DRAWS,
    tell: Tell = lambda text: None,
    keep: Keep = lambda name, make: make(),
) -> Backtest:
    """Walk forward over the matured cutoffs of the config.

    Parameters
    ----------
    cutoffs : int
        Test the last so many of those cutoffs that have something to train on.
    draws : int
        How often customers are drawn for an interval.
    keep : callable
        Remembers forecasts, so that a run that was stopped can go on; by default nothing is remembered.

    Raises
    ------
    ImmatureCutoffError, NotEnoughDataError, ConfigError
        No cutoff can be tested on what was known before it.
    """
    config = tables.config
    plans, skipped = _testable(tables, max(1, cutoffs))
    for one in skipped:
        tell(f"{one['cutoff']} cannot be tested: {one['why']}")
    if len(plans) < cutoffs:
        tell(f"{len(plans)} of the {cutoffs} test cutoffs asked for have anything to train on")
    tell("building features and labels")
    used = sorted({cutoff for split in plans for cutoff in (*split.train, split.test)})
    features = plan_features(tables)
    data = dataset.assemble(tables, [cutoff.to_pydatetime() for cutoff in used], features)
    folds: list[Fold] = []
    for number, split in enumerate(plans, 1):
        day = _day(split.test, config)
        tell(f"cutoff {number} of {len(plans)}. {split.reason}")
        try:
            folds.append(_fold(replace(data, split=split), day, config, tell, keep))
        except NotEnoughDataError as problem:
            tell(f"{day} cannot be tested: {problem.what}")
            skipped.append({"cutoff": day, "why": problem.what})
            if not folds and number == len(plans):
                raise
    tell(f"drawing customers {draws} times for the intervals")
    measured = _measure(folds, draws, config.model.seed)
    last = replace(data, split=folds[-1].split)
    curves = _curves(last, folds[-1], features, draws, tell, keep)
    tell("a random split beside the time split")
    random = _random(last, folds[-1], config, draws)
    found = Backtest(
        figures=pd.DataFrame(measured.figures),
        differences=pd.DataFrame(measured.differences),
        curves=pd.DataFrame(curves),
        folds=[_about(fold, config) for fold in folds],
        random=random,
        skipped=skipped,
        verdict=_verdicts(pd.DataFrame(measured.differences), len(folds)),
    )
    for sentence in (*found.verdict.values(), random["verdict"]):
        tell(sentence)
    return found


def _testable(tables: Tables, most: int) -> tuple[list[Split], list[dict[str, str]]]:
    """The last *most* plans whose test cutoff has leavers and stayers, and those passed over with the reason.

    Where no cutoff has, the last plans, of which the first to be tested tells what is wrong.
    """
    plans = plans_of(tables)
    one_sided = targets.one_sided(tables, [split.test.to_pydatetime() for split in plans])
    able = [split for split in plans if split.test not in one_sided]
    chosen = (able or plans)[-most:]
    passed = [split.test for split in plans if split.test > chosen[0].test and split not in chosen]
    return chosen, [{"cutoff": _day(cutoff, tables.config), "why": _ONE_SIDED} for cutoff in passed]


def plans_of(tables: Tables) -> list[Split]:
    """Who trains and tests, for each cutoff that has something to train on, in order.

    Raises
    ------
    NotEnoughDataError, ConfigError
        There is no such cutoff.
    """
    config = tables.config
    if config.churn.definition == "label":
        raise ConfigError(
            "a ready label says who left and not when: there is no time to walk forward over",
            where="[churn] definition",
            expected="a definition with a moment of leaving",
            fix="'cxml train' tests a ready label on customers held out",
        )
    cutoffs = usable_cutoffs(tables)
    plans = [dataset.plan_of(cutoffs[: k + 1], config) for k in range(len(cutoffs))]
    able = [split for split in plans if split.mode == "time"]
    if not able:
        window = maturity(config) / timedelta(days=1)
        found = (
            f"only one cutoff has matured, {_day(cutoffs[0], config)}"
            if len(cutoffs) == 1
            else f"{len(cutoffs)} cutoffs have matured, and no label of an earlier one is known at a later one"
        )
        raise NotEnoughDataError(
            f"there is nothing to walk forward over: {found}",
            where="[training] cutoffs",
            expected=f"two cutoffs or more, {window:g} days or more apart: the label takes so long to be known",
            fix="add an earlier cutoff, extract a longer history or shorten the horizon; 'cxml train' tests one"
            " cutoff on customers held out",
        )
    return able


def _fold(data: TrainingSet, day: str, config: Config, tell: Tell, keep: Keep) -> Fold:
    """Train, and forecast one test cutoff."""
    split = data.split
    fit.refuse_one_class(data.frame, split)
    test = data.frame[data.frame["cutoff"] == split.test]
    forecasts = keep(f"fold-{day}", lambda: _forecasts(data, config, tell))
    known = test[["customer_id", "cutoff", "churned", "value"]].reset_index(drop=True)
    return Fold(day, split, known, forecasts)


def _forecasts(data: TrainingSet, config: Config, tell: Tell, only: Sequence[str] = ()) -> pd.DataFrame:
    found = fit.compare(data, config, tell, only).forecasts
    return pd.DataFrame(
        {f"{target}.{name}": made for target, own in found.items() for name, made in own.items()}
    )


@dataclass(frozen=True)
class _Measured:
    figures: list[dict[str, Any]]
    differences: list[dict[str, Any]]


def _measure(folds: Sequence[Fold], draws: int, seed: int) -> _Measured:
    """Figures and differences of each test cutoff and, where there are several, of all together."""
    found = _Measured([], [])
    parts = [(fold.day, fold.test, fold.forecasts) for fold in folds]
    tests = pd.concat([fold.test for fold in folds], ignore_index=True)
    # A baseline that could not be fitted at one cutoff has no figure for all of them.
    forecasts = pd.concat([fold.forecasts for fold in folds], ignore_index=True).dropna(axis=1)
    for cutoff, test, asked in [*parts, (ALL, tests, forecasts)]:
        for target in JUDGED:
            names = [name.partition(".")[2] for name in map(str, asked) if name.startswith(f"{target}.")]
            drawn = {}
            for name in names:
                point, drawn[name] = _figures(target, test, asked[f"{target}.{name}"], draws, seed)
                found.figures.extend(
                    {"cutoff": cutoff, "model": name, **row} for row in _rows(target, point, drawn[name])
                )
                found.differences.extend(
                    {"cutoff": cutoff, "model": name, **row}
                    for row in _compared(target, found.figures, cutoff, drawn, name)
                )
    return found


def _figures(
    target: str, test: pd.DataFrame, forecast: pd.Series, draws: int, seed: int
) -> tuple[dict[str, float], bootstrap.Draws]:
    actual, asked = test[_COLUMN[target]].to_numpy(), forecast.to_numpy()
    if target == "churn":
        point = metrics.churn_metrics(actual, asked, seed=seed)
        return point, bootstrap.churn_draws(actual, asked, test["customer_id"], draws=draws, seed=seed)
    point = metrics.value_metrics(actual, asked)
    return point, bootstrap.value_draws(actual, asked, test["customer_id"], draws=draws, seed=seed)


def _rows(target: str, point: Mapping[str, float], drawn: bootstrap.Draws) -> Iterator[dict[str, Any]]:
    for metric, value in point.items():
        if metric != "rows":
            low, high = drawn.interval(metric) if metric in drawn.figures else (np.nan, np.nan)
            yield {
                "metric": f"{target}.{metric}",
                "value": value,
                "low": low,
                "high": high,
                "rows": int(point["rows"]),
            }


def _compared(
    target: str,
    figures: Sequence[dict[str, Any]],
    cutoff: str,
    drawn: Mapping[str, bootstrap.Draws],
    name: str,
) -> Iterator[dict[str, Any]]:
    """By how much the model's figures exceed those of the baseline *name*, on the same draws of customers."""
    if name == "model":
        return
    known = {(row["model"], row["metric"]): row["value"] for row in figures if row["cutoff"] == cutoff}
    for metric, sign in JUDGED[target].items():
        full = f"{target}.{metric}"
        low, high = drawn["model"].difference(drawn[name], metric)
        ahead = low > 0 if sign > 0 else high < 0
        behind = high < 0 if sign > 0 else low > 0
        yield {
            "metric": full,
            "value": known["model", full] - known[name, full],
            "low": low,
            "high": high,
            "better": "model" if ahead else "baseline" if behind else "neither",
        }


def _verdicts(differences: pd.DataFrame, cutoffs: int) -> dict[str, str]:
    """Whether the model beats each baseline over all test cutoffs, by more than chance allows."""
    found = {}
    for target, judged in JUDGED.items():
        names = [f"{target}.{metric}" for metric in judged]
        pooled = differences[(differences["cutoff"] == ALL) & differences["metric"].isin(names)]
        if pooled.empty:
            continue
        said = []
        for metric in names:
            own = pooled[pooled["metric"] == metric]
            for better, words in (
                ("model", "better than"),
                ("neither", "no clear difference from"),
                ("baseline", "WORSE than"),
            ):
                others = sorted(own.loc[own["better"] == better, "model"])
                if others:
                    said.append(f"{metric.partition('.')[2]} {words} {', '.join(others)}")
        over = "one test cutoff" if cutoffs == 1 else f"{cutoffs} test cutoffs"
        found[target] = f"The {target} model over {over}: {'; '.join(said)}."
    return found


def _curves(
    data: TrainingSet, fold: Fold, features: FeaturePlan, draws: int, tell: Tell, keep: Keep
) -> list[dict[str, Any]]:
    """The model with fewer training cutoffs, and with shorter windows, on the same test cutoff."""
    config, split = features.tables.config, data.split
    many = len(split.train)
    sizes = [n for n in (2**k for k in range(many.bit_length())) if n < many]
    steps: list[tuple[str, int, TrainingSet]] = [
        ("cutoffs", n, replace(data, split=replace(split, train=split.train[-n:])))
        for n in (*sizes, many)
        if sizes
    ]
    reach = features.matrix().reaches
    windows = sorted(config.features.lookbacks)
    for days in windows if len(windows) > 1 else ():
        kept = tuple(column for column in data.columns if reach.get(column, 0) <= days)
        steps.append(("lookback", days, replace(data, columns=kept)))
    found: list[dict[str, Any]] = []
    for curve, step, part in steps:
        asked = fold.forecasts
        if part.columns != data.columns or part.split != split:
            more = f"{step} training cutoff{'' if step == 1 else 's'}"
            words = more if curve == "cutoffs" else f"windows of up to {step} days"
            tell(f"learning curve: {words}, {len(part.columns):,} features")
            try:
                asked = keep(
                    f"{curve}-{step}-{fold.day}", partial(_forecasts, part, config, tell, ("model",))
                )
            except NotEnoughDataError as problem:
                tell(f"left out: {problem.what}")
                continue
        for target, names in CURVES.items():
            if f"{target}.model" in asked:
                point, drawn = _figures(target, fold.test, asked[f"{target}.model"], draws, config.model.seed)
                rows = _rows(target, {name: point[name] for name in (*names, "rows")}, drawn)
                about = {"curve": curve, "step": step, "features": len(part.columns)}
                found.extend({**about, **row} for row in rows)
    return found


Grade = Literal["untested", "none", "small", "alarm"]
_GRADES: Mapping[Grade, str] = {
    "none": "A random split does no better than the time split: AUC {random:.3f} against {time:.3f}, and the"
    " interval of the gap ({low:+.3f} to {high:+.3f}) holds 0.",
    "small": "A random split does a little better than the time split: AUC {random:.3f} against {time:.3f}, a gap of"
    " {gap:.3f} ({low:+.3f} to {high:+.3f}). That is more than chance, and no more than rows of the same time bring.",
    "alarm": "ALARM: a random split does much better than the time split: AUC {random:.3f} against {time:.3f}, a gap"
    " of {gap:.3f} ({low:+.3f} to {high:+.3f}). The times change, or something knows the future: run 'cxml audit'.",
}


def _random(data: TrainingSet, fold: Fold, config: Config, draws: int) -> dict[str, Any]:
    """The last test cutoff, learned in time and at random from equally many rows by the same trees."""
    earlier = data.frame["cutoff"].isin([cutoff for cutoff in fold.split.train if cutoff != fold.split.test])
    fewest = int(min(data.frame.loc[earlier, "churned"].sum(), fold.test["churned"].sum()))
    if fewest < LEAST_LEAVERS:
        return {
            "grade": "untested",
            "leavers": fewest,
            "verdict": f"Only {fewest} leavers: a random split beside the time split says nothing.",
        }
    model = config.model
    found = learn_twice(data.frame, data.columns, fold.split, seed=model.seed, threads=model.threads)
    customers = fold.test["customer_id"]
    asked = [1 / (1 + np.exp(-margin)) for margin in (found.in_time, found.at_random)]
    time, random = (metrics.churn_metrics(found.churned, p)["auc"] for p in asked)
    in_time, at_random = (
        bootstrap.churn_draws(found.churned, p, customers, draws=draws, seed=model.seed) for p in asked
    )
    low, high = at_random.difference(in_time, "auc")
    gap = random - time
    grade: Grade = "none" if low <= 0 else "alarm" if gap > LEAST_GAP else "small"
    figures = {"time": time, "random": random, "gap": gap, "low": low, "high": high}
    return {**figures, "rows": found.learned, "grade": grade, "verdict": _GRADES[grade].format(**figures)}


def _about(fold: Fold, config: Config) -> dict[str, Any]:
    split = fold.split
    return {
        "cutoff": fold.day,
        "train": [_day(cutoff, config) for cutoff in split.train],
        "rows": len(fold.test),
        "churned": int(fold.test["churned"].sum()),
        "split": split.reason,
    }


def _day(instant: datetime, config: Config) -> str:
    """The day by the clock of the project's zone, with the time unless it is midnight."""
    local = instant.astimezone(config.zone)
    return f"{local:%Y-%m-%d}" if (local.hour, local.minute) == (0, 0) else f"{local:%Y-%m-%dT%H:%M}"


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    filled = table.astype(object).where(table.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in filled.to_dict("records")]
