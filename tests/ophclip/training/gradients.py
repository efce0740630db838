"""Writes gradients of a small model: `python -m tests.ophclip.training.gradients FILE CHUNK`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from ophclip.losses.contrastive import info_nce
from ophclip.training.distributed import join
from ophclip.training.gradient_cache import Embeddings, backward


def main(file: str, chunk: int) -> None:
    torch.manual_seed(0)
    pictures, texts = torch.randn(8, 5).double(), torch.randn(8, 5).double()
    image, text = torch.nn.Linear(5, 4).double(), torch.nn.Linear(5, 4).double()
    scale = torch.nn.Parameter(torch.tensor(2.0).double())
    learning = [*image.parameters(), *text.parameters(), scale]
    with join("cpu") as group:
        own = group.share(8)

        def encode(start: int, stop: int) -> Callable[[], Embeddings]:
            return lambda: {
                "visual": F.normalize(image(pictures[own][start:stop]), dim=-1),
                "text": F.normalize(text(texts[own][start:stop]), dim=-1),
            }

        def loss(embeddings: Embeddings) -> torch.Tensor:
            whole = {name: group.gather(tensor) for name, tensor in embeddings.items()}
            return info_nce(whole["visual"], whole["text"], scale.exp())

        starts = range(0, own.stop - own.start, chunk)
        backward([encode(start, start + chunk) for start in starts], loss)
        group.average_gradients(learning)
        if group.is_main:
            gradients = {str(i): p.grad for i, p in enumerate(learning) if p.grad is not None}
            save_file(gradients, file)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
