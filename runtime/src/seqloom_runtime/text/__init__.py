"""Text: normalise, cut into tokens, number them, and back. Knows nothing of files or networks."""
