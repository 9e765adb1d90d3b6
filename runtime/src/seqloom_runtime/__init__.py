"""What using a Seqloom model needs without torch: text, signals, decoding, and one step at a time.

``seqloom``, which trains, depends on this distribution; nothing here knows it.
"""

__version__ = "0.1.0"
