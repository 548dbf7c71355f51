"""Every verb of the command line is an entry point of MLproject, under the same names."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cxml.cli.commands import app

HOME = Path(__file__).parents[2]
ENTRIES: dict[str, dict[str, Any]] = yaml.safe_load((HOME / "MLproject").read_text(encoding="utf-8"))[
    "entry_points"
]
VERBS = typer.main.get_command(app).commands  # type: ignore[attr-defined]

each_entry = pytest.mark.parametrize("name", ENTRIES)


def parts(name: str) -> list[str]:
    return shlex.split(ENTRIES[name]["command"])


def verb(name: str) -> Any:
    return VERBS["demo" if name == "main" else name]


def arguments(name: str) -> list[tuple[Any, str]]:
    """Each argument and option of the verb that the entry point uses, with its parameter's name."""
    words, found = parts(name)[2:], []
    positional = iter([one for one in verb(name).params if one.param_type_name == "argument"])
    options = {text: one for one in verb(name).params for text in one.opts if text.startswith("--")}
    while words:
        word = words.pop(0)
        one = options[word] if word.startswith("--") else next(positional)
        filled = words.pop(0) if word.startswith("--") else word
        found.append((one, filled.strip("{}")))
    return found


def test_every_verb_is_an_entry_point_and_main_is_the_demo() -> None:
    assert ENTRIES.keys() == {"main", *VERBS}
    assert ENTRIES["main"] == ENTRIES["demo"]


@each_entry
def test_an_entry_point_runs_its_verb(name: str) -> None:
    assert parts(name)[:2] == ["cxml", verb(name).name]


@each_entry
def test_every_parameter_is_declared_and_used(name: str) -> None:
    used = re.findall(r"{(\w+)}", ENTRIES[name]["command"])
    assert sorted(used) == sorted(ENTRIES[name]["parameters"])


@each_entry
def test_a_parameter_is_called_as_on_the_command_line(name: str) -> None:
    for one, parameter in arguments(name):
        # the folder that a verb makes is an argument of the command, and `out` everywhere in MLproject
        assert parameter == one.name or (one.name, parameter) == ("folder", "out")


@each_entry
def test_what_the_command_requires_is_passed(name: str) -> None:
    assert {one.name for one in verb(name).params if one.required} <= {one.name for one, _ in arguments(name)}


@each_entry
def test_defaults_are_those_of_the_command_line(name: str) -> None:
    for one, parameter in arguments(name):
        default = ENTRIES[name]["parameters"][parameter].get("default")
        assert default is None or default == str(one.default)


@each_entry
def test_the_filled_in_command_is_understood(name: str) -> None:
    values = {parameter: spec.get("default", "7") for parameter, spec in ENTRIES[name]["parameters"].items()}
    line = shlex.split(ENTRIES[name]["command"].format(**values))[2:]
    context = verb(name).make_context(name, line)
    assert {str(context.params[one.name]) for one, _ in arguments(name)} == set(values.values())


@pytest.mark.slow
def test_mlflow_runs_an_entry_point_with_any_text(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s $(touch hit) ; `touch hit` "a" {folder}'
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    subprocess.run(
        [
            sys.executable,
            "-m",
            "mlflow",
            "run",
            str(HOME),
            "-e",
            "init",
            "-P",
            f"folder={folder}",
            "--env-manager",
            "local",
        ],
        env=environment,
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert (folder / "cxml.toml").is_file()
    assert not list(tmp_path.rglob("hit")) and not (HOME / "hit").exists()
