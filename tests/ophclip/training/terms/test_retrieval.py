"""Retrieval from silent videos: the forms of the term, and what a bank holds."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from ophclip.data.augment import resize_frames
from ophclip.errors import ConfigError
from ophclip.losses import contrastive
from ophclip.retrieval.memory_bank import MemoryBank
from ophclip.training.terms.contrast import VideoContrast
from ophclip.training.terms.retrieval import Retrieval
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config
from tests.ophclip.training.terms.steps import gathered, make_run, make_step, scaled


def term_of(corpus, *overrides):
    config = small_config("loss.same_text_cosine=1.0", *overrides)
    return Retrieval.start(make_run(config, corpus, scaled(config)), print)


def filled(term):
    """Write random embeddings into the bank; return them."""
    random = torch.Generator().manual_seed(4)
    visual, title = F.normalize(torch.randn(2, 3, 384, generator=random), dim=-1)
    term.bank.write(range(3), visual, title, step=0)
    return visual, title


@pytest.mark.parametrize("form", ["pooled", "multi_positive", "fused", "joined"])
def test_neighbours_learn_where_they_are_encoded_anew(corpus, form):
    term = term_of(corpus, f"bank.form={form}", "bank.learns=true")
    filled(term)
    step, own = make_step(term.run, Level.VIDEO, corpus.videos, [term], number=9)
    encoded = gathered(term.run, Level.VIDEO, step, own, term.inputs(step))
    result = term.loss(step, encoded)
    assert (result.loss is None) == (form == "joined")
    chosen = term._encoded_entries
    titles = [str(corpus.titled_silent_videos[entry].title) for entry in chosen]
    torch.testing.assert_close(
        encoded.inputs["neighbour"]["text"], term.run.model.embed_texts(titles, Level.VIDEO)
    )
    total = VideoContrast(term.run).loss(step, encoded).loss
    assert (len(encoded.joined.rows) > len(corpus.videos)) == (form == "joined")
    (total if result.loss is None else result.loss).backward()
    assert encoded.inputs["neighbour"]["visual"].grad.abs().sum() > 0
    assert {"bank_filled", "bank_age"} <= set(result.metrics)


def test_an_empty_bank_gives_no_neighbours(corpus):
    term = term_of(corpus, "bank.learns=true")
    step, own = make_step(term.run, Level.VIDEO, corpus.videos, [term])
    assert term.inputs(step) == ()
    result = term.loss(step, gathered(term.run, Level.VIDEO, step, own))
    assert (result.loss, result.metrics) == (None, {})


def test_silent_videos_of_a_batch_ask_for_no_neighbours(corpus):
    term = term_of(corpus)
    filled(term)
    rows = [*corpus.titled_silent_videos[:1], *corpus.videos]
    embeddings = F.normalize(torch.randn(len(rows), 384), dim=-1)
    retrieved = term.search(embeddings, embeddings, rows, step=1)
    assert retrieved.queries == tuple(range(1, len(rows)))


@pytest.mark.parametrize("form", ["pooled", "multi_positive", "fused"])
def test_the_form_is_the_one_of_the_settings(corpus, form):
    term = term_of(
        corpus,
        f"bank.form={form}",
        "bank.fuse_weight=0.7",
        "bank.pool_temperature=0.2",
        "loss.retrieval_weight=0.3",
    )
    seen, named = filled(term)
    step, own = make_step(term.run, Level.VIDEO, corpus.videos, [term], number=9)
    encoded = gathered(term.run, Level.VIDEO, step, own)
    visual, title, scale = own["visual"], own["text"], torch.tensor(11.0)
    neighbours = term.search(visual, title, corpus.videos, step=9).neighbours
    index, scores = neighbours.index, neighbours.score
    mask = encoded.batch.neutral_mask
    if form == "multi_positive":
        chosen, positives = contrastive.neighbour_targets(
            index, contrastive.neighbour_weights(scores, 0.2)
        )
        expected = contrastive.multi_positive(visual, named[chosen], positives, scale)
        expected = (
            expected + contrastive.multi_positive(title, seen[chosen], positives, scale)
        ) / 2
    elif form == "fused":
        both = contrastive.fused(visual, contrastive.pool_neighbours(scores, seen[index], 0.2), 0.7)
        expected = contrastive.info_nce(both, title, scale, neutral_mask=mask)
    else:
        pooled = [
            contrastive.pool_neighbours(scores, values[index], 0.2) for values in (seen, named)
        ]
        expected = contrastive.retrieval(visual, title, *pooled, scale, neutral_mask=mask)
    torch.testing.assert_close(term.loss(step, encoded).loss, 0.3 * expected)


def test_pictures_of_a_neighbour_do_not_depend_on_the_others(corpus):
    term = term_of(corpus)
    silent = corpus.titled_silent_videos
    assert torch.equal(term.frames(3, silent)[1:], term.frames(3, silent[1:]))


def test_the_bank_holds_the_embeddings_of_its_own_videos(corpus):
    term = term_of(corpus)
    while not term.bank.filled.all():
        term.refresh(0)
    model = term.run.model.eval()
    for entry, row in enumerate(corpus.titled_silent_videos):
        frames = term.run.store.frames(row, [1, 4, 7, 10])[None]  # The middles of four spans.
        with torch.no_grad():
            visual = model.embed_frames(resize_frames(frames, side=64), Level.VIDEO)[0]
            title = model.embed_texts([str(row.title)], Level.VIDEO)[0]
        torch.testing.assert_close(term.bank.visual[entry], visual, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(term.bank.title[entry], title, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("bank.enabled=false", "bank.enabled is false"),
        ("loss.retrieval_weight=0.0", "loss.retrieval_weight is 0"),
        ("bank.neighbours=3", "3 silent videos with a title, but it needs more than 3"),
    ],
)
def test_it_is_off_with_a_reason(corpus, setting, reason):
    config, lines = small_config(setting), []
    assert Retrieval.start(make_run(config, corpus, scaled(config)), lines.append) is None
    assert lines == [f"retrieval is off: {reason}"]


@pytest.mark.parametrize("key", ["joint", "visual", "text"])
def test_neighbours_are_those_of_the_key_and_of_other_channels(corpus, key):
    owners = ("a", "b", None)
    term = term_of(corpus, f"bank.key={key}", "bank.neighbours=1")
    seen, named = filled(term)
    term.bank = MemoryBank(term.bank.video_ids, owners, [frozenset()] * 3, dim=384)
    term.bank.write(range(3), seen, named, step=0)
    rows = [
        dataclasses.replace(row, channel_id=channel)
        for row, channel in zip(corpus.videos[:3], owners, strict=True)
    ]
    random = torch.Generator().manual_seed(6)
    visual, title = F.normalize(torch.randn(2, 3, 384, generator=random), dim=-1)
    found = term.search(visual, title, rows, step=2).neighbours
    asked = {"visual": visual, "text": title, "joint": F.normalize(visual + title, dim=-1)}[key]
    held = {"visual": seen, "text": named, "joint": F.normalize(seen + named, dim=-1)}[key]
    for number, channel in enumerate(owners):
        scores = {
            entry: float(asked[number] @ held[entry])
            for entry, owner in enumerate(owners)
            if owner is None or owner != channel
        }
        best = max(scores, key=scores.__getitem__)
        assert found.index[number].tolist() == [best]
        assert float(found.score[number, 0]) == pytest.approx(scores[best], abs=1e-5)


def test_a_single_narrated_video_has_nothing_to_be_contrasted_with(corpus):
    term = term_of(corpus)
    filled(term)
    rows = [corpus.videos[0], *corpus.titled_silent_videos]
    embeddings = F.normalize(torch.randn(len(rows), 384), dim=-1)
    assert term.search(embeddings, embeddings, rows, step=1) is None
    rows.append(corpus.videos[1])
    embeddings = F.normalize(torch.randn(len(rows), 384), dim=-1)
    assert term.search(embeddings, embeddings, rows, step=1) is not None


def test_neighbours_that_join_the_batch_must_learn():
    with pytest.raises(ConfigError, match="needs learns = true"):
        small_config("bank.form=joined")


def test_neighbours_that_do_not_learn_are_not_encoded(corpus):
    term = term_of(corpus)
    filled(term)
    step, _ = make_step(term.run, Level.VIDEO, corpus.videos, [term], number=9)
    assert term.inputs(step) == ()


def test_a_query_with_fewer_neighbours_than_asked_has_those_that_there_are(corpus):
    """Two entries are of the channel of all queries, so that one is left."""
    term = term_of(corpus, "bank.neighbours=2", "bank.learns=true")
    seen, named = filled(term)
    term.bank = MemoryBank(term.bank.video_ids, ("a", "a", None), [frozenset()] * 3, dim=384)
    term.bank.write(range(3), seen, named, step=0)
    rows = [dataclasses.replace(row, channel_id="a") for row in corpus.videos]
    step, own = make_step(term.run, Level.VIDEO, rows, [term], number=9)
    inputs = term.inputs(step)
    assert inputs[0].count == 1
    loss = term.loss(step, gathered(term.run, Level.VIDEO, step, own, inputs)).loss
    assert loss.isfinite()


@pytest.mark.parametrize("known", [True, False])
def test_shared_surgeries_count_only_where_they_are_known(corpus, known):
    term = term_of(corpus)
    seen, named = filled(term)
    surgery = frozenset({"surgery:phaco"} if known else ())
    term.bank = MemoryBank(term.bank.video_ids, (None,) * 3, [surgery] * 3, dim=384)
    term.bank.write(range(3), seen, named, step=0)
    rows = [
        dataclasses.replace(row, surgeries=frozenset({"surgery:phaco"})) for row in corpus.videos
    ]
    step, own = make_step(term.run, Level.VIDEO, rows, [term], number=9)
    encoded = gathered(term.run, Level.VIDEO, step, own)
    metrics = term.loss(step, encoded).metrics
    assert "bank_overlap" not in metrics  # Nothing was found before.
    assert term.loss(step, encoded).metrics["bank_overlap"] == 1.0
    assert metrics.get("bank_hit_rate") == (1.0 if known else None)
    assert ("bank_hit_rate" in metrics) == known
