"""What is converted must be a file that cnnedge gives to a runtime: else the reason, and no file."""

from cnnedge.errors import ConversionError
from cnnedge.formats.model_file import open_model_file


def refuse_unrunnable(content: bytes, format: str, precision: str) -> None:
    """Refuse a converted file that ``check_runnable`` refuses.

    Raises:
        ConversionError: names the operator and what stands against it.
    """
    refusal = open_model_file(content, format).refusal
    if refusal is not None:
        raise ConversionError(
            f"the {precision} {format} file would hold what no runtime is given ({refusal}): leave it out, by "
            "--precision or --format, or take that layer out of the model"
        )
