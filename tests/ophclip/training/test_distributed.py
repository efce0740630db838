"""Two processes do what one does: the same loss, the same weights."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ophclip.model import weights
from ophclip.training.distributed import ProcessGroup
from ophclip.training.loop import train
from tests.commands import Command, run
from tests.ophclip.shard_factory import small_config, write_dataset

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


def in_two(program: str, *arguments: object) -> list[str]:
    """Run two processes on this machine as torchrun starts them; return what each printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [
        Command(
            f"tests.ophclip.training.{program}",
            *arguments,
            env={
                **os.environ,
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            },
        )
        for rank in range(2)
    ]
    ended = [process.end() for process in processes]
    assert [one.returncode for one in ended] == [0, 0], ended
    return [one.stdout + one.stderr for one in ended]


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
    told = in_two("train", data, tmp_path / "two", "new", *settings)
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
    run("tests.ophclip.training.gradients", alone, 8)
    in_two("gradients", together, chunk)
    first, second = load_file(alone), load_file(together)
    for name, gradient in first.items():
        torch.testing.assert_close(second[name], gradient, rtol=1e-10, atol=1e-12)


def test_an_odd_batch_is_cut_to_what_can_be_shared(data: Path, tmp_path: Path) -> None:
    told = in_two("train", data, tmp_path, "new", "data.clip_batch=5", "train.max_steps=2")
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
