"""The scorer of contexts, with a tiny model that is written here."""

from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

from ophvl.errors import ConfigError
from ophvl.ontology import Ontology
from ophvl.text.correction.corrector import Corrector
from ophvl.text.correction.masked_lm import MaskedLM
from schemas.narrations import Edit

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] we inject trip ##an blue stain the with fellow phaco probe"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT whose decoder strongly prefers "phaco"."""
    target = tmp_path_factory.mktemp("models") / "tiny"
    target.mkdir()
    vocabulary = target / "vocab.txt"
    vocabulary.write_text("\n".join(WORDS.split()))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS.split()),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    model = BertForMaskedLM(config)
    with torch.no_grad():
        model.cls.predictions.bias[WORDS.split().index("phaco")] = 9.0
    model.save_pretrained(target)
    BertTokenizerFast(vocab={w: i for i, w in enumerate(WORDS.split())}).save_pretrained(target)
    return target


def edit(text: str, before: str, after: str) -> Edit:
    start = text.index(before)
    return Edit(
        start=start,
        end=start + len(before),
        before=before,
        after=after,
        rule="sounds_like",
        score=0.0,
    )


def test_each_token_of_the_words_is_masked_in_turn(folder: Path) -> None:
    scorer = MaskedLM(str(folder))
    model, tokenizer = scorer._loaded
    inputs: list[torch.Tensor] = []
    hook = model.register_forward_pre_hook(
        lambda _, __, named: inputs.append(named["input_ids"].clone()), with_kwargs=True
    )
    scorer._likelihood("we inject tripan blue", 10, 16)
    hook.remove()
    (ids,) = inputs
    plain = tokenizer("we inject tripan blue", return_tensors="pt")["input_ids"][0]
    masked = ids == tokenizer.mask_token_id
    assert masked.nonzero().tolist() == [[0, 3], [1, 4]]  # "trip", "##an", after [CLS] we inject.
    assert (ids[~masked] == plain.expand_as(ids)[~masked]).all()


def test_the_likelier_word_gains(folder: Path) -> None:
    text = "we inject with the fellow probe"
    scorer = MaskedLM(str(folder))
    (there, back) = (
        scorer.gains(text, [edit(text, "fellow", "phaco")])[0],
        scorer.gains(
            text.replace("fellow", "phaco"), [edit("we inject with the phaco", "phaco", "fellow")]
        )[0],
    )
    assert there > 5
    assert back == pytest.approx(-there, abs=1e-4)


def test_nothing_to_judge(folder: Path) -> None:
    assert MaskedLM(str(folder)).gains("we inject", []) == []


def test_the_revision_follows_the_weights(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "tiny"
    other.mkdir()
    for file in folder.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    assert MaskedLM(str(other)).revision == MaskedLM(str(folder)).revision
    with (other / "config.json").open("a") as config:
        config.write(" ")
    assert MaskedLM(str(other)).revision != MaskedLM(str(folder)).revision


def test_the_corrector_names_the_model(folder: Path, ontology: Ontology) -> None:
    scorer = MaskedLM(str(folder))
    assert scorer.revision in Corrector(ontology, scorer).revision


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be loaded"):
        MaskedLM(str(tmp_path)).gains("a b", [edit("a b", "a", "c")])
