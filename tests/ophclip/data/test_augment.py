"""Augmentation: alike within a clip, exact when nothing is to change, and harmless to what is said."""

from __future__ import annotations

import pytest
import torch

from ophclip.config import AugmentConfig
from ophclip.data.augment import (
    Augmentation,
    augment,
    crop_text,
    draw_augmentation,
    resize_frames,
)
from ophclip.data.batches import generator
from ophclip.presets import PRESETS
from ophclip.training.settings import resolve
from tests.ophclip.shard_factory import small_config


def test_augmentation_treats_the_frames_of_a_clip_alike_and_clips_differently():
    frames = torch.randint(0, 256, (2, 1, 3, 40, 40), dtype=torch.uint8).expand(2, 3, 3, 40, 40)
    config = small_config().augment
    augmentation = draw_augmentation(2, config=config, random=generator(1))
    made = augment(frames, augmentation, side=32)
    assert made.shape == (2, 3, 3, 32, 32)
    assert made.min() >= 0
    assert made.max() <= 1
    assert torch.allclose(made[:, 0], made[:, 1], atol=1e-5)
    again = augment(frames, draw_augmentation(2, config=config, random=generator(1)), side=32)
    assert torch.equal(made, again)
    other = augment(frames, draw_augmentation(2, config=config, random=generator(2)), side=32)
    assert not torch.equal(made, other)
    second = augment(frames[1:], augmentation.select(slice(1, 2)), side=32)
    torch.testing.assert_close(second, made[1:])


def test_augmentation_of_strength_zero_changes_nothing_and_no_preset_mirrors():
    frames = torch.randint(0, 256, (1, 1, 3, 32, 32), dtype=torch.uint8)
    still = AugmentConfig(
        rotation_deg=0.0, zoom_min=1.0, zoom_max=1.0, stretch=0.0, shift=0.0,
        brightness=0.0, contrast=0.0, saturation=0.0, cast=0.0, channel_mix=0.0,
    )  # fmt: skip
    made = augment(frames, draw_augmentation(1, config=still, random=generator(0)), side=32)
    assert torch.allclose(made, resize_frames(frames, side=32), atol=1e-4)
    assert not any(resolve([preset]).augment.mirror_p for preset in PRESETS.values())
    mirror = still.model_copy(update={"mirror_p": 1.0})
    mirrored = augment(frames, draw_augmentation(1, config=mirror, random=generator(0)), side=32)
    assert torch.allclose(mirrored, made.flip(-1), atol=1e-4)


def unchanged(**fields):
    """An augmentation of one item that changes nothing but the given fields."""
    values = {
        "theta": torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]),
        "mix": torch.eye(3)[None],
        "cast": torch.ones(1, 3),
        "contrast": torch.ones(1),
        "saturation": torch.ones(1),
    }
    return Augmentation(**{**values, **fields})


def test_contrast_is_relative_to_the_mean_of_all_frames_of_an_item():
    frames = torch.tensor([51, 153], dtype=torch.uint8).view(1, 2, 1, 1, 1).expand(1, 2, 3, 8, 8)
    half = augment(frames, unchanged(contrast=torch.tensor([0.5])), side=8)
    assert torch.allclose(half[0, 0], torch.full((3, 8, 8), 0.3), atol=1e-5)  # 0.2 before.
    assert torch.allclose(half[0, 1], torch.full((3, 8, 8), 0.5), atol=1e-5)  # 0.6 before.


def test_saturation_and_cast_act_on_the_colour_of_each_pixel():
    colour = torch.tensor([204, 102, 0], dtype=torch.uint8).view(1, 1, 3, 1, 1)
    frames = torch.cat([colour, colour // 2], dim=1).expand(1, 2, 3, 8, 8)
    grey = augment(frames, unchanged(saturation=torch.zeros(1)), side=8)
    assert torch.allclose(grey[0, 0], torch.full((3, 8, 8), 0.4), atol=1e-5)
    assert torch.allclose(grey[0, 1], torch.full((3, 8, 8), 0.2), atol=1e-5)
    cast = augment(frames, unchanged(cast=torch.tensor([[0.5, 1.0, 1.0]])), side=8)
    assert cast[0, 0, :, 4, 4].tolist() == pytest.approx([0.4, 0.4, 0.0], abs=1e-5)


SAID = "This is a left eye. We make a 2.4 mm incision! No suture is needed? Then the lens goes in."


def test_a_narration_is_cut_between_sentences_only():
    config = small_config("augment.sentence_crop_p=1.0").augment
    found = {crop_text(SAID, config=config, random=generator("crop", n)) for n in range(300)}
    sentences = [
        "This is a left eye.",
        "We make a 2.4 mm incision!",
        "No suture is needed?",
        "Then the lens goes in.",
    ]
    spans = {" ".join(sentences[i:j]) for i in range(4) for j in range(i + 1, 5)}
    assert found == spans


def test_a_single_sentence_and_an_empty_text_stay_as_they_are():
    config = small_config("augment.sentence_crop_p=1.0").augment
    for text in ("the lens is implanted", ""):
        assert crop_text(text, config=config, random=generator(0)) == text


def test_narrations_are_cut_as_often_as_asked_and_by_default_never():
    half = small_config("augment.sentence_crop_p=0.5").augment
    cut = [crop_text(SAID, config=half, random=generator(n)) != SAID for n in range(400)]
    assert 0.35 < sum(cut) / len(cut) < 0.55  # One cut in ten keeps all four sentences.
    for preset in PRESETS.values():
        whole = resolve([preset]).augment
        assert all(crop_text(SAID, config=whole, random=generator(n)) == SAID for n in range(20))


def test_colours_mix_within_bounds_however_strong_the_mixing():
    config = AugmentConfig(channel_mix=3.0)
    mix = draw_augmentation(4000, config=config, random=generator(3)).mix
    assert torch.isfinite(mix).all()
    assert mix.abs().max() <= (1 + 6 * 3.0) / 0.3
    mild = draw_augmentation(100, config=AugmentConfig(), random=generator(3)).mix
    torch.testing.assert_close(mild.sum(2), torch.ones(100, 3))


def test_stretching_keeps_the_area_and_changes_the_sides_as_stated():
    config = AugmentConfig(
        rotation_deg=0.0, zoom_min=1.0, zoom_max=1.0, stretch=0.5, shift=0.0, mirror_p=0.0
    )
    theta = draw_augmentation(500, config=config, random=generator(4)).theta
    along, across = theta[:, 0, 0], theta[:, 1, 1]
    torch.testing.assert_close(along * across, torch.ones(500))
    ratio = along / across
    assert 0.5 <= ratio.min() < 0.55
    assert 1.45 < ratio.max() <= 1.5
