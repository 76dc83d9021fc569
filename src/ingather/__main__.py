"""The way in from a shell: `ingather` and `python -m ingather`."""

from ingather.cli import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
