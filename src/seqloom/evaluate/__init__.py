"""How good a model is: ``metrics``, the n-gram baseline (``ngram``), copied text (``copying``).

Knows ids and nats; no model, file or text. Imports no torch.
"""
