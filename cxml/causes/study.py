"""The snapshots as a study needs them: who left, what they went through, and what was known before.

The planner is asked three times: what happened in the exposure window, what was known when it began, and what
was known a month earlier still, for the outcome that the factors cannot have caused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxml.causes import treatments
from cxml.causes.treatments import Question
from cxml.factors.declare import Factor, Feature, column_name, count
from cxml.features import planner
from cxml.features.company import FeaturePlan, plan_features
from cxml.sampling import hash_share
from cxml.snapshots import population
from cxml.snapshots.handle import frame_of
from cxml.tables import ready_label
from cxml.tables.opening import Tables

Floats = NDArray[np.float64]
Tell = Callable[[str], None]

MOST_SNAPSHOTS = 40_000
"""Above it customers are drawn: intervals are narrow enough."""

BEFORE_D = 30
"""Days before the exposure window whose activity no exposure in the window can have caused."""

START = "@start"
"""What the name of a control ends in that is known as of the start of the exposure window."""

_KEYS = ["customer_id", "cutoff"]
_DAY = 86400
_USE = ("orders", "sessions")


@dataclass(frozen=True)
class Study:
    """Snapshots with outcomes, exposures and controls; all tables have the same rows.

    Attributes
    ----------
    churned : float array of shape (rows,)
        1: left.
    customers : Series
        Whose row it is.
    questions : tuple of Question
        One per factor.
    exposures : DataFrame
        The treatment of each factor that can be asked about; missing for rows it does not concern.
    before : DataFrame
        Controls as of the start of the exposure window.
    groups : mapping of str to str
        To which group of confounders a control belongs, as far as it is compared with what is hidden.
    inside : DataFrame
        Controls from the exposure window.
    during : mapping of str to tuple of str
        Which of them each factor has.
    activity : float array of shape (rows,), or None
        What the customer did in the month before the exposure window; None where nothing is recorded.
    earlier : DataFrame, or None
        The controls as of the start of that month.
    window : int
        Days of the exposure window.
    drawn, everyone : int
        Customers drawn, and of how many.
    young : int
        Rows left out because the customer was not yet there when the window began.
    leaving : float
        Share that left, those left out included.
    cutoffs : Series
        When each row was looked at.
    value : float array of shape (rows,)
        Money earned in the horizon; NaN where no value is configured.
    """

    churned: Floats
    customers: pd.Series
    questions: tuple[Question, ...]
    exposures: pd.DataFrame
    before: pd.DataFrame
    groups: Mapping[str, str]
    inside: pd.DataFrame
    during: Mapping[str, tuple[str, ...]]
    activity: Floats | None
    earlier: pd.DataFrame | None
    window: int
    drawn: int
    everyone: int
    young: int
    leaving: float
    cutoffs: pd.Series = field(default_factory=pd.Series)
    value: Floats = field(default_factory=lambda: np.zeros(0))


def study_of(
    tables: Tables,
    frame: pd.DataFrame,
    seed: int = 0,
    tell: Tell = lambda text: None,
    features: FeaturePlan | None = None,
) -> Study | None:
    """The study of the snapshots of a training set; None where nothing says what was before what.

    A static table does not, nor do records of which none is older than the exposure window.

    Parameters
    ----------
    tables : Tables
    frame : DataFrame
        ``customer_id``, ``cutoff``, ``churned`` and the feature columns, as ``cxml.training.dataset.assemble`` makes them.
    seed : int
        Draws the customers, where there are more than 40,000 snapshots.
    tell : callable
        Told in a sentence when customers are drawn.
    features : FeaturePlan
        By default that of the tables; a job that has made it passes it on.
    """
    if ready_label.is_static(tables.config):
        return None
    drawn = _draw(frame, seed)
    some, everyone = (part["customer_id"].nunique() for part in (drawn, frame))
    if some < everyone:
        tell(f"causes are looked for among {some:,} of {everyone:,} customers, drawn by their ids")
    features = features or plan_features(tables)
    factors, lookbacks = features.factors, tables.config.features.lookbacks
    window = treatments.window_of(lookbacks)
    asked = treatments.questions(factors, frame.columns, lookbacks)
    asked = tuple(treatments.scaled(question, drawn) for question in asked)
    seen = _at(features, drawn, 0, [_row_counts(asked, tables, window)])
    start = treatments.at_the_start(factors, lookbacks)
    use = _use(tables)
    then = _at(features, drawn, window, [*start, use] if use else start)
    there = then["there"].to_numpy(dtype=bool)
    if not there.any():
        return None
    leaving = float(drawn["churned"].mean())
    drawn, seen, then = (part[there].reset_index(drop=True) for part in (drawn, seen, then))
    during = {
        q.factor: treatments.within(factor, factors, frame.columns, lookbacks)
        for factor, q in zip(factors, asked, strict=True)
        if not q.reason
    }
    exposures = {
        q.factor: treatments.exposure(q, drawn, seen.get(f"rows_{q.table}_{window}d"))
        for q in asked
        if not q.reason
    }
    activity, earlier = None, None
    if use:
        long_ago = _at(features, drawn, window + BEFORE_D, start)
        activity = np.where(long_ago["there"].to_numpy(dtype=bool), _activity(then, use), np.nan)
        earlier = _controls(long_ago, start)
    return Study(
        churned=drawn["churned"].to_numpy(dtype=np.float64),
        customers=drawn["customer_id"],
        questions=asked,
        exposures=pd.DataFrame(exposures, index=drawn.index),
        before=_controls(then, start),
        groups=_groups(factors, start, lookbacks),
        inside=drawn[sorted({column for columns in during.values() for column in columns})],
        during=during,
        activity=activity,
        earlier=earlier,
        window=window,
        drawn=some,
        everyone=everyone,
        young=int((~there).sum()),
        leaving=leaving,
        cutoffs=drawn["cutoff"],
        value=np.asarray(drawn.get("value", np.full(len(drawn), np.nan)), dtype=np.float64),
    )


def study_from(
    factors: Sequence[Factor],
    frame: pd.DataFrame,
    before: pd.DataFrame,
    *,
    groups: Mapping[str, str],
    context: Sequence[str] = (),
    earlier: pd.DataFrame | None = None,
) -> Study:
    """The study of snapshots that somebody else made: one table with all that is asked about.

    Parameters
    ----------
    factors : sequence of Factor
        Each with one feature over all history, whose column of *frame* is its treatment.
    frame : DataFrame
        ``customer_id``, ``cutoff``, ``churned`` (0 or 1) and the treatments, missing for rows they do not concern;
        ``activity`` in the month before the window where *earlier* is given.
    before : DataFrame of the same rows
        Controls as of the start of the exposure window.
    groups : mapping of str to str
        To which group of confounders controls belong.
    context : sequence of str
        Columns of *frame* known as a contact begins: controls of every lever.
    earlier : DataFrame, optional
        The controls as of the start of the month before.
    """
    window = (treatments.USUAL_WINDOW,)
    asked = treatments.questions(factors, frame.columns, window)
    asked = tuple(treatments.scaled(question, frame) for question in asked)
    during = {
        q.factor: (
            *treatments.within(factor, factors, frame.columns, window),
            *(context if q.kind == "lever" else ()),
        )
        for factor, q in zip(factors, asked, strict=True)
        if not q.reason
    }
    columns = {q.factor: q.column for q in asked if not q.reason}
    renamed = {name: name + START for name in before.columns}
    people = frame["customer_id"].nunique()
    return Study(
        churned=frame["churned"].to_numpy(dtype=np.float64),
        customers=frame["customer_id"],
        questions=asked,
        exposures=pd.DataFrame(
            {factor: frame[column] for factor, column in columns.items()}, index=frame.index
        ),
        before=before.rename(columns=renamed),
        groups={renamed.get(name, name): group for name, group in groups.items()},
        inside=frame[sorted({column for some in during.values() for column in some})],
        during=during,
        activity=frame["activity"].to_numpy(dtype=np.float64) if earlier is not None else None,
        earlier=None if earlier is None else earlier.rename(columns=renamed),
        window=window[0],
        drawn=people,
        everyone=people,
        young=0,
        leaving=float(frame["churned"].mean()),
        cutoffs=frame["cutoff"],
    )


def _draw(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The snapshots in order of customer and cutoff; of too many, all those of some customers."""
    share = MOST_SNAPSHOTS / max(len(frame), 1)
    kept = frame if share >= 1 else frame[hash_share(frame["customer_id"], seed) < share]
    return kept.sort_values(_KEYS, kind="stable").reset_index(drop=True)


