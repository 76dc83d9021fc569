"""How databases of earlier versions become those of today: Alembic, over either database."""
