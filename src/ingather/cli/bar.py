"""The progress of a job while it runs, on a terminal."""

import sys
from typing import TYPE_CHECKING, Any

from ingather import errors
from ingather.cli.run import say
from ingather.cli.show import named, noun
from ingather.domain.job import Counters, Job, TargetState

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Bar:
    """A Watch that draws a bar on a terminal, and says nothing where there is none."""

    def __init__(self, job: Job, *, quiet: bool = False) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._job = job
        self._at = ""
        if quiet or not sys.stderr.isatty():
            return
        self._progress = _progress()

    def __enter__(self) -> "Bar":
        if self._progress is not None:
            self._progress.start()
            what = noun(self._job) if self._job.count == 1 else "targets"
            self._task = self._progress.add_task(
                what.capitalize(), total=_total(self._job), note=""
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _update(self, **changed: Any) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, **changed)

    def began(self, job: Job) -> None:
        self.page(job.counters)
        self.over(job.overview.over)

    def target(self, place: int, state: TargetState) -> None:
        if self._job.count > 1:
            self._at = f"{named(state)} · "
            self.over(place)

    def over(self, targets: int) -> None:
        """So many targets are over."""
        if self._job.count > 1:
            self._update(completed=targets)

    def page(self, counters: Counters) -> None:
        if self._job.count == 1:
            self._update(completed=counters.appended, note=f"{counters.calls} calls")
        else:
            rows = f"{counters.appended:,} {noun(self._job)}"
            self._update(note=f"{self._at}{rows} · {counters.calls:,} calls")

    def retrying(self, error: errors.IngatherError, seconds: float) -> None:
        self._update(note=f"asking again: {error.message}")

    def parked(self, seconds: float) -> None:
        from ingather.cli.waiting import limit

        if self._progress is None and seconds >= 5:
            say(f"{limit(seconds)}; Ctrl-C keeps everything so far.")
        self._update(note=limit(seconds))


def _total(job: Job) -> int | None:
    """What a bar goes to: the rows of a target, as far as they are wanted, or targets."""
    if job.count > 1:
        return job.count
    declared = job.target.declared
    return None if declared is None else min(declared, job.options.most)


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),  # names may be [anything]
        console=Console(stderr=True),
        transient=True,
    )
