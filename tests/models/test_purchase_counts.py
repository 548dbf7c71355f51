"""Purchase models against published figures, numerical integration and simulated customers."""

import math
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.integrate import quad
from scipy.special import betaln, expit, gammaln, log_expit
from scipy.stats import beta as beta_law, gamma as gamma_law

from cxml.errors import DataError, ModelError, NotEnoughDataError
from cxml.models.purchase_counts import BgNbd, ParetoNbd
from cxml.models.purchase_spend import GammaGamma, PurchaseHistory

HOME = Path(__file__).parents[2]
BG = BgNbd(r=0.8, alpha=3.0, a=0.9, b=2.5)
PARETO = ParetoNbd(r=0.8, alpha=3.0, s=0.7, beta=5.0)
SPEND = GammaGamma(p=4.0, q=3.5, gamma=12.0)
MODELS = [BG, PARETO]
each_model = pytest.mark.parametrize("model", MODELS, ids=["bg_nbd", "pareto_nbd"])


# ---------------------------------------------------------------- published figures


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    """The 1/10 sample with days counted from 1997-01-01."""
    folder = Path(os.environ.get("CXML_DATA") or HOME.parent / "shared" / "data") / "cdnow"
    if not folder.is_dir():
        pytest.skip("the CDNOW purchases are not here: set CXML_DATA to the folder that holds cdnow")
    rows = pd.read_parquet(folder / "transactions_sample_1of10.parquet")
    return rows.assign(day=(rows["date"] - pd.Timestamp("1997-01-01")).dt.days)


@pytest.fixture(scope="module")
def sample(cdnow: pd.DataFrame) -> PurchaseHistory:
    """Calibration until 1997-09-30, in weeks."""
    columns = cdnow["sample_customer_id"], cdnow["day"], cdnow["dollar_value"]
    return PurchaseHistory.of_repeat_purchases(*columns, last_day=272, unit_days=7)


def test_the_cdnow_sample_is_the_published_one(sample: PurchaseHistory) -> None:
    assert len(sample.customer) == 2357
    assert (sample.frequency == 0).sum() == 1411
    assert sample.frequency.mean() == pytest.approx(1.042, abs=5e-4)
    assert sample.T.max() == pytest.approx(38.857, abs=5e-4)


def test_bg_nbd_parameters_are_the_published_ones(sample: PurchaseHistory) -> None:
    found = BgNbd.fit(sample.frequency, sample.recency, sample.T)
    assert [round(v, 3) for v in (found.r, found.alpha, found.a, found.b)] == [0.243, 4.414, 0.793, 2.426]
    total = found.log_likelihood(sample.frequency, sample.recency, sample.T).sum()
    assert total == pytest.approx(-9582.43, abs=0.01)


def test_pareto_nbd_parameters_are_the_published_ones(sample: PurchaseHistory) -> None:
    found = ParetoNbd.fit(sample.frequency, sample.recency, sample.T)
    assert found.r == pytest.approx(0.553, rel=0.02)
    assert found.alpha == pytest.approx(10.578, rel=0.02)
    assert found.s == pytest.approx(0.606, rel=0.02)
    assert found.beta == pytest.approx(11.669, rel=0.02)


def test_gamma_gamma_parameters_are_the_published_ones(sample: PurchaseHistory) -> None:
    found = GammaGamma.fit(sample.purchases, sample.mean_spend)
    assert [round(v, 2) for v in (found.p, found.q, found.gamma)] == [6.25, 3.74, 15.44]


def test_the_holdout_of_the_cdnow_sample(cdnow: pd.DataFrame, sample: PurchaseHistory) -> None:
    """Figures computed elsewhere from the published parameters."""
    later = cdnow[cdnow["day"] > 272].drop_duplicates(["sample_customer_id", "day"])
    actual = later.groupby("sample_customer_id").size().reindex(sample.customer, fill_value=0).to_numpy()
    assert actual.sum() == 1882
    history = sample.frequency, sample.recency, sample.T
    for model, total, error in (
        (BgNbd(0.243, 4.414, 0.793, 2.426), 1653.9, 0.786),
        (ParetoNbd(0.553, 10.578, 0.606, 11.669), 1665.7, 0.755),
    ):
        found = model.expected_purchases(*history, horizon=39)
        assert found.sum() == pytest.approx(total, rel=1e-3)
        assert np.abs(found - actual).mean() == pytest.approx(error, abs=1e-3)


