"""Models: where they come from, what their files say, and what is known of the common ones."""
