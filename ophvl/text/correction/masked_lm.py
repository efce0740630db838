"""Score corrections in their context with a masked language model (`corrector.ContextScorer`).

The gain of an edit is how much better the new words fit than the old ones, in nats: the difference of their
pseudo-log-likelihoods (Salazar et al., ACL 2020, https://arxiv.org/abs/1910.14659), each token of the words
masked in turn. Any model that transformers can load for masked language modelling will do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.errors import ConfigError
from ophvl.ids import sha256_file
from ophvl.text.edits import apply
from schemas.narrations import Edit

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_MAX_TOKENS = 256


class MaskedLM:
    """Masked language model on the CPU, loaded at first use. `name` is a model id or a folder."""

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def revision(self) -> str:
        """Return the model's id and commit, or for a folder the hash of its files."""
        folder = Path(self._name).expanduser()
        if folder.is_dir():
            digest = hashlib.sha256()
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                digest.update(f"{path.relative_to(folder)}\0{sha256_file(path)}\0".encode())
            return f"{folder.name}@{digest.hexdigest()[:12]}"
        model, _ = self._loaded
        return f"{self._name}@{getattr(model.config, '_commit_hash', None) or 'unknown'}"

    def gains(self, text: str, edits: Sequence[Edit]) -> list[float]:
        """Return log P(after | context) - log P(before | context) of each edit by itself."""
        return [
            self._likelihood(apply(text, [edit]), edit.start, edit.start + len(edit.after))
            - self._likelihood(text, edit.start, edit.end)
            for edit in edits
        ]

    @cached_property
    def _loaded(self) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        from transformers import AutoModelForMaskedLM, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(self._name)
            model = AutoModelForMaskedLM.from_pretrained(self._name, use_safetensors=True)
        except (OSError, ValueError) as err:
            raise ConfigError(
                f"the masked language model '{self._name}' cannot be loaded: {err}; give a model id that "
                "the hub or its cache holds, or a folder with config, tokenizer and safetensors"
            ) from err
        if tokenizer.mask_token_id is None or not tokenizer.is_fast:
            raise ConfigError(
                f"the tokenizer of '{self._name}' has no mask token or no fast form; "
                "give a model that was trained to fill in masked words"
            )
        return model.eval(), tokenizer

    def _likelihood(self, text: str, start: int, end: int) -> float:
        """Return the pseudo-log-likelihood of `text[start:end]`: a sum over tokens, each masked in turn."""
        import torch

        model, tokenizer = self._loaded
        left = max(0, start - 2 * _MAX_TOKENS)
        excerpt = text[left : end + 2 * _MAX_TOKENS]
        encoded = tokenizer(
            excerpt,
            return_offsets_mapping=True,
            truncation=True,
            max_length=_MAX_TOKENS,
            return_tensors="pt",
        )
        ids: torch.Tensor = encoded["input_ids"][0]
        positions = [
            position
            for position, (first, last) in enumerate(encoded["offset_mapping"][0].tolist())
            if first < last and first < end - left and last > start - left
        ]
        if not positions:
            return 0.0
        masked = ids.repeat(len(positions), 1)
        masked[range(len(positions)), positions] = tokenizer.mask_token_id
        with torch.inference_mode():
            logits = model(input_ids=masked, attention_mask=torch.ones_like(masked)).logits
        scores = torch.log_softmax(logits[range(len(positions)), positions].float(), dim=-1)
        return float(scores[range(len(positions)), ids[positions]].sum())
