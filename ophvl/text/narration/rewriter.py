"""Rewrite narrations with a language model behind an OpenAI-compatible endpoint.

The answer must be JSON in the requested form. Answers are cached in the dataset folder, so that no text is
paid for twice, and the tokens spent are counted against a budget. Protocol: POST
{endpoint}/chat/completions, https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ophvl.atomic_io import write_text
from ophvl.deadline import DeadlineError, within
from ophvl.errors import ItemError, UsageError
from ophvl.faults import reading
from ophvl.unicode import normalise
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    import httpx

PROMPT = Path(__file__).with_name("rewrite_prompt.txt")
_CHARACTERS_PER_TOKEN = 4
"""For servers that do not report the tokens of an answer."""
_MAX_ANSWER_BYTES = 1_000_000
"""The rest of an answer is not read."""
_MAX_TOKENS = 10_000_000
"""More than any answer costs: a larger count from a server is ignored."""
_MAX_MESSAGE = 200
_FENCED = re.compile(r"```(?:json)?(.*)```", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Answer of the model. `text` is None where it was not the JSON that was requested."""

    text: str | None
    tokens: int


@dataclass(frozen=True, kw_only=True)
class ChatRewriter:
    """Client of one model. `cache` is the folder for answers and for the count of tokens spent.

    The key is read from the environment variable `api_key_variable` and never written: where a server
    repeats it, messages show `***`, and an answer with it is refused.

    Raises:
        UsageError: `endpoint` is no URL. It may be empty, and nothing is requested then.
    """

    endpoint: str
    model: str
    cache: Path
    max_tokens: int
    api_key_variable: str
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        if self.endpoint and not _is_url(self.endpoint):
            raise UsageError(
                f"rewrite.endpoint '{self.endpoint}' is no URL such as http://localhost:8000/v1"
            )

    @property
    def revision(self) -> str:
        """Return the hash of the prompt."""
        return hashlib.sha256(self._prompt.encode()).hexdigest()[:16]

    def rewrite(self, narration: str) -> Answer | None:
        """Return the model's rewrite of a narration; None once the budget is spent.

        Raises:
            ItemError: the server is slow, busy or unreachable, or sends no model's answer: worth another try.
            UsageError: it refuses the key, the address or the model, or the key cannot be sent.
        """
        cached = self._cache_path(narration)
        if cached.is_file():
            with reading(cached, "delete it: the server is then asked again"):
                return Answer(**json.loads(cached.read_text(encoding="utf-8")))
        if self._tokens_spent() >= self.max_tokens:
            return None
        answer = self._parse(self._request(narration), narration)
        self._add_tokens(answer.tokens)
        write_text(cached, json.dumps({"text": answer.text, "tokens": answer.tokens}))
        return answer

    def _cache_path(self, narration: str) -> Path:
        key = json.dumps([self.endpoint, self.model, self._prompt, narration])
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.cache / name[:2] / f"{name[2:34]}.json"

    def _request(self, narration: str) -> bytes:
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
        content = bytearray()
        url = f"{self.endpoint.rstrip('/')}/chat/completions"

        def receive() -> httpx.Response:
            with self._client.stream("POST", url, json=body) as response:
                for chunk in response.iter_bytes():
                    content.extend(chunk)
                    if len(content) > _MAX_ANSWER_BYTES:
                        break
            return response

        try:
            response = within(self.timeout_s, receive)
        except DeadlineError as err:
            raise self._timeout_error from err
        except httpx.TimeoutException as err:
            raise self._timeout_error from err
        except httpx.InvalidURL as err:
            raise UsageError(f"rewrite.endpoint '{self.endpoint}' is no URL: {err}") from err
        except httpx.HTTPError as err:
            raise self._network_error(f": {self._redacted(str(err))}") from err
        self._raise_for_status(response, self._redacted(content.decode(errors="replace")))
        return bytes(content)

    def _parse(self, content: bytes, narration: str) -> Answer:
        """Parse a response; an answer in another form than requested has no text.

        Raises:
            ItemError: it is no answer of a model; it is neither counted nor cached.
        """
        answer = content.decode(errors="replace")
        estimate = (len(answer) + len(narration)) // _CHARACTERS_PER_TOKEN
        if len(content) > _MAX_ANSWER_BYTES:
            return Answer(text=None, tokens=estimate)
        try:
            body = json.loads(answer)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict) or body.get("choices") is None:
            raise self._network_error(f" gave no model's answer: {self._redacted(answer)}")
        text = _text(body)
        if text and self._key and self._key in text and self._key not in narration:
            text = None
        spent = _tokens(body)
        return Answer(text=text, tokens=estimate if spent is None else spent)

    @property
    def _timeout_error(self) -> ItemError:
        return ItemError(
            FailureKind.TIMEOUT, f"{self.endpoint} gave no answer in {self.timeout_s:g} s"
        )

    def _network_error(self, reason: str) -> ItemError:
        return ItemError(FailureKind.NETWORK, f"{self.endpoint}{reason}")

    def _redacted(self, message: str) -> str:
        """Return the beginning of a message, without the key."""
        return (message.replace(self._key, "***") if self._key else message)[:_MAX_MESSAGE]

    def _raise_for_status(self, response: httpx.Response, message: str) -> None:
        status = response.status_code
        if status == 429:
            raise ItemError(
                FailureKind.RATE_LIMITED,
                f"{self.endpoint} asks to wait: {message}",
                _seconds(response.headers.get("Retry-After", "")),
            )
        if status >= 500:
            raise self._network_error(f" answered {status}: {message}")
        if status >= 300:
            raise UsageError(
                f"{self.endpoint} refuses model {self.model} with {status}: {message}\n"
                f"Check rewrite.endpoint, rewrite.model and the key in ${self.api_key_variable}"
            )

    def _tokens_spent(self) -> int:
        ledger = self.cache / "tokens.txt"
        if not ledger.is_file():
            return 0
        with reading(ledger, "correct it, one number of tokens a line, or delete it to begin at 0"):
            return sum(map(int, ledger.read_text(encoding="ascii").split()))

    def _add_tokens(self, tokens: int) -> None:
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


def _is_url(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # Of a port that is no number, among others.
        return False


def _text(body: Mapping[str, Any]) -> str | None:
    """Return the text of an answer in the requested form; a code fence around it is removed."""
    try:
        content = body["choices"][0]["message"]["content"].strip()
        fenced = _FENCED.fullmatch(content)
        answer = json.loads(fenced[1] if fenced else content)
        if set(answer) != {"text"}:
            return None
        answer["text"].encode()  # Half of a surrogate pair is no text.
        text = " ".join(normalise(answer["text"]).split())
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return None
    return text or None


def _tokens(body: Mapping[str, Any]) -> int | None:
    """Return the tokens of the answer if the server reports a plausible count."""
    usage = body.get("usage")
    spent = usage.get("total_tokens") if isinstance(usage, dict) else None
    return spent if type(spent) is int and 0 <= spent <= _MAX_TOKENS else None


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() else None
