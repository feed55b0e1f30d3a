"""What keepalived's checkers ask, on one real server: HTTP, TLS, SMTP, DNS, UDP and a port to connect to.

Usage: checked_answers.py FOLDER CERTIFICATE

A file in FOLDER makes the check of its name fail: `page` (other contents), `status` (503), `tls` (503 over TLS), `smtp`
(refuses), `dns` (fails), `udp` (says nothing), `tcp` (nobody listens). The file goes, and the check is right again.
"""

import asyncio
import os
import ssl
import sys

PAGE, BROKEN_PAGE = "all is well\n", "no database\n"
PORTS = {"http": 8081, "tls": 8443, "smtp": 25, "dns": 53, "udp": 7, "tcp": 8082}
FOLDER = ""


def fails(check: str) -> bool:
    return os.path.exists(f"{FOLDER}/{check}")


def http_answer(is_bad: bool) -> bytes:
    body = BROKEN_PAGE if fails("page") else PAGE
    status = "503 Service Unavailable" if is_bad else "200 OK"
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


async def answer_http(reader, writer):
    await answer_once(reader, writer, http_answer(fails("status")))


async def answer_tls(reader, writer):
    await answer_once(reader, writer, http_answer(fails("tls")))


async def answer_once(reader, writer, answer: bytes):
    try:
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        writer.write(answer)
        await writer.drain()
    except (OSError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError):
        pass  # the checker has gone
    writer.close()


async def answer_smtp(reader, writer):
    try:
        writer.write(b"554 no\r\n" if fails("smtp") else b"220 real ESMTP\r\n")
        while line := await asyncio.wait_for(reader.readline(), 10):
            is_quit = line.upper().startswith(b"QUIT")
            writer.write(b"221 bye\r\n" if is_quit else b"250 yes\r\n")
            await writer.drain()
            if is_quit:
                break
    except (OSError, asyncio.TimeoutError):
        pass
    writer.close()


async def only_accept(_, writer):
    writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer):
        self.answer = answer

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        if answer := self.answer(data):
            self.transport.sendto(answer, peer)


def answer_dns(query: bytes) -> bytes:
    """One address for whatever is asked; SERVFAIL when it fails."""
    if len(query) < 17:
        return b""
    end = 12
    while end < len(query) and query[end]:
        end += query[end] + 1
    question = query[12:end + 5]
    if fails("dns"):
        return query[:2] + b"\x81\x82\x00\x01\x00\x00\x00\x00\x00\x00" + question
    record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01"
    return query[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + question + record


def answer_udp(request: bytes) -> bytes:
    return b"" if fails("udp") else b"pong " + request


async def keep_tcp():
    """Listens while the check may succeed."""
    server = None
    while True:
        if fails("tcp") and server is not None:
            server.close()
            server = None
        elif not fails("tcp") and server is None:
            server = await asyncio.start_server(only_accept, None, PORTS["tcp"])
        await asyncio.sleep(0.05)


async def main(certificate: str):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    await asyncio.start_server(answer_http, None, PORTS["http"])
    await asyncio.start_server(answer_tls, None, PORTS["tls"], ssl=context)
    await asyncio.start_server(answer_smtp, None, PORTS["smtp"])
    for check, answer in (("dns", answer_dns), ("udp", answer_udp)):
        await loop.create_datagram_endpoint(lambda answer=answer: Datagrams(answer),
                                            local_addr=("0.0.0.0", PORTS[check]))
    await keep_tcp()


if __name__ == "__main__":
    FOLDER = sys.argv[1]
    asyncio.run(main(sys.argv[2]))