def _at(features: FeaturePlan, drawn: pd.DataFrame, days: int, factors: Sequence[Factor]) -> pd.DataFrame:
    """The features of *factors* as of *days* before the cutoff of each row of *drawn*, in its order.

    ``there`` says whether the customer was known by then.
    """
    cutoffs = [cutoff.to_pydatetime() for cutoff in sorted(drawn["cutoff"].unique())]
    with (
        population.take(features.tables, cutoffs) as everybody,
        everybody.only(drawn["customer_id"]) as some,
        some.back(days * _DAY) as snapshots,
        planner.built(snapshots, features.matrix_of(factors)) as relation,
    ):
        there = (
            f"select m.*, coalesce(a.t < m.cutoff, false) as there from {relation} m"
            " join customer_keys k using (customer_id) join arrivals a using (ci)"
        )
        with snapshots.kept("features_then", there) as known:
            found = frame_of(snapshots.engine, f"select * from {known}")
    found["cutoff"] += pd.Timedelta(days=days)
    return drawn[_KEYS].merge(found, on=_KEYS, how="left", validate="one_to_one")


def _row_counts(asked: Sequence[Question], tables: Tables, window: int) -> Factor:
    """How many rows each snapshot has in the exposure window, of each table that is asked about."""
    names = sorted({q.table for q in asked if not q.reason} & set(tables.columns))
    return _counting("rows", names, window)


