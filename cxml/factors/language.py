"""Language: being served in a language that is not one's own."""

from __future__ import annotations

from cxml.factors.declare import Factor, Feature, Flag, Lookup, Treatment, count, days_since, latest, share
from cxml.factors.skill import AGENT_MET, listed

LANGUAGE = Factor(
    name="language",
    en="Language mismatch",
    ko="언어 불일치",
    kind="lever",
    family="people",
    tier=3,
    treatment=Treatment("language_mismatch_n", any=True),
    says="Contacts in which the agent used another language than the customer.",
    lookups=(
        AGENT_MET,
        Lookup("interactions", "customers", "customer_id", (("language_on_file", "language"),)),
    ),
    flags=(
        Flag("other_language", "interactions", "lower(agent_language) <> lower(customer_language)"),
        Flag(
            "unspoken", "interactions",
            "case when agent_languages is not null and customer_language is not null"
            f" then not ({listed('lower(customer_language)', 'lower(agent_languages)')}) end",
        ),
    ),
    features=(
        Feature(
            "language_mismatch_share", "interactions", share("other_language"), "share", "D18", "+",
            "share of contacts in another language than the customer's", "언어 불일치 상담 비율",
            (30, 90, 180),
        ),
        Feature(
            "language_mismatch_n", "interactions", count("other_language"), "count", "D18", "+",
            "contacts in another language than the customer's", "언어 불일치 상담 건수", (30, 90, 365),
            empty=0,
        ),
        Feature(
            "language_mismatch_last", "interactions",
            latest("case when other_language then 1 when not other_language then 0 end"), "flag", "D18 J3",
            "+", "last contact was in another language than the customer's", "마지막 상담의 언어 불일치 여부",
            (365,),
        ),
        Feature(
            "language_mismatch_days_since", "interactions", days_since("other_language"), "d", "D18 C8", "-",
            "days since a contact in another language than the customer's",
            "마지막 언어 불일치 상담 후 경과 일수", (365,),
        ),
        Feature(
            "language_on_file_share", "interactions",
            share("lower(agent_language) <> lower(language_on_file)"), "share", "D18 K15", "+",
            "share of contacts in another language than the one on file", "등록된 언어와 다른 언어의 상담 비율",
            (90, 365),
        ),
        Feature(
            "language_unspoken_share", "interactions", share("unspoken"), "share", "D18 D17", "+",
            "share of contacts whose agent does not speak the customer's language",
            "고객 언어를 구사하지 못하는 상담원의 상담 비율", (90, 365),
        ),
    ),
)  # fmt: skip
