"""The MLflow door: a training run logged, its bundle registered, the better one made champion.

The registry holds the versions of one project; the alias ``champion`` is the one that ``cxml score``
takes when nobody names another. Nothing here loads code from a model: of a version, only the
bundle's own files are ever fetched.

Stored are settings, figures, hashes, aggregate files and the bundle; no row of data.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxml.errors import ModelError
from cxml.models.bundle import Bundle
from cxml.store.manifest import MANIFEST
from cxml.tracking.champion import RULE, Record, is_champion
from cxml.tracking.client import database_of, experiment_id, opened, shown
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

_CHILDREN = {"cutoff {cutoff:.10} ({role})": "cutoffs", "trial {number}": "search"}
"""Name of a child run, from its row -> table of ``metrics.json`` with a row per child."""
_SERVING = Path(__file__).with_name("served_model.py")
_LONGEST = 500
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


def log_training(
    *,
    uri: str,
    experiment: str,
    name: str,
    bundle: Path,
    metrics: Mapping[str, Any],
    info: Mapping[str, Any],
    files: Sequence[Path],
    measure: str = "log_loss",
    promote: str = "better",
) -> Logged:
    """Log a training run and register its bundle as a new version of *name*.

    Each cutoff, and each size of trees that a search tried, is a child of the run.

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
        Further artifacts of the run; folders with all they hold.
    measure, promote : str
        Which figure decides who is champion, and whether any does: as ``champion.is_champion``.

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
    read, record = Bundle.read(bundle), Record.of(metrics, info, measure)
    about = {"cxml.version": __version__, "cxml.bundle": read.fingerprint, **_data_tags(info)}
    with opened(uri) as client:
        where = experiment_id(client, uri, experiment)
        run = client.create_run(where, tags=about, run_name=f"{name}, test cutoff {record.day}")
        run_id = str(run.info.run_id)
        try:
            for key, value in settings(info).items():
                client.log_param(run_id, key, value)
            for path in files:
                if path.is_dir():
                    client.log_artifacts(run_id, str(path), path.name)
                else:
                    client.log_artifact(run_id, str(path))
            for child, rows in _CHILDREN.items():
                for row in metrics.get("tables", {}).get(rows, []):
                    log_child(client, where, run_id, child.format(**row), row)
            model_id = _log_model(client, run_id, bundle, _signature(read))
            for key, figure in figures(metrics).items():
                client.log_metric(run_id, key, figure, model_id=model_id)
            tags = {**about, "cxml.store.manifest": _manifest_hash(bundle), **record.to_tags()}
            version = _register(client, run_id, model_id, registered_name(name), tags)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)
        return _promoted(client, version, record, promote)


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
    if not (database := database_of(uri)) or database.is_file():
        with opened(uri) as client:
            version = _version(client, name, alias, number)
            if version:
                return _download(client, version, ref, uri, dest)
    raise ModelError(
        f"the registry has no model {ref}",
        where=shown(uri),
        expected="a registered model, as name@alias or name/version",
        fix="run 'cxml train', or name a bundle folder",
    )


def registered_name(name: str) -> str:
    """*name* as MLflow's registry takes it: itself where harmless, else a readable part and a hash.

    >>> registered_name("anonymous_bank"), registered_name("shop/eu")
    ('anonymous_bank', 'shop-eu-0db6ca82')
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

    >>> figures({"churn": {"auc": 0.8}, "baselines": {"churn": {"logistic": {"auc": 0.7, "ece": None}}}})
    {'churn.auc': 0.8, 'churn.logistic.auc': 0.7}
    """
    groups = {}
    for target in ("churn", "value", "survival"):
        groups[target] = metrics.get(target, {})
        for name, own in metrics.get("baselines", {}).get(target, {}).items():
            groups[f"{target}.{name}"] = own
    return {
        f"{group}.{key}": float(figure)
        for group, own in groups.items()
        for key, figure in own.items()
        if isinstance(figure, int | float) and math.isfinite(figure)
    }


def log_child(client: MlflowClient, experiment: str, parent: str, name: str, row: Mapping[str, Any]) -> None:
    """A run below *parent*: the texts of *row* as parameters, its finite numbers as metrics."""
    from mlflow.entities import Metric, Param

    run = client.create_run(experiment, tags={"mlflow.parentRunId": parent}, run_name=name)
    started = run.info.start_time
    client.log_batch(
        run.info.run_id,
        metrics=[
            Metric(key, float(value), started, 0)
            for key, value in row.items()
            if isinstance(value, int | float) and math.isfinite(value)
        ],
        params=[Param(key, value) for key, value in row.items() if isinstance(value, str)],
    )
    client.set_terminated(run.info.run_id)


def _data_tags(info: Mapping[str, Any]) -> dict[str, str]:
    return {f"cxml.data.{table}": digest for table, digest in sorted(info.get("data", {}).items())}


