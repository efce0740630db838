"""Convert Whisper weights from CTranslate2's file to openai-whisper's tensors, in memory.

In: a folder with model.bin and config.json. Out: dimensions, tensors by openai-whisper's names, and the
attention heads that align words with the audio. The file is parsed as numbers and names; nothing is
unpickled.

model.bin (CTranslate2, binary version 6, little endian): version, name of the specification, its
revision, number of variables; each variable as name, rank, shape, type, bytes; then aliases.
https://github.com/OpenNMT/CTranslate2/blob/master/python/ctranslate2/specs/model_spec.py
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ophvl.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensors = dict[str, NDArray[np.float32]]
    Variables = dict[str, NDArray[np.generic]]

_VERSION = 6
_SPECIFICATION = "WhisperSpec"
_TYPES = ("<f4", "i1", "<i2", "<i4", "<f2")


@dataclass(frozen=True, kw_only=True)
class OpenAIWeights:
    """`dimensions` are the fields of `whisper.model.ModelDimensions`; heads are (layer, head)."""

    dimensions: dict[str, int]
    tensors: Tensors
    alignment_heads: tuple[tuple[int, int], ...]


def read_openai_weights(folder: Path) -> OpenAIWeights:
    """Read a CTranslate2 folder of float16 or float32 weights.

    Raises:
        ConfigError: the file is of another kind, damaged, or quantised.
    """
    variables = _read_variables(folder / "model.bin")
    try:
        tensors = _renamed(variables)
        dimensions = _dimensions(variables, tensors)
    except KeyError as err:
        message = (
            f"{folder / 'model.bin'} lacks {err}; it is not a Whisper model of a known architecture"
        )
        raise ConfigError(message) from err
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    heads = tuple((int(layer), int(head)) for layer, head in config.get("alignment_heads", ()))
    return OpenAIWeights(dimensions=dimensions, tensors=tensors, alignment_heads=heads)


class _BinaryReader:
    """Reads numbers and strings one after another."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def number(self, code: Literal["B", "H", "I"]) -> int:
        (value,) = struct.unpack_from(f"<{code}", self.data, self.at)
        self.at += struct.calcsize(code)
        return int(value)

    def text(self) -> str:
        length = self.number("H")  # It counts the zero byte at the end.
        value = self.data[self.at : self.at + length - 1].decode("utf-8")
        self.at += length
        return value


