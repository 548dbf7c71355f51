"""How the model was tested, said in one language."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from cxml.records.how_tested import FOLDS, HowTested
from cxml.report.figures import Figures
from cxml.report.inputs import SMALL_GROUP
from cxml.report.sentences import Words


def how_tested(how: HowTested, words: Words, figures: Figures) -> Markup:
    """What the model learned from, why it was tested as it was, and what weakens the test."""
    return Markup(" ").join(_said(how, words, figures))


def _said(how: HowTested, t: Words, f: Figures) -> Iterator[Markup]:
    test = f.date(how.test)
    match how.mode, how.why:
        case "time", _:
            first, last, n = f.date(how.train[0]), f.date(how.train[-1]), len(how.train)
            key = "tested.time" if n > 1 else "tested.time_one"
            yield t(key, first=first, last=last, n=f.count(n), test=test)
            yield t("tested.calibrated")
        case _, "one_cutoff":
            yield t("tested.one_cutoff", folds=FOLDS)
        case _, "immature":
            yield t("tested.immature", known=f.days(how.window_days), test=test, folds=FOLDS)
        case _:
            yield t("tested.no_dates", folds=FOLDS)
    if how.one_sided:
        first, last, n = f.date(how.one_sided[0]), f.date(how.one_sided[-1]), len(how.one_sided)
        key = "tested.one_sided" if n > 1 else "tested.one_sided_one"
        yield t(key, first=first, last=last, n=f.count(n))
    if how.without_label:
        few = how.without_label < SMALL_GROUP
        n_left_out = f.people(SMALL_GROUP if few else how.without_label)
        yield t("tested.few_without_label" if few else "tested.without_label", n=n_left_out)
    if how.few_leavers:
        yield t("tested.few_leavers", n=f.people(SMALL_GROUP))
