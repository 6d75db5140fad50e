"""The sections of a model card that say what the network is and how it came about."""

import math
import statistics
from collections import Counter
from dataclasses import replace
from typing import Any

from cnnedge.cards.evidence import CardFacts
from cnnedge.cards.markdown import duration, percent, section, table
from cnnedge.manifest import TrainingRecord
from cnnedge.model.networks import count_macs, layer_macs
from cnnedge.records import from_json
from cnnedge.training.cost import CORE_WATTS, epochs_and_seconds, training_flop, training_kwh
from cnnedge.training.recipes import PRESETS, RECIPES, recipe, recorded

# Settings of a recipe that the command's options can replace.
_OPTIONS = ("epochs", "batch_size", "branches", "half", "muon_rate")
# Settings of a recipe that act only where there is a teacher.
_TEACHERS = ("teacher_weight", "temperature")


def architecture(facts: CardFacts) -> str:
    """Every layer that has a kernel or changes the shape; the others are counted below the table."""
    rows, others = [], Counter[str]()
    for layer in facts.network.layers:
        kernel, kind = getattr(layer, "kernel", None), type(layer).__name__
        if kind == "InputLayer":
            continue
        if kernel is None and _keeps_shape(layer):
            others[kind] += 1
        else:
            shape = " x ".join(str(size) for size in layer.output.shape[1:])
            weights = "" if kernel is None else f"{math.prod(kernel.shape):,}"
            macs = "" if kernel is None else f"{layer_macs(layer):,}"
            rows.append((f"{layer.name} ({kind})", shape, weights, macs))
    total = f"{facts.network.count_params():,} parameters with biases and batch normalization, "
    total += f"{count_macs(facts.network):,} multiply-accumulates (MACs) for one image."
    rest = ", ".join(f"{count} {kind}" for kind, count in others.items())
    return section(
        "Architecture",
        table(("layer", "output", "weights", "MACs"), rows, texts=2),
        total + (f" Not in the table, since they keep the shape: {rest}." if rest else ""),
    )


def training(facts: CardFacts) -> str:
    """Recipe, cost and seeds."""
    record = facts.training
    if record is None:
        return section("Training", "This network was brought in from elsewhere: how it was trained is not recorded.")
    settings = _settings(record.recipe, with_teacher=record.teacher is not None)
    data = record.data
    on = f"{data.name}'s training images" + (" of the BUNDLED SAMPLE" if data.is_sample else "")
    return section(
        "Training",
        f"On {on}, with Keras on {record.backend}, seed {record.seed}, {_recipe_words(record)}. "
        "No test image took part in training, calibration or any choice.",
        table(("setting", "value"), settings, texts=2),
        _cost(facts, record),
        _teacher(record),
        _energy(facts, record),
        _seeds(facts),
    )


def width_curve(facts: CardFacts) -> str:
    """Top-1 against width, from trainings of their own."""
    document = facts.widths
    if document is None:
        words = f"Not measured (`python scripts/width_curve.py {facts.name}` does it)."
        return section("Width", words)
    rows = [
        (
            f"{row['width']:g}", f"{row['parameters']:,}", f"{row['macs'] / 1e6:.2f}", f"{row['int8_bytes']:,}",
            percent(row["float_top1"]), percent(row["int8_top1"]), duration(row["seconds"]),
        )
        for row in document["rows"]
    ]  # fmt: skip
    data = document["data"]
    sample = " of the BUNDLED SAMPLE" if data["is_sample"] else ""
    return section(
        "Width",
        f"`cnnedge train {facts.name} --width FACTOR` scales every layer. Short trainings, only to show the curve: "
        f"{document['epochs']} epochs on {data['train_images']:,} images each, seed {document['seed']}, post-training "
        f"int8, {data['test_images']:,} test images{sample}. They are not the shipped model, even at width 1.",
        table(("width", "parameters", "MMAC", "int8 bytes", "float %", "int8 %", "trained in"), rows, texts=0),
    )


