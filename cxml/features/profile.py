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


def profile(attributes: Mapping[str, str]) -> Factor:
    """The factor for the attributes of the contract and those that the config names.

    *attributes* maps further columns of the customers table to ``text`` or ``number``.
    """
    said = {**_SAID, **{name: (name.replace("_", " "), name.replace("_", " ")) for name in attributes}}
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
                f"customer_{name}", "customers", latest(name),
                "ratio" if attributes.get(name) == "number" else "text", "J6", "±", en, ko, EVER,
            )
            for name, (en, ko) in said.items()
        ),
    )  # fmt: skip
