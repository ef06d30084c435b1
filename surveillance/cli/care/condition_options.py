"""What is said of a disease on the command line."""

from datetime import date
from typing import Annotated

import typer

from surveillance.cli.options import iso_day
from surveillance.core.words import Side

BodySite = Annotated[str, typer.Option("--body-site", metavar="WORDS", help="Where the primary is, such as thigh.")]
OnSide = Annotated[Side, typer.Option("--side", help="On which side of the body.")]
Code = Annotated[str, typer.Option("--code", help="The diagnosis by a code, such as C49.2.")]
CodeSystem = Annotated[str, typer.Option("--code-system", metavar="URI", help="The list that the code is from.")]
Grade = Annotated[str, typer.Option("--grade")]
Margin = Annotated[str, typer.Option("--margin", help="Of the resection, such as R0.")]
Stage = Annotated[str, typer.Option("--stage")]
DiagnosedOn = Annotated[
    date | None, typer.Option("--diagnosed-on", parser=iso_day, metavar="DATE", help="The day of the diagnosis.")
]
