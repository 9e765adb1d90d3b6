"""Layers: tensors in, tensors out. Knows nothing of vocabularies, files or settings."""
