"""Estimators with scikit-learn's conventions, one a task.

>>> from seqloom import TextGenerator
>>> writer = TextGenerator(minutes=0.5).fit(texts)                 # doctest: +SKIP
>>> writer.generate("recipe for", temperature=0.2)                 # doctest: +SKIP
"""

from seqloom.estimators.base import SequenceEstimator
from seqloom.estimators.captioner import ImageCaptioner
from seqloom.estimators.classifier import SequenceClassifier
from seqloom.estimators.composer import MusicComposer
from seqloom.estimators.forecaster import Forecaster
from seqloom.estimators.generator import TextGenerator
from seqloom.estimators.recognizer import SpeechRecognizer
from seqloom.estimators.tagger import SequenceTagger
from seqloom.estimators.translator import Translator

__all__ = [
    "Forecaster",
    "ImageCaptioner",
    "MusicComposer",
    "SequenceClassifier",
    "SequenceEstimator",
    "SequenceTagger",
    "SpeechRecognizer",
    "TextGenerator",
    "Translator",
]
