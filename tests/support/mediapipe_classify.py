"""Classify pictures with MediaPipe Tasks; runs in an environment of its own, see test_mediapipe.

    python mediapipe_classify.py FOLDER MODEL.tflite...

Prints one JSON object: for every model the index, label and score of each picture of the folder, in the order of
their names, or why MediaPipe refuses it.
"""

import json
import sys
from pathlib import Path

import mediapipe
from mediapipe.tasks.python import vision
from mediapipe.tasks.python.core.base_options import BaseOptions


def classify(model: str, pictures: list[Path]) -> list[dict] | str:
    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=model), max_results=1)
    try:
        with vision.ImageClassifier.create_from_options(options) as classifier:
            results = [classifier.classify(mediapipe.Image.create_from_file(str(picture))) for picture in pictures]
    except (ValueError, RuntimeError) as error:
        return str(error)
    best = [result.classifications[0].categories[0] for result in results]
    return [{"index": found.index, "label": found.category_name, "score": found.score} for found in best]


if __name__ == "__main__":
    pictures = sorted(Path(sys.argv[1]).iterdir())
    print(json.dumps({model: classify(model, pictures) for model in sys.argv[2:]}))
