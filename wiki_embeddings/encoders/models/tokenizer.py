"""Which tokenizer a model's files mean, in the format of the `tokenizers` library.

`tokenizer.json` alone does not say it. Where `tokenizer_config.json` differs from it, transformers,
and with it sentence-transformers, makes BERT's tokenizers by the latter; and it makes them from
`vocab.txt` where there is no `tokenizer.json`. So it is done here too, for the same tokens. The
library is loaded only then: describing a model takes no engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wiki_embeddings.encoders.models.json_files import (
    ADDED_TOKENS,
    CONFIG,
    TOKENIZER,
    TOKENIZER_CONFIG,
    VOCABULARY,
    damaged_file,
    parse_json_object,
    read_json_object,
    read_tokenizer_config,
    unsupported_model,
)
from wiki_embeddings.errors import BadInputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BERT_CLASSES = frozenset(
    f"{name}Tokenizer"
    for name in (
        *("Bert", "ConvBert", "DistilBert", "DPRContextEncoder", "DPRQuestionEncoder", "Electra"),
        *("LayoutLM", "Lxmert", "MobileBert", "SqueezeBert"),
    )
)
"""Values of `tokenizer_class`, without `Fast`, for which transformers 5 loads BERT's tokenizer. It
takes others of this project's families from `tokenizer.json`."""

_BERT_TYPES = frozenset({"bert", "distilbert", "electra", "nomic_bert"})
"""Values of `model_type` with BERT's tokenizer where no `tokenizer_class` is stated."""

_SUBWORD_PREFIX, _LONGEST_WORD = "##", 100
"""What transformers fixes in BERT's tokenizers, whatever their files say."""

_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
"""Arguments of the library's `AddedToken` beside its content."""


@dataclass(frozen=True)
class _Settings:
    """What decides the tokens of a BERT tokenizer beside its vocabulary.

    Attributes:
        normalizer: Keyword arguments of the library's `BertNormalizer`.
        cls: Token before a text.
        sep: Token after it.
        unk: Token for an unknown word.
        special: Names of all special tokens; one that the vocabulary lacks is none.
        added: More tokens that are recognised before anything else, as arguments of `AddedToken`.
    """

    normalizer: Mapping[str, Any]
    cls: str
    sep: str
    unk: str
    special: Sequence[str]
    added: Sequence[Mapping[str, Any]]


def read_tokenizer(folder: Path) -> bytes:
    """Return the tokenizer of a model: the bytes of `tokenizer.json` if its settings are the same.

    Args:
        folder: The transformer.

    Raises:
        BadInputError: A file is missing or damaged, or the tokenizer cannot be made from them.
    """
    file = folder / TOKENIZER
    config = read_tokenizer_config(folder)
    is_bert = _is_bert(config, read_json_object(folder / CONFIG))
    if is_bert and not file.is_file() and (folder / VOCABULARY).is_file():
        return _from_vocabulary(folder, _read_settings(folder, config))
    content = _read_bytes(file)
    if not is_bert:
        return content
    tokenizer = parse_json_object(content, file)
    settings = _read_settings(folder, config)
    if tokenizer_type(tokenizer) != "WordPiece" or _has_settings(tokenizer, settings, folder):
        return content
    return _with_settings(content, settings, file)


def tokenizer_type(tokenizer: Mapping[str, Any]) -> str:
    """Return the type of a tokenizer's model, which early files of BERT's tokenizers omit."""
    model = tokenizer.get("model") or {}
    default = "WordPiece" if "max_input_chars_per_word" in model else None
    return str(model.get("type", default))


def read_frame(tokenizer: Mapping[str, Any], folder: Path) -> tuple[str, str] | None:
    """Return the tokens before and after a text, or None if the post-processor has none.

    Raises:
        BadInputError: There are others than one on each side.
    """
    post_processor = tokenizer.get("post_processor") or {}
    if post_processor.get("type") in {"BertProcessing", "RobertaProcessing"}:
        return post_processor["cls"][0], post_processor["sep"][0]
    if post_processor.get("type") != "TemplateProcessing":
        return None
    pieces = [piece.get("SpecialToken", {}).get("id") for piece in post_processor["single"]]
    match pieces:
        case [str(cls), None, str(sep)]:
            return cls, sep
    raise unsupported_model(folder, f"puts {pieces} around a text, not one token on each side")