def reproduce(facts: CardFacts) -> str:
    """The command that does it all again."""
    if facts.training is None:
        made = "`manifest.json` has what its files were made of: hashes, versions, seeds and the data."
        return section("Reproduce", f"The network came from elsewhere, and `cnnedge export` made its files. {made}")
    command = reproducing_command(facts.training)
    if command is None:
        return section("Reproduce", "No preset of this version trains this network: the recipe above is what it took.")
    return section(
        "Reproduce",
        f"```bash\n{command}\n```",
        "The same seed gives the same order, augmentation and first weights. Threads and other processors add in other "
        "orders, so expect the accuracy again within its noise, not the same bytes.",
    )


def reproducing_command(record: TrainingRecord) -> str | None:
    """The one command line that trains and exports as ``record``, the manifest's training, says; None if none does."""
    name, preset, found = record.network, _preset(record), recorded(record.recipe)
    if preset is None:
        return None
    own = recipe(name, preset)
    options = f" --preset {preset}"
    for field, option in (("epochs", "--epochs"), ("batch_size", "--batch-size")):
        options += f" {option} {getattr(found, field)}" if getattr(found, field) != getattr(own, field) else ""
    options += f" --seed {record.seed} --out runs"
    extra = f" --branches {found.branches}" if found.branches != own.branches else ""
    extra += " --half" if found.half else ""
    extra += f" --muon {found.muon_rate:g}" if found.muon_rate != own.muon_rate else ""
    extra += " --trivial" if found.augmentation != own.augmentation else ""
    extra += f" --width {record.width:g}" if record.width != 1 else ""
    extra += f" --stack {record.stack}" if record.stack else ""
    for option, given in (("--init", record.init), ("--teacher", record.teacher)):
        extra += f" {option} {given.file}" if given else ""
    backend = record.backend
    if not extra and backend == "tensorflow":
        return f"cnnedge run {name}{options}"
    chosen = f"KERAS_BACKEND={backend} " if backend != "tensorflow" else ""
    export = f"cnnedge export runs/{name}/{name}.keras --data {record.data.name} --qat --preset {preset} --out runs"
    return f"{chosen}cnnedge train {name}{options}{extra} && {export}"


def _keeps_shape(layer: Any) -> bool:
    inputs = layer.input if isinstance(layer.input, list | tuple) else [layer.input]
    return all(one.shape == layer.output.shape for one in inputs)


def _preset(record: TrainingRecord) -> str | None:
    """The preset of this version that the recipe is, whatever the command's own options say."""
    name, found = record.network, recorded(record.recipe)
    for preset in PRESETS:
        if (name, preset) in RECIPES:
            given = {field: getattr(found, field) for field in _OPTIONS}
            trivial = found.augmentation.trivial
            if replace(recipe(name, preset, trivial=trivial), **given) == found:
                return preset
    return None


def _recipe_words(record: TrainingRecord) -> str:
    preset = _preset(record)
    words = "a recipe of its own" if preset is None else f"the preset `{preset}`"
    if preset == "quick":
        words += ", which shows in minutes that everything works and leaves accuracy to the preset `full`"
    words += f", at width {record.width:g}" if record.width != 1 else ""
    words += f", with the layers {record.stack}" if record.stack else ""
    words += f", from the weights of `{record.init.file}`" if record.init else ""
    return words + (f", distilled from `{record.teacher.file}`" if record.teacher else "")


