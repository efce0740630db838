"""Rewriting of narrations by a language model behind an OpenAI-compatible endpoint.

In: a narration. Out: the model's answer, checked to be the JSON that was asked for. Answers are kept in
the dataset folder, so that no text is paid for twice, and the tokens spent are counted against a budget.
Protocol: POST {endpoint}/chat/completions, https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ophvl.atomic_io import write_text
from ophvl.errors import ItemError, UsageError
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    import httpx

PROMPT = Path(__file__).with_name("rewrite_prompt.txt")
_CHARACTERS_PER_TOKEN = 4
"""For servers that do not say what an answer cost."""
_LONGEST_ANSWER = 1_000_000
"""Bytes; what comes after them is not read."""
_MOST_TOKENS = 10_000_000
"""More than any answer costs: a server that says so is not believed."""
_SHOWN = 200
_FENCED = re.compile(r"```(?:json)?(.*)```", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`text` is None where the model's answer was not the JSON that it was asked for."""

    text: str | None
    tokens: int


@dataclass(frozen=True, kw_only=True)
class ChatRewriter:
    """Asks one model. `cache` is the folder for answers and for the count of tokens spent.

    The key is read from the environment variable `api_key_variable`, and written nowhere: where a server
    says it back, messages show `***`, and an answer is refused.

    Raises:
        UsageError: `endpoint` is no address on the web. It may be empty, and nothing is then asked.
    """

    endpoint: str
    model: str
    cache: Path
    max_tokens: int
    api_key_variable: str
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        if self.endpoint and not _is_address(self.endpoint):
            raise UsageError(
                f"rewrite.endpoint '{self.endpoint}' is no URL such as http://localhost:8000/v1"
            )

    @property
    def revision(self) -> str:
        return hashlib.sha256(self._prompt.encode()).hexdigest()[:16]

    def rewrite(self, narration: str) -> Answer | None:
        """The model's rewrite of a narration; None once the budget is spent.

        Raises:
            ItemError: the server is slow, busy or out of reach, or answers with something else than a
                model's answer: worth another try.
            UsageError: it refuses the key, the address or the model, or the key cannot be sent.
        """
        kept = self._kept(narration)
        if kept.is_file():
            return Answer(**json.loads(kept.read_text(encoding="utf-8")))
        if self._spent() >= self.max_tokens:
            return None
        answer = self._read(self._ask(narration), narration)
        self._count(answer.tokens)
        write_text(kept, json.dumps({"text": answer.text, "tokens": answer.tokens}))
        return answer

    def _kept(self, narration: str) -> Path:
        key = json.dumps([self.endpoint, self.model, self._prompt, narration])
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.cache / name[:2] / f"{name[2:34]}.json"

    def _ask(self, narration: str) -> bytes:
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
            raise self._out_of_reach(f": {self._shown(str(err))}") from err
        self._check(response, self._shown(content.decode(errors="replace")))
        return bytes(content)

    def _read(self, content: bytes, narration: str) -> Answer:
        """Take the answer apart; what the model said in another form than was asked for gives no text.

        Raises:
            ItemError: a model said none of it; it is not counted, and not kept.
        """
        answer = content.decode(errors="replace")
        estimate = (len(answer) + len(narration)) // _CHARACTERS_PER_TOKEN
        if len(content) > _LONGEST_ANSWER:
            return Answer(text=None, tokens=estimate)
        try:
            body = json.loads(answer)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict) or body.get("choices") is None:
            raise self._out_of_reach(f" gave no model's answer: {self._shown(answer)}")
        text = _text(body)
        if text and self._key and self._key in text and self._key not in narration:
            text = None
        spent = _tokens(body)
        return Answer(text=text, tokens=estimate if spent is None else spent)

    @property
    def _late(self) -> ItemError:
        return ItemError(
            FailureKind.TIMEOUT, f"{self.endpoint} gave no answer in {self.timeout_s:g} s"
        )

    def _out_of_reach(self, what: str) -> ItemError:
        return ItemError(FailureKind.NETWORK, f"{self.endpoint}{what}")

    def _shown(self, said: str) -> str:
        """The beginning of what was said, without the key."""
        return (said.replace(self._key, "***") if self._key else said)[:_SHOWN]

    def _check(self, response: httpx.Response, said: str) -> None:
        status = response.status_code
        if status == 429:
            raise ItemError(
                FailureKind.RATE_LIMITED,
                f"{self.endpoint} asks to wait: {said}",
                _seconds(response.headers.get("Retry-After", "")),
            )
        if status >= 500:
            raise self._out_of_reach(f" answered {status}: {said}")
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

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        return httpx.Client(timeout=self.timeout_s, headers=headers)

    @cached_property
    def _key(self) -> str:
        key = os.environ.get(self.api_key_variable, "").strip()
        if not (key.isascii() and key.isprintable()):
            raise UsageError(
                f"the key in ${self.api_key_variable} holds a character that no key has: a line break, "
                "an accent or the like; set it again"
            )
        return key

    @cached_property
    def _prompt(self) -> str:
        return PROMPT.read_text(encoding="utf-8")


def _is_address(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # Of a port that is no number, among others.
        return False


def _text(body: Mapping[str, Any]) -> str | None:
    """The text in the form that was asked for; a fence around it is taken off."""
    try:
        content = body["choices"][0]["message"]["content"].strip()
        fenced = _FENCED.fullmatch(content)
        said = json.loads(fenced[1] if fenced else content)
        if set(said) != {"text"}:
            return None
        text = " ".join(said["text"].split())
        text.encode()  # A lone surrogate is no text that a table can hold.
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None
    return text or None


def _tokens(body: Mapping[str, Any]) -> int | None:
    """What the answer cost, if the server says so and can be believed."""
    usage = body.get("usage")
    spent = usage.get("total_tokens") if isinstance(usage, dict) else None
    return spent if type(spent) is int and 0 <= spent <= _MOST_TOKENS else None


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() else None
