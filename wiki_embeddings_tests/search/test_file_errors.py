from __future__ import annotations

import pyarrow as pa
import pytest

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search.file_errors import translate_read_errors


def test_a_file_without_read_permission_needs_the_permission():
    with (
        pytest.raises(
            BadInputError, match=r"Cannot read a: .* Give this user the right to read it"
        ),
        translate_read_errors("a", "Fetch it again."),
    ):
        raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("error", [pa.ArrowMemoryError("malloc failed"), pa.ArrowCancelled("^C")])
def test_what_is_not_the_files_fault_is_not_blamed_on_it(error):
    with pytest.raises(type(error)), translate_read_errors("a", "Fetch it again."):
        raise error