def _manifest_hash(bundle: Path) -> str:
    return hashlib.sha256((bundle / MANIFEST).read_bytes()).hexdigest()


def _signature(bundle: Bundle) -> ModelSignature:
    """All columns are optional; all numbers are double, so that a missing one is no change of type."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    levels = bundle.schema.levels
    rows = Schema([ColSpec("string" if c in levels else "double", c, False) for c in bundle.schema.columns])
    scores = {"churn_probability": "double", "expected_value": "double", "reasons": "string"}
    return ModelSignature(rows, Schema([ColSpec(kind, name, False) for name, kind in scores.items()]))


def _log_model(client: MlflowClient, run_id: str, bundle: Path, signature: ModelSignature) -> str:
    """Log the bundle as a model that MLflow can serve, and return the model's id.

    The client is told everything, so that neither MLflow's global URIs nor an active run of the caller
    or of ``mlflow run`` play a part.
    """
    import mlflow.pyfunc
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    experiment = client.get_run(run_id).info.experiment_id
    logged = client.create_logged_model(experiment, name="cxml", source_run_id=run_id)
    with tempfile.TemporaryDirectory() as folder:
        path, staged = Path(folder, "model"), Path(folder, BUNDLE)
        shutil.copytree(bundle, staged)  # MLflow calls an artifact as its folder is called
        mlflow.pyfunc.save_model(
            path,
            python_model=_SERVING,
            artifacts={BUNDLE: str(staged)},
            signature=signature,
            pip_requirements=[f"cxml=={__version__}"],
            mlflow_model=Model(run_id=run_id, model_uuid=logged.model_id, model_id=logged.model_id),
        )
        client.log_model_artifacts(logged.model_id, str(path))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return str(logged.model_id)


def _register(
    client: MlflowClient, run_id: str, model_id: str, name: str, tags: dict[str, str]
) -> ModelVersion:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description=RULE)
    except MlflowException as problem:
        if problem.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = client.get_logged_model(model_id).artifact_location
    return client.create_model_version(name, source, run_id, tags=tags, model_id=model_id)


def _promoted(client: MlflowClient, version: ModelVersion, record: Record, promote: str) -> Logged:
    """Give the alias to *version* if the rule says so, and say what was decided."""
    holder = _version(client, version.name, CHAMPION, "")
    known = Record.from_tags(holder.tags) if holder else None
    champion, why = is_champion(record, f"version {holder.version}" if holder else "", known, promote)
    if champion:
        client.set_registered_model_alias(version.name, CHAMPION, str(version.version))
    becomes = "becomes champion" if champion else "does not become champion"
    verdict = f"Version {version.version} of {version.name} {becomes}: {why}."
    return Logged(str(version.run_id), int(version.version), champion, verdict)


def _version(client: MlflowClient, name: str, alias: str, number: str) -> ModelVersion | None:
    """The version with that alias, or that number; None where there is none."""
    from mlflow.exceptions import MlflowException

    try:
        if alias:
            return client.get_model_version_by_alias(name, alias)
        return client.get_model_version(name, number)
    except MlflowException as problem:
        if problem.error_code in _ABSENT:
            return None
        raise


def _download(client: MlflowClient, version: ModelVersion, ref: str, uri: str, dest: Path) -> Path:
    """The bundle's files, which must be those that were registered."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    place = client.get_model_version_download_uri(version.name, version.version)
    source = f"{place.rstrip('/')}/artifacts/{BUNDLE}"
    try:
        folder = Path(download_artifacts(source, dst_path=str(dest), tracking_uri=uri, registry_uri=uri))
        genuine = _manifest_hash(folder) == version.tags.get("cxml.store.manifest")
    except (MlflowException, OSError) as problem:
        raise ModelError(
            f"the bundle of {ref} cannot be fetched",
            where=shown(place),
            expected="the files that 'cxml train' wrote, where it wrote them",
            fix="put them back, or run 'cxml train'",
        ) from problem
    if not genuine:
        raise ModelError(
            f"the bundle of {ref} is not the one that was registered",
            where=shown(place),
            expected="the files that 'cxml train' wrote",
            fix="run 'cxml train', or name a bundle folder",
        )
    return folder


def _parsed(ref: str) -> tuple[str, str, str]:
    """Registered name, and the version's alias or number; the other of the two is empty."""
    name, mark, which = ref.rpartition("@" if "@" in ref else "/")
    if not name or not which or (mark == "/" and not which.isdecimal()):
        raise ModelError(
            f"{ref!r} names no model",
            where="model",
            expected="name@alias or name/version",
            fix=f"write for example {name or which or 'project'}@{CHAMPION}",
        )
    return registered_name(name), (which if mark == "@" else ""), (which if mark == "/" else "")
