"""Turn the published call log of 1999 into cxml's tables: ``python prepare.py RAW_FOLDER``.

Reads ``calls.parquet`` and ``customer_year_profile.parquet``, writes ``data/interactions.parquet`` and
``data/customers.parquet`` beside this file. Only calls of January and February are kept; of the profile,
which spans the whole year, only the first call (when the customer joined) and the last call (the label).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
LONGEST_S = 3 * 3600  # longer waits and services are clock faults of the recording


def calls(raw: Path) -> pd.DataFrame:
    """The identified calls of January and February, one row each; PHANTOM rows are no calls."""
    log = pd.read_parquet(raw / "calls.parquet")
    log = log[(log.customer_id > 0) & (log.outcome != "PHANTOM") & (log.date < "1999-03-01")]
    # Ids that were rounded at the source (6.02E+11 and so on) merge several customers.
    log = log[~((log.customer_id >= 10**9) & (log.customer_id % 10**6 == 0))]
    start = log.date + pd.to_timedelta(log.vru_entry)
    waited, served = (
        log.q_time.where(log.q_time.between(0, LONGEST_S)),
        log.ser_time.where(log.ser_time.between(0, LONGEST_S)),
    )
    total = log.vru_time.clip(0, LONGEST_S) + waited.fillna(0) + served.fillna(0)
    return pd.DataFrame(
        {
            "interaction_id": log["vru+line"]
            + "-"
            + log.call_id.astype(str)
            + "-"
            + start.dt.strftime("%m%d-%H%M%S"),
            "customer_id": log.customer_id.astype(str),
            "started_at": start,
            "channel": "phone.human",
            "direction": "inbound",
            "topic": log.type,
            "priority": log.priority,
            "agent_id": log.server.where(log.server != "NO_SERVER"),
            "wait_s": waited.astype(float),
            "handle_s": served.astype(float),
            "ended_at": start + pd.to_timedelta(total, unit="s"),
            "abandoned": log.outcome == "HANG",
        }
    )


def customers(raw: Path, log: pd.DataFrame) -> pd.DataFrame:
    """The callers: since when they are known, their last call of the year, and their priority.

    The bank knows a caller's priority by the call that shows it, so a change makes a new version of the
    row, recorded at that call.
    """
    profile = pd.read_parquet(
        raw / "customer_year_profile.parquet", columns=["customer_id", "first_call", "last_call"]
    )
    profile["customer_id"] = profile.customer_id.astype(str)
    seen = log.sort_values(["customer_id", "started_at"])
    changed = seen.groupby("customer_id").priority.diff() != 0
    versions = seen.loc[changed, ["customer_id", "started_at", "priority"]]
    versions = versions.drop_duplicates(["customer_id", "started_at"], keep="last")
    found = versions.merge(profile, on="customer_id")
    return pd.DataFrame(
        {
            "customer_id": found.customer_id,
            "joined_at": found.first_call.dt.date,
            "recorded_at": found.started_at,
            "priority": found.priority,
            "last_seen_at": found.last_call + pd.Timedelta("23:59:59"),
        }
    )


def main(raw: Path, out: Path) -> None:
    """Write both tables to *out*."""
    log = calls(raw)
    people = customers(raw, log)
    out.mkdir(parents=True, exist_ok=True)
    known = log[log.customer_id.isin(people.customer_id)].drop(columns="priority")
    known.to_parquet(out / "interactions.parquet", index=False)
    people.to_parquet(out / "customers.parquet", index=False)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python prepare.py RAW_FOLDER")
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else HERE / "data")
