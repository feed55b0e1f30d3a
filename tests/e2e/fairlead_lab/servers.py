"""What runs on a real server: nginx (answers with its name, serves and takes 20 MB) and a UDP echo."""

import hashlib
import os
import signal
import subprocess
import sys

from . import addresses as at
from .shell import wait_until

NGINX_CONF = """
user root;
worker_processes 1;
daemon on;
pid {state}/nginx.pid;
error_log {state}/nginx.error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  default_type text/plain;
  keepalive_timeout 60;
  client_max_body_size 64m;
  client_body_temp_path {state}/body;
  proxy_temp_path {state}/proxy;
  fastcgi_temp_path {state}/fastcgi;
  uwsgi_temp_path {state}/uwsgi;
  scgi_temp_path {state}/scgi;
  server {{
{listen}
    location = / {{ return 200 "{name}\\n"; }}
    location = /health {{ return 200 "ok\\n"; }}
    location = /whoami {{ return 200 "{name} $remote_addr $server_addr $server_port\\n"; }}
    location = /20mb {{ alias {files}/20mb; }}
    location /upload/ {{ root {state}; dav_methods PUT; create_full_put_path on; }}
  }}
  server {{
    listen {proxy_port} proxy_protocol; listen [::]:{proxy_port} proxy_protocol;
    location = / {{ return 200 "{name}\\n"; }}
    location = /whoami {{ return 200 "{name} $remote_addr $proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port\\n"; }}
    location = /20mb {{ alias {files}/20mb; }}
    location /upload/ {{ root {state}; dav_methods PUT; create_full_put_path on; }}
  }}
}}
"""


def state_of(lab, index: int) -> str:
    return f"{lab.state}/{at.real_name(index)}"


def start_nginx(lab, index: int):
    state = state_of(lab, index)
    os.makedirs(state, exist_ok=True)
    listen = "".join(f"    listen {port}; listen [::]:{port};\n" for port in at.HTTP_PORTS)
    with open(f"{state}/nginx.conf", "w") as file:
        file.write(NGINX_CONF.format(state=state, files=f"{lab.state}/files", listen=listen,
                                     name=at.real_name(index), proxy_port=at.PROXY_PORT))
    lab.reals[index].run("nginx", "-c", f"{state}/nginx.conf", "-e", f"{state}/nginx.error.log")


def stop_nginx(lab, index: int):
    """Stop at once: open connections die as with a killed process."""
    pid_file = f"{state_of(lab, index)}/nginx.pid"
    with open(pid_file) as file:
        pid = int(file.read())
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), f"nginx of {at.real_name(index)} is gone")


def uploaded_sha256(lab, index: int, name: str) -> str:
    """sha256 of what arrived by PUT /upload/NAME, or '' when nothing did."""
    try:
        with open(f"{state_of(lab, index)}/upload/{name}", "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return ""


def start_udp_echo(lab, index: int):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "udp_echo.py")
    lab.reals[index].spawn(sys.executable, script, at.real_name(index), at.UDP_PORT,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           start_new_session=True)
    needle = f":{at.UDP_PORT}"
    wait_until(lambda: needle in lab.reals[index].run("ss", "-Hlun").stdout,
               f"the UDP echo of {at.real_name(index)} listens", timeout=30)


def ensure_nginx(lab, index: int):
    """Start nginx unless it runs: for clearing up after a test that stopped it."""
    if not os.path.exists(f"{state_of(lab, index)}/nginx.pid"):
        start_nginx(lab, index)
