"""Texts and names in SQL, whatever stands in them: what goes in comes out, and nothing of it runs."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from cxml.engine import Engine
from cxml.sql import literal, quoted

ENGINE = Engine(threads=1)
# DuckDB takes no null character, whoever writes it.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_a_text_comes_back_as_it_is(text: str) -> None:
    assert ENGINE.rows(f"select {literal(text)}") == [(text,)]


@settings(max_examples=200, deadline=None)
@given(TEXTS.filter(bool))
def test_a_name_names_the_column_that_is_called_so(name: str) -> None:
    assert ENGINE.rows(f"select {quoted(name)} from (select 7 as {quoted(name)}) t") == [(7,)]


def test_nothing_in_a_text_runs() -> None:
    attack = "'; create table pwned as select 1; --"
    assert ENGINE.rows(f"select {literal(attack)}") == [(attack,)]
    assert ENGINE.rows("select count(*) from duckdb_tables() where table_name = 'pwned'") == [(0,)]