# ---------------------------------------------------------------- the definition, integrated


def over_laws(inner, rate_law, other_law, top: float) -> float:
    """The mean of inner(rate, other) over two independent laws, on a fine Gauss-Legendre grid."""
    place, weight = np.polynomial.legendre.leggauss(400)
    rate, other = (place[:, None] + 1) / 2 * 15, (place[None, :] + 1) / 2 * top
    mass = weight[:, None] / 2 * 15 * rate_law.pdf(rate) * weight[None, :] / 2 * top * other_law.pdf(other)
    return float((mass * inner(rate, other)).sum())


def bg_by_integration(model: BgNbd, x: int, t_x: float, T: float) -> tuple[float, float]:
    """Likelihood with being alive at T, and of leaving after the last purchase, over rates and chances."""
    laws = gamma_law(model.r, scale=1 / model.alpha), beta_law(model.a, model.b), 1.0
    alive = over_laws(lambda rate, p: rate**x * (1 - p) ** x * np.exp(-rate * T), *laws)
    if x == 0:
        return alive, 0.0
    return alive, over_laws(lambda rate, p: rate**x * p * (1 - p) ** (x - 1) * np.exp(-rate * t_x), *laws)


def pareto_by_integration(model: ParetoNbd, x: int, t_x: float, T: float) -> tuple[float, float]:
    """The same over rates of buying and of leaving."""
    laws = gamma_law(model.r, scale=1 / model.alpha), gamma_law(model.s, scale=1 / model.beta), 15.0

    def leaving(rate, mu):
        return rate**x * mu / (rate + mu) * (np.exp(-(rate + mu) * t_x) - np.exp(-(rate + mu) * T))

    alive = over_laws(lambda rate, mu: rate**x * np.exp(-(rate + mu) * T), *laws)
    return alive, over_laws(leaving, *laws)


# Shapes of 1 and more: the integrals have no pole at 0 that quadrature would have to resolve.
@pytest.mark.parametrize("history", [(0, 0.0, 6.0), (1, 2.5, 6.0), (4, 3.0, 9.0)])
@pytest.mark.parametrize(
    ("model", "integrate"),
    [
        (BgNbd(1.4, 3.0, 1.5, 2.5), bg_by_integration),
        (ParetoNbd(1.4, 3.0, 1.7, 5.0), pareto_by_integration),
        (ParetoNbd(1.4, 5.0, 1.7, 3.0), pareto_by_integration),
    ],
    ids=["bg_nbd", "pareto_nbd", "pareto_nbd_slow_buyers"],
)
def test_likelihood_and_alive_are_the_integrals(model, integrate, history) -> None:
    alive, left = integrate(model, *history)
    columns = [[value] for value in history]
    assert model.log_likelihood(*columns)[0] == pytest.approx(math.log(alive + left), abs=1e-4)
    assert model.probability_alive(*columns)[0] == pytest.approx(alive / (alive + left), abs=1e-4)


@pytest.mark.parametrize("history", [(0, 0.0, 6.0), (1, 2.5, 6.0), (4, 3.0, 9.0)])
def test_the_expected_rate_is_the_mean_of_the_rates_given_what_was_seen(history) -> None:
    x, t_x, T = history
    model = ParetoNbd(1.4, 3.0, 1.7, 5.0)
    laws = gamma_law(model.r, scale=1 / model.alpha), gamma_law(model.s, scale=1 / model.beta), 15.0

    def seen(rate, mu):
        left = mu / (rate + mu) * (np.exp(-(rate + mu) * t_x) - np.exp(-(rate + mu) * T))
        return rate**x * (np.exp(-(rate + mu) * T) + left)

    mean = over_laws(lambda rate, mu: rate * seen(rate, mu), *laws) / over_laws(seen, *laws)
    assert model.expected_rate([x], [t_x], [T])[0] == pytest.approx(mean, rel=1e-4)


