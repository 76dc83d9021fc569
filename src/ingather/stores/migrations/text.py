"""SQL of a revision, as text: one statement after the other, in the words of its database."""

from alembic import op


def run(text: str = "", *, sqlite: str = "", postgresql: str = "") -> None:
    """Run what both databases understand, then what only the one at hand does."""
    for statements in (text, {"sqlite": sqlite, "postgresql": postgresql}[dialect()]):
        for statement in statements.split(";\n"):
            if plain := statement.strip(" \n;"):
                op.execute(plain.replace(":", "\\:"))  # else what follows one is a value's name


def dialect() -> str:
    """sqlite or postgresql."""
    return str(op.get_context().dialect.name)
