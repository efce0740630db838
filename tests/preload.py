"""What the server of `tests.commands` does once, before it forks: imports, and loading language data."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from pipelines import wiring
from pipelines.registry import load_stages
from pipelines.stages.segment import SegmentConfig

_MODULES = (
    "faster_whisper",
    "ophclip.cli",
    "ophclip.inference.pretrained",
    "ophclip.training.loop",
    "ophvl.cli",
    "pandas",
    "pyarrow.compute",
    "pyarrow.parquet",
    "spacy",
    "torch._dynamo",  # Optimisers import it at their first step.
    "torch.utils.tensorboard",
    "transformers.models.bert.modeling_bert",
    "yt_dlp",
)

for name in _MODULES:
    import_module(name)
load_stages()
wiring.tagger(None, Path()).tag("We inject trypan blue.")
wiring.corrector(SegmentConfig(), Path()).edits("We inject tripan blue.")
wiring.sentence_splitter(None, Path()).split("We inject trypan blue.")
