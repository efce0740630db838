"""`ophclip export`: the same embeddings where ophclip is not installed, and an honest card."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoImageProcessor

import ophclip
from ophclip.cli import main
from ophclip.config import change
from ophclip.errors import ConfigError
from ophclip.inference import modeling_ophclip, pretrained
from ophclip.inference.export import card, converted, export, image_processor
from ophclip.model.dual_encoder import OphCLIP
from schemas.vocab import Level
from tests.ophclip.model.test_dual_encoder import resnet_folder
from tests.ophclip.shard_factory import small_config

TEXTS = ["Posterior capsule rupture.", "The lens is implanted. " * 40]

STRANGER = """
import json, sys
for name in ("ophclip", "ophvl", "schemas", "pipelines", "sentence_transformers"):
    sys.modules[name] = None  # Importing it fails.
import numpy as np, torch
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

folder, pictures, texts, out = sys.argv[1:]
model = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
processor = AutoImageProcessor.from_pretrained(folder)
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
images = [Image.fromarray(pixels) for pixels in np.load(pictures)]
frames = processor(images=images, return_tensors="pt").pixel_values
tokens = tokenizer(json.loads(texts), padding=True, truncation=True, return_tensors="pt")
made = {}
with torch.no_grad():
    for level in ("clip", "video"):
        made[f"images/{level}"] = model.get_image_features(frames[None], level=level)
        made[f"texts/{level}"] = model.get_text_features(**tokens, level=level)
        both = model(pixel_values=frames, **tokens, level=level)
        made[f"logits/{level}"] = both.logits_per_image.contiguous()
        assert torch.equal(both.logits_per_text, both.logits_per_image.T)
        alone = model(pixel_values=frames, level=level), model(**tokens, level=level)
        assert all(one.logits_per_image is one.logits_per_text is None for one in alone)
        assert alone[0].text_embeds is None and alone[1].image_embeds is None
