// What a real server of the TUN method needs and the lab's kernel may lack (ipip module): strip the outer IPv4
// header of IP-in-IP at the ingress of the real server's veth. The inner packet then looks as if it had come
// straight from the director, and its destination, the VIP, is an address of `lo`.
//
//   eth | outer IPv4 (20 bytes, protocol 4) | inner IPv4 …   →   eth | inner IPv4 …
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { kHeaders = sizeof(struct ethhdr) + sizeof(struct iphdr), kFragmentBits = 0x3fff };

SEC("tc")
int decap(struct __sk_buff* skb) {
  // A frame that was sent by AF_PACKET arrives non-linear: without this only its first bytes can be read.
  if (bpf_skb_pull_data(skb, kHeaders) < 0) return TC_ACT_OK;
  void* data = (void*)(long)skb->data;
  void* end = (void*)(long)skb->data_end;
  if (data + kHeaders > end) return TC_ACT_OK;

  struct ethhdr* eth = data;
  struct iphdr* outer = data + sizeof(*eth);
  if (eth->h_proto != bpf_htons(ETH_P_IP) || outer->ihl != 5) return TC_ACT_OK;
  if (outer->protocol != IPPROTO_IPIP) return TC_ACT_OK;
  if (outer->frag_off & bpf_htons(kFragmentBits)) return TC_ACT_SHOT;

  if (bpf_skb_adjust_room(skb, -(int)sizeof(*outer), BPF_ADJ_ROOM_MAC, 0) < 0) return TC_ACT_SHOT;
  return TC_ACT_OK;
}

char _license[] SEC("license") = "Apache-2.0";
