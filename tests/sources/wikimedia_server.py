"""Wikidata and Wikimedia Commons in small, on a real server on 127.0.0.1, for tests.

    wiki = Wikimedia(web_server)
    wiki.items["Q1"] = item("Ada Example", births=[("+1990-05-17T00:00:00Z", 11)], category="Ada Example")
    wiki.files["Ada 1.jpg"] = commons_file(LicenseShortName="CC BY 4.0", Artist="<a href='#'>Eve</a>")
    wiki.categories["Ada Example"] = ["Ada 1.jpg", "Category:Ada in 2020"]
    CommonsSearch(wikidata_url=wiki.wikidata_url, commons_url=wiki.commons_url)

The answers have the shape of the real ones (format version 2). ``page_size`` is how many files one answer lists,
``halves`` answers their properties in two goes, ``errors`` holds answers that come first.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
from PIL import Image
from web_server import Reply, Request, WebServer


def item(
    label: str,
    *,
    kind: str = "Q5",
    births: list[tuple[str, int]] | None = None,
    picture: str = "",
    category: str = "",
    link: str = "",
) -> dict[str, Any]:
    """An item of Wikidata; ``births`` are times with their precision."""
    claims: dict[str, list[dict[str, Any]]] = {"P31": [statement("P31", {"entity-type": "item", "id": kind})]}
    if births:
        claims["P569"] = [statement("P569", {"time": when, "precision": known}) for when, known in births]
    if picture:
        claims["P18"] = [statement("P18", picture)]
    if category:
        claims["P373"] = [statement("P373", category)]
    links = {"commonswiki": {"site": "commonswiki", "title": link, "badges": []}} if link else {}
    return {
        "type": "item",
        "labels": {"en": {"language": "en", "value": label}},
        "claims": claims,
        "sitelinks": links,
    }


def statement(name: str, value: Any, rank: str = "normal") -> dict[str, Any]:
    """A statement; a value of None is the wiki's "unknown value"."""
    snak: dict[str, Any] = {"snaktype": "value" if value is not None else "somevalue", "property": name}
    if value is not None:
        snak["datavalue"] = {"value": value, "type": "string"}
    return {"mainsnak": snak, "type": "statement", "rank": rank}


def commons_file(mime: str = "image/jpeg", **fields: str) -> dict[str, Any]:
    """A file of Commons: its media type and fields of its page."""
    return {"mime": mime, "fields": fields}


