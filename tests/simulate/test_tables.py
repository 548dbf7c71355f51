"""The tables keep their contract, tell a story that holds together, and come out the same each time."""

import hashlib
import io
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cxml.config.load import parse_config
from cxml.contracts import MADE_INSTANTS, TABLES
from cxml.errors import ConfigError
from cxml.simulate import Effects, simulate
from cxml.tables.check import check_tables
from cxml.tables.opening import open_tables

END = pd.Timestamp("2025-07-01", tz="UTC")
NAMES = tuple(TABLES)
VERSIONED = ("surveys",)


@pytest.fixture(scope="module")
def company():
    return simulate(1_500, months=18, seed=3)


@pytest.fixture(scope="module")
def frames(company):
    return {name: table.to_pandas() for name, table in company.tables.items()}


def bytes_of(simulation):
    digests = {}
    for part in (simulation.tables, simulation.truth):
        for name, table in part.items():
            sink = io.BytesIO()
            pq.write_table(table, sink)
            digests[name] = hashlib.sha256(sink.getvalue()).hexdigest()
    return digests, simulation.config


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not():
    first, again, other = (simulate(200, months=9, seed=seed) for seed in (5, 5, 6))
    assert bytes_of(first) == bytes_of(again)
    assert not set(bytes_of(first)[0].values()) & set(bytes_of(other)[0].values())


@pytest.mark.parametrize("name", NAMES)
def test_every_column_of_every_table_is_filled(company, name):
    table = company.tables[name]
    # A ready label is for tables without any date, and no two versions are recorded at one instant.
    absent = ("recorded_at", "version", "churned")
    expected = [column.name for column in TABLES[name].columns if column.name not in absent]
    assert [column for column in table.column_names if column != "recorded_at"] == expected
    assert ("recorded_at" in table.column_names) == (name in VERSIONED)
    for column in table.column_names:
        values = table[column].drop_null()
        assert len(values) > 0, column
        # An instant or a word that is the same for all would be no column to learn from.
        assert len(values.unique()) > 1, column


@pytest.mark.parametrize("late", [False, True])
def test_the_check_finds_no_problem(late):
    made = simulate(300, months=10, seed=9, late=late)
    config = parse_config(tomllib.loads(made.config), folder=Path())
    found = check_tables(
        open_tables(config, {name: table.to_pandas() for name, table in made.tables.items()})
    )
    assert found.problems == ()
    assert set(found.rows) == set(NAMES)


def test_late_tables_are_reproducible_too():
    assert bytes_of(simulate(150, months=9, seed=5, late=True)) == bytes_of(
        simulate(150, months=9, seed=5, late=True)
    )


@pytest.mark.parametrize("name", NAMES)
def test_columns_have_the_kind_and_the_bounds_of_the_contract(company, name):
    kinds = {
        "text": pa.string(),
        "instant": pa.timestamp("us", tz="UTC"),
        "number": pa.float64(),
        "money": pa.float64(),
        "count": pa.int32(),
        "flag": pa.bool_(),
    }
    contract, table = TABLES[name], company.tables[name]
    for field in table.schema:
        column, values = contract.column(field.name), table[field.name]
        assert field.type == kinds[column.kind], field.name
        if column.low is not None:
            assert pc.min(values).as_py() >= column.low, field.name
        if column.high is not None:
            assert pc.max(values).as_py() <= column.high, field.name
        if column.one_of:
            assert set(values.unique().to_pylist()) <= set(column.one_of)
        if column.kind in ("number", "money"):
            assert not pc.any(pc.is_nan(values)).as_py(), field.name


