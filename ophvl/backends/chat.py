"""Rewriting of narrations by a language model behind an OpenAI-compatible endpoint.

In: a narration. Out: the model's answer, checked to be the JSON that was asked for. Answers are kept in
the dataset folder, so that no text is paid for twice, and the tokens spent are counted against a budget.
Protocol: POST {endpoint}/chat/completions, https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.atomic import write_text
from ophvl.errors import ItemError, UsageError
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    import httpx

PROMPT = Path(__file__).with_name("rewrite_prompt.txt")
_CHARACTERS_PER_TOKEN = 4
"""For servers that do not say what an answer cost."""
_LONGEST_ANSWER = 1_000_000
"""Bytes; what comes after them is not read."""
_SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`text` is None where the model's answer was not the JSON that it was asked for."""

    text: str | None
    tokens: int


@dataclass(frozen=True, kw_only=True)
class ChatRewriter:
    """Asks one model. `cache` is the folder for answers and for the count of tokens spent.

    The key is read from the environment variable `api_key_variable`, and written nowhere.
    """

    endpoint: str
    model: str
    cache: Path
    max_tokens: int
    api_key_variable: str
    timeout_s: float = 60.0

    @property
    def revision(self) -> str:
        return hashlib.sha256(self._prompt.encode()).hexdigest()[:16]

    def rewrite(self, narration: str) -> Answer | None:
        """The model's rewrite of a narration; None once the budget is spent.

        Raises:
            ItemError: the server is slow, busy or out of reach: worth another try.
            UsageError: it refuses the key, the address or the model.
        """
        kept = self._kept(narration)
        if kept.is_file():
            return Answer(**json.loads(kept.read_text(encoding="utf-8")))
        if self._spent() >= self.max_tokens:
            return None
        answer = _read(self._ask(narration), narration)
        self._count(answer.tokens)
        write_text(kept, json.dumps({"text": answer.text, "tokens": answer.tokens}))
        return answer

    def _kept(self, narration: str) -> Path:
        key = json.dumps([self.endpoint, self.model, self._prompt, narration])
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.cache / name[:2] / f"{name[2:34]}.json"

    def _ask(self, narration: str) -> str:
        import httpx

        body = {
            "model": self.model,
            "temperature": 0,
            "response_format": {"type": "json_object"},
            "messages": [
                {"role": "system", "content": self._prompt},
                {"role": "user", "content": json.dumps({"narration": narration})},
            ],
        }
        started = time.monotonic()
        content = bytearray()
        try:
            with self._client.stream(
                "POST", f"{self.endpoint.rstrip('/')}/chat/completions", json=body
            ) as response:
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > _LONGEST_ANSWER:
                        break
                    if time.monotonic() - started > self.timeout_s:
                        raise self._late
        except httpx.TimeoutException as err:
            raise self._late from err
        except httpx.InvalidURL as err:
            raise UsageError(f"rewrite.endpoint '{self.endpoint}' is no URL: {err}") from err
        except httpx.HTTPError as err:
            raise ItemError(FailureKind.NETWORK, f"{self.endpoint}: {err}") from err
        answer = content.decode("utf-8", errors="replace")
        self._check(response, answer[:_SHOWN])
        return answer

    @property
    def _late(self) -> ItemError:
        return ItemError(
            FailureKind.TIMEOUT, f"{self.endpoint} gave no answer in {self.timeout_s:g} s"
        )

    def _check(self, response: httpx.Response, said: str) -> None:
        status = response.status_code
        if status == 429:
            raise ItemError(
                FailureKind.RATE_LIMITED,
                f"{self.endpoint} asks to wait: {said}",
                _seconds(response.headers.get("Retry-After", "")),
            )
        if status >= 500:
            raise ItemError(FailureKind.NETWORK, f"{self.endpoint} answered {status}: {said}")
        if status >= 300:
            raise UsageError(
                f"{self.endpoint} refuses model {self.model} with {status}: {said}\n"
                f"Check rewrite.endpoint, rewrite.model and the key in ${self.api_key_variable}"
            )

    def _spent(self) -> int:
        ledger = self.cache / "tokens.txt"
        return sum(map(int, ledger.read_text().split())) if ledger.is_file() else 0

    def _count(self, tokens: int) -> None:
        self.cache.mkdir(parents=True, exist_ok=True)
        with (self.cache / "tokens.txt").open("a", encoding="ascii") as ledger:
            ledger.write(f"{tokens}\n")  # One short append is atomic: several workers may write.

    @cached_property
    def _client(self) -> httpx.Client:
        import httpx

        key = os.environ.get(self.api_key_variable)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(timeout=self.timeout_s, headers=headers)

    @cached_property
    def _prompt(self) -> str:
        return PROMPT.read_text(encoding="utf-8")


def _read(answer: str, narration: str) -> Answer:
    """Take the answer apart; whatever does not have the form that was asked for gives no text."""
    text: str | None = None
    tokens = (len(answer) + len(narration)) // _CHARACTERS_PER_TOKEN
    try:
        body = json.loads(answer)
        spent = body.get("usage", {}).get("total_tokens")
        if isinstance(spent, int) and spent >= 0:
            tokens = spent
        said = json.loads(body["choices"][0]["message"]["content"])
        if isinstance(said, dict) and set(said) == {"text"} and isinstance(said["text"], str):
            text = " ".join(said["text"].split()) or None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        text = None
    return Answer(text=text, tokens=tokens)


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() else None
