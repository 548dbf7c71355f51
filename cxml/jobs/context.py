"""What jobs need before and beside their work: config, tables, folders, the model asked for, a memory of parts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import re
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cxml.config.load import Config, load_config
from cxml.config.sections import Tracking
from cxml.contracts import TABLES
from cxml.errors import DataError, ModelError, UnseenWarning
from cxml.store import writer
from cxml.store.manifest import RUN_NAME
from cxml.version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from cxml.models.bundle import Bundle
    from cxml.tables.opening import Tables

LOG = logging.getLogger("cxml")
LOG.addHandler(logging.NullHandler())  # who wants to see it says where
ConfigLike = str | Path | Config
Tell = Callable[[str], None]
Progress = Callable[[int, int], None]
SCORE_FORMAT = 1
"""Raised when the files of a scoring run get another shape: earlier scores are refused then, not misread."""


def logged(text: str) -> None:
    """One line of what is going on, as INFO of the logger ``cxml``: what jobs do where nobody else is told."""
    LOG.info(text)


def still(done: int, everyone: int) -> None:
    """Show no progress."""


@contextmanager
def unseen_told_once(tell: Tell) -> Iterator[None]:
    """Tell of all levels that training never saw in one line, with the most rows at once; others warn as ever."""
    most = Counter[str]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UnseenWarning)
        try:
            yield
        finally:
            others = [one for one in caught if not isinstance(one.message, UnseenWarning)]
            for one in caught:
                if isinstance(one.message, UnseenWarning):
                    most |= Counter(one.message.counts)
    for one in others:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if most:
        tell(f"{UnseenWarning(most)}, at most, of those tried or tested")


def read_config(config: ConfigLike) -> Config:
    """The config itself, or the one in that file or folder."""
    return config if isinstance(config, Config) else load_config(config)


def out_folder(config: Config, out: str | Path | None, job: str) -> Path:
    """Where a job writes when nobody says: ``runs/<job>`` beside the configuration."""
    return Path(out) if out is not None else config.folder / "runs" / job


def checked_tables(
    config: Config,
    attributes: Mapping[str, str] | None = None,
    *,
    run: writer.Run | None = None,
    tell: Tell = logged,
) -> Tables:
    """The tables of the config, without the rows set aside; every problem of every table is raised at once.

    *attributes* are the kinds of attributes that a model was trained with. What was set aside is told, and listed in
    the folder of *run*, where there is one.
    """
    from cxml.tables import set_aside
    from cxml.tables.check import check_tables
    from cxml.tables.opening import open_tables

    tables = open_tables(config, attributes=attributes)
    found = check_tables(tables)
    found.raise_if_any()
    tables = dataclasses.replace(tables, set_aside=found.set_aside)
    for line in tables.set_aside.lines():
        tell(line)
    if run and tables.set_aside.rows:
        with run.table_writer(set_aside.FILE, set_aside.SCHEMA) as listed:
            for rows in set_aside.listed(tables):
                listed.write(rows)
    return tables


def row_counts(tables: Tables) -> dict[str, int]:
    """The rows of each table at hand, each once however many versions of it there are."""
    return {
        name: int(tables.engine.rows(f"select {_rows(tables, name)} from {name}")[0][0])
        for name in sorted(tables.columns)
    }


def _rows(tables: Tables, name: str) -> str:
    table = TABLES[name]
    if "recorded_at" not in tables.columns[name]:
        return "count(*)"
    return f"count(distinct ({table.id}, {table.event}))" if table.until else f"count(distinct {table.id})"


def tracking_uri(config: Config) -> str:
    """The tracking URI with a relative SQLite path placed beside the configuration."""
    uri = config.tracking.uri
    prefix = "sqlite:///"
    if uri.startswith(prefix) and not Path(uri.removeprefix(prefix)).is_absolute():
        return f"{prefix}{config.folder / uri.removeprefix(prefix)}"
    return uri


def config_hash(config: Config) -> str:
    """A hash of every choice that scores depend on: not of where the config lies, nor of where runs are logged."""
    plain = dataclasses.replace(
        config, folder=Path(), tracking=Tracking(), tables=dict(sorted(config.tables.items()))
    )
    return hashlib.sha256(repr(plain).encode()).hexdigest()


def bundle_of(config: Config, model: str | Path | None) -> tuple[Bundle, str]:
    """The bundle named by *model*: a folder, ``name@alias``, ``name/version``, or the project's champion.

    Raises
    ------
    ModelError
        There is no such folder, or the registry has no such model.
    """
    from cxml.models.bundle import Bundle
    from cxml.tracking import training_run

    threads = config.model.threads
    if model is not None and Path(model).is_dir():
        return Bundle.read(Path(model), threads), str(model)
    ref = str(model or f"{config.project.name}@champion")
    if "@" not in ref and not re.search(r"/\d+$", ref):
        raise ModelError(
            f"there is no bundle folder {ref!r}",
            where="--model",
            expected="a folder that 'cxml train' wrote, or name@alias or name/version of the registry",
            fix="correct the path, or leave it out to take the champion",
        )
    with tempfile.TemporaryDirectory() as folder:
        return Bundle.read(training_run.fetch_bundle(tracking_uri(config), ref, Path(folder)), threads), ref


class Kept:
    """Parts of a long job that are done, so that a run that was stopped goes on where it was.

    They lie in a hidden folder of *out*, under a name made of everything they depend on: a change of the
    config, of the data or of cxml starts anew.

    Parameters
    ----------
    out : Path
        The job's output folder.
    *depends_on : str
        Hashes of what the parts depend on.
    """

    def __init__(self, out: Path, *depends_on: str) -> None:
        key = hashlib.sha256("\n".join([__version__, *depends_on]).encode()).hexdigest()[:16]
        self._out, self.folder = out, out / f".parts-{key}"

    def __call__(self, name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """The part of that *name*, made where it is not there yet."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        file = self.folder / f"{writer.safe_name(name)}.parquet"
        if file.is_file():
            kept: pd.DataFrame = pq.read_table(file).to_pandas()
            return kept
        made = make()
        writer.replace_table(file, pa.Table.from_pandas(made, preserve_index=False))
        return made

    def forget(self) -> None:
        """Remove all parts, also those of earlier configs: the job is done."""
        for folder in self._out.glob(".parts-*"):
            shutil.rmtree(folder, ignore_errors=True)


def declared_features(config: Config) -> str:
    """What of the config shapes features beside their columns, as one text."""
    from cxml.features.company import declared

    return json.dumps(declared(config), sort_keys=True)


def scored_run(out: str | Path) -> Path:
    """The latest scoring run in *out*, whole and in the shape that this version reads."""
    named = Path(out).resolve()  # CURRENT, or the folder of a run, may be named as well
    folder = named if RUN_NAME.fullmatch(named.name) else writer.current(out)
    if writer.verify(folder)["info"].get("score_format") != SCORE_FORMAT:
        raise DataError(
            "these are no scores, or another version of cxml wrote them",
            where=str(folder),
            expected="the output folder of 'cxml score'",
            fix="name it with --scores, or score again",
        )
    return folder
