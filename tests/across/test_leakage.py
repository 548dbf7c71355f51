"""The leak wall: whatever happens at or after a cutoff, the features of that cutoff stay the same to the bit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from at_cutoffs import features_at

from cxml.config.load import Config, parse_config
from cxml.contracts import CONTACT_END, TABLES, WAIT_END, Column
from cxml.factors.catalogue import FACTORS
from cxml.factors.declare import FactorKind
from cxml.features import planner
from cxml.features.vocabulary import vocabularies
from cxml.simulate import simulate
from cxml.tables.opening import Tables, open_tables

CUTOFF = datetime(2024, 11, 1, tzinfo=UTC)
LATER = datetime(2024, 12, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def company() -> dict[str, pd.DataFrame]:
    made = simulate(customers=400, months=12, seed=3)
    return {name: table.to_pandas() for name, table in made.tables.items()}


def config(end: str = "2025-01-01", tables: Mapping[str, object] | None = None) -> Config:
    raw = {
        "project": {"observation_end": end},
        "tables": dict(tables or {}),
        "population": {"by": "subscription"},
        "churn": {"definition": "subscription", "horizon": "28D", "grace": "0D"},
        "value": {
            "sources": [
                {"table": "orders", "column": "margin"},
                {"table": "charges", "column": "amount", "share": 0.6},
            ]
        },
    }
    return parse_config(raw, Path())


def build(frames: Mapping[str, pd.DataFrame], *cutoffs: datetime) -> pd.DataFrame:
    return measured(open_tables(config(), dict(frames)), *cutoffs)


def measured(tables: Tables, *cutoffs: datetime) -> pd.DataFrame:
    return features_at(tables, cutoffs, get_args(FactorKind))


def against_the_norm() -> set[str]:
    """The stems of the features, and formulas over them, in which other customers play a part."""
    spoken = vocabularies(TABLES, FACTORS, (), {})
    found: set[str] = set()
    for factor in FACTORS:
        found |= {
            f.name for f in factor.features if spoken[f.table].closure(f.sql) & spoken[f.table].norms.keys()
        }
    for factor in FACTORS:
        found |= {d.name for d in factor.derived if any(stem in d.sql for stem in found)}
    return found


def known_from(frame: pd.DataFrame, table: str, column: Column) -> pd.Series:
    """When each cell of a column is known, from the contract alone."""
    event = frame[TABLES[table].event]
    if not column.known:
        return event
    if column.known not in (CONTACT_END, WAIT_END):
        return frame[column.known]
    waited = event + pd.to_timedelta(np.ceil(frame["wait_s"]), unit="s")
    if "ended_at" in frame:
        over = frame["ended_at"]
    else:
        over = waited.fillna(event) + pd.to_timedelta(np.ceil(frame["handle_s"]), unit="s")
        over = over.fillna(waited.where(frame["abandoned"].fillna(False).astype(bool)))
    return over if column.known == CONTACT_END else pd.concat([waited, over], axis=1).min(axis=1)


def other(values: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Other values of the same kind."""
    if pd.api.types.infer_dtype(values, skipna=True) == "boolean":
        return ~values.astype("boolean")
    if pd.api.types.is_datetime64_any_dtype(values):
        return values + pd.to_timedelta(rng.integers(1, 40, len(values)), unit="D")
    if pd.api.types.is_numeric_dtype(values):
        return values * 3 + 17
    pool = values.dropna().unique()
    return pd.Series(rng.choice(pool, len(values)), index=values.index) if len(pool) else values


