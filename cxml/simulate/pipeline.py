"""The configuration that reads a simulated company."""

from __future__ import annotations

from cxml.simulate.bills import CHARGE_SHARE
from cxml.simulate.months import Months
from cxml.simulate.truth import FIRST_SNAPSHOT, HORIZON_D

_CUTOFFS = 8


def config_text(months: Months, tables: tuple[str, ...]) -> str:
    """The text of ``cxml.toml`` for *tables* that lie beside it as Parquet files."""
    matured = months.texts[FIRST_SNAPSHOT : months.count][-_CUTOFFS:]
    sources = "\n".join(f'[tables.{name}]\nsource = "{name}.parquet"\n' for name in tables)
    cutoffs = "\n".join(f'    "{text}",' for text in matured)
    return f"""\
# A simulated company: everything here can be changed, and every key is explained in the reference.

[project]
name = "demo"
currency = "KRW"
timezone = "UTC"
observation_end = "{months.texts[-1]}T00:00:00Z"

{sources}
[population]
by = "subscription"

[churn]
definition = "subscription"
grace = "0D"
lead = "0D"
horizon = "{HORIZON_D}D"

# Not discounted, so that the value learned can be laid beside the true one.
[value]
discount_rate = 0.0

[[value.sources]]
table = "orders"
column = "margin"

[[value.sources]]
table = "charges"
column = "amount"
share = {CHARGE_SHARE}

[decisions]
contact_cost = 1000.0
offer_cost = 2000.0
save_rate = 0.2

[training]
cutoffs = [
{cutoffs}
]
"""
