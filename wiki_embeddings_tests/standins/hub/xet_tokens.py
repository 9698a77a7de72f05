"""The Hub's side of Xet: grants tokens for the content-addressed store."""

from __future__ import annotations

from wiki_embeddings_tests.standins.hub.access import check_private_quota, require_uploader
from wiki_embeddings_tests.standins.hub.answers import Answer, Request, parse_revision
from wiki_embeddings_tests.standins.hub.repositories import Repository


def write_token(request: Request, repository: Repository, steps: tuple[str, ...]) -> Answer:
    """Answer `GET …/xet-write-token/{revision}`.

    Raises:
        RefusalError: The account may not upload, or the private quota is spent.
    """
    revision, _ = parse_revision(steps)
    is_for_new_pull_request = request.is_on("create_pr")
    require_uploader(repository, request.headers, None if is_for_new_pull_request else revision)
    check_private_quota(request.hub, repository)
    token, expires = request.hub.xet.grant(repository)
    content = {"casUrl": request.hub.xet_url, "accessToken": token, "exp": expires}
    headers = {
        "X-Xet-Cas-Url": request.hub.xet_url,
        "X-Xet-Access-Token": token,
        "X-Xet-Token-Expiration": str(expires),
    }
    return Answer(content, headers)
