"""The lives of the customers are believable: what comes how often, and what goes with what."""

import numpy as np
import pandas as pd
import pytest

from cxml.simulate import simulate

HOUR = 3_600


@pytest.fixture(scope="module")
def company():
    return simulate(1_500, months=18, seed=3)


@pytest.fixture(scope="module")
def frames(company):
    return {name: table.to_pandas() for name, table in company.tables.items()}


@pytest.fixture(scope="module")
def years(frames):
    """Years that all customers together were there, within the 18 months."""
    c = frames["customers"]
    start, end = pd.Timestamp("2024-01-01", tz="UTC"), pd.Timestamp("2025-07-01", tz="UTC")
    there = c.left_at.fillna(end).clip(start, end) - c.joined_at.clip(start, end)
    return there.dt.total_seconds().sum() / 86_400 / 365.25


def seconds(later, earlier):
    return (later - earlier).dt.total_seconds()


def true(flags):
    return flags.eq(True).fillna(False).astype(bool)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        ("interactions", 10, 25),
        ("orders", 9, 18),
        ("returns", 0.7, 1.8),
        ("charges", 11, 14.5),
        ("visits", 0.7, 1.6),
        ("sessions", 18, 36),
        ("messages", 30, 55),
        ("posts", 0.8, 2),
        ("surveys", 7, 14),
        ("recoveries", 0.8, 2.5),
    ],
)
def test_a_year_holds_what_one_would_expect(frames, years, table, low, high):
    assert low < len(frames[table]) / years < high


def test_deliveries_are_sometimes_late_and_parcels_sometimes_wrong(frames):
    orders = frames["orders"]
    there = orders.delivered_at.notna() & orders.promised_at.notna()
    assert 0.08 < (orders.delivered_at > orders.promised_at)[there].mean() < 0.25
    assert 0.02 < orders.promised_at.isna().mean() < 0.12
    cancelled = orders.cancelled_at.notna()
    assert 0.005 < cancelled.mean() < 0.05 and orders.delivered_at[cancelled].isna().all()
    assert (orders.cancelled_at > orders.ordered_at)[cancelled].all()
    assert 0.002 < true(orders.wrong_item).mean() < 0.03
    assert orders.revenue.between(10_000, 200_000).all() and (orders.margin < orders.revenue).all()
    assert (orders.margin % 1 == 0).all()


def test_a_bill_comes_once_a_month_and_fees_come_on_top(frames):
    charges, spans = frames["charges"], frames["subscriptions"].sort_values("started_at")
    bills = charges[charges.kind == "subscription"].sort_values("charged_at")
    month = bills.charged_at.dt.tz_localize(None).dt.to_period("M")
    assert not pd.DataFrame({"c": bills.customer_id, "m": month}).duplicated().any()
    assert bills.groupby("customer_id").charged_at.agg(lambda at: at.dt.day.nunique()).max() == 1
    in_force = pd.merge_asof(
        bills,
        spans[["customer_id", "started_at", "price"]],
        left_on="charged_at",
        right_on="started_at",
        by="customer_id",
    )
    assert (in_force.amount == in_force.price).all() and (bills.amount == bills.expected_amount).all()
    fees = charges[charges.kind != "subscription"]
    unexpected = fees.amount > fees.expected_amount
    assert 0.03 < len(fees) / len(bills) < 0.15 and 0.6 < unexpected.mean() < 0.9
    announced = fees.notified_at < fees.charged_at
    assert not (announced & unexpected).any() and announced.sum() > 20
    disputed = charges.disputed_at.notna()
    assert (charges.amount > charges.expected_amount)[disputed].all()
    assert 0.1 < disputed.sum() / unexpected.sum() < 0.4


def test_returns_are_refused_slow_or_easy(frames):
    r = frames["returns"]
    decided = r[r.decided_at.notna()]
    assert (decided.decided_at > decided.requested_at).all()
    refused = decided.accepted.eq(False)
    assert 0.08 < refused.mean() < 0.3
    assert decided.refunded_at[refused].isna().all() and decided.refund[refused].isna().all()
    assert not (true(decided.exchanged) & refused).any()
    paid = decided[decided.refunded_at.notna()]
    took = seconds(paid.refunded_at, paid.requested_at) / 86_400
    assert took.median() < 10 and 0.1 < (took > 14).mean() < 0.45
    assert not took.between(11.5, 13.9).any()  # slow is slow: there is no doubt at the promise
    price = frames["orders"].set_index("order_id").revenue
    assert (paid.refund == paid.order_id.map(price)).all()


