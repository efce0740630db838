"""The contact sheet shows each phase, and what it is drawn from keeps the schemas."""

from __future__ import annotations

import re
import time
from collections import defaultdict

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from benchmarks.learnability import sheet, words
from benchmarks.learnability.corpus import Sizes, write
from benchmarks.learnability.draw import SIDE
from benchmarks.learnability.variants import DEVELOPMENT_SEEDS
from benchmarks.learnability.world import PHASE_NAMES, operate
from ophclip.data.shards import open_shards
from schemas.labels import LABELS
from schemas.shards import SHARDS

SIZES = Sizes(narrated=24, silent=6, test=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("sheet") / "data"
    write(place, seed=DEVELOPMENT_SEEDS[0], sizes=SIZES)
    return place


def test_a_row_for_each_phase_and_a_column_for_each_video(folder):
    drawn = sheet.contact_sheet(folder, columns=3)
    side = SIDE * sheet.SCALE
    assert drawn.shape == (len(PHASE_NAMES) * side, sheet.LABEL_WIDTH + 3 * side, 3)
    first_tiles = drawn[:, sheet.LABEL_WIDTH : sheet.LABEL_WIDTH + side]
    assert all(part.std() > 5 for part in np.split(first_tiles, len(PHASE_NAMES)))


def test_the_middle_picture_of_a_span_lies_in_it(folder):
    rows = {row.video_id: row for row in open_shards(folder, cached_groups=1).rows if not row.text}
    spans = sheet._first_spans(folder)
    assert {video for video, _ in spans} == set(rows)
    for (video, _), (start_s, end_s) in spans.items():
        row = rows[video]
        assert start_s <= row.frame_times_s[sheet._middle(row, (start_s, end_s))] < end_s


def test_a_phase_that_nobody_has_leaves_black_tiles(folder):
    drawn = sheet.contact_sheet(folder, columns=SIZES.narrated + SIZES.silent + SIZES.test + 1)
    assert not drawn[:, -SIDE * sheet.SCALE :].any()


def test_the_command_writes_a_picture(tmp_path):
    out = tmp_path / "deeper" / "sheet.png"
    assert sheet.main(["--videos", "2", "--out", str(out)]) == 0
    with Image.open(out) as picture:
        assert picture.height == len(PHASE_NAMES) * SIDE * sheet.SCALE


def test_tables_on_disk_keep_their_schemas(folder):
    for path in (folder / "shards").glob("*.parquet"):
        assert SHARDS.check(pq.read_table(path)) == []
    assert LABELS.check(pq.read_table(folder / "labels.parquet")) == []


def test_no_text_that_training_sees_holds_a_prompt(folder):
    """Of the texts as they stand in the shards, less case and punctuation."""
    texts = {
        _plain(text)
        for row in open_shards(folder, cached_groups=1).rows
        for text in (row.text, row.title, *row.narrations)
        if text
    }
    assert len(texts) > 50
    groups = (words.PHASE_PROMPTS, words.SURGERY_PROMPTS, words.INSTRUMENT_PROMPTS)
    for prompt in (p for group in groups for prompts in group.values() for p in prompts):
        assert not [text for text in texts if f" {_plain(prompt)} " in f" {text} "]


def test_phases_that_look_alike_come_in_the_same_videos():
    """So that the video alone does not tell them apart; only what was done before does."""
    random = np.random.default_rng(11)
    seen: dict[str, int] = defaultdict(int)
    for _ in range(300):
        names = [step.phase for step in operate(random).steps]
        for first, second in (
            ("cortex removal", "viscoelastic removal"),
            ("viscoelastic injection", "wound hydration"),
        ):
            seen[first] += first in names and second in names
    assert seen["cortex removal"] > 60
    assert seen["viscoelastic injection"] > 150


def test_several_hundred_videos_take_minutes(tmp_path):
    """In time of this process, so that a busy machine does not count; measured: 30 ms a video."""
    began_s = time.process_time()
    write(tmp_path / "data", seed=3, sizes=SIZES)
    each_s = (time.process_time() - began_s) / (SIZES.narrated + SIZES.silent + SIZES.test)
    assert each_s < 0.24  # 500 videos in two minutes.


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))
