"""`ophclip search`: what is found, in which order, and a page that nothing hostile gets out of."""

from __future__ import annotations

import base64
import dataclasses
import html
import io
import re
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ophclip.cli import main
from ophclip.data.shards import open_shards
from ophclip.errors import ConfigError
from ophclip.inference import pretrained, search, search_page
from ophclip.inference.embed import embed, write_embeddings
from tests.ophclip.shard_factory import COLOURS, video_rows, write_shard

HOSTILE = (
    "\x1b[2J</title><script>alert(1)</script><img src=x onerror=\"alert('2')\">{{ 7919 * 7907 }}"
)


@pytest.fixture(scope="module")
def source(trained):
    return pretrained.read(trained.runs, device="cpu")


def hit(start_s, end_s, similarity=0.5, video_id="v", level="clip"):
    return search.Hit(
        similarity=similarity, pair_id="p", video_id=video_id, level=level,
        start_s=start_s, end_s=end_s, text="text", title="title",
    )  # fmt: skip


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["ophclip", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code or 0, capsys.readouterr()


def test_the_picture_of_a_phase_is_found_by_its_name_also_where_nobody_speaks(source, trained):
    shards = open_shards(trained.data, cached_groups=1)
    found = search.search(
        source, shards, "Capsulorhexis is shown here.", count=5, embeddings=trained.data / "none",
        log=lambda _: None,
    )  # fmt: skip
    assert [(h.start_s, h.end_s) for h in found] == [(10.0, 20.0)] * 5
    assert {h.level for h in found} == {"clip", "window"}
    assert [h.similarity for h in found] == sorted((h.similarity for h in found), reverse=True)


def test_stored_embeddings_give_the_same_and_are_used_only_if_they_fit(source, trained, tmp_path):
    shards = open_shards(trained.data, cached_groups=1)
    messages = []

    def find(chosen):
        return search.search(
            chosen, shards, "incision", count=50, embeddings=tmp_path, log=messages.append
        )

    computed = find(source)
    write_embeddings(source, shards, tmp_path, log=lambda _: None)
    assert [dataclasses.astuple(h)[1:] for h in find(source)] == [
        dataclasses.astuple(h)[1:] for h in computed
    ]
    find(dataclasses.replace(source, sha256="0" * 64))
    assert [line.split()[0] for line in messages] == ["no", "embeddings:", "no"]


def test_no_moment_comes_twice_and_videos_as_a_whole_never(source, trained):
    shards = open_shards(trained.data, cached_groups=1)
    found = search._hits(embed(source, shards), np.ones(384, dtype=np.float32))
    assert {h.level for h in found} == {"clip", "window"}
    hits = [hit(0, 10, 0.9), hit(5, 15, 0.8), hit(10, 20, 0.7), hit(6, 9, 0.6, "w")]
    assert search._distinct(hits, 10) == [hits[0], hits[2], hits[3]]
    assert search._distinct(hits, 1) == hits[:1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00"), (59.99, "0:00:59"), (3661, "1:01:01"), (36000, "10:00:00")],
)
def test_times_are_formatted_as_clocks_do(seconds, text):
    assert search.format_time(seconds) == text


def test_a_search_for_one_result_is_one():
    search.check_query("rhexis", 1)
    with pytest.raises(ConfigError, match="-k 0: ask for at least 1"):
        search.check_query("rhexis", 0)


def test_a_line_has_no_control_characters():
    line = search.format_hit(1, dataclasses.replace(hit(0, 10), text=f"a\nb{HOSTILE}"))
    assert line.isprintable()
    assert line.startswith("  1   0.500  v  0:00:00-0:00:10  a b")


@pytest.mark.parametrize(
    ("video_id", "location", "expected"),
    [
        ("youtube_a-b", None, "https://www.youtube.com/watch?v=a-b&t=75s"),
        ("youtube_x", "https://youtu.be/x?t=3", "https://youtu.be/x?t=75s"),
        ("url_1", "https://h.org/v.mp4?a=1#t=2", "https://h.org/v.mp4?a=1#t=75"),
        ("file_1", "/data/a b#c.mp4", "file:///data/a%20b%23c.mp4#t=75"),
        ("file_1", None, None),
        ("url_1", "javascript:alert(1)//", None),
        ("url_1", "data:text/html,x", None),
        ("url_1", "http://[", None),
        ("url_1", "http:///v.mp4", None),
        ("url_1", "ftp://h.org/v.mp4", None),
    ],
)
def test_links_open_the_time_and_only_safe_urls(video_id, location, expected):
    assert search_page.video_link(video_id, location, 75.9) == expected


def test_the_thumbnail_is_the_frame_in_the_middle_of_the_hit(tmp_path):
    write_shard(tmp_path, video_rows(3, kind="silent"))
    shards = open_shards(tmp_path, cached_groups=1)
    for start_s, colour in zip((0, 10, 20), COLOURS.values(), strict=True):
        uri = search_page._thumbnail(shards, shards.rows[0], hit(start_s, start_s + 10))
        with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
            mean = np.asarray(image).mean(axis=(0, 1))
        assert mean.tolist() == pytest.approx(colour, abs=8)


def test_the_page_needs_no_other_file_and_escapes_everything(
    trained, tmp_path, monkeypatch, capsys
):
    rows = [dataclasses.replace(row, title=HOSTILE) for row in video_rows(1)]
    rows[0] = dataclasses.replace(rows[0], text=HOSTILE)
    rows += [
        dataclasses.replace(row, title=HOSTILE, video_id="youtube_abc")
        for row in video_rows(2, kind="silent")
    ]
    write_shard(tmp_path, rows)
    videos = tmp_path / "tables" / "videos"
    videos.mkdir(parents=True)
    table = {
        "video_id": [rows[0].video_id],
        "location": ["/data/video.mp4"],
        "webpage_url": ['https://example.org/"><script>alert(3)</script>'],
    }
    pq.write_table(pa.table(table), videos / "one.parquet")
    target = tmp_path / "new" / "results.html"
    code, said = run(
        monkeypatch, capsys,
        "search", f"incision {HOSTILE}", "--shards", tmp_path, "--checkpoint", trained.runs,
        "--html", target, "--embeddings", tmp_path / "none",
    )  # fmt: skip
    assert code == 0, said.err
    assert "\x1b" not in said.out
    assert "[silent]" in said.out
    text = target.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<img src=x" not in text
    assert "62615533" not in re.sub(r'base64,[^"]*|[0-9a-f]{64}', "", text)
    sources = re.findall(r'src="([^"]*)"', text)
    assert len(sources) == 6  # Three clips; of the silent video's five windows, three moments.
    assert all(s.startswith("data:image/jpeg;base64,") for s in sources)
    links = {html.unescape(link) for link in re.findall(r'href="([^"]*)"', text)}
    assert "https://www.youtube.com/watch?v=abc&t=0s" in links
    assert all(link.startswith("https://") for link in links)
    assert [path.name for path in target.parent.iterdir()] == ["results.html"]


def test_what_cannot_be_searched_ends_with_code_2(trained, tmp_path, monkeypatch, capsys):
    def told(*arguments):
        code, said = run(monkeypatch, capsys, "search", *arguments, "--checkpoint", trained.runs)
        assert code == 2
        return said.err

    assert "query is empty" in told(" ", "--shards", trained.data)
    assert "-k 0: ask for at least 1" in told("x", "--shards", trained.data, "-k", "0")
    assert "no *.parquet files" in told("x", "--shards", tmp_path)
    write_shard(tmp_path, [])
    assert "hold no rows" in told("x", "--shards", tmp_path)
    with pytest.raises(ConfigError, match="-k -3"):
        search.check_query("x", -3)


def test_embed_and_search_meet_by_default(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shared = ("--shards", trained.data, "--checkpoint", trained.runs)
    code, said = run(monkeypatch, capsys, "embed", *shared)
    assert code == 0, said.err
    assert "embeddings: embeddings/rows, embeddings/windows" in said.out
    code, said = run(monkeypatch, capsys, "search", "hydrodissection", *shared, "-k", "2")
    assert code == 0, said.err
    assert "embeddings: embeddings\n" in said.out
    assert re.search(r"^  2 +-?\d\.\d{3}  file_\w+  0:00:\d\d-0:00:\d\d  ", said.out, re.MULTILINE)


def test_hits_are_one_moment_from_half_of_the_shorter_one_on():
    for shared_s, same in ((5.0, True), (4.9, False), (-1.0, False)):
        for begin in (0, 200):
            one = hit(begin, begin + 10)
            other = hit(begin + 10 - shared_s, begin + 110)
            assert search._overlap(one, other) is search._overlap(other, one) is same


def test_hits_of_equal_similarity_come_in_the_order_of_pairs_and_times():
    hits = [
        dataclasses.replace(hit(start_s, start_s + 1), pair_id=pair)
        for pair, start_s in (("b", 0), ("a", 20), ("a", 10))
    ]
    best = search._distinct(hits, 3)
    assert [(h.pair_id, h.start_s) for h in best] == [("a", 10), ("a", 20), ("b", 0)]
