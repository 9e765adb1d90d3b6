"""Trained models as ONNX graphs, in a folder that is used without torch."""

from seqloom.export.exporting import Export, export

__all__ = ["Export", "export"]
