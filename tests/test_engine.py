"""The engine: settings, macros, what its failures say and what they hide."""

from __future__ import annotations

import datetime as dt
import math
import traceback

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from cxml.engine import Engine
from cxml.errors import CxmlError, DataError
from cxml.sql import literal, quoted

SECRET = "kanari"


@pytest.fixture(scope="module")
def engine():
    return Engine(threads=1)


def read_csv(path, names=("a", "b")):
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return f"read_csv({literal(str(path))}, columns = {{{columns}}}, auto_detect = false, header = true)"


def test_one_answer_in_every_form(engine):
    engine.register("given", pa.table({"x": [3, 1, 2]}))
    engine.keep("kept", "select x * 2 as y from given")
    engine.view("seen", "select y + 1 as z from kept")
    assert engine.rows("select z from seen order by z") == [(3,), (5,), (7,)]
    assert engine.row("select min(z) as low, max(z) as high from seen") == {"low": 3, "high": 7}
    assert engine.arrow("select z from seen order by z").to_pydict() == {"z": [3, 5, 7]}
    assert engine.columns("seen") == {"z": "BIGINT"}
    engine.keep("kept", "select 1 as y")
    assert engine.rows("select * from seen") == [(2,)]
    engine.drop("kept")
    engine.drop("kept")


def test_batches_are_bounded_and_whole(engine):
    batches = list(engine.batches("select range as n from range(10000)", rows=2048))
    assert max(batch.num_rows for batch in batches) <= 2048
    assert sorted(n for batch in batches for n in batch.column(0).to_pylist()) == list(range(10000))
    stopped = engine.batches("select range as n from range(1000000)", rows=2048)
    next(stopped)
    stopped.close()
    assert engine.rows("select 1") == [(1,)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(when=st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)))
def test_seconds_are_floored_also_before_1970(engine, when):
    """A row a part of a second before the cutoff is before it, and one at it is not."""
    want = math.floor((when - dt.datetime(1970, 1, 1)) / dt.timedelta(microseconds=1) / 1e6)
    assert engine.rows(f"select seconds(timestamp '{when}')") == [(want,)]


def test_equal_texts_have_equal_codes(engine):
    rows = engine.rows("select code(x) from (values ('a'), ('a'), ('b')) t(x)")
    assert rows[0] == rows[1] != rows[2]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
def test_texts_and_names_pass_through_sql(engine, text):
    assert engine.rows(f"select {literal(text)}") == [(text,)]
    if text:
        assert list(engine.row(f"select 1 as {quoted(text)}")) == [text]


def test_everything_is_utc_and_nothing_comes_from_outside(engine):
    assert engine.row("select current_setting('TimeZone') as zone")["zone"] == "UTC"
    for name in ("autoinstall_known_extensions", "autoload_known_extensions"):
        assert engine.row(f"select current_setting('{name}') as on_")["on_"] is False


@pytest.mark.parametrize(
    ("content", "what", "where"),
    [
        (f"a,b\n1,2\n{SECRET},3,4\n", "a row has 3 fields, the header 2", "f.csv, line 3"),
        (f"a,b\n{SECRET}\n", "a row has 1 fields, the header 2", "f.csv, line 2"),
        (f'a,b\n1,"{SECRET}\n', "a double quote is opened and never closed", "f.csv, line 2"),
        (f"a,b\n1,{SECRET}é\n".encode("latin-1"), "the text is not UTF-8", "f.csv, line 2"),
        (f"a,b\r\n{SECRET},2\n1,2\r\n", "quotes or line ends break the rules of CSV", "f.csv"),
        (
            f'a,b\n1,"\n  file = {SECRET}\n"\n1,2,{SECRET}\n',
            "a row has 3 fields, the header 2",
            "f.csv, line 3",
        ),
    ],
)
@pytest.mark.parametrize("ask", ["rows", "row", "arrow", "keep", "batches"])
def test_a_csv_that_cannot_be_read(engine, tmp_path, content, what, where, ask):
    path = tmp_path / "f.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        sql = f"select * from {read_csv(path)}"
        if ask == "keep":
            engine.keep("kept", sql)
        else:
            list(getattr(engine, ask)(sql))
    assert caught.value.what == what
    assert caught.value.where.endswith(where)
    assert caught.value.fix
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_late_failure_is_put_in_words_too(engine, tmp_path):
    """Far beyond the first batch, when the statement has long been executed."""
    path = tmp_path / "f.csv"
    path.write_text("a,b\n" + "1,2\n" * 300_000 + f"{SECRET}\n")
    with pytest.raises(DataError) as caught:
        for _ in engine.batches(f"select * from {read_csv(path)}", rows=1000):
            pass
    assert caught.value.where.endswith("f.csv, line 300002")


def test_a_value_that_cannot_be_cast_is_not_shown(engine):
    with pytest.raises(DataError) as caught:
        engine.rows(f"select cast(x as int) from (values ('{SECRET}')) t(x)")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_missing_file_is_named(engine, tmp_path):
    with pytest.raises(DataError) as caught:
        engine.rows(f"select * from read_parquet('{tmp_path}/gone.parquet')")
    assert caught.value.where == f"{tmp_path}/gone.parquet"


def test_too_little_memory_is_said(tmp_path):
    small = Engine(memory="20MB", threads=1)
    small.run("set temp_directory = ''")
    with pytest.raises(CxmlError, match="does not fit into the memory"):
        small.rows("select count(distinct x) from (select md5(range::varchar) as x from range(3000000))")


def test_a_wrong_statement_is_not_taken_for_wrong_data(engine):
    with pytest.raises(Exception, match="not exist") as caught:
        engine.rows("select * from no_such_relation")
    assert not isinstance(caught.value, CxmlError)


def test_slow_statements_draw_no_bar() -> None:
    assert Engine(threads=1).rows("select current_setting('enable_progress_bar')") == [(False,)]