def test_visits_keep_their_window_or_not(frames):
    v = frames["visits"]
    width = seconds(v.window_end, v.window_start) / HOUR
    assert set(width) == {2.0, 3.0, 4.0}
    over = v.no_show.notna() & ~true(v.cancelled_by_customer)
    late = v.arrived_at > v.window_end
    assert 0.12 < late[over].mean() < 0.4 and 0.03 < true(v.no_show)[over].mean() < 0.2
    assert v.arrived_at[true(v.no_show) | true(v.cancelled_by_customer)].isna().all()
    assert (v.arrived_at >= v.window_start)[v.arrived_at.notna()].all()
    assert (v.rescheduled_at < v.window_start)[v.rescheduled_at.notna()].all()


def test_sessions_hold_together(frames):
    s = frames["sessions"]
    store = s.kind == "store"
    assert s.queue_s[store].notna().all() and s.queue_s[~store].isna().all()
    assert s[["errors", "rage_clicks", "payment_failures", "help_search"]][store].isna().all(axis=None)
    assert 120 < s.queue_s.median() < 480
    looked = true(s.help_search)
    assert s.help_found[looked].notna().all() and s.help_found[~looked].isna().all()
    assert 0.25 < (~true(s.help_found))[looked].mean() < 0.5
    assert (s.errors[s.device == "mobile"].mean() > s.errors[s.device == "desktop"].mean()) and (
        0.1 < (s.errors > 0).mean() < 0.3
    )
    assert s.cart_value[true(s.ordered)].notna().all()
    assert 0.2 < true(s.ordered)[s.cart_value.notna()].mean() < 0.6


def test_who_finds_no_help_may_ask_a_person(frames):
    s = frames["sessions"]
    ended = s[true(s.ended_in_contact)]
    assert len(ended) > 50
    assert ended.help_found.eq(False).all()
    contacts = frames["interactions"].sort_values("started_at")[["customer_id", "started_at"]]
    ended = ended.sort_values("started_at").rename(columns={"started_at": "at"})
    following = pd.merge_asof(
        ended, contacts, left_on="at", right_on="started_at", by="customer_id", direction="forward"
    )
    gap = seconds(following.started_at, following["at"])
    assert (gap <= HOUR).mean() > 0.99  # a few leave in between


def test_orders_placed_online_have_a_session(frames):
    ordered = frames["sessions"][true(frames["sessions"].ordered)].sort_values("started_at")
    orders = frames["orders"].sort_values("ordered_at")[["customer_id", "ordered_at", "revenue"]]
    found = pd.merge_asof(
        ordered, orders, left_on="started_at", right_on="ordered_at", by="customer_id", direction="forward"
    )
    near = seconds(found.ordered_at, found.started_at) <= HOUR / 2
    assert near.mean() > 0.99 and (found.cart_value == found.revenue)[near].mean() > 0.99


def test_messages_about_orders_name_them(frames):
    m, orders = frames["messages"], frames["orders"].set_index("order_id")
    about = m[m.order_id.notna()]
    assert set(about.purpose) == {"transactional", "status", "aftercare"}
    assert (about.sent_at > about.order_id.map(orders.ordered_at)).all()
    care = about[about.purpose == "aftercare"]
    assert (care.sent_at > care.order_id.map(orders.delivered_at)).all()
    accepted = m[m.accepted_at.notna()]
    assert len(accepted) > 20 and set(accepted.purpose) == {"offer"}
    assert (accepted.accepted_at > accepted.clicked_at).all()
    own = m.customer_id.map(frames["customers"].set_index("customer_id").language)
    assert (m.language == own)[own == "ko"].all() and 0.05 < (m.language != own)[own != "ko"].mean() < 0.3


def test_posts_reflect_what_was_lived_through_and_half_of_the_complaints_are_answered(company, frames):
    p = frames["posts"]
    bad = p.polarity < 0
    assert 0.4 < bad.mean() < 0.65
    assert 0.4 < p.replied_at.notna()[bad].mean() < 0.7
    assert (p.replied_at > p.posted_at)[p.replied_at.notna()].all()
    assert p.contacted_at[~bad].isna().all()
    assert (p.contacted_at > p.replied_at)[p.contacted_at.notna()].all()
    truth = company.truth["snapshots"].to_pandas()
    month = p.posted_at.dt.tz_localize(None).dt.to_period("M").dt.start_time.dt.tz_localize("UTC")
    both = p.assign(cutoff=month.astype(truth.cutoff.dtype)).merge(truth, on=["customer_id", "cutoff"])
    assert len(both) > 500
    for factor in ("personalization", "waiting"):
        assert np.corrcoef(both.polarity, both[f"x_{factor}"])[0, 1] < -0.03, factor
    assert abs(np.corrcoef(both.polarity, both.x_skill)[0, 1]) < 0.12


