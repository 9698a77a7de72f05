"""The work itself: plain functions on files of a volume, spec in, report out.

A stage plans its shards from the upstream manifest and offers one function that makes one shard.
Nothing here knows Dagster, or whether it runs in a local process or in a container.
"""
