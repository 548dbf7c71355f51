"""The one writer: old or new, whole, whatever happens."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

from cxml.errors import CxmlError, DataError, LockedError, ModelError
from cxml.store import writer as store
from cxml.version import __version__

TABLE = pa.table({"customer_id": ["a", "b", None], "p": [0.1, 0.2, 0.3]})


def write(out: Path, text: str = "one") -> Path:
    with store.run(out) as run:
        run.info["text"] = text
        run.write_text("a.txt", text)
        run.write_table("scores.parquet", TABLE)
        run.write_json("truth/effects.json", {"waiting": 1.5, "말": "é"})
    return run.path


# ---------------------------------------------------------------- what a finished run is


def test_a_run_becomes_visible_whole(tmp_path: Path) -> None:
    out = tmp_path / "not" / "yet" / "there"
    path = write(out)
    assert store.current(out) == path == out / (out / "CURRENT").readlink()
    assert pq.read_table(path / "scores.parquet").equals(TABLE)
    assert json.loads((path / "truth" / "effects.json").read_text("utf-8")) == {"waiting": 1.5, "말": "é"}
    manifest = store.verify(out / "CURRENT")
    assert manifest == json.loads((path / "manifest.json").read_text("utf-8"))
    assert manifest["cxml"] == __version__
    assert manifest["info"] == {"text": "one"}
    assert list(manifest["files"]) == ["a.txt", "scores.parquet", "truth/effects.json"]
    assert manifest["files"]["scores.parquet"]["rows"] == 3
    listed = manifest["files"]["a.txt"]
    expected = subprocess.run(["sha256sum", path / "a.txt"], capture_output=True, text=True, check=True)
    assert listed == {"sha256": expected.stdout.split()[0], "bytes": 3}


def test_nothing_of_a_run_is_visible_before_its_end(tmp_path: Path) -> None:
    with store.run(tmp_path) as run:
        run.write_text("a.txt", "half")
        assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == []
        with pytest.raises(CxmlError, match="no finished output"):
            store.current(tmp_path)


@pytest.mark.parametrize("trouble", [RuntimeError, KeyboardInterrupt, CxmlError])
def test_a_failed_run_leaves_no_trace(tmp_path: Path, trouble: type[BaseException]) -> None:
    before = write(tmp_path, "old")
    with pytest.raises(trouble), store.run(tmp_path) as run:
        run.write_text("a.txt", "new")
        raise trouble("in the middle")
    assert store.current(tmp_path) == before
    assert (before / "a.txt").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "CURRENT", before.name]


def test_the_name_comes_from_the_content(tmp_path: Path) -> None:
    first = write(tmp_path / "x", "one")
    assert write(tmp_path / "y", "one").name == first.name
    assert write(tmp_path / "y", "two").name != first.name


def test_the_same_run_again_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "one")
    write(tmp_path, "two")
    before = {path: path.lstat().st_ino for path in tmp_path.rglob("*") if path.name != "CURRENT"}
    write(tmp_path, "two")
    assert {path: path.lstat().st_ino for path in tmp_path.rglob("*") if path.name != "CURRENT"} == before


def test_a_damaged_folder_of_the_same_content_is_replaced(tmp_path: Path) -> None:
    path = write(tmp_path)
    (path / "a.txt").write_text("broken")
    assert write(tmp_path) == path
    assert store.verify(path)
    assert (path / "a.txt").read_text() == "one"


def test_the_run_before_is_kept_for_its_readers_and_older_ones_go(tmp_path: Path) -> None:
    (tmp_path / "run-notes").mkdir()
    runs = [write(tmp_path, str(n)) for n in range(4)]
    assert [run.exists() for run in runs] == [False, False, True, True]
    assert (tmp_path / "run-notes").exists()


def test_files_written_by_other_means_belong_to_the_run(tmp_path: Path) -> None:
    with store.run(tmp_path) as run:
        (run.path / "bundle").mkdir()
        (run.path / "bundle" / "model.txt").write_bytes(b"tree")
    assert list(store.verify(store.current(tmp_path))["files"]) == ["bundle/model.txt"]


def test_a_relative_folder_stays_the_same_when_the_work_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with store.run("out") as run:
        run.write_text("a.txt", "one")
        monkeypatch.chdir(tmp_path / "elsewhere")
    assert store.verify(store.current(tmp_path / "out"))


# ---------------------------------------------------------------- single files and their content


def test_a_single_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "features of mine.parquet"
    store.replace_table(path, TABLE.slice(0, 1))
    store.replace_table(path, TABLE)
    assert pq.read_table(path).equals(TABLE)
    store.replace_text(tmp_path / "cxml.toml", "하나\n")
    assert (tmp_path / "cxml.toml").read_bytes() == "하나\n".encode()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["cxml.toml", "deep", path.name]


def test_a_single_file_that_cannot_be_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "features.parquet"
    path.write_text("old")
    with pytest.raises(pa.ArrowException):
        store.replace_table(path, pa.table({"x": pa.array([None], pa.month_day_nano_interval())}))
    assert path.read_text() == "old"
    (tmp_path / "folder").mkdir()
    with pytest.raises(CxmlError, match="cannot be written"):
        store.replace_text(tmp_path / "folder", "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["features.parquet", "folder"]


def test_a_parent_that_may_not_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *words: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with (
        pytest.raises(CxmlError, match="cannot be written") as caught,
        store.run(tmp_path / "runs" / "score"),
    ):
        pass
    assert str(tmp_path) in caught.value.where and caught.value.fix


def test_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    with store.run(tmp_path) as run:
        run.write_bytes("call_list.xlsx", b"\r\n\x00")
    assert (store.current(tmp_path) / "call_list.xlsx").read_bytes() == b"\r\n\x00"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"x": [float("-inf")]}])
def test_json_without_nan(tmp_path: Path, value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"), store.run(tmp_path) as run:
        run.write_json("a.json", value)


# ---------------------------------------------------------------- reading


def test_current_without_output(tmp_path: Path) -> None:
    with pytest.raises(CxmlError, match="no finished output") as info:
        store.current(tmp_path / "never")
    assert str(tmp_path / "never") in str(info.value)
    assert "--out" in info.value.fix


@pytest.mark.parametrize(
    "target", ["run-0000000000000000", "..", "/etc", "../other/run-0123456789abcdef", "run-latest", "linked"]
)
def test_current_that_leads_elsewhere(tmp_path: Path, target: str) -> None:
    outside = write(tmp_path / "other")
    out = tmp_path / "out"
    out.mkdir()
    (out / "linked").symlink_to(outside)
    (out / "CURRENT").symlink_to(target)
    with pytest.raises(CxmlError, match="does not lead to a finished run"):
        store.current(out)
    assert write(out) == store.current(out)
    assert store.verify(outside)


def test_a_run_name_that_is_a_link_is_not_a_run(tmp_path: Path) -> None:
    outside = write(tmp_path / "other")
    out = tmp_path / "out"
    out.mkdir()
    (out / outside.name).symlink_to(outside)
    (out / "CURRENT").symlink_to(outside.name)
    with pytest.raises(CxmlError, match="does not lead to a finished run"):
        store.current(out)


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_current_that_is_no_link_is_refused_before_the_work(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "CURRENT"
    path.mkdir() if kind == "folder" else path.write_text("mine")
    with pytest.raises(CxmlError, match="CURRENT is not a link"), store.run(tmp_path):
        pytest.fail("the work began")
    with pytest.raises(CxmlError, match="CURRENT is not a link"):
        store.current(tmp_path)
    assert path.exists()


# ---------------------------------------------------------------- damage


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    folder = write(tmp_path)
    rng = random.Random(3)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 4
    for path in files:
        whole = path.read_bytes()
        for bit in rng.sample(range(8 * len(whole)), min(125, 8 * len(whole))):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            with pytest.raises(ModelError) as info:
                store.verify(folder)
            assert str(path) in info.value.where
            assert info.value.fix
        path.write_bytes(whole)
    assert store.verify(folder)


def test_missing_and_added_files(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "extra.txt").write_text("")
    with pytest.raises(ModelError, match="does not list"):
        store.verify(folder)
    (folder / "extra.txt").unlink()
    (folder / "a.txt").unlink()
    with pytest.raises(DataError, match="a file is missing"):
        store.verify(folder, error=DataError)
    (folder / "manifest.json").unlink()
    with pytest.raises(ModelError, match="the manifest cannot be read"):
        store.verify(folder)
    with pytest.raises(ModelError, match="the manifest cannot be read"):
        store.verify(tmp_path / "nowhere")


@pytest.mark.parametrize("where", ["a.txt", "truth", "new"])
def test_links_are_refused(tmp_path: Path, where: str) -> None:
    folder = write(tmp_path / "out")
    path, moved = folder / where, tmp_path / "moved"
    if path.exists():
        path.rename(moved)
    path.symlink_to(moved)
    with pytest.raises(ModelError, match="link"):
        store.verify(folder)


def test_links_and_pipes_do_not_get_into_a_run(tmp_path: Path) -> None:
    write(tmp_path, "old")
    with pytest.raises(CxmlError, match="link"), store.run(tmp_path) as run:
        (run.path / "a.txt").symlink_to("/etc/hostname")
    with pytest.raises(CxmlError, match="special file"), store.run(tmp_path) as run:
        os.mkfifo(run.path / "pipe")
    assert (store.current(tmp_path) / "a.txt").read_text() == "old"


@pytest.mark.parametrize("name", ["../a.txt", "/etc/hostname", "x/../../a.txt", "a\x00b", "", "\ud800"])
def test_a_manifest_that_leads_outside(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").write_text("one")
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "a.txt").write_text("one")
    manifest = store.seal(folder, {})
    manifest["files"][name] = manifest["files"].pop("a.txt")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "a.txt").unlink()
    with pytest.raises(ModelError, match="not plain"):
        store.verify(folder)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"files": []}',
        '{"files": {"a.txt": []}}',
        '{"files": {"a.txt": {}}}',
        '{"files": {"a.txt": {"sha256": ["x"], "bytes": "3"}}}',
        '{"files": {}, "files": {}}',
        "[" * 100_000,
        "\xff",
    ],
)
def test_a_manifest_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(ModelError):
        store.verify(tmp_path)


def test_seal_says_the_same_of_the_same(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        for file in ("b.txt", "a.txt") if name == "x" else ("a.txt", "b.txt"):
            (tmp_path / name / file).write_text(file)
        store.seal(tmp_path / name, {"b": 1, "a": 2} if name == "x" else {"a": 2, "b": 1})
    assert (tmp_path / "x/manifest.json").read_bytes() == (tmp_path / "y/manifest.json").read_bytes()
    assert store.seal(tmp_path / "x", {"a": 2, "b": 1}) == store.verify(tmp_path / "y")


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    [
        "../a.txt",
        "/tmp/a.txt",
        "a/../../b",
        "a//b",
        "./a",
        "a/",
        "",
        "a\x00",
        "a\n",
        "CON:",
        "x" * 300,
        "\u202etxt.a",
        ".lock",
        "manifest.json",
        "-rf",
        "a\\b",
        "가",
    ],
)
def test_names_that_could_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(CxmlError, match="cannot name an output file") as info,
        store.run(tmp_path / "out") as run,
    ):
        run.write_text(name, "x")
    assert "safe_name" in info.value.fix
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".lock", "out"]


@settings(max_examples=60, deadline=None)
@given(texts=st.sets(st.text() | st.text("aA.-_/0", max_size=50), min_size=2, max_size=5))
def test_safe_names_are_safe_and_distinct(texts: set[str]) -> None:
    names = [store.safe_name(text) for text in texts]
    assert len({name.lower() for name in names}) == len(texts)
    for name in names:
        assert 0 < len(name) < 60
        assert Path("/base", name).resolve().parent == Path("/base")
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-.")
        assert not name.startswith(("-", "."))


@pytest.mark.parametrize("text", ["\ud800", "a" * 300, "CON", "Gold", "gold", "골드", "", "../../x", "x\x00"])
def test_a_safe_name_names_a_file(tmp_path: Path, text: str) -> None:
    with store.run(tmp_path) as run:
        run.write_text(f"{store.safe_name(text)}/a.txt", "one")
    assert store.verify(store.current(tmp_path))


# ---------------------------------------------------------------- locks and trouble with the disk


def test_a_second_writer_is_sent_away(tmp_path: Path) -> None:
    with store.run(tmp_path) as run:
        with pytest.raises(LockedError) as info, store.run(tmp_path):
            pytest.fail("two writers")
        run.write_text("a.txt", "one")
    assert str(tmp_path) in str(info.value)
    assert info.value.exit_code == 75
    assert store.verify(store.current(tmp_path))


def test_what_dead_runs_left_is_swept(tmp_path: Path) -> None:
    for name in (".run-1.tmp", ".run-0123456789abcdef.tmp"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "half.parquet").write_text("PAR1")
    (tmp_path / ".CURRENT.tmp").symlink_to("run-0123456789abcdef")
    (tmp_path / ".keep.tmp").write_text("mine")
    path = write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".keep.tmp", ".lock", "CURRENT", path.name]


def test_the_sweep_does_not_follow_links(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("kept")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".run-1.tmp").symlink_to(tmp_path / "precious")
    write(tmp_path / "out")
    assert (tmp_path / "precious" / "file").read_text() == "kept"


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_a_file_where_a_folder_should_be(tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CxmlError, match="cannot be written") as info, store.run(tmp_path / out):
        pytest.fail("the work began")
    assert str(tmp_path / out) in info.value.where
    assert (tmp_path / "file").read_text() == "mine"


def test_trouble_with_other_files_is_not_blamed_on_the_output(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), store.run(tmp_path / "out"):
        (tmp_path / "input.csv").read_text()


# ---------------------------------------------------------------- crashes, in processes of their own


def crash(name: str, folder: Path) -> dict[str, int]:
    script = Path(__file__).with_name("crash.py")
    done = subprocess.run([sys.executable, script, name, folder], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_stopped_at_every_event_the_reader_sees_old_or_new(tmp_path: Path) -> None:
    tally = crash("every_event", tmp_path)
    assert tally["old"] > 20
    assert tally["new"] > 5


def test_killed_at_random_the_reader_sees_old_or_new(tmp_path: Path) -> None:
    assert crash("random_kills", tmp_path)["kills"] == 30


def test_on_a_full_disk_the_earlier_output_stands(tmp_path: Path) -> None:
    refused = crash("full_disk", tmp_path)["refused"]
    assert 0 < refused < 11


def test_of_two_writers_one_is_sent_away(tmp_path: Path) -> None:
    assert crash("two_writers", tmp_path)["pairs"] == 12


def test_without_permission_the_earlier_output_stands(tmp_path: Path) -> None:
    assert crash("no_permission", tmp_path)["code"] == 1
