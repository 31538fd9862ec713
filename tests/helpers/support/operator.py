"""The operator's page as a test uses it: the link, the browser, what is shown."""

import re

import httpx
from support.oauth_rig import Person, Rig, heading

ONE = "/admin/connections/acme/toybooks"
"""The page of one connection: that of acme to Toybooks."""


def admin_link(rig: Rig) -> str:
    answer = rig.pipeline.http.post("/api/admin-links")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["url"])


def a_mixed_office(rig: Rig) -> None:
    """One workspace that works, one that must reconnect, one that never connected."""
    rig.connect("acme")
    rig.connect("globex", tenants=("toy-2",))
    rig.expire()
    rig.provider.revoke_grants()
    rig.pipeline.token("globex")
    rig.connect("acme")
    rig.pipeline.link("initech", "Initech")


def operator(rig: Rig) -> Person:
    person = rig.new_person()
    assert heading(person.open(admin_link(rig))) == "Connections of all workspaces"
    return person


def listed_workspaces(page: httpx.Response) -> list[str]:
    """The workspaces of a page's rows, in order."""
    return re.findall(
        r'<tr role="row">\s*<td role="cell"><strong><bdi>(.*?)</bdi></strong>', page.text
    )


def told(page: httpx.Response) -> str:
    (text,) = re.findall(r'role="status">(.*?)</p>', page.text)
    return str(text)


def press(person: Person, path: str, **fields: str) -> httpx.Response:
    return person.press(path, person.http.get("/admin"), **fields)
