import pytest

from tasks.notices.limits import clean, escape, fit, length

FAMILY = "👩\u200d👩\u200d👧"


def test_a_text_that_fits_is_escaped_and_kept() -> None:
    assert fit("a < b & c > d", 100) == "a &lt; b &amp; c &gt; d"


@pytest.mark.parametrize("mention", ["<!here>", "<!channel>", "<@U012AB3CD>", "<#C024BE7LR>", "<https://x|y>"])
def test_no_data_becomes_a_mention_or_a_link(mention: str) -> None:
    assert "<" not in escape(mention)


def test_a_text_is_cut_after_a_word_where_one_ends_near() -> None:
    assert fit("uma frase com palavras", 15) == "uma frase com…"


def test_a_word_without_end_is_cut_where_the_room_ends() -> None:
    assert fit("a" * 10_000, 150) == "a" * 149 + "…"


def test_an_entity_is_kept_or_left_out_whole() -> None:
    assert [fit("&&&", room) for room in (5, 6, 10, 11, 15)] == [
        "…",
        "&amp;…",
        "&amp;…",
        "&amp;&amp;…",
        "&amp;&amp;&amp;",
    ]


@pytest.mark.parametrize("room", range(1, 40))
def test_an_emoji_of_several_code_points_is_kept_or_left_out_whole(room: int) -> None:
    cut = fit(FAMILY * 10, room)
    assert cut == FAMILY * cut.count(FAMILY) + "…"
    assert length(cut) <= room


def test_an_accent_stays_with_its_letter() -> None:
    assert fit("ae\u0301\u0301bcd", 3) == "a…"


@pytest.mark.parametrize(
    "text", ["<b>&</b> " * 2_000, "🙂" * 10_000, "á\u0301" * 10_000, FAMILY * 3_000, "\n" * 9 + "x " * 9_000]
)
@pytest.mark.parametrize("room", [1, 2, 75, 150, 3_000])
def test_no_text_exceeds_its_room(text: str, room: int) -> None:
    assert 0 < length(fit(text, room)) <= room


def test_what_cannot_be_seen_is_taken_out() -> None:
    assert clean("a\x00\x1b[2J\u202eb\ud800c\td\ne ") == "a [2J b c d\ne"
