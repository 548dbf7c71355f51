"""The shape of the house: what a reader of the code may rely on, counted."""

import ast
import importlib
import inspect
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import cxml
from cxml import errors

HOME = Path(__file__).parents[2]
CODE = HOME / "cxml"
MODULES = sorted(CODE.rglob("*.py"))
HEAVY = {"duckdb", "lightgbm", "matplotlib", "mlflow", "numpy", "pandas", "shap", "sklearn"}

each_module = pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: path.relative_to(CODE).with_suffix("").as_posix()
)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def called(path: Path) -> Iterator[str]:
    """Every called name of a module, as it is written: ``eval``, ``yaml.load``."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def imported(path: Path) -> Iterator[str]:
    """The top names of everything a module imports, at its top or inside."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


# ---------------------------------------------------------------- files


@each_module
def test_a_module_is_one_room(path: Path) -> None:
    assert len(path.relative_to(CODE).parts) <= 2, "folders lie at most one level below cxml"
    assert path.stem not in {"utils", "helpers", "common", "misc"}, "name it after what it does"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 80, node.name


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=str)
def test_an_init_hands_names_on_and_holds_nothing(path: Path) -> None:
    lazy = "lazy_loader.attach_stub(__name__, __file__)"
    for node in tree(path).body[1:]:
        if isinstance(node, ast.Assign):
            assert ast.unparse(node.targets[0]) == "__all__" or ast.unparse(node.value) == lazy
        else:
            assert isinstance(node, ast.Import | ast.ImportFrom), ast.unparse(node)


@each_module
def test_all_names_what_is_there(path: Path) -> None:
    if "__all__" not in path.read_text(encoding="utf-8"):
        return
    module = importlib.import_module(
        ".".join(path.relative_to(HOME).with_suffix("").parts).removesuffix(".__init__")
    )
    assert len(set(module.__all__)) == len(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_the_package_is_typed_and_knows_its_version() -> None:
    assert (CODE / "py.typed").is_file()
    assert cxml.__version__ == metadata.version("cxml")


# ---------------------------------------------------------------- what never happens


@each_module
def test_no_code_comes_out_of_data(path: Path) -> None:
    assert not set(imported(path)) & {
        "pickle",
        "cPickle",
        "joblib",
        "cloudpickle",
        "dill",
        "marshal",
        "shelve",
    }
    forbidden = {
        "eval",
        "exec",
        "compile",
        "__import__",
        "yaml.load",
        "os.system",
        "mlflow.pyfunc.load_model",
    }
    assert not set(called(path)) & forbidden


@each_module
def test_nothing_asks_what_time_it_is(path: Path) -> None:
    clock = re.compile(r"(^|\.)(now|utcnow|today|getnow)$|^time\.(time|time_ns|localtime|gmtime|ctime)$")
    assert [name for name in called(path) if clock.search(name)] == []


# ---------------------------------------------------------------- what importing costs


def loaded(code: str, heavy: set[str] = HEAVY) -> set[str]:
    """The heavy libraries that are loaded after *code* ran in a process of its own."""
    end = f"import sys; sys.stderr.write(' '.join(sorted({heavy} & set(sys.modules))))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{end}"], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


def test_import_cxml_is_light() -> None:
    assert loaded("import cxml") == set()
    assert loaded("import cxml.factors", {"duckdb", "numpy", "pandas"}) == set()


def test_help_is_light() -> None:
    ask = """
import sys
from cxml.cli.commands import main
sys.argv = ["cxml", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code
"""
    assert loaded(ask) == set()


def test_jobs_are_light_until_one_is_run() -> None:
    slow = {"duckdb", "lightgbm", "matplotlib", "mlflow", "shap", "sklearn"}
    assert loaded("import cxml.store.writer, cxml.config.load, cxml.contracts, cxml.jobs", slow) == set()


# ---------------------------------------------------------------- errors


def test_the_tree_of_errors_is_drawn_with_exit_codes() -> None:
    drawn = {}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^( *[|` -]*)(\w+Error)\b(?: +(?:exit code )?(\d+))?", line):
            drawn[found[2]] = found[3]
    classes = {
        name: kind
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.CxmlError)
    }
    assert drawn.keys() == classes.keys()
    for name, kind in classes.items():
        inherited = None if kind is errors.CxmlError else kind.__mro__[1].exit_code
        assert drawn[name] == (None if kind.exit_code == inherited else str(kind.exit_code)), name


def test_exit_codes_are_told_to_users() -> None:
    readme = (HOME / "README.md").read_text(encoding="utf-8")
    told = re.search(r"Exit codes:(.+?)\n\n", readme, re.S)
    assert told is not None
    for code in {errors.CxmlError.exit_code, *(kind.exit_code for kind in errors.CxmlError.__subclasses__())}:
        assert re.search(rf"\b{code}\b", told[1]), code


# ---------------------------------------------------------------- the set-up


def project() -> dict[str, dict[str, object]]:
    return tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_dependency_is_pinned_and_no_host_is_named() -> None:
    lines = (HOME / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    about = project()["project"]
    extras = about["optional-dependencies"]
    for wish in map(Requirement, [*about["dependencies"], *extras["test"], *extras["notebooks"]]):
        assert wish.specifier.contains(pins[wish.name]), wish
    assert "://" not in "\n".join(lines)


def test_everything_that_is_imported_is_a_dependency() -> None:
    wishes = {Requirement(wish).name for wish in project()["project"]["dependencies"]}
    comes_along = {"numpy": "pandas", "scipy": "scikit-learn", "markupsafe": "jinja2"}
    names = {"sklearn": "scikit-learn", "lazy_loader": "lazy-loader"} | comes_along
    used = {name for path in MODULES for name in imported(path)} - set(sys.stdlib_module_names) - {"cxml", ""}
    optional = {"optuna"}
    assert {names.get(name, name) for name in used - optional} <= wishes


def entry_points() -> list[tuple[str, list[str]]]:
    text = (HOME / "MLproject").read_text(encoding="utf-8")
    return [
        (name, shlex.split(command))
        for name, command in re.findall(r'^  (\w+):.*?command: "(.+?)"', text, re.M | re.S)
    ]


def test_mlproject_has_every_verb() -> None:
    from cxml.cli.commands import app

    verbs = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert {name for name, _ in entry_points()} == verbs | {"main"}


@pytest.mark.parametrize(("name", "command"), entry_points())
def test_an_entry_point_is_a_command_that_exists(name: str, command: list[str]) -> None:
    import typer

    from cxml.cli.commands import app

    verbs = typer.main.get_command(app).commands
    assert command[0] == "cxml"
    assert command[1] == ("demo" if name == "main" else name)
    known = {option for parameter in verbs[command[1]].params for option in parameter.opts}
    assert {part for part in command if part.startswith("--")} <= known


def test_make_help_lists_every_target() -> None:
    text = (HOME / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"^\.PHONY: (.+)$", text, re.M)
    assert targets is not None
    shown = subprocess.run(["make", "help"], cwd=HOME, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^  make (\w+)", shown, re.M) == targets[1].split()
