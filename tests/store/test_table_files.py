"""Tables as files: the same rows give the same bytes, and nothing in them runs."""

import csv
import io
import itertools
import random
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

from cxml.store import table_files

TABLE = pa.table({"customer_id": ["a", "b", None], "p": [0.1, 0.2, 0.3]})
RNG = random.Random(5)
ROWS = pa.table(
    {
        "id": [str(n) for n in range(500)],
        "reason": [RNG.choice(["wait_s_30d", "=1+1", None]) for _ in range(500)],
        "x": [RNG.choice([None, RNG.random()]) for _ in range(500)],
        "flag": [RNG.choice([True, False, None]) for _ in range(500)],
    }
)


def write_parquet(path: Path, *pieces: pa.Table) -> Path:
    with table_files.parquet(path, pieces[0].schema) as writer:
        for piece in pieces:
            writer.write(piece)
    return path


def write_csv(path: Path, *pieces: pa.Table) -> Path:
    with table_files.csv(path, pieces[0].schema) as writer:
        for piece in pieces:
            writer.write(piece)
    return path


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 500), max_size=8), group=st.sampled_from([7, 64, 1000]))
def test_the_size_of_pieces_leaves_no_trace(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], group: int
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    pieces = [ROWS.slice(start, end - start) for start, end in itertools.pairwise([0, *sorted(cuts), 500])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_files, "ROW_GROUP", group)
        whole = write_parquet(folder / "whole.parquet", ROWS)
        in_pieces = write_parquet(folder / "pieces.parquet", *pieces)
    assert whole.read_bytes() == in_pieces.read_bytes()
    assert pq.read_table(in_pieces).equals(ROWS)
    assert pq.read_metadata(whole).num_row_groups == -(-500 // group)
    assert (
        write_csv(folder / "whole.csv", ROWS).read_bytes()
        == write_csv(folder / "pieces.csv", *pieces).read_bytes()
    )


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    nothing = TABLE.slice(0, 0)
    assert pq.read_table(write_parquet(tmp_path / "a.parquet", nothing)).equals(nothing)
    assert write_csv(tmp_path / "a.csv", nothing).read_text() == '"customer_id","p"\n'


def test_pandas_leaves_no_trace(tmp_path: Path) -> None:
    frame = TABLE.to_pandas()
    one = write_parquet(tmp_path / "a.parquet", pa.Table.from_pandas(frame))
    two = write_parquet(tmp_path / "b.parquet", pa.Table.from_pandas(frame, preserve_index=False))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("write", [write_parquet, write_csv])
def test_other_columns_than_announced_are_refused(tmp_path: Path, write: type) -> None:
    with pytest.raises(ValueError):
        write(tmp_path / "a", TABLE, TABLE.rename_columns(["customer", "p"]))


def test_pages_carry_checksums(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", TABLE)
    column = pq.read_metadata(path).row_group(0).column(1)
    damaged = bytearray(path.read_bytes())
    damaged[column.dictionary_page_offset + column.total_compressed_size - 3] ^= 4
    path.write_bytes(damaged)
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(path, page_checksum_verification=True)


FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


@settings(max_examples=100, deadline=None)
@given(
    texts=st.lists(
        st.text(st.characters(codec="utf-8"), max_size=8) | st.text("'=+-@\t\r\n＝＋－＠a", max_size=4)
    )
)
def test_csv_holds_no_formula_and_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    write_csv(path, pa.table({"text": pa.array(texts, pa.string()), "n": [-1.5] * len(texts)}))
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))
    assert rows[0] == ["text", "n"]
    assert all(row[1] == "-1.5" for row in rows[1:])
    cells = [row[0] for row in rows[1:]]
    assert not any(FORMULA.match(cell) for cell in cells)
    assert [re.sub(f"^'('*{FORMULA.pattern})", r"\1", cell) for cell in cells] == texts
