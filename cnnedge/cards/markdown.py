"""Small pieces of Markdown that the sections of a model card share."""

from collections.abc import Sequence

from cnnedge.records import known


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    """A Markdown table; the first ``texts`` columns are words, the others figures, set to the right."""
    rules = ["---" if index < texts else "---:" for index in range(len(header))]
    lines = [[cell.replace("|", "\\|") for cell in cells] for cells in (header, rules, *rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def few(names: Sequence[str]) -> str:
    """All of up to twelve names, else the first ten and how many more."""
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:10])} and {len(names) - 10:,} more"


def section(heading: str, *paragraphs: str) -> str:
    """A heading with paragraphs; empty ones are left out."""
    return "\n\n".join([f"## {heading}", *(paragraph for paragraph in paragraphs if paragraph)])


def percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"


def with_interval(fraction: float, low: float, high: float, digits: int = 2) -> str:
    """A fraction in percent and its interval: ``85.63 (84.93 to 86.30)``."""
    return f"{100 * fraction:.{digits}f} ({100 * low:.{digits}f} to {100 * high:.{digits}f})"


def points(value: float | None) -> str:
    """A difference in percentage points, which was measured, with its sign."""
    return f"{known(value):+.2f}"


def three_digits(value: float) -> str:
    return f"{value:#.3g}".rstrip(".")


def duration(seconds: float) -> str:
    """``58 s``, ``12 min 5 s`` or ``3 h 20 min``."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
