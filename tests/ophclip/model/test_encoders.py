"""Encoders: which weights learn, what frozen ones do, adapters, and files that lack weights."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    BertConfig,
    BertModel,
    BitConfig,
    ConvNextConfig,
    DeiTConfig,
    DeiTModel,
    ResNetConfig,
    SwinConfig,
    ViTConfig,
)

from ophclip.errors import ConfigError
from ophclip.model import encoders
from ophclip.model.encoders import (
    ImageEncoder,
    TextEncoder,
    _free_last_layers,
    _packaged_minilm,
    freeze_batchnorm,
)
from ophclip.model.lora import without_adapters
from tests.ophclip.shard_factory import small_config

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
PICTURES = {"image_size": 64, "patch_size": 16}
CONFIGS = {
    "resnet": ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 24], depths=[1, 1, 1], layer_type="basic"
    ),
    "bit": BitConfig(
        embedding_size=16, hidden_sizes=[32, 32, 32], depths=[1, 1, 1], num_groups=8
    ),
    "vit": ViTConfig(**PICTURES, **SMALL),
    "deit": DeiTConfig(**PICTURES, **SMALL),
    # Lists of layers within stages, longer than the list of stages.
    "convnext": ConvNextConfig(hidden_sizes=[8, 16, 24], depths=[1, 5, 1], num_stages=3),
    "swin": SwinConfig(
        image_size=64, patch_size=4, embed_dim=8, depths=[1, 5, 1], num_heads=[2, 2, 2], window_size=4
    ),
}  # fmt: skip
# The last stage, and what follows it.
LAST = {
    "resnet": ("network.encoder.stages.2.",),
    "bit": ("network.encoder.stages.2.", "network.norm."),
    "vit": ("network.layers.2.", "network.layernorm.", "network.pooler."),
    "deit": ("network.layers.2.", "network.layernorm.", "network.pooler."),
    "convnext": ("network.encoder.stages.2.", "network.layernorm."),
    "swin": ("network.encoder.layers.2.", "network.layernorm."),
}
LORA = ("model.lora_rank=4", "loss.same_text_cosine=1")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A local folder for each kind of image encoder, as a user would name one."""
    made = {}
    for kind, config in CONFIGS.items():
        torch.manual_seed(0)
        made[kind] = tmp_path_factory.mktemp(kind)
        AutoModel.from_config(config).save_pretrained(made[kind])
    return made


def image_encoder(folder, layers, *overrides):
    return ImageEncoder(
        small_config(
            f"model.image_encoder={folder}", f"model.image_trainable_layers={layers}", *overrides
        ).model
    )


def text_encoder(*overrides):
    return TextEncoder(small_config("loss.same_text_cosine=1", *overrides).model)


def nudge(encoder):
    """Move adapters away from their start, where they add nothing."""
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_a_frozen_image_encoder_runs_without_gradient_and_stays_as_it_is(folders, kind):
    encoder = image_encoder(folders[kind], 0).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    features = encoder(torch.rand(2, 3, 64, 64))
    assert not features.requires_grad
    assert not any(module.training for module in encoder.modules())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())
    assert features.shape == (2, encoder.width)


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_the_last_stage_learns_and_all_before_it_is_left_alone(folders, kind):
    encoder = image_encoder(folders[kind], 1).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    encoder(torch.rand(2, 3, 64, 64)).square().sum().backward()
    last = LAST[kind]
    for name, parameter in encoder.named_parameters():
        assert (parameter.grad is not None) == name.startswith(last), name
    statistics = [name for name in before if "running" in name or "num_batches" in name]
    assert bool(statistics) == (kind == "resnet")
    after = encoder.state_dict()
    for name in statistics:
        assert torch.equal(before[name], after[name]) == (not name.startswith(last)), name
    freeze_batchnorm(encoder)
    before = {name: encoder.state_dict()[name].clone() for name in statistics}
    encoder(torch.rand(2, 3, 64, 64))
    assert all(torch.equal(before[name], encoder.state_dict()[name]) for name in statistics)


def test_a_free_image_encoder_learns_whole(folders):
    for folder in folders.values():
        encoder = image_encoder(folder, -1)
        assert all(parameter.requires_grad for parameter in encoder.parameters())
        assert encoder.network.training


def test_more_layers_than_there_are_cannot_learn(folders):
    with pytest.raises(ConfigError, match="has 3 layers: 4 of them cannot learn"):
        image_encoder(folders["vit"], 4)
    with pytest.raises(ConfigError, match="has 6 layers"):
        text_encoder("model.text_trainable_layers=7")


