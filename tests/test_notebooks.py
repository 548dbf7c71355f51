"""The notebooks run from top to bottom, and each is the same as the text beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

jupytext = pytest.importorskip("jupytext", reason="jupytext is not installed: pip install cxml[notebooks]")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install cxml[notebooks]")
pytest.importorskip("ipykernel", reason="ipykernel is not installed: pip install cxml[notebooks]")

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
PLENTY, FEW = "customers=3000", "customers=600"
"""The quickstart's company, and one that is learned from within seconds."""

each_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


def cells(path: Path) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source.strip()) for cell in jupytext.read(path).cells]


def code_lines(path: Path) -> list[str]:
    """Lines of code, as a reader counts them: no comment, no blank, no closing bracket alone."""
    text = "\n".join(source for kind, source in cells(path) if kind == "code")
    return [line for line in text.splitlines() if re.search(r"\w", line.split("#")[0])]


def executed(name: str, folder: Path, customers: str) -> list[Any]:
    """The code cells of a notebook after it ran in *folder*."""
    notebook = jupytext.read(FOLDER / f"{name}.ipynb")
    sources = "".join(cell.source for cell in notebook.cells)
    assert sources.count(PLENTY) == 1
    for cell in notebook.cells:
        cell.source = cell.source.replace(PLENTY, customers)
    nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=900, resources={"metadata": {"path": str(folder)}}
    ).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


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


def test_there_is_a_quickstart() -> None:
    assert "01_quickstart" in NOTEBOOKS


@each_notebook
def test_text_and_notebook_are_a_pair(name: str) -> None:
    assert cells(FOLDER / f"{name}.ipynb") == cells(FOLDER / f"{name}.py")
    assert cells(FOLDER / f"{name}.py")[0][0] == "markdown", "it begins with what it is about"
    saved = jupytext.read(FOLDER / f"{name}.ipynb")
    assert not [cell for cell in saved.cells if cell.get("outputs")], "outputs are made, not kept"


def test_the_quickstart_takes_less_than_thirty_lines() -> None:
    assert len(code_lines(FOLDER / "01_quickstart.ipynb")) < 30


def test_the_quickstart_runs_on_a_few_customers(tmp_path: Path) -> None:
    check_quickstart(executed("01_quickstart", tmp_path, FEW))
    assert list(tmp_path.iterdir()) == [], "nothing is left where it was started"


@pytest.mark.slow
def test_the_quickstart_runs_as_it_is(tmp_path: Path) -> None:
    check_quickstart(executed("01_quickstart", tmp_path, PLENTY))