@pytest.mark.parametrize("name", NAMES)
def test_ids_tell_rows_apart_and_events_come_in_order(frames, name):
    contract, frame = TABLES[name], frames[name]
    versions = frame[contract.id].duplicated()
    if name in VERSIONED:
        frame = frame.assign(known=frame.recorded_at.fillna(frame[contract.event]))
        assert not frame.duplicated([contract.id, "known"]).any()
    elif name != "agents":
        assert not versions.any()
    assert frame[[contract.id, contract.owner, contract.event]].notna().all(axis=None)
    assert (frame[contract.event] < END).all()
    if "customer_id" in frame:
        assert frame.customer_id.isin(frames["customers"].customer_id).all()
    if name not in ("customers", "subscriptions", "agents"):
        assert frame[contract.event].is_monotonic_increasing


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_told_that_was_not_known_at_the_end(frames, name):
    frame = frames[name]
    for column in TABLES[name].columns:
        if column.name not in frame or not column.known:
            continue
        if column.kind == "instant":
            assert not (frame[column.name] >= END).any(), column.name
        known = frame["ended_at" if column.known in MADE_INSTANTS else column.known]
        assert frame.loc[known.isna(), column.name].isna().all(), column.name


def test_references_point_to_rows(frames):
    issues = set(frames["interactions"].issue_id)
    assert set(frames["recoveries"].issue_id.dropna()) <= issues
    assert set(frames["messages"].order_id.dropna()) <= set(frames["orders"].order_id)
    assert set(frames["customers"].referred_by.dropna()) <= set(frames["customers"].customer_id)
    assert set(frames["surveys"].issue_id.dropna()) <= issues
    assert set(frames["returns"].order_id) <= set(frames["orders"].order_id)
    assert set(frames["interactions"].agent_id.dropna()) <= set(frames["agents"].agent_id)
    topics = set(";".join(frames["agents"].skills).split(";"))
    assert topics == set(frames["interactions"].topic)
    owner = frames["orders"].set_index("order_id").customer_id
    for name in ("returns", "messages"):
        rows = frames[name].dropna(subset="order_id")
        assert (rows.order_id.map(owner) == rows.customer_id).all(), name


def test_nothing_happens_before_joining_or_after_leaving(frames):
    customers = frames["customers"].set_index("customer_id")
    for name in set(NAMES) - {"customers", "agents"}:
        frame = frames[name]
        at = frame[TABLES[name].event]
        since = frame.customer_id.map(customers.joined_at)
        assert (at >= since).all() and ((at > since).all() or name == "subscriptions"), name
        left = frame.customer_id.map(customers.left_at)
        assert (left.isna() | (at < left)).all(), name
    seen = customers.last_seen_at
    assert (seen >= customers.joined_at).all() and not (seen >= customers.left_at).any()
    orders = frames["orders"].groupby("customer_id").ordered_at.max()
    assert (customers.last_seen_at.loc[orders.index] >= orders).all()


def test_contracts_follow_each_other_without_a_gap(frames):
    spans = frames["subscriptions"].sort_values(["customer_id", "started_at"])
    customers = frames["customers"].set_index("customer_id")
    first = spans.drop_duplicates("customer_id").set_index("customer_id")
    assert first.started_at.equals(customers.joined_at)
    last = spans.drop_duplicates("customer_id", keep="last").set_index("customer_id")
    assert last.ended_at.equals(customers.left_at)
    following = spans.groupby("customer_id").started_at.shift(-1)
    ends = spans.ended_at[following.notna()]
    assert len(ends) > 100 and ends.equals(following[following.notna()])
    before = spans.groupby("customer_id")[["plan", "price"]].shift(1)
    changed = spans[before.price.notna()]
    rise = changed.price / before.price[changed.index] - 1
    same = changed.plan == before.plan[changed.index]
    assert same.mean() > 0.6 and rise[same].between(0.03, 0.11).all()


def test_most_customers_are_there_at_the_start_and_some_join_later(frames):
    joined = frames["customers"].joined_at
    assert (joined < pd.Timestamp("2024-01-01", tz="UTC")).mean() == pytest.approx(0.85, abs=0.001)
    late = joined[joined >= pd.Timestamp("2024-01-01", tz="UTC")].dt.month.value_counts()
    assert len(late) == 12 and late.max() < 4 * late.min()


