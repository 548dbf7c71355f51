"""The input tables as data: what a column holds, when its value is known, whom it is about, and what a purchase is."""

from cxml.contracts.columns import (
    ATTRIBUTE,
    CONTACT_END,
    MADE_INSTANTS,
    NO,
    WAIT_END,
    YES,
    Column,
    DayIs,
    Kind,
    Table,
    attribute_name,
)
from cxml.contracts.tables import ALL_TABLES, CONTACTS, CUSTOMERS, INTERACTIONS, TABLES

__all__ = [
    "ALL_TABLES",
    "ATTRIBUTE",
    "CONTACTS",
    "CONTACT_END",
    "CUSTOMERS",
    "INTERACTIONS",
    "MADE_INSTANTS",
    "NO",
    "TABLES",
    "WAIT_END",
    "YES",
    "Column",
    "DayIs",
    "Kind",
    "Table",
    "attribute_name",
]
