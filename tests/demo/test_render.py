from __future__ import annotations

import itertools
import json
from pathlib import Path

import av
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from demo.drawing.look import HEIGHT, WIDTH
from demo.film import FPS, encode, frames
from demo.labels import video_id_of
from demo.plan import VideoKind, make_plan
from demo.render import render_corpus
from schemas.labels import LABELS

COMMITTED = Path(__file__).parents[2] / "demo"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus")
    render_corpus(out, seed=99, silent=2)
    return out


def test_frames_follow_from_the_seed_and_move() -> None:
    plan = make_plan(4, VideoKind.SILENT, 0)
    first, again = (list(itertools.islice(frames(plan), 3)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert first[0].shape == (HEIGHT, WIDTH, 3)
    assert not np.array_equal(first[0], first[2])


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    plan = make_plan(4, VideoKind.SILENT, 0)
    pictures = list(itertools.islice(frames(plan), 40))
    written = []
    for i in range(3):
        encode(tmp_path / f"{i}.mp4", iter(pictures), None)
        written.append((tmp_path / f"{i}.mp4").read_bytes())
    assert written[0] == written[1] == written[2]


def test_videos_open_with_the_right_streams(corpus: Path) -> None:
    durations = []
    for name, audio in (("silent_01.mp4", 0), ("silent_02.mp4", 1)):
        with av.open(str(corpus / name)) as container:
            assert len(container.streams.video) == 1
            assert len(container.streams.audio) == audio
            stream = container.streams.video[0]
            assert (stream.width, stream.height, stream.average_rate) == (WIDTH, HEIGHT, FPS)
            durations.append(stream.frames / FPS)
    assert all(15 < duration < 80 for duration in durations)


def test_hum_is_near_silence(corpus: Path) -> None:
    with av.open(str(corpus / "silent_02.mp4")) as container:
        blocks = [frame.to_ndarray() for frame in itertools.islice(container.decode(audio=0), 20)]
    assert 0 < np.abs(np.concatenate(blocks, axis=1)).max() < 0.01


def test_labels_keep_their_schema_and_the_length_of_their_video(corpus: Path) -> None:
    assert_labels_fit(corpus)


def test_sidecars_are_json_in_yt_dlps_form(corpus: Path) -> None:
    for path in corpus.glob("*.info.json"):
        fields = json.loads(path.read_text(encoding="utf-8"))
        assert fields.keys() >= {"title", "description", "channel", "upload_date", "duration"}


def test_list_names_files_beside_it(corpus: Path) -> None:
    lines = (corpus / "list.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("#")
    assert all((corpus / line).is_file() for line in lines[1:])


def test_committed_corpus_is_whole_and_small() -> None:
    lines = (COMMITTED / "list.txt").read_text(encoding="utf-8").splitlines()
    assert all((COMMITTED / line).exists() for line in lines if not line.startswith("#"))
    assert len(list((COMMITTED / "corpus").glob("*.mp4"))) == 11
    size = sum(path.stat().st_size for path in (COMMITTED / "corpus").iterdir())
    assert size < 8_000_000
    assert_labels_fit(COMMITTED / "corpus")


def assert_labels_fit(folder: Path) -> None:
    table = pq.read_table(folder / "labels.parquet")
    assert LABELS.check(table) == []
    surgical = [path for path in folder.glob("*.mp4") if not path.name.startswith("other")]
    assert set(table["video_id"].to_pylist()) == {video_id_of(path) for path in surgical}
    for path in surgical:
        with av.open(str(path)) as container:
            duration_s = container.streams.video[0].frames / FPS
        own = table.filter(pc.equal(table["video_id"], video_id_of(path)))
        assert pc.max(own["end_s"]).as_py() <= duration_s
