"""Pictures are decoded once and used again."""

import io

import pyarrow as pa
import pytest
from PIL import Image

from ophvl.ids import sha256_file
from ophvl.media.folder import MediaFolder
from ophvl.media.frames import AvFrameReader
from pipelines.stages.frames import FramesConfig, frames
from schemas.frames import FRAMES
from tests.media_factory import grey, make_video

VIDEO = "file_0123456789abcdef"


@pytest.fixture
def media(tmp_path) -> pa.Table:
    path = make_video(tmp_path / "a.mp4", seconds=3.0, fps=10, size=(160, 96))
    row = {"video_id": [VIDEO], "path": ["a.mp4"], "sha256": [sha256_file(path)]}
    return pa.table(row | {"audio_stream": [None], "clock_jumps": [None]})


class CountingReader(AvFrameReader):
    """Counts the times that are decoded."""

    asked: list[float]

    def read(self, file, times_s):
        self.asked.extend(times_s)
        return super().read(file, times_s)


def run(media, times, tmp_path, previous=None, quality=90):
    reader = CountingReader(short_side=96, quality=quality)
    object.__setattr__(reader, "asked", [])
    pairs = pa.table(
        {"pair_id": ["p"], "video_id": [VIDEO], "frame_times_s": [times]},
        schema=pa.schema(
            {
                "pair_id": pa.string(),
                "video_id": pa.string(),
                "frame_times_s": pa.list_(pa.float64()),
            }
        ),
    )
    result = frames(
        media,
        pairs,
        previous={"frames": previous if previous is not None else FRAMES.empty()},
        config=FramesConfig(short_side=96, quality=quality),
        frame_reader=reader,
        files=MediaFolder(root=tmp_path),
    )
    return result.tables["frames"], reader.asked


def test_pictures_are_those_of_the_times_asked(media, tmp_path) -> None:
    table, _ = run(media, [0.05, 1.25], tmp_path)
    assert FRAMES.check(table) == []
    for time_s, picture in zip((0, 12), table.column("jpeg").to_pylist(), strict=True):
        seen = Image.open(io.BytesIO(picture)).convert("L").getpixel((120, 80))
        assert seen == pytest.approx(grey(time_s), abs=12)


def test_a_rebuild_decodes_only_what_is_new(media, tmp_path) -> None:
    before, _ = run(media, [0.05, 1.25], tmp_path)
    table, asked = run(media, [1.25, 2.05], tmp_path, previous=before)
    assert asked == [2.05]
    assert table.column("time_s").to_pylist() == [1.25, 2.05]


def test_other_content_or_quality_is_decoded_again(media, tmp_path) -> None:
    before, _ = run(media, [0.05], tmp_path)
    _, asked = run(media, [0.05], tmp_path, previous=before, quality=50)
    assert asked == [0.05]
    other = media.set_column(2, "sha256", [["f" * 64]])
    _, asked = run(other, [0.05], tmp_path, previous=before)
    assert asked == [0.05]
