"""Self-service: whether customers can help themselves, and get out to a person when they cannot.

A robot is a chatbot, a bot on social media or a voice menu.
"""

from __future__ import annotations

from cxml.factors.declare import DAY, Factor, Feature, Flag, Match, Treatment, count, mean, share
from cxml.factors.product import INBOUND, WHO_BEGAN
from cxml.factors.retail_store import ONE, SCORE

_PORTAL = "kind = 'portal'"

SELF_SERVICE = Factor(
    name="self_service",
    en="Self-service",
    ko="셀프 서비스",
    kind="lever",
    family="product",
    tier=3,
    treatment=Treatment("help_found_share"),
    optional=WHO_BEGAN,
    says="Help that is found or not, portals that work or not, and robots that solve, loop or lead nowhere.",
    matches=(
        Match("help_contact_at", "sessions", "interactions", "t", "first after", 1, INBOUND),
        Match("robot_met_at", "surveys", "interactions", "t", "last before", 30, "robot", "issue_id"),
        Match("person_met_at", "surveys", "interactions", "t", "last before", 30, "not robot", "issue_id"),
    ),
    flags=(
        Flag("robot", "interactions", "channel like '%bot%' or channel = 'phone.ivr'"),
        Flag("asked_robot", "interactions", f"robot and {INBOUND}"),
        Flag(
            "person_at", "interactions",
            "min(case when not robot then t end)"
            f" over (partition by who order by t range between current row and {DAY} following)",
            ahead=True,
        ),
        # Judged when the day is over, whatever came of it.
        Flag("contained", "interactions", f"case when asked_robot and age > {DAY} then person_at is null end"),
        Flag(
            "robot_run", "interactions",
            "case when asked_robot then count(case when asked_robot then 1 end)"
            f" over (partition by who order by t range between {DAY} preceding and current row) end",
            reach=1,
        ),
        Flag(
            "contact_followed", "sessions", f"case when age > {DAY} then help_contact_at is not null end"
        ),
        Flag(
            "robot_score", "surveys",
            f"case when robot_met_at is not null and person_met_at is null then {SCORE} end",
        ),
    ),
    features=(
        Feature(
            "help_found_share", "sessions", share("help_found", of="help_search"), "share", "D24 G31 B21",
            "-", "share of visits in search of help that found it", "도움말을 찾은 방문 비율", (90, 365),
        ),
        Feature(
            "help_missed_n", "sessions", count("help_search and not help_found"), "count", "D24 B21", "+",
            "visits in search of help that did not find it", "도움말을 찾지 못한 방문 건수", (90,), empty=0,
        ),
        Feature(
            "help_contact_share", "sessions", share("contact_followed", of="help_search"), "share",
            "B21 D28", "+", "share of visits in search of help followed by a contact within 24 hours",
            "도움말 검색 후 24시간 이내 문의 비율", (90, 365),
        ),
        Feature(
            "help_views_before_contact", "sessions", mean("help_views", "help_contact_at is not null"),
            "count", "B21 D24", "+", "average help pages seen on a visit followed by a contact within 24 hours",
            "24시간 이내 문의로 이어진 방문의 평균 도움말 조회 수", (365,),
        ),
        Feature(
            "guides_share", "sessions", share("help_views > 0"), "share", "G30 B21", "±",
            "share of visits on which help pages or guides were read", "도움말·가이드를 본 방문 비율", (90,),
        ),
        Feature(
            "ended_in_contact_share", "sessions", share("ended_in_contact"), "share", "B21 D24", "+",
            "share of visits that ended in a service contact", "문의로 끝난 방문 비율", (90, 365),
        ),
        Feature(
            "portal_error_share", "sessions", share("errors > 0", of=_PORTAL), "share", "B20 C12", "+",
            "share of visits to the service portal with an error", "오류가 있었던 서비스 포털 방문 비율",
            (90, 365),
        ),
        Feature(
            "portal_mobile_error_share", "sessions",
            share("errors > 0", of=f"{_PORTAL} and device like 'mobile%'"), "share", "B19 C14", "+",
            "share of visits to the mobile service portal with an error",
            "오류가 있었던 모바일 서비스 포털 방문 비율", (365,),
        ),
        Feature(
            "portal_contact_share", "sessions", share("contact_followed", of=_PORTAL), "share", "B19 B20",
            "+", "share of visits to the service portal followed by a contact within 24 hours",
            "서비스 포털 이용 후 24시간 이내 문의 비율", (365,),
        ),
        Feature(
            "robot_contained_share", "interactions", share("contained"), "share", "B2 B6 B12 G18", "-",
            "share of contacts with a bot or voice menu that needed no person within 24 hours",
            "24시간 이내 상담원 연결 없이 끝난 챗봇·ARS 문의 비율", (90, 365),
        ),
        Feature(
            "robot_loops_n", "interactions", count("robot_run >= 3"), "count", "D28 B6", "+",
            "third and further contacts with a bot or voice menu within 24 hours",
            "24시간 이내 세 번 이상 반복된 챗봇·ARS 문의 건수", (90, 365), empty=0,
        ),
        Feature(
            "robot_dead_ends_n", "interactions", count("contained and abandoned"), "count", "D28 B12", "+",
            "contacts with a bot or voice menu given up, without a person within 24 hours",
            "포기 후 24시간 이내 상담원 연결이 없었던 챗봇·ARS 문의 건수", (90, 365), empty=0,
        ),
        Feature(
            "robot_score_mean", "surveys", mean("robot_score") + f" / {ONE}e0", "score", "G18 B6", "-",
            "average score (0 to 1) in surveys on issues that only a bot or voice menu handled",
            "챗봇·ARS만으로 처리한 문의의 평균 점수(0~1)", (365,),
        ),
    ),
)  # fmt: skip
