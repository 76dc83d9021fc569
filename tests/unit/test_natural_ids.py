"""What a record is known by within a job."""

from hypothesis import given
from hypothesis import strategies as st

from ingather.domain.records import Comment, Media, User, natural_id, natural_ids

IDS = st.none() | st.sampled_from(["", "1", "17", "@a", "~b"])
NAMES = st.none() | st.sampled_from(["Ann", "ann", "b"])
PAGES = (
    st.lists(st.builds(User, user_id=IDS, username=NAMES))
    | st.lists(st.builds(Media, media_id=IDS, caption=NAMES))
    | st.lists(
        st.builds(
            Comment, comment_id=IDS, user_id=IDS, username=NAMES, timestamp=NAMES, text=NAMES,
            like_count=st.none(), parent_comment_id=IDS,
        )
    )
)  # fmt: skip


@given(PAGES)
def test_a_page_has_the_ids_of_its_records(page):
    """Read together or one by one, the ids are the same."""
    assert natural_ids(page) == [natural_id(record) for record in page]
