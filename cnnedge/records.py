"""Frozen dataclasses to JSON and back, every field checked: what manifest, passport and other documents are made of."""

import types
import typing
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar

Record = TypeVar("Record")


def to_json(record: Any) -> Any:
    """The record as JSON's own types; a field that holds its default is left out."""
    if is_dataclass(record):
        kept = {field.name: getattr(record, field.name) for field in fields(record)}
        defaults = {field.name: default(field) for field in fields(record)}
        return {name: to_json(value) for name, value in kept.items() if value != defaults[name]}
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
    hints, found = typing.get_type_hints(kind), {}
    for field in fields(kind):  # type: ignore[arg-type]
        place = f"{where}.{field.name}" if where else field.name
        if field.name in value:
            found[field.name] = _checked(hints[field.name], value[field.name], place)
        elif default(field) is MISSING:
            raise ValueError(f"{place} is missing")
    return kind(**found)


def default(field: Field) -> Any:
    """What a field holds when nothing is given; MISSING for one that must be given."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _checked(kind: Any, value: Any, where: str) -> Any:
    """``value`` as ``kind``: a dataclass, JSON's own types, ``X | None``, ``tuple[X, ...]``, ``dict[str, X]``, Any."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin is types.UnionType:
        return None if value is None else _checked(arguments[0], value, where)
    if isinstance(kind, type) and is_dataclass(kind):
        return from_json(kind, value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_checked(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {name: _checked(arguments[1], item, f"{where}.{name}") for name, item in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if origin is None and type(value) is kind:
        return value
    raise ValueError(f"{where} is {_said(value)}, expected {_NAMES[origin or kind]}")


_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a list",
    dict: "an object",
}


def _said(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
