"""Which pictures stage frames makes anew, which it takes over, and which it lets go."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from ophvl.errors import UsageError
from ophvl.media.folder import MediaFolder
from ophvl.media.frames import AvFrameReader
from ophvl.ports import Frame
from pipelines.stages.frames import FramesConfig, frames
from schemas.frames import FRAMES
from schemas.vocab import WarningKind
from tests.factories import media_row, pair_row, table, video_id
from tests.media_factory import make_damaged, make_video

VIDEO = video_id(1)
STORED = f"media/{VIDEO}.mp4"


@dataclass
class Counting:
    """A reader of pictures that notes the times it decodes."""

    reader: AvFrameReader
    revision: str = "counting"
    times_s: list[float] = field(default_factory=list)

    def read(self, path: Path, times_s: Sequence[float]) -> Iterator[Frame]:
        self.times_s += times_s
        return self.reader.read(path, times_s)


@pytest.fixture
def run(tmp_path: Path):
    (tmp_path / "media").mkdir()
    make_video(tmp_path / STORED, seconds=2.0, fps=10, size=(160, 96))

    def run(
        *times: list[float],
        previous: pa.Table | None = None,
        short_side: int = 48,
        quality: int = 90,
        **media: object,
    ) -> tuple[pa.Table, list[float]]:
        reader = Counting(AvFrameReader(short_side=short_side, quality=quality))
        pairs = [
            pair_row(1, pair_id=f"{VIDEO}-n{n:04d}", frame_times_s=t) for n, t in enumerate(times)
        ]
        result = frames(
            table("media", media_row(1, path=STORED, **media)),
            table("pairs", *pairs),
            previous={"frames": FRAMES.empty() if previous is None else previous},
            config=FramesConfig(short_side=short_side, quality=quality),
            frame_reader=reader,
            files=MediaFolder(root=tmp_path),
        )
        assert FRAMES.check(result.tables["frames"]) == []
        return result.tables["frames"], reader.times_s

    return run


def sizes(made: pa.Table) -> set[tuple[int, int]]:
    shown = {Image.open(io.BytesIO(jpeg)).size for jpeg in made.column("jpeg").to_pylist()}
    columns = zip(made.column("width").to_pylist(), made.column("height").to_pylist(), strict=True)
    assert shown == set(columns)
    return shown


def test_the_same_settings_decode_nothing_and_give_the_same_table(run) -> None:
    before, decoded = run([0.25, 1.05])
    assert decoded == [0.25, 1.05]
    again, decoded = run([1.05, 0.25], previous=before)
    assert decoded == []
    assert again.equals(before)


@pytest.mark.parametrize("change", [{"short_side": 32}, {"quality": 40}, {"sha256": "f" * 64}])
def test_another_size_quality_or_file_makes_every_picture_anew(run, change: dict) -> None:
    before, _ = run([0.25, 1.05])
    made, decoded = run([0.25, 1.05], previous=before, **change)
    assert decoded == [0.25, 1.05]
    assert made.num_rows == 2
    assert (
        made.column("jpeg").to_pylist() != before.column("jpeg").to_pylist() or "sha256" in change
    )


def test_pictures_have_the_size_and_quality_of_the_settings(run) -> None:
    made, _ = run([0.25])
    assert sizes(made) == {(80, 48)}
    assert made.column("short_side").to_pylist() == [48]
    small, _ = run([0.25], previous=made, short_side=32, quality=40)
    ((width, height),) = sizes(small)
    assert (min(width, height), width > height) == (32, True)
    (row,) = small.to_pylist()
    assert (row["short_side"], row["quality"]) == (32, 40)
    assert row["video_id"] == VIDEO
    assert row["media_sha256"] == media_row(1).sha256


def test_times_of_several_pairs_are_decoded_once_and_stand_in_order(run) -> None:
    made, decoded = run([1.05, 1.55], [0.25, 1.05])
    assert decoded == [0.25, 1.05, 1.55]
    assert made.column("time_s").to_pylist() == [0.25, 1.05, 1.55]


def test_pictures_that_no_pair_names_any_more_go(run) -> None:
    before, _ = run([0.25, 1.05, 1.55])
    made, decoded = run([1.05], previous=before)
    assert (made.column("time_s").to_pylist(), decoded) == ([1.05], [])


def test_new_pictures_are_put_between_those_taken_over(run) -> None:
    before, _ = run([0.25, 1.55])
    made, decoded = run([0.25, 1.05, 1.55], previous=before)
    assert decoded == [1.05]
    assert made.column("time_s").to_pylist() == [0.25, 1.05, 1.55]
    assert made.take([0, 2]).column("jpeg").equals(before.column("jpeg"))


def test_damaged_pictures_are_counted_and_told(tmp_path: Path) -> None:
    make_damaged(tmp_path / "v.mp4", seconds=6.0)
    result = frames(
        table("media", media_row(1, path=str(tmp_path / "v.mp4"))),
        table("pairs", pair_row(1, frame_times_s=[0.5, 5.5])),
        previous={"frames": FRAMES.empty()},
        config=FramesConfig(short_side=48),
        frame_reader=AvFrameReader(short_side=48),
        files=MediaFolder(root=tmp_path),
    )
    assert result.tables["frames"].num_rows == 2
    (warning,) = result.warnings
    assert (warning.kind, warning.item) == (WarningKind.DAMAGED_PICTURES, VIDEO)
    assert int(warning.message.split()[0]) >= 20


def test_a_whole_video_gives_no_warning(tmp_path: Path) -> None:
    make_video(tmp_path / "v.mp4", seconds=1.0)
    result = frames(
        table("media", media_row(1, path=str(tmp_path / "v.mp4"))),
        table("pairs", pair_row(1, frame_times_s=[0.5])),
        previous={"frames": FRAMES.empty()},
        config=FramesConfig(short_side=48),
        frame_reader=AvFrameReader(short_side=48),
        files=MediaFolder(root=tmp_path),
    )
    assert result.warnings == ()


def test_a_proxy_is_looked_at_where_the_file_itself_is_gone(run, tmp_path: Path) -> None:
    (tmp_path / STORED).rename(tmp_path / f"media/{VIDEO}.proxy.mp4")
    made, decoded = run([0.25])
    assert (made.num_rows, decoded) == (1, [0.25])


def test_of_a_video_whose_sound_alone_was_kept_no_pictures_are_made(run, tmp_path: Path) -> None:
    (tmp_path / STORED).rename(tmp_path / f"media/{VIDEO}.audio.m4a")
    with pytest.raises(UsageError, match="only the sound was kept"):
        run([0.25])
