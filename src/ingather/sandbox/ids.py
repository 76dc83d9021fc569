"""Numbers of the sandbox: seeded hashing, and the rule between a media pk and its shortcode."""

from string import ascii_lowercase, ascii_uppercase, digits

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_ALPHABET = ascii_uppercase + ascii_lowercase + digits + "-_"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}


def mix(seed: int, number: int = 0) -> int:
    """64 well mixed bits of (seed, number): splitmix64, so that any row can be made alone."""
    x = (seed + (number + 1) * _GOLDEN) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def chance(seed: int, number: int) -> float:
    """A number in [0, 1) that depends on (seed, number) alone."""
    return mix(seed, number) / (1 << 64)


def shortcode(pk: int) -> str:
    """The code in a post's address: its pk written in base 64, most significant digit first."""
    letters = []
    while pk:
        pk, value = divmod(pk, 64)
        letters.append(_ALPHABET[value])
    return "".join(reversed(letters))


def pk_of(code: str) -> int:
    """The pk behind a shortcode; KeyError where a letter is not of the alphabet."""
    pk = 0
    for letter in code:
        pk = pk * 64 + _VALUES[letter]
    return pk
