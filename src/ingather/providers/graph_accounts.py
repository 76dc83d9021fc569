"""The accounts a Graph source reads for: a token each, its way out, what must stay hidden."""

import hashlib
import hmac
from collections.abc import Sequence

from ingather import errors
from ingather.domain.job import Owner


class Account:
    """One token and the Instagram account it reads for, found at the first need of it.

    key: what shares its limit, a fingerprint of the token, never the token. dead_until: epoch
    seconds until which it is not asked for what others may be asked for, its token being dead.
    """

    def __init__(self, token: str, account_id: str | None, proof: str | None) -> None:
        self.headers = {"Authorization": f"Bearer {token}"}
        self.proof = f"&appsecret_proof={proof}" if proof else ""
        self.secrets = tuple(secret for secret in (token, proof) if secret)
        self.account_id = account_id
        self.owner: Owner | None = None
        self.key = _fingerprint(self.headers["Authorization"])
        self.dead_until = 0.0

    def __repr__(self) -> str:
        return f"Account({self.account_id})"


def pool(
    token: str | Sequence[str], account_id: str | Sequence[str] | None, app_secret: str | None
) -> list[Account]:
    """Tokens and account ids in pairs, in order; one token may serve several accounts.

    Either may be one text with commas. Raises BadSetting.
    """
    tokens, ids = _several(token), _several(account_id)
    if len(tokens) == 1 and len(ids) > 1:
        tokens *= len(ids)
    if ids and len(ids) != len(tokens):
        raise errors.BadSetting(
            f"There are {len(tokens)} access tokens and {len(ids)} account ids; give one each."
        )
    if not all(one.isdecimal() and one.isascii() for one in ids):
        raise errors.BadSetting("An Instagram account id is a number.")
    if not all(token.isascii() and token.isprintable() and " " not in token for token in tokens):
        raise errors.BadSetting("An access token has a character that no token has.")
    accounts: list[str | None] = [*ids] or [None] * len(tokens)
    pairs = zip(tokens, accounts, strict=True)
    return [Account(token, one, proof_of(token, app_secret)) for token, one in pairs]


def _several(given: str | Sequence[str] | None) -> list[str]:
    parts = given.split(",") if isinstance(given, str) else given or ()
    return [part.strip() for part in parts if part.strip()]


def proof_of(token: str, app_secret: str | None) -> str | None:
    """`appsecret_proof`: the token, signed with the app's secret."""
    if not app_secret:
        return None
    return hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def limit_key(pool: Sequence[Account]) -> str:
    """A name for these tokens together; of one alone it is its own key."""
    return _fingerprint("\n".join(account.headers["Authorization"] for account in pool))


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
