"""A contact log on a company whose persuadable customers are known, and an earlier list judged by its holdout."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from cxml import jobs
from cxml.config.load import Config, parse_config
from cxml.config.sections import Decisions, TableSource
from cxml.decisions import contact_log
from cxml.decisions.call_plan import call_plan
from cxml.decisions.campaign_result import judge_campaign
from cxml.errors import ConfigError, CxmlError, NotEnoughDataError
from cxml.features.company import plan_features
from cxml.jobs.context import checked_tables
from cxml.models.bundle import Bundle
from cxml.store import writer
from cxml.tables.check import check_tables
from cxml.tables.opening import Tables, open_tables

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
        pd.DataFrame(log, columns=["customer_id", "contacted", "contacted_at"]),
        left,
    )


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
            "churn_probability": 0.3,
            "base": -0.8,
            "contribution_noise": noise,
            "expected_value": np.nan,
        }
        return pd.DataFrame(scores, index=frame.index), frame[[]]


def config(folder: Path, end: str = "2025-06-20", **contacts: Any) -> Config:
    contacts = {"source": "log.csv", **contacts}
    raw = {
        "project": {"observation_end": end, "timezone": ZONE},
        "tables": {"contacts": contacts},
        "features": {"lookbacks": [30]},
        "population": {"activity": ["orders"], "within": "60D"},
        "model": {"threads": 1},
        "churn": {"definition": "inactivity", "activity": ["orders"], "horizon": "30D"},
    }
    return parse_config(raw, folder)


def opened(made: Company, folder: Path, log: pd.DataFrame, name: str = "log.csv", **more: Any) -> Tables:
    if name.endswith("csv"):
        log.to_csv(folder / name, index=False)
    else:
        log.to_parquet(folder / name, index=False)
    return open_tables(config(folder, source=name, **more), {"orders": made.orders})


def learned(tables: Tables, seer: Seer | None = None) -> Any:
    """What is learned of tables that were checked, as every job checks them."""
    check_tables(tables).raise_if_any()
    return contact_log.learn_from_log(plan_features(tables), cast(Bundle, seer or Seer()), chunk=500)


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
    high, low = persuasion.uplift(contact_log.told(seer.explain(now)[0], now, cast(Bundle, seer)))
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
    log = made.log.assign(
        churned=[
            not made.left[n, at.normalize()]
            for n, at in zip(made.log["customer_id"], made.log["contacted_at"], strict=True)
        ]
    )
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


def test_no_customer_at_risk_when_drawn_is_told(made: Company, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughDataError, match="no customer of the log was at risk"):
        learned(opened(made, tmp_path, made.log.assign(customer_id=[f"x{n}" for n in range(2 * EACH)])))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda log: log.drop(columns="contacted"), "there is no column 'contacted'"),
        (lambda log: log.assign(contacted_at=None), "1,800 rows have no contacted_at"),
        (lambda log: log.assign(contacted="perhaps"), "1,800 values cannot be read as a flag"),
        (
            lambda log: log.assign(
                contacted_at=[DRAWS[0] + pd.Timedelta(days=k % 61) for k in range(len(log))]
            ),
            "contacts on 61 days",
        ),
        (
            lambda log: log.assign(customer_id="0" + log["customer_id"].str[1:]).replace(
                "^0+", "", regex=True
            ),
            "no customer of the log",
        ),
    ],
)
def test_a_log_that_cannot_be_used_is_refused(made: Company, tmp_path: Path, change: Any, match: str) -> None:
    with pytest.raises(CxmlError, match=match) as caught:
        learned(opened(made, tmp_path, change(made.log)))
    assert "c00" not in str(caught.value)


def test_ids_that_the_log_writes_otherwise_are_a_problem(made: Company, tmp_path: Path) -> None:
    """Zeros in front, lost by a spreadsheet: nobody of the log would be found among the customers."""
    zeros = made.orders.assign(customer_id=made.orders["customer_id"].str[1:])
    without = made.log.assign(customer_id=made.log["customer_id"].str[1:].str.lstrip("0").replace("", "0"))
    (problem,) = check_tables(opened(dataclasses.replace(made, orders=zeros), tmp_path, without)).problems
    assert (problem.code, problem.table, problem.column) == ("spelt_apart", "contacts", "customer_id")


def test_a_ready_label_knows_no_time(tmp_path: Path) -> None:
    people = pd.DataFrame({"customer_id": ["c1"], "calls": [1], "churned": [0]})
    log = pd.DataFrame({"customer_id": ["c1"], "contacted": [1], "contacted_at": ["2025-02-01"]})
    raw = {"project": {"observation_end": "2025-06-20"}, "churn": {"definition": "label"}}
    with pytest.raises(ConfigError, match="needs a time"):
        open_tables(parse_config(raw, tmp_path), {"customers": people, "contacts": log})


# ---------------------------------------------------------------- rows that break a rule

BAD = (
    ("customer_id", "", "missing_value"),
    ("contacted", "", "missing_value"),
    ("contacted", "perhaps", "wrong_type"),
    ("contacted_at", "", "missing_value"),
    ("contacted_at", "soon", "wrong_type"),
    ("contacted_at", "1900-01-01", "implausible_time"),
    ("churned", "who knows", "wrong_type"),
)


def as_text(made: Company) -> pd.DataFrame:
    """The log as a system writes it: days, words, and an outcome."""
    return pd.DataFrame(
        {
            "customer_id": made.log["customer_id"],
            "contacted": np.where(made.log["contacted"], "예", "아니오"),
            "contacted_at": made.log["contacted_at"].dt.strftime("%Y-%m-%d"),
            "churned": ["Y" if gone else "N" for gone in made.left.values()],
        }
    )


def said(made: Company, without: tuple[int, ...] = ()) -> list[tuple[str, pd.Timestamp, bool, bool]]:
    """Customer, day, group and outcome of the log, by hand."""
    rows = made.log.drop(list(without))
    days = rows["contacted_at"].dt.normalize()
    pairs = zip(rows["customer_id"], days, rows["contacted"], strict=True)
    return sorted((name, day, bool(hit), made.left[name, day]) for name, day, hit in pairs)


def drawn(tables: Tables) -> list[tuple[str, pd.Timestamp, bool, bool]]:
    """The same as it is learned from, once the tables were checked."""
    check_tables(tables).raise_if_any()
    found = contact_log.drawn(tables)
    columns = (found[name] for name in ("customer_id", "cutoff", "contacted", "churned"))
    return sorted(
        (name, at.tz_convert(ZONE), bool(hit), bool(gone))
        for name, at, hit, gone in zip(*columns, strict=True)
    )


def test_a_few_bad_rows_are_set_aside_and_the_others_teach_the_same(made: Company, tmp_path: Path) -> None:
    log, places = as_text(made), [7 * n for n in range(1, len(BAD) + 1)]
    dirty = log.copy()
    for place, (column, value, _) in zip(places, BAD, strict=True):
        dirty.loc[place, column] = value
    tables = opened(made, tmp_path, dirty)
    found = check_tables(tables)
    assert found.problems == () and found.rows["contacts"] == 2 * EACH - len(BAD)
    told = sorted((one.code, one.column, one.first_row) for one in found.set_aside.problems)
    assert told == sorted(
        (code, column, place + 1) for (column, _, code), place in zip(BAD, places, strict=True)
    )
    assert drawn(tables) == said(made, without=tuple(places))


def test_what_was_set_aside_is_listed_and_told(made: Company, tmp_path: Path) -> None:
    dirty = as_text(made)
    dirty.loc[4, "contacted"] = "perhaps"
    dirty.to_csv(tmp_path / "log.csv", index=False)
    made.orders.to_csv(tmp_path / "orders.csv", index=False)
    plain = config(tmp_path)
    plain = dataclasses.replace(plain, tables={**plain.tables, "orders": TableSource(source="orders.csv")})
    told: list[str] = []
    with writer.run(tmp_path / "out") as run:
        tables = checked_tables(plain, run=run, tell=told.append)
    (row,) = pd.read_parquet(run.path / "set_aside.parquet").to_dict("records")
    assert (row["table"], row["rule"], row["column"], row["file"], row["row"]) == (
        "contacts",
        "wrong_type",
        "contacted",
        "log.csv",
        5,
    )
    assert told[-1] == "contacts: 1 row set aside in all" and "perhaps" not in "".join(told)
    assert set(tables.columns) == set(tables.opened) == {"orders"}, "no feature and no probe looks at the log"
    found = jobs.check(plain).check
    assert found.rows == {"orders": len(made.orders), "contacts": 2 * EACH - 1}
    assert set(found.months) == {"orders"}


def test_more_than_a_few_stop_and_the_share_can_be_raised(made: Company, tmp_path: Path) -> None:
    dirty = as_text(made)
    dirty.loc[::50, "contacted"] = "perhaps"  # 2 %
    (problem,) = check_tables(opened(made, tmp_path, dirty)).problems
    assert (problem.code, problem.table, problem.count) == ("wrong_type", "contacts", 36)
    assert "raise tolerate in [tables.contacts]" in problem.fix
    assert len(drawn(opened(made, tmp_path, dirty, tolerate=0.02))) == 2 * EACH - 36


def test_columns_and_words_of_the_log_can_be_mapped(made: Company, tmp_path: Path) -> None:
    log = as_text(made).rename(columns={"contacted": "arm"}).replace({"arm": {"예": "T", "아니오": "C"}})
    mapped = {"columns": {"contacted": "arm"}, "words": {"contacted": {"T": "yes", "C": "no"}}}
    assert drawn(opened(made, tmp_path, log, **mapped)) == said(made)


def test_who_is_in_both_groups_of_a_draw_teaches_nothing(made: Company, tmp_path: Path) -> None:
    """Neither row can be believed: both go, and so do two outcomes of one customer and day; copies are taken once."""
    log = as_text(made)
    other = log.iloc[[3]].assign(contacted="예" if log.loc[3, "contacted"] == "아니오" else "아니오")
    gone = log.iloc[[5]].assign(churned="Y" if log.loc[5, "churned"] == "N" else "N")
    unknown = log.iloc[[6]].assign(churned="")  # says no more than the other row, and nothing else
    dirty = pd.concat([log, other, gone, unknown, log.iloc[[8, 8, 9]]])
    tables = opened(made, tmp_path, dirty)
    found = check_tables(tables)
    assert found.problems == () and found.rows["contacts"] == 2 * EACH - 2 + 1
    told = {(one.code, one.column, one.count) for one in found.set_aside.problems}
    assert told == {("contradiction", "contacted", 2), ("contradiction", "churned", 2)}
    assert any("contacts: 3 of" in note and "copies" in note for note in found.notes)
    assert drawn(tables) == said(made, without=(3, 5))


def test_a_customer_may_be_in_one_group_today_and_in_the_other_next_time(
    made: Company, tmp_path: Path
) -> None:
    log = as_text(made)
    later = log.iloc[[0]].assign(
        contacted_at="2025-03-04", contacted="예" if log.loc[0, "contacted"] == "아니오" else "아니오"
    )
    found = check_tables(opened(made, tmp_path, pd.concat([log, later])))
    assert found.set_aside.rows == {} and found.rows["contacts"] == 2 * EACH + 1


def test_customers_whom_nobody_knows_are_set_aside(made: Company, tmp_path: Path) -> None:
    people = pd.DataFrame({"customer_id": made.log["customer_id"].drop([1]), "joined_at": "2024-01-01"})
    as_text(made).to_csv(tmp_path / "log.csv", index=False)
    orders = made.orders[made.orders["customer_id"] != "c00001"]
    tables = open_tables(config(tmp_path), {"orders": orders, "customers": people})
    found = check_tables(tables)
    told = [(one.code, one.column, one.first_row) for one in found.set_aside.problems]
    assert found.problems == () and told == [("unknown_customer", "customer_id", 2)]


@pytest.mark.parametrize("day", ["2015-03-03", "2052-03-03"])
def test_a_day_on_which_nobody_was_at_risk_stops_nothing(made: Company, tmp_path: Path, day: str) -> None:
    """A slip of the pen: before the first row of the company, or long after observation_end."""
    log = as_text(made).head(100)
    log.loc[4, "contacted_at"] = day
    found = learned(opened(made, tmp_path, log))[1]
    assert (found.verdict, found.rows) == ("too_few", 99)


@pytest.mark.parametrize("section", [{}, {"tolerate": 0.05}])
def test_the_short_way_to_name_the_log(tmp_path: Path, section: dict[str, Any]) -> None:
    raw = {
        "project": {"observation_end": "2025-06-20"},
        "decisions": {"contacts": "log.csv", "most": 5},
        "tables": {"contacts": section} if section else {},
    }
    found = parse_config(raw, tmp_path)
    assert found.tables["contacts"] == TableSource(source="log.csv", **section) and found.decisions.most == 5


@pytest.mark.parametrize(
    ("decisions", "section", "where"),
    [
        ({"contacts": "log.csv"}, {"source": "other.csv"}, "[decisions] contacts"),
        ({"contacts": 3}, {}, "[decisions] contacts"),
        ({"contacts": "log.csv"}, "other.csv", "[tables.contacts]"),
        ({"contacts": "log.csv"}, {"tolerates": 0.1}, "[tables.contacts]"),
        ({}, {"tolerate": 0.1}, "[tables.contacts]"),
    ],
)
def test_a_log_that_is_named_wrongly_is_refused(
    tmp_path: Path, decisions: Any, section: Any, where: str
) -> None:
    raw = {
        "project": {"observation_end": "2025-06-20"},
        "decisions": decisions,
        "tables": {"contacts": section},
    }
    with pytest.raises(ConfigError) as caught:
        parse_config(raw, tmp_path)
    assert caught.value.where == where and caught.value.fix


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
        "customer_id": ids,
        "cutoff": pd.Series([DRAWS[0].tz_convert("UTC")] * EACH).dt.as_unit("us"),
        "churn_probability": p,
        "expected_profit": profit,
        "holdout": held,
    }
    with writer.run(tmp_path / "score") as run:
        run.write_table("scores.parquet", pa.Table.from_pandas(pd.DataFrame(frame), preserve_index=False))
        run.write_json("call_plan.json", {"plan": plan.to_dict(), "proof": None})
    return run.path


def test_an_earlier_list_is_judged_by_who_left_since(made: Company, tmp_path: Path, scored: Path) -> None:
    found = contact_log.judged(opened(made, tmp_path, made.log), scored)
    scores = pd.read_parquet(scored / "scores.parquet").sort_values("expected_profit", ascending=False)
    last = scores.index[~scores["holdout"]][399]
    listed = scores.loc[:last]
    assert (found.contacted, found.held) == (400, listed["holdout"].sum()) and found.held > 50
    left = [made.left[name, DRAWS[0]] for name in listed["customer_id"]]
    assert found == judge_campaign(listed["holdout"], left)


def test_a_list_on_which_nobody_was_to_be_contacted_says_so(
    made: Company, tmp_path: Path, scored: Path
) -> None:
    scores = pd.read_parquet(scored / "scores.parquet")
    with writer.run(tmp_path / "empty") as run:
        run.write_table("scores.parquet", pa.Table.from_pandas(scores, preserve_index=False))
        run.write_json("call_plan.json", {"plan": {"size": 0}, "proof": None})
    with pytest.raises(NotEnoughDataError, match="nobody was to be contacted"):
        contact_log.judged(opened(made, tmp_path, made.log), run.path)


def test_a_list_is_not_judged_before_its_time(made: Company, tmp_path: Path, scored: Path) -> None:
    made.log.to_csv(tmp_path / "log.csv", index=False)
    tables = open_tables(config(tmp_path, end="2025-03-20"), {"orders": made.orders})
    with pytest.raises(NotEnoughDataError, match="not known yet"):
        contact_log.judged(tables, scored)
