"""The jobs behind ``cxml features``: the features of a cutoff, the catalogue, and the SQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cxml.config.time_spans import duration
from cxml.jobs.context import (
    ConfigLike,
    Tell,
    checked_tables,
    logged,
    read_config,
)
from cxml.store import writer


def features(
    config: ConfigLike,
    *,
    cutoff: str | datetime | None = None,
    before: str | timedelta = timedelta(0),
    out: str | Path,
    tell: Tell = logged,
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
    writer.replace_table(Path(out), pa.Table.from_pandas(frame, preserve_index=False))
    left_out = Path(out).with_suffix(f".{set_aside.FILE}")
    if tables.set_aside.rows:
        writer.replace_table(left_out, pa.concat_tables(set_aside.listed(tables)))
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
