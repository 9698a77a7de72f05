"""Search: the passages nearest to a question, on the volume or in a published dataset."""
