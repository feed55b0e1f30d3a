"""A gRPC server with the health service: `serving.py PORT`. The service "sick" is not serving, "" is, others are unknown.

Debian's python3-grpcio, so it is run by Debian's Python. Not called grpc_health: that library imports what is.
"""

import sys
from concurrent import futures

import grpc

SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"  # HealthCheckResponse.status


def check(request: bytes, context) -> bytes:
    name = request[2:].decode()  # HealthCheckRequest.service: tag, length, text
    if name not in ("", "sick"):
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
    return NOT_SERVING if name else SERVING


server = grpc.server(futures.ThreadPoolExecutor(2))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
    "grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(check)}),))
server.add_insecure_port(f"0.0.0.0:{sys.argv[1]}")
server.start()
server.wait_for_termination()
