"""The names at both ends of every folded model and every exported file."""

INPUT_NAME = "image"
OUTPUT_NAME = "probabilities"
