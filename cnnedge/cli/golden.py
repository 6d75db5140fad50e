"""``cnnedge golden``: pictures with the exact bytes to feed and to expect, for the tests of an app."""

from pathlib import Path
from typing import Annotated

import typer

from cnnedge import console
from cnnedge.cli.options import Labels, Mean, ModelPath, Overwrite, Std


def golden(
    file: ModelPath,
    data: Annotated[str, typer.Option(metavar="NAME|DIR", help="Whose test images to take.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write.")] = Path("golden"),
    mean: Mean = None,
    std: Std = None,
    labels: Labels = None,
    overwrite: Overwrite = False,
) -> None:
    """Write 20 test pictures with the exact bytes at both ends of the file.

    The folder is for whoever writes the app: pictures as raw pixels (PNG),
    the same ones enlarged to try the app's resize with, the bytes to feed,
    the bytes that come out, labels, and golden.json, which says it all to a
    program. README.txt in it tells what to do. When the app's bytes differ,
    cnnedge match names the mistake.

    Chosen are pictures that the file gets right without being sure, so that
    mistakes show in the output. What a file of another tool is fed must be
    known: from its TFLite metadata, or from --mean and --std. A file that is
    no better than guessing, or in another order of its classes, is refused.

    Examples:

      cnnedge golden exported/mnist/mnist_int8.tflite --data mnist

      cnnedge golden my_int8.tflite --data photos/ --out app/tests/golden
    """
    from cnnedge import data as datasets
    from cnnedge.apps.golden.content import folder_content, make_images, scores_of
    from cnnedge.apps.golden.folder import refuse_folder, write_folder
    from cnnedge.errors import DataError
    from cnnedge.formats.model_file import open_model_file
    from cnnedge.images.normalization import asked_normalization
    from cnnedge.labels import asked_labels
    from cnnedge.runtime.opening import open_runner
    from cnnedge.scoring.testdata import as_exported

    refuse_folder(out, overwrite=overwrite)
    asked = asked_labels(labels)
    model_file = open_model_file(file).told(asked_normalization(mean, std), asked)
    model_file.require_contract()
    with open_runner(model_file) as runner:
        names, named = model_file.class_names(runner.num_classes), model_file.contract.labels
        with console.progress() as progress:
            dataset = datasets.load(
                data,
                image_shape=runner.input_shape,
                validation=0,
                calibration=0,
                folder=datasets.FolderOptions(labels=named),
                progress=progress,
            )
        dataset = datasets.named(dataset, asked) if asked else as_exported(dataset, model_file)
        if len(names) != len(dataset.labels) or (named and names != dataset.labels):
            raise DataError(
                f"{dataset.name} has the {len(dataset.labels)} classes {_few(dataset.labels)}, {file.name} the "
                f"{len(names)} classes {_few(names)}: choose the data that it was trained on"
            )
        try:
            images = make_images(runner, dataset.test, dataset.labels)
        except DataError as error:
            raise DataError(f"{file.name}: {error}") from None
        content = folder_content(
            runner, images, sha256=model_file.sha256, labels=dataset.labels, data=dataset.name, licence=dataset.licence
        )
    write_folder(out, content)
    right = sum(int(scores_of(runner, image).argmax()) == image.label for image in images)
    answers = "all answered right" if right == len(images) else f"{right} of them answered right"
    console.show(
        f"{out}: {len(images)} pictures of {dataset.name} for {file.name}, {answers}; start with {out / 'README.txt'}"
    )
    console.next_step("cnnedge", "match", file, "DUMP.bin", "--against", out)


def _few(labels: tuple[str, ...]) -> str:
    return f"{', '.join(labels[:3])} ..."
