"""Everything that speaks Dagster: assets, checks, automation, resources, config and metadata.

An asset plans its shards, drives them through a compute and records the result. No data passes
through here.
"""
