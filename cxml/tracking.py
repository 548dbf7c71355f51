"""The MLflow door: a training run logged, its bundle registered, the better one made champion.

The registry holds the versions of one project; the alias ``champion`` is the one that ``cxml score``
takes when nobody names another. Nothing here loads code from a model: of a version, only the
bundle's own files are ever fetched.

Stored are settings, figures, hashes, aggregate files and the bundle; no row of data.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxml.errors import CxmlError, ModelError
from cxml.manifest import MANIFEST
from cxml.models.bundle import Bundle
from cxml.version import __version__

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

# Both are read when MLflow is imported, so they are set before anything here imports it.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

CHAMPION = "champion"
BUNDLE = "bundle"
"""The name of the bundle among the artifacts of a model version."""

RULE = (
    "A version becomes champion when nobody is; when it was tested on a later cutoff than the champion"
    " and beats all its baselines on log loss; or when its log loss is lower on the same test cutoff."
)

_SERVING = Path(__file__).with_name("serving.py")
_ARTIFACTS = "mlartifacts"
_LONGEST = 500
_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///(?P<path>[^?]+)")
_PLAIN_NAME = re.compile(r"\w[\w .-]{0,199}")
_ABSENT = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}


@dataclass(frozen=True)
class Logged:
    """What became of a training run in MLflow.

    Attributes
    ----------
    run_id : str
    version : int
        Version of the registered model.
    champion : bool
        Whether this version now holds the alias.
    verdict : str
        One sentence: whether, and why.
    """

    run_id: str
    version: int
    champion: bool
    verdict: str


@dataclass(frozen=True)
class Record:
    """What a version must tell, so that a later one can be compared with it.

    Attributes
    ----------
    cutoff : str
        The test cutoff, ISO 8601 with zone.
    log_loss : float
        Of the churn model on the test snapshots.
    beats_baselines : bool
        Whether no baseline's log loss there is as low.
    question : str
        What is predicted: definition, lead and horizon. Losses compare within one question only.
    """

    cutoff: str
    log_loss: float
    beats_baselines: bool
    question: str

    def tags(self) -> dict[str, str]:
        """The record as tags of a version."""
        return {
            "cxml.test_cutoff": self.cutoff,
            "cxml.test_log_loss": repr(self.log_loss),
            "cxml.beats_baselines": str(self.beats_baselines).lower(),
            "cxml.question": self.question,
        }

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Record | None:
        """The record in the tags of a version; None where cxml wrote none."""
        try:
            datetime.fromisoformat(tags["cxml.test_cutoff"])
            loss = float(tags["cxml.test_log_loss"])
            return cls(tags["cxml.test_cutoff"], loss, tags["cxml.beats_baselines"] == "true", tags["cxml.question"])
        except (KeyError, ValueError):
            return None


def log_training(
    *,
    uri: str,
    experiment: str,
    name: str,
    bundle: Path,
    metrics: Mapping[str, Any],
    info: Mapping[str, Any],
    files: Sequence[Path],
) -> Logged:
    """Log a training run and register its bundle as a new version of *name*.

    Parameters
    ----------
    uri : str
        The tracking URI. Artifacts of a new SQLite store lie in ``mlartifacts`` beside the database.
    experiment, name : str
        The experiment, and the project: *name* is registered in the form of ``registered_name``.
    bundle : Path
        The bundle's folder.
    metrics : mapping
        The content of ``metrics.json``. Figures that are not finite are left out.
    info : mapping
        The bundle's info. Short values become parameters, the hashes in ``data`` become tags.
    files : sequence of Path
        Further artifacts of the run.

    Returns
    -------
    Logged

    Raises
    ------
    ModelError
        The bundle is damaged.
    CxmlError
        The store cannot be used. A run that was begun is marked as failed, and no alias has moved.
    """
    read, record = Bundle.read(bundle), _record(metrics, info)
    with _store(uri) as client:
        run_id = client.create_run(
            _experiment(client, uri, experiment), run_name=f"{name}, test cutoff {record.cutoff[:10]}",
            tags={"cxml.version": __version__, "cxml.bundle": read.fingerprint, **_data_tags(info)},
        ).info.run_id  # fmt: skip
        try:
            for key, value in settings(info).items():
                client.log_param(run_id, key, value)
            for path in files:
                client.log_artifact(run_id, str(path))
            model_id = _log_model(client, run_id, bundle, _signature(read))
            for key, figure in figures(metrics).items():
                client.log_metric(run_id, key, figure, model_id=model_id)
            version = _register(client, run_id, model_id, registered_name(name), record.tags() | {
                "cxml.version": __version__, "cxml.bundle": read.fingerprint, "cxml.manifest": _manifest_hash(bundle),
            })  # fmt: skip
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)
        holder = _holder(client, version.name)
        champion, why = judge(record, holder and Record.from_tags(holder.tags), holder and int(holder.version))
        if champion:
            client.set_registered_model_alias(version.name, CHAMPION, str(version.version))
        stays = "becomes champion" if champion else "stays a version without alias"
        return Logged(run_id, int(version.version), champion, f"Version {version.version} of {version.name} {stays}: {why}.")


def fetch_bundle(uri: str, ref: str, dest: Path) -> Path:
    """Download the bundle of *ref*, ``name@alias`` or ``name/version``, into the folder *dest*.

    Returns
    -------
    Path
        The bundle's folder. ``Bundle.read`` checks its files.

    Raises
    ------
    ModelError
        There is no such store, name, alias or version, or its bundle is not the one that was registered.
    CxmlError
        The store cannot be used.
    """
    name, alias, number = _parsed(ref)
    if not (database := _database(uri)) or database.is_file():
        with _store(uri) as client:
            version = _version(client, name, alias, number)
            if version:
                return _download(client, version, ref, uri, dest)
    raise ModelError(
        f"the registry has no model {ref}", where=shown(uri),
        expected="a registered model, as name@alias or name/version",
        fix="run 'cxml train', or name a bundle folder",
    )  # fmt: skip


def reach(uri: str) -> None:
    """Open the store, and make it where it is a new SQLite file, before work is spent on what it shall hold.

    Raises
    ------
    CxmlError
        The store cannot be used.
    """
    with _store(uri) as client:
        client.search_experiments(max_results=1)


def judge(new: Record, champion: Record | None, holder: int | None) -> tuple[bool, str]:
    """Whether a new version becomes champion in place of version *holder*, and why, by ``RULE``.

    A champion that answers another question (definition, lead, horizon) cannot be compared: it gives way
    to a version that beats its baselines.

    >>> first = Record("2026-01-01T00:00:00+00:00", 0.31, True, "inactivity within 90 days")
    >>> judge(first, None, None)
    (True, 'nobody was')
    >>> judge(Record("2026-01-01T00:00:00+00:00", 0.33, True, first.question), first, 1)
    (False, 'on the same test cutoff 2026-01-01 its log loss 0.3300 is not below the 0.3100 of champion version 1')
    """
    if holder is None:
        return True, "nobody was"
    if champion is None:
        return False, f"champion version {holder} carries no test figures to compare with; move the alias by hand"
    beats = "beats" if new.beats_baselines else "does not beat"
    on = f"it {beats} all its baselines on log loss"
    if new.question != champion.question:
        return new.beats_baselines, f"champion version {holder} predicts {champion.question}, this one {new.question}, and {on}"
    ours, theirs = (datetime.fromisoformat(record.cutoff) for record in (new, champion))
    if ours > theirs:
        later = f"tested on the later cutoff {new.cutoff[:10]} than version {holder} ({champion.cutoff[:10]})"
        return new.beats_baselines, f"{later}, {on}"
    if ours < theirs:
        return False, f"its test cutoff {new.cutoff[:10]} is earlier than {champion.cutoff[:10]} of champion version {holder}"
    lower = new.log_loss < champion.log_loss
    losses = f"{new.log_loss:.4f} is {'below' if lower else 'not below'} the {champion.log_loss:.4f} of"
    who = f"version {holder}, champion until now" if lower else f"champion version {holder}"
    return lower, f"on the same test cutoff {new.cutoff[:10]} its log loss {losses} {who}"


def registered_name(name: str) -> str:
    """*name* as MLflow's registry takes it: itself where harmless, else a readable part and a hash.

    >>> registered_name("anonymous_bank"), registered_name("shop/eu")
    ('anonymous_bank', 'shop-eu-6f1b5e09')
    """
    if _PLAIN_NAME.fullmatch(name) and name == name.strip():
        return name
    readable = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:100]
    return f"{readable or 'model'}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def settings(info: Mapping[str, Any]) -> dict[str, str]:
    """The short values of a bundle's info as parameters: scalars, and lists of scalars.

    >>> settings({"mode": "time", "train_cutoffs": ["2025-10-01", "2025-11-01"], "metrics": {"churn": {}}})
    {'mode': 'time', 'train_cutoffs': '2025-10-01, 2025-11-01'}
    """
    found = {}
    for key, value in sorted(info.items()):
        parts = value if isinstance(value, list | tuple) else [value]
        if value is not None and all(isinstance(part, str | int | float) for part in parts):
            found[key] = ", ".join(str(part) for part in parts)[:_LONGEST]
    return found


def figures(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The figures of ``metrics.json`` under flat names; what is not finite is left out.

    >>> figures({"churn": {"auc": 0.8, "log_loss": float("nan")}, "baselines": {"churn": {"logistic": {"auc": 0.7}}}})
    {'churn.auc': 0.8, 'churn.logistic.auc': 0.7}
    """
    found: dict[str, float] = {}
    for target in ("churn", "value"):
        groups = {target: metrics.get(target, {})}
        groups |= {f"{target}.{name}": own for name, own in metrics.get("baselines", {}).get(target, {}).items()}
        for group, own in groups.items():
            for key, figure in own.items():
                if isinstance(figure, int | float) and math.isfinite(figure):
                    found[f"{group}.{key}"] = float(figure)
    return found


