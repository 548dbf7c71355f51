"""How the command speaks: lines, tables and bars for people, JSON for machines, nothing for batch jobs."""

from __future__ import annotations

import json
import logging
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from cxml.errors import ConfigError
from cxml.jobs.context import logged

_MONTHS = 12
"""Months that ``check`` shows; machines get all of them."""


def _short(rows: int) -> str:
    """A number of rows in at most five characters.

    >>> [_short(n) for n in (0, 9_999, 10_000, 123_456, 99_950_000)]
    ['0', '9999', '10k', '123k', '100M']
    """
    if rows < 10_000:
        return str(rows)
    return f"{rows / 1e3:.0f}k" if rows < 999_500 else f"{rows / 1e6:.3g}M"


def _called(entry: Mapping[str, Any]) -> str:
    """A factor by its name; a column of the customers, which names its factor, as its source calls it."""
    own = entry["en"] == entry["ko"]
    return str(entry["en"] if own else entry["factor"])


def log_to(file: Path) -> None:
    """Append what the logger ``cxml`` says to *file*, each line with its time in UTC and its level.

    Raises
    ------
    ConfigError
        The file cannot be written.
    """
    try:
        handler = logging.FileHandler(file, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the log cannot be written: {error.strerror}",
            where=f"--log {file}",
            expected="a file in a folder that is there",
            fix="make the folder, or name another file",
        ) from None
    form = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    form.converter = time.gmtime
    handler.setFormatter(form)
    log = logging.getLogger("cxml")
    log.addHandler(handler)
    log.setLevel(logging.INFO)


