"""Frozen dataclasses to JSON and back, every field checked: what manifest, passport and other documents are made of."""

import functools
import json
import math
import re
import sys
import types
import typing
from dataclasses import MISSING, Field, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from cnnedge.files import write_atomically

Record = TypeVar("Record")
Known = TypeVar("Known")
_ALWAYS = "always"


def always(default: Any = None) -> Any:
    """A field that documents of earlier versions lack: written even where it holds its default."""
    return field(default=default, metadata={_ALWAYS: True})


def unknown(kind: type[Record]) -> Record:
    """A record of which nothing is known: None in every field."""
    return kind(**dict.fromkeys(one.name for one in fields(typing.cast(Any, kind))))


def known(value: Known | None) -> Known:
    """A figure of which the caller has seen to it that it was measured.

    Raises:
        ValueError: it was not.
    """
    if value is None:
        raise ValueError("a figure is asked for that was not measured")
    return value


def to_json(record: Any) -> Any:
    """The record as JSON's own types; a field that holds its default is left out, unless it is ``always`` written."""
    if is_dataclass(record):
        kept = [one for one in fields(record) if _ALWAYS in one.metadata or getattr(record, one.name) != default(one)]
        return {one.name: to_json(getattr(record, one.name)) for one in kept}
    if isinstance(record, dict):
        return {name: to_json(value) for name, value in record.items()}
    return [to_json(value) for value in record] if isinstance(record, list | tuple) else record


def from_json(kind: type[Record], value: Any, where: str = "") -> Record:
    """The dataclass ``kind`` from parsed JSON; names that it does not have are left out.

    Args:
        where: the place of ``value`` in its document, for the message: ``files``, ``training.data``.

    Raises:
        ValueError: a field is missing or of another type; the message names it and what was expected.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{where or 'it'} is {_said(value)}, expected an object")
    hints, found = _hints(typing.cast(Any, kind)), {}
    for one in fields(typing.cast(Any, kind)):
        place = f"{where}.{one.name}" if where else one.name
        if one.name in value:
            found[one.name] = _checked(hints[one.name], value[one.name], place)
        elif default(one) is MISSING:
            raise ValueError(f"{place} is missing")
    return kind(**found)


def write_record(path: Path, record: Any) -> None:
    """Write a record, or plain JSON types, as indented JSON in one step; lists of plain numbers take one line each."""
    text = json.dumps(to_json(record), indent=1, allow_nan=False)
    text = re.sub(r"\[[-\d.,e+\s]+\]", lambda match: re.sub(r"\s+", " ", match[0]), text)
    write_atomically(path, f"{text}\n".encode())


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def default(field: Field) -> Any:
    """What a field holds when nothing is given; MISSING for one that must be given."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _checked(kind: Any, value: Any, where: str) -> Any:
    """``value`` as ``kind``: a dataclass, JSON's own types, ``X | None``, ``tuple[X, ...]``, ``list[X]``,
    ``dict[str, X]``, Any."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin is types.UnionType:
        return None if value is None else _checked(arguments[0], value, where)
    if isinstance(kind, type) and is_dataclass(kind):
        return from_json(kind, value, where)
    if origin in (tuple, list) and isinstance(value, list):
        return origin(_checked(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {name: _checked(arguments[1], item, f"{where}.{name}") for name, item in value.items()}
    if kind is float and type(value) is int and abs(value) <= sys.float_info.max:
        return float(value)
    if origin is None and type(value) is kind and not (kind is float and not math.isfinite(value)):
        return value
    raise ValueError(f"{where} is {_said(value)}, expected {_NAMES[origin or kind]}")


_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a list",
    list: "a list",
    dict: "an object",
}


def _said(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
