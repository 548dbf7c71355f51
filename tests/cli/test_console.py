"""What the command says to whom: lines for people, and the same lines with times in a log for those who watch jobs."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxml.cli.console import Talk, log_to
from cxml.errors import ConfigError
from cxml.jobs.context import logged

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (INFO|ERROR) (.+)")


@pytest.fixture(autouse=True)
def log() -> Iterator[logging.Logger]:
    """The logger of cxml, as it was before once the test is over."""
    found = logging.getLogger("cxml")
    handlers, level = list(found.handlers), found.level
    yield found
    for handler in set(found.handlers) - set(handlers):
        handler.close()
        found.removeHandler(handler)
    found.setLevel(level)


@pytest.mark.parametrize("quiet", [False, True])
def test_each_line_is_in_the_log_whether_it_is_printed_or_not(
    tmp_path: Path, quiet: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    log_to(tmp_path / "run.log")
    talk = Talk()
    talk.quiet = quiet
    talk.tell("building features and labels")
    found = LINE.fullmatch((tmp_path / "run.log").read_text("utf-8").strip())
    assert found is not None
    assert found.groups() == ("INFO", "building features and labels")
    assert ("building features" in capsys.readouterr().err) is not quiet


def test_a_log_is_appended_to(tmp_path: Path) -> None:
    (tmp_path / "run.log").write_text("yesterday\n", "utf-8")
    log_to(tmp_path / "run.log")
    logged("today")
    assert (tmp_path / "run.log").read_text("utf-8").startswith("yesterday\n20")


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the log cannot be written") as caught:
        log_to(tmp_path / "nowhere" / "run.log")
    assert "--log" in caught.value.where and "make the folder" in caught.value.fix


def test_jobs_log_where_nobody_else_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="cxml"):
        logged("checking the tables")
    assert [(one.name, one.levelname, one.message) for one in caplog.records] == [
        ("cxml", "INFO", "checking the tables")
    ]
