"""The job behind ``cxml demo``: all the others, one after the other, on a simulated company."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from cxml.config.load import load_config
from cxml.jobs.checking import check
from cxml.jobs.context import (
    Progress,
    Tell,
    logged,
    still,
)
from cxml.jobs.reporting import report
from cxml.jobs.scoring import score
from cxml.jobs.starting import simulate
from cxml.jobs.training import train


@dataclasses.dataclass(frozen=True)
class Demo:
    """Where the demo put what it made."""

    config: Path
    train: Path
    score: Path
    report: Path


def demo(
    folder: str | Path,
    *,
    customers: int = 20_000,
    seed: int = 0,
    tell: Tell = logged,
    progress: Progress = still,
) -> Demo:
    """Simulate a company, check, train, score and report, all below *folder*."""
    home = Path(folder)
    tell(f"simulating {customers:,} customers over 24 months")
    data = simulate(home / "data", customers=customers, seed=seed)
    config = load_config(data)
    config = dataclasses.replace(
        config,
        tracking=dataclasses.replace(config.tracking, uri=f"sqlite:///{home.absolute() / 'mlflow.db'}"),
    )
    check(config).check.raise_if_any()
    trained = train(config, out=home / "train", tell=tell)
    scored = score(config, out=home / "score", tell=tell, progress=progress)
    tell("writing the report")
    written = report(config, out=home / "report", scores=home / "score")
    return Demo(data / "cxml.toml", trained, scored, written)
