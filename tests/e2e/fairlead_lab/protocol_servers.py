"""Real servers of every protocol that health checks speak, and hostile ones, on a real server of the lab.

    servers = ProtocolServers(lab, 1)
    servers.start_good()
    servers.start_hostile({7001: "silent", 7002: "say:2b4f4b0d0a"})
    …
    servers.stop()

Their files are in a folder of the lab's, and so are the certificates: `ca.pem`, and with a key each `server`, for the name
health.example, and `client`.
"""

import contextlib
import os
import signal
import subprocess
import sys

from . import addresses as at
from .shell import ShellError, run, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
DEBIANS_PYTHON = "/usr/bin/python3"
NAME = "health.example"
PASSWORD = "only for this lab"

# Where the good ones listen.
HTTPS, TLS, TLS_CLIENT, SMTP, DNS = 8443, 8444, 8445, 2525, 5300
MYSQL, LDAP, REDIS, AGENT, GRPC = 3306, 3389, 6379, 9001, 9002

NGINX = """
user root;
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen {port} ssl;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
    location / {{ return 200 "the shop is open\\n"; }}
    location /closed {{ return 503; }}
  }}
}}
"""
SLAPD = """
include /etc/ldap/schema/core.schema
pidfile {folder}/slapd.pid
database config
rootdn cn=config
rootpw "{password}"
"""
MYSQL_BEGIN = "create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\n"
MYSQL_END = """
flush privileges;
create user 'health'@'%' identified via mysql_native_password using password('{password}');
"""


class ProtocolServers:
    def __init__(self, lab, index: int):
        self.lab, self.index, self.namespace = lab, index, lab.reals[index]
        self.folder = f"{lab.state}/protocols{index}"
        self.processes = []
        os.makedirs(f"{self.folder}/mysql", exist_ok=True)

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def write(self, name: str, text: str) -> str:
        with open(self.path(name), "w") as file:
            file.write(text.format(folder=self.folder, password=PASSWORD, port=HTTPS))
        return self.path(name)

    def start(self, *words):
        with open(self.path("log"), "ab") as log:
            self.processes.append(self.namespace.spawn(*words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                       start_new_session=True))

    def wait_listening(self, ports, kind: str = "t"):
        def missing():
            open_ports = {line.split()[3].rsplit(":", 1)[1]
                          for line in self.namespace.run("ss", f"-Hln{kind}").stdout.splitlines()}
            return [port for port in ports if str(port) not in open_ports]
        try:
            wait_until(lambda: not missing(), f"all listen on {at.real_name(self.index)}", timeout=60, interval=0.2)
        except ShellError as error:
            with open(self.path("log"), errors="replace") as log:
                raise ShellError(f"{error}; not on {missing()}:\n{log.read()[-4000:]}") from None

    def start_good(self):
        self.make_certificates()
        self.write("password", "{password}\n")
        pair = ("-cert", self.path("server.pem"), "-key", self.path("server.key"))
        self.start("nginx", "-c", self.write("nginx.conf", NGINX), "-e", self.path("nginx.log"))
        self.start("openssl", "s_server", "-quiet", "-accept", TLS, *pair)
        self.start("openssl", "s_server", "-quiet", "-accept", TLS_CLIENT, *pair, "-Verify", "1", "-verify_return_error",
                   "-CAfile", self.path("ca.pem"))
        self.start(DEBIANS_PYTHON, "-W", "ignore", "-m", "smtpd", "-n", "-c", "DebuggingServer", f"0.0.0.0:{SMTP}")
        self.start("dnsmasq", "--keep-in-foreground", f"--port={DNS}", "--conf-file=/dev/null", "--no-resolv",
                   "--no-hosts", "--pid-file=", "--user=root", "--bind-interfaces", "--except-interface=lo",
                   f"--address=/{NAME}/192.0.2.99")
        self.start("redis-server", "--port", REDIS, "--bind", "0.0.0.0", "--save", "", "--appendonly", "no",
                   "--dir", self.folder, "--requirepass", PASSWORD)
        self.start("slapd", "-d", "0", "-f", self.write("slapd.conf", SLAPD), "-h", f"ldap://0.0.0.0:{LDAP}")
        self.start(DEBIANS_PYTHON, f"{HERE}/serving.py", GRPC)
        self.start_mysql()
        self.wait_listening((HTTPS, TLS, TLS_CLIENT, SMTP, DNS, MYSQL, LDAP, REDIS, GRPC))

    def start_mysql(self):
        small = ("--no-defaults", f"--datadir={self.folder}/mysql", "--user=root", "--skip-log-bin",
                 "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--key-buffer-size=1M")
        tables = ""
        for name in ("mysql_system_tables", "mysql_system_tables_data"):
            with open(f"/usr/share/mysql/{name}.sql") as file:
                tables += file.read()
        run("mariadbd", *small, "--bootstrap", input=MYSQL_BEGIN + tables + MYSQL_END.format(password=PASSWORD))
        self.start("mariadbd", *small, f"--port={MYSQL}", "--bind-address=0.0.0.0", f"--socket={self.folder}/mysql.sock",
                   "--skip-name-resolve")

    def make_certificates(self):
        def openssl(*words):
            run("openssl", *words, cwd=self.folder)
        new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30")
        openssl(*new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=lab")
        for name, subject in (("server", NAME), ("client", "director")):
            openssl(*new, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", f"{name}.key", "-out", f"{name}.pem",
                    "-subj", f"/CN={subject}", "-addext", f"subjectAltName=DNS:{subject}",
                    "-addext", "basicConstraints=critical,CA:FALSE")

    def start_hostile(self, ways: dict):
        """{port: "WAY[:ARGUMENT]"}, as hostile.py has them."""
        self.start(sys.executable, f"{HERE}/hostile.py", *(f"{port}:{way}" for port, way in ways.items()))
        self.wait_listening(ports=[port for port, way in ways.items() if not way.startswith("dns_")])
        udp = [port for port, way in ways.items() if way.startswith("dns_")]
        self.wait_listening(ports=udp, kind="u")

    def stop(self):
        for process in self.processes:  # with what they have started
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes = []
