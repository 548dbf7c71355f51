"""A contact log on a company whose persuadable customers are known, and an earlier list judged by its holdout."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cxml import campaigns, jobs, store
from cxml.config import Config, parse_config
from cxml.decisions import call_plan
from cxml.errors import ConfigError, DataError, NotEnoughDataError
from cxml.judgement import judge
from cxml.models.bundle import Bundle
from cxml.sections import Decisions
from cxml.tables import Tables, open_tables

ZONE = "Asia/Seoul"
DRAWS = [pd.Timestamp(day, tz=ZONE) for day in ("2025-03-03", "2025-05-05")]
EACH = 900


@dataclasses.dataclass(frozen=True)
class Company:
    orders: pd.DataFrame
    log: pd.DataFrame
    left: dict[tuple[str, pd.Timestamp], bool]


def persuadable(customer_id: str) -> bool:
    return int(customer_id[1:]) % 4 == 0


@pytest.fixture(scope="module")
def made() -> Company:
    """In each draw half are contacted at 14:30; a contact keeps nearly all of the persuadable ones."""
    rng, orders, log, left = np.random.default_rng(1), [], [], {}
    for k, draw in enumerate(DRAWS):
        for n in range(k * EACH, (k + 1) * EACH):
            name, contacted = f"c{n:05d}", bool(rng.random() < 0.5)
            gone = bool(rng.random() < (0.02 if contacted and persuadable(name) else 0.3))
            times = [draw - pd.Timedelta(days=float(d)) for d in rng.uniform(1, 50, 3)]
            times += [] if gone else [draw + pd.Timedelta(days=float(rng.uniform(0.1, 29)))]
            orders += [(name, at, 10.0) for at in times]
            log.append((name, contacted, draw + pd.Timedelta(hours=14, minutes=30)))
            left[name, draw] = gone
    return Company(
        pd.DataFrame(orders, columns=["customer_id", "ordered_at", "revenue"]),
        pd.DataFrame(log, columns=["customer_id", "contacted", "contacted_at"]), left,
    )  # fmt: skip


class Sight:
    """Stands in for a schema: the one feature says who can be persuaded."""

    columns = ("persuadable",)

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        return frame["customer_id"].map(persuadable).to_numpy(dtype=np.float32)[:, None]


class Seer:
    """Stands in for a bundle whose scores say nothing of it: it remembers what it was asked."""

    schema = Sight()

    def __init__(self) -> None:
        self.asked: list[pd.DataFrame] = []

    def explain(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        self.asked.append(frame)
        noise = frame["customer_id"].map(lambda one: int(one[1:]) % 89 / 89)
        scores = {
            "churn_probability": 0.3, "base": -0.8, "contribution_noise": noise,
            "expected_value": np.nan,
        }  # fmt: skip
        return pd.DataFrame(scores, index=frame.index), frame[[]]


def config(folder: Path, end: str = "2025-06-20", **decisions: Any) -> Config:
    raw = {
        "project": {"observation_end": end, "timezone": ZONE}, "tables": {}, "features": {"lookbacks": [30]},
        "population": {"activity": ["orders"], "within": "60D"}, "model": {"threads": 1},
        "churn": {"definition": "inactivity", "activity": ["orders"], "horizon": "30D"},
        "decisions": {"contacts": "log.csv", **decisions},
    }  # fmt: skip
    return parse_config(raw, folder)


def opened(made: Company, folder: Path, log: pd.DataFrame, name: str = "log.csv", **more: Any) -> Tables:
    if name.endswith("csv"):
        log.to_csv(folder / name, index=False)
    else:
        log.to_parquet(folder / name, index=False)
    return open_tables(config(folder, contacts=name, **more), {"orders": made.orders})


def learned(tables: Tables, seer: Seer | None = None) -> Any:
    return campaigns.learn_from_log(tables, cast(Bundle, seer or Seer()), chunk=500)


def test_the_log_teaches_whom_a_contact_persuades(made: Company, tmp_path: Path) -> None:
    seer = Seer()
    persuasion, proof = learned(opened(made, tmp_path, made.log), seer)
    assert (proof.verdict, proof.rows, proof.draws, proof.customers) == ("uplift", 2 * EACH, 2, 2 * EACH)
    assert proof.contacted == made.log["contacted"].sum()
    asked = pd.concat(seer.asked)
    assert len(asked) == 2 * EACH and max(map(len, seer.asked)) <= 500
    assert set(asked["cutoff"]) == set(DRAWS), (
        "seen as of the beginning of the day, by the clock of the project"
    )
    now = pd.DataFrame({"customer_id": ["c00004", "c00005"]})
    high, low = persuasion.uplift(campaigns.told(seer.explain(now)[0], now, cast(Bundle, seer)))
    assert high > 0.15 and low < 0.1


def test_who_left_is_what_the_labels_say(made: Company, tmp_path: Path) -> None:
    """The mean effect, recomputed from who is known to have left in each draw."""
    _, proof = learned(opened(made, tmp_path, made.log))
    effects = []
    for draw in DRAWS:
        rows = made.log[made.log["contacted_at"].dt.normalize() == draw]
        gone = np.array([made.left[name, draw] for name in rows["customer_id"]])
        hit = rows["contacted"].to_numpy()
        e = hit.mean()
        effects.append(-((hit - e) / (e * (1 - e)) * (gone - 0.3)))
    assert proof.effect == pytest.approx(np.concatenate(effects).mean())


def test_parquet_and_csv_teach_the_same(made: Company, tmp_path: Path) -> None:
    assert (
        learned(opened(made, tmp_path, made.log))[1]
        == learned(opened(made, tmp_path, made.log, "log.parquet"))[1]
    )


def test_a_log_may_say_itself_who_left(made: Company, tmp_path: Path) -> None:
    log = made.log.assign(churned=[not made.left[n, at.normalize()] for n, at in
                                   zip(made.log["customer_id"], made.log["contacted_at"], strict=True)])  # fmt: skip
    by_label, told = learned(opened(made, tmp_path, made.log))[1], learned(opened(made, tmp_path, log))[1]
    assert told.effect == pytest.approx(-by_label.effect, abs=0.02), "all who stayed are said to have left"
    late = open_tables(config(tmp_path, end="2025-05-06"), {"orders": made.orders})
    assert learned(late)[1].rows == 2 * EACH, "nobody has to wait for a label that is told"


def test_draws_without_an_outcome_yet_are_left_out(made: Company, tmp_path: Path) -> None:
    made.log.to_csv(tmp_path / "log.csv", index=False)
    orders = made.orders[made.orders["ordered_at"] < "2025-05-20"]
    tables = open_tables(config(tmp_path, end="2025-05-20"), {"orders": orders})
    assert learned(tables)[1].rows == EACH
    with pytest.raises(NotEnoughDataError, match="no contact of the log has an outcome yet"):
        learned(open_tables(config(tmp_path, end="2025-03-20"), {"orders": orders}))


def test_who_was_not_at_risk_is_left_out(made: Company, tmp_path: Path) -> None:
    stranger = pd.DataFrame(
        [("c99999", True, DRAWS[0]), ("c00001", False, DRAWS[1])], columns=made.log.columns
    )
    log = pd.concat([made.log, stranger])  # the second had long been silent by May
    orders = made.orders[(made.orders["customer_id"] != "c00001") | (made.orders["ordered_at"] < DRAWS[0])]
    found = learned(opened(dataclasses.replace(made, orders=orders), tmp_path, log))[1]
    assert found.rows == 2 * EACH


@pytest.mark.parametrize(
    ("change", "kind", "match"),
    [
        (lambda log: log.drop(columns="contacted"), DataError, "missing: contacted"),
        (lambda log: log.assign(contacted_at=None), DataError, "1,800 without a readable contacted_at"),
        (lambda log: log.assign(contacted="perhaps"), DataError, "1,800 without a readable contacted"),
        (lambda log: log.assign(contacted_at=[DRAWS[0] + pd.Timedelta(days=k % 61) for k in range(len(log))]),
         DataError, "contacts on 61 days"),
    ],
)  # fmt: skip
def test_a_log_that_cannot_be_used_is_refused(
    made: Company, tmp_path: Path, change: Any, kind: type[Exception], match: str
) -> None:
    with pytest.raises(kind, match=match) as caught:
        learned(opened(made, tmp_path, change(made.log)))
    assert "c00" not in str(caught.value)


def test_a_ready_label_knows_no_time(made: Company, tmp_path: Path) -> None:
    tables = opened(made, tmp_path, made.log)
    churn = dataclasses.replace(tables.config.churn, definition="label")
    with pytest.raises(ConfigError, match="needs a time"):
        learned(dataclasses.replace(tables, config=dataclasses.replace(tables.config, churn=churn)))


# ---------------------------------------------------------------- an earlier list


@pytest.fixture
def scored(made: Company, tmp_path: Path) -> Path:
    """The list of the first draw: 400 to be contacted, a holdout of one in five."""
    ids = [f"c{n:05d}" for n in range(EACH)]
    rng = np.random.default_rng(3)
    p, held = rng.uniform(0.05, 0.6, EACH), rng.random(EACH) < 0.2
    profit = p * 100 * 0.2 - 1
    rule = Decisions(contact_cost=1.0, save_rate=0.2, most=400)
    plan = call_plan(ids, p, np.full(EACH, 100.0), rule, holdout=held)
    frame = {
        "customer_id": ids, "cutoff": pd.Series([DRAWS[0].tz_convert("UTC")] * EACH).dt.as_unit("us"),
        "churn_probability": p, "expected_profit": profit, "holdout": held,
    }  # fmt: skip
    with store.run(tmp_path / "score") as run:
        run.write_table("scores.parquet", pa.Table.from_pandas(pd.DataFrame(frame), preserve_index=False))
        run.write_json("call_plan.json", {"plan": plan.to_dict(), "proof": None})
    return run.path


def test_an_earlier_list_is_judged_by_who_left_since(made: Company, tmp_path: Path, scored: Path) -> None:
    found = campaigns.judged(opened(made, tmp_path, made.log), scored)
    scores = pd.read_parquet(scored / "scores.parquet").sort_values("expected_profit", ascending=False)
    last = scores.index[~scores["holdout"]][399]
    listed = scores.loc[:last]
    assert (found.contacted, found.held) == (400, listed["holdout"].sum()) and found.held > 50
    left = [made.left[name, DRAWS[0]] for name in listed["customer_id"]]
    assert found == judge(listed["holdout"], left)


def test_a_list_on_which_nobody_was_to_be_contacted_says_so(
    made: Company, tmp_path: Path, scored: Path
) -> None:
    scores = pd.read_parquet(scored / "scores.parquet")
    with store.run(tmp_path / "empty") as run:
        run.write_table("scores.parquet", pa.Table.from_pandas(scores, preserve_index=False))
        run.write_json("call_plan.json", {"plan": {"size": 0}, "proof": None})
    with pytest.raises(NotEnoughDataError, match="nobody was to be contacted"):
        campaigns.judged(opened(made, tmp_path, made.log), run.path)


def test_a_contact_log_beside_a_table_without_time_is_refused_by_check(tmp_path: Path) -> None:
    rows = "".join(f"c{k},{k % 7},{k % 3 == 0}\n" for k in range(60))
    (tmp_path / "c.csv").write_text("customer_id,calls,churned\n" + rows)
    (tmp_path / "log.csv").write_text("customer_id,contacted,contacted_at\nc1,1,2025-02-01\n")
    raw = {
        "project": {"observation_end": "2025-06-20"}, "tables": {"customers": {"source": "c.csv"}},
        "churn": {"definition": "label"}, "decisions": {"contacts": "log.csv"},
    }  # fmt: skip
    (problem,) = jobs.check(parse_config(raw, tmp_path)).check.problems
    assert "needs a time" in problem.what and problem.place == "[decisions] contacts"


def test_a_list_is_not_judged_before_its_time(made: Company, tmp_path: Path, scored: Path) -> None:
    tables = open_tables(config(tmp_path, end="2025-03-20"), {"orders": made.orders})
    with pytest.raises(NotEnoughDataError, match="not known yet"):
        campaigns.judged(tables, scored)
