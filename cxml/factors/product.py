"""Product: trouble with the thing itself: defects, installation, technical problems, nothing in stock."""

from __future__ import annotations

from cxml.factors.declare import DAY, Factor, Feature, Flag, Match, Treatment, count, days_since, share, total

INBOUND = "coalesce(direction, 'inbound') = 'inbound'"
"""The customer began the contact; where nothing is said, they did."""

WHO_BEGAN = ("interactions.direction",)
"""What a factor that says ``INBOUND`` can do without: a log that does not tell is taken as one of customers."""

GOODS = "kept and not credit_note"
"""An order of which goods may have come: neither cancelled nor a credit note."""

CLOSED = Flag(
    "closed_at",
    "interactions",
    "case when issue_id is null then resolved_at else min(resolved_at) over (partition by who, issue_id"
    " order by t range between current row and unbounded following) end",
)
"""When the problem of a contact was solved, on this contact or on a later one of the issue."""

_DEFECT = "topic like 'product.defect%' or topic like 'product.warranty%'"
_TECHNICAL = "(topic like 'technical%' or topic like 'product.install%')"

PRODUCT = Factor(
    name="product",
    en="Product trouble",
    ko="상품 문제",
    kind="lever",
    family="product",
    tier=1,
    treatment=Treatment("defects_n", any=True),
    optional=WHO_BEGAN,
    says="Contacts that a better product would not have needed, and goods that were not there.",
    matches=(
        Match("bought_at", "interactions", "orders", "t", "last before", 30, "not credit_note"),
        Match(
            "trouble_at",
            "orders",
            "interactions",
            "t",
            "first after",
            30,
            f"(topic like 'product%' or topic like 'technical%') and {INBOUND}",
        ),
    ),
    flags=(
        CLOSED,
        # Judged when the thirty days are over, whatever came of it.
        Flag("troubled", "orders", f"case when {GOODS} and age > {30 * DAY} then trouble_at is not null end"),
    ),
    features=(
        Feature(
            name="product_contact_share",
            table="interactions",
            sql=share("topic like 'product%'"),
            unit="share",
            row="D35",
            direction="+",
            en="share of contacts about a product",
            ko="상품 관련 문의 비율",
            lookbacks=(90, 365),
        ),
        Feature(
            name="defects_n",
            table="interactions",
            sql=count(_DEFECT),
            unit="count",
            row="D35",
            direction="+",
            en="contacts about defects and warranty",
            ko="불량·보증 문의 건수",
            lookbacks=(90, 365),
            empty=0,
        ),
        Feature(
            name="defect_days_since",
            table="interactions",
            sql=days_since(_DEFECT),
            unit="d",
            row="D35 C8",
            direction="-",
            en="days since the last contact about a defect or warranty",
            ko="마지막 불량·보증 문의 후 경과 일수",
            lookbacks=(365,),
        ),
        Feature(
            name="install_contacts_n",
            table="interactions",
            sql=count(f"{_TECHNICAL} and bought_at is not null"),
            unit="count",
            row="K8",
            direction="+",
            en="contacts about installation or technical trouble within 30 days after an order",
            ko="주문 후 30일 이내 설치·기술 문의 건수",
            lookbacks=(90, 365),
            empty=0,
        ),
        Feature(
            name="technical_contact_share",
            table="interactions",
            sql=share(_TECHNICAL),
            unit="share",
            row="K8",
            direction="+",
            en="share of contacts about installation or technical trouble",
            ko="설치·기술 문의 비율",
            lookbacks=(90, 365),
        ),
        Feature(
            name="technical_open_share",
            table="interactions",
            sql=share("closed_at is null", of=_TECHNICAL),
            unit="share",
            row="K8",
            direction="+",
            en="share of contacts about installation or technical trouble that are not solved",
            ko="미해결 설치·기술 문의 비율",
            lookbacks=(90, 365),
        ),
        Feature(
            name="trouble_share",
            table="orders",
            sql=share("troubled"),
            unit="share",
            row="D35 K8",
            direction="+",
            en="share of orders, cancelled ones apart, followed by a product or technical question within 30 days",
            ko="30일 이내 상품·기술 문의가 이어진 주문 비율",
            lookbacks=(365,),
        ),
        Feature(
            name="out_of_stock_n",
            table="sessions",
            sql=total("out_of_stock"),
            unit="count",
            row="K7",
            direction="+",
            en="items wanted that were not available",
            ko="원했으나 품절된 상품 수",
            lookbacks=(90,),
            empty=0,
        ),
        Feature(
            name="out_of_stock_share",
            table="sessions",
            sql=share("out_of_stock > 0"),
            unit="share",
            row="K7",
            direction="+",
            en="share of visits on which something was not available",
            ko="품절을 겪은 방문 비율",
            lookbacks=(90, 365),
        ),
        Feature(
            name="no_results_share",
            table="sessions",
            sql=share("no_results > 0"),
            unit="share",
            row="K7 D24",
            direction="+",
            en="share of visits with a search that found nothing",
            ko="검색 결과가 없었던 방문 비율",
            lookbacks=(90,),
        ),
    ),
)