def test_an_image_size_that_does_not_fit_is_refused(folders):
    with pytest.raises(ConfigError, match="image_size = 96"):
        image_encoder(folders["vit"], 0, "model.image_size=96")


@pytest.mark.parametrize("kind", ["vit", "deit", "swin"])
def test_image_adapters_start_as_the_encoder_and_learn_alone(folders, kind):
    plain = image_encoder(folders[kind], 0)
    encoder = image_encoder(folders[kind], 0, *LORA, "model.lora_on=image").train()
    pictures = torch.rand(2, 3, 64, 64)
    assert torch.equal(encoder.eval()(pictures), plain(pictures))
    nudge(encoder)
    encoder.train()(pictures).square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert (parameter.grad is not None) == ("lora_" in name), name
    assert not torch.allclose(encoder.eval()(pictures), plain(pictures), atol=1e-4)


def test_adapters_need_attention(folders):
    with pytest.raises(ConfigError, match="ResNetModel has no attention"):
        image_encoder(folders["resnet"], 0, *LORA, "model.lora_on=both")


def test_text_adapters_start_as_the_encoder_and_learn_alone():
    texts = ["The lens is implanted.", "Wound hydration."]
    plain, encoder = text_encoder(), text_encoder(*LORA).train()
    assert not encoder.frozen
    assert torch.equal(encoder.eval()(texts), plain(texts))
    nudge(encoder)
    encoder.train()(texts)[:, 0].sum().backward()
    learning = {name for name, p in encoder.named_parameters() if p.requires_grad}
    assert all("attention" in name and "lora_" in name for name in learning)
    assert len(learning) == 6 * 4 * 2  # Layers, projections, A and B.
    assert {n for n, p in encoder.named_parameters() if p.grad is not None} == learning
    assert not torch.allclose(encoder.eval()(texts), plain(texts), atol=1e-4)


def test_adapters_can_be_added_into_the_weights():
    texts = ["The lens is implanted."]
    encoder = text_encoder(*LORA).eval()
    nudge(encoder)
    before = encoder(texts)
    network, encoder.network = encoder.network, without_adapters(encoder.network)
    assert set(encoder.network.state_dict()) == set(text_encoder().network.state_dict())
    assert torch.allclose(encoder(texts), before, atol=1e-5)
    encoder.network = network  # A copy was changed, not itself.
    assert torch.equal(encoder(texts), before)


def test_frozen_texts_are_the_same_under_autocast():
    texts = ["The lens is implanted."]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        first = text_encoder()(texts)
    assert first.dtype == torch.float32
    assert torch.equal(first, text_encoder()(texts))


def test_frozen_texts_are_encoded_in_batches_and_stay_in_order(monkeypatch):
    texts = [f"{'Then ' * (n % 3)}the lens of eye {n} is implanted." for n in range(20)]
    alone = torch.stack([text_encoder()([text])[0] for text in texts])
    monkeypatch.setattr("ophclip.model.encoders.TEXT_BATCH", 8)
    encoder = text_encoder()
    sizes = []
    encoder.network.register_forward_pre_hook(
        lambda _, __, named: sizes.append(len(named["input_ids"])), with_kwargs=True
    )
    assert torch.allclose(encoder(texts), alone, atol=1e-5)
    assert sizes == [8, 8, 4]
    encoder(texts)
    assert len(sizes) == 3  # Cached, not encoded again.


