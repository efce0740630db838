"""Hints for the recogniser. In: a versioned file. Out: hot words and a prompt.

The file is separate from the ontology, so that a new synonym there transcribes nothing again.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

from ophvl.errors import ConfigError
from ophvl.ports import HotWords
from ophvl.unicode import normalise

PACKAGED = Path(__file__).with_name("hot_words.toml")

_KEYS = {"version": int, "prompt": str, "words": list}


NO_HOT_WORDS = HotWords(version=0, words=(), prompt="", sha256="")


def load_hot_words(path: Path = PACKAGED) -> HotWords:
    """Read a file of hot words: `version`, `prompt` and `words`.

    Raises:
        ConfigError: the file cannot be read, does not hold these three, or a word is blank.
    """
    try:
        content = path.read_bytes()
        values = tomllib.loads(content.decode())
    except OSError as err:
        raise ConfigError(f"cannot read the hot words in {path}: {err.strerror}") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(f"the hot words in {path} are not valid TOML: {err}") from err
    wrong = [key for key, kind in _KEYS.items() if type(values.get(key)) is not kind]
    if wrong or values.keys() - _KEYS or not all(isinstance(word, str) for word in values["words"]):
        raise ConfigError(
            f"{path} must hold version (a whole number), prompt (a text) and words (a list of texts), "
            "and nothing else"
        )
    if not all(word.strip() for word in values["words"]):
        raise ConfigError(f"a word of the hot words in {path} is blank; take it out")
    return HotWords(
        version=values["version"],
        words=tuple(normalise(word).strip() for word in values["words"]),
        prompt=normalise(values["prompt"]).strip(),
        sha256=hashlib.sha256(content).hexdigest(),
    )
