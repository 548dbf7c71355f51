"""Posts: what customers say of the company in public. The answers to it are a factor of their own."""

from __future__ import annotations

from cxml.factors.declare import Derived, Factor, Feature, Match, Norm, count, days_since, latest, mean, worst

POSTS = Factor(
    name="posts",
    en="Public posts and reviews",
    ko="공개 글과 후기",
    kind="outcome",
    family="other",
    tier=5,
    says="Complaints and praise in public: how many, how strong, how far they reach.",
    norms=(Norm("usual_reach", "posts", "reach", "site"),),
    matches=(Match("contact_before_post_at", "posts", "interactions", "t", "last before", 7),),
    features=(
        Feature(
            "complaint_posts_n", "posts", count("polarity < 0"), "count", "D32 B4 B16", "+",
            "public complaints", "공개 불만 글 수", (90, 365), empty=0,
        ),
        Feature(
            "praise_posts_n", "posts", count("polarity > 0"), "count", "G42", "-", "posts of public praise",
            "공개 칭찬 글 수", (365,), empty=0,
        ),
        Feature(
            "polarity_mean", "posts", mean("polarity"), "score", "D32 G42", "-",
            "average polarity of public posts (-1 complaint to 1 praise)", "공개 글 평균 논조(-1 불만~1 칭찬)",
            (365,),
        ),
        Feature(
            "polarity_last", "posts", latest("polarity"), "score", "D32 J3", "-",
            "polarity of the last public post (-1 complaint to 1 praise)",
            "마지막 공개 글의 논조(-1 불만~1 칭찬)", (365,),
        ),
        Feature(
            "complaint_post_days_since", "posts", days_since("polarity < 0"), "d", "D32", "-",
            "days since the last public complaint", "마지막 공개 불만 글 후 경과 일수", (365,),
        ),
        Feature(
            "complaint_reach_max", "posts", worst("reach", "polarity < 0"), "count", "K1 D32", "+",
            "people reached by the farthest-reaching public complaint", "공개 불만 글의 최대 도달 인원", (365,),
        ),
        Feature(
            "complaint_reach_vs_usual_max", "posts",
            worst("reach / nullif(usual_reach, 0)", "polarity < 0"), "times", "K1", "+",
            "largest reach of a public complaint over the usual reach on its site",
            "해당 사이트 평소 대비 공개 불만 글의 최대 도달 배수", (365,),
        ),
        Feature(
            "complaint_after_contact_n", "posts", count("polarity < 0 and contact_before_post_at is not null"),
            "count", "D32 C16", "+", "public complaints within 7 days after a contact",
            "문의 후 7일 이내 공개 불만 글 수", (365,), empty=0,
        ),
        Feature(
            "post_sites_n", "posts", "count(distinct site)", "count", "B16", "±", "different sites posted on",
            "글을 올린 사이트 수", (365,), empty=0,
        ),
        Feature(
            "post_site_last", "posts", latest("site"), "text", "B16 B4 B15", "±", "site of the last public post",
            "마지막 공개 글의 사이트", (365,),
        ),
    ),
    derived=(
        Derived(
            "complaint_viral",
            "case when complaint_reach_vs_usual_max_365d is not null"
            " then case when complaint_reach_vs_usual_max_365d > 10 then 1 else 0 end end",
            "flag", "K1", "+", "public complaint that reached over ten times the usual of its site",
            "평소의 10배를 넘게 퍼진 공개 불만 글 여부",
        ),
    ),
)  # fmt: skip
