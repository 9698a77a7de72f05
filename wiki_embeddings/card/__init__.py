"""The dataset card: what the dataset is and how it was made, from its manifest.

The same manifest and arguments always give the same card. Its format is the Hub's: YAML that
declares configs and features (in Parquet, only Arrow finds the length of a float16 list), then
Markdown. Nothing here reads data, and the page shows no path of the machine that makes it.
"""

from wiki_embeddings.card.changes import is_summary, summary
from wiki_embeddings.card.naming import License, dataset_name, planned_dataset_name, text_license
from wiki_embeddings.card.page import card
from wiki_embeddings.card.snippets import hub_snippet, snippet

__all__ = [
    "License",
    "card",
    "dataset_name",
    "hub_snippet",
    "is_summary",
    "planned_dataset_name",
    "snippet",
    "summary",
    "text_license",
]