def shown(uri: str) -> str:
    """*uri* without user, password and query, for messages.

    >>> shown("postgresql://me:secret@db.example:5432/mlflow?sslkey=x")
    'postgresql://db.example:5432/mlflow'
    """
    return re.sub(r"//[^/@]*@", "//", uri.split("?")[0])


def _record(metrics: Mapping[str, Any], info: Mapping[str, Any]) -> Record:
    loss = float(metrics["churn"]["log_loss"])
    others = [own["log_loss"] for own in metrics["baselines"]["churn"].values()]
    lead = f", lead {info['lead_days']:g} days" if info["lead_days"] else ""
    question = f"churn by {info['churn']} within {info['horizon_days']:g} days{lead}"
    return Record(str(metrics["test"]["cutoff"]), loss, all(loss < other for other in others), question)


def _data_tags(info: Mapping[str, Any]) -> dict[str, str]:
    return {f"cxml.data.{table}": digest for table, digest in sorted(info.get("data", {}).items())}


def _manifest_hash(bundle: Path) -> str:
    return hashlib.sha256((bundle / MANIFEST).read_bytes()).hexdigest()


def _signature(bundle: Bundle) -> ModelSignature:
    """Numbers are double and text is string, so that a missing value is never a change of type; all is optional."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    schema = bundle.schema
    rows = [ColSpec("string" if name in schema.levels else "double", name, required=False) for name in schema.columns]
    scores = ["churn_probability", "base", "expected_value"]
    return ModelSignature(Schema(rows), Schema([ColSpec("double", name, required=False) for name in scores]))


def _log_model(client: MlflowClient, run_id: str, bundle: Path, signature: ModelSignature) -> str:
    """Log the bundle as a model that MLflow can serve, and return the model's id.

    The client is told everything, so that neither MLflow's global URIs nor an active run of the caller
    or of ``mlflow run`` play a part.
    """
    import mlflow.pyfunc
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    experiment = client.get_run(run_id).info.experiment_id
    logged = client.create_logged_model(experiment, name="cxml", source_run_id=run_id, model_type="churn and value")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        mlflow.pyfunc.save_model(
            path, python_model=_SERVING, artifacts={BUNDLE: str(bundle.absolute())}, signature=signature,
            pip_requirements=[f"cxml=={__version__}"],
            mlflow_model=Model(run_id=run_id, model_uuid=logged.model_id, model_id=logged.model_id),
        )  # fmt: skip
        client.log_model_artifacts(logged.model_id, str(path))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return str(logged.model_id)


def _register(client: MlflowClient, run_id: str, model_id: str, name: str, tags: dict[str, str]) -> ModelVersion:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description=RULE)
    except MlflowException as problem:
        if problem.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = client.get_logged_model(model_id).artifact_location
    return client.create_model_version(name, source, run_id, tags=tags, model_id=model_id)


def _holder(client: MlflowClient, name: str) -> ModelVersion | None:
    return _version(client, name, CHAMPION, None)


def _version(client: MlflowClient, name: str, alias: str | None, number: str | None) -> ModelVersion | None:
    """The version with that alias or number; None where there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version(name, number) if number else client.get_model_version_by_alias(name, alias)
    except MlflowException as problem:
        if problem.error_code in _ABSENT:
            return None
        raise


