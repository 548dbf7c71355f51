"""The catalogue of sentences: whole, alike in both languages, and all of it used."""

from __future__ import annotations

import re
import string
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import cxml.report
from cxml.contracts import TABLES
from cxml.report.sentences import Words, catalogue

HOME = Path(cxml.report.__file__).parent
ENTRIES = {f"{s}.{k}": text for s, part in catalogue().items() for k, text in part.items() if k != "terms"}


@pytest.mark.parametrize("key", ENTRIES)
def test_entry_is_whole(key: str) -> None:
    entry = ENTRIES[key]
    assert set(entry) == {"en", "ko"} and all(entry.values())
    fields = {
        lang: sorted(f for _, f, _, _ in string.Formatter().parse(text) if f) for lang, text in entry.items()
    }
    assert set(fields["en"]) == set(fields["ko"])
    assert all(text.count("*") % 2 == 0 for text in entry.values())
    assert not re.search("[가-힣]", entry["en"])
    assert set(re.findall("[A-Za-z]{2,}", re.sub("{.*?}", "", entry["ko"]))) <= {
        "AUC",
        "PR",
        "BG",
        "NBD",
        "Qini",
    }


def test_korean_is_in_the_manner_agreed() -> None:
    korean = " ".join(entry["ko"] for entry in ENTRIES.values()) + " ".join(m for _, m in Words("ko").terms())
    for avoided in (
        "당신",
        "그녀",
        "휘젓",
        "평생 가치",
        "드라이버",
        "컷오프",
        "에이전트",
        "격차",
        "순 추천 지수",
    ):
        assert avoided not in korean
    sentences = [s for entry in ENTRIES.values() for s in re.findall(r"[^.]*다\.", entry["ko"])]
    assert sentences and all(s.endswith(("니다.", "시다.")) for s in sentences)


def test_glossary_says_the_same_things() -> None:
    assert len(Words("en").terms()) == len(Words("ko").terms()) >= 8


def test_every_table_has_a_name() -> None:
    assert set(catalogue()["tables"]) == set(TABLES)


def test_every_sentence_is_said_somewhere() -> None:
    source = "\n".join(p.read_text() for p in sorted(HOME.rglob("*")) if p.suffix in (".py", ".j2"))
    # f"why.caution{way}", "directions." ~ x in a template, words.named("steps", x): a part that the data fill in.
    made = {re.sub(r"\{[^}]*\}", "*", key) for key in re.findall(r'f"([a-z]+\.[^" ]*\{[^" ]*)"', source)}
    made |= {f"{key}*" for key in re.findall(r'"([a-z]+\.[a-z_]*)" ~', source)}
    made |= {f"{section}.*" for section in re.findall(r'named\("([a-z]+)"', source)}
    assert not {key for key in made if key.startswith("*")}
    unused = [k for k in ENTRIES if f'"{k}"' not in source and not any(fnmatchcase(k, one) for one in made)]
    assert not unused


def test_star_in_a_value_is_no_mark() -> None:
    said = Words("en")("change.lead", factor="*a* <b>")
    assert str(said).count("<strong>") == 1 and "<b>" not in str(said)
