"""HTTP clients with many source addresses, run inside the client's namespace; prints JSON.

  http_load.py spread   URL SOURCE...     one request from each source in turn: [[source, name or error]…]
  http_load.py parallel URL COUNT         COUNT connections open at once, then a request on each: {"name": n…}
  http_load.py loops    URL COUNT PAUSE   COUNT clients, each asking once and then again until standard input closes:
                                          {"answers": [[start, source, name]…], "failures": [[start, source, why]…]}
                                          URL may be several with blanks between, which the clients take in turn

A SOURCE is `address` or `address:port`. Every request has a connection of its own; times are CLOCK_MONOTONIC.
"""

import asyncio
import collections
import json
import socket
import sys
import time
from urllib.parse import urlsplit

TIMEOUT = 60.0  # long enough for any retransmission: only a request that never ends is an error


def loop_source(index: int, is_v6: bool = False) -> str:
    return f"2001:db8:2::{index + 1:x}" if is_v6 else f"198.18.{index % 250}.{1 + index // 250}"


async def connect(url, source: str = ""):
    """A connection to the URL's host; source None or '' lets the kernel choose."""
    if source.count(":") == 1:
        address, port = source.rsplit(":", 1)
    else:
        address, port = source, 0
    family = socket.AF_INET6 if ":" in url.hostname else socket.AF_INET
    sock = socket.socket(family)
    sock.setblocking(False)
    if port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if address:
        sock.bind((address, int(port)))
    try:
        await asyncio.get_running_loop().sock_connect(sock, (url.hostname, url.port or 80))
        return await asyncio.open_connection(sock=sock)
    except BaseException:
        sock.close()
        raise


async def ask(url, reader, writer) -> str:
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    writer.write(f"GET {url.path or '/'} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    reply = await reader.read()
    writer.close()
    head, _, body = reply.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise OSError(f"bad reply {head[:40]!r}")
    return body.decode().strip()


async def request(url, source: str = "") -> str:
    reader, writer = await connect(url, source)
    return await ask(url, reader, writer)


async def spread(url, sources) -> list:
    answers = []
    for source in sources:
        try:
            answers.append([source, await asyncio.wait_for(request(url, source), TIMEOUT)])
        except (OSError, asyncio.TimeoutError) as error:
            answers.append([source, f"error {error or 'timeout'}"])
    return answers


async def parallel(url, count: int) -> dict:
    opened = await asyncio.wait_for(asyncio.gather(*(connect(url) for _ in range(count))), TIMEOUT)
    names = await asyncio.wait_for(asyncio.gather(*(ask(url, *pair) for pair in opened)), TIMEOUT)
    return dict(collections.Counter(names))


async def loops(urls: list, count: int, pause: float) -> dict:
    answers, failures = [], []
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)

    async def client(index: int):
        url = urls[index % len(urls)]
        source = loop_source(index, ":" in url.hostname)
        await asyncio.sleep(pause * index / count)
        has_asked = False
        while not has_asked or not stop.is_set():
            has_asked = True
            start = time.monotonic()
            try:
                name = await asyncio.wait_for(request(url, source), TIMEOUT)
                answers.append([start, source, name])
            except (OSError, asyncio.TimeoutError) as error:
                failures.append([start, source, f"{type(error).__name__} {error}"])
            await asyncio.sleep(pause)

    await asyncio.gather(*(client(index) for index in range(count)))
    return {"answers": answers, "failures": failures}


def main():
    verb, urls, rest = sys.argv[1], [urlsplit(url) for url in sys.argv[2].split()], sys.argv[3:]
    if verb == "spread":
        result = asyncio.run(spread(urls[0], rest))
    elif verb == "parallel":
        result = asyncio.run(parallel(urls[0], int(rest[0])))
    else:
        result = asyncio.run(loops(urls, int(rest[0]), float(rest[1])))
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
