"""Bing's pages of hits as routes of the tests' server."""

from __future__ import annotations

import html
import json

from web_server import Request, WebServer


class Bing:
    """Pages of hits as Bing's asynchronous endpoint gives them.

    Attributes:
        results: query -> what is said of each of its hits.
        extra: hits on a page more or fewer than asked for.
        ends_with_nothing: behind the last hit comes an empty answer instead of a page without hits.
    """

    def __init__(self, server: WebServer) -> None:
        self.server = server
        self.results: dict[str, list[dict[str, str]]] = {}
        self.extra = 0
        self.ends_with_nothing = False
        server.routes["/images/async"] = self.page

    def propose(self, query: str, *paths: str, **more: str) -> None:
        self.results.setdefault(query, []).extend(
            {
                "murl": path if "://" in path else self.server.address(path),
                "purl": f"http://blog.example/{number}?a=1&b=2",
                "turl": "http://ts1.example/th?id=1",
                "t": f'\ue000{query}\ue001 at "home" & <away> {number}',
                **more,
            }
            for number, path in enumerate(paths)
        )

    def page(self, request: Request) -> str:
        first, count = int(request.query["first"]), int(request.query["count"]) + self.extra
        found = self.results.get(request.query["q"], [])[first - 1 : first - 1 + count]
        if not found and self.ends_with_nothing:
            return ""
        return f'<div class="dgControl hover"><ul class="dgControl_list">{"".join(map(self.hit, found))}</ul></div>'

    @staticmethod
    def hit(said: dict[str, str]) -> str:
        m = html.escape(json.dumps({"sid": "", "cid": "Xy+7", **said}), quote=True)
        return (
            f'<li data-idx="1"><div class="iuscp isv"><div class="imgpt"><a class="iusc" style="height:180px" m="{m}" '
            f'href="/images/search?view=detailV2"><img class="mimg" src="https://ts.example/th?id=OIP&amp;w=1"></a>'
            f'<div class="img_info hon"><a class="iusc2" href="x">600 x 400</a></div></div></div></li>'
        )

    @property
    def turned(self) -> list[dict[str, str]]:
        """Queries of the pages that were asked for."""
        return [request.query for request in self.server.requests if request.path == "/images/async"]
