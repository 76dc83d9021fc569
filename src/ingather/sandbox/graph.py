"""Nodes and edges of the Graph API, rendered for one asker."""

from collections.abc import Sequence
from typing import Any, cast

from msgspec import Struct

from ingather.sandbox import fields as expansion
from ingather.sandbox import pager
from ingather.sandbox.answers import GraphError, invalid, unknown_object
from ingather.sandbox.fields import Field
from ingather.sandbox.kinds import ID_ONLY, KINDS, Kind, check
from ingather.sandbox.pager import Ask, Edge, View
from ingather.sandbox.things import PAGES, PERSON, Account, Child, Comment, Page, Person, Post
from ingather.sandbox.world import World

Node = Account | Post | Child | Comment | Person | Page
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
_NEEDS_COMMENTS_SCOPE = ("from", "username")


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
        return self.render(node, kind, fields, view)

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
        kind = _kind(node)
        if name not in kind.edges:
            raise GraphError(2500, f"Unknown path components: /{name}")
        rows = KINDS[kind.edges[name]]
        text = params.get("fields")
        fields = asked(text) or rows.defaults
        check(rows, fields, KINDS)
        ask = Ask(params.get("limit"), params.get("after"), params.get("before"), text)
        return pager.page(self._edge(node, name, fields, view, params), ask, view)

    def render(
        self, node: Node, kind: Kind, fields: Sequence[Field], view: View
    ) -> dict[str, object]:
        """A node with the fields asked for; what it does not have is left out, never null."""
        out: dict[str, object] = {}
        plain, world = kind.plain, self.world
        for field in fields:
            name = field.name
            if name in _NEEDS_COMMENTS_SCOPE and not view.granted and type(node) is Comment:
                continue
            if name in plain:
                value = plain[name](node, world)
                if name in kind.links and value is not None:
                    inner = KINDS[kind.links[name]]
                    value = self.render(cast(Node, value), inner, field.inner or ID_ONLY, view)
                elif field.inner and isinstance(value, dict):
                    names = {inner.name for inner in field.inner} | {"id"}
                    value = {key: value[key] for key in value if key in names}
                elif name in kind.objects and name != "from" and isinstance(value, dict):
                    value = {"id": value["id"]}
            else:
                value = self._embedded(node, field, view)
            if value is not None:
                out[name] = value
        if "id" not in out:
            out["id"] = node.id
        return out

    def _embedded(self, node: Node, field: Field, view: View) -> object:
        """An edge inside a node; left out where it has no rows."""
        kind = KINDS[_kind(node).edges[field.name]]
        edge = self._edge(node, field.name, field.inner or kind.defaults, view, field.args)
        if not edge.size and not edge.after_all:
            return None
        args = field.args
        ask = Ask(args.get("limit"), args.get("after"), args.get("before"), field.source, True)
        return pager.page(edge, ask, view)

    def _edge(
        self, node: Node, name: str, fields: Sequence[Field], view: View, args: dict[str, str]
    ) -> Edge:
        world = self.world
        if isinstance(node, Comment):
            return self._replies(node, fields, view)
        if name == "accounts":
            return Edge(
                node.id,
                name,
                len(PAGES),
                lambda at: self.render(PAGES[at], KINDS["page"], fields, view),
            )
        if name == "media":
            posts = _between(world.posts, args)
            return Edge(
                node.id,
                name,
                len(posts),
                lambda at: self.render(posts[at], KINDS["media"], fields, view),
            )
        assert isinstance(node, Post)
        post = node
        if name == "children":
            return Edge(
                post.id,
                name,
                post.children,
                lambda at: self.render(world.child_at(post, at), KINDS["child"], fields, view),
            )

        def row(at: int) -> dict[str, object] | None:
            comment = world.top_level(post, at)
            return self.render(comment, KINDS["comment"], fields, view) if comment else None

        return Edge(post.id, name, post.positions, row, _COMMENTS_MOST, after_all=post.devmode)

    def _replies(self, comment: Comment, fields: Sequence[Field], view: View) -> Edge:
        post, first = comment.post, comment.number + 1
        size = 0 if comment.place else post.layout.replies(comment.thread)

        def row(at: int) -> dict[str, object]:  # oldest first
            return self.render(self.world.row(post, first + at), KINDS["comment"], fields, view)

        return Edge(comment.id, "replies", size, row, _COMMENTS_MOST)


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
