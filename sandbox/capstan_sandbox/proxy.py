"""The fault proxy: every public endpoint, in front of the service on the loopback of the core namespace.

It keeps the Host header, so that the links in answers lead back to it, streams bodies both ways and does to a call
what the first matching rule says. A Unix socket takes rules and gives the log of calls (`fault_cli`).
"""
from __future__ import annotations

import asyncio
import collections
import itertools
import json
import signal
import socket
import struct
import sys
import time
from pathlib import Path

import aiohttp
from aiohttp import web
from yarl import URL

from capstan_sandbox import proxy_caller, proxy_tls
from capstan_sandbox.openstack_config import PORTS
from capstan_sandbox.processes import Process, identify, send
from capstan_sandbox.proxy_faults import AFTER, BEFORE, PEER, BadRule, Rule, Rules
from capstan_sandbox.proxy_ports import PLAIN, listeners

#: Headers that belong to one connection, not to the call (RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
                        "transfer-encoding", "upgrade", "proxy-connection"})
REMEMBERED_CALLS = 50_000


class Gone(Exception):
    """The caller's connection was closed on purpose."""


def reset(request: web.Request) -> None:
    """Closes the connection with RST: the caller sees it break at once."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


class Proxy:
    """State of the proxy: rules, remembered calls, the client towards the services."""

    def __init__(self, address: str):
        self.address = address
        self.rules = Rules()
        self.calls: collections.deque[dict] = collections.deque(maxlen=REMEMBERED_CALLS)
        self.numbers = itertools.count(1)
        self.client: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        # a fresh connection per call: a kept one that the service just closed would look like a fault
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        self.client = aiohttp.ClientSession(
            connector=connector, auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"))

    def handler(self, kind: str, offset: int):
        async def handle(request: web.Request) -> web.StreamResponse:
            call = {"id": next(self.numbers), "at": time.time(), "service": kind, "method": request.method,
                    "path": request.raw_path.partition("?")[0], "status": None, "ms": None, "fault": None,
                    "agent": request.headers.get("User-Agent", "")}
            self.calls.append(call)
            began = time.monotonic()
            try:
                response = await self._call(request, call, kind, offset)
                call["status"] = response.status
                return response
            except Gone:
                reset(request)
                raise web.HTTPInternalServerError from None  # nobody is there to read it
            finally:
                call["ms"] = round((time.monotonic() - began) * 1000)
        return handle

    async def _call(self, request: web.Request, call: dict, kind: str, offset: int) -> web.StreamResponse:
        rule = self.rules.meet(kind, call["method"], call["path"], call["agent"])
        body = request.content if request.body_exists else None
        if rule is None:
            return await self._forward(request, body, call, kind, offset, None)
        call["fault"] = rule.id
        if rule.delay:
            if body is not None:  # what is on its way arrives, whatever becomes of the caller meanwhile
                body = await request.read()
            await asyncio.sleep(rule.delay)
        if rule.status is not None:
            await request.read()
            body = rule.body if rule.body is not None else json.dumps(
                {"error": {"code": rule.status, "title": "injected", "message": f"fault {rule.id} of the sandbox"}})
            return web.Response(status=rule.status, text=body, content_type="application/json")
        if rule.when == BEFORE and (rule.drop or rule.kill is not None):
            # the caller has sent all it wanted to: where it learns of the end is then no matter of luck
            async for _ in request.content.iter_chunked(1 << 16):
                pass
            if rule.kill is not None:
                await self._kill(request, rule, call)
            raise Gone
        return await self._forward(request, body, call, kind, offset, rule)

    async def _forward(self, request: web.Request, body: aiohttp.StreamReader | bytes | None, call: dict, kind: str,
                       offset: int, rule: Rule | None) -> web.StreamResponse:
        url = URL(f"http://127.0.0.1:{PORTS[kind]}{request.raw_path}", encoded=True)
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP]
        headers.append(("X-Forwarded-Proto", request.scheme))
        try:
            async with self.client.request(request.method, url, headers=headers, data=body,
                                           allow_redirects=False) as answer:
                call["status"] = answer.status
                if rule is not None and rule.when == AFTER and (rule.drop or rule.kill is not None):
                    await answer.read()  # the service has done all it does
                    if rule.kill is not None:
                        await self._kill(request, rule, call)
                    raise Gone
                try:
                    return await self._answer(request, answer, kind, offset)
                except ConnectionResetError:  # the caller's end: the service has answered, and it stays at that
                    raise Gone from None
        except aiohttp.ClientConnectionError as error:
            text = json.dumps({"error": {"code": 502, "title": "Bad Gateway",
                                         "message": f"{kind} does not answer: {error}"}})
            return web.Response(status=502, text=text, content_type="application/json")

    async def _answer(self, request: web.Request, answer: aiohttp.ClientResponse, kind: str,
                      offset: int) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, reason=answer.reason)
        for key, value in answer.headers.items():
            if key.lower() not in HOP_BY_HOP:
                response.headers.add(key, value)
        if kind == "identity" and offset != PLAIN and "json" in answer.headers.get("Content-Type", ""):
            # whoever asks Keystone over TLS finds the other services there as well
            text = self.over_tls(await answer.text(), offset).encode()
            response.headers["Content-Length"] = str(len(text))
            await response.prepare(request)
            await response.write(text)
        else:
            await response.prepare(request)
            async for chunk in answer.content.iter_chunked(1 << 16):
                await response.write(chunk)
        await response.write_eof()
        return response

    def over_tls(self, text: str, offset: int) -> str:
        """A catalogue whose public endpoints are the TLS listeners of the same kind."""
        for port in PORTS.values():
            text = text.replace(f"http://{self.address}:{port}", f"https://{self.address}:{port + offset}")
        return text

    async def _kill(self, request: web.Request, rule: Rule, call: dict) -> None:
        victim = Process.from_json(rule.victim)
        if rule.kill == PEER:
            peer = request.transport.get_extra_info("peername") if request.transport else None
            victim = await asyncio.to_thread(proxy_caller.find, peer, request.transport.get_extra_info("sockname")) \
                if peer else None
        call["killed"] = victim.pid if victim and send(victim, signal.SIGKILL) else None

    def control(self) -> web.Application:
        """POST, GET, DELETE /faults[/<id>]; GET, DELETE /calls."""
        async def add(request: web.Request) -> web.Response:
            try:
                value = await request.json()
                rule = self.rules.add(value)
                if isinstance(rule.kill, int):
                    found = identify(rule.kill)
                    if found is None:
                        self.rules.remove(rule.id)
                        raise BadRule(f"there is no process {rule.kill}")
                    rule.victim = found.as_json()
            except (BadRule, TypeError, ValueError) as error:
                return web.json_response({"error": str(error)}, status=400)
            return web.json_response(vars(rule), status=201)

        async def show(_: web.Request) -> web.Response:
            return web.json_response([vars(r) for r in self.rules.rules])

        async def clear(request: web.Request) -> web.Response:
            number = request.match_info.get("id")
            removed = self.rules.remove(int(number) if number else None)
            return web.json_response({"removed": removed}, status=200 if removed or not number else 404)

        async def calls(request: web.Request) -> web.Response:
            since = int(request.query.get("since", 0))
            return web.json_response([c for c in self.calls if c["id"] > since])

        async def forget(_: web.Request) -> web.Response:
            self.calls.clear()
            return web.json_response({})

        application = web.Application()
        application.add_routes([
            web.post("/faults", add), web.get("/faults", show), web.delete("/faults", clear),
            web.delete(r"/faults/{id:\d+}", clear), web.get("/calls", calls), web.delete("/calls", forget)])
        return application


async def serve(root: Path, address: str) -> None:
    contexts = proxy_tls.make(root / "tls", address)
    proxy = Proxy(address)
    await proxy.start()
    (root / "run/proxy.sock").unlink(missing_ok=True)
    control = web.AppRunner(proxy.control())
    await control.setup()
    await web.UnixSite(control, str(root / "run/proxy.sock")).start()
    for port, kind, offset in listeners():
        # no middleware, no routes: a low-level server sees every path as it was sent
        server = web.ServerRunner(web.Server(proxy.handler(kind, offset)))
        await server.setup()
        await web.TCPSite(server, address, port, ssl_context=contexts.get(offset), reuse_address=True).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
