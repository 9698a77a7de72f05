"""The dataset card: what the dataset is and how it was made, told from its manifest.

The same manifest, and the same figures given beside it, always give the same card. The format is
the Hub's: YAML that declares configs and features (Parquet itself loses the length of a float16
list to all but Arrow), then Markdown. Nothing here reads data, and no path of the machine that
makes the card gets onto its page.
"""

from wiki_embeddings.card.changes import is_summary, summary
from wiki_embeddings.card.naming import License, dataset_name, license_of
from wiki_embeddings.card.page import card
from wiki_embeddings.card.snippets import hub_snippet, snippet

__all__ = [
    "License",
    "card",
    "dataset_name",
    "hub_snippet",
    "is_summary",
    "license_of",
    "snippet",
    "summary",
]
