"""A site that the accounts of one group share: they write in turn, and nobody else sees anything of it."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from workflow.cli.opening import find_site
from workflow.errors import SettingsError
from workflow.identity import os_user
from workflow.ledger.audit import verify
from workflow.run_log import run_log
from workflow.site import Site

GROUP, MEMBERS, STRANGER = "users", ("daemon", "bin"), "games"


def as_account(account: str, act: Callable[[], object], *, group: str | None) -> str:
    """Do something in a process of another account; give the error that it ended with."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            entry = pwd.getpwnam(account)
            os.setgroups([grp.getgrnam(group).gr_gid] if group else [])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            act()
        except BaseException as error:  # noqa: BLE001 - told to the parent, whatever it is
            said = f"{type(error).__name__}: {error}"
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as file:
        return file.read().decode()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A shared site of root's, in a folder that everybody may walk through."""
    if os.geteuid() != 0:
        pytest.skip("becoming another account takes root")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    return Site.create(tmp_path / "site", demo=True, group=GROUP)


def work(root: Path) -> None:
    """Do what commands do: find the site, write into ledger, documents and log."""
    site = find_site(root)
    assert site.warnings() == ()
    ledger = site.open_ledger()
    with ledger.write() as transaction:
        transaction.audit("test.event", "site", {}, actor=os_user().user_id)
    ledger.close()
    site.documents.put(f"text of {os.getuid()}".encode())
    with run_log(site.logs_folder, f"log-{os.getuid()}"):
        pass


def test_members_write_in_turn_and_strangers_see_nothing(site: Site) -> None:
    before = os.umask(0o022)
    try:
        work(site.root)  # and imports all that it takes: the others may not be able to read this Python
        for account in (*MEMBERS, *MEMBERS):
            assert as_account(account, lambda: work(site.root), group=GROUP) == ""
        work(site.root)
        refused = as_account(STRANGER, lambda: work(site.root), group=None)
    finally:
        os.umask(before)
    assert refused == f"SettingsError: {site.root} cannot be opened by games; ask its owner for the site's group"
    ledger = site.open_ledger()
    with ledger.read() as connection:
        assert verify(connection).ok
        actors = connection.exec_driver_sql("SELECT actor FROM audit WHERE event = 'test.event'").scalars().all()
    ledger.close()
    assert actors == ["root", *MEMBERS, *MEMBERS, "root"]
    found = {path.name: path.stat() for path in site.root.rglob("*")}
    assert {one.st_gid for one in found.values()} == {grp.getgrnam(GROUP).gr_gid}
    assert [name for name, one in found.items() if one.st_mode & 0o007] == []
    closed = {name for name, one in found.items() if not one.st_mode & 0o020}
    assert closed == {"medrek-flow.toml", "envelope.toml"}, "only its owner changes the settings"


def test_a_group_that_is_not_there_makes_no_site(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="groupadd nobody-has-this"):
        Site.create(tmp_path / "site", demo=True, group="nobody-has-this")
    assert not (tmp_path / "site").exists()
