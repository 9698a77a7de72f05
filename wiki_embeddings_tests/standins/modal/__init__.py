"""A small Modal for tests; see README.md."""
