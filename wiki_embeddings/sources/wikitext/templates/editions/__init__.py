"""Templates of single editions, one module for each language."""