def _settings(found: dict[str, Any], *, with_teacher: bool) -> list[tuple[str, str]]:
    """The recipe's settings that act, those of the augmentation among them."""
    augmentation = ", ".join(f"{name} {_value(value)}" for name, value in found["augmentation"].items() if value)
    shown = {name: _value(value) for name, value in found.items() if with_teacher or name not in _TEACHERS}
    kinds = "Muon for convolutions, else SGD" if found.get("muon_rate") else "SGD"
    optimizer = f"{kinds} with Nesterov momentum, warm-up, then a cosine to 0; weight decay on kernels only"
    return list(({"optimizer": optimizer} | shown | {"augmentation": augmentation or "none"}).items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _energy(facts: CardFacts, record: TrainingRecord) -> str:
    cost = record.cost
    if facts.history is None or cost is None:
        return "Energy: not measured."
    _, seconds = epochs_and_seconds(facts.history)
    parts = cost.get("parts", [cost["machine"] | {"seconds": seconds}])
    known = [part["accelerator"] for part in parts if part["accelerator"]]
    if known:
        return f"Energy: not measured, and not estimated: what the {known[0]} took is not known."
    kwh = sum(training_kwh(part["cores"], part["seconds"]) for part in parts)
    cores = ", then ".join(dict.fromkeys(str(part["cores"]) for part in parts))
    return (
        f"Energy: not measured. {kwh:.2g} kWh if each of the {cores} "
        f"cores took {CORE_WATTS} W all the time, Green Algorithms' figure for an unknown processor (known ones: from "
        "a third of that to twice as much); memory, cooling and the rest of the machine come on top."
    )


def _cost(facts: CardFacts, record: TrainingRecord) -> str:
    """Time and work, as far as they were recorded."""
    if facts.history is None:
        return "What it cost is not recorded: there is no history.csv."
    epochs, seconds = epochs_and_seconds(facts.history)
    time = f"Cost: {epochs} epochs in {duration(seconds)}, {seconds / epochs:.1f} s each with the evaluation after it"
    cost = record.cost
    if cost is None:
        return f"{time}. The machine, and the images per second, were not recorded."
    where = _parts(cost["parts"]) if "parts" in cost else f"on {_place(cost['machine'])}"
    teaching = cost.get("teacher")
    flop = training_flop(
        count_macs(facts.network), epochs * cost["train_images"], 0 if teaching is None else teaching["macs"]
    )
    answers = ", the teacher's answers among them" if teaching else ", without the teacher's"
    teacher = "" if record.teacher is None else answers
    return (
        f"{time}, {where}: {cost['train_images']:,} images an epoch, {cost['images_per_second']:,.0f} images per "
        f"second. About {flop:.2g} floating-point operations{teacher} (estimated: 6 for each MAC of each image)."
    )


def _place(machine: dict[str, Any]) -> str:
    return machine["accelerator"] or f"the CPU alone ({machine['cpu']}, {machine['cores']} cores)"


def _parts(parts: list[dict[str, Any]]) -> str:
    words = []
    for part in parts:
        first = part["first_epoch"]
        span = f"epochs {first + 1} to {first + part['epochs']} of {part['planned_epochs']}"
        arithmetic = "bfloat16" if part["half"] else "float32"
        each = part["seconds"] / part["epochs"]
        words.append(f"{span} in {arithmetic} on {_place(part)}, {each:.1f} s each")
    return ", then ".join(words)


def _teacher(record: TrainingRecord) -> str:
    """How good the network is that this one learned from, and what it cost; empty without one."""
    found = (record.cost or {}).get("teacher")
    if record.teacher is None or found is None:
        return ""
    words = (
        f"Its teacher `{record.teacher.file}` (SHA-256 {record.teacher.sha256[:12]}..) has {found['parameters']:,} "
        f"parameters and {found['macs'] / 1e6:,.1f} million multiply-accumulates, and names {percent(found['top1'])} % "
        f"of {found['images']:,} validation images right"
    )
    own = None if found["training"] is None else from_json(TrainingRecord, found["training"])
    if own is None or own.cost is None:
        return f"{words}. How it was trained is not recorded."
    command = reproducing_command(own)
    made = "" if command is None else f" (`{command.split(' && ')[0]}`)"
    return f"{words}; it took {own.cost['epochs']} epochs in {duration(own.cost['seconds'])}{made}."


def _seeds(facts: CardFacts) -> str:
    if facts.seeds is None:
        return "Seeds: one only; the spread between seeds was not measured."
    columns = [[one.float_top1 for one in facts.seeds], [one.int8_top1 for one in facts.seeds]]
    rows = [
        *((str(one.seed), percent(one.float_top1), percent(one.int8_top1)) for one in facts.seeds),
        ("mean", *(percent(statistics.mean(column)) for column in columns)),
        ("standard deviation", *(percent(statistics.stdev(column)) for column in columns)),
    ]
    shipped = f"The shipped files are those of the first seed ({facts.seeds[0].seed}), not of the best."
    return f"{shipped}\n\n{table(('seed', 'float top-1 %', 'int8 top-1 %'), rows)}"
