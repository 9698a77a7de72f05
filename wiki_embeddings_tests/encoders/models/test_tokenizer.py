"""Models whose files disagree about the tokenizer have the tokens of sentence-transformers.

All token ids here were made with transformers 5.23, which sentence-transformers 6.2 uses, from the
same files:

    AutoTokenizer.from_pretrained(folder)(text)["input_ids"]
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.encoders.sequences import SequenceBuilder
from wiki_embeddings.encoders.tei.model_folder import write_model_folder
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.stages.article_chunker import load_chunker
from wiki_embeddings.volume import sha256_of_file
from wiki_embeddings_tests.encoders.references import copied_model, edit_json, unpacked_xlmr
from wiki_embeddings_tests.standins.hub import LocalHub
from wiki_embeddings_tests.support.tiny_model import write_tiny_model

SETTINGS = "tokenizer_config.json"
CAFE, TROY = "Café X", "Troy 特洛伊 İstanbul"
UNCASED_CAFE, UNCASED_TROY = [101, 7668, 1060, 102], [101, 9553, 100, 100, 1762, 9960, 102]
CASED_CAFE = [101, 100, 100, 102]

LEGACY_CONFIGS = [
    f"sentence_{family}_config.json"
    for family in ("roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with the tokenizer of all-MiniLM-L6-v2, which lower-cases and strips accents."""
    return write_tiny_model(tmp_path / "model")


def token_ids(folder: Path, text: str) -> list[int]:
    ids: list[int] = SequenceBuilder(resolve(folder)).from_texts([text], query=False)[0].tolist()
    return ids


def edit_tokenizer(folder: Path, part: str, **changes: object) -> None:
    content = json.loads((folder / "tokenizer.json").read_text())
    edit_json(folder / "tokenizer.json", **{part: {**(content[part] or {}), **changes}})


def test_files_that_agree_leave_the_tokenizer_as_published(folder):
    assert token_ids(folder, CAFE) == UNCASED_CAFE
    assert token_ids(folder, TROY) == UNCASED_TROY
    assert resolve(folder).tokenizer_sha256 == sha256_of_file(folder / "tokenizer.json")


@pytest.mark.parametrize(
    ("settings", "text", "expected"),
    [
        ({"do_lower_case": False}, CAFE, CASED_CAFE),
        ({"do_lower_case": False, "tokenizer_class": "BertTokenizerFast"}, CAFE, CASED_CAFE),
        ({"do_lower_case": False, "tokenizer_class": "DistilBertTokenizer"}, CAFE, CASED_CAFE),
        ({"do_lower_case": False, "tokenizer_class": None}, CAFE, CASED_CAFE),
        ({"strip_accents": False}, CAFE, [101, 100, 1060, 102]),
        ({"tokenize_chinese_chars": False}, TROY, [101, 9553, 100, 9960, 102]),
    ],
)
def test_the_tokenizers_settings_decide(folder, settings, text, expected):
    edit_json(folder / SETTINGS, **settings)
    assert token_ids(folder, text) == expected
    assert resolve(folder).tokenizer_sha256 != sha256_of_file(folder / "tokenizer.json")


def test_a_class_that_follows_tokenizer_json_ignores_the_settings(folder):
    edit_json(folder / SETTINGS, do_lower_case=False, tokenizer_class="PreTrainedTokenizerFast")
    assert token_ids(folder, CAFE) == UNCASED_CAFE


def test_without_settings_a_bert_tokenizer_lower_cases(folder):
    (folder / SETTINGS).unlink()
    edit_tokenizer(folder, "normalizer", lowercase=False)
    assert token_ids(folder, CAFE) == UNCASED_CAFE


@pytest.mark.parametrize("key", ["tokenizer_args", "processor_kwargs"])
def test_settings_that_sentence_transformers_passes_on_take_precedence(folder, key):
    edit_json(folder / "sentence_bert_config.json", **{key: {"do_lower_case": False}})
    assert token_ids(folder, CAFE) == CASED_CAFE


