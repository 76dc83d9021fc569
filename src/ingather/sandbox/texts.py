"""What people write: texts and names of every kind that has ever broken an export."""

from functools import lru_cache

_OPENINGS = (
    "Love this", "So good", "Wow", "Where can I buy it?", "Take my money", "Count me in",
    "Best in town", "I want one", "Looks delicious", "Is it vegan?", "Good luck everyone",
    "Happy birthday", "Congrats", "See you on Saturday", "My favourite", "Yes please",
)  # fmt: skip
_TAILS = (
    "", "!", "!!!", " 😍", " 🔥🔥", " ❤️", " 🥐", " 👏🏽", " 😂😂😂", " …", " :)", " 🇨🇭",
    " 👨‍👩‍👧‍👦", " ✨", " 🙏", " 💯",
)  # fmt: skip
_FORMULAS = (
    "=cmd|' /C calc'!A0", "=HYPERLINK(\"http://example.org\",\"win\")", "+1", "-1 for the crust",
    "@SUM(A1:A9)", "\t=1+1", "\r=2+2", "＝1+1", "=1+1\n=2+2", "'=already quoted",
    "＋41 79 000 00 00",
)  # fmt: skip
_FOREIGN = (
    "מזל טוב! איפה קונים?", "مبروك للفائز 🎉", "שלום (hello) עולם", "\u202eright to left\u202c",
    "とても美味しそうです", "好好吃，下次一定去", "정말 맛있어요 ㅠㅠ", "Дайте два, пожалуйста",
    "Ça à l'air délicieux, où êtes-vous ?", "Größe? Schön, süß & knusprig", "สวยมาก", "नमस्ते 🙏",
    "Cafe\u0301 and Caf\u00e9", "I\u0307stanbul'dan selamlar", "zero\u200bwidth",
    "\u00a0nbsp\u00a0",
)  # fmt: skip
_QUOTED = (
    'She said "wow", then "more"', "semi;colon,comma\tand tab", "O'Brien's, the \"best\"",
    '"', '""', ",", ";;;", "a|b|c", "<script>alert(1)</script>", "back\\slash \\n not a newline",
    "100% sure", "{\"json\": [1, 2]}", "NULL", "null", "true", "00123", "1e5", "2026-01-01",
)  # fmt: skip
_LINES = ("First line\nSecond line", "one\n\n\nfour", "\nstarts with a break", "windows\r\nbreak")
_TAGS = ("#sourdough", "#zürich", "#パン", "#giveaway2026", "#bread_lover", "#خبز")
_FIRST = (
    "lena", "marco", "sofia", "jonas", "mia", "noah", "yuki", "amir", "olga", "pierre", "ana",
    "bo", "carmen", "dario", "emil", "fatima",
)  # fmt: skip
_SECOND = ("bakes", "eats", "travels", "photo", "daily", "life", "zrh", "runs")
_JOINTS = ("_", ".", "", "__")
_DIRTY = ("nul\x00inside", "half an emoji \ud83d", "\udc00 other half", "bell\x07 and \x1b[31mred")


@lru_cache(maxsize=1 << 16)
def name(number: int) -> str:
    """The username of user `number`: unique, because the number is in it."""
    first = _FIRST[number % len(_FIRST)]
    second = _SECOND[number // 16 % len(_SECOND)]
    return f"{first}{_JOINTS[number % 4]}{second}{number}"


def plain(bits: int) -> str:
    """An ordinary sentence; some mention a friend or two, as giveaways ask for."""
    text = _OPENINGS[bits & 15] + _TAILS[bits >> 4 & 15]
    friends = bits >> 8 & 7
    if friends > 5:
        text += f" @{name(bits >> 12 & 0xFFF)}"
    if friends > 6:
        text += f" @{name(bits >> 24 & 0xFFF)}"
    return text


def write(bits: int) -> str:
    """The text that belongs to 64 random bits."""
    rest = bits >> 6
    match bits & 63:
        case 0:
            return _LINES[rest & 3]
        case 1 | 2:
            return _FOREIGN[rest % len(_FOREIGN)]
        case 3:
            return _FORMULAS[rest % len(_FORMULAS)]
        case 4:
            return _QUOTED[rest % len(_QUOTED)]
        case 5:
            return f"{_TAGS[rest % 6]} {plain(rest >> 4)} {_TAGS[rest // 7 % 6]}"
        case 6:
            return _TAILS[1 + rest % 15].strip() * (1 + (rest >> 8) % 5)
        case 7 if rest & 7 == 0:
            return (plain(rest >> 3) + " ") * 60 + "🥐" * 100
        case _:
            return plain(rest)


def dirty(bits: int) -> str:
    """Text that JSON can carry and that databases and encoders refuse."""
    return f"{plain(bits >> 4)} {_DIRTY[bits & 3]}"
