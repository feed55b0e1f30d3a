// A flood of small packets from random addresses to random addresses, for the end-to-end tests:
//
//   flood INTERFACE MAC udp|twice|syn SOURCE/LENGTH SOURCE_PORT DESTINATION/LENGTH PORT RATE SECONDS MOST
//
// Writes Ethernet frames to MAC by INTERFACE, RATE a second (0: as many as go), for SECONDS, MOST
// frames at the most, and ends at once on SIGTERM. Bits behind a prefix are drawn for each packet,
// and so is a port of 0. `twice` is UDP, two packets of each flow. Checksums are right. Closes with one line of JSON: {"sent": N, "refused":
// N}; refused are those that the interface did not take.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kBatch = 32, kRoom = 128, kPayload = 4 };

struct prefix {
  uint8_t bytes[16];
  int size;    // bytes of an address
  int length;  // bits
};

static volatile sig_atomic_t stopped;
static uint64_t state = 88172645463325252u;

static void stop(int number) {
  (void)number;
  stopped = 1;
}

static void fail(const char* what) {
  fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t draw(void) {  // xorshift64
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static struct prefix parse_prefix(char* text) {
  struct prefix p = {.size = strchr(text, ':') != NULL ? 16 : 4};
  char* slash = strchr(text, '/');
  p.length = slash != NULL ? atoi(slash + 1) : p.size * 8;
  if (slash != NULL) *slash = 0;
  errno = EINVAL;
  if (inet_pton(p.size == 4 ? AF_INET : AF_INET6, text, p.bytes) != 1) fail(text);
  return p;
}

static void put_address(const struct prefix* p, uint8_t* at) {
  uint64_t bits[2] = {draw(), draw()};
  const uint8_t* drawn = (const uint8_t*)bits;
  for (int i = 0; i < p->size; ++i) {
    const int fixed = p->length - 8 * i;
    const uint8_t mask = fixed >= 8 ? 0xff : fixed <= 0 ? 0 : (uint8_t)(0xff << (8 - fixed));
    at[i] = (uint8_t)((p->bytes[i] & mask) | (drawn[i] & ~mask));
  }
}

static void put16(uint8_t* at, unsigned value) {
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static uint32_t sum(uint32_t total, const uint8_t* at, int length) {
  for (int i = 0; i < length; i += 2) total += (uint32_t)(at[i] << 8 | at[i + 1]);
  return total;
}

static unsigned fold(uint32_t total) {
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return ~total & 0xffff;
}

struct job {
  struct prefix source, destination;
  unsigned source_port, port;
  bool is_tcp;
};

// Everything behind the Ethernet header. Returns its length.
static int put_packet(const struct job* job, uint8_t* ip) {
  const bool is_v4 = job->source.size == 4;
  const int header = is_v4 ? 20 : 40, size = is_v4 ? 4 : 16;
  const int payload = job->is_tcp ? 20 : 8 + kPayload;
  const int protocol = job->is_tcp ? 6 : 17;
  uint8_t* addresses = ip + (is_v4 ? 12 : 8);
  uint8_t* l4 = ip + header;
  memset(ip, 0, kRoom - ETH_HLEN);
  put_address(&job->source, addresses);
  put_address(&job->destination, addresses + size);
  if (is_v4) {
    ip[0] = 0x45;
    put16(ip + 2, (unsigned)(header + payload));
    ip[8] = 64;
    ip[9] = (uint8_t)protocol;
    put16(ip + 10, fold(sum(0, ip, header)));
  } else {
    ip[0] = 0x60;
    put16(ip + 4, (unsigned)payload);
    ip[6] = (uint8_t)protocol;
    ip[7] = 64;
  }
  put16(l4, job->source_port != 0 ? job->source_port : 1024 + draw() % 60000);
  put16(l4 + 2, job->port != 0 ? job->port : 1 + draw() % 65000);
  uint8_t* checksum = l4 + (job->is_tcp ? 16 : 6);
  if (job->is_tcp) {
    const uint32_t sequence = (uint32_t)draw();
    memcpy(l4 + 4, &sequence, 4);
    l4[12] = 5 << 4;
    l4[13] = 0x02;  // SYN
    put16(l4 + 14, 65535);
  } else {
    put16(l4 + 4, (unsigned)payload);
  }
  const unsigned found =
      fold(sum(sum((uint32_t)(protocol + payload), addresses, 2 * size), l4, payload));
  put16(checksum, found == 0 ? 0xffff : found);
  return header + payload;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_socket(const char* interface) {
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) fail("socket");
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface)};
  if (to.sll_ifindex == 0 || bind(fd, (struct sockaddr*)&to, sizeof to) != 0) fail(interface);
  const int yes = 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
  return fd;
}

int main(int count, char** words) {
  if (count != 11) {
    fprintf(stderr, "flood INTERFACE MAC udp|twice|syn SOURCE/LENGTH SOURCE_PORT DESTINATION/LENGTH PORT "
                    "RATE SECONDS MOST\n");
    return 2;
  }
  const struct job job = {.is_tcp = strcmp(words[3], "syn") == 0,
                          .source = parse_prefix(words[4]),
                          .source_port = (unsigned)atoi(words[5]),
                          .destination = parse_prefix(words[6]),
                          .port = (unsigned)atoi(words[7])};
  const bool is_twice = strcmp(words[3], "twice") == 0;
  const double rate = atof(words[8]), seconds = atof(words[9]);
  const unsigned long long most = strtoull(words[10], NULL, 10);
  errno = EINVAL;
  if (job.source.size != job.destination.size) fail("two address families");
  signal(SIGTERM, stop);
  signal(SIGINT, stop);
  const int fd = open_socket(words[1]);
  state ^= (uint64_t)getpid() << 32;

  static uint8_t frames[kBatch][kRoom];
  struct iovec pieces[kBatch];
  struct mmsghdr messages[kBatch];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < kBatch; ++i) {
    unsigned mac[6];
    if (sscanf(words[2], "%x:%x:%x:%x:%x:%x", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
      fail(words[2]);
    for (int b = 0; b < 6; ++b) frames[i][b] = (uint8_t)mac[b];
    frames[i][6] = 2;  // a local address
    put16(frames[i] + 12, job.source.size == 4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
    pieces[i].iov_base = frames[i];
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  unsigned long long sent = 0, refused = 0;
  const double begun = now();
  for (double at = begun; !stopped && at < begun + seconds && sent + refused < most; at = now()) {
    if (rate > 0 && (double)(sent + refused) > (at - begun) * rate) {
      usleep(500);
      continue;
    }
    for (int i = 0; i < kBatch; ++i) {
      if (is_twice && i % 2 == 1) {
        memcpy(frames[i], frames[i - 1], kRoom);
        pieces[i].iov_len = pieces[i - 1].iov_len;
      } else {
        pieces[i].iov_len = (size_t)(ETH_HLEN + put_packet(&job, frames[i] + ETH_HLEN));
      }
    }
    const int taken = sendmmsg(fd, messages, kBatch, 0);
    sent += taken > 0 ? (unsigned)taken : 0;
    refused += (unsigned)(kBatch - (taken > 0 ? taken : 0));
    if (taken < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR) fail("sendmmsg");
  }
  printf("{\"sent\": %llu, \"refused\": %llu}\n", sent, refused);
  return 0;
}
