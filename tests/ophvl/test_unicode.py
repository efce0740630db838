"""Texts have one spelling, and keep what they say."""

# ruff: noqa: RUF001  Letters of other scripts are the subject.

from __future__ import annotations

import json
import re
import string
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

import ophvl
from benchmarks.language.__main__ import OWN_GOLD
from ophvl.ontology import Ontology
from ophvl.ports import Chapter, VideoMetadata
from ophvl.sources.licences import licence_class
from ophvl.text.concepts.matching import Matcher
from ophvl.text.concepts.tagging import Tagger
from ophvl.text.titles.structure import structure_title
from ophvl.unicode import NAME_CHARACTERS, TITLE_CHARACTERS, normalise, normalise_markup
from schemas.vocab import LicenceClass
from tests.ophvl.timing import least_factor

PACKAGE = Path(ophvl.__file__).parent

SAMPLES = [
    ("Mu\u0308ller, Sjo\u0308gren, Behc\u0327et", "Müller, Sjögren, Behçet"),
    ("\uff30\uff28\uff21\uff23\uff2f\u3000\uff0b\u3000\uff29\uff2f\uff2c", "PHACO + IOL"),
    ("\U0001d429\U0001d421\U0001d41a\U0001d41c\U0001d428", "phaco"),
    ("phacoemulsi\ufb01cation", "phacoemulsification"),
    ("phaco\u00ademulsi\u200bfication", "phacoemulsification"),
    ("\u202aI\u200cO\u2060L\u202c\ufeff", "IOL"),
    ("right\u00a0eye, left\u2009eye\u3000", "right eye, left eye "),
    ("Descemet\u2019s \u201cbig bubble\u201d", 'Descemet\'s "big bubble"'),
    ("10\u20130 nylon, \u22124.5 D", "10-0 nylon, -4.5 D"),
    ("2\u00bd mm, \u00bd", "2 1/2 mm, 1/2"),
    ("1\u20442", "1/2"),
    ("10\u00b2, x\u207b\u00b9, 10\u2082", "10\u00b2, x\u207b\u00b9, 10\u2082"),
    ("C\u2083F\u2088, H\u2082O, log\u2081\u2080 5, x\u20815", "C3F8, H2O, log10 5, x\u20815"),
    ("\u00bd5, 2\u00bdmm, \u00b9\u2044\u2082, \u215f\u2081\u2080", "1/2 5, 2 1/2mm, 1/2, 1/10"),
    ("5\u1d57\u02b0 case, x\u207f, 1\u00ba, \u2163", "5th case, x\u207f, 1\u00ba, IV"),
    ("\u2474 \u249c \u24c5 \U0001f15f\U0001f157 \U0001f17f", "\u2474 a P PH P"),
    ("Healon\u2122, Fuchs\u2019, don\u00b4t, 15\u2032", "Healon, Fuchs', don't, 15\u2032"),
    ("lens \u2013 and hook, \u20135 D, so\u2026", "lens \u2013 and hook, -5 D, so..."),
    ("Descemet\x92s, Healon\x99, a\x00b\x81c", "Descemet's, Healon, a b c"),
    ("2.2\u339c, 5\u339f, 37\u2103", "2.2mm, 5mm\u00b2, 37\u00b0C"),
    ("case \u2460, step \u24b6", "case \u2460, step A"),
    ("眼科 مرحبا नमस्ते İstanbul \u0131", "眼科 مرحبا नमस्ते İstanbul \u0131"),
    ("手术（右眼）：“飞秒”…", "手术（右眼）：“飞秒”…"),
    ("ＰＨＡＣＯ手术，右眼", "PHACO手术，右眼"),
    ("กำ ㅋㅋ և «а»", "กำ ㅋㅋ և «а»"),
    ("می\u200cخواهم क्\u200dष, I\u200dO\u200cL", "می\u200cخواهم क्\u200dष, IOL"),
    ("\ufe83\ufe8e \uff76\uff9e", "\u0623\u0627 \u30ac"),
    ("phaco \uff5c small pupil \u29f8 right eye\uff1f", "phaco | small pupil / right eye?"),
    ("a\r\nb\rc\u2028d\te\x1b[2J\x00", "a\nb\nc\nd e [2J "),
    ("half a \ud83dpair", "half a pair"),
    ("👁\ufe0f 👩\u200d⚕\ufe0f", "👁 👩\u200d⚕"),
    ("e" + "\u0301" * 1_000, "é" + "\u0301" * 4),
    ("\u0e01" + "\u0e47" * 1_000, "\u0e01" + "\u0e47" * 4),
]