class Wikimedia:
    """Both sites, as routes of a server."""

    def __init__(self, server: WebServer) -> None:
        self.server = server
        self.items: dict[str, dict[str, Any]] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.categories: dict[str, list[str]] = {}
        self.moved: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.page_size = 50
        self.halves = False
        self.errors: list[Any] = []
        server.routes["/wikidata/w/api.php"] = self._wikidata
        server.routes["/commons/w/api.php"] = self._commons
        self.wikidata_url = server.address("/wikidata/w/api.php")
        self.commons_url = server.address("/commons/w/api.php")

    def questions(self) -> list[dict[str, str]]:
        """What the APIs were asked."""
        return [request.query for request in self.server.requests if request.path.endswith("api.php")]

    def fetched(self) -> list[str]:
        """Pictures that were asked for."""
        return [path for path in self.server.paths if path.startswith("/upload/")]

    # --- Wikidata ----------------------------------------------------------------------------------------------------

    def _wikidata(self, request: Request) -> Any:
        return self._refusal(request) or self._entities(request.query)

    def _entities(self, query: dict[str, str]) -> dict[str, Any]:
        if query["action"] == "wbsearchentities":
            names = {key: found["labels"]["en"]["value"] for key, found in self.items.items()}
            hits = [key for key, name in names.items() if name.lower().startswith(query["search"].lower())]
            results = [
                {"id": key, "title": key, "label": names[key], "match": {"type": "label", "language": "en"}}
                for key in hits[: int(query["limit"])]
            ]
            return {"searchinfo": {"search": query["search"]}, "search": results, "success": 1}
        assert query["action"] == "wbgetentities"
        assert query["props"] == "claims|labels|sitelinks"
        entities = {}
        for key in query["ids"].split("|"):
            entities[key] = {"id": key, **self.items[key]} if key in self.items else {"id": key, "missing": ""}
        return {"entities": entities, "success": 1}

    # --- Commons -----------------------------------------------------------------------------------------------------

    def _commons(self, request: Request) -> Any:
        return self._refusal(request) or self._query(request.query)

    def _query(self, query: dict[str, str]) -> dict[str, Any]:
        assert query["action"] == "query"
        if query.get("list") == "categorymembers":
            return self._subcategories(query)
        if query.get("generator") == "categorymembers":
            return self._members(query)
        title = query["titles"]
        part: dict[str, Any] = {}
        if title.startswith("Category:"):
            name = title.removeprefix("Category:")
            if name in self.moved:
                part["redirects"] = [{"from": title, "to": f"Category:{self.moved[name]}"}]
                name = self.moved[name]
            if "[" in name:
                return {"batchcomplete": True, "query": {"pages": [{"title": title, "invalid": True}]}}
            content = {"main": {"contentmodel": "wikitext", "content": self.texts.get(name, "")}}
            page = {"ns": 14, "title": f"Category:{name}", "revisions": [{"slots": content}]}
            return {"batchcomplete": True, "query": {**part, "pages": [page]}}
        name = title.removeprefix("File:")
        if name in self.moved:
            part["redirects"] = [{"from": title, "to": f"File:{self.moved[name]}"}]
            name = self.moved[name]
        return {"batchcomplete": True, "query": {**part, "pages": [self._page(name, query)]}}

    def _subcategories(self, query: dict[str, str]) -> dict[str, Any]:
        members = self.categories.get(query["cmtitle"].removeprefix("Category:"), [])
        below = [name for name in members if name.startswith("Category:")]
        start = int(query.get("cmcontinue", "0"))
        answer: dict[str, Any] = {
            "query": {"categorymembers": [{"ns": 14, "title": name} for name in below[start : start + self.page_size]]}
        }
        if start + self.page_size < len(below):
            answer["continue"] = {"cmcontinue": str(start + self.page_size), "continue": "-||"}
        else:
            answer["batchcomplete"] = True
        return answer

    def _members(self, query: dict[str, str]) -> dict[str, Any]:
        assert query["gcmtype"] == "file"
        members = self.categories.get(query["gcmtitle"].removeprefix("Category:"), [])
        files = [name for name in members if not name.startswith("Category:")]
        start = int(query.get("gcmcontinue", "0"))
        batch = files[start : start + self.page_size]
        pages = [self._page(name, query) for name in batch]
        pages.sort(key=lambda page: str(page.get("pageid", 0)))  # the real one's order is that of the page numbers
        following = {"gcmcontinue": str(start + self.page_size), "continue": "gcmcontinue||"}
        answer: dict[str, Any] = {"query": {"pages": pages}} if pages else {}
        if self.halves and len(pages) > 1:
            second = "iistart" in query
            for place, page in enumerate(pages):
                if (place % 2 == 0) == second:
                    page.pop("imageinfo", None)
            if not second:
                same = {"gcmcontinue": str(start)} if start else {}
                return answer | {"continue": {"iistart": "20200101000000", "continue": "||", **same}}
        answer["batchcomplete"] = True
        return answer | ({"continue": following} if start + self.page_size < len(files) else {})

    def _page(self, name: str, query: dict[str, str]) -> dict[str, Any]:
        title = f"File:{name}"
        if name not in self.files:
            return {"ns": 6, "title": title, "missing": True}
        file = self.files[name]
        plain = name.replace(" ", "_")
        path = f"/upload/{plain}"
        self.server.routes.setdefault(path, drawn(name))
        info = {"size": 1000, "width": 4000, "height": 3000, "url": self.server.address(path), "mime": file["mime"]}
        info["descriptionurl"] = f"https://commons.example/wiki/File:{plain}"
        if "iiurlwidth" in query:
            path = f"/upload/thumb/{plain}/{query['iiurlwidth']}px-{plain}"
            self.server.routes.setdefault(path, drawn(name))
            info["thumburl"] = self.server.address(path)
        wanted = query["iiextmetadatafilter"].split("|")
        fields = {key: {"value": value, "source": "commons-desc-page"} for key, value in file["fields"].items()}
        # An empty one is a list, as PHP writes it.
        info["extmetadata"] = {key: fields[key] for key in wanted if key in fields} or []
        number = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
        return {"pageid": number, "ns": 6, "title": title, "imagerepository": "local", "imageinfo": [info]}

    # --- both --------------------------------------------------------------------------------------------------------

    def _refusal(self, request: Request) -> Any:
        """What the real sites refuse: unknown programs, other formats; and the errors that a test has laid out."""
        if "@" not in request.headers.get("User-Agent", ""):
            return Reply("Please set a user-agent", 403, "text/plain")
        shared = {"format": "json", "formatversion": "2"}
        assert {key: request.query.get(key) for key in shared} == shared
        assert int(request.query["maxlag"]) > 0
        return self.errors.pop(0) if self.errors else None


def api_error(code: str, info: str = "see the manual", **headers: str) -> Reply:
    """An error as the API tells it: status 200 and a word in JSON."""
    body = f'{{"error": {{"code": "{code}", "info": "{info}", "docref": "See the manual"}}, "servedby": "mw1"}}'
    return Reply(body, type="application/json; charset=utf-8", headers={"MediaWiki-API-Error": code, **headers})


def drawn(name: str) -> bytes:
    """A small picture that depends on a name."""
    seed = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((96, 72), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()
