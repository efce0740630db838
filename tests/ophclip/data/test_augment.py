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


def test_blanks_around_a_narration_are_no_sentences():
    config = small_config("augment.sentence_crop_p=1.0").augment
    around = "  The lens goes in. "
    found = {crop_text(around, config=config, random=generator(n)) for n in range(20)}
    assert found == {"The lens goes in."}


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


def test_colours_are_mixed_as_each_new_channel_states():
    frames = torch.tensor([204, 102, 51], dtype=torch.uint8).view(1, 1, 3, 1, 1)
    mix = torch.tensor([[[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.25, 0.25, 0.5]]])
    made = augment(frames.expand(1, 1, 3, 8, 8), unchanged(mix=mix), side=8)
    # 0.5 * 0.8 + 0.5 * 0.4; 0.4; 0.25 * 0.8 + 0.25 * 0.4 + 0.5 * 0.2.
    assert made[0, 0, :, 4, 4].tolist() == pytest.approx([0.6, 0.4, 0.4], abs=1e-5)


def test_what_lies_outside_of_a_frame_mirrors_what_lies_inside():
    frames = torch.full((1, 1, 3, 8, 8), 255, dtype=torch.uint8)
    moved = unchanged(theta=torch.tensor([[[1.4, 0, 0.5], [0, 1.4, -0.5]]]))
    assert torch.allclose(augment(frames, moved, side=8), torch.ones(1, 1, 3, 8, 8), atol=1e-5)


STILL = AugmentConfig(
    rotation_deg=0.0, zoom_min=1.0, zoom_max=1.0, stretch=0.0, shift=0.0,
    brightness=0.0, contrast=0.0, saturation=0.0, cast=0.0, channel_mix=0.0,
)  # fmt: skip


def drawn(**strengths):
    """Parameters of 500 items, of which only the given strengths are not zero."""
    config = STILL.model_copy(update=strengths)
    return draw_augmentation(500, config=config, random=generator(8))


def test_a_rotation_keeps_shape_and_size_and_its_angle_is_in_degrees_either_way():
    turn = drawn(rotation_deg=40.0).theta[:, :, :2]
    torch.testing.assert_close(turn @ turn.transpose(1, 2), torch.eye(2).expand(500, 2, 2))
    torch.testing.assert_close(torch.linalg.det(turn), torch.ones(500))
    angles = torch.rad2deg(torch.atan2(turn[:, 1, 0], turn[:, 0, 0]))
    assert -40.01 <= angles.min() < -38
    assert 38 < angles.max() <= 40.01


def test_shifts_are_shares_of_the_side_and_zooms_shares_that_are_shown():
    shift = drawn(shift=0.1).theta[:, :, 2]  # The side is 2 long in these coordinates.
    for along in shift.unbind(1):
        assert -0.2001 <= along.min() < -0.19
        assert 0.19 < along.max() <= 0.2001
    assert not torch.equal(shift[:, 0], shift[:, 1])
    zoom = drawn(zoom_min=0.5, zoom_max=0.9).theta
    torch.testing.assert_close(zoom[:, 0, 0], zoom[:, 1, 1])
    assert 0.5 <= zoom[:, 0, 0].min() < 0.51
    assert 0.89 < zoom[:, 0, 0].max() <= 0.9001


def test_brightness_changes_all_channels_alike_and_a_cast_each_for_itself():
    bright = drawn(brightness=0.3).cast
    torch.testing.assert_close(bright, bright[:, :1].expand(500, 3))
    cast = drawn(cast=0.3).cast
    assert not torch.isclose(cast[:, 0], cast[:, 1], atol=1e-3).all()
    for factor in (bright[:, 0], *cast.unbind(1)):
        assert 0.6999 <= factor.min() < 0.72
        assert 1.28 < factor.max() <= 1.3001


@pytest.mark.parametrize("name", ["contrast", "saturation"])
def test_each_strength_moves_its_own_factor(name):
    made = drawn(**{name: 0.4})
    factor = getattr(made, name)
    assert 0.5999 <= factor.min() < 0.63
    assert 1.37 < factor.max() <= 1.4001
    other = {"contrast": "saturation", "saturation": "contrast"}[name]
    assert getattr(made, other).unique().tolist() == [1.0]


def test_resizing_averages_all_that_falls_into_one_pixel():
    columns = (torch.arange(32) % 4 == 0) * 255  # One in four: between the middles of new pixels.
    frames = columns.to(torch.uint8).expand(1, 3, 32, 32)
    made = resize_frames(frames, side=8)[..., 2:6]
    assert torch.allclose(made, torch.tensor(0.25), atol=0.02)


def test_a_seed_draws_what_it_always_drew():
    """A checkpoint of an older version goes on with the pictures that it would have had."""
    config = AugmentConfig(mirror_p=0.5)
    drawn = draw_augmentation(2, config=config, random=generator(11))
    assert drawn.theta.flatten().tolist() == pytest.approx(
        [
            0.72564,
            0.2618,
            -0.18244,
            -0.24685,
            0.76959,
            -0.12452,
            0.97403,
            0.1348,
            0.01568,
            -0.13792,
            0.95203,
            0.01327,
        ],
        abs=1e-4,
    )
    assert drawn.cast.flatten().tolist() == pytest.approx(
        [0.92343, 0.90595, 1.01234, 0.99168, 0.99849, 1.12635],
        abs=1e-4,
    )
    assert drawn.contrast.flatten().tolist() == pytest.approx(
        [1.00055, 0.96188],
        abs=1e-4,
    )
    assert drawn.saturation.flatten().tolist() == pytest.approx(
        [0.91881, 0.90356],
        abs=1e-4,
    )
