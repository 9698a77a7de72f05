"""Files from the Hugging Face Hub: pin a repository to a commit, then download its files reliably.

`huggingface_hub` neither retries a failing download nor resumes one that another process began.
At the scale of a Wikipedia both are needed daily, so the download of `downloads` does both. This
package knows nothing of what is in the files.
"""

from wiki_embeddings.downloads.retries import RetryPolicy
from wiki_embeddings.hub_files.downloads import download
from wiki_embeddings.hub_files.snapshots import HubFile, HubSnapshot, RepoType, resolve

__all__ = [
    "HubFile",
    "HubSnapshot",
    "RepoType",
    "RetryPolicy",
    "download",
    "resolve",
]
