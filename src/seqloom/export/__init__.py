"""Trained models as ONNX graphs, in a folder that is used without torch."""
