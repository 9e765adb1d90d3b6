"""See inside a trained model: every gate and state, units, attributions, lessons, as one page.

>>> from seqloom import TextGenerator
>>> writer = TextGenerator.load("runs/mine")                       # doctest: +SKIP
>>> writer.trace("The cat")["layer1.forward.forget"].shape         # doctest: +SKIP
(7, 128)
"""
