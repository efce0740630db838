"""What a batch is asked to learn, with a real model on small shards."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F

from ophclip.config import change
from ophclip.data.augment import resize_frames
from ophclip.data.batches import stack_context
from ophclip.data.phase_runs import PhaseRun
from ophclip.data.shards import open_shards
from ophclip.losses import contrastive
from ophclip.losses.soft_dtw import order_loss
from ophclip.model.dual_encoder import OphCLIP
from ophclip.retrieval.memory_bank import MemoryBank
from ophclip.training import objective
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config, write_dataset

CONFIG = small_config("loss.same_text_cosine=1.0", "loss.order_weight=1.0")


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    shards = open_shards(write_dataset(tmp_path_factory.mktemp("objective")), cached_groups=1)
    return {level: [r for r in shards.rows if r.level == level] for level in Level}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return OphCLIP(CONFIG.model).eval()


def pictures(count: int, frames: int = 4) -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    shape = (count, frames, 3, 64, 64)
    return resize_frames(torch.randint(0, 256, shape, dtype=torch.uint8, generator=random), side=64)


def test_narrations_are_drawn_in_the_order_of_time(model, rows):
    row = dataclasses.replace(
        rows[Level.VIDEO][0], narrations=tuple(f"step {n}" for n in range(40))
    )
    for step in range(5):
        made = objective.encode_videos(model, pictures(1), [row], config=CONFIG, step=step)
        near = made["said"][0] @ model.embed_texts(row.narrations, Level.VIDEO).T
        places = near.argmax(1).tolist()
        assert places == sorted(set(places))
        assert made["is_said"].all()


def test_narrations_do_not_depend_on_how_a_batch_is_shared(model, rows):
    videos = rows[Level.VIDEO][:4]
    with torch.no_grad():
        whole = objective.encode_videos(model, pictures(4), videos, config=CONFIG, step=3)
        second = objective.encode_videos(model, pictures(4)[2:], videos[2:], config=CONFIG, step=3)
    torch.testing.assert_close(second["narrations"], whole["narrations"][2:])


def test_a_silent_video_has_no_narration(model, rows):
    silent = [row for row in rows[Level.VIDEO] if not row.narrations][:2]
    made = objective.encode_videos(model, pictures(2), silent, config=CONFIG, step=0)
    assert not made["is_said"].any()
    assert not made["narrations"].any()


@pytest.mark.parametrize("form", ["pooled", "multi_positive", "fused", "joined"])
def test_neighbours_learn_where_they_are_encoded_anew(model, rows, form):
    config = change(CONFIG, overrides=[f"bank.form={form}", "bank.learns=true"])
    narrated = [row for row in rows[Level.VIDEO] if row.narrations]
    silent = [row for row in rows[Level.VIDEO] if not row.narrations]
    bank = MemoryBank(
        [row.video_id for row in silent], [None] * 3, [row.surgeries for row in silent], dim=384
    )
    embedded = model.embed_texts([str(row.title) for row in silent], Level.VIDEO)
    bank.write(range(3), embedded, embedded, step=0)
    made = dict(objective.encode_videos(model, pictures(4), narrated, config=config, step=9))
    found = objective.retrieve(bank, made["visual"], made["title"], narrated, config=config, step=9)
    assert found is not None
    places = sorted(frozenset().union(*found.found.sets()))
    made |= objective.encode_neighbours(
        model, pictures(len(places)), [silent[place] for place in places]
    )
    made["neighbour_visual"].retain_grad()
    terms = objective.video_terms(
        model,
        made,
        narrated,
        config=config,
        bank=bank,
        retrieved=found,
        neighbours=[silent[place] for place in places],
        places=places,
        step=9,
    )
    assert ("retrieval" in terms.losses) == (form != "joined")
    sum(terms.losses.values()).backward()
    assert made["neighbour_visual"].grad.abs().sum() > 0
    assert {"bank_filled", "bank_age"} <= set(terms.figures)


def test_an_empty_bank_gives_no_neighbours(model, rows):
    videos = rows[Level.VIDEO]
    bank = MemoryBank(["a", "b", "c"], [None] * 3, [frozenset()] * 3, dim=384)
    made = objective.encode_videos(model, pictures(len(videos)), videos, config=CONFIG, step=0)
    args = (made["visual"], made["title"], videos)
    assert objective.retrieve(bank, *args, config=CONFIG, step=0) is None
    assert objective.retrieve(None, *args, config=CONFIG, step=0) is None


def test_a_run_meets_the_mean_of_its_narrations(model, rows):
    config = change(CONFIG, overrides=["loss.phase_weight=0.5"])
    clips = [row for row in rows[Level.CLIP] if row.start_s < 20]
    runs = [
        PhaseRun(phase=f"phase_{n % 3}", clips=tuple(clips[2 * n : 2 * n + 2])) for n in range(4)
    ]
    own = objective.encode_clips(
        model, pictures(8), [str(clip.text) for clip in clips], stack_context([], 8)
    )
    made = {**own, **objective.encode_runs(model, pictures(4), runs, config=config, step=2)}
    mean = torch.stack([own["text"][2 * n : 2 * n + 2].mean(0) for n in range(4)])
    torch.testing.assert_close(made["run_text"], F.normalize(mean, dim=-1))
    terms = objective.clip_terms(
        model, made, clips, config=config, runs=runs, narrated=None, narrations=[]
    )
    same = torch.zeros(4, 4, dtype=torch.bool)
    same[0, 3] = same[3, 0] = True  # The first and the last are of one phase.
    expected = contrastive.info_nce(
        made["run"], made["run_text"], model.logit_scale(Level.CLIP), ignored=same
    )
    torch.testing.assert_close(terms.losses["phase"], 0.5 * expected)


def scaled(clip: float = 5.0, video: float = 11.0) -> OphCLIP:
    """A model whose levels differ in their logit scale."""
    model = OphCLIP(CONFIG.model).eval()
    with torch.no_grad():
        model.log_scales["clip"].fill_(math.log(clip))
        model.log_scales["video"].fill_(math.log(video))
    return model


def test_each_term_takes_the_scale_of_its_own_level(rows):
    model = scaled()
    clips = rows[Level.CLIP][:4]
    said = [str(row.text) for row in clips]
    made = objective.encode_clips(model, pictures(4), said, stack_context([], 4))
    found = objective.clip_terms(
        model, made, clips, config=CONFIG, runs=[], narrated=None, narrations=[]
    ).losses
    ignored = objective._ignored(model, clips, said, CONFIG)
    expected = contrastive.info_nce(
        made["visual"], made["text"], torch.tensor(5.0), ignored=ignored
    )
    torch.testing.assert_close(found["clip"], expected)

    videos = [row for row in rows[Level.VIDEO] if row.narrations]
    made = objective.encode_videos(model, pictures(4), videos, config=CONFIG, step=0)
    found = objective.video_terms(
        model, made, videos, config=CONFIG, bank=None, retrieved=None, neighbours=[], places=[], step=0
    ).losses  # fmt: skip
    scale = torch.tensor(11.0)
    ignored = objective._ignored(model, videos, [str(row.title) for row in videos], CONFIG)
    video = contrastive.info_nce(made["visual"], made["title"], scale, ignored=ignored)
    parents = contrastive.info_nce(made["title"], made["narrations"], scale, ignored=ignored)
    order = order_loss(made["frames"], made["said"], made["is_said"], scale, 0.1, 0.1)
    torch.testing.assert_close(found["video"], video)
    torch.testing.assert_close(found["parent_child"], 0.5 * parents)
    torch.testing.assert_close(found["order"], order)


@pytest.mark.parametrize("form", ["pooled", "multi_positive", "fused"])
def test_the_retrieval_term_is_the_form_that_was_asked_for(rows, form):
    model, scale = scaled(), torch.tensor(11.0)
    config = change(
        CONFIG,
        overrides=[
            f"bank.form={form}",
            "bank.fuse_weight=0.7",
            "bank.pool_temperature=0.2",
            "loss.retrieval_weight=0.3",
        ],
    )
    narrated = [row for row in rows[Level.VIDEO] if row.narrations]
    silent = [row for row in rows[Level.VIDEO] if not row.narrations]
    bank = MemoryBank([row.video_id for row in silent], [None] * 3, [frozenset()] * 3, dim=384)
    random = torch.Generator().manual_seed(4)
    seen, named = F.normalize(torch.randn(2, 3, 384, generator=random), dim=-1)
    bank.write(range(3), seen, named, step=0)
    made = objective.encode_videos(model, pictures(4), narrated, config=config, step=9)
    visual, title = made["visual"], made["title"]
    retrieved = objective.retrieve(bank, visual, title, narrated, config=config, step=9)
    found = objective.video_terms(
        model, made, narrated, config=config, bank=bank, retrieved=retrieved, neighbours=[], places=[], step=9
    ).losses  # fmt: skip
    index, scores = retrieved.found.index, retrieved.found.score
    ignored = objective._ignored(model, narrated, [str(row.title) for row in narrated], config)
    if form == "multi_positive":
        chosen, positives = contrastive.neighbour_targets(
            index, contrastive.neighbour_weights(scores, 0.2)
        )
        expected = contrastive.multi_positive(visual, named[chosen], positives, scale)
        expected = (
            expected + contrastive.multi_positive(title, seen[chosen], positives, scale)
        ) / 2
    elif form == "fused":
        both = contrastive.fused(visual, contrastive.pool_neighbours(scores, seen[index], 0.2), 0.7)
        expected = contrastive.info_nce(both, title, scale, ignored=ignored)
    else:
        pooled = [
            contrastive.pool_neighbours(scores, values[index], 0.2) for values in (seen, named)
        ]
        expected = contrastive.retrieval(visual, title, *pooled, scale, ignored=ignored)
    torch.testing.assert_close(found["retrieval"], 0.3 * expected)


def test_confidence_weighs_each_pair(model, rows):
    config = change(CONFIG, overrides=["loss.use_confidence=true"])
    sure = (1.0, 0.5, 0.0)
    clips = [
        dataclasses.replace(row, confidence=confidence)
        for row, confidence in zip(rows[Level.CLIP], sure, strict=False)
    ]
    said = [str(row.text) for row in clips]
    made = objective.encode_clips(model, pictures(3), said, stack_context([], 3))
    found = objective.clip_terms(
        model, made, clips, config=config, runs=[], narrated=None, narrations=[]
    ).losses["clip"]
    expected = contrastive.info_nce(
        made["visual"],
        made["text"],
        model.logit_scale(Level.CLIP),
        ignored=objective._ignored(model, clips, said, config),
        weights=torch.tensor(sure),
    )
    torch.testing.assert_close(found, expected)


def test_carried_narrations_move_the_windows_only(model, rows):
    clips = rows[Level.CLIP]
    config = change(CONFIG, overrides=["loss.carry_weight=1.0", "carry.neighbours=2"])
    bank = MemoryBank([row.video_id for row in clips], [None] * 12, [frozenset()] * 12, dim=384)
    said = [str(row.text) for row in clips]
    texts = model.embed_texts(said, Level.CLIP)
    bank.write(range(12), texts, texts, step=0)
    made = dict(objective.encode_clips(model, pictures(12), said, stack_context([], 12)))
    made["window"] = model.embed_frames(pictures(4), Level.CLIP).detach().requires_grad_()
    made["visual"] = made["visual"].detach().requires_grad_()
    terms = objective.clip_terms(
        model, made, clips, config=config, runs=[], narrated=bank, narrations=said
    )
    terms.losses["carry"].backward()
    assert made["window"].grad.abs().sum() > 0
    assert made["visual"].grad is None
    assert 0 <= terms.figures["carry_weight"] <= 1
