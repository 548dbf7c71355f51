"""The command: what it prints and with which code it ends, on good input and on bad."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from small_forests import limit

from cxml import jobs
from cxml.cli import commands
from cxml.config.load import load_config, parse_config
from cxml.store import writer

CANARY = "kanari"
"""In every customer's id and in every cell that a test breaks: no message may ever show it."""

AS_CSV = ("customers", "interactions", "orders")
VERBS = typer.main.get_command(commands.app).commands  # type: ignore[attr-defined]

SETTINGS = """
[features]
lookbacks = [90]
leave_out = [
    "abandonment", "channels", "conduct", "consistency", "contacts", "delivery", "digital", "effort", "feedback",
    "language", "posts", "price", "proactive", "product", "recovery", "repeats", "replies", "returns",
    "self_service", "sentiment", "skill", "store", "visits",
]

[model]
threads = 1

[engine]
threads = 1
"""


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


Cxml = Callable[..., Said]
SMALL_FORESTS = Path(__file__).parents[1] / "small_forests.py"


@pytest.fixture
def cxml(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cxml:
    """The command in this process."""

    def run(*words: object) -> Said:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["cxml", *map(str, words)])
        code = 0
        try:
            commands.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        return Said(code, *capsys.readouterr())

    return run


def process(*words: object, program: Sequence[object] = ("-m", "cxml"), **environment: str) -> Said:
    """The command as a process of its own."""
    command = [sys.executable, *map(str, program), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    return Said(done.returncode, done.stdout, done.stderr)


def tree(folder: Path) -> dict[str, str]:
    """Every file and link below *folder* with what is in it."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


@dataclass(frozen=True)
class Shop:
    """A company that was trained on and scored; ``small`` holds a few of its customers."""

    home: Path
    trained: Said
    small: Path

    @property
    def bundle(self) -> Path:
        return self.home / "train" / "CURRENT" / "bundle"

    @property
    def good(self) -> Path:
        return self.home / "good"


def save(frames: dict[str, pd.DataFrame], folder: Path, text: str) -> Path:
    """A pipeline folder with some tables as CSV, the others as Parquet, and no value to predict."""
    folder.mkdir(parents=True)
    for name, frame in frames.items():
        if name in AS_CSV:
            frame.to_csv(folder / f"{name}.csv", index=False)
            text = text.replace(f'"{name}.parquet"', f'"{name}.csv"')
        else:
            frame.to_parquet(folder / f"{name}.parquet", index=False)
    for section in ("value", "features", "model", "engine"):
        text = re.sub(rf"^\[\[?{section}[.\w]*\]\]?\n(?:(?!\[).*\n)*", "", text, flags=re.M)
    (folder / "cxml.toml").write_text(text + SETTINGS, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    home = tmp_path_factory.mktemp("shop")
    data = jobs.simulate(home / "data", customers=1_200, months=12, seed=4)
    text = (data / "cxml.toml").read_text(encoding="utf-8")
    frames = {path.stem: pd.read_parquet(path) for path in data.glob("*.parquet")}
    for frame in frames.values():
        if "customer_id" in frame:
            frame["customer_id"] = f"{CANARY}-" + frame["customer_id"]
    few = set(sorted(frames["customers"].customer_id)[:150])
    some = {n: f[f.customer_id.isin(few)] if "customer_id" in f else f for n, f in frames.items()}
    save(frames, home / "good", text)
    small = save(some, home / "small", text)
    trained = process("--json", "train", home / "good", "--out", home / "train", program=[SMALL_FORESTS])
    assert trained.code == 0, trained.err
    jobs.score(small, out=home / "score", model=home / "train" / "CURRENT" / "bundle")
    return Shop(home, trained, small)


@pytest.fixture
def company(shop: Shop, tmp_path: Path) -> Path:
    """A copy of the small company, to be broken."""
    return Path(shutil.copytree(shop.small, tmp_path / "company"))


@pytest.fixture
def out(shop: Shop, tmp_path: Path) -> Iterator[Path]:
    """An output folder with an earlier run in it, which every refused command must leave as it is."""
    folder = Path(shutil.copytree(shop.home / "score", tmp_path / "out", symlinks=True))
    before = tree(folder)
    yield folder
    assert tree(folder) == before
    assert writer.verify(writer.current(folder))


def refused(said: Said, code: int, *words: str) -> str:
    """The message of a refusal, after all that holds for every one of them."""
    assert said.code == code, said
    assert said.out == ""
    assert said.err.startswith("cxml: ")
    assert "Traceback" not in said.err
    assert CANARY not in said.err.lower()
    for part in ("where:", "expected:", "fix:"):
        assert re.search(rf"^  {part} +\S", said.err, re.M), f"no {part}: {said.err}"
    for word in words:
        assert word in said.err, f"{word!r} is not in: {said.err}"
    return said.err


# ---------------------------------------------------------------- good input


def test_train_prints_one_json_line_and_nothing_else(shop: Shop) -> None:
    found = json.loads(shop.trained.out)
    assert shop.trained.out.count("\n") == 1
    assert shop.trained.err == ""
    assert {Path(path).name for path in found.values()} == {"bundle", "metrics.json", "factors.parquet"}
    assert all(Path(path).exists() for path in found.values())


def test_train_tells_people_how_good_the_model_is(shop: Shop, tmp_path: Path, cxml: Cxml) -> None:
    info = (shop.bundle / "info.md").read_text(encoding="utf-8")
    assert "| logistic |" in info
    assert (
        json.loads((shop.home / "train" / "CURRENT" / "metrics.json").read_text())["verdict"]["churn"] in info
    )


def test_score_takes_the_champion_and_says_which(shop: Shop, tmp_path: Path, cxml: Cxml) -> None:
    said = cxml("score", shop.good, "--out", tmp_path / "out", "--csv")
    assert said.code == 0
    assert "demo@champion" in said.err
    assert str(tmp_path / "out") in said.out
    for name in ("scores.parquet", "scores.csv", "manifest.json"):
        assert (tmp_path / "out" / "CURRENT" / name).is_file()
    scores = pd.read_parquet(tmp_path / "out" / "CURRENT" / "scores.parquet")
    assert scores.customer_id.str.startswith(CANARY).all()
    assert scores.churn_probability.between(0, 1, inclusive="neither").all()
    ranges = ["median_value", "value_low", "value_high"]
    money = ["expected_value", *ranges, "value_if_stays", "value_at_risk", "expected_profit"]
    assert scores[money].isna().all(axis=None), "no value is configured"
    assert CANARY not in said.out + said.err


@pytest.mark.parametrize("verb", ["check", "features", "score", "report"])
def test_quiet_prints_nothing_and_json_one_line(
    shop: Shop, company: Path, tmp_path: Path, cxml: Cxml, verb: str
) -> None:
    words = {
        "check": ["check", company],
        "features": ["features", company, "--out", tmp_path / "features.parquet"],
        "score": ["score", company, "--model", shop.bundle, "--out", tmp_path / "scored"],
        "report": ["report", company, "--scores", shop.home / "score", "--out", tmp_path / "report"],
    }[verb]
    assert cxml("--quiet", *words) == Said(0, "", "")
    said = cxml("--json", *words)
    assert (said.code, said.err, said.out.count("\n")) == (0, "", 1)
    found = json.loads(said.out)
    if verb == "check":
        assert found["problems"] == []
        assert found["rows"]["customers"] == 150
        assert found["coverage"]["measured"]
    else:
        assert all(Path(path).is_file() for path in found.values())
    loud = cxml(*words)
    assert loud.code == 0
    assert loud.out


def test_backtest_walks_forward_and_says_where_to_look(
    shop: Shop, tmp_path: Path, cxml: Cxml, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch)
    words = ["backtest", shop.good, "--out", tmp_path / "out", "--cutoffs", 1, "--lang", "ko"]
    said = cxml(*words)
    assert (said.code, CANARY in said.out + said.err) == (0, False)
    for text in ("2024-12-01", "The churn model over one test cutoff:", "random split"):
        assert text in said.err, text
    made = tmp_path / "out" / "CURRENT"
    assert re.findall(r"^(\S+) +.+backtest", said.out, re.M) == ["backtest.ko.html", "figures", "curves"]
    assert {"backtest.ko.html", "backtest.csv", "curves.csv", "backtest.json"} <= {
        p.name for p in made.iterdir()
    }
    assert CANARY not in "".join(path.read_text("utf-8") for path in made.iterdir())
    figures = pd.read_csv(made / "backtest.csv")
    assert set(figures.cutoff) == {"2024-12-01", "all"} and "value" not in "".join(figures.metric)


def test_backtest_of_one_cutoff_is_refused(company: Path, out: Path, cxml: Cxml) -> None:
    file = company / "cxml.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"(?ms)^cutoffs = \[.*?\]", 'cutoffs = ["2024-12-01"]', text), encoding="utf-8")
    said = cxml("--quiet", "backtest", company, "--out", out)
    refused(said, 3, "only one cutoff has matured, 2024-12-01", "[training] cutoffs", "28 days", "cxml train")
    assert not (company / "mlflow.db").exists()


def test_features_writes_one_row_per_customer_at_risk_or_prints_the_sql(
    company: Path, tmp_path: Path, cxml: Cxml
) -> None:
    file = tmp_path / "features.parquet"
    assert cxml("features", company, "--cutoff", "2024-11-01", "--out", file).code == 0
    found = pd.read_parquet(file)
    contracts = pd.read_parquet(company / "subscriptions.parquet")
    cutoff = pd.Timestamp("2024-11-01", tz="UTC")
    running = contracts[(contracts.started_at < cutoff) & ~(contracts.ended_at < cutoff)]
    assert found.customer_id.tolist() == sorted(running.customer_id)
    assert (found.cutoff == cutoff).all()
    file.unlink()
    said = cxml("features", company, "--sql", "--out", file)
    assert "group by" in said.out.lower()
    assert not file.exists()
    assert json.loads(cxml("--json", "features", company, "--sql").out)["sql"] in said.out


def test_the_catalogue_is_printed_in_both_languages_without_a_config(cxml: Cxml) -> None:
    english, korean = (cxml("features", "--list", "--lang", lang).out for lang in ("en", "ko"))
    assert "wait_mean: average wait (s, +, standard windows, interactions, A1, D2, G8)" in english
    assert "wait_mean: 평균 대기 시간 (s, +, 기본 기간, interactions, A1, D2, G8)" in korean
    rows = json.loads(cxml("--json", "features", "--list").out)["features"]
    assert {"factor", "feature", "en", "ko", "unit", "direction", "lookbacks", "table", "rows"} <= rows[
        0
    ].keys()
    refused(cxml("features", "--list", "--lang", "de"), 2, "'de'", "en or ko")
    refused(cxml("features"), 2, "no configuration is named", "cxml features CONFIG")


def test_features_look_as_long_before_the_cutoff_as_asked(company: Path, tmp_path: Path, cxml: Cxml) -> None:
    file = tmp_path / "features.parquet"
    words = ["features", company, "--cutoff", "2024-11-01", "--out", file]
    assert cxml(*words, "--before", "90D").code == 0
    assert (pd.read_parquet(file).cutoff == pd.Timestamp("2024-11-01", tz="UTC")).all()
    refused(cxml(*words, "--before", "long"), 2, "'long' is not a time span", "90D")


def test_simulate_from_the_shell_is_simulate_from_python(tmp_path: Path, cxml: Cxml) -> None:
    said = cxml("--json", "simulate", tmp_path / "a", "--customers", 60, "--months", 9, "--seed", 3)
    made = jobs.simulate(tmp_path / "b", customers=60, months=9, seed=3)
    assert Path(json.loads(said.out)["config"]).parent.name == made.name
    assert tree(tmp_path / "a" / "CURRENT") == tree(made)


def test_init_makes_a_file_that_loads_and_never_overwrites_one(tmp_path: Path, cxml: Cxml) -> None:
    said = cxml("init", tmp_path / "mine")
    file = tmp_path / "mine" / "cxml.toml"
    assert said.code == 0
    assert str(file) in said.out
    raw = tomllib.loads(file.read_text(encoding="utf-8"))
    assert load_config(tmp_path / "mine").project.observation_end.year
    raw["tables"] = {"interactions": {"source": "calls.csv"}, "orders": {"source": "orders/*.parquet"}}
    assert parse_config(raw, tmp_path).tables.keys() == {"interactions", "orders"}
    file.write_text("# mine now\n")
    message = refused(cxml("init", tmp_path / "mine"), 2, "there is a configuration already")
    assert str(file) in message
    assert file.read_text() == "# mine now\n"


def test_every_line_of_the_starter_can_be_switched_on(tmp_path: Path, cxml: Cxml) -> None:
    cxml("init", tmp_path / "mine")
    text = (tmp_path / "mine" / "cxml.toml").read_text(encoding="utf-8")
    on = re.sub(r"^# (?=(\[\[?[\w.]+\]\]?|\w+ = .+)$)", "", text, flags=re.M)
    assert on.count("\n# ") < text.count("\n# ") - 20
    config = parse_config(tomllib.loads(on), tmp_path)
    plain = load_config(tmp_path / "mine")
    for section in (
        "project",
        "population",
        "churn",
        "training",
        "features",
        "promises",
        "model",
        "decisions",
        "engine",
    ):
        assert getattr(config, section) == getattr(plain, section), section


# ---------------------------------------------------------------- help


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example_that_the_command_understands(verb: str, cxml: Cxml) -> None:
    said = cxml(verb, "--help")
    assert said.code == 0
    example = str(VERBS[verb].epilog).removeprefix("Example: ")
    shown = re.sub(r"\s+", " ", said.out)
    assert "Example: cxml" in shown
    words = shlex.split(example)
    assert words[:2] == ["cxml", verb]
    VERBS[verb].make_context(verb, words[2:])


def test_help_names_every_verb_and_no_verb_is_help(cxml: Cxml) -> None:
    said = cxml("--help")
    assert said.code == 0
    for verb in VERBS:
        assert re.search(rf"\b{verb}\b", said.out), verb
    version = cxml("--version")
    assert (version.code, version.out.split()[0]) == (0, "cxml")


@pytest.mark.parametrize(
    "words", [["scoer"], ["score"], ["score", "x", "--chunk", "0"], ["train", "x", "--fast"], ["--loud"]]
)
def test_wrong_use_ends_with_2_and_without_a_trace(cxml: Cxml, words: list[str]) -> None:
    said = cxml(*words)
    assert said.code == 2
    assert said.out == ""
    assert "Error" in said.err
    assert "Traceback" not in said.err


# ---------------------------------------------------------------- bad tables


def csv(folder: Path, table: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    file = folder / f"{table}.csv"
    change(pd.read_csv(file, dtype=str, keep_default_na=False)).to_csv(file, index=False)


def cell(folder: Path, table: str, column: str, value: str, row: int = 2) -> None:
    def put(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[frame.index[row], column] = value
        return frame

    csv(folder, table, put)


def pq(folder: Path, table: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    file = folder / f"{table}.parquet"
    change(pd.read_parquet(file)).to_parquet(file, index=False)


def without_a_zone(frame: pd.DataFrame) -> pd.DataFrame:
    assert frame.started_at.str.endswith("+00:00").all()
    frame.loc[5:8, "started_at"] = frame.started_at[5:9].str.removesuffix("+00:00")
    return frame


def same_id(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[7, "order_id"] = frame.order_id[3]
    return frame


def strict(folder: Path) -> Path:
    """Let no table tolerate a row that breaks a rule."""
    file = folder / "cxml.toml"
    text = re.sub(r"^source = .*$", r"\g<0>\ntolerate = 0", file.read_text(encoding="utf-8"), flags=re.M)
    file.write_text(text, encoding="utf-8")
    return folder


def cut(folder: Path) -> None:
    file = folder / "charges.parquet"
    file.write_bytes(file.read_bytes()[:-100])


BROKEN_TABLES: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "missing column": (
        lambda f: csv(f, "interactions", lambda t: t.drop(columns="started_at")),
        ("interactions.started_at", "started_at", "[tables.interactions]"),
    ),
    "wrong type": (
        lambda f: cell(f, "interactions", "wait_s", f"{CANARY} minutes"),
        ("interactions.wait_s", "1 value cannot be read as a number", "first in row 3"),
    ),
    "day and month that cannot be told apart": (
        lambda f: cell(f, "orders", "ordered_at", "03/04/2024"),
        ("orders.ordered_at", "2025-12-31", "first in row 3"),
    ),
    "unknown customer": (
        lambda f: cell(f, "orders", "customer_id", f"{CANARY}-nobody"),
        ("orders.customer_id", "customers", "first in row 3"),
    ),
    "no customer": (
        lambda f: cell(f, "orders", "customer_id", ""),
        ("orders.customer_id", "1 row has no customer_id"),
    ),
    "duplicate ids": (
        lambda f: csv(f, "orders", same_id),
        ("orders.order_id", "2 rows share their id", "recorded_at"),
    ),
    "negative waits": (
        lambda f: cell(f, "interactions", "wait_s", "-5"),
        ("interactions.wait_s", "below 0", "0 or more"),
    ),
    "mixed time zones": (
        lambda f: csv(f, "interactions", without_a_zone),
        ("interactions.started_at", "4 times carry no zone", "first in row 6", "offset"),
    ),
    "empty file": (
        lambda f: (f / "orders.csv").write_bytes(b""),
        ("the file is empty", "[tables.orders]", "header"),
    ),
    "no row where rows are needed": (
        lambda f: pq(f, "subscriptions", lambda t: t.head(0)),
        ("subscriptions", "the table has no row", "configuration"),
    ),
    "no such file": (
        lambda f: (f / "orders.csv").rename(f / "order.csv"),
        ("there is no such file", "order.csv"),
    ),
    "half a file": (cut, ("charges.parquet", "whole Parquet file")),
}


@pytest.mark.parametrize("what", BROKEN_TABLES)
def test_a_broken_table_is_refused(shop: Shop, company: Path, out: Path, cxml: Cxml, what: str) -> None:
    breaks, words = BROKEN_TABLES[what]
    breaks(strict(company))
    refused(cxml("--quiet", "score", company, "--model", shop.bundle, "--out", out), 3, *words)


def test_machines_are_told_the_same_in_one_line(shop: Shop, company: Path, out: Path, cxml: Cxml) -> None:
    BROKEN_TABLES["negative waits"][0](strict(company))
    words = ["score", company, "--model", shop.bundle, "--out", out]
    told, said = cxml("--json", *words), cxml("--quiet", *words)
    assert (told.code, told.err, told.out.count("\n")) == (3, "", 1)
    parts = json.loads(told.out)
    assert parts.keys() == {"error", "where", "expected", "fix"}
    for part in parts.values():
        assert part
        assert part in said.err


def test_all_problems_are_told_at_once(shop: Shop, company: Path, out: Path, cxml: Cxml) -> None:
    strict(company)
    for what in ("wrong type", "unknown customer"):
        BROKEN_TABLES[what][0](company)
    said = cxml("--quiet", "score", company, "--model", shop.bundle, "--out", out)
    assert (said.code, said.out) == (3, "")
    assert CANARY not in said.err
    for words in (
        "2 problems in the tables",
        "interactions.wait_s, first in row 3",
        "orders.customer_id, first",
    ):
        assert words in said.err
    assert said.err.count("expected ") == 2
    assert said.err.count("fix: ") == 3, "one for each, and what to do next"


STRAY = (
    "wrong type",
    "day and month that cannot be told apart",
    "unknown customer",
    "no customer",
    "negative waits",
)


def test_stray_rows_and_copies_are_told_and_stop_nothing(
    shop: Shop, company: Path, tmp_path: Path, cxml: Cxml
) -> None:
    for what in STRAY:
        BROKEN_TABLES[what][0](company)
    csv(company, "orders", lambda t: pd.concat([t, t.tail(3)]))
    said = cxml("check", company)
    assert (said.code, said.err) == (0, "") and "no problems" in said.out
    told = " ".join(said.out.split())
    # The faults of the orders lie in one row, and three rows are copies.
    for words in (
        "interactions: 1 row set aside in all",
        "orders: 4 rows set aside in all",
        "3 rows are exact copies of another row",
        "first in row 3",
    ):
        assert words in told
    machine = json.loads(cxml("--json", "check", company).out)
    assert machine["problems"] == [] and machine["set_aside"]["rows"] == {"interactions": 1, "orders": 4}
    done = cxml("score", company, "--model", shop.bundle, "--out", tmp_path / "new")
    assert done.code == 0 and "orders: 4 rows set aside in all" in done.err
    listed = pd.read_parquet(tmp_path / "new" / "CURRENT" / "set_aside.parquet")
    assert len(listed) == 5 and set(listed["file"]) == {"interactions.csv", "orders.csv"}
    assert CANARY not in said.out + done.err + listed.to_csv()


def test_features_list_what_was_set_aside_beside_them(company: Path, tmp_path: Path, cxml: Cxml) -> None:
    sound = (company / "interactions.csv").read_bytes()
    BROKEN_TABLES["wrong type"][0](company)
    words = ["features", company, "--out", tmp_path / "f.parquet"]
    assert "interactions: 1 row set aside in all" in cxml(*words).err
    assert pd.read_parquet(tmp_path / "f.set_aside.parquet")[
        ["table", "column", "row"]
    ].to_numpy().tolist() == [["interactions", "wait_s", 3]]
    (company / "interactions.csv").write_bytes(sound)
    assert cxml(*words).err == ""
    assert not (tmp_path / "f.set_aside.parquet").exists(), (
        "a list of an earlier run would speak of rows that are in"
    )


def test_check_of_bad_tables_says_the_same(company: Path, cxml: Cxml) -> None:
    strict(company)
    for what in ("wrong type", "unknown customer"):
        BROKEN_TABLES[what][0](company)
    said = cxml("check", company)
    assert said.code == 3
    assert "no problems" not in said.out
    assert "2 problems in the tables" in said.err
    quiet = cxml("--quiet", "check", company)
    assert (quiet.code, quiet.out) == (3, "")
    assert quiet.err == said.err
    machine = cxml("--json", "check", company)
    assert (machine.code, machine.err, machine.out.count("\n")) == (3, "", 1)
    problems = json.loads(machine.out)["problems"]
    assert {(one["table"], one["column"], one["count"], one["first_row"]) for one in problems} == {
        ("interactions", "wait_s", 1, 3),
        ("orders", "customer_id", 1, 3),
    }
    assert CANARY not in said.out + said.err + machine.out


def known_store(shop: Shop, company: Path) -> None:
    """Train against a store that is there: to make a new one takes seconds."""
    with (company / "cxml.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[tracking]\nuri = "sqlite:///{shop.good / "mlflow.db"}"\n')


def test_nobody_ever_left(shop: Shop, company: Path, out: Path, cxml: Cxml) -> None:
    known_store(shop, company)
    pq(company, "subscriptions", lambda t: t.assign(ended_at=t.ended_at.mask(t.ended_at.notna())))
    said = cxml("--quiet", "train", company, "--out", out)
    refused(said, 3, "nobody left", "[churn] definition")


def test_too_few_leavers_to_learn_from(shop: Shop, company: Path, out: Path, cxml: Cxml) -> None:
    known_store(shop, company)
    said = cxml("--quiet", "train", company, "--out", out)
    refused(said, 3, "at least 50")


def test_nobody_is_at_risk(shop: Shop, company: Path, out: Path, cxml: Cxml) -> None:
    said = cxml("--quiet", "score", company, "--model", shop.bundle, "--out", out, "--cutoff", "2010-01-01")
    refused(said, 3, "nobody is at risk at 2010-01-01", "[population]")


# ---------------------------------------------------------------- bad configurations and words


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "cxml.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


BROKEN_CONFIGS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "unknown key": (
        'horizon = "28D"',
        'horison = "28D"',
        ("[churn]", "'horison'", "did you mean 'horizon'?"),
    ),
    "unknown section": ("[engine]", "[engin]", ("cxml.toml", "'engin'", "did you mean 'engine'?")),
    "unknown table": ("[tables.orders]", "[tables.order]", ("[tables]", "did you mean 'orders'?")),
    "wrong type": ('horizon = "28D"', "horizon = 28", ("[churn] horizon", "'90D'")),
    "no time span": ('horizon = "28D"', 'horizon = "a month"', ("[churn] horizon", "'90D'")),
    "no instant": ('"2024-12-01"', '"christmas"', ("[training] cutoffs", "ISO")),
    "unknown zone": ('timezone = "UTC"', 'timezone = "Mars"', ("[project] timezone", "Asia/Seoul")),
    "unknown definition": (
        'definition = "subscription"',
        'definition = "silence"',
        ("[churn] definition", "date"),
    ),
    "immature cutoff": (
        '"2024-12-01"',
        '"2024-12-20"',
        ("the label of cutoff 2024-12-20 is not known yet", "[training] cutoffs", "2025-01-01", "2024-12-04"),
    ),
    "unknown factor": ('"abandonment"', '"abandonments"', ("[features] leave_out", "abandonment")),
}


def test_check_says_what_only_a_later_job_would_miss(company: Path, cxml: Cxml) -> None:
    pq(company, "subscriptions", lambda t: t.drop(columns="ended_at"))
    said = cxml("check", company)
    assert said.code == 0
    words = "these tables cannot be learned from: subscriptions.ended_at is needed for the label and missing"
    assert words in " ".join(said.out.split())
    assert "needs )" not in said.out
    edit(company, "[decisions]\n", '[decisions]\ncontacts = "calls.csv"\n')
    said = cxml("check", company)
    assert said.code == 3
    assert "there is no such file" in said.err and "[tables.contacts] source" in said.err


@pytest.mark.parametrize("what", BROKEN_CONFIGS)
def test_a_broken_configuration_is_refused(
    shop: Shop, company: Path, out: Path, cxml: Cxml, what: str
) -> None:
    old, new, words = BROKEN_CONFIGS[what]
    edit(company, old, new)
    known_store(shop, company)
    refused(cxml("--quiet", "train", company, "--out", out), 2, *words)


def test_an_immature_cutoff_is_refused_before_anything_is_read(company: Path, out: Path, cxml: Cxml) -> None:
    edit(company, '"2024-12-01"', '"2024-12-20"')
    (company / "orders.csv").unlink()
    refused(cxml("train", company, "--out", out), 2, "2024-12-20")
    assert not (company / "mlflow.db").exists()


def test_a_configuration_that_is_no_toml(company: Path, out: Path, cxml: Cxml) -> None:
    edit(company, "[population]", "[population")
    line = 1 + (company / "cxml.toml").read_text(encoding="utf-8").splitlines().index("[population")
    said = cxml("train", company, "--out", out)
    assert (said.code, said.out) == (2, "")
    for words in ("cannot be read as TOML", f"line {line}", f"where:    {company / 'cxml.toml'}", "fix:"):
        assert words in said.err


def test_a_cutoff_after_the_data(shop: Shop, company: Path, out: Path, cxml: Cxml) -> None:
    said = cxml("--quiet", "score", company, "--model", shop.bundle, "--out", out, "--cutoff", "2026-01-01")
    refused(said, 2, "2026-01-01", "--cutoff", "observation_end", "2025-01-01")


def test_a_cutoff_that_is_no_time(shop: Shop, company: Path, out: Path, cxml: Cxml) -> None:
    said = cxml("--quiet", "score", company, "--model", shop.bundle, "--out", out, "--cutoff", "yesterday")
    refused(said, 2, "instant", "ISO")


def test_an_unknown_language(shop: Shop, company: Path, out: Path, cxml: Cxml) -> None:
    said = cxml("report", company, "--scores", shop.home / "score", "--out", out, "--lang", "xx")
    refused(said, 2, "'xx'", "--lang", "en, ko")


def test_no_such_configuration(tmp_path: Path, out: Path, cxml: Cxml) -> None:
    said = cxml("score", tmp_path / "nowhere", "--out", out)
    refused(said, 2, str(tmp_path / "nowhere"), "cxml init")


# ---------------------------------------------------------------- bad models, bad folders


@pytest.mark.parametrize(
    "ref", ["nowhere", "runs/train/CURRENT/bundel", "demo@champion", "demo/7", "demo@", "other@champion"]
)
def test_no_such_model(company: Path, out: Path, cxml: Cxml, ref: str) -> None:
    said = cxml("--quiet", "score", company, "--model", ref, "--out", out)
    refused(said, 4, ref, "name@alias or name/version")
    assert not (company / "mlflow.db").exists(), "looking for a model makes no store"


def test_a_folder_that_is_no_bundle(company: Path, out: Path, cxml: Cxml) -> None:
    refused(cxml("--quiet", "score", company, "--model", company, "--out", out), 4, "manifest")


def test_a_bundle_that_was_changed(shop: Shop, company: Path, out: Path, tmp_path: Path, cxml: Cxml) -> None:
    forged = Path(shutil.copytree(shop.bundle, tmp_path / "bundle"))
    calibrator = forged / "calibrator.json"
    calibrator.write_text(calibrator.read_text().replace("0.", "1.", 1))
    said = cxml("--quiet", "score", company, "--model", forged, "--out", out)
    refused(said, 4, "calibrator.json")


def test_a_table_that_the_model_needs_is_gone(shop: Shop, company: Path, out: Path, cxml: Cxml) -> None:
    csv(company, "interactions", lambda t: t.drop(columns="wait_s"))
    said = cxml("--quiet", "score", company, "--model", shop.bundle, "--out", out)
    refused(said, 4, "not there any more since the model was trained: interactions.wait_s\n")


def test_a_report_of_scores_that_were_changed(
    shop: Shop, company: Path, out: Path, tmp_path: Path, cxml: Cxml
) -> None:
    scores = Path(shutil.copytree(shop.home / "score", tmp_path / "scores", symlinks=True))
    (scores / "CURRENT" / "labels.json").write_text("{}")
    refused(cxml("report", company, "--scores", scores, "--out", out), 4, "labels.json")


def test_a_folder_that_another_run_holds(shop: Shop, company: Path, out: Path, cxml: Cxml) -> None:
    with (out / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for words in (["score", company, "--model", shop.bundle], ["train", company]):
            said = cxml("--quiet", *words, "--out", out)
            refused(said, 75, "another run", str(out))


def test_an_output_that_is_a_file(shop: Shop, company: Path, tmp_path: Path, cxml: Cxml) -> None:
    (tmp_path / "file").write_text("mine")
    said = cxml("--quiet", "score", company, "--model", shop.bundle, "--out", tmp_path / "file")
    refused(said, 1, str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"


# ---------------------------------------------------------------- as a process of its own


def test_ctrl_c_ends_with_a_word_and_earlier_output(company: Path, out: Path) -> None:
    command = [sys.executable, "-m", "cxml", "train", str(company), "--out", str(out)]
    job = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background, Ctrl-C is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert job.stderr is not None
    assert "checking" in job.stderr.readline()
    job.send_signal(signal.SIGINT)
    printed, told = job.communicate(timeout=60)
    assert job.returncode in (130, -signal.SIGINT) and printed == ""  # a shell says 130 for both
    assert "stopped; earlier output stands" in told and "Traceback" not in told


def test_exit_codes_reach_the_shell(shop: Shop, company: Path, out: Path) -> None:
    score = ["--quiet", "score", company, "--model", shop.bundle]
    assert refused(process(*score, "--out", out, "--cutoff", "2030-01-01"), 2)
    assert refused(process(*score[:-1], "nowhere", "--out", out), 4)
    with (out / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert refused(process(*score, "--out", out), 75)
    csv(company, "interactions", lambda frame: frame.assign(wait_s=f"{CANARY} minutes"))
    assert refused(process(*score, "--out", out, LC_ALL="C", PYTHONUTF8="0"), 3)


def test_label_says_where_a_log_breaks_off(tmp_path: Path, cxml: Cxml) -> None:
    rng = np.random.default_rng(0)
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.uniform(0, 370, 4_000), unit="D")  # to 2025-01-05
    people = [f"c{i}" for i in rng.integers(0, 200, len(at))]
    pd.DataFrame({"customer_id": people, "started_at": at}).to_csv(tmp_path / "log.csv", index=False)
    (tmp_path / "cxml.toml").write_text(
        '[project]\nobservation_end = "2025-07-01"\n[tables.interactions]\nsource = "log.csv"\n'
        '[population]\nactivity = ["interactions"]\n[churn]\nactivity = ["interactions"]\nhorizon = "30D"\n'
    )
    said = cxml("--json", "label", tmp_path, "--lang", "en")
    broken = json.loads(said.out)["broken"]
    assert broken["log"] == "interactions" and "2025-01-01" <= broken["day"] <= "2025-01-05"
    assert broken["what"].startswith(f"interactions breaks off on {broken['day']}")
    assert broken["what"] in cxml("label", tmp_path, "--lang", "en").out
