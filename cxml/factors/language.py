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
            "unspoken",
            "interactions",
            "case when agent_languages is not null and customer_language is not null"
            f" then not ({listed('lower(customer_language)', 'lower(agent_languages)')}) end",
        ),
    ),
    features=(
        Feature(
            name="language_mismatch_share",
            table="interactions",
            sql=share("other_language"),
            unit="share",
            row="D18",
            direction="+",
            en="share of contacts in another language than the customer's",
            ko="언어 불일치 상담 비율",
            lookbacks=(30, 90, 180),
        ),
        Feature(
            name="language_mismatch_n",
            table="interactions",
            sql=count("other_language"),
            unit="count",
            row="D18",
            direction="+",
            en="contacts in another language than the customer's",
            ko="언어 불일치 상담 건수",
            lookbacks=(30, 90, 365),
            empty=0,
        ),
        Feature(
            name="language_mismatch_last",
            table="interactions",
            sql=latest("case when other_language then 1 when not other_language then 0 end"),
            unit="flag",
            row="D18 J3",
            direction="+",
            en="last contact was in another language than the customer's",
            ko="마지막 상담의 언어 불일치 여부",
            lookbacks=(365,),
        ),
        Feature(
            name="language_mismatch_days_since",
            table="interactions",
            sql=days_since("other_language"),
            unit="d",
            row="D18 C8",
            direction="-",
            en="days since a contact in another language than the customer's",
            ko="마지막 언어 불일치 상담 후 경과 일수",
            lookbacks=(365,),
        ),
        Feature(
            name="language_on_file_share",
            table="interactions",
            sql=share("lower(agent_language) <> lower(language_on_file)"),
            unit="share",
            row="D18 K15",
            direction="+",
            en="share of contacts in another language than the one on file",
            ko="등록된 언어와 다른 언어의 상담 비율",
            lookbacks=(90, 365),
        ),
        Feature(
            name="language_unspoken_share",
            table="interactions",
            sql=share("unspoken"),
            unit="share",
            row="D18 D17",
            direction="+",
            en="share of contacts whose agent does not speak the customer's language",
            ko="고객 언어를 구사하지 못하는 상담원의 상담 비율",
            lookbacks=(90, 365),
        ),
    ),
)
