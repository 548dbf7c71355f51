"""What is said of rows: in the singular of one, with the names of a user's own data left as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cxml.tables
from cxml.tables.problems import counted

SENTENCE = re.compile(r'"(\{n\} (?!of )[a-z][^"]+)"')


def sentences() -> Iterator[str]:
    """Every sentence on ``{n}`` things in the code that reads tables."""
    for path in sorted(Path(cxml.tables.__file__).parent.glob("*.py")):
        yield from SENTENCE.findall(path.read_text("utf-8"))


@pytest.mark.parametrize("what", sorted(set(sentences())))
def test_a_sentence_on_one_row_is_in_the_singular(what: str) -> None:
    said = counted(what, 1)
    assert said.startswith("1 ")
    before = re.split("[,:(]", said)[0]
    assert not re.search(r"\b(are|have|lie|do|hold|share|were)\b", before), said
    assert counted(what, 2) == what.replace("{n}", "2")


def test_there_are_sentences_to_look_at() -> None:
    assert len(set(sentences())) > 15


def test_braces_of_a_users_own_names_stay() -> None:
    assert counted("{n} rows hold a {plan} that is new", 3) == "3 rows hold a {plan} that is new"
    assert counted("{n} orders of {rows} ({largest})", 2_000, rows="x") == "2,000 orders of x ({largest})"