def _read_variables(path: Path) -> Variables:
    import numpy as np

    reader = _BinaryReader(path.read_bytes())
    variables: Variables = {}
    try:
        if reader.number("I") != _VERSION or reader.text() != _SPECIFICATION:
            raise ConfigError(f"{path} is not a Whisper model of CTranslate2 (version {_VERSION})")
        reader.number("I")  # Revision of the specification.
        for _ in range(reader.number("I")):
            name = reader.text()
            shape = [reader.number("I") for _ in range(reader.number("B"))]
            dtype = np.dtype(_TYPES[reader.number("B")])
            size = reader.number("I")
            values = np.frombuffer(reader.data, dtype, size // dtype.itemsize, reader.at)
            variables[name] = values.reshape(shape)
            reader.at += size
    except (struct.error, UnicodeDecodeError, IndexError, ValueError) as err:
        raise ConfigError(f"{path} is damaged: {err}; install or convert it again") from err
    quantised = [name for name in variables if name.endswith("/weight_scale")]
    if quantised:
        raise ConfigError(f"{path} holds quantised weights; give float16 or float32 weights")
    return variables


class _Renaming:
    """Collects tensors under openai-whisper's names, as float32."""

    def __init__(self, variables: Variables) -> None:
        self.variables = variables
        self.tensors: Tensors = {}

    def copy(self, target: str, source: str) -> None:
        self.tensors[target] = self.variables[source].astype("float32")

    def linear(self, target: str, source: str) -> None:
        self.copy(f"{target}.weight", f"{source}/weight")
        self.copy(f"{target}.bias", f"{source}/bias")

    def norm(self, target: str, source: str) -> None:
        self.copy(f"{target}.weight", f"{source}/gamma")
        self.copy(f"{target}.bias", f"{source}/beta")

    def split(self, target: str, source: str, names: tuple[str, ...]) -> None:
        """Split projections that CTranslate2 stores as one matrix."""
        weights = self.variables[f"{source}/weight"].astype("float32")
        biases = self.variables[f"{source}/bias"].astype("float32")
        rows = len(weights) // len(names)
        for number, name in enumerate(names):
            part = slice(number * rows, (number + 1) * rows)
            self.tensors[f"{target}.{name}.weight"] = weights[part]
            if name != "key":  # Whisper's keys have no bias; CTranslate2 fills in zeros.
                self.tensors[f"{target}.{name}.bias"] = biases[part]

    def block(self, target: str, source: str) -> None:
        """Copy the part of a layer that encoder and decoder share."""
        attention = f"{source}/self_attention"
        self.split(f"{target}.attn", f"{attention}/linear_0", ("query", "key", "value"))
        self.linear(f"{target}.attn.out", f"{attention}/linear_1")
        self.norm(f"{target}.attn_ln", f"{attention}/layer_norm")
        self.linear(f"{target}.mlp.0", f"{source}/ffn/linear_0")
        self.linear(f"{target}.mlp.2", f"{source}/ffn/linear_1")
        self.norm(f"{target}.mlp_ln", f"{source}/ffn/layer_norm")

    def cross_attention(self, target: str, source: str) -> None:
        """Copy the cross-attention of a decoder layer."""
        self.linear(f"{target}.cross_attn.query", f"{source}/attention/linear_0")
        self.split(f"{target}.cross_attn", f"{source}/attention/linear_1", ("key", "value"))
        self.linear(f"{target}.cross_attn.out", f"{source}/attention/linear_2")
        self.norm(f"{target}.cross_attn_ln", f"{source}/attention/layer_norm")


def _renamed(variables: Variables) -> Tensors:
    renaming = _Renaming(variables)
    renaming.linear("encoder.conv1", "encoder/conv1")
    renaming.linear("encoder.conv2", "encoder/conv2")
    renaming.copy("encoder.positional_embedding", "encoder/position_encodings/encodings")
    renaming.norm("encoder.ln_post", "encoder/layer_norm")
    renaming.copy("decoder.token_embedding.weight", "decoder/embeddings/weight")
    renaming.copy("decoder.positional_embedding", "decoder/position_encodings/encodings")
    renaming.norm("decoder.ln", "decoder/layer_norm")
    for side in ("encoder", "decoder"):
        for layer in range(_layers(variables, side)):
            renaming.block(f"{side}.blocks.{layer}", f"{side}/layer_{layer}")
    for layer in range(_layers(variables, "decoder")):
        renaming.cross_attention(f"decoder.blocks.{layer}", f"decoder/layer_{layer}")
    return renaming.tensors


def _layers(variables: Variables, side: str) -> int:
    prefix = f"{side}/layer_"
    names = (name.removeprefix(prefix) for name in variables if name.startswith(prefix))
    return 1 + max((int(n.split("/")[0]) for n in names if n[0].isdigit()), default=-1)


def _dimensions(variables: Variables, tensors: Tensors) -> dict[str, int]:
    audio_ctx, audio_state = tensors["encoder.positional_embedding"].shape
    text_ctx, text_state = tensors["decoder.positional_embedding"].shape
    return {
        "n_mels": tensors["encoder.conv1.weight"].shape[1],
        "n_audio_ctx": audio_ctx,
        "n_audio_state": audio_state,
        "n_audio_head": int(variables["encoder/num_heads"]),
        "n_audio_layer": _layers(variables, "encoder"),
        "n_vocab": tensors["decoder.token_embedding.weight"].shape[0],
        "n_text_ctx": text_ctx,
        "n_text_state": text_state,
        "n_text_head": int(variables["decoder/num_heads"]),
        "n_text_layer": _layers(variables, "decoder"),
    }
