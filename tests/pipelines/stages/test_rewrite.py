"""A language model may say it better, never more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ophvl.text.concepts.tagging import Tagger
from ophvl.text.narration.rewriter import ChatRewriter
from pipelines.stages.rewrite import RewriteConfig, rewrite
from schemas.rewrites import REWRITES
from tests.chat_server import chat_server, content, says
from tests.factories import narration_row, table

NARRATION = "So now we polish the posterior capsule, and no sutures are needed."


def run(tagger: Tagger, cache: Path, answer: str, narration: str = NARRATION, **row: object):
    reply = content(answer) if answer.startswith("{") else says(answer)
    with chat_server(lambda _: reply) as server:
        config = RewriteConfig(endpoint=server.endpoint, model="small")
        rewriter = ChatRewriter(
            endpoint=server.endpoint,
            model="small",
            cache=cache,
            max_tokens=1000,
            api_key_variable="",
        )
        narrations = table("narrations", narration_row(1, text=narration, **row))
        result = rewrite(narrations, config=config, rewriter=rewriter, tagger=tagger)
    rewrites = result.tables["rewrites"]
    assert REWRITES.check(rewrites) == []
    return rewrites.to_pylist()


def test_a_faithful_rewrite_is_accepted(tagger, tmp_path) -> None:
    answer = "The posterior capsule is polished and no sutures are needed."
    (row,) = run(tagger, tmp_path, answer)
    assert (row["outcome"], row["text"], row["added"]) == ("accepted", answer, [])


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("The posterior capsule is polished with a 23-gauge cannula.", "added_number"),
        ("The posterior capsule of the left eye is polished.", "added_side"),
        ("The posterior capsule is polished and trypan blue injected.", "added_concept"),
        ("The posterior capsule is polished and sutures are placed.", "changed_negation"),
        ("The posterior capsule is not polished and no sutures are needed.", "changed_negation"),
        (json.dumps({"text": ["a"]}), "malformed"),
    ],
)
def test_a_rewrite_that_adds_or_turns_round_is_refused(
    tagger, tmp_path, answer: str, outcome: str
) -> None:
    (row,) = run(tagger, tmp_path, answer)
    assert (row["outcome"], row["text"]) == (outcome, None)


def test_what_is_not_descriptive_is_not_asked_about(tagger, tmp_path) -> None:
    assert run(tagger, tmp_path, "x", descriptive_score=0.1) == []


def test_without_an_endpoint_nothing_is_asked(tagger, tmp_path) -> None:
    rewriter = ChatRewriter(
        endpoint="", model="", cache=tmp_path, max_tokens=1, api_key_variable=""
    )
    narrations = table("narrations", narration_row(1))
    result = rewrite(narrations, config=RewriteConfig(), rewriter=rewriter, tagger=tagger)
    assert result.tables["rewrites"].num_rows == 0


@pytest.mark.parametrize(
    "settings",
    [{"endpoint": "file:///etc/passwd", "model": "m"}, {"endpoint": "http://x"}, {"max_tokens": 0}],
)
def test_settings_at_fault_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"endpoint|model|max_tokens"):
        RewriteConfig(**settings)


def test_a_narration_exactly_at_the_threshold_is_asked_about(tagger, tmp_path) -> None:
    answer = "The posterior capsule is polished and no sutures are needed."
    (row,) = run(tagger, tmp_path, answer, descriptive_score=0.3)
    assert (row["outcome"], row["model"]) == ("accepted", "small")
    assert row["narration_id"] == narration_row(1).narration_id
    assert run(tagger, tmp_path / "other", answer, descriptive_score=0.2999) == []


def test_every_addition_is_named_and_the_first_decides(tagger, tmp_path) -> None:
    (row,) = run(
        tagger, tmp_path, "The posterior capsule of the left eye takes 23-gauge trypan blue."
    )
    assert row["text"] is None
    assert len(row["added"]) >= 3
    assert row["added"][0].startswith(f"{row['outcome']}: ")


def test_a_spent_budget_is_an_outcome_of_its_own(tagger, tmp_path) -> None:
    with chat_server(lambda _: says("First.")) as server:
        rewriter = ChatRewriter(
            endpoint=server.endpoint,
            model="small",
            cache=tmp_path,
            max_tokens=1,
            api_key_variable="",
        )
        result = rewrite(
            table("narrations", narration_row(1, text="First."), narration_row(2, text="Second.")),
            config=RewriteConfig(endpoint=server.endpoint, model="small"),
            rewriter=rewriter,
            tagger=tagger,
        )
    first, second = result.tables["rewrites"].to_pylist()
    assert (first["outcome"], first["text"]) == ("accepted", "First.")
    assert (second["outcome"], second["text"], second["added"]) == ("over_budget", None, [])
    assert len(server.asked) == 1
