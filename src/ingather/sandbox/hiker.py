"""HikerAPI: accounts, lists, comments and posts for units of money, with all its oddities."""

import time
from collections import deque
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from ingather.sandbox import faults
from ingather.sandbox import hiker_answers as answers
from ingather.sandbox.answers import Answer
from ingather.sandbox.hiker_answers import HikerError, dump
from ingather.sandbox.hiker_lists import WAYS, Call, Lists, Way
from ingather.sandbox.hiker_pages import BadCursor
from ingather.sandbox.options import HIKER_KEY, HIKER_PATH
from ingather.sandbox.state import State, Wish
from ingather.sandbox.wire import Request
from ingather.sandbox.world import World

_PLENTY = 1_992_006
_USUAL_RATE = 15


_RETIRED = ("gql/user/by/username", "gql/user/by/id")


class Hiker:
    """The service's answers; called with a request, it never raises."""

    def __init__(self, state: State, world: World) -> None:
        self.state = state
        self.lists = Lists(state, world)
        self._recent: deque[float] = deque()

    def __call__(self, request: Request) -> Answer:
        url = urlsplit(request.target)
        pairs = parse_qsl(url.query, keep_blank_values=True)
        params = {name: value for name, value in pairs if name != "access_key"}
        path = unquote(url.path).removeprefix(HIKER_PATH).strip("/")
        way = WAYS.get(path)
        kind = way.kind if way else "hiker_balance" if path == "sys/balance" else "hiker_other"
        in_query = len(params) < len(pairs) and "access_key" in dict(pairs)
        shown = f"/{path}" + (f"?{urlencode(params)}" if params else "")
        number = self.state.enter(request.method, kind, shown, in_query, 0)
        key = request.headers.get("x-access-key") or dict(pairs).get("access_key", "")
        subject = params.get(way.needs) if way else None
        paged = bool(way and params.get(way.cursor))
        within = self.state.within(kind, subject)
        fault = self.state.plan.strike(number, limit=100, paged=paged, within=within)
        answer = self._before(request, fault, key, number)
        if answer is None:
            answer = self._within(path, way, params, fault, number)
            if fault and answer.status == 200:
                answer = faults.bent(fault, answer)
        return answer

    def _before(self, request: Request, fault: str | None, key: str, number: int) -> Answer | None:
        """What is said before anybody looks at what was asked for."""
        agent = request.headers.get("user-agent", "")
        if not agent or agent.startswith("Python-urllib"):
            return answers.cloudflare()
        refusal: HikerError | Answer | None = None
        if fault:
            refusal = self._strike(fault, key, number)
        if refusal is None and (key != HIKER_KEY or key in self.state.dead):
            refusal = HikerError(401, "Access key is not valid", "Unauthorized")
        if refusal is None and request.method != "GET":
            refusal = HikerError(405, "Method Not Allowed")
        if refusal is None and self._too_fast():
            refusal = answers.too_fast()
        return self._billed(refusal, number) if isinstance(refusal, HikerError) else refusal

    def _strike(self, fault: str, key: str, number: int) -> HikerError | Answer | None:
        state = self.state
        state.note(fault)
        if fault in faults.TOKEN_DEATHS:
            state.dead[key] = faults.TOKEN_DEATHS[fault]
        elif fault == "deadcursor":
            state.apply(Wish(kill_cursors=True))
        elif fault not in faults.ANSWERS:
            state.plan.bends[fault] = 1.0
        return answers.struck(fault) or faults.instead(
            fault, "", retry_after=state.retry_after, minutes=state.regain_minutes, call=number
        )

    def _within(
        self, path: str, way: Way | None, params: dict[str, str], fault: str | None, number: int
    ) -> Answer:
        """The true answer, billed."""
        try:
            if path == "sys/balance":
                return Answer(body=dump(self._balance()), content_type=answers.JSON)
            if way is None:
                retired = answers.struck("retired") if path in _RETIRED else None
                assert not isinstance(retired, Answer)
                raise retired or HikerError(404, "Not Found")
            if not params.get(way.needs):
                raise answers.missing(way.needs)
            units = 1 if params.get("force") == "on" else way.units
            if self.state.hiker_requests is not None and self.state.hiker_requests < units:
                raise answers.no_balance()
            bends = dict(self.state.bends(way.kind, params[way.needs]))
            if fault in faults.OF_HIKER:
                bends[fault] = 1.0
            body = dump(self.lists.tell(Call(path, way, params, bends)))
        except BadCursor:
            error = HikerError(400, "Wrong value of cursor", "ValidationError", billed=1)
            return self._billed(error, number)
        except HikerError as error:
            return self._billed(error, number)
        answer = Answer(body=body, content_type=answers.JSON)
        self._spend(units)
        answers.bill(answer, units, number)
        return answer

    def _billed(self, error: HikerError, number: int) -> Answer:
        answer = error.answer()
        self._spend(error.billed)
        answers.bill(answer, error.billed, number)
        return answer

    def _spend(self, units: int) -> None:
        self.state.hiker_billed += units
        if self.state.hiker_requests is not None:
            self.state.hiker_requests = max(0, self.state.hiker_requests - units)

    def _too_fast(self) -> bool:
        """Whether a call is beyond the rate of the last second."""
        if self.state.hiker_rate is None:
            return False
        now, recent = time.monotonic(), self._recent
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) >= self.state.hiker_rate:
            self.state.note("rate")
            return True
        recent.append(now)
        return False

    def _balance(self) -> dict[str, object]:
        left = self.state.hiker_requests
        left = _PLENTY - self.state.hiker_billed if left is None else left
        rate = self.state.hiker_rate or _USUAL_RATE
        return {"requests": left, "rate": rate, "currency": "USD", "amount": 916.3235}
