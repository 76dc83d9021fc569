"""From a request to its answer: routing, entry, faults, and a memory of what was rendered."""

from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import msgspec

from ingather.sandbox import beacon, catalogue, faults, ids, login
from ingather.sandbox.answers import Answer, GraphError, dump, plain_json, unknown_object
from ingather.sandbox.calls import Call, understand
from ingather.sandbox.graph import Graph
from ingather.sandbox.hiker import Hiker
from ingather.sandbox.options import (
    APP_SECRET,
    BEACON_PATH,
    CONTROL_PATH,
    HIKER_PATH,
    TSA_PATH,
    WEB_PATH,
    Options,
)
from ingather.sandbox.pager import View
from ingather.sandbox.pages import Pages
from ingather.sandbox.state import State, Wish
from ingather.sandbox.wire import Request
from ingather.sandbox.world import World

if TYPE_CHECKING:
    from ingather.sandbox.tsa import Authority

_CALL_BYTES = 2000  # a call understood, without its body, roughly
_LOGIN_KINDS = {
    "dialog",
    "oauth",
    "debug_token",
    "authorize",
    "ig_code",
    "ig_exchange",
    "ig_refresh",
}


class App:
    """One sandbox's answers; called with a request, it never raises."""

    def __init__(self, options: Options, base: str) -> None:
        self.state = State(options)
        self.world = World(options.seed)
        self.graph = Graph(self.world)
        self.login = login.Login(options.seed)
        self.hiker = Hiker(self.state, self.world)
        self.pages = Pages(self.state, self.world)
        self._base = base
        self._known: OrderedDict[tuple[str, str], Call] = OrderedDict()
        self._kept = 0
        self._keep_most = options.cache_mb << 20
        self._debug = "x" * 64

    def __call__(self, request: Request) -> Answer:
        target = request.target
        if target.startswith(CONTROL_PATH):
            return self._control(request)
        if target.startswith(f"{HIKER_PATH}/"):
            return self.hiker(request)
        if target.startswith(TSA_PATH):
            return self._stamp(request)
        if target.startswith(f"{BEACON_PATH}/"):
            return beacon.answer(target, late=self.state.beacon_late, false=self.state.beacon_false)
        if target.startswith(f"{WEB_PATH}/"):
            return self.pages(request)
        key = (target, request.headers.get("authorization", ""))
        call = self._known.get(key) if request.method == "GET" else None
        if call is None:
            call = understand(request, self.graph)
            if call.kind == "catalogue":
                return plain_json(catalogue.describe(self.world, self._base))
            if request.method == "GET":
                call.key = key
                self._known[key] = call
                self._trim(_CALL_BYTES)
        else:
            self._known.move_to_end(key)
        return self._answer(call)

    def delay(self, request: Request) -> float:
        """Seconds from a request's arrival to its answer; whoever sets them does not wait."""
        told = request.target.startswith(CONTROL_PATH)
        return 0.0 if told else self.state.latency_ms / 1000

    @cached_property
    def _authority(self) -> "Authority":
        from ingather.sandbox.tsa import Authority

        return Authority()

    def _stamp(self, request: Request) -> Answer:
        """The time-stamp authority: a POST is stamped, /root.pem is its root."""
        if request.target == f"{TSA_PATH}/root.pem":
            return Answer(body=self._authority.root, content_type="application/x-pem-file")
        try:
            stamped = self._authority.answer(request.body)
        except ValueError:
            return Answer(status=400, body=b"This is no time-stamp request.")
        return Answer(body=stamped, content_type="application/timestamp-reply")

    def control(self, wish: Wish) -> dict[str, object]:
        """Set what is wished for; the state after it. ValueError where it cannot be."""
        if wish.reset or wish.late is not msgspec.UNSET:
            self.world.come({} if wish.late is msgspec.UNSET else wish.late)
        self.state.apply(wish)
        self._known.clear()  # an answer may depend on anything that was set
        self._kept = 0
        return self.state.report()

    def _answer(self, call: Call) -> Answer:
        state = self.state
        number = state.enter(call.method, call.kind, call.shown, call.token_in_query, call.cost)
        trace = f"A{ids.mix(state.options.seed, number):016x}"
        fault = state.plan.strike(
            number,
            limit=call.limit,
            paged=call.paged,
            within=state.within(call.kind, call.post),
        )
        answer = self._struck(call, number, trace, fault) if fault else None
        if answer is None:
            try:
                answer = self._kept_answer(call) or self._true(call)
            except GraphError as error:
                answer = error.answer(trace)
            if fault and answer.status == 200:
                answer = faults.bent(fault, answer)
        self._dress(answer, call, trace)
        return answer

    def _struck(self, call: Call, number: int, trace: str, fault: str) -> Answer | None:
        state = self.state
        state.note(fault)
        if fault in faults.TOKEN_DEATHS and call.token is not None:
            state.dead[call.token] = faults.TOKEN_DEATHS[fault]
        elif fault == "deadcursor":
            self.control(Wish(kill_cursors=True))
            call.body = None
        elif fault not in faults.ANSWERS:
            state.plan.bends[fault] = 1.0  # a paging fault by schedule is on from here
            call.body = None
        return faults.instead(
            fault,
            trace,
            retry_after=state.retry_after,
            minutes=state.regain_minutes,
            call=number,
        )

    def _kept_answer(self, call: Call) -> Answer | None:
        """The body that was kept, where there is one; entry is checked again each time."""
        if call.body is None or self.state.bends(call.kind, call.post):
            return None
        self._enter(call)
        return Answer(body=call.body)

    def _true(self, call: Call) -> Answer:
        """The answer of a world that is well."""
        if call.kind in _LOGIN_KINDS:
            return self._logging_in(call)
        self._enter(call)
        if call.method not in ("GET", "HEAD"):
            raise GraphError(100, "Unsupported post request.", subcode=33)
        bends = self.state.bends(call.kind, call.post)
        view = View(
            base=self._base + call.prefix,
            token=call.token or "",
            seed=self.world.seed,
            epoch=self.state.epoch,
            faults=bends,
            granted="instagram_manage_comments" not in self.state.without,
            insights="instagram_manage_insights" not in self.state.without,
        )
        body = dump(self._read(call, view))
        if not bends and call.method == "GET":
            self._keep(call, body)
        return Answer(body=body)

    def _read(self, call: Call, view: View) -> dict[str, object]:
        match call.parts:
            case []:
                return self.graph.nodes(call.params["ids"], call.params, view)
            case [object_id]:
                return self.graph.node(object_id, call.params, view)
            case ["me", "permissions"]:
                return login.permissions(self.state.without)
            case [object_id, edge]:
                return self.graph.edge(object_id, edge, call.params, view)
        raise GraphError(2500, f"Unknown path components: /{'/'.join(call.parts[1:])}")

    def _logging_in(self, call: Call) -> Answer:
        match call.kind:
            case "dialog" | "authorize":
                return self.login.dialog(call.params, self.state.deny)
            case "oauth":
                return self.login.token(call.params)
            case "ig_code":
                return self.login.instagram_code(call.params)
            case "ig_exchange" if call.params.get("client_secret") != APP_SECRET:
                raise GraphError(1, "Error validating client secret.")
            case "ig_exchange" | "ig_refresh":
                self._enter(call)
                return self.login.long_lived()
        self._enter(call)
        return self.login.debug(call.params, self.state.dead, self.state.without)

    def _enter(self, call: Call) -> None:
        """Let a call in, or say why not as Meta does."""
        state = self.state
        if not call.token:
            if call.parts[:1] == ["me"]:
                raise GraphError(
                    2500,
                    "An active access token must be used to query information about the current "
                    "user.",
                )
            raise GraphError(104, "An access token is required to request this resource.")
        if call.token in state.dead:
            raise login.dead(state.dead[call.token])
        if call.token not in self.login.tokens:
            raise GraphError(190, "Invalid OAuth access token - Cannot parse access token")
        if call.proof_fits is False:
            raise GraphError(
                100,
                "Invalid appsecret_proof provided in the API argument",
                kind="GraphMethodException",
            )
        if call.proof_fits is None and state.require_proof:
            raise GraphError(
                100,
                "API calls from the server require an appsecret_proof argument",
                kind="GraphMethodException",
            )
        if state.budget is not None and state.spent > state.budget:
            state.note("budget")
            message = "(#4) Application request limit reached"
            raise GraphError(4, message, status=403, is_transient=True)

    def _keep(self, call: Call, body: bytes) -> None:
        if self._known.get(call.key) is not call:
            return
        call.body = body
        self._trim(len(body))

    def _trim(self, more: int) -> None:
        """Make room: the calls that were longest not asked for go first."""
        self._kept += more
        while self._kept > self._keep_most and self._known:
            _, oldest = self._known.popitem(last=False)
            self._kept -= _CALL_BYTES + len(oldest.body or b"")

    def _dress(self, answer: Answer, call: Call, trace: str) -> None:
        """The headers that every answer of Meta's wears; usage only after enough calls."""
        state, headers = self.state, answer.headers
        headers["facebook-api-version"] = call.version
        headers["x-fb-trace-id"] = trace
        headers["x-fb-rev"] = "1029384756"
        headers["x-fb-debug"] = f"{self._debug}=="
        headers["cache-control"] = "private, no-cache, no-store, must-revalidate"
        if state.total > state.options.usage_after:
            share = state.spent * 100 // max(1, state.budget or 1_000_000)
            if "x-app-usage" not in headers:
                headers["x-app-usage"] = faults.usage_of_app(share)
            if "x-business-use-case-usage" not in headers and call.kind not in _LOGIN_KINDS:
                headers["x-business-use-case-usage"] = faults.usage_of_account(share)

    def _control(self, request: Request) -> Answer:
        """The door for tests: GET shows, POST sets, /_control/calls tells what was called."""
        url = urlsplit(request.target)
        if url.path == f"{CONTROL_PATH}/calls":
            since = dict(parse_qsl(url.query)).get("since", "0")
            after = int(since) if since.isdecimal() else 0
            calls = [one for one in self.state.log if one.number > after]
            return Answer(body=msgspec.json.encode({"calls": calls}))
        if url.path != CONTROL_PATH:
            return unknown_object("_control").answer("A")
        if request.method != "POST":
            return plain_json(self.state.report())
        try:
            wish = msgspec.json.decode(request.body or b"{}", type=Wish)
            return plain_json(self.control(wish))
        except (msgspec.DecodeError, ValueError) as error:
            answer = plain_json({"error": str(error)})
            answer.status = 400
            return answer