def _is_bert(tokenizer_config: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Return True if transformers loads BERT's tokenizer, so that its settings apply."""
    name = tokenizer_config.get("tokenizer_class") or config.get("tokenizer_class")
    if name is None:
        return config.get("model_type") in _BERT_TYPES
    return str(name).removesuffix("Fast") in _BERT_CLASSES


def _read_settings(folder: Path, config: Mapping[str, Any]) -> _Settings:
    names = {
        role: _content(config.get(f"{role}_token", f"[{role.upper()}]"))
        for role in ("cls", "sep", "unk", "pad", "mask")
    }
    normalizer = {
        "clean_text": True,
        "handle_chinese_chars": config.get("tokenize_chinese_chars", True),
        "strip_accents": config.get("strip_accents"),
        "lowercase": config.get("do_lower_case", True),
    }
    for key, value in normalizer.items():
        if not isinstance(value, bool) and (key, value) != ("strip_accents", None):
            raise damaged_file(folder / TOKENIZER_CONFIG, f"its setting of {key} is {value!r}")
    return _Settings(
        normalizer=normalizer,
        cls=names["cls"],
        sep=names["sep"],
        unk=names["unk"],
        special=list(names.values()),
        added=_read_added_tokens(folder, config),
    )


def _read_added_tokens(folder: Path, config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    stated = config.get("added_tokens_decoder") or {}
    try:
        return [
            {"content": stated[number]["content"], **_flags(stated[number])}
            for number in sorted(stated, key=int)
        ]
    except (KeyError, TypeError, ValueError) as error:
        file = folder / TOKENIZER_CONFIG
        raise damaged_file(file, f"its added_tokens_decoder is {stated!r:.80}") from error


def _flags(token: Mapping[str, Any]) -> dict[str, Any]:
    return {key: token[key] for key in _FLAGS if key in token}


def _content(token: Any) -> str:
    return str(token.get("content") if isinstance(token, dict) else token)


def _has_settings(tokenizer: Mapping[str, Any], settings: _Settings, folder: Path) -> bool:
    """Return True if a file says by itself what the settings say."""
    model = tokenizer["model"]
    added = {token["content"] for token in tokenizer.get("added_tokens") or []}
    return (
        tokenizer.get("normalizer") == {"type": "BertNormalizer", **settings.normalizer}
        and tokenizer.get("pre_tokenizer") == {"type": "BertPreTokenizer"}
        and model.get("unk_token") == settings.unk
        and model.get("continuing_subword_prefix") == _SUBWORD_PREFIX
        and model.get("max_input_chars_per_word") == _LONGEST_WORD
        and not _missing_tokens(settings, model.get("vocab") or {}, added)
        and read_frame(tokenizer, folder) == (settings.cls, settings.sep)
    )


def _missing_tokens(
    settings: _Settings, vocabulary: Mapping[str, int], added: Set[str]
) -> list[Mapping[str, Any]]:
    """Return the added tokens that a tokenizer lacks, as arguments of `AddedToken`."""
    tokens = {
        **{
            name: {"content": name, "special": True}
            for name in settings.special
            if name in vocabulary
        },
        **{token["content"]: token for token in settings.added},
    }
    return [token for content, token in tokens.items() if content not in added]


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise BadInputError(
            f"{file.parent} has no {file.name}, and only BERT's tokenizers can be made without it, "
            f"from {VOCABULARY}. Write one with transformers: "
            "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)."
        ) from error


def _from_vocabulary(folder: Path, settings: _Settings) -> bytes:
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece

    file = folder / VOCABULARY
    if read_json_object(folder / ADDED_TOKENS, optional=True):
        raise unsupported_model(folder, f"has {ADDED_TOKENS} but no {TOKENIZER}")
    try:
        vocabulary = WordPiece.read_file(str(file))
    except Exception as error:  # the library raises nothing more specific
        raise damaged_file(file, str(error)) from error
    return _apply(settings, Tokenizer(WordPiece(vocabulary)), file)


def _with_settings(content: bytes, settings: _Settings, file: Path) -> bytes:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(content)
    except Exception as error:  # the library raises nothing more specific
        raise damaged_file(file, str(error)) from error
    return _apply(settings, tokenizer, file)


def _apply(settings: _Settings, tokenizer: Tokenizer, vocabulary: Path) -> bytes:
    """Set what transformers sets in a BERT tokenizer, and serialise it."""
    from tokenizers import AddedToken, normalizers, pre_tokenizers, processors

    ids = tokenizer.get_vocab()
    for name in (settings.cls, settings.sep, settings.unk):
        if name not in ids:
            raise damaged_file(vocabulary, f"its vocabulary lacks {name}")
    tokenizer.normalizer = normalizers.BertNormalizer(**settings.normalizer)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.model.unk_token = settings.unk
    tokenizer.model.continuing_subword_prefix = _SUBWORD_PREFIX
    tokenizer.model.max_input_chars_per_word = _LONGEST_WORD
    known = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    tokenizer.add_tokens([AddedToken(**fields) for fields in _missing_tokens(settings, ids, known)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[settings.cls, "$A", settings.sep],
        special_tokens=[(name, ids[name]) for name in (settings.cls, settings.sep)],
    )
    return str(tokenizer.to_str()).encode()
