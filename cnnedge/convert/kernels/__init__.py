"""Operators that ONNX Runtime has no integer kernel for, written in those that it has; one rule a file."""
