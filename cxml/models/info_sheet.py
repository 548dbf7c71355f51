"""The page of a bundle for people: what it predicts, from which data, how well, how to read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

_CHURN = ("auc", "pr_auc", "log_loss", "brier", "ece", "top_decile_lift")
_VALUE = ("gini", "spearman", "decile_mape", "mae", "rmse", "total_error")


def info_sheet(info: Mapping[str, Any], labels: Mapping[str, Any], features: int) -> str:
    """The page as Markdown. What *info* does not hold is left out."""
    blocks = [
        f"# {info.get('project', 'cxml')}: churn and value",
        f"**{suspect['what']}**" if (suspect := (info.get("metrics") or {}).get("too_good")) else "",
        _loses(info.get("metrics") or {}),
        _predicts(info),
        _data(info, features),
        *_figures(info.get("metrics") or {}),
        _reading(info),
        _factors(labels),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _predicts(info: Mapping[str, Any]) -> str:
    if "horizon_days" not in info:
        return ""
    lead, horizon = float(info.get("lead_days") or 0), float(info["horizon_days"])
    if not horizon:
        return "Predicts what the ready label says: who left. It says nothing of when."
    start = f"from day {lead:g} after the cutoff" if lead else "from the cutoff"
    kind = f" (churn by {info['churn']})" if info.get("churn") else ""
    return f"Predicts who leaves within {horizon:g} days {start}{kind}."


def _loses(metrics: Mapping[str, Any]) -> str:
    """What a reader must know before anything else: a simpler rule does better."""
    said = str((metrics.get("verdict") or {}).get("churn", ""))
    return f"**{said}** Take its probabilities with more caution than usual." if "LOSES" in said else ""


def _data(info: Mapping[str, Any], features: int) -> str:
    lines = ["## Data", ""]
    zone = ZoneInfo(info.get("timezone") or "UTC")
    named = {
        "Observation end": _day(info.get("observation_end"), zone),
        "Train cutoffs": ", ".join(_day(c, zone) for c in info.get("train_cutoffs") or ()),
        "Calibration": info.get("calibrated_on"),
        "Test cutoff": _day(info.get("test_cutoff"), zone),
        "What was tested": info.get("split"),
        "What scores": info.get("shipped"),
        "Snapshots": _count(info.get("snapshots")),
        "Left within the lead, not used": _count(info.get("left_in_lead")),
        "Features": _count(features),
        "Size": _size(info),
        "Currency": info.get("currency"),
        "Causes": f"could not be looked for: {info['causes_lack']}" if info.get("causes_lack") else "",
        "Rates": _rates(info.get("base_rate")),
        "Grouped texts": ", ".join(info.get("grouped") or ()),
    }
    return "\n".join([*lines, *(f"- {name}: {text}" for name, text in named.items() if text)])


def _size(info: Mapping[str, Any]) -> str:
    if "rung" not in info or "rounds" not in info:
        return ""
    return f"{info['rung']}, {info['rounds']} rounds" if info["rounds"] else f"{info['rung']}, no trees"


def _rates(rates: Mapping[str, float] | None) -> str:
    if not rates:
        return ""
    return (
        f"{rates['data']:.1%} of the labels say left, {rates['said']:.1%} of all customers leave: probabilities are at the"
        " second rate, the figures below at the first"
    )


def _day(instant: Any, zone: ZoneInfo) -> str:
    """An ISO instant as a day of the zone, with the time of day unless it is midnight."""
    if not instant:
        return ""
    local = datetime.fromisoformat(str(instant))
    local = local.astimezone(zone) if local.tzinfo else local
    return f"{local:%Y-%m-%d}" if local.time() == datetime.min.time() else f"{local:%Y-%m-%d %H:%M}"


def _figures(metrics: Mapping[str, Any]) -> list[str]:
    blocks = []
    for target, names in (("churn", _CHURN), ("value", _VALUE)):
        own, others = metrics.get(target), (metrics.get("baselines") or {}).get(target) or {}
        if not own:
            continue
        head = [f"| {target} | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        rows = [
            f"| {who} | " + " | ".join(_figure(figures.get(name)) for name in names) + " |"
            for who, figures in {"model": own, **others}.items()
        ]
        said = (metrics.get("verdict") or {}).get(target)
        blocks.append("\n".join([f"## {target.capitalize()} on the test snapshots", "", *head, *rows]))
        blocks += [str(said)] if said else []
    noise = (metrics.get("churn") or {}).get("ece_noise_p99")
    if noise is not None:
        blocks.append(
            f"A perfectly calibrated model of this size shows an ece of up to {_figure(noise)} by chance."
        )
    return blocks


def _reading(info: Mapping[str, Any]) -> str:
    money = info.get("currency") or "the currency of the data"
    return "\n".join(
        [
            "## How to read it",
            "",
            "- A churn probability of 0.2 says: of 100 such customers, about 20 leave.",
            "- Contributions are in log-odds and add up: base + contributions = log(p / (1 - p)). A contribution of"
            " 0.1 multiplies the odds of leaving by 1.1.",
            f"- Expected value (in {money}) is for ranking and totals, median value for the typical customer.{_held(info)}",
            "- Contributions say what the model leans on. They are no proof of a cause.",
        ]
    )


def _held(info: Mapping[str, Any]) -> str:
    """How many values lay in their range where that was seen: a promise is not printed."""
    share = ((info.get("metrics") or {}).get("value") or {}).get("coverage")
    if not isinstance(share, int | float):
        return ""
    return f" Of 100 values of the tested customers, {100 * share:.0f} lay between low and high; 90 are aimed at."


def _factors(labels: Mapping[str, Any]) -> str:
    rows = [
        f"| {factor} | {label.get('en', '')} | {label.get('kind', '')} |"
        for factor, label in labels.get("factors", {}).items()
    ]
    return "\n".join(["## Factors", "", "| factor | meaning | kind |", "|---|---|---|", *rows])


def _figure(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, int | float) else "-"


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""