@each_model
def test_the_expected_rate_is_that_of_simulated_customers_gone_or_not(model) -> None:
    times, _ = simulated(model, 40_000, 8.0, seed=4)
    x, t_x = np.isfinite(times).sum(axis=1), np.nan_to_num(times).max(axis=1)
    luck = np.random.default_rng(4)
    rate = luck.gamma(model.r, 1 / model.alpha, 40_000)  # as simulated() drew them
    found = model.expected_rate(x, t_x, np.full(len(x), 8.0))
    for group in (x == 0, x == 1, (x > 1) & (t_x < 3), (x > 1) & (t_x > 6)):
        noise = 4 * rate[group].std() / math.sqrt(group.sum())
        assert abs(rate[group].mean() - found[group].mean()) < noise


@each_model
def test_likelihood_sums_to_one(model) -> None:
    """Over every count of purchases, and every time of the last one."""
    T, place_weight = 4.0, np.polynomial.legendre.leggauss(40)
    t, weight = (place_weight[0] + 1) / 2 * T, place_weight[1] / 2 * T
    total = math.exp(model.log_likelihood([0], [0.0], [T])[0])
    for x in range(1, 120):
        logs = model.log_likelihood(np.full(40, x), t, np.full(40, T))
        total += float(weight @ np.exp(logs + (x - 1) * np.log(t) - gammaln(x)))
    assert total == pytest.approx(1.0, abs=1e-6)


def bg_purchases_while_alive(model: BgNbd, x: float, T: float, ahead: float) -> float:
    """A chance p to leave leads to (1 - (1 + p h)^-(r + x)) / p purchases; averaged over log-odds of p."""
    shape, other, pace = model.a, model.b + x, ahead / (model.alpha + T)

    def f(y: float) -> float:
        p = expit(y)
        law = math.exp(shape * log_expit(y) + other * log_expit(-y) - betaln(shape, other))
        return -math.expm1(-(model.r + x) * math.log1p(p * pace)) / p * law

    edges = [-400, -60, -20, -10, -5, 0, 5, 40]
    return sum(quad(f, *pair, epsabs=0, epsrel=1e-10)[0] for pair in pairwise(edges))


@pytest.mark.parametrize(
    ("model", "x", "ahead"),
    [
        (BG, 3, 10.0),
        (BgNbd(0.8, 3.0, 1.0, 2.5), 3, 10.0),  # the hole of the formula
        (BgNbd(0.8, 3.0, 1.0 + 2e-5, 2.5), 3, 10.0),  # beside it
        (BgNbd(0.3, 3.0, 0.2, 0.5), 0, 1000.0),  # a + b + x - 1 below 0
        (BgNbd(0.8, 3.0, 0.5, 0.5), 0, 5.0),  # and at 0
        (BgNbd(20.0, 0.06, 160.0, 3.0), 1, 300.0),  # where hyp2f1 gives up
        (BgNbd(2.0, 3.0, 0.7, 2.0), 2000, 50.0),
    ],
)
def test_bg_nbd_forecast_is_the_integral(model: BgNbd, x: int, ahead: float) -> None:
    history = [x], [0.9 if x else 0.0], [1.0]
    expected = model.probability_alive(*history)[0] * bg_purchases_while_alive(model, x, 1.0, ahead)
    assert model.expected_purchases(*history, horizon=ahead)[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("model", "x", "t_x"),
    [
        (PARETO, 40, 0.3),
        (ParetoNbd(2.0, 400.0, 0.8, 0.05), 400, 0.3),
        (ParetoNbd(0.5, 0.02, 0.8, 300.0), 900, 1.98),
    ],
    ids=["usual", "where hyp2f1 gives up", "slow to leave"],
)
def test_pareto_nbd_alive_with_many_purchases(model: ParetoNbd, x: int, t_x: float) -> None:
    """P(alive) = 1 / (1 + left / alive), the ratio as one integral over the time of leaving."""
    T = 2.0

    def f(t: float) -> float:
        buying = (model.r + x) * math.log((model.alpha + T) / (model.alpha + t))
        lasting = model.s * math.log((model.beta + T) / (model.beta + t))
        return model.s / (model.beta + t) * math.exp(buying + lasting)

    ratio = quad(f, t_x, T, epsabs=0, epsrel=1e-10, limit=200)[0]
    assert model.probability_alive([x], [t_x], [T])[0] == pytest.approx(1 / (1 + ratio), rel=1e-5)


