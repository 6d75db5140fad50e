"""Images a second as a table, with the best setting named."""

from cnnedge.documents import Document, Row, Throughput, best_setting, efficiency


def throughput_rows(document: Document) -> list[list[str]]:
    """A line of headings, then one line per file: images a second for each number of threads (one image a call) with
    the scaling efficiency, and the best setting; empty if nothing was measured."""
    measured = [(row, row.throughput) for row in document.rows if row.throughput]
    threads = sorted({one.threads for _, found in measured for one in found})
    heads = [f"{count} thread{'s' if count > 1 else ''}" for count in threads]
    lines = [_line(row, found, threads) for row, found in measured]
    return [["file", *heads, "best", "images/s"], *lines] if lines else []


def _line(row: Row, found: list[Throughput], threads: list[int]) -> list[str]:
    single = {one.threads: one for one in found if one.batch == 1}
    best = best_setting(found)
    cells = [_cell(single[count], found) if count in single else "" for count in threads]
    return [row.label, *cells, str(best), f"{best.images_per_s:,.0f}"]


def _cell(one: Throughput, found: list[Throughput]) -> str:
    share = efficiency(one, found)
    return f"{one.images_per_s:,.0f}" + (f" ({share:.0%})" if share is not None and one.threads > 1 else "")


def throughput_sentences(document: Document) -> list[str]:
    """How the table is to be read; nothing without one."""
    if not any(row.throughput for row in document.rows):
        return []
    return [
        f"throughput: images a second, in brackets the scaling efficiency; this machine has {document.machine.cores} "
        "cores. Best: threads x images a call; more of either only if that was faster in every round."
    ]