@pytest.mark.parametrize(("text", "expected"), SAMPLES)
def test_a_text_gets_its_one_spelling_and_keeps_it(text: str, expected: str) -> None:
    assert normalise(text) == expected
    assert normalise(expected) == expected
    normalise(text).encode()


def test_ascii_and_accents_stay() -> None:
    plain = string.ascii_letters + string.digits + string.punctuation + " \n"
    assert normalise(plain) == plain
    letters = "".join(chr(n) for n in range(0xC0, 0x180) if unicodedata.category(chr(n))[0] == "L")
    kept = [c for c in letters if not unicodedata.decomposition(c).startswith("<")]
    assert normalise("".join(kept)) == "".join(kept)


def test_every_character_is_normal_after_one_pass() -> None:
    for number in range(0x110000):
        if unicodedata.name(chr(number), "CJK").startswith(("CJK", "HANGUL SYL", "TANGUT")):
            continue  # Thousands of one kind, or not assigned.
        text = f"a{chr(number)}2"
        once = normalise(text)
        assert normalise(once) == once, hex(number)
        assert normalise(unicodedata.normalize("NFD", text)) == once, hex(number)


def test_entities_are_resolved_also_twice_and_no_ampersand_is_lost() -> None:
    assert normalise_markup("&quot;A &amp;amp; B&quot; &#39;&#x41;") == '"A & B" \'A'
    assert normalise_markup("&amp;amp;amp;lt; &#38;#38;lt; &am\u200bp; &nbsp;|") == "< < &  |"
    assert normalise_markup("?a=1&copy=2&lang=en;") == "?a=1&copy=2&lang=en;"
    assert normalise_markup("R&D &notes AT&T; &nosuch;") == "R&D &notes AT&T; &nosuch;"


@pytest.mark.parametrize(
    "shape",
    [
        *(
            "\u0301",
            "é",
            "\U0001d429",
            "½",
            "&amp;",
            "&",
            "\u200b",
            "a\u0301",
            "\u0315\u0300",
            "\u00b2",
        ),
        *("\u2080", "\u2013", "\u200d", "&sup\u2082;", "&#38;", ";", "\ud83d"),
    ],
)
def test_the_time_is_in_proportion_to_the_length(shape: str) -> None:
    assert least_factor(normalise_markup, shape * 10_000, shape * 100_000) < 15


def test_what_enters_as_metadata_is_normal_and_of_limited_length() -> None:
    video = VideoMetadata(
        url="https://example.org/\uff30",
        webpage_url=None,
        extractor="e",
        site_id="1",
        title="\uff30haco &amp; IOL " + "x" * 5_000,
        description="Mu\u0308ller",
        channel=" \u200b",
        tags=("\ufb01bro",),
        chapters=(Chapter(title="\uff29ncision", start_s=0.0, end_s=1.0),),
    )
    assert video.title.startswith("Phaco & IOL x")
    assert len(video.title) == TITLE_CHARACTERS
    assert (video.description, video.channel, video.tags) == ("Müller", None, ("fibro",))
    assert video.chapters[0].title == "Incision"
    assert video.url == "https://example.org/\uff30", "an address stays as it is"


