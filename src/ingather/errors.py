"""What can go wrong, sorted by what the caller can do about it.

IngatherError
├── BadInput            say it differently            exit code 2
│   ├── UnreadablePost, UnresolvableShare, UnreadableName, UnknownFileEnding, UnwritablePath
│   ├── BadEvent        a message that is no event of the refresh
│   ├── AccountNotFound an account that is not among those kept fresh
│   └── BadSetting, JobNotFound, GiveawayNotFound
├── SourceError         the outside world
│   ├── Transient       the same call may succeed soon: retried with jitter
│   │   └── TooMuchData a smaller page may succeed
│   ├── Throttled       park everything that shares the limit, then go on
│   ├── NeedsLogin      the token is dead: pause until somebody logs in
│   ├── NoToken         there is no token at all
│   ├── NoBalance       the paid account is empty: pause until it is topped up
│   ├── NotReachable    the post is gone, foreign or private (one answer for all)
│   │   └── CommentsDisabled
│   ├── DeadCursor      start this list again, once
│   ├── NothingShown    a login wall or an empty shell: nothing is known of the account
│   │   └── WrongPage   another account's page, or none of a profile
│   ├── Implausible     a count that cannot have fallen so
│   ├── Refused         the request itself is at fault: never retried
│   └── SchemaDrift     the answer has not the shape we know
├── DoorError           a request that a door of ours turns away
│   ├── Unauthorized    no key, or none that is valid
│   ├── Forbidden       a key that may not do this, or a page of another site
│   ├── TooManyRequests wait, then ask again
│   ├── TooLarge        a body of more bytes than are read
│   ├── WrongMedia      a body of a kind that is not read
│   ├── Invalid         a field is missing, or has the wrong shape
│   └── KeyReused, KeyInUse   an Idempotency-Key of another request, or of one under way
├── DrawError           a giveaway cannot be drawn as asked (the seeds' words, without a full stop)
│   ├── NoParticipants, TooFewParticipants, NoUniqueWinner
│   ├── RoundNotYet     wait, then draw: nothing is lost
│   └── ExportNotComplete, ExportHasNoComments, ExportNotFound, ExportForbidden
├── BeaconError         the public randomness is not to be had
│   ├── BeaconUnavailable
│   └── BeaconFalse     it is not what the beacon's key signed: never used
└── StoreError          where jobs rest
    ├── LeaseLost       somebody else holds the job: stop without writing
    ├── JobBusy         another live process holds it
    ├── StorageFull     pause, free some room, resume
    ├── StoreUnavailable
    ├── UnsafeRedis     this Redis may forget jobs
    ├── StateLost       part of the job's keys are gone
    └── DamagedRecord   what is stored is not a record

A class's docstring is its default message. `code` is stable and machine-readable. `retry` says
whether the same call may be tried again by a program, without a person.
"""

from typing import ClassVar


class IngatherError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    retry: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip().split("\n\n")[0]
        self.hint = hint
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class BadInput(IngatherError):
    """This cannot be understood."""

    code = "bad_input"
    exit_code = 2


class UnreadablePost(BadInput):
    """This is neither a media id, a shortcode nor the address of a post or reel."""

    code = "unreadable_post"


class UnresolvableShare(BadInput):
    """A /share/ link hides the post's shortcode, and only Instagram can resolve it."""

    code = "unresolvable_share"


class UnreadableName(BadInput):
    """This is neither the name of an account nor a hashtag."""

    code = "unreadable_name"


class UnknownFileEnding(BadInput):
    """No format belongs to this file ending."""

    code = "unknown_file_ending"


class UnwritablePath(BadInput):
    """The file cannot be written there."""

    code = "unwritable_path"


class BadSetting(BadInput):
    """A setting has a value that it cannot have."""

    code = "bad_setting"


class JobNotFound(BadInput):
    """There is no such job."""

    code = "job_not_found"


class BadEvent(BadInput):
    """This message is no event of the refresh."""

    code = "bad_event"


class AccountNotFound(BadInput):
    """There is no such account among those that are kept fresh."""

    code = "account_not_found"


class GiveawayNotFound(BadInput):
    """There is no such giveaway."""

    code = "giveaway_not_found"


class SourceError(IngatherError):
    """The source did not give what was asked for."""

    code = "source_error"


class Transient(SourceError):
    """The source is briefly out of order."""

    code = "source_unavailable"
    retry = True


class TooMuchData(Transient):
    """The source asks for a smaller page."""

    code = "too_much_data"


