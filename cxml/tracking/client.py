"""A client of MLflow that stays quiet, and whose failures are in plain words."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cxml.errors import CxmlError

if TYPE_CHECKING:
    from mlflow import MlflowClient


_ARTIFACTS = "mlartifacts"

_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///(?P<path>[^?]+)")


def reach(uri: str) -> None:
    """Open the store, and make it where it is a new SQLite file, before work is spent on what it shall hold.

    Raises
    ------
    CxmlError
        The store cannot be used.
    """
    with opened(uri) as client:
        client.search_experiments(max_results=1)


def shown(uri: str) -> str:
    """*uri* without user, password and query, for messages.

    >>> shown("postgresql://me:secret@db.example:5432/mlflow?sslkey=x")
    'postgresql://db.example:5432/mlflow'
    """
    return re.sub(r"//[^/@]*@", "//", uri.split("?")[0])


def database_of(uri: str) -> Path | None:
    """The file of a SQLite store."""
    match = _SQLITE.match(uri)
    return Path(match["path"]).absolute() if match else None


def experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    """The id of the experiment *name*, which is made where it is new.

    Left to itself, MLflow would put the artifacts of a SQLite store below the working directory.
    """
    from mlflow.exceptions import MlflowException

    database = database_of(uri)
    try:
        return client.create_experiment(name, (database.parent / _ARTIFACTS).as_uri() if database else None)
    except MlflowException as problem:
        if problem.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    found = client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage != "active":
        raise CxmlError(
            f"the MLflow experiment {name!r} was deleted",
            where=shown(uri),
            expected="an active experiment",
            fix="restore it, or write another name at [tracking] experiment",
        )
    return str(found.experiment_id)


@contextmanager
def opened(uri: str) -> Iterator[MlflowClient]:
    """A client of the store at *uri*; what MLflow says meanwhile stays unsaid, what fails is a CxmlError."""
    with _quiet():
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            if database := database_of(uri):
                database.parent.mkdir(parents=True, exist_ok=True)
            yield MlflowClient(uri, uri)
        except (MlflowException, SQLAlchemyError, OSError, ImportError) as problem:  # the last: no driver
            said = shown(str(problem).strip().replace(uri, shown(uri)).split("\n")[0])[:300]
            raise CxmlError(
                f"MLflow failed: {said}",
                where=shown(uri),
                expected="a store that can be reached and written",
                fix="correct [tracking] uri, for example to sqlite:///mlflow.db, or start its server",
            ) from problem


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep log lines and warnings of MLflow and of what it stands on off the terminal, but for errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401  (the import itself sets up the loggers that are hushed here)

        loggers = [logging.getLogger(name) for name in ("mlflow", "alembic", "urllib3")]
        before = [logger.level for logger in loggers]
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