def scramble(frame: pd.DataFrame, table: str, cutoff: datetime, rng: np.random.Generator) -> pd.DataFrame:
    """Everything that is known at or after *cutoff* changed, dropped or added, and the rows shuffled."""
    contract, at = TABLES[table], pd.Timestamp(cutoff)
    frame = frame.copy()
    original = frame.copy()
    for name in frame.columns:
        if name in ("customer_id", contract.id, contract.event, "agent_id"):
            continue
        late = known_from(original, table, contract.by_name[name])
        hidden = ~(late < at).fillna(False).to_numpy()
        if contract.by_name[name].known == name:
            # A fact that has not happened yet may be about to happen, at any time from the cutoff on.
            hidden &= ~late.isna().to_numpy() | (rng.random(len(frame)) < 0.5)
        values = other(original[name], rng)
        if contract.by_name[name].known == name:
            values = values.where(original[name].notna(), at + pd.Timedelta(days=3))
        frame[name] = original[name].astype(values.dtype).where(~hidden, values)
    future = (original[contract.event] >= at).to_numpy()
    keep = ~future | (rng.random(len(frame)) < 0.5)
    added = frame[future].sample(frac=0.3, random_state=5).copy()
    added[contract.id] = "new-" + added[contract.id].astype(str)
    added[contract.event] = at + pd.to_timedelta(rng.integers(0, 20, len(added)), unit="D")
    return pd.concat([frame[keep], added]).sample(frac=1, random_state=6).reset_index(drop=True)


