"""How to cite a dataset, the paper of its model, and Wikipedia, in BibTeX."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wiki_embeddings.card.naming import (
    dataset_name,
    dataset_title,
    edition_name,
    public_model,
    site_url,
    text_license,
)
from wiki_embeddings.encoders.models.known import paper_id
from wiki_embeddings.manifest import Manifest

_PAPERS = {
    "sentence-bert": """\
@inproceedings{reimers-2019-sentence-bert,
  title = {Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks},
  author = {Reimers, Nils and Gurevych, Iryna},
  booktitle = {Proceedings of the 2019 Conference on Empirical Methods in Natural Language
               Processing},
  year = {2019},
  url = {https://arxiv.org/abs/1908.10084},
}""",
    "c-pack": """\
@misc{xiao-2023-c-pack,
  title = {C-Pack: Packaged Resources To Advance General Chinese Embedding},
  author = {Xiao, Shitao and Liu, Zheng and Zhang, Peitian and Muennighoff, Niklas},
  year = {2023},
  url = {https://arxiv.org/abs/2309.07597},
}""",
    "e5": """\
@misc{wang-2022-e5,
  title = {Text Embeddings by Weakly-Supervised Contrastive Pre-training},
  author = {Wang, Liang and Yang, Nan and Huang, Xiaolong and Jiao, Binxing and Yang, Linjun and
            Jiang, Daxin and Majumder, Rangan and Wei, Furu},
  year = {2022},
  url = {https://arxiv.org/abs/2212.03533},
}""",
    "multilingual-e5": """\
@misc{wang-2024-multilingual-e5,
  title = {Multilingual E5 Text Embeddings: A Technical Report},
  author = {Wang, Liang and Yang, Nan and Huang, Xiaolong and Yang, Linjun and Majumder, Rangan and
            Wei, Furu},
  year = {2024},
  url = {https://arxiv.org/abs/2402.05672},
}""",
    "gte": """\
@misc{li-2023-gte,
  title = {Towards General Text Embeddings with Multi-stage Contrastive Learning},
  author = {Li, Zehan and Zhang, Xin and Zhang, Yanzhao and Long, Dingkun and Xie, Pengjun and
            Zhang, Meishan},
  year = {2023},
  url = {https://arxiv.org/abs/2308.03281},
}""",
}
"""BibTeX by the ids of `encoders.models.known.paper_id`."""


def citations(vectors: Manifest, repo_id: str | None) -> str:
    """Return the BibTeX entries to cite.

    Args:
        vectors: Manifest of the embeddings that are published.
        repo_id: Name of the dataset on the Hub; None for a folder.
    """
    paper = paper_id(public_model(vectors) or "")
    papers = [_PAPERS[paper]] if paper else []
    return "\n\n".join([_dataset(vectors, repo_id), *papers, _wikipedia(vectors)])


def _dataset(vectors: Manifest, repo_id: str | None) -> str:
    snapshot = str(vectors.settings["raw"]["snapshot"])
    fields = {
        "title": _escaped(dataset_title(vectors)),
        "year": snapshot[:4],
        "version": snapshot,
    }
    if repo_id:
        fields = {
            **fields,
            "author": f"{{{_escaped(repo_id.partition('/')[0])}}}",
            "url": f"https://huggingface.co/datasets/{repo_id}",
        }
    return _entry(f"{dataset_name(vectors)}-{snapshot}", fields)


def _wikipedia(vectors: Manifest) -> str:
    snapshot = str(vectors.settings["raw"]["snapshot"])
    fields = {
        "title": _escaped(edition_name(vectors.wiki)),
        "author": "{Wikipedia contributors}",
        "year": snapshot[:4],
        "url": site_url(vectors.wiki),
        "note": f"Text of {snapshot}, {text_license(snapshot).id.upper()}",
    }
    return _entry(f"wikipedia-{vectors.wiki}-{snapshot}", fields)


def _entry(key: str, fields: Mapping[str, str]) -> str:
    lines = [f"  {name} = {{{text}}}," for name, text in fields.items()]
    return "\n".join([f"@misc{{{re.sub(r'[^A-Za-z0-9.-]', '-', key)},", *lines, "}"])


def _escaped(text: str) -> str:
    return re.sub(r"([&%$#_])", r"\\\1", text)
