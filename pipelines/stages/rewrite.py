"""Stage rewrite (optional): narrations -> rewrites, by a language model that may add nothing.

Off unless `rewrite.endpoint` is set; the table is empty then. A narration whose rewrite is refused keeps
its own text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from ophvl.config import Settings, Unit
from ophvl.stage import Scope, StageResult, StageSpec
from ophvl.text.concepts.tagging import Tagger
from ophvl.text.narration.rewrite_check import additions
from ophvl.text.narration.rewriter import ChatRewriter
from schemas.rewrites import REWRITES, RewriteRow
from schemas.vocab import RewriteOutcome

if TYPE_CHECKING:
    import pyarrow as pa


class RewriteConfig(Settings):
    """Settings of stage rewrite."""

    endpoint: str | None = Field(
        None,
        description="Base URL of an OpenAI-compatible server, e.g. http://localhost:8000/v1; without one, "
        "texts stay as they are.",
    )
    model: str = Field("", description="Name of the language model on that server.")
    api_key_variable: str = Field(
        "OPENAI_API_KEY",
        description="Environment variable that holds the server's key, if it needs one.",
    )
    max_tokens: Annotated[int, Unit("tokens")] = Field(
        1_000_000,
        ge=1,
        description="Most tokens that this dataset folder may use in all, prompts and answers together.",
    )
    min_descriptive_score: float = Field(
        0.3,
        description="Narrations with a lower descriptive score are not rewritten: stage pair drops them.",
    )

    @model_validator(mode="after")
    def _complete_endpoint(self) -> Self:
        if self.endpoint is not None and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError("endpoint must begin with http:// or https://")
        if self.endpoint is not None and not self.model:
            raise ValueError("model must name a model where endpoint is set")
        return self


def rewrite(
    narrations: pa.Table, *, config: RewriteConfig, rewriter: ChatRewriter, tagger: Tagger
) -> StageResult:
    """Rewrite one video's descriptive narrations.

    Raises:
        ItemError: the endpoint cannot be reached now.
        UsageError: the endpoint refuses the request.
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


STAGE = StageSpec(
    name="rewrite",
    version=1,
    scope=Scope.UNIT,
    run=rewrite,
    settings=RewriteConfig,
    help="rewrite narrations with a language model, if one is set; refuse rewrites that add facts",
    reads={"narrations": ("narration_id", "video_id", "text", "descriptive_score")},
    writes=("rewrites",),
    ports={"rewriter": "pipelines.wiring:rewriter", "tagger": "pipelines.wiring:tagger"},
)
