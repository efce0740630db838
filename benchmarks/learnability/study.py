"""Train and measure variants, each seed on its own corpus."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.learnability import bounds
from benchmarks.learnability.corpus import Sizes, write
from benchmarks.learnability.measure import Figures, measure
from benchmarks.learnability.variants import config_of


@dataclass(frozen=True, kw_only=True)
class Study:
    """A corpus size and a number of clip steps; its rows are stored in the file `result` under `name`."""

    name: str
    sizes: Sizes
    clip_steps: int
    result: Path
    workers: int

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows that this study has measured so far."""
        return [row for row in self._all() if row["study"] == self.name]

    def _all(self) -> list[dict[str, Any]]:
        if not self.result.is_file():
            return []
        rows: list[dict[str, Any]] = json.loads(self.result.read_text(encoding="utf-8"))
        return rows

    def run(self, *, seeds: Sequence[int], variants: Sequence[str], again: bool) -> None:
        """Measure each variant on each seed; each row is written as soon as it is measured."""
        done = {(row["variant"], row["seed"]) for row in self.rows()} if not again else set()
        for seed in seeds:
            names = [name for name in (*bounds.BOUNDS, *variants) if (name, seed) not in done]
            if not names:
                continue
            with (
                tempfile.TemporaryDirectory(prefix="learnability-") as temporary,
                ProcessPoolExecutor(self.workers, mp_context=get_context("spawn")) as pool,
            ):
                folder = Path(temporary)
                write(folder / "data", seed=seed, sizes=self.sizes)
                jobs = {
                    pool.submit(_one, name, seed, self.clip_steps, folder): name for name in names
                }
                for job in as_completed(jobs):
                    self._write(job.result())

    def _write(self, row: dict[str, Any]) -> None:
        row = {"study": self.name, **row}
        key = ("study", "variant", "seed")
        others = [r for r in self._all() if any(r[name] != row[name] for name in key)]
        self.result.parent.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join(json.dumps(one) for one in [*others, row])
        self.result.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        print(f"seed {row['seed']}  {row['seconds']:4.0f} s  {row['variant']}", flush=True)


def _one(name: str, seed: int, clip_steps: int, folder: Path) -> dict[str, Any]:
    start_s = time.monotonic()
    if name == bounds.FREQUENCY:
        figures = bounds.frequency(folder / "data")
    elif name == bounds.SUPERVISED:
        figures = bounds.supervised(folder / "data", seed=seed, clip_steps=clip_steps)
    else:
        figures = train_variant(name, seed=seed, clip_steps=clip_steps, folder=folder)
    return {
        "variant": name,
        "seed": seed,
        **{k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(figures).items()},
        "seconds": round(time.monotonic() - start_s, 1),
    }


def train_variant(name: str, *, seed: int, clip_steps: int, folder: Path) -> Figures:
    """Train a variant on the corpus `folder`/data with this training seed, into `folder`; measure it."""
    from ophclip.inference import pretrained
    from ophclip.training.loop import train

    config = config_of(name, seed=seed, clip_steps=clip_steps)
    run = folder / name.replace("/", "_")
    saved = train(config, shards_folder=folder / "data", run=run, preset="tiny")
    source = pretrained.read(saved, device="cpu")
    return measure(source.model, config, folder / "data", video_level=config.train.video_steps > 0)
