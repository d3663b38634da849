"""Transcripts on disk: whose they are, what is in them, and what is not."""

import os
import stat
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from appliance.domain.errors import ConfigError
from appliance.mailbox.record import Recorder
from tests.raw_mail import raw_mail

URL = "https://mail.northgate.example/EWS/Exchange.asmx"
ASKED = (
    b'<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    b"<s:Body><m:GetFolder><m:Name>canary</m:Name></m:GetFolder></s:Body></s:Envelope>"
)
ANSWERED = b'{"error": {"code": "ErrorAccessDenied", "message": "canary@northgate.example"}}'


@pytest.fixture
def loose_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("loose_umask")
def test_a_transcript_is_the_owners_alone_and_named_by_its_request(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "deep" / "record")
    recorder.note("POST", URL, ASKED, 200, {"Content-Type": "text/xml"}, ASKED)
    recorder.note("GET", "https://graph.microsoft.com/v1.0/me", b"", 403, {}, ANSWERED)
    directory = tmp_path / "deep" / "record"
    files = sorted(directory.iterdir())
    assert [file.name for file in files] == ["0001-GetFolder.txt", "0002-GET.txt"]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    first, second = (file.read_text() for file in files)
    assert first.startswith(f"POST https://host-1/EWS/Exchange.asmx\n({len(ASKED)} bytes)\n<s:En")
    assert "\nHTTP 200\nContent-Type: text/xml\n" in first
    assert '"code": "ErrorAccessDenied"' in second
    assert "(empty)" in second
    assert "canary" not in first + second


def test_what_earlier_runs_left_stays(tmp_path: Path) -> None:
    for _ in range(2):
        Recorder(tmp_path).note("GET", URL, b"", 200, {}, b"")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0001-GET.txt", "0002-GET.txt"]


@pytest.mark.parametrize("wrapped", [bytes, b64encode])
def test_a_whole_mail_is_its_size_and_the_names_of_its_headers(
    tmp_path: Path, wrapped: type[bytes]
) -> None:
    raw = raw_mail(1)
    Recorder(tmp_path).note("POST", URL, wrapped(raw), 202, {}, raw)
    (file,) = tmp_path.iterdir()
    text = file.read_text()
    assert text.count(f"mail-{len(raw)}-bytes (") == 2
    assert "Message-ID" in text
    assert "customers.example" not in text


@pytest.mark.parametrize(
    ("received", "shown"),
    [
        (b"canary: a page of a proxy", "(25 bytes, neither XML nor JSON)"),
        (b"<html><p>canary", "no XML, 15 bytes"),
        (b"{canary", "no JSON, 7 bytes"),
        (b"\xff\xfe\x00canary", "(9 bytes, neither XML nor JSON)"),
    ],
)
def test_what_is_something_else_becomes_its_size(
    tmp_path: Path, received: bytes, shown: str
) -> None:
    Recorder(tmp_path).note("../canary", URL, b"", 200, {}, received)
    (file,) = tmp_path.iterdir()
    assert shown in file.read_text()
    assert "canary" not in file.name + file.read_text()


def test_threads_write_files_of_their_own(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(40):
            pool.submit(recorder.note, "POST", URL, ASKED, 200, {}, ANSWERED)
    assert len(list(tmp_path.iterdir())) == 40


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file"):
        Recorder(tmp_path / "file" / "record")


def test_a_directory_that_went_away_is_told(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "record")
    (tmp_path / "record").rmdir()
    with pytest.raises(ConfigError, match="record"):
        recorder.note("GET", URL, b"", 200, {}, b"")
