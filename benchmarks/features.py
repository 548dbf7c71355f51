"""Features against pandas: ``python benchmarks/features.py [--rows N] [--pairs K]``.

A made-up log of contacts, six monthly cutoffs, sixteen features in four windows and the days since the last
contact: the same 65 columns by cxml and by pandas, each in a process of its own, in turn. Prints wall, CPU and
peak memory of each, their ratios pair by pair, how many cells differ, and what all factors together cost that
one table allows.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from cxml.config.load import Config, parse_config
from cxml.factors.declare import (
    EVER,
    Factor,
    Feature,
    Flag,
    count,
    days_since,
    latest,
    mean,
    quantile,
    share,
    total,
    worst,
)
from cxml.features import matrix, planner
from cxml.features.company import plan_features
from cxml.snapshots import population
from cxml.tables.opening import open_tables

CUTOFFS = pd.date_range("2024-08-01", periods=6, freq="MS", tz="UTC")
WINDOWS = (7, 30, 90, 180)
CONTACTS_A_CUSTOMER = 12


def _feature(name: str, sql: str, **more: int) -> Feature:
    return Feature(
        name=name,
        table="interactions",
        sql=sql,
        unit="count" if more else "ratio",
        row="A1",
        direction="±",
        en=name,
        ko=name,
        lookbacks=WINDOWS,
        **more,
    )


PROBE = Factor(
    name="probe",
    en="probe",
    ko="시험",
    kind="context",
    family="other",
    tier=1,
    says="The columns that are compared.",
    flags=(
        Flag(
            "again",
            "interactions",
            "coalesce(t - lag(t) over (partition by who, topic order by t, pos) <= 604800, false)",
            reach=7,
        ),
        Flag(
            "next_of_topic",
            "interactions",
            "lead(t) over (partition by who, topic order by t, pos)",
            ahead=True,
        ),
    ),
    features=(
        _feature("n", count(), empty=0),
        _feature("wait_mean", mean("wait_s")),
        _feature("wait_p90", quantile("wait_s", 0.9)),
        _feature("wait_max", worst("wait_s")),
        _feature("wait_last", latest("wait_s")),
        _feature("wait_long", share("wait_s > 300")),
        _feature("handle_mean", mean("handle_s")),
        _feature("hold_sum", total("hold_s")),
        _feature("abandoned_n", count("abandoned"), empty=0),
        _feature("abandoned_share", share("abandoned")),
        _feature("transfers_mean", mean("transfers")),
        _feature("transfers_max", worst("transfers")),
        _feature("verifications_mean", mean("verifications")),
        _feature("phone_share", share("channel = 'phone.human'")),
        _feature("repeats_n", count("again"), empty=0),
        _feature("topics_n", count("next_of_topic is null"), empty=0),
        Feature(
            name="days_since",
            table="interactions",
            sql=days_since(),
            unit="d",
            row="A2",
            direction="±",
            en="days since",
            ko="경과 일수",
            lookbacks=EVER,
        ),
    ),
)


def write_log(path: Path, rows: int) -> None:
    """Contacts of a year, ``CONTACTS_A_CUSTOMER`` a customer on average."""
    rng = np.random.default_rng(0)
    customer = rng.integers(0, rows // CONTACTS_A_CUSTOMER, rows)
    start = np.datetime64("2024-01-01") + rng.integers(0, 366 * 86400, rows).astype("timedelta64[s]")
    wait, handle = rng.gamma(1.5, 120, rows).round(), rng.gamma(2, 180, rows).round()
    pd.DataFrame(
        {
            "interaction_id": np.char.add("i", np.arange(rows).astype(str)),
            "customer_id": np.char.add("c", customer.astype(str)),
            "started_at": start,
            "channel": rng.choice(["phone.human", "email", "chat.live", "chat.bot"], rows),
            "topic": rng.choice(["bill", "line", "move", "price", "other"], rows),
            "wait_s": wait,
            "handle_s": handle,
            "hold_s": (handle * rng.random(rows) / 3).round(),
            "abandoned": rng.random(rows) < 0.1,
            "transfers": rng.poisson(0.3, rows),
            "verifications": rng.poisson(0.8, rows),
        }
    ).sort_values("started_at").to_parquet(path, index=False)


def config(path: Path) -> Config:
    """A config with that log alone; at risk is who contacted within 180 days."""
    return parse_config(
        {
            "project": {"observation_end": "2025-01-01"},
            "tables": {"interactions": {"source": str(path)}},
            "population": {"by": "activity", "within": "180D", "activity": ["interactions"]},
        },
        path.parent,
    )


def by_cxml(path: Path) -> pd.DataFrame:
    """The 65 columns by the planner."""
    tables = open_tables(config(path))
    with population.take(tables, [c.to_pydatetime() for c in CUTOFFS]) as snapshots:
        return matrix.build_features(snapshots, planner.plan(tables.columns, [PROBE]))


def by_everything(path: Path) -> pd.DataFrame:
    """Every feature that the one table allows."""
    tables = open_tables(config(path))
    with population.take(tables, [c.to_pydatetime() for c in CUTOFFS]) as snapshots:
        return matrix.build_features(snapshots, plan_features(tables).matrix())


def by_pandas(path: Path) -> pd.DataFrame:
    """The same columns as one would write them in pandas: a mask and a groupby per cutoff and window."""
    log = pd.read_parquet(path).sort_values(["started_at", "interaction_id"])
    log["started_at"] = log.started_at.dt.tz_localize("UTC")
    end = log.started_at + pd.to_timedelta(np.ceil(log.wait_s + log.handle_s), unit="s")
    by_topic = log.groupby(["customer_id", "topic"], sort=False).started_at
    log["again"] = by_topic.diff() <= pd.Timedelta(days=7)
    log["next_of_topic"] = by_topic.shift(-1)
    late = ["wait_s", "handle_s", "hold_s", "abandoned", "transfers", "verifications"]
    log["abandoned"] = log.abandoned.astype(float)
    found = []
    for cutoff in CUTOFFS:
        seen = log[log.started_at < cutoff].copy()
        seen[late] = seen[late].where(end[seen.index] < cutoff)
        seen["topics"] = ~(seen.next_of_topic < cutoff)
        seen["long"] = (seen.wait_s > 300).where(seen.wait_s.notna()).astype(float)
        seen["phone"] = (seen.channel == "phone.human").astype(float)
        parts = {0: (cutoff - seen.groupby("customer_id").started_at.max()).dt.total_seconds() / 86400}
        columns = {}
        for days in WINDOWS:
            group = seen[seen.started_at >= cutoff - pd.Timedelta(days=days)].groupby("customer_id")
            columns |= {
                f"n_{days}d": group.size(),
                f"wait_mean_{days}d": group.wait_s.mean(),
                f"wait_p90_{days}d": group.wait_s.quantile(0.9),
                f"wait_max_{days}d": group.wait_s.max(),
                f"wait_last_{days}d": group.wait_s.last(),
                f"wait_long_{days}d": group.long.mean(),
                f"handle_mean_{days}d": group.handle_s.mean(),
                f"hold_sum_{days}d": group.hold_s.sum(min_count=1),
                f"abandoned_n_{days}d": group.abandoned.sum(),
                f"abandoned_share_{days}d": group.abandoned.mean(),
                f"transfers_mean_{days}d": group.transfers.mean(),
                f"transfers_max_{days}d": group.transfers.max(),
                f"verifications_mean_{days}d": group.verifications.mean(),
                f"phone_share_{days}d": group.phone.mean(),
                f"repeats_n_{days}d": group.again.sum(),
                f"topics_n_{days}d": group.topics.sum(),
            }
        frame = pd.DataFrame({**columns, "days_since": parts[0]})
        counts = [c for c in frame if c.startswith(("n_", "abandoned_n", "repeats_n", "topics_n"))]
        frame[counts] = frame[counts].fillna(0)
        frame = frame[frame["n_180d"] > 0].rename_axis("customer_id").reset_index()
        found.append(frame.assign(cutoff=cutoff).astype({c: "float32" for c in frame if c != "customer_id"}))
    return pd.concat(found).sort_values(["customer_id", "cutoff"]).reset_index(drop=True)


WAYS = {"cxml": by_cxml, "pandas": by_pandas, "everything": by_everything}


def measured(way: str, path: Path) -> dict[str, float]:
    """Wall and CPU seconds and peak megabytes of one way in a process of its own."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    asked = [sys.executable, __file__, "--way", way, "--log", str(path)]
    peak = float(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()[-1])
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall s": wall, "cpu s": cpu, "peak MB": peak}