class Throttled(SourceError):
    """The platform's limit is reached; calls made now would only lengthen the wait.

    wait: seconds until calls may succeed again, None where the platform does not say.
    """

    code = "rate_limit"
    retry = True

    def __init__(self, message: str | None = None, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class NeedsLogin(SourceError):
    """The access token is no longer valid."""

    code = "needs_login"


class NoToken(SourceError):
    """There is no access token."""

    code = "no_token"
    exit_code = 2


class NoBalance(SourceError):
    """The paid account is empty; top it up, then resume."""

    code = "no_balance"


class NotReachable(SourceError):
    """There is no such post or account among those that may be read here: it is gone, private, or
    out of this account's reach; the platform does not say which."""

    code = "not_reachable"


class CommentsDisabled(NotReachable):
    """The author has turned the comments of this post off."""

    code = "comments_disabled"


class NothingShown(SourceError):
    """The page shows a login wall or an empty shell, which says nothing about the account."""

    code = "nothing_shown"


class WrongPage(NothingShown):
    """The page is not the profile that was asked for."""

    code = "wrong_page"


class Implausible(SourceError):
    """A count fell from a positive number to nothing."""

    code = "implausible"


class DeadCursor(SourceError):
    """The source no longer knows the cursor.

    restart: the cursor to go on from, None for the beginning of the list.
    """

    code = "dead_cursor"

    def __init__(self, message: str | None = None, *, restart: str | None = None) -> None:
        super().__init__(message)
        self.restart = restart


class Refused(SourceError):
    """The source refuses the request as it is."""

    code = "refused"


class SchemaDrift(SourceError):
    """The source's answer lacks a field that matters, or has it in another shape."""

    code = "schema_drift"

    def __init__(self, endpoint: str, field: str) -> None:
        super().__init__(f"The answer of {endpoint} has no usable {field}; its shape has changed.")
        self.endpoint = endpoint
        self.field = field


class DoorError(IngatherError):
    """The request was turned away."""

    code = "turned_away"


class Unauthorized(DoorError):
    """This takes a key that is valid."""

    code = "unauthorized"


class Forbidden(DoorError):
    """This is not allowed."""

    code = "forbidden"


class TooManyRequests(DoorError):
    """Too many requests came from this address.

    wait: seconds until one is let in again.
    """

    code = "too_many_requests"
    retry = True

    def __init__(self, message: str | None = None, *, wait: float = 1.0) -> None:
        super().__init__(message)
        self.wait = wait


class TooLarge(DoorError):
    """The body is larger than what is read here."""

    code = "too_large"


class WrongMedia(DoorError):
    """The body is of a kind that is not read here."""

    code = "wrong_media"


class Invalid(DoorError):
    """The request has not the shape that is asked for."""

    code = "invalid"


class KeyReused(DoorError):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"


class KeyInUse(DoorError):
    """The request with this Idempotency-Key is still under way."""

    code = "idempotency_key_in_use"
    retry = True


class StoreError(IngatherError):
    """The store did not do what was asked."""

    code = "store_error"


class LeaseLost(StoreError):
    """Another process has taken this job over; nothing more was written here."""

    code = "lease_lost"


class JobBusy(StoreError):
    """Another process is running this job."""

    code = "job_busy"


class StorageFull(StoreError):
    """There is no room left where jobs rest."""

    code = "storage"
    retry = True


class StoreUnavailable(StoreError):
    """The store does not answer."""

    code = "store_unavailable"
    retry = True


class UnsafeRedis(StoreError):
    """This Redis may forget jobs."""

    code = "unsafe_redis"


class StateLost(StoreError):
    """Part of this job's stored state is gone, so its rows can no longer be told to be complete."""

    code = "state_lost"


class DamagedRecord(StoreError):
    """What is stored under this job is not a readable record."""

    code = "damaged_record"


class DrawError(IngatherError):
    """The giveaway cannot be drawn."""

    code = "draw_error"


class NoParticipants(DrawError):
    """No participants available after filtering"""

    code = "no_participants"


class TooFewParticipants(DrawError):
    """There are fewer participants than winners."""

    code = "too_few_participants"

    def __init__(self, winners: int, participants: int) -> None:
        told = f"Cannot select {winners} winners from {participants} participants"  # noqa: S608
        super().__init__(told)


class NoUniqueWinner(DrawError):
    """No winner was found for a slot whose user had not won yet."""

    code = "no_unique_winner"

    def __init__(self, slot: int, attempts: int) -> None:
        super().__init__(f"Could not find unique winner for slot {slot} after {attempts} attempts")


class ExportNotComplete(DrawError):
    """Export is not complete"""

    code = "export_not_complete"


class ExportHasNoComments(DrawError):
    """Export has no comments"""

    code = "export_has_no_comments"


class ExportNotFound(DrawError):
    """Export not found"""

    code = "export_not_found"


class ExportForbidden(DrawError):
    """Forbidden: You do not own this export"""

    code = "export_forbidden"


class RoundNotYet(DrawError):
    """The round that this giveaway waits for is not there yet.

    wait: seconds until it is due; 0 where it is late.
    """

    code = "round_not_yet"
    retry = True
    exit_code = 3

    def __init__(
        self, message: str | None = None, *, hint: str | None = None, wait: float = 0.0
    ) -> None:
        super().__init__(message, hint=hint)
        self.wait = wait


class BeaconError(IngatherError):
    """The public randomness cannot be had."""

    code = "beacon_error"


class BeaconUnavailable(BeaconError):
    """The beacon does not answer; a draw waits for it."""

    code = "beacon_unavailable"
    retry = True


class BeaconFalse(BeaconError):
    """What came as the beacon's signature is not signed by its key; it was not used."""

    code = "beacon_false"
