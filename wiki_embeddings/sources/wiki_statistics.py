"""How many articles a wiki counts itself, asked of its API."""

from __future__ import annotations

from urllib.parse import urlsplit

from wiki_embeddings.errors import WikiEmbeddingsError

_TIMEOUT_S = 10.0
"""A count that is nice to have is not worth a longer wait."""

_QUESTION = {"action": "query", "meta": "siteinfo", "siprop": "statistics", "format": "json"}
"""See https://www.mediawiki.org/wiki/API:Siteinfo."""


def count_articles(article_url: str, user_agent: str) -> int:
    """Ask a wiki how many articles it has now: pages without redirects that link to another page.

    Asks once: whoever needs the count can do without it.

    Args:
        article_url: Address of any article of the wiki.
        user_agent: Names the project and a contact, as Wikimedia asks.

    Raises:
        WikiEmbeddingsError: The wiki cannot be reached, or does not answer with a count.
    """
    import httpx2  # slow to import

    address = urlsplit(article_url)
    api = f"{address.scheme}://{address.netloc}/w/api.php"
    try:
        response = httpx2.get(
            api, params=_QUESTION, headers={"User-Agent": user_agent}, timeout=_TIMEOUT_S
        )
        response.raise_for_status()
        return int(response.json()["query"]["statistics"]["articles"])
    except httpx2.HTTPStatusError as error:
        status = error.response.status_code
        raise WikiEmbeddingsError(f"{api} answers with status {status}") from error
    except httpx2.RequestError as error:
        raise WikiEmbeddingsError(f"{api} was not reached ({type(error).__name__})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise WikiEmbeddingsError(f"{api} answers without a count") from error