def test_a_request_to_leave_falls_into_the_month_of_leaving_or_is_taken_back(frames):
    requests = frames["subscriptions"].dropna(subset="cancel_requested_at")
    calls = frames["interactions"].query("topic == 'retention'")
    assert 0.15 < calls.competitor.astype(float).mean() < 0.45
    asked = ["customer_id", "cancel_requested_at"]
    called = calls.rename(columns={"started_at": "cancel_requested_at"})
    both = requests.merge(called[[*asked, "resolved_at"]], on=asked)
    assert len(both) > 0.99 * len(requests)
    stayed = both.resolved_at.notna()
    assert 0.1 < stayed.mean() < 0.5 and both.ended_at[stayed].isna().any()
    goes = both[~stayed]
    assert (goes.cancel_requested_at <= goes.ended_at).all()
    assert (goes.ended_at - goes.cancel_requested_at <= pd.Timedelta("10D")).all()
    month = goes.ended_at.dt.tz_localize(None).dt.to_period("M").dt.start_time.dt.tz_localize("UTC")
    assert (goes.cancel_requested_at >= month).all()
    assert 0.35 < len(goes) / frames["customers"].left_at.notna().sum() < 0.65


def test_a_contact_adds_up(frames):
    t = frames["interactions"]
    t = t[(t.direction == "inbound") & (t.topic != "retention")]
    queued = t.channel.isin(["phone.human", "chat.live"])
    over = t.ended_at.notna()
    assert t.wait_s[queued & over].notna().all() and t.wait_s[~queued].isna().all()
    gone = over & t.abandoned.eq(True)
    assert queued[gone].all() and t.agent_id[gone].isna().all() and t.first_reply_at[gone].isna().all()
    served = over & ~gone
    answered = t.first_reply_at[served]
    assert answered.notna().all()
    assert ((t.ended_at[served] - answered).dt.total_seconds() == t.handle_s[served]).all()
    waited = (t.first_reply_at - t.started_at).dt.total_seconds()
    assert (waited == t.wait_s)[served & queued].all()
    assert ((t.ended_at - t.started_at).dt.total_seconds() == t.wait_s)[gone].all()
    assert (t.hold_s.fillna(0) <= t.handle_s.fillna(0)).all()
    lag_h = waited[served].groupby(t.channel[served]).median() / 3600
    assert lag_h["phone.human"] < 0.1 and lag_h["chat.bot"] < 0.01
    assert 0.5 < lag_h["social.messenger"] < 4 < lag_h["email"] < 24


def test_issues_run_as_told(frames):
    t = frames["interactions"]
    t = t[(t.direction == "inbound") & (t.topic != "retention")]
    issues = t.groupby("issue_id")
    assert issues.customer_id.nunique().max() == 1 and issues.topic.nunique().max() == 1
    contacts = issues.size()
    assert contacts.max() > 3 and (contacts == 1).mean() > 0.5
    resolved = t.resolved_at.notna()
    assert (t.resolved_at >= t.started_at)[resolved].all()
    assert 0.7 < resolved.mean() < 0.97
    back = t[t.reopened_at.notna()]
    assert len(back) > 0 and (back.reopened_at > back.resolved_at).all()
    opened = set(zip(t.issue_id, t.started_at, strict=True))
    assert all(pair in opened for pair in zip(back.issue_id, back.reopened_at, strict=True))
    follow = t[issues.cumcount() > 0]
    assert follow.context_carried.notna().mean() > 0.8
    assert 0.3 < follow.context_carried.dropna().astype(float).mean() < 0.8


