"""Figures as text."""


def significant(value: float | None) -> str:
    """Three significant digits, without an exponent."""
    if not value:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")
