"""`ophclip.load`: a light import, a model in evaluation mode, pictures and texts as training saw them."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import ophclip
from ophclip.data.jpeg import decode
from ophclip.errors import CheckpointError, ConfigError, DataError
from ophclip.inference.pretrained import Preprocess
from schemas.vocab import Level
from tests.ophclip.shard_factory import jpeg

PIXELS = np.arange(5 * 9 * 3, dtype=np.uint8).reshape(5, 9, 3)


def test_importing_ophclip_stays_light():
    code = (
        "import sys, ophclip\nassert callable(ophclip.load)\n"
        "heavy = {'torch', 'pyarrow', 'transformers', 'numpy', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_load_gives_a_model_that_embeds(trained):
    checkpoint = next((trained.run / "checkpoints").iterdir())
    made = []
    for path in (checkpoint, trained.run, str(trained.runs)):
        model, preprocess, _ = ophclip.load(path, device="cpu")
        assert not model.training
        clip = preprocess([Image.fromarray(PIXELS), PIXELS, torch.from_numpy(PIXELS)])
        assert clip.shape == (3, 3, 64, 64)
        assert torch.equal(clip[0], clip[1])
        assert torch.equal(clip[0], clip[2])
        with torch.no_grad():
            made.append(model.embed_frames(clip[None], Level.CLIP))
    assert made[0].shape == (1, 384)
    assert all(torch.equal(made[0], other) for other in made)


def test_the_tokenizer_makes_what_the_model_makes_of_texts(trained):
    model, _, tokenizer = ophclip.load(trained.runs, device="cpu")
    texts = ["The lens is implanted.", "word " * 200]
    tokens = tokenizer(texts)
    assert tokens["input_ids"].shape == (2, 64)
    with torch.no_grad():
        states = model.text_encoder.network(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1)
        means = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)
        assert torch.allclose(means, model.text_encoder(texts), atol=1e-6)
    assert tokenizer("one text")["input_ids"].shape[0] == 1


@pytest.mark.parametrize("fit", ["crop", "squash"])
def test_pictures_are_what_the_shard_reader_makes_of_them(tmp_path, fit):
    picture = jpeg((90, 120, 30), size=(80, 60))
    (tmp_path / "picture.jpg").write_bytes(picture)
    wanted = decode(picture, side=48, fit=fit, where="here").float() / 255
    with Image.open(tmp_path / "picture.jpg") as image:
        made = Preprocess(side=48, fit=fit)(image)
    assert torch.equal(made[0], wanted)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "without images"),
        (PIXELS.astype(np.float32), r"image 0 is float32 \[5, 9, 3\]"),
        ([PIXELS, PIXELS[..., 0]], r"image 1 is uint8 \[5, 9\]"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), r"uint8 \[3, 8, 8\]"),
        ([b"jpeg"], "image 0 is bytes"),
        (PIXELS[:0], r"uint8 \[0, 9, 3\]"),
    ],
)
def test_invalid_images_are_refused(images, message):
    with pytest.raises(DataError, match=message):
        Preprocess(side=64, fit="crop")(images)


def test_missing_damaged_and_impossible(trained, tmp_path):
    with pytest.raises(CheckpointError, match="no checkpoint"):
        ophclip.load(tmp_path)
    with pytest.raises(ConfigError, match="abacus"):
        ophclip.load(trained.runs, device="abacus")
    copy = tmp_path / "copy"
    shutil.copytree(next((trained.run / "checkpoints").iterdir()), copy)
    (copy / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="damaged"):
        ophclip.load(copy)