@pytest.mark.parametrize("kind", sorted(CONFIGS))
def test_features_are_float32_under_autocast(folders, kind):
    encoder = image_encoder(folders[kind], -1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = encoder(torch.rand(2, 3, 64, 64))
    assert features.dtype == torch.float32
    features.sum().backward()


def test_the_scratch_encoder_takes_the_maximum_over_positions():
    encoder = ImageEncoder(small_config().model).eval()
    frames = torch.rand(2, 3, 64, 64)
    states = encoder.network((frames - encoder.mean) / encoder.std).last_hidden_state
    assert torch.allclose(encoder(frames), states.flatten(2).max(2).values, atol=1e-5)


def test_pixel_statistics_are_not_saved_with_the_weights():
    encoder = ImageEncoder(small_config().model)
    assert not {"mean", "std"} & encoder.state_dict().keys()


def test_a_feature_map_without_pooler_is_averaged_over_its_positions(folders):
    encoder = image_encoder(folders["vit"], 0)
    states = torch.rand(2, 7, 3, 5)
    encoder.network.forward = lambda pixels: SimpleNamespace(
        pooler_output=None, last_hidden_state=states
    )
    torch.testing.assert_close(encoder(torch.rand(2, 3, 64, 64)), states.mean(dim=(2, 3)))


def test_dropout_acts_between_weights_that_learn_and_not_between_frozen_ones():
    learning = text_encoder("model.text_trainable_layers=1").train()
    layers = learning.network.encoder.layer
    acts = [layer.attention.output.dropout.training for layer in layers]
    assert acts == [False] * (len(layers) - 1) + [True]
    assert not any(
        m.training for m in text_encoder("model.text_trainable_layers=0").train().modules()
    )


def test_no_more_texts_are_kept_than_fit(monkeypatch):
    monkeypatch.setattr(encoders, "CACHED_TEXTS", 3)
    encoder = text_encoder("model.text_trainable_layers=0")
    encoder(["a", "b"])
    encoder(["b", "c"])
    assert list(encoder._features) == ["a", "b", "c"]
    assert encoder(["c", "d"]).shape[0] == 2
    assert len(encoder._features) <= 3


def test_a_pooler_without_weights_is_left_out_and_not_drawn_at_random(tmp_path):
    DeiTModel(CONFIGS["deit"], add_pooling_layer=False).save_pretrained(tmp_path)
    first, second = image_encoder(tmp_path, 0), image_encoder(tmp_path, 0)
    assert not any("pooler" in name for name in first.state_dict())
    pictures = torch.rand(2, 3, 64, 64)
    assert torch.equal(first(pictures), second(pictures))
    states = first.network((pictures - first.mean) / first.std).last_hidden_state
    assert torch.allclose(first(pictures), states.mean(1), atol=1e-6)


def test_a_text_encoder_without_a_pooler_is_the_same_after_each_loading(tmp_path):
    shutil.copytree(_packaged_minilm(), tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").unlink()
    small = BertConfig(vocab_size=30522, **SMALL)
    BertModel(small, add_pooling_layer=False).half().save_pretrained(tmp_path)
    first, second = (text_encoder(f"model.text_encoder={tmp_path}") for _ in range(2))
    assert first.width == SMALL["hidden_size"]
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
        assert value.dtype == torch.float32


def test_other_missing_weights_are_refused(folders, tmp_path):
    shutil.copytree(folders["vit"], tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["layernorm.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"without weights for layernorm\.weight"):
        image_encoder(tmp_path, 0)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.image_trainable_layers=-2"], "at least -1, not -2"),
        (["model.image_trainable_layers=0"], '"scratch" starts at random'),
        (["model.lora_rank=-1"], "at least 0, not -1"),
        (["model.lora_alpha=0"], "at least 1, not 0"),
        (["model.lora_on=video"], "one of text, image, both, not 'video'"),
        (["model.lora_rank=4", "model.lora_on=image"], "set image_trainable_layers to 0"),
        ([*LORA, "model.text_trainable_layers=-1"], "set text_trainable_layers to 0"),
        ([*LORA, "model.text_trainable_layers=2"], "set text_trainable_layers to 0"),
        (["model.frame_pooling=transformer", "model.temporal_layers=0"], "temporal_layers of 1"),
        (["model.frame_pooling=max"], "one of mean, transformer, not 'max'"),
        (["model.context_layers=-1"], "at least 0, not -1"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(overrides, message):
    with pytest.raises(ConfigError, match=message):
        small_config(*overrides)


def test_a_network_without_layers_learns_whole_or_not_at_all() -> None:
    network = torch.nn.Linear(2, 2)
    _free_last_layers(network, 0)
    assert not network.weight.requires_grad
    _free_last_layers(network, -1)
    assert network.weight.requires_grad
    with pytest.raises(ConfigError, match="Linear has no list of layers; train it whole"):
        _free_last_layers(network, 1)


def test_the_layers_of_a_network_are_its_longest_list_of_modules() -> None:
    def layers(count: int) -> torch.nn.ModuleList:
        return torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(count))

    network = torch.nn.Module()
    network.short, network.long = layers(1), layers(3)
    network.long[0].inner = layers(5)  # inside another list
    _free_last_layers(network, 2)
    free = [any(p.requires_grad for p in layer.parameters()) for layer in network.long]
    assert free == [False, True, True]
