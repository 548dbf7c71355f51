"""Who the customer is: attributes of the customers table. It predicts, but nobody can make it good."""

from __future__ import annotations

from collections.abc import Mapping

from cxml.features.declare import EVER, Factor, Feature, latest

_SAID = {
    "language": ("language", "사용 언어"),
    "preferred_channel": ("preferred channel", "선호 채널"),
    "region": ("region", "지역"),
    "member_tier": ("membership tier", "회원 등급"),
    "acquired_via": ("acquired via", "가입 경로"),
}


def profile(attributes: Mapping[str, str], names: Mapping[str, str] | None = None) -> Factor:
    """The factor for the attributes of the contract and those that the config names.

    *attributes* maps further columns of the customers table (``attribute_<name>``) to ``text`` or
    ``number``, and *names* maps them to what they are called in the source, for people. The feature
    of ``attribute_priority`` is ``customer_priority``.
    """
    called = {name: (names or {}).get(name, name.removeprefix("attribute_")) for name in attributes}
    said = {**_SAID, **{name: (plain.replace("_", " "),) * 2 for name, plain in called.items()}}
    return Factor(
        name="profile",
        en="Who the customer is",
        ko="고객 특성",
        kind="context",
        family="other",
        tier=0,
        says="Attributes of the customer, as last recorded before the cutoff.",
        features=tuple(
            Feature(
                f"customer_{name.removeprefix('attribute_')}", "customers", latest(name),
                "ratio" if attributes.get(name) == "number" else "text", "J6", "±", en, ko, EVER,
            )
            for name, (en, ko) in said.items()
        ),
    )  # fmt: skip
