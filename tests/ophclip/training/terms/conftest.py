"""One small corpus for the tests of all terms."""

from __future__ import annotations

import pytest

from ophclip.data.corpus import Corpus
from ophclip.data.shards import open_shards
from tests.ophclip.shard_factory import write_dataset


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    folder = write_dataset(tmp_path_factory.mktemp("terms"))
    return Corpus.select(open_shards(folder, cached_groups=4))
