"""`ophclip embed`: right vectors, whole files, resumption, and windows where no clip is."""

from __future__ import annotations

import dataclasses
import io
import itertools

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from ophclip.data.augment import resize_frames
from ophclip.data.batches import ContextSampler, FrameStore, stack_context
from ophclip.data.shards import open_shards
from ophclip.errors import ConfigError
from ophclip.inference import embed, pretrained, spans
from ophclip.model.dual_encoder import OphCLIP
from ophclip.training.terms.embed import embed_clips
from schemas.vocab import Level
from tests.ophclip.shard_factory import (
    jpeg,
    small_config,
    training_row,
    video_rows,
    write_shard,
)


@pytest.fixture(scope="module")
def source(trained):
    return pretrained.read(trained.runs, device="cpu")


@pytest.fixture
def two_files(tmp_path):
    write_shard(tmp_path, [row for i in (1, 2) for row in video_rows(i)])
    write_shard(tmp_path, video_rows(3, kind="silent"), name="train-00001")
    return open_shards(tmp_path, cached_groups=1)


def quiet(_):
    pass


def test_each_row_has_the_embedding_that_the_model_gives_it(source, two_files, tmp_path):
    embed.write_embeddings(source, two_files, tmp_path / "to", log=quiet)
    table = pq.read_table(tmp_path / "to" / "rows")
    assert table.schema.field("embedding").type.list_size == 384
    lines = {line["pair_id"]: line for line in table.to_pylist()}
    assert set(lines) == {row.pair_id for row in two_files.rows}
    preprocess = pretrained.Preprocess(side=64, fit="squash")
    for row in two_files.rows:
        clip = preprocess([Image.open(io.BytesIO(picture)) for picture in two_files.jpegs(row)])
        with torch.no_grad():
            wanted = source.model.embed_frames(clip[None], Level(row.level))[0]
        line = lines[row.pair_id]
        np.testing.assert_allclose(line["embedding"], wanted.numpy(), atol=1e-5)
        for name in ("video_id", "level", "start_s", "end_s", "text", "title"):
            assert line[name] == getattr(row, name)
        assert line["checkpoint_sha256"] == source.sha256


def test_many_frames_are_embedded_in_parts(source, two_files, tmp_path, monkeypatch):
    whole = [tables.rows for tables in embed.embed(source, two_files)]
    counts = []
    features = source.model.frame_features
    monkeypatch.setattr(
        source.model, "frame_features", lambda f: counts.append(len(f)) or features(f)
    )
    monkeypatch.setattr(spans, "FRAME_BATCH", 3)
    monkeypatch.setattr(embed, "_ROW_BATCH", 2)
    parts = [tables.rows for tables in embed.embed(source, two_files)]
    assert max(counts) == 3
    assert len(parts) > len(whole) == 1
    vectors = [v for t in parts for v in t.column("embedding").to_pylist()]
    np.testing.assert_allclose(vectors, whole[0].column("embedding").to_pylist(), atol=1e-5)


def test_a_run_that_was_cut_off_goes_on_where_it_was(source, two_files, tmp_path, monkeypatch):
    to = tmp_path / "to"
    plain = embed.embed

    def failing(*arguments, files):
        yield from plain(*arguments, files=files)
        if files == [1]:
            raise KeyboardInterrupt

    monkeypatch.setattr(embed, "embed", failing)
    with pytest.raises(KeyboardInterrupt):
        embed.write_embeddings(source, two_files, to, log=quiet)
    monkeypatch.undo()
    files = sorted(str(path.relative_to(to)) for path in to.rglob("*") if path.is_file())
    assert files == ["rows/train-00000.parquet", "windows/train-00000.parquet"]
    assert embed.read_embeddings(source, two_files, to) is None

    written_ns = (to / files[0]).stat().st_mtime_ns
    messages = []
    embed.write_embeddings(source, two_files, to, log=messages.append)
    assert messages == ["1/2 train-00000.parquet exists already", messages[1]]
    assert (to / files[0]).stat().st_mtime_ns == written_ns
    assert sum(t.rows.num_rows for t in embed.read_embeddings(source, two_files, to)) == 9


def test_embeddings_of_other_shards_or_damaged_ones_are_not_mixed(source, two_files, tmp_path):
    to = tmp_path / "to"
    embed.write_embeddings(source, two_files, to, log=quiet)
    write_shard(tmp_path / "other", video_rows(9))
    other = open_shards(tmp_path / "other", cached_groups=1)
    assert embed.read_embeddings(source, other, to) is None
    with pytest.raises(ConfigError, match="another checkpoint or from other shards"):
        embed.write_embeddings(source, other, to, log=quiet)
    (to / "windows" / "train-00001.parquet").write_bytes(b"")
    assert embed.read_embeddings(source, two_files, to) is None


