"""The dual encoder: shapes, heads, frozen parts, and batch norm that stays as it was."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoModel, ResNetConfig

from ophclip.encoders import TextEncoder
from ophclip.errors import ConfigError
from ophclip.model import OphCLIP
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config


def resnet_folder(folder):
    """A small pretrained encoder with BatchNorm, as a user would name one."""
    network = AutoModel.from_config(
        ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    )
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(
        '{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25]}', encoding="utf-8"
    )
    return folder


def test_embeddings_have_unit_length_and_the_promised_shape():
    model = OphCLIP(small_config().model).eval()
    frames = torch.rand(2, 3, 3, 64, 64)
    for level in Level:
        for made in (model.embed_frames(frames, level), model.embed_texts(["a", "b c"], level)):
            assert made.shape == (2, 384)
            assert torch.allclose(made.norm(dim=-1), torch.ones(2), atol=1e-5)


def test_a_clip_is_the_mean_of_its_frames():
    model = OphCLIP(small_config().model).eval()
    frames = torch.rand(1, 4, 3, 64, 64)
    each = torch.stack([model.image_encoder(frame[None])[0] for frame in frames[0]])
    by_hand = F.normalize(model.image_heads["clip"](each.mean(0)), dim=-1)
    assert torch.allclose(model.embed_frames(frames, Level.CLIP)[0], by_hand, atol=1e-5)


@pytest.mark.parametrize("separate", [True, False])
def test_levels_share_heads_only_if_asked(separate):
    model = OphCLIP(small_config(f"model.separate_heads={str(separate).lower()}").model).eval()
    frames = torch.rand(1, 2, 3, 64, 64)
    same = torch.equal(*(model.embed_frames(frames, level) for level in Level))
    assert same != separate


def test_text_features_do_not_depend_on_padding():
    encoder = TextEncoder(
        small_config("model.text_trainable_layers=-1", "loss.same_text_cosine=1").model
    )
    encoder.eval()
    with torch.no_grad():
        alone = encoder(["The lens is implanted."])[0]
        padded = encoder(["The lens is implanted.", "A much longer sentence " * 5])[0]
    assert torch.allclose(alone, padded, atol=1e-5)


def test_a_frozen_text_encoder_gives_no_gradient_and_stays_in_evaluation_mode():
    model = OphCLIP(small_config().model).train()
    assert not model.text_encoder.network.training
    assert not any(p.requires_grad for p in model.text_encoder.parameters())
    first = model.embed_texts(["one text"], Level.CLIP)
    assert torch.equal(first, model.embed_texts(["one text"], Level.CLIP))
    assert first.requires_grad  # Through the projection.


def test_only_the_last_text_layers_learn():
    config = small_config("model.text_trainable_layers=2", "loss.same_text_cosine=1").model
    learning = {
        name.split("encoder.layer.")[1].split(".")[0]
        for name, p in TextEncoder(config).named_parameters()
        if p.requires_grad
    }
    assert learning == {"4", "5"}


def test_centring_moves_the_mean_to_zero():
    model = OphCLIP(small_config().model)
    texts = ["Capsulorhexis.", "The lens is implanted.", "Wound hydration."]
    model.centre_texts(texts)
    centred = model.text_encoder(texts) - model.text_centre
    assert torch.allclose(centred.mean(0), torch.zeros(384), atol=1e-6)


def test_batchnorm_keeps_its_statistics_and_a_local_folder_its_pixel_statistics(tmp_path):
    folder = resnet_folder(tmp_path)
    frames = torch.rand(2, 2, 3, 64, 64)
    for frozen in (True, False):
        config = small_config(
            f"model.image_encoder={folder}", f"model.freeze_batchnorm={str(frozen).lower()}"
        ).model
        model = OphCLIP(config).train()
        before = {k: v.clone() for k, v in model.state_dict().items() if "running" in k}
        model.embed_frames(frames, Level.CLIP)
        after = model.state_dict()
        assert before
        assert all(torch.equal(before[k], after[k]) for k in before) == frozen
        assert model.image_encoder.mean.flatten().tolist() == [0.5, 0.5, 0.5]


def test_pickled_weights_are_never_loaded(tmp_path):
    folder = resnet_folder(tmp_path)
    weights = folder / "model.safetensors"
    torch.save(AutoModel.from_pretrained(folder).state_dict(), folder / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(ConfigError, match="pickled weights are never loaded"):
        OphCLIP(small_config(f"model.image_encoder={folder}").model)