def test_a_licence_that_is_cut_is_no_licence() -> None:
    licence = "CC BY" + " " * 300 + "NC"
    video = VideoMetadata(
        url="u", webpage_url=None, extractor="e", site_id="1", title="t", licence=licence
    )
    assert video.licence is not None
    assert len(video.licence) == NAME_CHARACTERS
    assert replace(video, licence=video.licence) == video
    assert licence_class(video.licence) is LicenceClass.UNKNOWN
    assert licence_class(replace(video, licence="CC BY").licence) is LicenceClass.OPEN


def gold_texts() -> list[str]:
    """Narrations and titles of the gold set, in their one spelling."""
    lines = [
        line
        for name in ("narrations", "titles")
        for line in (OWN_GOLD / f"{name}.jsonl").read_text("utf-8").splitlines()
    ]
    rows = [json.loads(line) for line in lines]
    return [normalise(row.get("text") or row["raw_title"]) for row in rows]


SPELLINGS = [
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    lambda text: "".join(chr(0x1D41A + ord(c) - 97) if "a" <= c <= "z" else c for c in text),
    lambda text: "\u00ad".join(text),
    lambda text: "\u202b" + "\u200b".join(text) + "\u202c",
    lambda text: text.replace(" ", "\u00a0").replace("'", "\u2019").replace("-", "\u2011"),
    lambda text: text.replace("&", "&amp;").replace("'", "&#39;").replace("fi", "\ufb01"),
    lambda text: text.translate({ord("A") + n: 0x1F150 + n for n in range(26)}),
    lambda text: "\ufe0f".join(text).replace("-", "&amp;#8209;").replace(" ", "&amp;nbsp;"),
    lambda text: re.sub(r"(?<=[A-Za-z])\d(?!\d)", lambda m: chr(0x2080 + int(m[0])), text),
]


@pytest.mark.parametrize("spelling", range(len(SPELLINGS)))
def test_all_spellings_of_the_gold_set_are_one(spelling: int) -> None:
    for text in gold_texts():
        assert normalise_markup(SPELLINGS[spelling](text)) == text


@pytest.mark.parametrize("spelling", range(len(SPELLINGS)))
def test_all_spellings_give_the_same_attributes_and_title(
    matcher: Matcher, tagger: Tagger, spelling: int
) -> None:
    spell = SPELLINGS[spelling]
    for text in (
        "We do phacoemulsification, and Descemet's membrane is scored with a 23-gauge needle.",
        "In this eye with Behçet disease the Müller muscle is shortened.",
    ):
        other = normalise_markup(spell(text))
        assert other == text
        assert tagger.tag(other) == tagger.tag(text)
    title = "Phaco with small pupil, right eye"
    structured = structure_title(normalise_markup(spell(title)), None, matcher)
    assert structured == structure_title(title, None, matcher)


def test_file_names_give_the_same_title_and_eye(matcher: Matcher) -> None:
    name = structure_title("Phaco_with_small_pupil_RE_case12_final", None, matcher)
    assert name.title == "Phacoemulsification for small pupil, right eye"


def test_the_terms_of_the_ontology_are_normal(ontology: Ontology) -> None:
    labels = [concept.label for concept in ontology.concepts.values()]
    assert [label for label in labels if normalise(label) != label] == []
    # Also synonyms, cues and mishearings.
    files = [path for suffix in ("tsv", "toml") for path in PACKAGE.rglob(f"*.{suffix}")]
    lines = [
        line.replace("\t", " ") for path in files for line in path.read_text("utf-8").split("\n")
    ]
    assert len(lines) > 4_000
    (fraction,) = [line for line in lines if normalise(line) != line]
    assert "26½-gauge needle" in fraction
    forms = ontology.concepts["instrument:26-gauge_needle"].forms()
    assert {"26 1 2 gauge needle", "261\u20442 gauge needle"} <= forms, (
        "in texts, and in old tables"
    )
