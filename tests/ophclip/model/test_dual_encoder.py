"""The dual encoder: shapes, heads, frozen parts, and batch norm that stays as it was."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoModel, ResNetConfig, ViTConfig

from ophclip.errors import ConfigError
from ophclip.model import weights
from ophclip.model.dual_encoder import OphCLIP
from ophclip.model.encoders import TextEncoder
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


def vit_folder(folder):
    """A small vision transformer, the same at each call."""
    torch.manual_seed(0)
    AutoModel.from_config(
        ViTConfig(
            image_size=64,
            patch_size=16,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
        )
    ).save_pretrained(folder)
    return folder


def everything(folder, *overrides):
    """A config with adapters on both encoders, temporal pooling and context."""
    return small_config(
        f"model.image_encoder={vit_folder(folder)}",
        "model.image_trainable_layers=0",
        "model.lora_rank=2",
        "model.lora_on=both",
        "model.frame_pooling=transformer",
        "model.context_layers=1",
        "data.context=1",
        "loss.same_text_cosine=1",
        *overrides,
    ).model


def embed_all(model):
    """Clip embeddings in context, video embeddings and text embeddings of fixed inputs."""
    frames = torch.rand(2, 5, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    features = model.frame_features(frames)
    clips = model.contextualise(
        model.pool_frames(features[:, :3]),
        features[:, 3:],
        torch.tensor([[-4.0, 4.0], [-4.0, 0.0]]),
        torch.tensor([[True, True], [True, False]]),
    )
    return (
        model.project_images(clips, Level.CLIP),
        model.embed_frames(frames, Level.VIDEO),
        model.embed_texts(["a", "b c"], Level.CLIP),
        model.embed_texts(["a", "b c"], Level.VIDEO),
    )


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


def test_the_image_centre_is_the_mean_clip_embedding():
    model = OphCLIP(small_config().model).eval()
    frames = torch.rand(3, 3, 64, 64)
    model.centre_images(frames)
    with torch.no_grad():
        embeddings = model.embed_frames(frames[:, None], Level.CLIP)
    assert torch.allclose(model.image_centre, embeddings.mean(0), atol=1e-6)


def test_the_logit_scale_has_a_start_and_a_limit_and_its_logarithm_is_clamped():
    model = OphCLIP(small_config().model)
    limit = model.config.max_logit_scale
    for level in Level:
        start = 1 / model.config.initial_temperature
        assert model.logit_scale(level).item() == pytest.approx(start)
    with torch.no_grad():
        model.log_scales["clip"].fill_(math.log(limit) + 1)
    assert model.logit_scale(Level.CLIP).item() == pytest.approx(limit)
    model.clamp_scales()
    assert model.log_scales["clip"].item() == pytest.approx(math.log(limit))


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
    safetensors = folder / "model.safetensors"
    torch.save(AutoModel.from_pretrained(folder).state_dict(), folder / "pytorch_model.bin")
    safetensors.unlink()
    with pytest.raises(ConfigError, match="pickled weights are never loaded"):
        OphCLIP(small_config(f"model.image_encoder={folder}").model)


def test_texts_are_embedded_in_two_steps():
    model = OphCLIP(small_config().model).eval()
    texts = ["Capsulorhexis.", "Wound hydration."]
    model.centre_texts([*texts, "The lens is implanted."])
    features = model.text_features(texts)
    assert torch.equal(features, model.text_encoder(texts) - model.text_centre)
    for level in Level:
        made = model.project_texts(features, level)
        assert torch.equal(made, model.embed_texts(texts, level))


def test_without_temporal_modules_pooling_is_the_mean_and_context_nothing():
    model = OphCLIP(small_config().model)
    features, mask = torch.rand(2, 4, 8), torch.tensor([[True] * 4, [True, True, False, False]])
    assert torch.equal(model.pool_frames(features), features.mean(1))
    pooled = model.pool_frames(features, mask)
    assert torch.allclose(pooled[1], features[1, :2].mean(0))
    assert model.contextualise(pooled, features, torch.zeros(2, 4), mask) is pooled
    assert not any(name.startswith(("pooling.", "context.")) for name in model.state_dict())


def test_all_that_can_be_added_starts_as_the_model_without_it(tmp_path):
    model = OphCLIP(everything(tmp_path)).eval()
    plain = OphCLIP(
        everything(
            tmp_path,
            "model.lora_rank=0",
            "model.frame_pooling=mean",
            "model.context_layers=0",
            "data.context=0",
        )
    ).eval()
    plain.load_state_dict(
        {k: v for k, v in model.state_dict().items() if k in plain.state_dict()}, strict=False
    )
    for made, expected in zip(embed_all(model), embed_all(plain), strict=True):
        assert torch.allclose(made, expected, atol=1e-6)


def test_gradients_flow_into_what_learns_and_nowhere_else(tmp_path):
    model = OphCLIP(everything(tmp_path)).train()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name or name.endswith("gate"):
                parameter.fill_(0.1)
    sum(made[:, 0].sum() for made in embed_all(model)).backward()
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    got = {name for name, p in model.named_parameters() if p.grad is not None}
    scales = {name for name in learning if name.startswith("log_scales.")}
    assert got == learning - scales
    parts = ("lora_", "_heads.", "pooling.", "context.", "log_scales.")
    assert all(any(part in name for part in parts) for name in learning)


def test_what_is_saved_brings_everything_back(tmp_path):
    model = OphCLIP(everything(tmp_path)).train()
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    for _ in range(3):  # Adapters and gates need a step before what lies behind them moves.
        optimiser.zero_grad()
        sum(made[:, 0].sum() for made in embed_all(model)).backward()
        optimiser.step()
    saved = weights.trainable_state(model)
    assert not any("base_layer" in name or "word_embeddings" in name for name in saved)
    other = OphCLIP(model.config)
    assert weights.frozen_sha256(other) == weights.frozen_sha256(model)
    before = embed_all(other.eval())
    other.load_state_dict(saved, strict=False)
    for made, expected, first in zip(
        embed_all(other), embed_all(model.eval()), before, strict=True
    ):
        assert torch.equal(made, expected)
        assert not torch.allclose(made, first, atol=1e-3)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_embeddings_are_float32_of_unit_length_under_autocast(tmp_path, kind):
    model = OphCLIP(everything(tmp_path)).eval()
    with torch.autocast("cpu", dtype=kind):
        lower = embed_all(model)
    for made, expected in zip(lower, embed_all(model), strict=True):
        assert made.dtype == torch.float32
        assert torch.allclose(made.norm(dim=-1), torch.ones(2), atol=1e-5)
        assert torch.allclose(made, expected, atol=0.02)


def test_frames_are_pooled_as_the_config_says():
    for kind, there in (("mean", False), ("transformer", True)):
        model = OphCLIP(small_config(f"model.frame_pooling={kind}").model)
        assert (model.pooling is not None) == there
