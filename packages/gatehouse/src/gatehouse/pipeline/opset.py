"""Versions of the ONNX operators in the graphs that training writes."""

OPSET = 18
OPSET_ML = 3
