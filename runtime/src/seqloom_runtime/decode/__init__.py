"""From scores to tokens: ``sampling`` chooses one token, ``generation`` writes a text.

Knows only ``step(ids, state) → (logits, state)``: no model, file or text. numpy alone, so that
writing starts at once.
"""
