"""Export a trained model. In: a checkpoint. Out: a folder that transformers alone can load."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from ophclip.errors import ConfigError
from ophclip.inference import modeling_ophclip
from ophclip.inference.modeling_ophclip import OphCLIPConfig, OphCLIPModel
from ophclip.inference.pretrained import Pretrained
from ophclip.model.dual_encoder import OphCLIP
from ophclip.model.lora import without_adapters
from ophvl.faults import naming

CARD = Path(__file__).with_name("model_card.md")
CODE = Path(modeling_ophclip.__file__)


def export(source: Pretrained, to: Path, *, licence: str) -> None:
    """Write weights (safetensors), configs, tokenizer, code and model card into the new folder `to`.

    Args:
        source: the model and its checkpoint.
        to: a folder that does not exist or is empty.
        licence: licence of the weights for the card, e.g. an SPDX id.

    Raises:
        ConfigError: `to` is not empty, or cannot be written.
    """
    if to.exists() and not (to.is_dir() and not any(to.iterdir())):
        raise ConfigError(f"{to} is not an empty folder; give another --to")
    target = Path(os.path.realpath(to))
    working = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        _write(source, working, licence=licence)
        working.rename(target)
    finally:
        shutil.rmtree(working, ignore_errors=True)


def _write(source: Pretrained, folder: Path, *, licence: str) -> None:
    """Write the files of a model to a new folder."""
    folder.mkdir(parents=True)
    with naming(folder):
        converted(source.model).save_pretrained(folder)
        # safetensors lets only the owner read the file; this folder is to be passed on.
        (folder / "model.safetensors").chmod(0o644)
        tokenizer = source.model.text_encoder.tokenizer
        # So that `truncation=True` alone cuts where training cut.
        tokenizer.model_max_length = source.config.model.max_tokens
        tokenizer.save_pretrained(folder)
        shutil.copyfile(CODE, folder / CODE.name)
        processor = json.dumps(image_processor(source), indent=2) + "\n"
        (folder / "preprocessor_config.json").write_text(processor, encoding="utf-8")
        (folder / "README.md").write_text(card(source, licence=licence), encoding="utf-8")


def converted(model: OphCLIP) -> OphCLIPModel:
    """Convert a model to the class that transformers loads, on the CPU, with adapters merged.

    Raises:
        ConfigError: the exported form lacks the model's frame pooling or context encoder.
    """
    for name, module in (
        ('model.frame_pooling = "transformer"', model.pooling),
        ("model.context_layers", model.context),
    ):
        if module is not None:
            raise ConfigError(
                f"a model with {name} cannot be exported yet; use it by ophclip.load, ophclip embed and "
                "ophclip search"
            )
    networks = {
        "image_encoder": without_adapters(model.image_encoder.network),
        "text_encoder": without_adapters(model.text_encoder.network),
    }
    poolers = {name: getattr(network, "pooler", True) for name, network in networks.items()}
    exported = OphCLIPModel(
        OphCLIPConfig(
            image_network=_network_config(networks["image_encoder"]),
            text_network=_network_config(networks["text_encoder"]),
            image_width=model.image_encoder.width,
            text_width=model.text_encoder.width,
            embedding_dim=model.config.embedding_dim,
            separate_heads=model.config.separate_heads,
            image_pooling="max" if model.image_encoder.max_pool else "own",
            image_pooler=poolers["image_encoder"] is not None,
            text_pooler=poolers["text_encoder"] is not None,
            max_logit_scale=model.config.max_logit_scale,
            auto_map={
                "AutoConfig": f"{CODE.stem}.{OphCLIPConfig.__name__}",
                "AutoModel": f"{CODE.stem}.{OphCLIPModel.__name__}",
            },
        )
    )
    tensors = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if not name.startswith(tuple(f"{encoder}." for encoder in networks))
    }
    for encoder, network in networks.items():
        tensors |= {f"{encoder}.{name}": value for name, value in network.state_dict().items()}
    exported.load_state_dict({name: tensor.cpu() for name, tensor in tensors.items()})
    return exported


def image_processor(source: Pretrained) -> dict[str, object]:
    """Return the preprocessor config that resizes and normalises an image as training did."""
    side, encoder = source.config.model.image_size, source.model.image_encoder
    square = {"height": side, "width": side}
    is_crop = source.config.data.fit == "crop"
    return {
        "image_processor_type": "CLIPImageProcessor" if is_crop else "ViTImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": side} if is_crop else square,
        "resample": 2,  # Bilinear.
        **({"do_center_crop": True, "crop_size": square} if is_crop else {}),
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": encoder.mean.flatten().tolist(),
        "image_std": encoder.std.flatten().tolist(),
    }


def card(source: Pretrained, *, licence: str) -> str:
    """Render the model card, with the figures of every evaluation of this checkpoint."""
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    return environment.from_string(CARD.read_text(encoding="utf-8")).render(
        licence=licence,
        state=source.state,
        config=source.config,
        checkpoint=source.sha256,
        results=_results(source),
        toml=(source.folder / "config.toml").read_text(encoding="utf-8"),
    )


def _network_config(network: Any) -> dict[str, Any]:
    """Return a network's own config, without the path on this machine that it was loaded from."""
    config: dict[str, Any] = network.config.to_dict()
    config.pop("_name_or_path", None)
    return config


def _results(source: Pretrained) -> list[dict[str, object]]:
    """Read the results of `ophclip eval` for this checkpoint from the run's eval folder, by file name."""
    results = []
    for path in sorted((source.folder.parents[1] / "eval").glob("*.json")):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as err:
            raise ConfigError(
                f"{path} is not a result of `ophclip eval`: {err}; move it out of the eval folder"
            ) from err
        if result.get("checkpoint_sha256") == source.sha256:
            scores = result["scores"]
            figures = {
                name.replace("_", " "): score
                for name, score in scores.items()
                if isinstance(score, dict) and {"value", "low", "high"} <= score.keys()
            }
            results.append({**result, "figures": figures})
    return results
