"""TRex (stateless): one SYN a flow, then ACKs of all flows in random order, in 64-byte frames.

  start -f trex_flows.py -p 0 -m 1mpps -d 60 -t flows=1048576,vip_mac=<MAC of the director's port>
  ndr --stl --ports 0 -v --profile trex_flows.py --prof-tun flows=1048576 --opt-bin-search

The SYNs go first, at a million a second at most: a table that fills costs more than one that is
full. docs/performance.md, "Two machines", has the whole procedure.
"""

import argparse

from trex_stl_lib.api import (Ether, IP, STLPktBuilder, STLProfile, STLScVmRaw, STLStream,
                              STLTXCont, STLTXSingleBurst, STLVmFixIpv4, STLVmFlowVar,
                              STLVmWrFlowVar, TCP)

FIRST_CLIENT = 0x64000000  # 100.0.0.0/8
VIP = "192.0.2.80"


class Flows:
    """What TRex asks for streams."""

    def packet(self, flags, flows, order, mac):
        base = Ether(dst=mac) / IP(src="100.0.0.0", dst=VIP) / TCP(sport=1024, dport=80, flags=flags)
        variables = STLScVmRaw([
            STLVmFlowVar(name="client", min_value=FIRST_CLIENT,
                         max_value=FIRST_CLIENT + flows - 1, size=4, op=order),
            STLVmWrFlowVar(fv_name="client", pkt_offset="IP.src"),
            STLVmFixIpv4(offset="IP")])
        return STLPktBuilder(pkt=base / ("x" * max(0, 60 - len(base))), vm=variables)

    def get_streams(self, direction=0, tunables=(), **kwargs):
        parser = argparse.ArgumentParser()
        parser.add_argument("--flows", type=int, default=65536)
        parser.add_argument("--vip_mac", default="02:00:00:00:00:01")
        wanted = parser.parse_args(tunables)
        syns = STLStream(name="syns", next="acks",
                         packet=self.packet("S", wanted.flows, "inc", wanted.vip_mac),
                         mode=STLTXSingleBurst(pps=1_000_000, total_pkts=wanted.flows))
        acks = STLStream(name="acks", self_start=False,
                         packet=self.packet("A", wanted.flows, "random", wanted.vip_mac),
                         mode=STLTXCont(pps=1))
        return STLProfile([syns, acks]).get_streams()


def register():
    return Flows()
