"""Turns wikitext into plain text."""
