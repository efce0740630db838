"""What a worker runs again of a chain."""

from __future__ import annotations

from tests.ophvl.toy_folder import ToyFolder


def test_a_drop_is_decided_again_where_an_earlier_stage_of_the_chain_ran(toy: ToyFolder) -> None:
    toy.source("a.json", ("a", "", "dropped"))
    toy.list("a.json")
    toy.run(["list", "fetch", "name"])
    assert toy.outcomes("name") == {"a": "dropped"}
    toy.calls()
    toy.run(["fetch", "name"])
    assert toy.calls() == []
    # The new fetch changes no column that stage name reads.
    toy.run(["fetch", "name"], model="m2", repin=True)
    assert toy.calls() == ["fetch a", "name a"]
