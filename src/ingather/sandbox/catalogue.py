"""What is to be had in a sandbox, told at its front door."""

from ingather.sandbox.faults import NAMES
from ingather.sandbox.hiker_world import MOODS, POSTS, post_pk
from ingather.sandbox.options import (
    APP_ID,
    APP_SECRET,
    BEACON_PATH,
    CONTROL_PATH,
    HIKER_KEY,
    HIKER_PATH,
    TOKEN,
    TSA_PATH,
    VERSION,
    WEB_PATH,
)
from ingather.sandbox.others import ABSENT, SIZED
from ingather.sandbox.world import FLAT_PREFIX, MIXED_PREFIX, MOST_ON_DEMAND, World


def describe(world: World, base: str) -> dict[str, object]:
    """The catalogue: addresses, the account, the named posts and what can be asked beside them."""
    posts: list[dict[str, object]] = []
    for post in world.named:
        top_level, replies = post.listed()
        posts.append(
            {
                "name": post.name,
                "description": post.description,
                "id": post.id,
                "shortcode": post.shortcode,
                "permalink": post.permalink,
                "media_type": post.media_type,
                "media_product_type": post.product,
                "comments_count": post.comments_count,
                "listed": top_level + replies,
                "top_level": top_level,
                "replies": replies,
            }
        )
    return {
        "graph_url": f"{base}/{VERSION}",
        "login_url": f"{base}/{VERSION}/dialog/oauth",
        "hiker_url": f"{base}{HIKER_PATH}",
        "beacon_url": f"{base}{BEACON_PATH}",
        "tsa_url": f"{base}{TSA_PATH}",
        "web_url": f"{base}{WEB_PATH}",
        "hiker_key": HIKER_KEY,
        "hiker_accounts": [f"{mood}120" for mood in MOODS],
        "hiker_posts": {mood: post_pk(mood, 120) for mood in POSTS},
        "others": [f"{sort}120" for sort in SIZED],
        "no_professionals": list(ABSENT),
        "control": f"{base}{CONTROL_PATH}",
        "seed": world.seed,
        "account": {"id": world.account.id, "username": world.account.username},
        "token": TOKEN,
        "app_id": APP_ID,
        "app_secret": APP_SECRET,
        "posts": posts,
        "other_posts": len(world.posts) - len(world.named),
        "on_demand": {
            "flat": f"{FLAT_PREFIX}<rows, ten digits>",
            "mixed": f"{MIXED_PREFIX}<rows with replies, ten digits>",
            "most": MOST_ON_DEMAND,
        },
        "faults": list(NAMES),
    }
