"""Zero-shot phases: prompts, matching, windows, exclusions, and figures of a known model."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from ophclip.data.shards import open_shards
from ophclip.errors import DataError
from ophclip.evaluation.zero_shot import (
    embed_classes,
    match_prompts,
    read_labels,
    read_prompts,
    zero_shot_phase,
)
from ophclip.model.dual_encoder import OphCLIP
from schemas.vocab import Level, Task
from tests.ophclip.shard_factory import (
    COLOURS,
    PHASES,
    label,
    phase_labels,
    small_config,
    video_rows,
    write_labels,
    write_shard,
)

CATARACT_101 = (
    "Incision", "Viscous agent injection", "Rhexis", "Hydrodissection", "Phacoemulsificiation",
    "Irrigation and aspiration", "Capsule polishing", "Lens implant setting-up",
    "Viscous agent removal", "Tonifying and antibiotics",
)  # fmt: skip
CATARACT_1K = (
    "Incision", "Viscoelastic", "Capsulorhexis", "Hydrodissection", "Phacoemulsification",
    "Irrigation/Aspiration", "Capsule Pulishing", "Lens Implantation", "Lens positioning",
    "Viscoelastic_Suction", "Anterior_Chamber Flushing", "Tonifying/Antibiotics",
)  # fmt: skip
DEMO = (
    "incision", "viscoelastic injection", "capsulorhexis", "hydrodissection", "phacoemulsification",
    "irrigation-aspiration", "lens implantation", "wound hydration",
)  # fmt: skip


class ColourModel(OphCLIP):
    """Tells phases by the colour of the picture: features and texts are colours."""

    def frame_features(self, frames):
        assert not self.training
        return frames.mean(dim=(-2, -1))

    def project_images(self, features, level):
        assert level is Level.CLIP
        return torch.nn.functional.normalize(features, dim=-1)

    def embed_texts(self, texts, level):
        named = [next(c for p, c in COLOURS.items() if p[:4] in text.lower()) for text in texts]
        return torch.nn.functional.normalize(torch.tensor(named).float(), dim=-1)


@pytest.fixture(scope="module")
def model():
    made = ColourModel(small_config().model)
    made.image_centre = torch.zeros(3)
    return made


@pytest.fixture(scope="module")
def prompts(tmp_path_factory):
    path = tmp_path_factory.mktemp("prompts") / "phase.toml"
    path.write_text(
        "".join(
            f'[[class]]\nname = "{p}"\naliases = []\nconcept_id = "phase:{p}"\n'
            f'sentences = ["{p} is done"]\n'
            for p in PHASES
        ),
        encoding="utf-8",
    )
    return read_prompts(path)


def evaluate(model, prompts, folder, labels, **options):
    arguments = {"train_videos": frozenset(), "window_s": 0.0, **options}
    return zero_shot_phase(
        model,
        config=small_config(),
        shards=open_shards(folder, cached_groups=1),
        spans=read_labels(labels),
        prompts=prompts,
        **arguments,
    )


def test_a_model_that_sees_the_phases_is_right_everywhere(model, prompts, tmp_path):
    write_shard(
        tmp_path, [row for i in (1, 2) for row in video_rows(i, kind="silent", split="test")]
    )
    labels = write_labels(tmp_path / "labels.parquet", phase_labels(1) + phase_labels(2))
    model.train()
    result = evaluate(model, prompts, tmp_path, labels)
    assert result.scores.accuracy_pooled.value == 1.0
    assert result.scores.frames == 24
    assert result.classes == PHASES
    assert model.training  # As it was before.
    assert not model.text_encoder.training  # Frozen, in training too.


def test_the_direction_that_all_frames_share_is_subtracted(prompts, tmp_path):
    class BiasedModel(ColourModel):
        """All embeddings are far out in the direction of one class."""

        def project_images(self, features, level):
            return super().project_images(features, level) + self.image_centre

    biased = BiasedModel(small_config().model)
    biased.image_centre = 3 * biased.embed_texts(["incision is done"], Level.CLIP)[0]
    write_shard(tmp_path, video_rows(1, kind="silent", split="test"))
    labels = write_labels(tmp_path / "labels.parquet", phase_labels(1))
    assert evaluate(biased, prompts, tmp_path, labels).scores.accuracy_pooled.value == 1.0


def test_a_long_video_is_classified_some_frames_at_a_time(model, prompts, tmp_path, monkeypatch):
    counts, features = [], ColourModel.frame_features
    monkeypatch.setattr(
        ColourModel, "frame_features", lambda self, f: counts.append(len(f)) or features(self, f)
    )
    video = video_rows(1, kind="silent", split="test")[-1]
    times = [i / 8 for i in range(240)]
    write_shard(
        tmp_path, [dataclasses.replace(video, frames=video.frames * 20, frame_times_s=times)]
    )
    labels = write_labels(tmp_path / "labels.parquet", phase_labels(1))
    assert evaluate(model, prompts, tmp_path, labels).scores.frames == 240
    assert sum(counts) == 240
    assert max(counts) <= 64


def test_truth_is_half_open_and_unlabelled_or_doubled_frames_are_counted(model, prompts, tmp_path):
    write_shard(tmp_path, video_rows(1))  # Frames at 1.25, 3.75, 6.25, ...
    video = "file_0000000000000001"
    labels = write_labels(
        tmp_path / "labels.parquet",
        [
            label(video, 1.25, 3.75, "incision"),
            label(video, 6.0, 7.0, "incision"),
            label(video, 6.0, 7.0, "capsulorhexis"),
        ],
    )
    result = evaluate(model, prompts, tmp_path, labels)
    assert result.scores.frames == 1
    assert result.frames_with_two_labels == 1
    assert result.frames_without_label == 10


def test_labels_beside_all_frames_are_an_error(model, prompts, tmp_path):
    write_shard(tmp_path, video_rows(1, kind="silent", split="test"))
    late = [dataclasses.replace(row, start_s=900.0, end_s=910.0) for row in phase_labels(1)]
    labels = write_labels(tmp_path / "labels.parquet", late)
    with pytest.raises(DataError, match="no frame of the evaluated videos"):
        evaluate(model, prompts, tmp_path, labels)


def test_trained_videos_and_those_without_pixels_are_left_out(model, prompts, tmp_path):
    write_shard(tmp_path, [row for i in (1, 2) for row in video_rows(i)])
    labels = write_labels(
        tmp_path / "labels.parquet", phase_labels(1) + phase_labels(2) + phase_labels(7)
    )
    seen = frozenset({"file_0000000000000001"})
    result = evaluate(model, prompts, tmp_path, labels, train_videos=seen)
    assert result.videos == ("file_0000000000000002",)
    assert result.trained_on == ("file_0000000000000001",)
    assert result.without_pixels == ("file_0000000000000007",)
    with pytest.raises(DataError, match="2 were trained on, 1 have no video row"):
        evaluate(model, prompts, tmp_path, labels, train_videos=seen | {"file_0000000000000002"})


def test_other_tasks_do_not_count_and_phases_are_needed(tmp_path):
    row = label("v", 0.0, 1.0, "forceps", task=Task.INSTRUMENT)
    labels = write_labels(tmp_path / "labels.parquet", [row])
    with pytest.raises(DataError, match="no rows of task phase"):
        read_labels(labels)


def test_labels_of_another_shape_are_refused(tmp_path):
    pq.write_table(pa.table({"video_id": ["v"]}), tmp_path / "labels.parquet")
    with pytest.raises(DataError, match="class: missing column"):
        read_labels(tmp_path / "labels.parquet")


@pytest.mark.parametrize("classes", [CATARACT_101, CATARACT_1K, DEMO])
def test_the_packaged_prompts_know_public_label_sets(classes):
    matched = match_prompts(classes, read_prompts())
    assert len({prompt.name for prompt in matched.values()}) == len(classes)


def test_a_class_without_sentences_is_an_error(tmp_path):
    path = tmp_path / "phase.toml"
    path.write_text('[[class]]\nname = "rhexis"\naliases = []\nconcept_id = "x"\nsentences = []\n')
    with pytest.raises(DataError, match="no sentences for rhexis; add at least one"):
        read_prompts(path)


def test_packaged_prompts_are_well_formed():
    prompts = read_prompts()
    names = [n.lower() for p in prompts for n in (p.name, *p.aliases)]
    assert len(names) == len(set(names))
    assert all(p.concept_id.startswith("phase:") and len(p.sentences) >= 2 for p in prompts)
    assert set(DEMO) <= {p.name for p in prompts}


def test_a_class_without_prompt_is_an_error(prompts):
    with pytest.raises(DataError, match=r"no prompt for label class\(es\) 'trabeculectomy'"):
        match_prompts(["incision", "trabeculectomy"], prompts)


def test_classes_are_the_mean_of_their_sentences():
    model = OphCLIP(small_config().model).eval()
    prompt = read_prompts()[0]
    with torch.no_grad():
        (anchor,) = embed_classes(model, [prompt])
        each = model.embed_texts(prompt.sentences, Level.CLIP)
    mean = sum(each[i] for i in range(len(each))) / len(each)
    assert torch.allclose(anchor, mean / mean.norm(), atol=1e-6)