@pytest.fixture(scope="module")
def clean(company: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return build(company, CUTOFF)


def test_every_factor_is_there(clean: pd.DataFrame) -> None:
    assert len(clean) > 200
    assert clean.shape[1] > 150
    # A feature that is always missing would pass every leak test.
    empty = {name for name in clean if clean[name].isna().all()}
    at_night = {
        f"waiting_now{about}_h_max_90d" for about in ("", "_announced", "_over")
    }  # nobody waits at midnight here
    # Who has asked to cancel is gone by the next cutoff.
    assert empty <= {"cancel_request_days_since", *at_night}


@pytest.fixture(scope="module")
def later(company: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return build(company, LATER)


@pytest.mark.parametrize("seed", range(4))
def test_scrambled_future(
    company: dict[str, pd.DataFrame], clean: pd.DataFrame, later: pd.DataFrame, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    frames = {
        name: frame if name == "customers" else scramble(frame, name, CUTOFF, rng)
        for name, frame in company.items()
    }
    pd.testing.assert_frame_equal(build(frames, CUTOFF), clean, check_exact=True)
    if seed == 0:  # what comes later would have been seen
        assert not build(frames, LATER).equals(later)


def by_the_day(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables without ids, few customers and only what says little: events tie everywhere."""
    made = {}
    for name, frame in frames.items():
        if name in ("customers", "agents"):
            made[name] = frame
            continue
        contract = TABLES[name]
        frame = frame.drop(columns=contract.id)
        event = frame[contract.event]
        # The log of a few weeks on each day of the log: many rows of one customer and day, alike at first.
        days = event.dt.floor("21D" if name != "subscriptions" else "D")
        for column in frame.columns:
            if contract.by_name[column].kind == "instant":
                frame[column] = frame[column] - (event - days)
            elif column not in ("customer_id", "topic", "kind") and not contract.by_name[column].known:
                frame[column] = frame[column].dropna().mode().iloc[0]
        made[name] = frame
    return made


@pytest.fixture(scope="module")
def tied(company: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return by_the_day(company)


@pytest.fixture(scope="module")
def clean_tied(tied: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return build(tied, CUTOFF)


@pytest.mark.parametrize("seed", range(2))
def test_scrambled_future_without_ids(
    tied: dict[str, pd.DataFrame], clean_tied: pd.DataFrame, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    numbered = {
        name: frame.assign(**{TABLES[name].id: "-"}) if TABLES[name].id not in frame else frame
        for name, frame in tied.items()
    }
    late = {
        name: frame if name == "customers" else scramble(frame, name, CUTOFF, rng)
        for name, frame in numbered.items()
    }
    late = {name: frame[tied[name].columns] for name, frame in late.items()}
    first = tied["interactions"][["customer_id", "started_at", "topic"]]
    assert first.duplicated().mean() > 0.05
    mixed = {name: frame.sample(frac=1, random_state=seed) for name, frame in tied.items()}
    pd.testing.assert_frame_equal(build(mixed, CUTOFF), clean_tied, check_exact=True)
    pd.testing.assert_frame_equal(build(late, CUTOFF), clean_tied, check_exact=True)


def test_other_cutoffs_change_nothing(company: dict[str, pd.DataFrame], clean: pd.DataFrame) -> None:
    both = build(company, datetime(2024, 9, 1, tzinfo=UTC), CUTOFF, LATER)
    here = both[both.cutoff == pd.Timestamp(CUTOFF)].reset_index(drop=True)
    pd.testing.assert_frame_equal(here, clean, check_exact=True)


def test_an_added_customer_changes_nobody_else(company: dict[str, pd.DataFrame], clean: pd.DataFrame) -> None:
    some = set(company["customers"].customer_id.iloc[::2])
    half = {n: f if "customer_id" not in f else f[f.customer_id.isin(some)] for n, f in company.items()}
    # A norm is of everybody, by its nature; what is set against none must not move.
    stems = against_the_norm()
    normed = [name for name in clean if re.sub(r"_\d+d$", "", name) in stems]
    assert 5 < len(normed) < clean.shape[1] / 10
    expected = clean[clean.customer_id.isin(some)].drop(columns=normed).reset_index(drop=True)
    pd.testing.assert_frame_equal(build(half, CUTOFF).drop(columns=normed), expected, check_exact=True)


def test_renamed_ids_permute_the_rows_only(company: dict[str, pd.DataFrame], clean: pd.DataFrame) -> None:
    ids = company["customers"].customer_id
    rename = dict(
        zip(ids, np.random.default_rng(0).permutation([f"x{i:05d}" for i in range(len(ids))]), strict=True)
    )
    renamed = {
        n: f.assign(customer_id=f.customer_id.map(rename)) if "customer_id" in f else f
        for n, f in company.items()
    }
    expected = (
        clean.assign(customer_id=clean.customer_id.map(rename))
        .sort_values("customer_id")
        .reset_index(drop=True)
    )
    pd.testing.assert_frame_equal(build(renamed, CUTOFF), expected, check_exact=True)


def test_permuted_rows(company: dict[str, pd.DataFrame], clean: pd.DataFrame) -> None:
    mixed = {name: frame.sample(frac=1, random_state=1) for name, frame in company.items()}
    pd.testing.assert_frame_equal(build(mixed, CUTOFF), clean, check_exact=True)


def test_shifted_time_changes_the_cutoff_only(company: dict[str, pd.DataFrame], clean: pd.DataFrame) -> None:
    year = pd.Timedelta(weeks=52)  # whole weeks, so that a Sunday stays a Sunday

    def shifted(frame: pd.DataFrame) -> pd.DataFrame:
        instants = [name for name in frame if pd.api.types.is_datetime64_any_dtype(frame[name])]
        return frame.assign(**{name: frame[name] + year for name in instants})

    tables = open_tables(config("2025-12-31"), {name: shifted(frame) for name, frame in company.items()})
    expected = clean.assign(cutoff=clean.cutoff + year)
    pd.testing.assert_frame_equal(measured(tables, CUTOFF + year), expected, check_exact=True)


def test_split_files(company: dict[str, pd.DataFrame], clean: pd.DataFrame, tmp_path: Path) -> None:
    sources = {}
    for name, frame in company.items():
        (tmp_path / name).mkdir()
        for part in range(3):
            frame.iloc[part::3].to_parquet(tmp_path / name / f"part-{part}.parquet", index=False)
        sources[name] = {"source": str(tmp_path / name / "*.parquet")}
    tables = open_tables(config(tables=sources))
    pd.testing.assert_frame_equal(measured(tables, CUTOFF), clean, check_exact=True)


def test_features_and_labels_do_not_know_each_other() -> None:
    home = Path(planner.__file__).parents[1]
    for wing, other in (("features", "labels"), ("labels", "features")):
        assert not [path for path in (home / wing).glob("*.py") if f"cxml.{other}" in path.read_text("utf-8")]
