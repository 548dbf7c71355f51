"""Jobs before a model: a company to try, tables and features, and what they are worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxml.config.time_spans import duration
from cxml.errors import ConfigError, CxmlError
from cxml.jobs.context import (
    ConfigLike,
    Progress,
    Tell,
    checked_tables,
    config_hash,
    out_folder,
    read_config,
    silent,
    still,
)
from cxml.store import runs

if TYPE_CHECKING:
    from cxml.audit import Audit
    from cxml.tables.check import Check
    from cxml.tables.opening import Tables


@dataclasses.dataclass(frozen=True)
class Checked:
    """What ``check`` found: the problems and row counts, and which factors can be measured."""

    check: Check
    coverage: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Audited:
    """Where the audit was written, and what it found."""

    folder: Path
    found: Audit


def simulate(out: str | Path, *, customers: int = 20_000, months: int = 24, seed: int = 0) -> Path:
    """Write a company with known truth: a Parquet file per table, its ``cxml.toml``, and ``truth/``."""
    from cxml.simulate import simulate as make

    company = make(customers=customers, months=months, seed=seed)
    with runs.run(out) as run:
        for name, table in company.tables.items():
            run.write_table(f"{name}.parquet", table)
        for name, table in company.truth.items():
            run.write_table(f"truth/{name}.parquet", table)
        run.write_text("cxml.toml", company.config)
        run.info = {"customers": customers, "months": months, "seed": seed}
    return run.path


def init(folder: str | Path) -> Path:
    """Make *folder* with a ``cxml.toml`` to fill in; never over one that is there."""
    from cxml.config.template import starter

    file = Path(folder) / "cxml.toml"
    if file.exists():
        raise ConfigError(
            "there is a configuration already",
            where=str(file),
            expected="a new folder",
            fix="name another folder, or edit the file that is there",
        )
    runs.replace_text(file, starter())
    return file


def check(config: ConfigLike) -> Checked:
    """Check every table against its contract, and see what can be measured with what is there.

    The problems are in the result; nothing is raised for them.
    """
    from cxml.features.company import plan_features
    from cxml.features.coverage import coverage_of
    from cxml.tables.check import check_tables
    from cxml.tables.opening import open_tables

    tables = open_tables(read_config(config))
    found = check_tables(tables)
    if not found.problems:
        found = dataclasses.replace(found, notes=(*found.notes, *_before_work(tables)))
    return Checked(found, coverage_of(plan_features(tables), found.rows))


def _before_work(tables: Tables) -> Iterator[str]:
    """What would stop a training or a scoring of tables without problems, or make them doubtful."""
    from cxml.labels import targets
    from cxml.snapshots import population
    from cxml.snapshots.cutoffs import scoring_cutoff, usable_cutoffs

    def cannot(be: str, lack: CxmlError) -> str:
        return f"these tables cannot be {be}: {lack.what} ({lack.where}); {lack.fix}"

    if lack := targets.lack(tables):
        yield cannot("learned from", lack)
    for use, cutoffs in (
        ("learned from", usable_cutoffs),
        ("scored as of observation_end", lambda tables: [scoring_cutoff(tables.config, None)]),
    ):
        try:
            asked = cutoffs(tables)
            population.take(tables, sorted({asked[0], asked[-1]})).close()
        except CxmlError as error:
            yield cannot(use, error)
    # A flat table has no last days, and need not wait for what the audit loads.
    if set(tables.columns) != {"customers"}:
        from cxml.audit.late_arrival import late_rows

        for one in late_rows(tables):
            yield f"{one.what}; {one.fix}"


def features(
    config: ConfigLike,
    *,
    cutoff: str | datetime | None = None,
    before: str | timedelta = timedelta(0),
    out: str | Path,
    tell: Tell = silent,
) -> Path:
    """Write the features of everybody at risk at *cutoff* to the Parquet file *out*.

    Rows set aside are listed beside it, in ``<name>.set_aside.parquet``.

    With *before*, such as ``"90D"``, they are those of the same customers that long before the cutoff: what
    was there when an exposure window of that length began. Factors that are a part of leaving are left out.
    """
    import pyarrow as pa

    from cxml.factors.declare import MEASURED
    from cxml.features.company import plan_features
    from cxml.features.matrix import build_features as measured
    from cxml.snapshots import population
    from cxml.snapshots.cutoffs import scoring_cutoff
    from cxml.tables import set_aside

    tables = checked_tables(read_config(config), tell=tell)
    span = before if isinstance(before, timedelta) else duration(before, "--before")
    plan = plan_features(tables).matrix(MEASURED)
    with (
        population.take(tables, [scoring_cutoff(tables.config, cutoff)]) as people,
        people.back(int(span.total_seconds())) as then,
    ):
        frame = measured(then, plan)
    frame["cutoff"] += span
    runs.replace_table(Path(out), pa.Table.from_pandas(frame, preserve_index=False))
    left_out = Path(out).with_suffix(f".{set_aside.FILE}")
    if tables.set_aside.rows:
        runs.replace_table(left_out, pa.concat_tables(set_aside.listed(tables)))
    else:
        left_out.unlink(missing_ok=True)  # that of an earlier run would speak of rows that are in
    return Path(out)


def features_list(config: ConfigLike | None = None) -> list[dict[str, Any]]:
    """The catalogue: a row per feature with factor, labels, unit, direction, windows, table and rows of the map.

    With a *config* also the factors of its own files, its attributes and its money.
    """
    from cxml.factors.catalogue import FACTORS, feature_rows
    from cxml.features.company import plan_features
    from cxml.tables.opening import open_tables

    return feature_rows(
        FACTORS if config is None else plan_features(open_tables(read_config(config))).factors
    )


def features_sql(config: ConfigLike) -> str:
    """The statements that build the features, in order, with the macros that they use.

    They read the tables as cxml names them, ``customer_keys(customer_id, ci)`` and
    ``snapshots(customer_id, ci, c, g)``: a number per customer, the cutoff in whole seconds, a number per row.
    """
    from cxml.factors.declare import MEASURED
    from cxml.features.company import plan_features
    from cxml.tables.opening import open_tables

    tables = open_tables(read_config(config))
    return f"{tables.engine.macros(tables.config.project.timezone)}\n\n{plan_features(tables).matrix(MEASURED).sql()}"


def audit(
    config: ConfigLike,
    *,
    out: str | Path | None = None,
    customers: int | None = None,
    allow: Collection[str] = (),
    tell: Tell = silent,
    progress: Progress = still,
) -> Audited:
    """Look for what knows at a cutoff that which was only known later; writes ``audit.json`` and ``audit.md``.

    Of more than *customers* (by default 10,000), as many are drawn by the seed of the config. *allow* names
    what is known at the cutoff although it does not look so. What leaks is in the result; nothing is raised
    for it.
    """
    from cxml import audit as leaks
    from cxml.snapshots.cutoffs import training_cutoffs
    from cxml.tables.opening import fingerprint

    config = read_config(config)
    training_cutoffs(config)  # refuses an immature one before anything is read
    with runs.run(out_folder(config, out, "audit")) as run:
        tell("checking the tables")
        tables = checked_tables(config, run=run, tell=tell)
        found = leaks.audit(
            tables,
            customers=customers or leaks.CUSTOMERS,
            seed=config.model.seed,
            allow=allow,
            tell=tell,
            progress=progress,
        )
        run.write_json("audit.json", leaks.as_json(found))
        run.write_text("audit.md", leaks.as_markdown(found))
        run.info = {
            "project": config.project.name,
            "passed": found.passed,
            "data": fingerprint(tables),
            "config": config_hash(config),
            **tables.set_aside.as_info(),
        }
    return Audited(run.path, found)


def label(
    config: ConfigLike, *, out: str | Path | None = None, langs: Sequence[str] = (), tell: Tell = silent
) -> Path:
    """Compare what leaving could mean: ``label.<lang>.html``, ``definitions.csv``, ``rates.csv``, ``label.json``."""
    from cxml import report as pages
    from cxml.labels.study import workbench
    from cxml.tables.opening import fingerprint

    config = read_config(config)
    languages = pages.languages(langs or config.project.languages)
    with runs.run(out_folder(config, out, "label")) as run:
        tell("checking the tables")
        tables = checked_tables(config, run=run, tell=tell)
        found = workbench(tables, tell)
        inputs = pages.LabelInputs(
            project=config.project.name,
            timezone=config.project.timezone,
            observation_end=config.project.observation_end,
            **found.rows(),
        )
        for lang in languages:
            run.write_text(f"label.{lang}.html", pages.label_page(inputs, lang))
        for name, table in (("rates", found.rates), ("definitions", found.definitions)):
            run.write_text(f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
        run.write_json("label.json", found.rows())
        run.info = {
            "project": config.project.name,
            "data": fingerprint(tables),
            "config": config_hash(config),
            **tables.set_aside.as_info(),
        }
    return run.path
