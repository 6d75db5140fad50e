"""The list of commands, in the order in which ``--help`` shows them."""

import typer

from cnnedge.cli import (
    benchmark,
    card,
    data,
    demo,
    doctor,
    export,
    golden,
    inspect,
    match,
    predict,
    report,
    run,
    score_many,
    search,
    train,
)


def register(app: typer.Typer) -> None:
    """Add every command to ``app``."""
    app.command()(run.run)
    app.command()(train.train)
    app.command()(export.export)
    app.command()(search.search)
    app.command()(data.data)
    app.command()(benchmark.benchmark)
    app.command()(report.report)
    app.command()(card.card)
    app.command()(predict.predict)
    app.command()(score_many.score)
    app.command()(inspect.inspect)
    app.command()(demo.demo)
    app.command()(golden.golden)
    app.command()(match.match)
    app.command()(doctor.doctor)
