"""Stage rewrite (optional): narrations -> rewrites, by a language model that may add nothing.

Off unless `rewrite.endpoint` is set; the table is empty then. A narration whose rewrite is refused keeps
its own text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ophvl.stage import StageResult
from ophvl.text.concepts.tagging import Tagger
from ophvl.text.narration.rewrite_check import additions
from ophvl.text.narration.rewriter import ChatRewriter
from pipelines.config import RewriteConfig
from schemas.rewrites import REWRITES, RewriteRow
from schemas.vocab import RewriteOutcome

if TYPE_CHECKING:
    import pyarrow as pa


def rewrite(
    narrations: pa.Table, *, config: RewriteConfig, rewriter: ChatRewriter, tagger: Tagger
) -> StageResult:
    """Rewrite one video's descriptive narrations.

    Raises:
        ItemError: the endpoint cannot be reached now.
        UsageError: it refuses what was asked.
    """
    rows = list(_rows(narrations, config, rewriter, tagger)) if config.endpoint else []
    return StageResult(tables={"rewrites": REWRITES.table(rows)})


def _rows(
    narrations: pa.Table, config: RewriteConfig, rewriter: ChatRewriter, tagger: Tagger
) -> Iterator[RewriteRow]:
    for row in narrations.to_pylist():
        if row["descriptive_score"] < config.min_descriptive_score:
            continue
        outcome, text, added = _rewritten(row["text"], rewriter, tagger)
        yield RewriteRow(
            narration_id=row["narration_id"],
            video_id=row["video_id"],
            outcome=outcome,
            text=text,
            added=added,
            model=config.model,
        )


def _rewritten(
    narration: str, rewriter: ChatRewriter, tagger: Tagger
) -> tuple[RewriteOutcome, str | None, list[str]]:
    answer = rewriter.rewrite(narration)
    if answer is None:
        return RewriteOutcome.OVER_BUDGET, None, []
    if answer.text is None:
        return RewriteOutcome.MALFORMED, None, []
    added = additions(narration, answer.text, tagger)
    if added:
        return added[0].outcome, None, [f"{a.outcome}: {a.item}" for a in added]
    return RewriteOutcome.ACCEPTED, answer.text, []