def differing(path: Path) -> int:
    """Cells in which the two ways do not agree to six digits."""
    here, there = by_cxml(path), by_pandas(path)
    columns = [c for c in there if c not in ("customer_id", "cutoff")]
    if not (here.customer_id.astype(str).tolist() == there.customer_id.astype(str).tolist()):
        raise SystemExit("the two ways see different customers")
    close = np.isclose(
        here[columns].astype(float), there[columns].astype(float), rtol=1e-5, atol=1e-6, equal_nan=True
    )
    return int((~close).sum())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        WAYS[asked.way](asked.log)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # kilobytes on Linux
        return
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "interactions.parquet"
        write_log(path, asked.rows)
        runs = [(measured("cxml", path), measured("pandas", path)) for _ in range(asked.pairs)]
        table = pd.DataFrame(
            [{"way": way, **run} for pair in runs for way, run in zip(WAYS, pair, strict=False)]
        )
        print(table.groupby("way").median().round(1).to_string())
        for name in ("wall s", "cpu s", "peak MB"):
            ratios = sorted(slow[name] / fast[name] for fast, slow in runs)
            print(f"pandas / cxml, {name}: {', '.join(f'{r:.2f}' for r in ratios)}")
        print("all factors:", {k: round(v, 1) for k, v in measured("everything", path).items()})
        print(f"cells that differ: {differing(path):,}")


if __name__ == "__main__":
    main()
