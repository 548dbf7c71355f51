"""The jobs behind ``cxml init`` and ``cxml simulate``: a folder to fill in, and a company to try."""

from __future__ import annotations

from pathlib import Path

from cxml.errors import ConfigError
from cxml.store import writer


def simulate(out: str | Path, *, customers: int = 20_000, months: int = 24, seed: int = 0) -> Path:
    """Write a company with known truth: a Parquet file per table, its ``cxml.toml``, and ``truth/``."""
    from cxml.simulate import simulate as make

    company = make(customers=customers, months=months, seed=seed)
    with writer.run(out) as run:
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
    writer.replace_text(file, starter())
    return file