class Talk:
    """How the command speaks: to people with a bar, to batch jobs not at all, to machines in JSON."""

    def __init__(self) -> None:
        self.quiet = False
        self.json = False
        self.out = Console(highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)

    def tell(self, text: str) -> None:
        """One line of what is going on; to the log as well."""
        logged(text)
        if not (self.quiet or self.json):
            self.err.print(f"[dim]-[/dim] {escape(text)}")

    def result(self, lines: dict[str, Any]) -> None:
        """What the job made."""
        if self.json:
            sys.stdout.write(
                json.dumps({k: str(v) if isinstance(v, Path) else v for k, v in lines.items()}) + "\n"
            )
        elif not self.quiet:
            width = max(len(key) for key in lines)
            for key, value in lines.items():
                self.out.print(f"{key:<{width}}  {escape(str(value))}")

    @contextmanager
    def bar(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """A progress bar over customers, from the first progress on; none for batch jobs and unwatched runs."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        if self.quiet or self.json or not self.err.is_terminal:
            yield lambda done, everyone: None
            return

        columns = (SpinnerColumn(), TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        progress = Progress(*columns, console=self.err, transient=True)

        def show(done: int, everyone: int) -> None:
            if not progress.tasks:
                progress.add_task(what)
                progress.start()
            progress.update(progress.task_ids[0], completed=done, total=everyone)

        try:
            yield show
        finally:
            if progress.tasks:
                progress.stop()

    def catalogue(self, rows: list[dict[str, Any]], lang: str) -> None:
        """Every feature with its sentence, unit, direction, windows and table, in one language."""
        if lang not in ("en", "ko"):
            raise ConfigError(
                f"no language {lang!r}", where="--lang", expected="en or ko", fix="write --lang ko"
            )
        if self.json:
            return self.result({"features": rows})
        words = {"en": ("ever", "standard windows", "formula"), "ko": ("전체 기간", "기본 기간", "계산식")}
        ever, standard, formula = words[lang]
        factor = ""
        for row in rows:
            if row["factor"] != factor:
                factor = row["factor"]
                self.out.print(f"\n[bold]{escape(row[f'factor_{lang}'])}[/bold] [dim]{factor}[/dim]")
            windows = ", ".join(f"{days}d" if days else ever for days in row["lookbacks"]) or standard
            table = row["table"] or formula
            about = ", ".join(
                [
                    row["unit"],
                    row["direction"],
                    *([windows] if row["lookbacks"] != (0,) else []),
                    table,
                    *row["rows"],
                ]
            )
            self.out.print(f"  {row['feature']}: {escape(row[lang])} [dim]({about})[/dim]")

    def audit(self, found: Any) -> None:
        """The answer of each probe, and remarks, for people; what leaks is told as an error."""
        from rich.table import Table

        probes = Table("probe", "result", box=None)
        for probe in found.probes:
            probes.add_row(probe.name, probe.result)
        self.out.print(probes)
        for probe in found.probes:
            for one in probe.findings:
                if not one.leak:
                    self.out.print(f"[dim]remark: {escape(one.what)}[/dim]")
        self.out.print(f"\n{escape(found.verdict)}\n")

    def check(self, found: Any) -> None:
        """Rows, problems and coverage for people."""
        from rich.table import Table

        rows = Table("table", "rows", box=None)
        for name, n in found.check.rows.items():
            rows.add_row(name, f"{n:,}")
        self.out.print(rows)
        self._months(found.check.months)
        if found.check.columns:
            columns = Table("column of the customers", "taken as", "values", "missing", "", box=None)
            for one in found.check.columns:
                columns.add_row(
                    escape(one.column), one.kind, f"{one.levels:,}", f"{one.missing:.1%}", one.remark
                )
            self.out.print(columns)
        for note in found.check.notes:
            self.out.print(f"[dim]note: {escape(note)}[/dim]")
        measured = ", ".join(_called(entry) for entry in found.coverage["measured"])
        self.out.print(f"\nmeasured in full: {escape(measured) or 'nothing'}")
        flat = set(found.check.rows) == {"customers"}
        for title, key in (("measured in part", "partly"), ("cannot be measured", "not_measured")):
            told = found.coverage[key]
            if flat and told:
                names = ", ".join(entry["factor"] for entry in told)
                self.out.print(f"{title} without tables of events: [dim]{names}[/dim]")
                continue
            for entry in told:
                self.out.print(f"{title}: {entry['factor']} [dim](needs {', '.join(entry['missing'])})[/dim]")
        if not found.check.problems:
            self.out.print("\n[green]no problems[/green]")

    def _months(self, months: Mapping[str, Mapping[str, int]]) -> None:
        """Rows of each log in the last months, in thousands where they are many."""
        shown = sorted({month for counts in months.values() for month in counts})[-_MONTHS:]
        if len(shown) < 2:
            return
        width = max(len("rows a month"), *map(len, months))
        self.out.print(f"{'rows a month':<{width}}" + "".join(f"{month[2:]:>6}" for month in shown))
        for name, counts in months.items():
            line = "".join(f"{_short(counts.get(month, 0)):>6}" for month in shown)
            self.out.print(f"{name:<{width}}{line}")
        self.out.print()

    def advice(self, found: Mapping[str, Any], files: dict[str, Any]) -> None:
        """The horizon that the label workbench suggests and what each one costs, then the *files*."""
        from cxml.report import advice

        if self.json:
            told = {name: found[name] for name in ("suggestion", "horizons", "broken")}
            return self.result({**files, **told})
        if found["broken"]:
            files = {**files, "left out": found["broken"]["what"]}
        if not self.quiet:
            for line in advice(found):
                self.out.print(escape(line))
        self.result(files)

    def campaign(self, found: Any) -> None:
        """What the list brought, and the save rate to write into the configuration."""
        shares = [
            f"{left:,} of {all_:,}"
            for left, all_ in ((found.left_contacted, found.contacted), (found.left_held, found.held))
        ]
        self.out.print(f"left since: {shares[0]} to be contacted, {shares[1]} held out")
        self.out.print(
            f"kept by contacting: {found.saved:,.0f} ({found.saved_low:,.0f} to {found.saved_high:,.0f})"
        )
        if math.isfinite(found.save_rate):
            self.out.print(
                f"save rate: {found.save_rate:.0%} ({found.save_rate_low:.0%} to {found.save_rate_high:.0%})"
                " -> \\[decisions] save_rate"
            )
        else:
            self.out.print("save rate: nobody who was held out has left, so it is not known")