save_file(made, out)
"""


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    to = tmp_path_factory.mktemp("export") / "folder"
    export(pretrained.read(trained.runs), to, licence="CC-BY-NC-4.0")
    return to


def test_where_ophclip_is_not_installed_the_embeddings_are_the_same(trained, folder, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 70, 90, 3), dtype=np.uint8)
    np.save(tmp_path / "pictures.npy", pixels)
    done = subprocess.run(
        [
            sys.executable, "-c", STRANGER,
            folder, tmp_path / "pictures.npy", json.dumps(TEXTS), tmp_path / "made.safetensors",
        ],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_MODULES_CACHE": str(tmp_path / "modules")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = load_file(tmp_path / "made.safetensors")
    model, preprocess, _ = ophclip.load(trained.runs, device="cpu")
    clip = preprocess([Image.fromarray(picture) for picture in pixels])
    with torch.no_grad():
        for level in Level:
            texts = model.embed_texts(TEXTS, level)
            wanted = {
                f"images/{level}": model.embed_frames(clip[None], level),
                f"texts/{level}": texts,
                f"logits/{level}": model.logit_scale(level)
                * model.embed_frames(clip[:, None], level)
                @ texts.T,
            }
            for name, tensor in wanted.items():
                scale = 1 if not name.startswith("logits") else float(model.logit_scale(level))
                torch.testing.assert_close(made[name], tensor, atol=1e-5 * scale, rtol=0)


def test_the_folder_holds_no_pickles_and_no_path_of_this_machine(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "config.json", "model.safetensors", "modeling_ophclip.py",
        "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    assert "site-packages" not in (folder / "config.json").read_text(encoding="utf-8")
    assert [p.name for p in folder.parent.iterdir()] == ["folder"]


@pytest.mark.parametrize("shape", [(2, 7, 3, 5), (2, 15, 7)])
def test_networks_without_pooler_are_averaged_over_their_positions(shape):
    states = torch.rand(shape)
    output = SimpleNamespace(last_hidden_state=states, pooler_output=None)
    made = modeling_ophclip._pooled(output, "own")
    torch.testing.assert_close(made, states.mean((2, 3) if len(shape) == 4 else 1))


@pytest.mark.parametrize("separate", [True, False])
def test_other_encoders_come_out_the_same(tmp_path, separate):
    config = small_config(
        f"model.image_encoder={resnet_folder(tmp_path)}",
        f"model.separate_heads={str(separate).lower()}",
        "model.text_trainable_layers=1",
        "loss.same_text_cosine=1.0",
    ).model
    model = OphCLIP(config).eval()
    made = converted(model).eval()
    assert sorted(made.state_dict()) == sorted(
        name.replace("_encoder.network.", "_encoder.") for name in model.state_dict()
    )
    frames = torch.rand(2, 3, 3, 64, 64)
    encoder = model.image_encoder
    tokens = model.text_encoder.tokenizer(
        TEXTS, padding=True, truncation=True, max_length=64, return_tensors="pt"
    )
    with torch.no_grad():
        for level in Level:
            images = made.get_image_features((frames - encoder.mean) / encoder.std, level=level)
            assert torch.allclose(images, model.embed_frames(frames, level), atol=1e-5)
            texts = made.get_text_features(**tokens, level=level)
            assert torch.allclose(texts, model.embed_texts(TEXTS, level), atol=1e-5)
    with pytest.raises(ValueError, match="'clip' or 'video'"):
        made.get_text_features(**tokens, level="frame")


def test_the_card_tells_data_licence_and_only_the_figures_of_this_checkpoint(trained, folder):
    text = (folder / "README.md").read_text(encoding="utf-8")
    source = pretrained.read(trained.runs)
    for told in (
        'license: "CC-BY-NC-4.0"', "For research only. Not a medical device", source.sha256,
        source.state.data_fingerprint, "7 source videos", "3 silent", "was not evaluated",
        "image_size = 64",
    ):  # fmt: skip
        assert told in text
    results = trained.run / "eval"
    results.mkdir()
    estimate = {"value": 0.5, "low": 0.25, "high": 0.75}
    for number, sha256 in enumerate((source.sha256, "0" * 64)):
        result = {
            "protocol": f"protocol/{number}", "checkpoint_sha256": sha256, "labels_sha256": "abc",
            "videos": ["v"], "scores": {"accuracy_pooled": estimate, "chance": 0.1},
        }  # fmt: skip
        (results / f"{number}.json").write_text(json.dumps(result), encoding="utf-8")
    text = card(source, licence="x\ny: z")
    assert "| accuracy pooled | 0.500 | 0.250 to 0.750 |" in text
    assert "protocol/1" not in text
    assert r'license: "x\ny: z"' in text


def test_a_config_cannot_leave_its_place_on_the_card(trained, tmp_path):
    source = pretrained.read(trained.runs)
    lines = (source.folder / "config.toml").read_text(encoding="utf-8")
    (tmp_path / "config.toml").write_text(f"{lines}# ```\n# <script>", encoding="utf-8")
    text = card(dataclasses.replace(source, folder=tmp_path), licence="MIT")
    config = text.partition("## Config")[2].strip("\n").splitlines()
    assert "    # <script>" in config
    assert all(line.startswith("    ") for line in config if line)


@pytest.mark.parametrize(("fit", "furthest"), [("squash", 0.0), ("crop", 0.05)])
def test_the_processor_follows_the_fit(trained, tmp_path, fit, furthest):
    source = pretrained.read(trained.runs)
    config = change(source.config, overrides=[f"data.fit={fit}"])
    source = dataclasses.replace(source, config=config)
    described = json.dumps(image_processor(source))
    (tmp_path / "preprocessor_config.json").write_text(described, encoding="utf-8")
    x, y = np.meshgrid(np.arange(150), np.arange(100))
    picture = Image.fromarray(np.stack([x, 2 * y, x + y], axis=2).astype(np.uint8))
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    pixels = processor(images=picture, return_tensors="pt").pixel_values
    encoder = source.model.image_encoder
    wanted = pretrained.Preprocess(side=64, fit=fit)(picture)
    assert float((pixels * encoder.std + encoder.mean - wanted).abs().max()) <= furthest + 1e-6


def test_a_folder_with_something_in_it_is_left_alone(trained, tmp_path, monkeypatch, capsys):
    (tmp_path / "note.txt").write_text("mine", encoding="utf-8")
    arguments = ["export", "--checkpoint", str(trained.runs), "--to", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["ophclip", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "not an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]
    with pytest.raises(ConfigError, match="not an empty folder"):
        export(pretrained.read(trained.runs), tmp_path / "note.txt", licence="other")


@pytest.mark.parametrize("setting", ["model.frame_pooling=transformer", "model.context_layers=1"])
def test_what_the_exported_form_does_not_have_is_refused(setting):
    settings = [setting, *(["data.context=1"] if "context" in setting else [])]
    with pytest.raises(ConfigError, match=setting.split("=")[0]):
        converted(OphCLIP(small_config(*settings).model))


def test_adapters_are_merged():
    settings = ("model.lora_rank=4", "model.lora_on=text", "loss.same_text_cosine=1.0")
    model = OphCLIP(small_config(*settings).model).eval()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)  # As if it had learnt.
    made = converted(model).eval()
    tokens = model.text_encoder.tokenizer(TEXTS[:1], return_tensors="pt")
    with torch.no_grad():
        first = model.embed_texts(TEXTS[:1], Level.CLIP)
        second = made.get_text_features(**tokens)
    torch.testing.assert_close(second, first, rtol=1e-4, atol=1e-5)
