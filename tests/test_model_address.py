"""What a user names as a model that lies elsewhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras.errors import UserError
from pnn_keras.model_address import (
    HubAddress,
    WebAddress,
    folder_name,
    model_name,
    parse_address,
)

SUM = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text", ["gender-emotion", "./x", "a/b.keras", "C:\\x", "C://x", "", "x#y", "a@b"]
)
def test_names_and_paths_are_no_addresses(text):
    assert parse_address(text) is None


def test_archive_is_named_with_its_sum():
    address = parse_address(f"https://example.org/a/x.tar.gz?download=1#sha256={SUM.upper()}")
    assert address == WebAddress("https://example.org/a/x.tar.gz?download=1", SUM)
    assert parse_address(str(address)) == address


def test_the_sum_may_come_beside_the_address():
    assert parse_address("https://example.org/x.zip", SUM).sha256 == SUM


def test_archive_without_a_sum_says_how_and_why():
    with pytest.raises(UserError, match="could put another.*Nothing was downl.*x.zip#sha256=HEX"):
        parse_address("https://example.org/x.zip")


@pytest.mark.parametrize(
    ("text", "sha256", "message"),
    [
        ("https://example.org/x.zip#sha256=12", None, "64 hex digits"),
        (f"https://example.org/x.zip#md5={SUM}", None, "64 hex digits"),
        ("https://example.org/x.zip", "g" * 64, "64 hex digits"),
        (f"https://example.org/x.zip#sha256={SUM}", "0" * 64, "Two SHA-256"),
        ("some-name", SUM, "is of an archive"),
        ("hf://owner/name", SUM, "is of an archive"),
    ],
)
def test_sums_that_make_no_sense_are_refused(text, sha256, message):
    with pytest.raises(UserError, match=message):
        parse_address(text, sha256)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:80"])
def test_this_machine_may_be_asked_in_the_open(host):
    assert parse_address(f"http://{host}/x.zip", SUM).url == f"http://{host}/x.zip"


@pytest.mark.parametrize(
    "host", ["example.org", "127.0.0.1.example.org", "10.0.0.1", "localhosts"]
)
def test_no_other_machine_is_asked_in_the_open(host):
    with pytest.raises(UserError, match="over https://"):
        parse_address(f"http://{host}/x.zip", SUM)


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https:///x.zip",
        "https://example.org",
        "https://example.org/",
        "https://example.org:port/x.zip",
        "https://[::1/x.zip",
        "https://user:secret@example.org/x.zip",
        "https://example.org/a b.zip",
        "https://example.org/é.zip",
        "https://example.org/x\r\nHost: y.zip",
        "ftp://example.org/x.zip",
        "file:///etc/passwd",
        "s3://bucket/x.zip",
    ],
)
def test_other_addresses_are_refused(url):
    with pytest.raises(UserError):
        parse_address(url + f"#sha256={SUM}")


def test_password_is_not_repeated():
    with pytest.raises(UserError) as refused:
        parse_address("https://user:secret@example.org/x.zip", SUM)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "repository", "revision"),
    [
        ("hf://owner/name", "owner/name", None),
        ("hf://owner/na.me_1-2@v1.0", "owner/na.me_1-2", "v1.0"),
        ("hf://o/n@refs/pr/1", "o/n", "refs/pr/1"),
    ],
)
def test_hub_addresses(text, repository, revision):
    assert parse_address(text) == HubAddress(repository, revision)
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "hf://",
        "hf://owner",
        "hf://owner/name/file",
        "hf://owner/name@",
        "hf://owner/../name",
        "hf://owner/na--me",
        "hf://owner/name@../x",
        "hf://owner/name@-x",
        "hf://owner/name#sha256=1",
        "hf://-owner/name",
        "hf://owner/näme",
    ],
)
def test_other_hub_addresses_are_refused(text):
    with pytest.raises(UserError, match="OWNER/NAME"):
        parse_address(text)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gender-emotion", "gender-emotion"),
        ("a/b/x.keras", "x"),
        ("a/v1.2/", "v1.2"),
        ("a/b/..", "a"),
        ("hf://owner/theirs@v1", "theirs"),
        (f"https://example.org/a/x.tar.gz#sha256={SUM}", "x"),
        ("https://example.org/a/x%2F..%2Fy.zip?z=/../q", "x_.._y"),
        ("https://example.org/.tgz", "preset"),
    ],
)
def test_a_model_has_a_name(model, name):
    assert model_name(model) == name


@given(st.text())
def test_a_folder_s_name_is_one_visible_folder(text):
    name = folder_name(text)
    assert name and name[0] not in "._-" and not set(name) & set("/\\:\0 ")


@given(st.text(), st.none() | st.text())
def test_any_text_is_understood_or_refused_in_words(text, sha256):
    for start in ("", "https://", "hf://", "https://example.org/"):
        try:
            parse_address(start + text, sha256)
        except UserError:
            continue