def test_windows_lie_where_no_clip_is(source, tmp_path):
    partly = video_rows(1)
    del partly[1]  # No clip covers seconds 10 to 20.
    write_shard(tmp_path, partly + video_rows(2) + video_rows(3, kind="silent"))
    shards = open_shards(tmp_path, cached_groups=1)
    (tables,) = embed.embed(source, shards)
    found = [(w["video_id"][-1], w["start_s"], w["end_s"]) for w in tables.windows.to_pylist()]
    assert found == [("1", 10, 20), *(("3", start, start + 10) for start in (0, 5, 10, 15, 20))]
    assert set(tables.windows.column("level").to_pylist()) == {"window"}
    silent = next(row for row in shards.rows if row.pair_id.endswith("3-v"))
    preprocess = pretrained.Preprocess(side=64, fit="squash")
    frames = preprocess([Image.open(io.BytesIO(p)) for p in shards.jpegs(silent)])
    with torch.no_grad():
        wanted = source.model.embed_frames(frames[None, 2:6], Level.CLIP)[0]
    made = tables.windows.column("embedding").to_pylist()[2]
    np.testing.assert_allclose(made, wanted.numpy(), atol=1e-5)


@pytest.mark.parametrize(("count", "length_s"), [(1, 3.0), (1, 900.0), (7, 3.0), (64, 1800.0)])
def test_windows_cover_the_whole_video_and_no_more(tmp_path, count, length_s):
    times = [(i + 0.5) * length_s / count for i in range(count)]
    row = training_row(
        pair_id="v-v", level="video", kind="silent", video_id="v", start_s=0.0, end_s=length_s,
        frames=[jpeg((9, 9, 9))] * count, frame_times_s=times,
    )  # fmt: skip
    write_shard(tmp_path, [row])
    found = embed.video_windows(open_shards(tmp_path, cached_groups=1).rows[0])
    assert (found[0].start_s, found[-1].end_s) == (0.0, length_s)
    assert found[-1].stop == count
    assert all(a.end_s >= b.start_s for a, b in itertools.pairwise(found))
    assert len({(s.first, s.stop) for s in found}) == len(found)


@pytest.mark.parametrize("start_s", [0.0, 100.0])
def test_windows_of_a_part_of_a_video_are_as_long_as_elsewhere(tmp_path, start_s):
    write_shard(tmp_path, video_rows(3, kind="silent"))
    row = dataclasses.replace(
        open_shards(tmp_path, cached_groups=1).rows[0],
        start_s=start_s,
        end_s=start_s + 40,
        frame_times_s=tuple(start_s + n for n in range(40)),
    )
    spans = [(w.start_s - start_s, w.end_s - start_s) for w in embed.video_windows(row)]
    assert spans == [(0.0, 9.5), *((n - 0.5, n + 9.5) for n in (5, 10, 15, 20, 25)), (29.5, 40.0)]


@pytest.mark.parametrize("batch", [1, 5, 256])
def test_clips_and_windows_are_embedded_as_training_sees_them(source, tmp_path, monkeypatch, batch):
    config = small_config(
        "model.frame_pooling=transformer", "model.context_layers=1",
        "data.context=2", "data.context_stride_s=5.0",
    )  # fmt: skip
    torch.manual_seed(0)
    model = OphCLIP(config.model).eval()
    for part in (model.pooling, model.context):
        torch.nn.init.normal_(part.stack.gate)  # As if it had learnt.
    source = dataclasses.replace(source, model=model, config=config)
    # Clips 10 s long, and silent windows of the same pictures at 0 to 10, 5 to 15, ... s.
    write_shard(tmp_path, video_rows(1) + video_rows(2, kind="silent"))
    shards = open_shards(tmp_path, cached_groups=1)
    monkeypatch.setattr(spans, "SPAN_BATCH", batch)
    (tables,) = embed.embed(source, shards)
    lines = tables.rows.to_pylist()
    assert sorted(line["pair_id"] for line in lines) == sorted(row.pair_id for row in shards.rows)
    assert tables.windows.num_rows == 5  # Each once, however many go at a time.

    store = FrameStore(shards, shards.rows, config=config.data, side=64)
    videos = {row.video_id: row for row in shards.rows if row.level == Level.VIDEO}
    context = ContextSampler(videos=videos, count=2, stride_s=5.0)
    clips = [row for row in shards.rows if row.level == Level.CLIP]
    silent = next(row for row in videos.values() if row.kind == "silent")

    def trained(row, indices, frames_of):
        frames_around = context.frames_around(row)
        frames = [
            store.frames(frames_of, indices),
            store.frames(frames_around.row, frames_around.indices),
        ]
        pictures = resize_frames(torch.cat(frames), side=64)[None]
        with torch.no_grad():
            made = embed_clips(
                model, model.frame_features(pictures), stack_context([frames_around], 1)
            )
        return made[0].numpy()

    made = {line["pair_id"]: line["embedding"] for line in lines}
    for clip in clips:
        np.testing.assert_allclose(made[clip.pair_id], trained(clip, range(4), clip), atol=1e-5)
    for number, window in enumerate(tables.windows.to_pylist()):
        as_clip = dataclasses.replace(silent, start_s=window["start_s"], end_s=window["end_s"])
        indices = range(2 * number, 2 * number + 4)
        np.testing.assert_allclose(
            window["embedding"], trained(as_clip, indices, silent), atol=1e-5
        )
