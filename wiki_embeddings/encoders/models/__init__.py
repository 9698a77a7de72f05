"""Models: which files make one up, what they say, and what is known of the common ones."""
