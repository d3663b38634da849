"""The simplest client of Graph, for tests of the server itself: requests, and nothing hidden."""

from typing import Any, Final

import requests

from tests.servers.graph import GraphServer

BOX: Final = "info@office.example.com"
OTHER: Final = "other@office.example.com"
TAG: Final = "String {6d2f8a54-3c0b-4b1e-9d57-0c5f7c1e2a90} Name MailApplianceReply"
IMMUTABLE: Final = 'IdType="ImmutableId"'


class Client:
    """Speaks to the server as one application, with immutable ids unless told otherwise."""

    def __init__(self, server: GraphServer, *, user: str = BOX, token: str = "token-1") -> None:
        self.server = server
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(server.ca_file)
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.session.headers["Prefer"] = IMMUTABLE
        self.base = f"{server.url}/v1.0/users/{user}"

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        where = path if path.startswith("http") else f"{self.base}{path}"
        return self.session.request(method, where, timeout=20, **more)

    def get(self, path: str, **options: str) -> Any:
        answer = self.ask("GET", path, params={f"${key}": value for key, value in options.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, content: object = None, *, status: int = 201) -> Any:
        answer = self.ask("POST", path, json=content)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def patch(self, path: str, content: object) -> Any:
        answer = self.ask("PATCH", path, json=content)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        answer = self.ask(method, path, **more)
        error = answer.json()["error"]
        assert set(error) == {"code", "message", "innerError"}
        return answer.status_code, error["code"]

    def inbox(self, **options: str) -> list[Any]:
        found: list[Any] = self.get("/mailFolders/inbox/messages", **options)["value"]
        return found

    def first(self) -> str:
        return str(self.inbox(top="1")[0]["id"])

    def tag_of(self, item: str, name: str = TAG) -> str | None:
        wanted = f"singleValueExtendedProperties($filter=id eq '{name}')"
        found = self.get(f"/messages/{item}", select="id", expand=wanted)
        values = found.get("singleValueExtendedProperties", [{"value": None}])
        value: str | None = values[0]["value"]
        return value
