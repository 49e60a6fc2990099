"""Whose seat a visitor's browser gets: only a trusted proxy's header counts, and only in the web server's account."""

from __future__ import annotations

import pytest

pytest.importorskip("textual_serve")

from workflow.web_desk import Trust, is_same_origin

HEADER = "X-Remote-User"


@pytest.mark.parametrize(
    ("header", "proxies", "peer", "sent", "account"),
    [
        (HEADER, ("127.0.0.1",), "127.0.0.1", "ada", "ada"),
        (HEADER, ("10.0.0.0/8",), "10.1.2.3", "ada", "ada"),
        (HEADER, ("::1",), "::1", "ada", "ada"),
        (HEADER, ("127.0.0.1",), "10.1.2.3", "ada", ""),
        (HEADER, (), "127.0.0.1", "ada", ""),
        ("", ("127.0.0.1",), "127.0.0.1", "ada", ""),
        (HEADER, ("127.0.0.1",), None, "ada", ""),
        (HEADER, ("127.0.0.1",), "127.0.0.1", "ada ben", ""),
        (HEADER, ("127.0.0.1",), "127.0.0.1", "аda", ""),
        (HEADER, ("127.0.0.1",), "127.0.0.1", "a" * 65, ""),
        (HEADER, ("no address",), "127.0.0.1", "ada", ""),
    ],
)
def test_a_name_is_believed_from_a_trusted_proxy_only(
    header: str, proxies: tuple[str, ...], peer: str | None, sent: str, account: str
) -> None:
    assert Trust(header, proxies).account({HEADER: sent}, peer) == account


@pytest.mark.parametrize(
    ("origin", "public_url", "same"),
    [
        ("http://127.0.0.1:8737", "http://127.0.0.1:8737", True),
        ("http://localhost:8737", "http://127.0.0.1:8737", True),
        ("https://review.example", "https://review.example", True),
        ("https://evil.example", "https://review.example", False),
        ("http://evil.example:8737", "http://127.0.0.1:8737", False),
        ("null", "http://127.0.0.1:8737", False),
        ("", "http://127.0.0.1:8737", False),
    ],
)
def test_a_page_of_another_origin_is_refused(origin: str, public_url: str, same: bool) -> None:
    assert is_same_origin({"Origin": origin, "Host": "evil.example:8737"}, public_url) is same
