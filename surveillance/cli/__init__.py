"""The command line: ``surveillance --help``."""


def main() -> None:
    """The entry point of the ``surveillance`` program."""
    from surveillance.cli.root import app  # here, so that importing one module of commands does not import all

    app(prog_name="surveillance")
