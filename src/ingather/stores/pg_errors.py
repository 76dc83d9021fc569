"""PostgreSQL's errors as ours."""

from asyncpg import exceptions as pg

from ingather import errors

AWAY = (
    OSError,
    TimeoutError,
    pg.PostgresConnectionError,
    pg.OperatorInterventionError,
    pg.TooManyConnectionsError,
    pg.InternalClientError,
)
OURS = (pg.PostgresError, pg.InterfaceError, *AWAY)

_AGAIN = (
    pg.TransactionRollbackError,
    pg.OutdatedSchemaCacheError,
    pg.InvalidCachedStatementError,
    pg.LockNotAvailableError,
    pg.ReadOnlySQLTransactionError,
    pg.IdleInTransactionSessionTimeoutError,
)


def translated(failure: Exception, place: str, *, connecting: bool = False) -> errors.IngatherError:
    """What went wrong at the database in this place."""
    said = _said(failure)
    if isinstance(failure, pg.DiskFullError):
        return errors.StorageFull(
            f"There is no room left in the PostgreSQL database {place}.",
            hint="Free some, then run the same command: everything so far is kept.",
        )
    if isinstance(failure, pg.InvalidAuthorizationSpecificationError | pg.InvalidCatalogNameError):
        return errors.BadSetting(
            f"The PostgreSQL at {place} refuses us: {said}.",
            hint="Check the user, the password and the database in DATABASE_URL.",
        )
    if isinstance(failure, pg.InsufficientPrivilegeError):
        return errors.BadSetting(
            f"The PostgreSQL at {place} does not let us do our work: {said}.",
            hint="The user in DATABASE_URL must own its tables and may make new ones.",
        )
    if isinstance(failure, pg.DataCorruptedError | pg.IndexCorruptedError):
        return errors.DamagedRecord(f"The PostgreSQL database {place} is damaged: {said}.")
    if isinstance(failure, pg.ClientConfigurationError):
        return errors.BadSetting(
            "DATABASE_URL is not an address of a PostgreSQL database.",
            hint="It looks like postgresql://USER:PASSWORD@HOST:5432/DATABASE.",
        )
    # A ValueError is a value that its column cannot hold; other such errors are of a closed
    # connection.
    closed = isinstance(failure, pg.InterfaceError) and not isinstance(failure, ValueError)
    if closed or isinstance(failure, (*AWAY, *_AGAIN)):
        how = "cannot be reached" if connecting else "does not answer"
        return errors.StoreUnavailable(f"The PostgreSQL at {place} {how}: {said}.")
    return errors.StoreError(f"The PostgreSQL at {place} refused a statement: {said}.")


def _said(failure: Exception) -> str:
    """The error in a few words; never its detail, in which PostgreSQL quotes values."""
    if isinstance(failure, TimeoutError):
        return "no answer in time"
    # An internal error is of a connection that died while nobody used it.
    gone = pg.InterfaceError | pg.ConnectionDoesNotExistError | pg.InternalClientError
    if isinstance(failure, gone) and not isinstance(failure, ValueError):
        return "the connection was lost"
    if isinstance(failure, OSError):
        return failure.strerror or "nobody is there"
    return str(failure.args[0] if failure.args else type(failure).__name__).splitlines()[0]
