"""Our passport and the standard metadata into a TFLite file, without touching the model in it."""

from cnnedge.formats.tflite import standard_metadata as standard
from cnnedge.formats.tflite.entries import add_entries
from cnnedge.formats.tflite.label_archive import append_files, without_archive
from cnnedge.passport import PASSPORT_KEY, Passport


def embed_passport_tflite(content: bytes, passport: Passport) -> bytes:
    """Return the TFLite file with ``passport`` inside, and the same in standard TFLite metadata with a label file.

    Operators, tensors and weights stay byte for byte as they were. What was embedded before is replaced.

    Raises:
        ModelError: the file is not TFLite or is damaged, or a label is empty or has a line break in it.
    """
    labels = {standard.LABEL_FILE: standard.label_lines(passport.labels)}
    entries = {
        PASSPORT_KEY: passport.to_json().encode(),
        standard.ENTRY: standard.write(standard.of_passport(passport)),
    }
    return append_files(add_entries(without_archive(content), entries), labels)
