"""Who the customer is: the columns of the customers table, in the factors that they are given to.

A company that has events measures service by them, and all attributes together are one factor, which predicts and which
nobody can make good. A flat table has nothing else: there each column is a factor of its own. ``[factors.NAME]`` of the
config says which columns speak of one theme, and what kind of theme it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from cxml.config.sections import OwnFactor
from cxml.contracts import ATTRIBUTE, attribute_name
from cxml.errors import ConfigError, did_you_mean
from cxml.factors.declare import EVER, Factor, Feature, latest

COLUMN = "customer_"
"""What the names of these features begin with."""
_SAID = {
    "language": ("language", "사용 언어"),
    "preferred_channel": ("preferred channel", "선호 채널"),
    "region": ("region", "지역"),
    "member_tier": ("membership tier", "회원 등급"),
    "acquired_via": ("acquired via", "가입 경로"),
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def feature_of(column: str) -> str:
    """The feature that shows a column of the customers, by its name in the view or in the source.

    >>> feature_of("attribute_priority"), feature_of("region"), feature_of("Seat Count")
    ('customer_priority', 'customer_region', 'customer_seat_count')
    """
    plain = column if column in _SAID or column.startswith(ATTRIBUTE) else attribute_name(column)
    return COLUMN + plain.removeprefix(ATTRIBUTE)


def profile(attributes: Mapping[str, str], names: Mapping[str, str] | None = None) -> Factor:
    """The factor for the attributes of the contract and those that the config names.

    *attributes* maps further columns of the customers table (``attribute_<name>``) to ``text`` or
    ``number``, and *names* maps them to what they are called in the source, for people. The feature
    of ``attribute_priority`` is ``customer_priority``.
    """
    called = {name: (names or {}).get(name, name.removeprefix(ATTRIBUTE)) for name in attributes}
    said = {**_SAID, **{name: (plain, plain) for name, plain in called.items()}}
    return Factor(
        name="profile",
        en="Who the customer is",
        ko="고객 특성",
        kind="context",
        family="other",
        tier=0,
        says="Attributes of the customer, as last recorded before the cutoff.",
        features=tuple(
            Feature(
                name=feature_of(name),
                table="customers",
                sql=latest(name),
                unit="ratio" if attributes.get(name) == "number" else "text",
                row="J6",
                direction="±",
                en=en,
                ko=ko,
                lookbacks=EVER,
            )
            for name, (en, ko) in said.items()
        ),
    )


def themes(
    whole: Factor, names: Mapping[str, str], own: Mapping[str, OwnFactor], *, flat: bool
) -> tuple[Factor, ...]:
    """The factor *whole*, as ``profile`` makes it, divided into the factors of the config.

    Parameters
    ----------
    whole : Factor
    names : mapping of str to str
        The columns of the customers that are there, by their names in the view, to what they are called in the source.
    own : mapping of str to OwnFactor
        ``[factors]`` of the config.
    flat : bool
        Whether the customers are the only table: then what no factor of the config names is a factor for each column.

    Raises
    ------
    ConfigError
        A factor names a column that is not there, or one that another names too.
    """
    features = {feature.name: feature for feature in whole.features}
    there = {place: feature_of(name) for name, place in names.items() if feature_of(name) in features}
    found, taken = [], dict[str, str]()
    for key, one in own.items():
        mine = []
        for column in one.columns:
            where = f"[factors.{key}] columns"
            if column not in there:
                raise ConfigError(
                    f"the table customers has no attribute {column!r}",
                    where=where,
                    expected="columns that are used as attributes, as their source calls them",
                    fix=did_you_mean(column, there),
                )
            if column in taken:
                raise ConfigError(
                    f"{column!r} is in [factors.{taken[column]}] too",
                    where=where,
                    expected="each column in one factor",
                    fix="take it out of one of them",
                )
            taken[column] = key
            mine.append(features[there[column]])
        found.append(_theme(key, one, mine))
    rest = [feature for feature in whole.features if feature.name not in {there[column] for column in taken}]
    if not flat:
        return (*found, replace(whole, features=tuple(rest)))
    return (*found, *_columns(whole, [feature for feature in rest if feature.name in there.values()]))


def _theme(key: str, one: OwnFactor, features: list[Feature]) -> Factor:
    """A factor of the config; a direction speaks of numbers, since a text has none."""
    if not features:
        raise ConfigError(
            "the factor has no column",
            where=f"[factors.{key}] columns",
            expected="a column of the customers",
            fix="name one, or take the factor out",
        )
    name = key if _NAME.fullmatch(key) else attribute_name(key).removeprefix(ATTRIBUTE)
    directed = (
        feature if feature.unit == "text" else replace(feature, direction=one.direction)
        for feature in features
    )
    return Factor(
        name=name,
        en=one.en or key,
        ko=one.ko or key,
        kind=one.kind,
        family=one.family,
        tier=0,
        says="Columns of the table customers, as the config groups them.",
        features=tuple(directed),
    )


def _columns(whole: Factor, features: list[Feature]) -> Iterator[Factor]:
    """A factor for each column of a flat table, called as the column is."""
    for feature in features:
        yield replace(
            whole, name=feature.name, en=feature.en, ko=feature.ko, kind="column", features=(feature,)
        )