def test_pareto_nbd_forecast_has_no_hole_at_one() -> None:
    near = [ParetoNbd(0.8, 3.0, s, 5.0).expected_purchases([3], [4.0], [6.0], 10)[0] for s in (1, 1 + 1e-7)]
    assert near[0] == pytest.approx(near[1], rel=1e-6)
    by_hand = 3.8 / 9.0 * 11.0 * math.log(21 / 11)
    alive = ParetoNbd(0.8, 3.0, 1.0, 5.0).probability_alive([3], [4.0], [6.0])[0]
    assert near[0] == pytest.approx(alive * by_hand, rel=1e-12)


def test_gamma_gamma_density_integrates_to_one_and_has_its_mean() -> None:
    def density(m: float) -> float:
        return math.exp(SPEND.log_likelihood([3], [m])[0])

    assert quad(density, 0, np.inf)[0] == pytest.approx(1.0, abs=1e-6)
    mean = quad(lambda m: m * density(m), 0, np.inf)[0]
    assert mean == pytest.approx(SPEND.expected_spend([0], [np.nan])[0], rel=1e-5)


# ---------------------------------------------------------------- simulated customers


def simulated(model, customers: int, end: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Times of the purchases after the first, NaN where there is none, and the time of leaving."""
    luck = np.random.default_rng(seed)
    rate = luck.gamma(model.r, 1 / model.alpha, customers)
    times = np.cumsum(luck.exponential(1, (customers, 150)) / rate[:, None], axis=1)
    if isinstance(model, BgNbd):
        chance = luck.beta(model.a, model.b, customers)
        leaves = luck.random(times.shape) < chance[:, None]
        first = np.where(leaves.any(axis=1), leaves.argmax(axis=1), times.shape[1] - 1)
        gone = times[np.arange(customers), first]
    else:
        gone = luck.exponential(1, customers) / luck.gamma(model.s, 1 / model.beta, customers)
    return np.where((times <= gone[:, None]) & (times < end), times, np.nan), gone


@each_model
def test_forecasts_match_simulated_customers(model) -> None:
    """Means over groups of like customers lie within the noise of the simulation."""
    T, ahead = 8.0, 10.0
    times, gone = simulated(model, 60_000, T + ahead, seed=3)
    seen = times < T
    x, t_x = seen.sum(axis=1), np.where(seen, times, 0.0).max(axis=1)
    later = (times >= T).sum(axis=1)
    history = x, t_x, np.full(len(x), T)
    purchases, alive = model.expected_purchases(*history, ahead), model.probability_alive(*history)
    band = np.where(x == 0, 0, 1 + 3 * (np.minimum(x, 6) - 1) // 2 + np.digitize(t_x, [3.0, 6.0]))
    groups = [band == one for one in np.unique(band) if (band == one).sum() >= 300]
    assert len(groups) >= 8
    for group in groups:
        noise = 4 / math.sqrt(group.sum())
        assert abs(later[group].mean() - purchases[group].mean()) < noise * later[group].std()
        still = gone[group] > T
        assert abs(still.mean() - alive[group].mean()) <= noise * still.std() + 1e-9


@each_model
def test_fit_finds_what_customers_were_drawn_from(model) -> None:
    times, _ = simulated(model, 12_000, 40.0, seed=5)
    x, t_x = np.isfinite(times).sum(axis=1), np.where(np.isfinite(times), times, 0.0).max(axis=1)
    keep = x < 150
    history = x[keep], t_x[keep], np.full(keep.sum(), 40.0)
    found = type(model).fit(*history)
    assert found.r == pytest.approx(model.r, rel=0.1)
    assert found.r / found.alpha == pytest.approx(model.r / model.alpha, rel=0.1)
    assert found.log_likelihood(*history).sum() >= model.log_likelihood(*history).sum()


def test_gamma_gamma_finds_what_spend_was_drawn_from() -> None:
    luck = np.random.default_rng(11)
    x = luck.integers(0, 9, 20_000)
    rate = luck.gamma(SPEND.q, 1 / SPEND.gamma, len(x))
    mean = luck.gamma(SPEND.p * np.maximum(x, 1)) / rate / np.maximum(x, 1)
    found = GammaGamma.fit(x, mean)
    assert found.p == pytest.approx(SPEND.p, rel=0.05)
    assert found.q == pytest.approx(SPEND.q, rel=0.05)
    once = (x == 1) & (np.abs(mean - 20) < 2)
    actual = (SPEND.p / rate)[once]
    noise = 4 * actual.std() / math.sqrt(once.sum())
    assert abs(SPEND.expected_spend(x[once], mean[once]).mean() - actual.mean()) < noise


# ---------------------------------------------------------------- the search for parameters


@pytest.mark.parametrize(
    "model",
    [
        BG,
        PARETO,
        ParetoNbd(0.3, 40.0, 2.0, 9.0),
        ParetoNbd(0.8, 3.0, 400.0, 2e3),
        BgNbd(0.3, 4.0, 0.02, 30.0),
    ],
)
def test_slopes_are_those_of_finite_differences(model) -> None:
    history = (
        np.array([0, 0, 1, 3, 40, 2]),
        np.array([0, 0, 2.5, 1.0, 7.5, 8.0]),
        np.array([8, 0, 8, 8, 8, 8.0]),
    )
    total, slopes = model._slopes(*history)
    assert total == pytest.approx(model.log_likelihood(*history), rel=1e-12)
    for row, (name, at) in zip(slopes, vars(model).items(), strict=True):
        step = 1e-5 * at
        high, low = (
            type(model)(**{**vars(model), name: at + side}).log_likelihood(*history) for side in (step, -step)
        )
        assert row == pytest.approx((high - low) / (2 * step), rel=1e-5, abs=1e-7), name


def test_slopes_of_spend_are_those_of_finite_differences() -> None:
    x, mean = np.array([1.0, 2, 9]), np.array([3.0, 60, 8])
    for row, (name, at) in zip(SPEND._slopes(x, mean), vars(SPEND).items(), strict=True):
        step = 1e-5 * at
        high, low = (
            GammaGamma(**{**vars(SPEND), name: at + side}).log_likelihood(x, mean) for side in (step, -step)
        )
        assert row == pytest.approx((high - low) / (2 * step), rel=1e-6, abs=1e-9), name


@each_model
def test_no_step_away_from_the_fit_is_likelier(model) -> None:
    times, _ = simulated(model, 2_000, 40.0, seed=5)
    x, t_x = np.isfinite(times).sum(axis=1), np.where(np.isfinite(times), times, 0.0).max(axis=1)
    history = x, t_x, np.full(len(x), 40.0)
    found = type(model).fit(*history)
    best = found.log_likelihood(*history).sum()
    for name, at in vars(found).items():
        for factor in (0.99, 1.01):
            beside = type(model)(**{**vars(found), name: at * factor})
            assert beside.log_likelihood(*history).sum() < best
    slopes = found._slopes(*(np.asarray(one, dtype=float) for one in history))[1].mean(axis=1)
    assert np.abs(slopes * list(vars(found).values())).max() < 1e-5


# ---------------------------------------------------------------- rules that always hold

shape = st.floats(0.05, 20)
any_model = st.one_of(st.builds(BgNbd, shape, shape, shape, shape), st.builds(ParetoNbd, *[shape] * 4))


@settings(max_examples=60, deadline=None)
@given(any_model, st.integers(1, 60), st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0, 30))
def test_the_more_recent_the_more_alive(model, x: int, one: float, other: float, ahead: float) -> None:
    t_x = np.sort([one, other]) * 10
    history = [x, x], t_x, [10.0, 10.0]
    alive = model.probability_alive(*history)
    bought = model.expected_purchases(*history, ahead)
    assert (alive >= 0).all()
    assert (alive <= 1).all()
    assert alive[1] >= alive[0] * (1 - 1e-7)
    assert bought[1] >= bought[0] * (1 - 1e-7)


@settings(max_examples=60, deadline=None)
@given(any_model, st.integers(0, 60), st.floats(0.01, 1), st.floats(0, 30), st.floats(0, 30))
def test_a_longer_horizon_brings_more_but_no_more_than_staying(
    model, x: int, share: float, one: float, other: float
) -> None:
    short, long = sorted([one, other])
    history = [x, x], [share * 10 if x else 0.0] * 2, [10.0, 10.0]
    found = model.expected_purchases(*history, [short, long])
    assert 0 <= found[0] <= found[1] * (1 + 1e-7) + 1e-8
    assert found[1] <= (model.r + x) / (model.alpha + 10) * long * (1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(st.builds(GammaGamma, shape, st.floats(1.05, 20), shape), st.integers(1, 60), st.floats(0.01, 1e4))
def test_spend_lies_between_own_mean_and_all_customers(model: GammaGamma, x: int, mean: float) -> None:
    own = model.expected_spend([0, x, x + 1], [np.nan, mean, mean])
    low, high = sorted([own[0], mean])
    assert low * (1 - 1e-9) <= own[1] <= high * (1 + 1e-9)
    assert abs(own[2] - mean) <= abs(own[1] - mean) + 1e-9 * mean


@each_model
def test_a_change_of_unit_changes_only_the_times(model) -> None:
    times, _ = simulated(model, 1_500, 8.0, seed=7)
    x, t_x = np.isfinite(times).sum(axis=1), np.where(np.isfinite(times), times, 0.0).max(axis=1)
    T = np.full(len(x), 8.0)
    weeks, days = type(model).fit(x, t_x, T), type(model).fit(x, t_x * 7, T * 7)
    assert days.r == pytest.approx(weeks.r, rel=1e-4)
    assert days.alpha == pytest.approx(weeks.alpha * 7, rel=1e-4)
    in_weeks, in_days = weeks.expected_purchases(x, t_x, T, 4), days.expected_purchases(x, t_x * 7, T * 7, 28)
    np.testing.assert_allclose(in_weeks, in_days, rtol=1e-4)
    order = np.random.default_rng(0).permutation(len(x))
    assert type(model).fit(x[order], t_x[order], T) == weeks


# ---------------------------------------------------------------- histories


def test_history_against_a_plain_loop() -> None:
    luck = np.random.default_rng(2)
    rows = pd.DataFrame(
        {
            "customer": luck.choice(["ann", "bob", "cho", "dan"], 60),
            "day": luck.integers(0, 30, 60) + 0.5,
            "amount": luck.integers(1, 90, 60).astype(float),
        }
    )
    columns = rows["customer"], rows["day"], rows["amount"]
    repeats = PurchaseHistory.of_repeat_purchases(*columns, last_day=20)
    everything = PurchaseHistory.of_all_purchases(*columns, last_day=20)
    for place, who in enumerate(repeats.customer):
        days: dict[int, float] = {}
        for name, day, amount in rows.itertuples(index=False):
            if name == who and day < 21:
                days[int(day)] = days.get(int(day), 0.0) + amount
        order = sorted(days)
        assert repeats.frequency[place] == everything.frequency[place] == len(order) - 1
        assert repeats.recency[place] == order[-1] - order[0]
        assert repeats.T[place] == 20 - order[0]
        assert repeats.purchases[place] == len(order) - 1
        assert repeats.mean_spend[place] == pytest.approx(np.mean([days[d] for d in order[1:]]))
        assert everything.purchases[place] == len(order)
        assert everything.mean_spend[place] == pytest.approx(np.mean([days[d] for d in order]))


def test_history_leaves_out_who_came_later() -> None:
    found = PurchaseHistory.of_all_purchases([1, 2, 1], [3, 9, 9], [5.0, 6.0, 7.0], last_day=8)
    assert found.customer.tolist() == [1]
    assert found.frequency.tolist() == [0.0]
    with pytest.raises(NotEnoughDataError, match="nobody bought"):
        PurchaseHistory.of_all_purchases([1], [3], [5.0], last_day=2)


@pytest.mark.parametrize(
    ("customer", "day", "amount", "what"),
    [
        ([1, 2], [1], [1.0], "differ in length"),
        ([None, 2], [1, 2], [1.0, 2.0], "missing"),
        ([1, 2], [1, math.nan], [1.0, 2.0], "missing"),
        ([1], np.array(["1997-01-01"], dtype="datetime64[D]"), [1.0], "day holds something"),
        ([1], [1], ["much"], "amount holds something"),
    ],
)
def test_history_refuses(customer, day, amount, what: str) -> None:
    with pytest.raises(DataError, match=what):
        PurchaseHistory.of_repeat_purchases(customer, day, amount, last_day=9)


def test_history_refuses_a_unit_of_nothing() -> None:
    with pytest.raises(DataError, match="unit_days"):
        PurchaseHistory.of_repeat_purchases([1], [1], [1.0], last_day=9, unit_days=0)


# ---------------------------------------------------------------- what is refused


@each_model
@pytest.mark.parametrize(
    ("history", "what"),
    [
        (([-1], [1.0], [2.0]), "frequency is missing, infinite or negative"),
        (([1], [math.nan], [2.0]), "recency is missing"),
        (([1], [1.0], [math.inf]), "T is missing"),
        (([1], [3.0], [2.0]), "recency exceeds"),
        (([0], [1.0], [2.0]), "without a repeat purchase"),
        (([1], [0.0], [2.0]), "recency of 0"),
        (([1, 2], [1.0], [2.0]), "one number a customer"),
        ((1, 1.0, 2.0), "one number a customer"),
        ((["one"], [1.0], [2.0]), "no number"),
    ],
)
def test_impossible_histories_are_refused(model, history, what: str) -> None:
    for call in (type(model).fit, model.probability_alive, model.log_likelihood):
        with pytest.raises(DataError, match=what) as caught:
            call(*history)
        assert caught.value.expected
        assert caught.value.fix


@each_model
def test_an_impossible_horizon_is_refused(model) -> None:
    for horizon in (-1.0, math.nan, [1.0, 2.0]):
        with pytest.raises(DataError, match="horizon"):
            model.expected_purchases([1], [1.0], [2.0], horizon)


@each_model
def test_nobody_who_came_back_is_not_enough(model) -> None:
    for history in (([0, 0], [0.0, 0.0], [3.0, 4.0]), ([], [], [])):
        with pytest.raises(NotEnoughDataError, match="second time"):
            type(model).fit(*history)


@each_model
def test_one_customer_who_came_back_is_fitted(model) -> None:
    found = type(model).fit([1, 0, 0], [2.0, 0.0, 0.0], [4.0, 3.0, 0.0])
    forecast = found.expected_purchases([1, 0, 0], [2.0, 0.0, 0.0], [4.0, 3.0, 0.0], 5)
    assert np.isfinite(forecast).all()
    assert (forecast >= 0).all()


def test_parameters_must_be_positive() -> None:
    for call in (
        lambda: BgNbd(0.0, 1.0, 1.0, 1.0),
        lambda: ParetoNbd(1.0, 1.0, math.nan, 1.0),
        lambda: GammaGamma(1.0, 1.0, -1.0),
    ):
        with pytest.raises(ModelError, match="parameter"):
            call()


def test_spend_refuses_and_leaves_out() -> None:
    with pytest.raises(DataError, match="mean_spend"):
        GammaGamma.fit([1, 2], [3.0, -1.0])
    with pytest.raises(DataError, match="mean_spend"):
        GammaGamma.fit([1, 2], [3.0, math.nan])
    with pytest.raises(NotEnoughDataError):
        GammaGamma.fit([0, 0, 1], [math.nan, 4.0, 0.0])
    some = [1, 2, 3, 1, 4], [5.0, 9.0, 7.0, 3.0, 8.0]
    more = [*some[0], 0, 2], [*some[1], math.nan, 0.0]
    assert GammaGamma.fit(*some) == GammaGamma.fit(*more)


def test_spend_without_a_mean_is_infinite() -> None:
    assert GammaGamma(0.5, 0.8, 3.0).expected_spend([0, 1], [0.0, 4.0]).tolist() == [
        math.inf,
        pytest.approx(0.5 * 7 / 0.3),
    ]
