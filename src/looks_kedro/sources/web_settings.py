"""How politely and how long other machines are asked, without any import that costs time."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Web(BaseModel, extra="forbid", frozen=True):
    """How the web is asked.

    Proxies that the environment names (``HTTPS_PROXY`` and the like) are not used: behind a proxy it is the proxy that
    looks up the addresses, and nothing here could tell a public one from one of the local network.

    Args:
        contact: e-mail address or web page of the one who runs this, told to every server in the User-Agent.
        delay: seconds between the end of one request and the start of the next to the same host.
        timeout: seconds to connect, and between two pieces of an answer.
        total_time: seconds for a whole answer, redirects included; of a large file, for every megabyte.
        max_bytes: largest answer, after unpacking.
        max_redirects: longest chain of redirects.
        retries: further attempts after failures that may pass.
        backoff: seconds before the first of them, doubled each time.
        longest_wait: seconds; a server that asks for more (Retry-After) is not waited for.
        allow_loopback: follow addresses of this machine too, for tests against a server on 127.0.0.1.
    """

    contact: str = Field("", max_length=200, pattern=r"^[\x20-\x7e]*$")
    delay: float = Field(1.0, ge=0, le=3600)
    timeout: float = Field(20.0, gt=0, le=3600)
    total_time: float = Field(120.0, gt=0, le=86400)
    max_bytes: int = Field(30_000_000, ge=1)
    max_redirects: int = Field(5, ge=0, le=50)
    retries: int = Field(4, ge=0, le=20)
    backoff: float = Field(1.0, ge=0, le=3600)
    longest_wait: float = Field(300.0, ge=0, le=86400)
    allow_loopback: bool = False
