"""Attributes: further columns of the customers table, of which no contract says what they hold.

A company names them as it likes, so their names and their kinds are settled here, once for all that reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cxml.cells import says_nothing
from cxml.contracts import Kind
from cxml.engine import Engine, quoted
from cxml.sources import Source

ATTRIBUTE = "attribute_"
"""What the names of attributes begin with in the view of the customers."""


def attribute_name(name: str) -> str:
    """``attribute_`` and the name in ASCII: it clashes with no column and no word, and needs no quotes.

    >>> [attribute_name(name) for name in ("Seat Count", "group", "등급", "spend_30d")]
    ['attribute_seat_count', 'attribute_group', 'attribute_ub4f1_uae09', 'attribute_spend_30_d']
    """
    spelt = "".join(one if one.isascii() or not one.isalnum() else f"_u{ord(one):x}_" for one in name.lower())
    plain = re.sub(r"[^a-z0-9]+", "_", spelt).strip("_")
    return ATTRIBUTE + re.sub(r"(?<=_)(\d+)d$", r"\1_d", plain)  # a stem must not end like a window


def kinds_of(
    engine: Engine, source: Source, places: Mapping[str, str], known: Mapping[str, str]
) -> dict[str, Kind]:
    """The kind of each attribute among *places*: the known one, else what its values look like."""
    told = {attribute_name(name): kind for name, kind in known.items()}
    return {
        name: "number" if (told.get(name) or _look(engine, source, place)) == "number" else "text"
        for name, place in places.items()
        if name.startswith(ATTRIBUTE)
    }


def _look(engine: Engine, source: Source, name: str) -> Kind:
    """``number`` where a column holds numbers only, and at least one; a code such as 01234 is text.

    A word for a missing value does not make text of numbers: it is told of as a number that cannot be read.
    """
    tests = []
    for part in (part for part in source.parts if name in part.columns):
        text = f"trim(cast({quoted(name)} as varchar))"
        number = f"try_cast({text} as double) is not null and not regexp_matches({text}, '^[-+]?0[0-9]')"
        tests.append(
            f"select {number} as number from {part.scan} where {text} <> '' and not {says_nothing(text)}"
        )
    found = engine.row(f"select bool_and(number) as numbers from ({' union all '.join(tests)}) t")
    return "number" if found["numbers"] else "text"