def _download(client: MlflowClient, version: ModelVersion, ref: str, uri: str, dest: Path) -> Path:
    """The bundle's files, which must be those that were registered."""
    from mlflow.artifacts import download_artifacts

    place = client.get_model_version_download_uri(version.name, version.version)
    source = f"{place.rstrip('/')}/artifacts/{BUNDLE}"
    folder = Path(download_artifacts(artifact_uri=source, dst_path=str(dest), tracking_uri=uri, registry_uri=uri))
    if not (folder / MANIFEST).is_file() or _manifest_hash(folder) != version.tags.get("cxml.manifest"):
        raise ModelError(
            f"the bundle of {ref} is not the one that was registered", where=shown(place),
            expected="the files that 'cxml train' wrote", fix="run 'cxml train', or name a bundle folder that you trust",
        )  # fmt: skip
    return folder


def _parsed(ref: str) -> tuple[str, str | None, str | None]:
    """Registered name, and alias or number of the version."""
    name, mark, which = ref.rpartition("@" if "@" in ref else "/")
    if not name or not which or (mark == "/" and not which.isdecimal()):
        raise ModelError(f"{ref!r} names no model", where="model", expected="name@alias or name/version",
                         fix=f"write for example {name or which or 'project'}@{CHAMPION}")  # fmt: skip
    return registered_name(name), (which if mark == "@" else None), (which if mark == "/" else None)


