"""The notebooks run from top to bottom, and each is the same as the text beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

jupytext = pytest.importorskip("jupytext", reason="jupytext is not installed: pip install cxml[notebooks]")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install cxml[notebooks]")
pytest.importorskip("ipykernel", reason="ipykernel is not installed: pip install cxml[notebooks]")

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
SMALLER = """
text = config.read_text()
for part in (
    '[tables.orders]\\nsource = "orders.parquet"\\n', '[[value.sources]]\\ntable = "orders"\\ncolumn = "margin"\\n'
):
    text = text.replace(part, "")
config.write_text(text + '''
[features]
lookbacks = [90]
leave_out = [
    "abandonment", "channels", "consistency", "digital", "effort", "feedback", "language", "personalization", "posts",
    "proactive", "product", "recovery", "repeats", "replies", "self_service", "sentiment", "store", "visits",
]
''')
"""
"""What makes of a company one that is learned from within seconds: few features, and no purchases to model."""

each_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


def cells(path: Path) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source.strip()) for cell in jupytext.read(path).cells]


def code_lines(path: Path) -> list[str]:
    """Lines of code, as a reader counts them: no comment, no blank, no closing bracket alone."""
    text = "\n".join(source for kind, source in cells(path) if kind == "code")
    return [line for line in text.splitlines() if re.search(r"\w", line.split("#")[0])]


def executed(name: str, folder: Path, changes: Mapping[str, str]) -> list[Any]:
    """The code cells of a notebook after it ran in *folder*, with *changes* made to what it says."""
    notebook = jupytext.read(FOLDER / f"{name}.ipynb")
    for old, new in changes.items():
        assert sum(cell.source.count(old) for cell in notebook.cells) == 1, old
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)
    nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=900, resources={"metadata": {"path": str(folder)}}
    ).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@dataclass(frozen=True)
class Ran:
    """The quickstart after it ran: its cells, what it made, and where it was started."""

    cells: list[Any]
    home: Path
    folder: Path


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The quickstart with a small company and few factors."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("started")
    changes = {
        "Path(tempfile.mkdtemp())": f"Path({str(home)!r})",
        "customers=3000": "customers=600",
        ' / "cxml.toml"\n': f' / "cxml.toml"\n{SMALLER}',
    }
    return Ran(executed("01_quickstart", folder, changes), home, folder)


def shown(cell: Any) -> str:
    """All text that a cell put out."""
    parts = [out.get("text", "") + out.get("data", {}).get("text/plain", "") for out in cell.outputs]
    return "\n".join(parts)


def check_quickstart(ran: list[Any]) -> None:
    """What a reader of the quickstart must see, cell by cell."""
    everything = "\n".join(map(shown, ran))
    assert "interactions.parquet" in shown(ran[0])
    assert re.match(r"\(0,\s+\['waiting'", shown(ran[1]).strip()), "no problem, and what is measured"
    assert "tested on" in shown(ran[2])
    assert "logistic" in shown(ran[2])
    assert any("image/png" in out.get("data", {}) for out in ran[3].outputs), "a chart of the drivers"
    assert "churn_probability" in shown(ran[4])
    for name in ("report.en.html", "report.ko.html", "call_list.xlsx", "drivers.csv"):
        assert name in shown(ran[5])
    assert "Warning" not in everything
    assert not [out for cell in ran for out in cell.outputs if out.get("name") == "stderr"]


def check_drivers(ran: list[Any]) -> None:
    """What a reader of the second notebook must see, cell by cell."""
    everything = "\n".join(map(shown, ran))
    assert "waiting" in shown(ran[1])
    for place in (2, 3, 6, 9, 10):
        assert any("image/png" in out.get("data", {}) for out in ran[place].outputs), (
            f"a chart in cell {place}"
        )
    assert "reason_1" in shown(ran[4])
    told = re.search(r"largest difference: (\S+) of log-odds, over ([\d,]+) contributions", shown(ran[5]))
    assert told is not None
    assert float(told[1]) < 1e-9
    assert int(told[2].replace(",", "")) > 1_000
    assert {"effect", "null"} <= set(re.findall(r"\b(effect|null)\b", shown(ran[8])))
    assert re.search(r"association_only|supported", shown(ran[8]))
    assert "answer.phone" in shown(ran[9])
    assert "Warning" not in everything
    assert not [out for cell in ran for out in cell.outputs if out.get("name") == "stderr"]


def test_there_is_a_quickstart_and_what_comes_after() -> None:
    assert {"01_quickstart", "02_drivers"} <= set(NOTEBOOKS)


@each_notebook
def test_text_and_notebook_are_a_pair(name: str) -> None:
    assert cells(FOLDER / f"{name}.ipynb") == cells(FOLDER / f"{name}.py")
    assert cells(FOLDER / f"{name}.py")[0][0] == "markdown", "it begins with what it is about"
    saved = jupytext.read(FOLDER / f"{name}.ipynb")
    assert not [cell for cell in saved.cells if cell.get("outputs")], "outputs are made, not kept"


def test_the_quickstart_takes_less_than_thirty_lines() -> None:
    assert len(code_lines(FOLDER / "01_quickstart.ipynb")) < 30


def test_the_quickstart_runs_on_a_few_customers(quickstart: Ran) -> None:
    check_quickstart(quickstart.cells)
    assert list(quickstart.folder.iterdir()) == [], "nothing is left where it was started"


def test_the_drivers_are_shown_of_what_the_quickstart_trained(quickstart: Ran, tmp_path: Path) -> None:
    changes = {
        "Path(tempfile.mkdtemp())": f"Path({str(quickstart.home)!r})",
        'jobs.simulate(home / "data", customers=3000, seed=1)': '(home / "data" / "CURRENT")',
        'jobs.train(config, out=home / "train", tell=print)': '(home / "train" / "CURRENT")',
    }
    check_drivers(executed("02_drivers", tmp_path, changes))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "check"), [("01_quickstart", check_quickstart), ("02_drivers", check_drivers)]
)
def test_a_notebook_runs_as_it_is(name: str, check: Callable[[list[Any]], None], tmp_path: Path) -> None:
    check(executed(name, tmp_path, {}))
