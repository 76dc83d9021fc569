"""Nodes and edges of the Graph API, rendered for one asker."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from ingather.sandbox import fields as expansion
from ingather.sandbox import insights, others, pager
from ingather.sandbox.answers import GraphError, invalid, unknown_object
from ingather.sandbox.fields import Field
from ingather.sandbox.kinds import ID_ONLY, KINDS, Getter, Kind, check
from ingather.sandbox.others import Other
from ingather.sandbox.pager import Ask, Edge, View
from ingather.sandbox.things import PAGES, PERSON, Account, Child, Comment, Page, Person, Post
from ingather.sandbox.world import World

Node = Account | Post | Child | Comment | Person | Page
Write = Callable[[Any], dict[str, object]]
_KIND_NAMES: dict[type, str] = {
    Account: "user",
    Post: "media",
    Child: "child",
    Comment: "comment",
    Person: "person",
    Page: "page",
}
_SINGLE: dict[str, Node] = {"me": PERSON, PERSON.id: PERSON, **{page.id: page for page in PAGES}}
_COMMENTS_MOST = 50
_NEEDS_SCOPE = ("from", "username")


class Graph(Struct, frozen=True):
    """Answers to reads; holds nothing but the world."""

    world: World

    def find(self, object_id: str) -> Node:
        """The object of that id; 100/33 where this account has none."""
        world = self.world
        if object_id == world.account.id:
            return world.account
        node = (
            _SINGLE.get(object_id)
            or world.post(object_id)
            or world.comment(object_id)
            or world.child(object_id)
        )
        if node is None:
            raise unknown_object(object_id)
        return node

    def post_of(self, object_id: str) -> str | None:
        """The id of the post that an object belongs to, for faults that hit one post alone."""
        world = self.world
        post = world.post(object_id)
        if post is not None:
            return post.id
        comment = world.comment(object_id)
        return comment.post.id if comment else None

    def node(self, object_id: str, params: dict[str, str], view: View) -> dict[str, object]:
        """`GET /{id}`."""
        node = self.find(object_id)
        kind = _kind(node)
        fields = asked(params.get("fields")) or kind.defaults
        check(kind, fields, KINDS)
        return self._writer(kind, fields, view)(node)

    def nodes(self, object_ids: str, params: dict[str, str], view: View) -> dict[str, object]:
        """`GET /?ids=a,b`."""
        wanted = [one for one in object_ids.split(",") if one]
        if not wanted or len(wanted) > 50:
            raise invalid("param ids must have between 1 and 50 ids")
        return {one: self.node(one, params, view) for one in wanted}

    def edge(
        self, object_id: str, name: str, params: dict[str, str], view: View
    ) -> dict[str, object]:
        """`GET /{id}/{edge}`."""
        node = self.find(object_id)
        if name == "insights" and isinstance(node, Post):
            return insights.tell(node, params.get("metric"), granted=view.insights)
        if name == "insights" and isinstance(node, Account):
            metrics, kind_asked = params.get("metric"), params.get("metric_type")
            return insights.tell_account(node, metrics, kind_asked, granted=view.insights)
        kind = _kind(node)
        if name not in kind.edges:
            raise GraphError(2500, f"Unknown path components: /{name}")
        rows = KINDS[kind.edges[name]]
        text = params.get("fields")
        fields = asked(text) or rows.defaults
        check(rows, fields, KINDS)
        ask = Ask(params.get("limit"), params.get("after"), params.get("before"), text)
        return pager.page(
            self._edge(node, name, self._writer(rows, fields, view), params), ask, view
        )

    def _writer(self, kind: Kind, fields: Sequence[Field], view: View) -> Write:
        """What turns a node into the fields asked for; what it does not have is left out."""
        makers = [
            (field.name, self._maker(kind, field, view))
            for field in fields
            if view.granted or kind is not KINDS["comment"] or field.name not in _NEEDS_SCOPE
        ]
        world, adds_id = self.world, all(name != "id" for name, _ in makers)

        def write(node: Any) -> dict[str, object]:
            out: dict[str, object] = {}
            for name, make in makers:
                value = make(node, world)
                if value is not None:
                    out[name] = value
            if adds_id:
                out["id"] = node.id
            return out

        return write

    def _maker(self, kind: Kind, field: Field, view: View) -> Getter:
        """How one field is made of a node: told by it, linked from it, or a list within it."""
        name = field.name
        if name in kind.edges:
            return self._within(KINDS[kind.edges[name]], field, view)
        if name in kind.finders:
            argument, sort = kind.finders[name]
            if not view.insights:
                raise GraphError(10, "(#10) Application does not have permission for this action")
            tell = self._writer(KINDS[sort], field.inner or ID_ONLY, view)
            wanted = field.args[argument]
            return lambda node, world: tell(others.find(wanted, world.seed))
        get = kind.plain[name]
        if name in kind.links:
            write = self._writer(KINDS[kind.links[name]], field.inner or ID_ONLY, view)
            return lambda node, world: write(linked) if (linked := get(node, world)) else None
        if name not in kind.objects or (name == "from" and not field.inner):
            return get
        names = {inner.name for inner in field.inner or ()} | {"id"}

        def choose(node: object, world: World) -> object:
            value = get(node, world)
            if not isinstance(value, dict):
                return value
            return {key: value[key] for key in value if key in names}

        return choose

    def _within(self, rows: Kind, field: Field, view: View) -> Getter:
        """An edge inside a node; left out where it has no rows."""
        write = self._writer(rows, field.inner or rows.defaults, view)
        args = field.args
        ask = Ask(args.get("limit"), args.get("after"), args.get("before"), field.source, True)

        def make(node: Any, _: World) -> object:
            if type(node) is Comment and not node.replies and not node.post.late:
                return None  # said here, because most comments have none and time counts
            edge = self._edge(node, field.name, write, args)
            return pager.page(edge, ask, view) if edge.size or edge.after_all else None

        return make

    def _edge(self, node: Node, name: str, write: Write, args: dict[str, str]) -> Edge:
        world = self.world
        if isinstance(node, Comment):
            post, first, late = node.post, node.number + 1, node.late  # oldest first
            own = node.replies
            return Edge(
                node.id,
                name,
                own + len(late),
                lambda at: write(world.row(post, first + at if at < own else late[at - own])),
                _COMMENTS_MOST,
            )
        if name == "accounts":
            return Edge(node.id, name, len(PAGES), lambda at: write(PAGES[at]))
        if isinstance(node, Other):
            other = node
            return Edge(node.id, name, other.size, lambda at: write(other.post(at)), 50, bare=True)
        if name == "media":
            posts = _between(world.posts, args)
            return Edge(node.id, name, len(posts), lambda at: write(posts[at]))
        assert isinstance(node, Post)
        if name == "children":
            return Edge(node.id, name, node.children, lambda at: write(world.child_at(node, at)))

        def row(at: int) -> dict[str, object] | None:
            comment = world.top_level(node, at)
            return write(comment) if comment else None

        return Edge(node.id, name, node.positions, row, _COMMENTS_MOST, after_all=node.devmode)


def asked(text: str | None) -> tuple[Field, ...]:
    """The fields of a `fields=` value; #2500 where it cannot be read."""
    try:
        return expansion.parse(text or "")
    except expansion.Malformed as error:
        raise GraphError(2500, str(error)) from None


def _kind(node: Node) -> Kind:
    return KINDS[_KIND_NAMES[type(node)]]


def _between(posts: list[Post], args: dict[str, Any]) -> list[Post]:
    """Posts created within `since`..`until`, unix seconds."""
    bounds: dict[str, int] = {}
    for name in ("since", "until"):
        if name in args:
            if not str(args[name]).isdecimal():
                raise invalid(f"param {name} must be a unix time")
            bounds[name] = int(args[name])
    if not bounds:
        return posts
    since, until = bounds.get("since", 0), bounds.get("until", 1 << 62)
    return [post for post in posts if since <= post.created <= until]