def _database(uri: str) -> Path | None:
    """The file of a SQLite store."""
    match = _SQLITE.match(uri)
    return Path(match["path"]).absolute() if match else None


def _experiment(client: MlflowClient, uri: str, name: str) -> str:
    """The id of the experiment *name*, which is made where it is new.

    Left to itself, MLflow would put the artifacts of a SQLite store below the working directory.
    """
    from mlflow.exceptions import MlflowException

    database = _database(uri)
    try:
        return client.create_experiment(name, (database.parent / _ARTIFACTS).as_uri() if database else None)
    except MlflowException as problem:
        if problem.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    found = client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage != "active":
        raise CxmlError(f"the MLflow experiment {name!r} was deleted", where=shown(uri), expected="an active experiment",
                        fix="restore it, or write another name at [tracking] experiment")  # fmt: skip
    return str(found.experiment_id)


@contextmanager
def _store(uri: str) -> Iterator[MlflowClient]:
    """A client of the store at *uri*; what MLflow says meanwhile stays unsaid, what fails is a CxmlError."""
    with _quiet():
        try:
            from mlflow import MlflowClient

            if database := _database(uri):
                database.parent.mkdir(parents=True, exist_ok=True)
            yield MlflowClient(uri, uri)
        except CxmlError:
            raise
        except Exception as problem:  # each kind of store raises errors of its own
            said = shown(str(problem).strip().replace(uri, shown(uri)).split("\n")[0])[:300]
            raise CxmlError(
                f"MLflow failed: {said}", where=shown(uri), expected="a store that can be reached and written",
                fix="correct [tracking] uri, for example to sqlite:///mlflow.db, or start its server",
            ) from problem  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow's and its migrations' log lines and warnings off the terminal, but for errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401  (the import itself sets up the loggers that are hushed here)

        loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
        before = [logger.level for logger in loggers]
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