@pytest.mark.parametrize("file", [SETTINGS, "special_tokens_map.json"])
def test_the_special_tokens_are_those_of_the_settings(folder, file):
    if file == SETTINGS:
        (folder / "special_tokens_map.json").unlink()
    edit_json(folder / file, sep_token="[MASK]", unk_token={"content": "[UNK]", "lstrip": False})
    assert token_ids(folder, CAFE) == [101, 7668, 1060, 103]


def test_a_word_has_as_many_characters_as_in_transformers(folder):
    edit_tokenizer(folder, "model", max_input_chars_per_word=3)
    assert token_ids(folder, CAFE) == UNCASED_CAFE


def test_added_tokens_of_the_settings_are_recognised(folder):
    token = {"content": "[unused1]", "lstrip": False, "normalized": False, "rstrip": False}
    edit_json(folder / SETTINGS, added_tokens_decoder={"2": token})
    assert token_ids(folder, "snow [unused1] thing") == [101, 4586, 2, 2518, 102]


def test_a_tokenizer_of_an_early_release_needs_no_type_and_no_post_processor(folder):
    content = json.loads((folder / "tokenizer.json").read_text())
    content["model"].pop("type")
    (folder / "tokenizer.json").write_text(json.dumps({**content, "post_processor": None}))
    assert token_ids(folder, CAFE) == UNCASED_CAFE
    assert load_chunker(str(folder), None, 128, False).tokenizer.special_tokens == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"do_lower_case": "no"},
        {"strip_accents": 1},
        {"added_tokens_decoder": ["[unused1]"]},
        {"added_tokens_decoder": {"2": {"special": True}}},
        {"added_tokens_decoder": {"one": {"content": "[unused1]"}}},
    ],
)
def test_settings_of_the_wrong_type_are_refused(folder, settings):
    edit_json(folder / SETTINGS, **settings)
    with pytest.raises(BadInputError, match=SETTINGS):
        resolve(folder)


@pytest.mark.parametrize("lower_case", [True, False])
def test_a_vocabulary_alone_makes_the_same_tokenizer(folder, lower_case):
    (folder / "tokenizer.json").unlink()
    edit_json(folder / SETTINGS, do_lower_case=lower_case)
    assert token_ids(folder, CAFE) == (UNCASED_CAFE if lower_case else CASED_CAFE)
    assert token_ids(folder, "[MASK] snow") == [101, 103, 4586, 102]


def test_a_vocabulary_needs_no_settings(folder):
    for file in ("tokenizer.json", SETTINGS, "special_tokens_map.json"):
        (folder / file).unlink()
    assert token_ids(folder, TROY) == UNCASED_TROY


def test_a_vocabulary_with_tokens_elsewhere_is_refused(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "added_tokens.json").write_text('{"snowfield": 30522}')
    with pytest.raises(BadInputError, match=r"added_tokens\.json but no tokenizer\.json"):
        resolve(folder)


