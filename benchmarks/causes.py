"""Whether causes are told from what goes with them: ``python benchmarks/causes.py --out FILE [--seeds S] [--rows N]``.

A small company (``cxml.simulate.causal_world``) whose every effect is known, once per seed: does the interval of
each factor hold its true effect, is what does nothing left alone, is what acts found? Then the same company with
a trait that nothing records (heavy users contact more and stay longer), behind proxies from none to good: is
contact ever called protective? A line per factor goes to FILE as soon as it is known, so a run that was stopped
goes on where it was; in the end the shares are printed. The truth is worked out once and kept beside FILE.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cxml.causes import factor_badges
from cxml.causes.study import Study, study_from
from cxml.causes.treatments import Question
from cxml.factors.declare import EVER, Factor, Feature, Treatment
from cxml.simulate import causal_factors, causal_world
from cxml.simulate.causal_factors import GROUPS
from cxml.simulate.causal_world import CausalWorld, Hidden

PROXIES = (0.0, 0.3, 0.6, 0.9, 0.98)
SHOWN = (1.0, 0.5)
STRENGTH = 0.8
NAMES = (
    "world",
    "proxies",
    "shown",
    "seed",
    "factor",
    "badge",
    "reason",
    "effect",
    "low",
    "high",
    "p",
    "robustness",
    "benchmark",
    "negative_t",
    "rows",
    "theta",
    "average",
    "acts",
)


def declared() -> tuple[Factor, ...]:
    """The factors of the world, as a company would declare its own."""
    return tuple(
        Factor(
            name=f.name,
            en=f.name,
            ko=f.name,
            kind=f.kind,
            family="other",
            tier=f.tier,
            says=f.name,
            after=f.after,
            treatment=Treatment(f.name, any=f.any, everyone=f.population == "everyone"),
            features=(
                Feature(
                    name=f.name,
                    table="interactions",
                    sql=f.name,
                    unit=f.unit,
                    row="",
                    direction=f.direction,
                    en=f.name,
                    ko=f.name,
                    lookbacks=EVER,
                ),
            ),
        )
        for f in causal_factors.FACTORS
    )


def study_of(world: CausalWorld) -> Study:
    """The world as a study: what comes before what is worked out from the declarations."""
    frame = pd.concat([world.frame.assign(activity=world.activity), world.inside], axis=1)
    before = world.before.assign(month=frame["cutoff"].astype(str))
    return study_from(declared(), frame, before, groups=GROUPS, context=["topic"], earlier=before)


def measured(rows: int, seed: int, hidden: Hidden | None) -> pd.DataFrame:
    """What is found in one world: a row per factor."""
    study = study_of(causal_world.causal_world(rows, seed, hidden))
    if hidden is not None:
        study = replace(
            study, questions=tuple(asked(q) for q in study.questions if q.factor in ("issues", "billing"))
        )
    return factor_badges.badges_of(study, seed)


def asked(question: Question) -> Question:
    """The question, put about contact as if it were a lever: are the checks enough where its kind protects it?"""
    return replace(question, kind="lever") if question.kind == "volume" else question


def wanted(seeds: Sequence[int]) -> list[tuple[str, float, float, int]]:
    """The worlds to look at: plain ones, and five proxies in two worlds of activity with a hidden trait."""
    hidden = [
        ("hidden", proxies, shown, seed) for seed in seeds[:3] for proxies in PROXIES for shown in SHOWN
    ]
    return [*(("plain", 0.0, 0.0, seed) for seed in seeds), *hidden]


def truth(file: Path) -> pd.DataFrame:
    """Both true effects of each factor, from FILE when it was worked out before."""
    if not file.exists():
        causal_world.truth(customers=400_000).to_csv(file, index=False)
    return pd.read_csv(file, index_col="factor")


def shares(found: pd.DataFrame) -> str:
    """How often the wishes came true."""
    plain = found[(found["world"] == "plain") & found["effect"].notna()]
    levers = plain[plain["factor"] != "issues"]
    held = (plain["low"] <= plain["theta"]) & (plain["theta"] <= plain["high"])
    average = (plain["low"] <= plain["average"]) & (plain["average"] <= plain["high"])
    acts = levers["acts"].astype(bool)
    supported = levers["badge"] == "supported"
    by_factor = plain.assign(held=held, supported=plain["badge"] == "supported").groupby("factor", sort=False)
    table = by_factor.agg(
        runs=("seed", "size"),
        effect=("effect", "mean"),
        theta=("theta", "first"),
        average=("average", "first"),
        held=("held", "mean"),
        supported=("supported", "mean"),
    )
    failed = levers[acts & ~supported]["reason"].value_counts().to_dict()
    lines = [
        table.round(3).to_string(),
        f"intervals that hold theta: {held.mean():.1%} of {len(plain)} (the plain average: {average.mean():.1%})",
        f"null drivers supported: {supported[~acts].sum()} of {(~acts).sum()}",
        f"honest factors supported: {supported[acts].sum()} of {acts.sum()} ({supported[acts].mean():.1%}); else {failed}",
    ]
    contact = found[(found["world"] == "hidden") & (found["factor"] == "issues")]
    if len(contact):
        through = (contact["badge"] == "supported") & (contact["effect"] < 0)
        sure = contact["high"] < 0
        lines.append(
            f"hidden trait: contact looks protective in {sure.sum()} of {len(contact)} runs by its interval, and even if"
            f" it were a lever the checks would let pass {through.sum()}"
        )
    return "\n".join(lines)


def main() -> None:
    """Run what FILE does not hold yet, then print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(30))
    given = parser.parse_args()
    true = truth(given.out.with_suffix(".truth.csv"))
    acts = {f.name: f.acts for f in causal_factors.FACTORS}
    if not given.out.exists():
        given.out.write_text(",".join(NAMES) + "\n")
    done = {
        tuple(row)
        for row in pd.read_csv(given.out)[["world", "proxies", "shown", "seed"]].itertuples(index=False)
    }
    for world, proxies, shown, seed in wanted(list(given.seeds)):
        if (world, proxies, shown, seed) in done:
            continue
        hidden = Hidden(STRENGTH, proxies, shown) if world == "hidden" else None
        rows = measured(given.rows, seed, hidden).assign(world=world, proxies=proxies, shown=shown, seed=seed)
        rows = rows[rows["column"] != ""].drop(columns="average").join(true, on="factor")
        rows["acts"] = rows["factor"].map(acts)
        rows[list(NAMES)].to_csv(given.out, mode="a", header=False, index=False)
        print(world, proxies, shown, seed, rows["badge"].value_counts().to_dict(), flush=True)
    found = pd.read_csv(given.out)
    print(shares(found))


if __name__ == "__main__":
    main()
