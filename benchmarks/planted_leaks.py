"""Which planted leaks the audit names: ``python benchmarks/planted_leaks.py [--seeds S] [--first F] [--customers N]``.

Each company is simulated once and exported several times: as it was, and by a system that shows today's state on
rows of the past. Prints, for each way, how many of the companies the audit names by the right column, and how many
clean ones it names anything in.

``--only overwritten`` asks just the probe of overwritten columns, and of planted companies just the tables that were
changed, in a thirtieth of the time.
"""

from __future__ import annotations

import argparse
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cxml.audit import audit, overwritten
from cxml.config.load import Config, parse_config
from cxml.simulate import simulate
from cxml.tables.opening import open_tables

Frames = dict[str, pd.DataFrame]
MONTHS = 14


def left_at(frames: Frames) -> pd.Series:
    """When each customer left; missing for those who are still there."""
    contracts = frames["subscriptions"].sort_values("started_at")
    return contracts.groupby("customer_id").tail(1).set_index("customer_id")["ended_at"]


def _of_leavers(rows: pd.DataFrame, frames: Frames) -> pd.Series:
    return rows["customer_id"].map(left_at(frames)).notna()


def renewals(frames: Frames) -> Frames:
    """Contracts renew themselves no longer once their customer has left or asked to."""
    rows = frames["subscriptions"]
    over = _of_leavers(rows, frames) | rows["cancel_requested_at"].notna()
    return frames | {"subscriptions": rows.assign(auto_renew=rows["auto_renew"].astype(bool) & ~over)}


def plans(frames: Frames) -> Frames:
    """Who has left is on the smallest plan, whatever they had."""
    rows = frames["subscriptions"]
    return frames | {
        "subscriptions": rows.assign(plan=rows["plan"].where(~_of_leavers(rows, frames), "mini"))
    }


def prices(frames: Frames) -> Frames:
    """Who has left pays nothing."""
    rows = frames["subscriptions"]
    return frames | {"subscriptions": rows.assign(price=rows["price"].where(~_of_leavers(rows, frames), 0))}


def tiers(frames: Frames) -> Frames:
    """Who has left is in the lowest tier."""
    rows = frames["customers"]
    return frames | {
        "customers": rows.assign(member_tier=rows["member_tier"].where(~_of_leavers(rows, frames), "basic"))
    }


def present_plans(frames: Frames) -> Frames:
    """Every contract shows the plan and the price of its customer's last one."""
    rows = frames["subscriptions"]
    last = rows.sort_values("started_at").groupby("customer_id")[["plan", "price"]].last()
    shown = {name: rows["customer_id"].map(last[name]) for name in last}
    return frames | {"subscriptions": rows.assign(**shown)}


def last_topics(frames: Frames) -> Frames:
    """The last contact of leavers carries the code that their file got when it was closed."""
    return _recoded(frames, "topic", "account.closed", share=1.0)


def most_last_topics(frames: Frames) -> Frames:
    """The same of four fifths of the leavers."""
    return _recoded(frames, "topic", "account.closed", share=0.8)


def last_agents(frames: Frames) -> Frames:
    """The last contact of leavers was handed to those who close files."""
    return _recoded(frames, "agent_id", "closing desk", share=1.0)


def _recoded(frames: Frames, column: str, code: str, *, share: float) -> Frames:
    rows, ends = frames["interactions"], left_at(frames)
    chosen = ends.index[np.random.default_rng(0).random(len(ends)) < share]
    last = rows.sort_values("started_at").groupby("customer_id").tail(1)
    last = last[_of_leavers(last, frames) & last["customer_id"].isin(chosen)]
    return frames | {
        "interactions": rows.assign(**{column: rows[column].where(~rows.index.isin(last.index), code)})
    }


def open_contacts(frames: Frames) -> Frames:
    """A twentieth of the contacts is still open at the extract, with the counts of its whole life.

    The longer a contact was open, the more often it was handed on; those of leavers most.
    """
    rows, rng = frames["interactions"], np.random.default_rng(0)
    kept_open = pd.Series(rng.random(len(rows)) < 0.05, index=rows.index)
    more = kept_open * (rng.poisson(2, len(rows)) + 4 * _of_leavers(rows, frames))
    changed = {
        "ended_at": rows["ended_at"].mask(kept_open),
        "resolved_at": rows["resolved_at"].mask(kept_open),
        "transfers": rows["transfers"] + more,
        "escalated": rows["escalated"].astype(bool) | (more > 3),
    }
    return frames | {"interactions": rows.assign(**changed)}


CONTRACTS = "subscriptions."
PLANTED: Mapping[Callable[[Frames], Frames], set[str]] = {
    renewals: {CONTRACTS + "auto_renew"},
    plans: {CONTRACTS + "plan"},
    prices: {CONTRACTS + "price"},
    present_plans: {CONTRACTS + "plan", CONTRACTS + "price"},
    tiers: {"customer_member_tier"},
    last_topics: {"interactions.topic"},
    most_last_topics: {"interactions.topic"},
    last_agents: {"interactions.agent_id"},
}
"""What is planted, and the names by which the audit may name it."""
OF_CUSTOMERS = (tiers,)


def named(config: Config, export: Frames) -> set[str]:
    """What the audit names, remarks included."""
    return {one.about for probe in audit(open_tables(config, export)).probes for one in probe.findings}


def overwritten_alone(config: Config, export: Frames) -> set[str]:
    """What the probe of overwritten columns names."""
    return {one.about for one in overwritten.probe(open_tables(config, export), 10_000, 0).findings}


def changed(before: Frames, after: Frames) -> Frames:
    """The tables that were changed, and those that say who is a customer."""
    needed = {"customers", "subscriptions"}
    return {name: frame for name, frame in after.items() if name in needed or frame is not before.get(name)}


def main() -> None:
    """Print a line per company and a table of all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", choices=["overwritten"])
    parser.add_argument("--plants", nargs="*", default=[plant.__name__ for plant in PLANTED])
    asked = parser.parse_args()
    chosen = {plant: names for plant, names in PLANTED.items() if plant.__name__ in asked.plants}
    if asked.only:
        chosen = {plant: names for plant, names in chosen.items() if plant not in OF_CUSTOMERS}
    ask = overwritten_alone if asked.only else named
    hits = dict.fromkeys([plant.__name__ for plant in chosen] + ["clean"], 0)
    for seed in range(asked.first, asked.first + asked.seeds):
        started = time.process_time()
        company = simulate(asked.customers, months=MONTHS, seed=seed)
        raw = tomllib.loads(company.config) | {"tables": {}, "model": {"threads": 1}}
        config = parse_config(raw | ({"value": {}} if asked.only else {}), Path())
        frames = {name: table.to_pandas() for name, table in company.tables.items()}
        names = ask(config, frames)
        hits["clean"] += bool(names)
        wrongly = ", ".join(sorted(names)) or "nothing"
        missed = []
        for plant, right in chosen.items():
            export = plant(frames)
            hit = bool(ask(config, changed(frames, export) if asked.only else export) & right)
            hits[plant.__name__] += hit
            missed += [] if hit else [plant.__name__]
        told = f"missed {', '.join(missed) or 'nothing'}; named though clean: {wrongly}"
        print(f"seed {seed}: {told} ({time.process_time() - started:.0f} CPU s)", flush=True)
    rows = [{"planted": name, "named": f"{hits[name]} of {asked.seeds}"} for name in hits]
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