def test_a_damaged_vocabulary_is_refused(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("[PAD]\n[CLS]\n[SEP]\nsnow\n")
    with pytest.raises(BadInputError, match=r"vocab\.txt cannot be used: .* lacks \[UNK\]"):
        resolve(folder)


def test_without_a_tokenizer_that_can_be_made_the_way_to_write_one_is_told(tmp_path):
    xlmr = unpacked_xlmr(tmp_path)
    (xlmr / "tokenizer.json").rename(xlmr / "sentencepiece.bpe.model")
    with pytest.raises(BadInputError, match=r"has no tokenizer\.json.*save_pretrained\(folder\)"):
        resolve(xlmr)


def test_a_tokenizer_that_cuts_at_the_beginning_is_refused(folder):
    edit_json(folder / SETTINGS, truncation_side="left")
    with pytest.raises(BadInputError, match="cuts long texts at their beginning"):
        resolve(folder)


def test_an_xlmr_without_space_before_a_text_is_refused(tmp_path):
    xlmr = unpacked_xlmr(tmp_path)
    edit_json(xlmr / SETTINGS, add_prefix_space=False)
    with pytest.raises(BadInputError, match="add_prefix_space"):
        resolve(xlmr)


def test_chunks_and_tei_have_the_tokens_of_the_settings(folder):
    edit_json(folder / SETTINGS, do_lower_case=False)
    article = {"id": 1, "url": "", "title": "T", "text": CAFE}
    chunker = load_chunker(str(folder), None, 128, False)
    chunks = chunker.chunk(pa.Table.from_pylist([article], schema=RAW_SCHEMA))
    assert chunks.column("tokens").to_pylist() == [CASED_CAFE[1:-1]]
    served = write_model_folder(resolve(folder))
    lowercase = json.loads((served / "tokenizer.json").read_text())["normalizer"]["lowercase"]
    shutil.rmtree(served)
    assert lowercase is False


@pytest.mark.parametrize("name", LEGACY_CONFIGS)
def test_the_length_is_also_read_under_the_names_of_older_versions(tmp_path, name):
    folder = copied_model(tmp_path)
    (folder / "sentence_bert_config.json").unlink()
    (folder / name).write_text('{"max_seq_length": 40}')
    assert resolve(folder).max_length == 40


def test_of_several_names_the_first_with_content_counts(tmp_path):
    folder = copied_model(tmp_path)
    (folder / "sentence_roberta_config.json").write_text('{"max_seq_length": 40}')
    (folder / "sentence_xlnet_config.json").write_text('{"max_seq_length": 50}')
    (folder / "sentence_bert_config.json").write_text("{}")
    assert resolve(folder).max_length == 40
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 30}')
    assert resolve(folder).max_length == 30


def test_lower_casing_under_an_older_name_is_refused_too(tmp_path):
    folder = copied_model(tmp_path)
    edit_tokenizer(folder, "normalizer", lowercase=False)
    (folder / "sentence_bert_config.json").unlink()
    (folder / "sentence_camembert_config.json").write_text('{"do_lower_case": true}')
    with pytest.raises(BadInputError, match="lower-cases text"):
        resolve(folder)


def test_the_hubs_settings_under_an_older_name_are_fetched(hub: LocalHub, tmp_path):
    folder = copied_model(tmp_path)
    (folder / "sentence_bert_config.json").unlink()
    (folder / "sentence_xlm-roberta_config.json").write_text('{"max_seq_length": 40}')
    hub.add("some-lab/old", folder, repo_type="model")
    assert resolve("some-lab/old", models_folder=tmp_path / "models").max_length == 40


def test_a_cache_that_never_asked_for_older_names_asks_once(hub: LocalHub, tmp_path):
    """As the folders of fetched models were written before."""
    folder = copied_model(tmp_path)
    (folder / "sentence_bert_config.json").unlink()
    (folder / "sentence_roberta_config.json").write_text('{"max_seq_length": 40}')
    commit = hub.add("some-lab/old", folder, repo_type="model")
    fetched = resolve("some-lab/old", models_folder=tmp_path / "models").folder
    listed = json.loads((fetched / "files.json").read_text())
    old = {path: digest for path, digest in listed.items() if not path.startswith("sentence_")}
    (fetched / "files.json").write_text(json.dumps(old))
    (fetched / "sentence_roberta_config.json").unlink()
    assert resolve("some-lab/old", commit, models_folder=tmp_path / "models").max_length == 40
    requests = len(hub.served)
    assert resolve("some-lab/old", commit, models_folder=tmp_path / "models").max_length == 40
    assert len(hub.served) == requests


def test_a_vocabulary_alone_is_fetched_from_the_hub(hub: LocalHub, folder, tmp_path):
    (folder / "tokenizer.json").unlink()
    edit_json(folder / SETTINGS, do_lower_case=False)
    hub.add("some-lab/vocabulary", folder, repo_type="model")
    model = resolve("some-lab/vocabulary", models_folder=tmp_path / "models")
    assert SequenceBuilder(model).from_texts([CAFE], query=False)[0].tolist() == CASED_CAFE
