"""Terms from a file and from the ontology, and the queries of a site."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from ophvl.errors import UsageError
from ophvl.ontology import Ontology
from ophvl.sources.search_terms import Search, read_terms
from ophvl.sources.source_list import is_url


@pytest.fixture
def terms(tmp_path: Path, ontology: Ontology):
    def read(text: str | bytes) -> list[str]:
        path = tmp_path / "terms.txt"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_terms(path, ontology)

    return read


def test_a_term_a_line_each_once_in_order(terms) -> None:
    text = "\ufeff# terms\r\n\r\n  DMEK  \r\nYamane\ttechnique\r\ndmek\r\nIOL #2\r\n # x\r\n眼科 手術\r\n"
    assert terms(text) == ["DMEK", "Yamane technique", "IOL #2", "眼科 手術"]


def test_concepts_stand_for_their_preferred_terms(terms, ontology: Ontology) -> None:
    assert terms("surgery:phacoemulsification\nPhacoemulsification") == ["phacoemulsification"]
    found = terms("kind:surgery")
    labels = {c.label for c in ontology.concepts.values() if c.kind == "surgery"}
    assert set(found) == labels
    assert len(found) > 300


def test_a_colon_alone_makes_no_concept(terms) -> None:
    assert terms("DMEK: how to\nsurgery: my story") == ["DMEK: how to", "surgery: my story"]


def test_every_line_at_fault_is_named_with_what_is_near(terms) -> None:
    with pytest.raises(UsageError) as caught:
        terms("DMEK\nsurgery:phacoemulsifikation\nkind:recipe")
    message = str(caught.value)
    assert "terms.txt:2: " in message
    assert "surgery:phacoemulsification" in message
    assert "terms.txt:3: there is no kind 'recipe'; kinds are surgery, phase" in message


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"# nothing\n\n", "names nothing"), (b"caf\xe9", "not UTF-8")],
)
def test_a_file_without_terms(terms, content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        terms(content)


def test_a_file_that_is_not_there(tmp_path: Path, ontology: Ontology) -> None:
    with pytest.raises(UsageError, match=r"cannot read the terms .*there is no such file"):
        read_terms(tmp_path / "no.txt", ontology)


def test_a_term_makes_no_line_of_its_own(terms) -> None:
    (term,) = terms("DMEK\x0bhttp://evil.example/a.mp4\x1b[31m\u2028x\x85y")
    assert term == "DMEK http://evil.example/a.mp4 [31m x y"


def test_the_query_for_youtube() -> None:
    by = Search(per_term=7, suffix="surgery")
    assert by.query("DMEK") == "ytsearch7:DMEK surgery"
    assert by.query("Cataract Surgery") == "ytsearch7:Cataract Surgery"
    assert Search().query("DMEK") == "ytsearch20:DMEK"
    assert is_url(by.query("DMEK"))
    assert by.query("see https://host.example/x") == "ytsearch7:see https host.example/x surgery"


@pytest.mark.parametrize("term", ["a b&q=c", "100% #1?", "眼科", "{terms}", "../../x", "a+b"])
def test_the_query_for_another_site_holds_the_term_whole(term: str) -> None:
    by = Search(address="https://host.example/search?q={terms}&sort=date", suffix="eye")
    query = urlsplit(by.query(term))
    assert query.netloc == "host.example"
    assert parse_qs(query.query) == {"q": [f"{term} eye"], "sort": ["date"]}
    assert query.fragment == ""


@pytest.mark.parametrize(
    "address",
    [
        *("https://host.example/search", "ftp://host.example/{terms}", "{terms}"),
        *(
            "https://{terms}/x",
            "https:///x?q={terms}",
            "https://host:port/{terms}",
            "file:///{terms}",
        ),
    ],
)
def test_an_address_that_cannot_be_asked(address: str) -> None:
    with pytest.raises(UsageError, match="search address"):
        Search(address=address)


def test_less_than_one_video_a_term() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        Search(per_term=0)