def test_some_answers_are_given_once_more(frames):
    s = frames["surveys"]
    again = s[s.survey_id.duplicated(keep=False)]
    assert 0.02 < again.survey_id.nunique() / s.answered_at.notna().sum() < 0.1
    assert (again.groupby("survey_id").size() == 2).all()
    first = again[again.recorded_at.isna()].set_index("survey_id")
    second = again[again.recorded_at.notna()].set_index("survey_id").loc[first.index]
    assert (second.answered_at == second.recorded_at).all() and (second.answered_at > first.answered_at).all()
    assert (second.score != first.score).mean() > 0.3
    assert second[["sent_at", "kind", "customer_id"]].equals(first[["sent_at", "kind", "customer_id"]])


def test_agents_serve_within_their_spans_and_learn(frames):
    a, t = frames["agents"], frames["interactions"]
    spans = a.sort_values(["agent_id", "valid_from"])
    following = spans.groupby("agent_id").valid_from.shift(-1)
    assert (spans.valid_to == following)[following.notna()].all()
    assert (spans.hired_at <= spans.valid_from).all() and spans.groupby(
        "agent_id"
    ).hired_at.nunique().max() == 1
    met = t[t.agent_id.notna()].merge(a, on="agent_id")
    held = (met.valid_from <= met.started_at) & ~(met.started_at >= met.valid_to)
    assert (held.groupby(met.interaction_id).sum() == 1).all()
    met = met[held]
    knows = [topic in skills.split(";") for topic, skills in zip(met.topic, met.skills, strict=True)]
    assert 0.6 < np.mean(knows) < 0.85
    speaks = [
        tongue in spoken.split(";") for tongue, spoken in zip(met.agent_language, met.languages, strict=True)
    ]
    assert all(speaks)
    assert 0.02 < (met.agent_language != met.customer_language).mean() < 0.15
    assert 0.8 < met.onshore.mean() < 1
    learned = spans.skills.str.count(";").groupby(spans.agent_id).diff().dropna()
    assert len(learned) > 5 and (learned > 0).all()


def test_bots_have_no_conduct_and_proactive_contacts_no_queue(frames):
    t = frames["interactions"]
    bot = t.channel.isin(["chat.bot", "phone.ivr"])
    assert t[["agent_id", "empathy", "scripted", "abusive"]][bot].isna().all(axis=None)
    ours = t.direction == "outbound"
    assert (true(t.proactive) == ours).all() and 0.02 < ours.mean() < 0.15
    assert t[["wait_s", "transfers", "abandoned", "agent_id"]][ours].isna().all(axis=None)
    assert (t.resolved_at == t.ended_at)[ours & t.ended_at.notna()].all()
    assert t.empathy.between(0, 1)[t.empathy.notna()].all()
    wrong = t.corrected_at.notna()
    assert 0.001 < wrong.mean() < 0.03 and (t.corrected_at > t.ended_at)[wrong].all()
    assert true(t.abusive).mean() < 0.01 and t.empathy[true(t.abusive)].mean() < t.empathy.mean() - 0.15


def test_anger_is_brought_along(frames):
    t = frames["interactions"].query("direction == 'inbound'").sort_values("started_at", kind="stable")
    before = t.groupby("customer_id")[["abandoned", "wait_s", "started_at"]].shift(1)
    recent = seconds(t.started_at, before.started_at) < 14 * 86_400
    bad = true(before.abandoned) | (before.wait_s > 600)
    assert t.sentiment_start[recent & bad].mean() < t.sentiment_start[recent & ~bad].mean() - 0.07


def test_recovery_money_is_asked_for_given_and_refused(frames):
    r = frames["recoveries"]
    assert set(r.action) == {
        "understand",
        "apology",
        "explain",
        "fix",
        "compensate",
        "follow_up",
        "prevent",
        "gift",
    }
    paid = r.action == "compensate"
    assert r.damage[paid].notna().all() and r.damage[~paid].isna().all()
    asked = r.asked_at.notna()
    assert (r.asked_at <= r["at"])[asked].all() and paid[asked].all() and r.granted[asked].notna().all()
    assert (r.amount[paid & r.granted.eq(False)] == 0).all() and (r.amount[true(r.granted)] > 0).all()
    assert 0.15 < r.granted.eq(False)[asked].mean() < 0.45
    assert r.issue_id[r.action == "gift"].isna().all() and r.issue_id[r.action != "gift"].notna().all()


def test_customers_know_each_other_and_tell_of_changes(frames):
    c = frames["customers"].set_index("customer_id")
    came = c.referred_by.dropna()
    assert 0.08 < len(came) / len(c) < 0.2 and (c.acquired_via[came.index] == "referral").all()
    assert (c.joined_at.loc[came].to_numpy() <= c.joined_at.loc[came.index].to_numpy()).all()
    told = c.life_event_at.dropna()
    assert 0.08 < len(told) / len(c) < 0.3 and (told > c.joined_at[told.index]).all()
