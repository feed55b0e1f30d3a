// What a real server of the TUN method needs and the lab's kernel may lack (ipip and ip6_tunnel modules): strip the
// outer header of IP-in-IP at the ingress of the real server's veth. The inner packet then looks as if it had come
// straight from the director, and its destination, the VIP, is an address of `lo`.
//
//   eth | outer IPv4 (20 bytes, protocol 4) | inner IPv4 …   →   eth | inner IPv4 …
//   eth | outer IPv6 (40 bytes, next header 41) | inner IPv6 …   →   eth | inner IPv6 …
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { kHeaders = sizeof(struct ethhdr) + sizeof(struct ipv6hdr), kFragmentBits = 0x3fff };

static __always_inline int strip(struct __sk_buff* skb, int bytes) {
  return bpf_skb_adjust_room(skb, -bytes, BPF_ADJ_ROOM_MAC, 0) < 0 ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("tc")
int decap(struct __sk_buff* skb) {
  // A frame that was sent by AF_PACKET arrives non-linear: without this only its first bytes can be read. What is
  // too short for these headers (an ARP message without padding) has nothing inside either.
  if (bpf_skb_pull_data(skb, kHeaders) < 0) return TC_ACT_OK;
  void* data = (void*)(long)skb->data;
  void* end = (void*)(long)skb->data_end;
  if (data + kHeaders > end) return TC_ACT_OK;

  struct ethhdr* eth = data;
  if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
    struct ipv6hdr* outer6 = data + sizeof(*eth);
    return outer6->nexthdr == IPPROTO_IPV6 ? strip(skb, sizeof(*outer6)) : TC_ACT_OK;
  }
  struct iphdr* outer = data + sizeof(*eth);
  if (eth->h_proto != bpf_htons(ETH_P_IP) || outer->ihl != 5) return TC_ACT_OK;
  if (outer->protocol != IPPROTO_IPIP) return TC_ACT_OK;
  if (outer->frag_off & bpf_htons(kFragmentBits)) return TC_ACT_SHOT;
  return strip(skb, sizeof(*outer));
}

char _license[] SEC("license") = "Apache-2.0";
