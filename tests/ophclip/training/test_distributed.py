"""Two processes do what one does: the same loss, the same weights."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ophclip.model import weights
from ophclip.training.distributed import ProcessGroup
from ophclip.training.loop import train
from tests.ophclip.shard_factory import small_config, write_dataset

RUN = """
import sys
from pathlib import Path
from ophclip.training.loop import train
from tests.ophclip.shard_factory import small_config
data, run, *settings = sys.argv[1:]
train(small_config(*settings), shards_folder=Path(data), run=Path(run), preset="tiny", log=print)
"""

EVEN = (
    "data.clip_batch=4",
    "data.video_batch=4",
    "loss.same_text_cosine=1.0",
    # Adam's first updates are signs of gradients: where one is nearly zero, the order of a sum decides.
    # With weights that stay where they are, its moments are sums of the gradients of all steps.
    "optim.lr=1e-12",
    "optim.clip_norm=0.0",
)
LEARNING_TEXT = ("model.text_trainable_layers=1", "data.chunk=2")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("world"))


GRADIENTS = """
import sys
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from ophclip.training.gradient_cache import backward
from ophclip.losses.contrastive import info_nce
from ophclip.training.distributed import join

torch.manual_seed(0)
pictures, texts = torch.randn(8, 5).double(), torch.randn(8, 5).double()
image, text = torch.nn.Linear(5, 4).double(), torch.nn.Linear(5, 4).double()
scale = torch.nn.Parameter(torch.tensor(2.0).double())
learning = [*image.parameters(), *text.parameters(), scale]
with join("cpu") as group:
    own = group.share(8)
    def part(a, b):
        return lambda: {
            "visual": F.normalize(image(pictures[own][a:b]), dim=-1),
            "text": F.normalize(text(texts[own][a:b]), dim=-1),
        }
    def loss(made):
        whole = {name: group.gather(tensor) for name, tensor in made.items()}
        return info_nce(whole["visual"], whole["text"], scale.exp())
    size = int(sys.argv[2])
    backward([part(i, i + size) for i in range(0, own.stop - own.start, size)], loss)
    group.average_gradients(learning)
    if group.is_main:
        save_file({str(i): p.grad for i, p in enumerate(learning)}, sys.argv[1])
"""


def in_two(script: str, *arguments: object) -> list[str]:
    """Two processes on this machine, as torchrun starts them; returns what each printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            env={
                **os.environ,
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    told = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    return told


def losses(run: Path) -> list[float]:
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["loss"] for line in lines]


@pytest.mark.parametrize(
    "settings",
    [
        (*EVEN, *LEARNING_TEXT),
        (*EVEN, "bank.form=joined", "bank.learns=true", "loss.carry_weight=0.5", "carry.windows=4"),
        (*EVEN, "bank.form=multi_positive", "loss.order_weight=0.5", "data.chunk=1"),
        (*EVEN, "loss.phase_weight=0.5", "data.video_narrations=1"),
    ],
    ids=["dropout and chunks", "neighbours that learn, carried narrations", "order", "runs"],
)
def test_two_processes_are_one(data: Path, tmp_path: Path, settings: tuple[str, ...]) -> None:
    alone = train(small_config(*settings), shards_folder=data, run=tmp_path / "one", preset="tiny")
    told = in_two(RUN, data, tmp_path / "two", *settings)
    assert "2 processes" in told[0]
    assert told[1] == ""
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-5)
    together = weights.find(tmp_path / "two")
    assert together.name == alone.name
    for name in ("model.safetensors", "training.safetensors"):
        first, second = load_file(alone / name), load_file(together / name)
        assert first.keys() == second.keys()
        for key, tensor in first.items():
            # Float32: convolutions of another batch size sum in another order.
            error = (second[key].double() - tensor.double()).norm()
            assert error <= 5e-4 * tensor.double().norm() + 1e-7, key


@pytest.mark.parametrize("chunk", [4, 1])
def test_the_gradient_of_two_processes_is_that_of_one(tmp_path: Path, chunk: int) -> None:
    alone, together = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    subprocess.run([sys.executable, "-c", GRADIENTS, alone, "8"], check=True, timeout=120)
    in_two(GRADIENTS, together, chunk)
    first, second = load_file(alone), load_file(together)
    for name, gradient in first.items():
        torch.testing.assert_close(second[name], gradient, rtol=1e-10, atol=1e-12)


def test_an_odd_batch_is_cut_to_what_can_be_shared(data: Path, tmp_path: Path) -> None:
    told = in_two(RUN, data, tmp_path, "data.clip_batch=5", "train.max_steps=2")
    assert "only 4 clip rows: batches of 4 instead of 5" in told[0]


def test_a_process_alone_has_everything() -> None:
    group = ProcessGroup(device=torch.device("cpu"))
    own = torch.ones(3, 2)
    assert group.gather(own) is own
    assert group.share(7) == slice(0, 7)
    assert group.from_main(lambda: 5) == 5


def test_what_cannot_be_shared_is_refused() -> None:
    with pytest.raises(ValueError, match="5 items cannot be shared by 2"):
        ProcessGroup(rank=1, size=2, device=torch.device("cpu")).share(5)