def test_most_surveys_stay_unanswered_and_the_others_reflect_what_happened(frames):
    s = frames["surveys"]
    answered = s.answered_at.notna()
    assert 0.6 < 1 - answered.mean() < 0.8
    assert set(s.loc[s.kind == "other", "about"]) == {
        "courtesy",
        "listened",
        "understood",
        "store",
        "trust",
        "quality",
        "expectation",
        "packaging",
    }
    assert s.about[s.kind != "other"].isna().all()
    assert s.score[answered].between(s.scale_min[answered], s.scale_max[answered]).all()
    assert set(s.loc[s.kind == "ces", "higher_is"]) == {"good", "bad"}
    assert set(s.loc[s.kind != "ces", "higher_is"]) == {"good"}
    share = (s.score - s.scale_min) / (s.scale_max - s.scale_min)
    ease = share.where(s.higher_is == "good", 1 - share)
    t = frames["interactions"]
    settled = t.groupby("issue_id").resolved_at.last().notna()
    after = s.issue_id.where(s.kind != "other").map(settled)
    assert ease[after.eq(True)].mean() > ease[after.eq(False)].mean() + 0.1


def test_nobody_gets_marketing_after_opting_out(frames):
    m = frames["messages"]
    out = m.customer_id.map(m.groupby("customer_id").opted_out_at.min())
    after = m[(m.sent_at > out).fillna(False)]
    marketing = {"nurture", "offer", "review_request", "gift"}
    assert len(after) > 0 and not set(after.purpose) & marketing
    assert marketing < set(m.purpose)
    assert (m.fields_used <= m.fields_available)[m.fields_used.notna()].all()
    assert (m.fields_used.isna() == m.order_id.notna()).all()


def test_the_config_reads_the_tables(company, tmp_path):
    config = parse_config(tomllib.loads(company.config), folder=tmp_path)
    assert set(config.tables) == set(NAMES)
    assert config.tables["orders"].source == "orders.parquet"
    assert config.project.observation_end == END
    assert (config.population.by, config.churn.definition) == ("subscription", "subscription")
    assert config.churn.grace == config.churn.lead == pd.Timedelta(0)
    assert config.churn.horizon == pd.Timedelta("28D")
    assert [(s.table, s.column, s.share) for s in config.value.sources] == [
        ("orders", "margin", 1.0),
        ("charges", "amount", 0.6),
    ]
    assert config.value.discount_rate == 0
    assert list(config.training.cutoffs) == list(pd.date_range("2024-11-01", periods=8, freq="MS", tz="UTC"))


def test_other_effects_leave_the_lives_as_they_are():
    one, two = (simulate(400, months=9, seed=1, effects=effects) for effects in (None, Effects.none()))
    left = [part.tables["customers"].to_pandas().set_index("customer_id").left_at for part in (one, two)]
    assert not left[0].equals(left[1])
    until = pd.concat([at.fillna(pd.Timestamp("2024-10-01", tz="UTC")) for at in left], axis=1).min(axis=1)
    for name in ("interactions", "orders", "messages", "sessions", "visits"):
        event = TABLES[name].event
        common = []
        for part in (one, two):
            frame = part.tables[name].to_pandas()
            if name == "interactions":  # the call in which a customer asks to leave is a part of leaving
                frame = frame[frame.topic != "retention"]
            frame = frame[frame[event] < frame.customer_id.map(until)]
            common.append(frame[[TABLES[name].id, event]].reset_index(drop=True))
        pd.testing.assert_frame_equal(common[0], common[1])


@pytest.mark.parametrize(
    "wrong", [{"customers": 0}, {"customers": 10, "months": 8}, {"customers": 10, "seed": -1}]
)
def test_too_small_a_world_is_refused(wrong):
    with pytest.raises(ConfigError) as refused:
        simulate(**wrong)
    assert refused.value.expected.endswith("or more")


@pytest.mark.parametrize("customers", [1, 3, 40])
def test_small_worlds_work(customers):
    small = simulate(customers, months=9, seed=customers)
    assert small.tables["customers"].num_rows == customers
    assert all(np.isfinite(small.truth["effects"]["sd_of_contribution"].to_numpy()))