def _use(tables: Tables) -> Factor | None:
    """What the customer did by themselves in the month before: orders and visits, or else contacts."""
    names = [name for name in _USE if name in tables.columns] or ["interactions"]
    return _counting("use", names, BEFORE_D) if names[0] in tables.columns else None


def _counting(stem: str, names: Sequence[str], days: int) -> Factor:
    return Factor(
        name=f"{stem}_in_window",
        en=stem,
        ko=stem,
        kind="context",
        family="other",
        tier=0,
        says=stem,
        features=tuple(
            Feature(
                name=f"{stem}_{name}",
                table=name,
                sql=count(),
                unit="count",
                row="",
                direction="±",
                en=stem,
                ko=stem,
                lookbacks=(days,),
                empty=0,
            )
            for name in names
        ),
    )


def _activity(then: pd.DataFrame, use: Factor) -> Floats:
    """The rows of the month before the exposure window, on a logarithmic scale."""
    total = sum(then[f"{feature.name}_{BEFORE_D}d"].to_numpy(dtype=np.float64) for feature in use.features)
    return np.asarray(np.log1p(total))


def _controls(found: pd.DataFrame, factors: Sequence[Factor]) -> pd.DataFrame:
    """The features as controls, with the month of the cutoff as one more."""
    declared = {feature.name for factor in factors for feature in factor.features}
    names = [c for c in found.columns if c in declared or c.rpartition("_")[0] in declared]
    controls = found[names].add_suffix(START)
    return controls.assign(month=found["cutoff"].dt.strftime("%Y-%m"))


def _groups(factors: Sequence[Factor], start: Sequence[Factor], lookbacks: Sequence[int]) -> dict[str, str]:
    """The group of confounders of each control: of those from the window, demand alone is one."""
    before = {
        column_name(feature.name, days) + START: treatments.group_of(factor, feature)
        for factor in start
        for feature in factor.features
        for days in feature.lookbacks or lookbacks
    }
    demand = (treatments.held_fixed(factor, lookbacks) for factor in factors if factor.tier == 1)
    return before | {column: "demand" for columns in demand for column in columns}
