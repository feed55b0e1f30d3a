"""An nginx of a test's own, wherever in the lab it is needed.

    with Nginx(lab.client, f"{lab.state}/world", "server { listen 8088; location = / { return 200 hello; } }") as nginx:
        ...

It takes so many `connections` at once in each of so many `processes`. Its uploads are below `{folder}/upload`.
"""

import os
import signal

from .shell import Namespace, wait_until

HEAD = """
user root;
worker_processes {processes};
worker_rlimit_nofile {files};
daemon on;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error.log;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  default_type text/plain;
  keepalive_timeout 600;
  client_max_body_size 64m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{servers}
}}
"""


class Nginx:
    def __init__(self, namespace: Namespace, folder: str, servers: str, connections: int = 2048, processes: int = 1):
        self.namespace, self.folder, self.pid = namespace, folder, 0
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/nginx.conf", "w") as file:
            file.write(HEAD.format(folder=folder, servers=servers, connections=connections, files=connections + 100,
                                   processes=processes))

    def __enter__(self):
        self.namespace.run("nginx", "-c", f"{self.folder}/nginx.conf", "-e", f"{self.folder}/nginx.error.log")
        with open(f"{self.folder}/nginx.pid") as file:
            self.pid = int(file.read())
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGTERM)
        wait_until(lambda: not os.path.exists(f"/proc/{self.pid}"), f"the nginx of {self.folder} is gone")
