"""What scripts/demo shows once everything is built: config/quickstart.yaml in a lab, by NAT, DR and TUN."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from fairlead_lab import Director, Lab, addresses as at, client  # noqa: E402
from fairlead_lab.lab import ROOT  # noqa: E402
from fairlead_lab.showing import DemoFailed, show  # noqa: E402

QUICKSTART = f"{ROOT}/config/quickstart.yaml"
REQUESTS = 200
WEIGHTS = {"real1": 3, "real2": 2, "real3": 1}
# For DR and TUN the real servers hold the service address themselves, so each method has its own.
METHODS = [
    ("nat", at.VIP, "replies come back through the director"),
    ("dr", at.VIP_DR, "replies go straight to the client"),
    ("tun", at.VIP_TUN, "IP-in-IP to the real server, replies go straight to the client"),
]
FIRST_CLIENT, SECOND_CLIENT = "198.51.100.7", "203.0.113.9"


def quickstart_as(method: str, vip: str) -> str:
    """The quickstart file with another forwarding method; the address goes with it."""
    with open(QUICKSTART) as file:
        return file.read().replace("forward: nat", f"forward: {method}").replace(at.VIP, vip)


def table(counts: dict) -> list:
    """Lines of a table, and a check that the shares are the weights' to the request."""
    total = sum(WEIGHTS.values())
    print(f"   {'real server':<14}{'weight':>6}{'requests':>10}{'share':>9}")
    for name, weight in WEIGHTS.items():
        count = counts.get(name, 0)
        bar = "#" * (count * 30 // REQUESTS)
        print(f"   {name:<14}{weight:>6}{count:>10}{100 * count / REQUESTS:>8.1f}%  {bar}")
        if abs(count - REQUESTS * weight / total) > 1:
            raise DemoFailed(f"{name} answered {count} of {REQUESTS} requests with weight {weight} of {total}")


def show_spread(lab, vip: str):
    done = lab.client.run("curl", "-sS", "--max-time", "60", "-H", "Connection: close",
                          f"http://{vip}/?request=[1-{REQUESTS}]")
    names = done.stdout.split()
    table({name: names.count(name) for name in sorted(set(names))})


def show_stickiness(lab, vip: str):
    seen = {}
    for source in (FIRST_CLIENT, SECOND_CLIENT):
        names = [client.curl(lab, f"http://{vip}:8080/", source=source).stdout.strip() for _ in range(10)]
        seen[source] = sorted(set(names))
        print(f"   client {source:<14} 10 requests, all answered by {' and '.join(seen[source])}")
    if any(len(names) != 1 for names in seen.values()) or seen[FIRST_CLIENT] == seen[SECOND_CLIENT]:
        raise DemoFailed("the shop's clients did not stay with one real server each")


def demo(lab, stay: bool):
    director = Director(lab)
    for step, (method, vip, what) in enumerate(METHODS):
        if step == 0:
            director.start_file(QUICKSTART)
        else:
            director.write_text(quickstart_as(method, vip))
            director.cli("reload", "--yes", director.config_path)
        print(f"\n== {method.upper()}: {what}")
        print(f"-- web, http://{vip}/, scheduler wrr: {REQUESTS} requests")
        show_spread(lab, vip)
        print(f"-- shop, http://{vip}:8080/, persistent:")
        show_stickiness(lab, vip)

    print(f"\n== why: fairlead explain {FIRST_CLIENT}:40000 {at.VIP_TUN}:8080/tcp")
    print(director.cli("explain", f"{FIRST_CLIENT}:40000", f"{at.VIP_TUN}:8080/tcp").stdout)
    if stay:
        stay_up(lab, director)
    director.stop()


def stay_up(lab, director):
    director.write_text(quickstart_as("nat", at.VIP))
    director.cli("reload", "--yes", director.config_path)
    build = os.path.relpath(os.environ.get("FAIRLEAD_BUILD", f"{ROOT}/build/release"))
    print(f"""== it stays up, by NAT again; Ctrl-C takes everything down

   API     {director.api}
   log     {director.log}
   config  {director.config_path}   (edit it, then `fairlead reload`)

   Try, in another terminal and from this directory:
     sudo {build}/src/cli/fairlead status
     sudo {build}/src/cli/fairlead service list
     sudo {build}/src/cli/fairlead connection list
     sudo {build}/src/cli/fairlead template list
     sudo {build}/src/cli/fairlead ipvsadm -Ln
     sudo {build}/src/cli/fairlead real drain shop {at.real_address(1)} --wait
     sudo curl -s --unix-socket {director.socket} http://fairlead/metrics
     sudo scripts/lab run {lab.name} client curl http://{at.VIP}/
     sudo scripts/lab nginx {lab.name} 1 stop     # and watch `service list`; then start
""", flush=True)
    director.process.wait()


if __name__ == "__main__":
    stay = "--once" not in sys.argv[1:]
    sys.exit(show("client, director and three real servers with nginx", lambda: Lab("demo", reals=3),
                  lambda lab: demo(lab, stay)))
