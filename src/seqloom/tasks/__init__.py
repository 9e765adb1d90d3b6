"""Tasks: where data, text, networks, training, decoding and evaluation meet. A file a task."""
