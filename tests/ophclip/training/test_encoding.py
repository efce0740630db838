"""From items to embeddings: which texts are embedded at which level, and in which chunks."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ophclip.data.batches import Batch, stack_context
from ophclip.data.corpus import Corpus
from ophclip.data.shards import open_shards
from ophclip.training import encoding
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config, write_dataset
from tests.ophclip.training.terms.steps import make_run, scaled

SENTENCES = ("We cut.", "We rinse.", "We wait.")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = write_dataset(tmp_path_factory.mktemp("encoding"))
    return Corpus.select(open_shards(folder, cached_groups=4))


def make_input(corpus, level, *overrides, count=6):
    """A run, and the input of a batch whose narrations and titles are three sentences."""
    config = small_config(*overrides)
    run = make_run(config, corpus, scaled(config))
    said = " ".join(SENTENCES)
    rows = [dataclasses.replace(row, text=said, title=said) for row in corpus.clips[:count]]
    batch = Batch(
        rows=tuple(rows),
        local=slice(0, count),
        frames=torch.zeros(count, 4, 3, 64, 64, dtype=torch.uint8),
        context=stack_context([], count),
    )
    return run, encoding.batch_input(run, level, batch, [], 3)


def texts_of(run, item, monkeypatch):
    texts = []
    plain = run.model.embed_texts

    def noted(said, level):
        texts.extend(said)
        return plain(said, level)

    monkeypatch.setattr(run.model, "embed_texts", noted)
    item.encode(slice(0, item.count), torch.zeros(item.count, 4, 3, 64, 64))
    return texts


def test_narrations_of_clips_are_cut_as_augmentation_says_and_titles_never(corpus, monkeypatch):
    cut, whole = "augment.sentence_crop_p=1.0", " ".join(SENTENCES)
    narrations = texts_of(*make_input(corpus, Level.CLIP, cut), monkeypatch)
    assert len(set(narrations)) > 1  # Each its own draw.
    assert all(said in whole for said in narrations)
    assert texts_of(*make_input(corpus, Level.CLIP), monkeypatch) == [whole] * 6
    assert texts_of(*make_input(corpus, Level.VIDEO, cut), monkeypatch) == [whole] * 6


@pytest.mark.parametrize(("chunk", "sizes"), [(4, [4, 2]), (6, [6]), (0, [6])])
def test_a_batch_is_encoded_in_chunks_of_the_set_size(corpus, chunk, sizes):
    run, item = make_input(corpus, Level.CLIP, f"data.chunk={chunk}")
    parts = encoding.chunks(run, item, 3)
    made = [part() for part in parts]
    assert [len(embeddings["clip/visual"]) for embeddings in made] == sizes
    joined = torch.cat([embeddings["clip/text"] for embeddings in made])
    torch.testing.assert_close(joined, run.model.embed_texts([" ".join(SENTENCES)] * 6, item.name))
