"""Secrets by reference: where they come from, how they are kept, and how it is told that there is none."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest

from depot_sim.adapters.http import Secrets
from depot_sim.domain.kernel.credentials import SecretReference
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.written_secrets import GivenSecret


def test_a_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPOT_SIM_SECRET_OSCP_TOKEN", "the first")
    secrets = Secrets()
    for reference in ("env:DEPOT_SIM_SECRET_OSCP_TOKEN", "oscp-token", "OSCP.TOKEN"):
        assert secrets.get(SecretReference(reference)) == "the first"


def test_a_handle_is_a_file_of_the_folder_before_it_is_a_variable(tmp_path: Path) -> None:
    (tmp_path / "a-token").write_text("of the folder")
    secrets = Secrets(
        None, tmp_path, {"DEPOT_SIM_SECRET_A_TOKEN": "of the environment", "DEPOT_SIM_SECRET_B": "b's value"}
    )
    assert secrets.get(SecretReference("a-token")) == "of the folder"
    assert secrets.get(SecretReference("b")) == "b's value"


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        ("a token", None),
        ("a secret", "a secret"),
        ("a secret\n", "a secret"),
        ("a secret\r\n", "a secret"),
        ("é é é é é",) * 2,
        ("         ", None),
        (" a secret", None),
        ("a secret \n", None),
        ("a secret\u00a0\n", None),
    ],
)
def test_a_secret_of_a_file_is_its_one_line(tmp_path: Path, content: str, secret: str | None) -> None:
    (tmp_path / "token").write_bytes(content.encode())
    secrets = Secrets(folder=tmp_path)
    for reference in ("token", "file:token", f"file:{tmp_path / 'token'}"):
        if secret is not None:
            assert secrets.get(SecretReference(reference)) == secret
            continue
        with pytest.raises(InvalidInput, match=r"at least 8 characters|begin or end with a blank"):
            secrets.get(SecretReference(reference))


def test_a_rotated_file_is_read_again(tmp_path: Path) -> None:
    """Whether it was written anew, or another one was put in its place."""
    file, reference = tmp_path / "token", SecretReference("token")
    secrets = Secrets(folder=tmp_path)
    file.write_text("the first")
    assert secrets.get(reference) == "the first"
    file.write_text("the second")
    assert secrets.get(reference) == "the second"
    other = tmp_path / "next"
    other.write_text("third one.")
    other.replace(file)
    assert secrets.get(reference) == "third one."
    assert [secrets.mask(f"say {value}") for value in ("the first", "the second")] == ["say ***"] * 2


def test_a_file_that_goes_away_is_missed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a secret")
    secrets = Secrets(folder=tmp_path)
    assert secrets.get(SecretReference("file:token")) == "a secret"
    file.unlink()
    with pytest.raises(InvalidInput) as error:
        secrets.get(SecretReference("file:token"))
    assert str(file) in error.value.faults[0].found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of secrets with ways out of it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("outside of the folder")
    folder = tmp_path / "secrets"
    (folder / "sub").mkdir(parents=True)
    (folder / "inside").write_text("a secret of the folder")
    (folder / "sub" / "one").write_text("a secret of a folder in it")
    (folder / "good").symlink_to(folder / "inside")
    (folder / "link").symlink_to(outside / "file")
    (folder / "way-out").symlink_to(outside)
    return folder


@pytest.mark.parametrize("reference", ["inside", "file:inside", "good", "file:good", "file:sub/one"])
def test_files_of_the_folder_can_be_named(folder: Path, reference: str) -> None:
    secrets = Secrets(folder=folder)
    assert secrets.fault(SecretReference(reference), "/s") is None
    assert secrets.get(SecretReference(reference)).startswith("a secret of")


@pytest.mark.parametrize(
    "reference",
    [
        *("file:link", "file:way-out/file", "file:/etc/hostname", "file:/", "file:../outside/file", "file:."),
        *("file:/proc/self/environ", "file:sub/../../outside/file", "link", "env:DEPOT_SIM_TOKENS", "env:HOME"),
    ],
)
def test_nothing_outside_the_folder_can_be_named(folder: Path, reference: str) -> None:
    secrets = Secrets(None, folder, {"DEPOT_SIM_TOKENS": "ops:operator:token", "HOME": "/elsewhere"})
    fault = secrets.fault(SecretReference(reference), "/s")
    assert fault is not None
    assert (fault.pointer, bool(fault.expected)) == ("/s", True)
    with pytest.raises(InvalidInput):
        secrets.get(SecretReference(reference))


@pytest.mark.parametrize("name", ["inside", "sub/one", "good"])
def test_certificates_are_files_of_the_folder(folder: Path, name: str) -> None:
    secrets = Secrets(folder=folder)
    assert secrets.file_fault(name, "/c") is None
    assert secrets.path(name).is_file()


@pytest.mark.parametrize("name", ["link", "../outside/file", "/etc/ssl/openssl.cnf", "way-out/file"])
def test_certificates_are_nowhere_else(folder: Path, name: str) -> None:
    secrets = Secrets(folder=folder)
    assert secrets.file_fault(name, "/c") is not None
    with pytest.raises(InvalidInput):
        secrets.path(name)


class TestFilesOfTheService:
    """The tokens file may lie in the folder, as with /run/secrets; its token must not go to a partner."""

    TOKENS = "ops:operator:own-token-of-the-service"

    @pytest.fixture
    def secrets(self, folder: Path) -> Secrets:
        (folder / "..data").mkdir()
        (folder / "..data" / "tokens").write_text(self.TOKENS)
        (folder / "tokens").symlink_to("..data/tokens")
        (folder / "again").symlink_to("tokens")
        (folder / "second-name").hardlink_to(folder / "..data" / "tokens")
        return Secrets(None, folder, {"DEPOT_SIM_SECRET_TOKENS": "of a variable"}, withheld=[folder / "tokens"])

    @pytest.mark.parametrize(
        "reference", ["tokens", "file:tokens", "file:..data/tokens", "again", "second-name", "file:second-name"]
    )
    def test_no_reference_can_name_them(self, secrets: Secrets, reference: str) -> None:
        fault = secrets.fault(SecretReference(reference), "/s")
        assert fault is not None
        assert "secrets of the service itself" in fault.found
        assert "another file of the folder" in fault.expected
        with pytest.raises(InvalidInput, match="secrets of the service itself"):
            secrets.get(SecretReference(reference))

    def test_no_absolute_path_and_no_certificate_leads_to_them(self, secrets: Secrets, folder: Path) -> None:
        assert secrets.fault(SecretReference(f"file:{folder}/tokens"), "/s") is not None
        assert secrets.file_fault("tokens", "/c") is not None
        with pytest.raises(InvalidInput):
            secrets.path("again")

    def test_other_files_of_the_folder_stay_usable(self, secrets: Secrets) -> None:
        secrets.check()
        assert secrets.get(SecretReference("inside")) == "a secret of the folder"
        assert secrets.get(SecretReference("env:DEPOT_SIM_SECRET_TOKENS")) == "of a variable"

    def test_a_file_in_the_place_of_the_tokens_file_is_withheld_as_well(self, secrets: Secrets, folder: Path) -> None:
        (folder / "tokens").unlink()
        (folder / "tokens").write_text(self.TOKENS)
        assert secrets.fault(SecretReference("tokens"), "/s") is not None


def test_without_a_folder_no_file_can_be_named() -> None:
    for reference in ("file:token", "file:/etc/hostname"):
        fault = Secrets().fault(SecretReference(reference), "/s")
        assert fault is not None
        assert "--secrets FOLDER" in fault.expected


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("", "no reference to a secret"),
        ("env:", "no reference to a secret"),
        ("vault:a", "no reference to a secret"),
        ("no-such", "no environment variable DEPOT_SIM_SECRET_NO_SUCH"),
        ("env:DEPOT_SIM_SECRET_NOT_SET", "no environment variable DEPOT_SIM_SECRET_NOT_SET"),
        ("env:NOT_OURS", "the variable NOT_OURS"),
        ("file:/", "a file that no reference may name"),
        ("kept:unknown", "no secret kept under 'unknown'"),
        ("kept:../token", "no reference to a secret"),
        ("kept:.hidden", "no reference to a secret"),
    ],
)
@pytest.mark.parametrize("in_memory", [True, False])
def test_a_reference_that_leads_nowhere_says_so(tmp_path: Path, reference: str, found: str, in_memory: bool) -> None:
    secrets = Secrets(None if in_memory else tmp_path, None, {})
    with pytest.raises(InvalidInput) as error:
        secrets.get(SecretReference(reference))
    (fault,) = error.value.faults
    assert (fault.pointer, fault.found) == ("/secret", found)
    assert fault.expected in error.value.detail


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"two\nlines or three", b"tab\there and there", b"nul\0nul\0nul", b"\xff\xfe", b"x" * 2**17]
)
def test_what_fits_in_no_header_is_no_secret(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(InvalidInput) as error:
        Secrets(folder=tmp_path).get(SecretReference("token"))
    assert "two" not in error.value.detail


class TestStart:
    """What is looked at before the service listens."""

    def test_short_secrets_are_refused_by_their_names(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "pin").write_text("4711\n")
        (tmp_path / "fine").write_text("long enough")
        environment = {"DEPOT_SIM_SECRET_A": "hunter2", "DEPOT_SIM_SECRET_B": "", "DEPOT_SIM_TOKENS": "a", "HOME": "/"}
        with pytest.raises(InvalidInput) as error:
            Secrets(None, tmp_path, environment).check()
        found = [fault.found for fault in error.value.faults]
        assert found == ["the variable DEPOT_SIM_SECRET_A", "the variable DEPOT_SIM_SECRET_B", "the file sub/pin"]
        told = error.value.detail + str(error.value.faults)
        assert "hunter2" not in told
        assert "4711" not in told
        assert "at least 8 characters" in told

    def test_secrets_that_begin_or_end_with_a_blank_are_refused_by_their_names(self, tmp_path: Path) -> None:
        (tmp_path / "blank").write_text("         \n")
        (tmp_path / "fine").write_text("long enough")
        environment = {"DEPOT_SIM_SECRET_A": " hunter2hunter2", "DEPOT_SIM_SECRET_B": "hunter2hunter2\n"}
        with pytest.raises(InvalidInput) as error:
            Secrets(None, tmp_path, environment).check()
        found = [fault.found for fault in error.value.faults]
        assert found == ["the variable DEPOT_SIM_SECRET_A", "the variable DEPOT_SIM_SECRET_B", "the file blank"]
        told = error.value.detail + str(error.value.faults)
        assert "begin or end with a blank" in told
        assert "hunter2" not in told

    def test_secrets_given_at_start_are_masked_before_they_are_used(self, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("of a file")
        secrets = Secrets(None, tmp_path, {"DEPOT_SIM_SECRET_A": "of a variable"})
        secrets.check()
        assert secrets.mask("of a file, of a variable") == "***, ***"

    def test_certificates_and_hidden_files_are_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "client.pem").write_text("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n")
        (tmp_path / "store.p12").write_bytes(b"\xff\xfe")
        (tmp_path / "..data").mkdir()
        (tmp_path / "..data" / "x").write_text("x")
        (tmp_path / ".swp").write_text("x")
        Secrets(None, tmp_path, {}).check()

    def test_links_out_of_the_folder_are_not_followed(self, folder: Path) -> None:
        """Neither read, nor counted, nor masked: no reference can name what is there."""
        (folder.parent / "outside" / "pin").write_text("4711")
        (folder / "loop").symlink_to(folder)
        secrets = Secrets(None, folder, {})
        secrets.check()
        assert secrets.mask("outside of the folder") == "outside of the folder"

    def test_links_in_a_circle_are_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "circle").symlink_to("circle")
        secrets = Secrets(None, tmp_path, {}, withheld=[tmp_path / "circle" / "tokens"])
        secrets.check()
        assert secrets.fault(SecretReference("circle"), "/s") is not None
        with pytest.raises(InvalidInput):
            secrets.get(SecretReference("file:circle"))

    def test_links_within_the_folder_are_followed(self, tmp_path: Path) -> None:
        (tmp_path / "..data" / "sub").mkdir(parents=True)
        (tmp_path / "..data" / "sub" / "one").write_text("a secret of a mounted folder")
        (tmp_path / "sub").symlink_to("..data/sub")
        secrets = Secrets(None, tmp_path, {})
        secrets.check()
        assert secrets.mask("a secret of a mounted folder") == "***"

    def test_a_folder_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput) as error:
            Secrets(None, tmp_path / "nowhere", {}).check()
        assert error.value.faults[0].pointer == "/secrets"

    def test_a_folder_of_everything_is_refused(self, tmp_path: Path) -> None:
        for number in range(1_001):
            (tmp_path / f"file-{number}").touch()
        with pytest.raises(InvalidInput, match="more than 1,000 files"):
            Secrets(None, tmp_path, {}).check()


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_kept_secret_is_found_by_its_reference(tmp_path: Path, in_memory: bool) -> None:
    """Partners choose it, so it may be short."""
    secrets = Secrets(None if in_memory else tmp_path / "kept")
    reference = secrets.keep("session-1.outbound", "first")
    assert reference == SecretReference("kept:session-1.outbound")
    assert secrets.get(reference) == "first"
    secrets.keep("session-1.outbound", "second one")
    assert secrets.get(reference) == "second one"
    assert secrets.mask("the second one") == "the ***"


def test_kept_secrets_survive_the_process_and_reach_others(tmp_path: Path) -> None:
    here, there = Secrets(tmp_path / "kept"), Secrets(tmp_path / "kept")
    reference = here.keep("a", "first")
    assert there.get(reference) == "first"
    there.keep("a", "rotated")
    assert here.get(reference) == "rotated"


def test_kept_secrets_are_for_this_user_only(tmp_path: Path) -> None:
    directory = tmp_path / "data" / "kept"
    before = os.umask(0)
    try:
        Secrets(directory).keep("a", "secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [(file.name, stat.S_IMODE(file.stat().st_mode)) for file in directory.iterdir()] == [("a", 0o600)]


@pytest.mark.parametrize(("name", "secret"), [("../a", "s"), ("", "s"), ("a", ""), ("a", "two\nlines")])
def test_neither_a_path_nor_lines_are_kept(tmp_path: Path, name: str, secret: str) -> None:
    with pytest.raises(InvalidInput):
        Secrets(tmp_path).keep(name, secret)
    assert list(tmp_path.iterdir()) == []


def test_tokens_are_48_random_bytes() -> None:
    tokens = {Secrets().new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(base64.urlsafe_b64decode(token)) for token in tokens} == {48}


class TestWritten:
    """Secrets whose value somebody writes down."""

    @pytest.fixture
    def secrets(self, tmp_path: Path) -> Secrets:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "one").write_text("value/of a file\n")
        (tmp_path / "api-key").write_text("the first value\n")
        secrets = Secrets(None, tmp_path, {"DEPOT_SIM_SECRET_A_TOKEN": "of a variable"})
        secrets.check()
        return secrets

    @pytest.mark.parametrize(
        ("value", "reference"),
        [("value/of a file", "file:sub/one"), ("the first value", "api-key"), ("of a variable", "a_token")],
    )
    def test_it_is_told_which_one_a_text_holds_in_whatever_form(
        self, secrets: Secrets, value: str, reference: str
    ) -> None:
        encoded = base64.b64encode(f"user:{value}".encode()).decode()
        every = "".join(f"%{byte:02x}" for byte in value.encode())
        for text in (value, f"a {value} b", encoded, every, f"\\u{ord(value[0]):04x}{value[1:]}", value.encode().hex()):
            assert secrets.written_in(text) == GivenSecret(reference)
            assert secrets.get(SecretReference(reference)) == value

    @pytest.mark.parametrize("text", ["", "api-key", "the first", "***", '{"secret": "a_token"}'])
    def test_what_holds_none_is_fine(self, secrets: Secrets, text: str) -> None:
        assert secrets.written_in(text) is None

    def test_a_rotated_value_is_known_from_its_first_use(self, secrets: Secrets, tmp_path: Path) -> None:
        (tmp_path / "api-key").write_text("the second value\n")
        secrets.get(SecretReference("api-key"))
        assert [secrets.written_in(f"the {which} value") for which in ("first", "second")] == [
            GivenSecret("api-key")
        ] * 2

    def test_a_token_of_the_service_has_no_reference(self, secrets: Secrets) -> None:
        secrets.learn_token("token-of-the-service")
        assert secrets.written_in("is token-of-the-service") == GivenSecret(None)
        assert secrets.mask("is token-of-the-service") == "is ***"

    def test_what_a_partner_chooses_keeps_nobody_from_writing_it(self, secrets: Secrets) -> None:
        """Else a partner could register with a word that every request has."""
        secrets.get(secrets.keep("partner", "simulation-runs"))
        secrets.learn("granted-by-a-partner")
        assert secrets.written_in("/simulation-runs/granted-by-a-partner") is None
        assert secrets.mask("simulation-runs") == "***"
