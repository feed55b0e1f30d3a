// Very many HTTP connections from one process, for the end-to-end tests:
//
//   many_tcp hold  ADDRESS PORT COUNT AT_ONCE SOURCE SOURCES
//   many_tcp short ADDRESS PORT COUNT AT_ONCE SOURCE SOURCES RATE
//
// `hold` opens COUNT connections and asks once on each; all stay open. It prints "open", waits for
// a line on standard input, asks a second time on each, and then closes each. `short` asks once on each
// connection and lets the server close it, at most RATE new ones a second (0: as many as go). At
// most AT_ONCE connections wait for something at a time. They come from SOURCES addresses in turn,
// which begin at SOURCE. The answer to GET / has to be 200 with a body that ends in a newline.
// Closes with one line of JSON: how many were answered, refused, reset, ended otherwise, and were
// silent for a minute.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum { kEvents = 256, kSilentSeconds = 60 };

static const char kAsk[] = "GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
static const char kAskOnce[] = "GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n";
static const char kGood[] = "HTTP/1.1 200";

struct connection {
  int fd;
  uint8_t last;    // byte of the answer
  bool is_asked;   // and waits for the answer, or for the end
  bool is_ending;  // this side has closed
  bool has_begun;  // the answer
  bool is_whole;   // the answer
};

static struct sockaddr_storage server, first_source;
static socklen_t address_size;
static struct connection* connections;
static int poller;
static bool is_hold;
static long count, at_once, sources, rate;
static long waiting, answered, refused, was_reset, other, silent;

static void fail(const char* what) {
  fprintf(stderr, "many_tcp: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct sockaddr_storage parse_address(const char* text, long port) {
  struct sockaddr_storage all = {0};
  struct sockaddr_in* v4 = (struct sockaddr_in*)&all;
  struct sockaddr_in6* v6 = (struct sockaddr_in6*)&all;
  errno = EINVAL;
  if (strchr(text, ':') == NULL) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, text, &v4->sin_addr) != 1) fail(text);
  } else {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1) fail(text);
  }
  return all;
}

// The source of that number: so many after the first.
static struct sockaddr_storage source_of(long number) {
  struct sockaddr_storage all = first_source;
  uint32_t* low = all.ss_family == AF_INET
                      ? (uint32_t*)&((struct sockaddr_in*)&all)->sin_addr
                      : (uint32_t*)&((struct sockaddr_in6*)&all)->sin6_addr.s6_addr[12];
  *low = htonl(ntohl(*low) + (uint32_t)(number % sources));
  return all;
}

static void finish(struct connection* c, long* outcome) {
  close(c->fd);
  c->fd = -1;
  ++*outcome;
}

static void end_by_error(struct connection* c, int error) {
  --waiting;
  finish(c, error == ECONNREFUSED ? &refused : error == ECONNRESET ? &was_reset : &other);
}

static void open_one(long number) {
  struct connection* c = &connections[number];
  c->fd = socket(server.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) fail("socket");
  const int on = 1;
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  const struct sockaddr_storage source = source_of(number);
  if (bind(c->fd, (const struct sockaddr*)&source, address_size) != 0) fail("bind");
  struct epoll_event wish = {.events = EPOLLOUT, .data.u64 = (uint64_t)number};
  ++waiting;
  if (connect(c->fd, (const struct sockaddr*)&server, address_size) != 0 && errno != EINPROGRESS) {
    end_by_error(c, errno);
    return;
  }
  if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &wish) != 0) fail("epoll_ctl");
}

static void ask(struct connection* c) {
  const char* text = is_hold ? kAsk : kAskOnce;
  c->is_asked = true;
  c->has_begun = c->is_whole = false;
  const ssize_t length = (ssize_t)strlen(text);
  if (send(c->fd, text, (size_t)length, MSG_NOSIGNAL) != length) end_by_error(c, errno);
}

// What has come of an answer; the end of the stream is 0 bytes.
static void take(struct connection* c) {
  char bytes[4096];
  const ssize_t got = recv(c->fd, bytes, sizeof bytes, 0);
  if (got < 0) {
    if (errno != EAGAIN) end_by_error(c, errno);
    return;
  }
  if (got == 0) {
    --waiting;
    finish(c, c->is_whole && (c->is_ending || !is_hold) ? &answered : &other);
    return;
  }
  if (!c->has_begun && (got < 12 || memcmp(bytes, kGood, 12) != 0)) {
    --waiting;
    finish(c, &other);
    return;
  }
  const char before = got > 1 ? bytes[got - 2] : (char)c->last;
  c->has_begun = true;
  c->last = (uint8_t)bytes[got - 1];
  c->is_whole = c->last == '\n' && before != '\r';  // a header's line ends with both
  if (c->is_whole && is_hold) {
    c->is_asked = false;
    --waiting;
  }
}

static void serve_event(long number, uint32_t events) {
  struct connection* c = &connections[number];
  if (c->fd < 0) return;
  if (c->is_asked) {
    take(c);
    return;
  }
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0 || (events & (EPOLLERR | EPOLLHUP)) != 0) {
    if (is_hold && c->has_begun) ++waiting;  // nobody has waited for this one
    end_by_error(c, error != 0 ? error : ECONNRESET);
    return;
  }
  if (c->has_begun) {  // it was to stay open
    ++waiting;
    take(c);
    return;
  }
  struct epoll_event wish = {.events = EPOLLIN, .data.u64 = (uint64_t)number};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &wish);
  ask(c);
}

// `begin` is called for each number in turn, at most `most` a second (0: no limit), until all have
// come to an end.
static void run(void (*begin)(long), long most) {
  const double start = now();
  double heard = start;
  long next = 0;
  while (next < count || waiting > 0) {
    while (next < count && waiting < at_once &&
           (most == 0 || (double)next < (now() - start) * (double)most)) {
      begin(next++);
    }
    struct epoll_event events[kEvents];
    const int ready = epoll_wait(poller, events, kEvents, most == 0 ? 1000 : 1);
    for (int i = 0; i < ready; ++i) serve_event((long)events[i].data.u64, events[i].events);
    if (ready > 0 || waiting == 0) heard = now();
    if (now() - heard > kSilentSeconds) {
      silent += waiting;
      return;
    }
  }
}

static void ask_again(long number) {
  struct connection* c = &connections[number];
  if (c->fd < 0) return;
  ++waiting;
  ask(c);
}

static void close_one(long number) {
  struct connection* c = &connections[number];
  if (c->fd < 0) return;
  ++waiting;
  c->is_asked = c->is_ending = true;
  shutdown(c->fd, SHUT_WR);
}

static void make_room(void) {
  struct rlimit room;
  getrlimit(RLIMIT_NOFILE, &room);
  room.rlim_cur = room.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &room) != 0) fail("setrlimit");
  connections = calloc((size_t)count, sizeof *connections);
  if (connections == NULL) fail("calloc");
  for (long i = 0; i < count; ++i) connections[i].fd = -1;
  poller = epoll_create1(0);
  if (poller < 0) fail("epoll_create1");
}

int main(int argc, char** argv) {
  is_hold = argc == 8 && strcmp(argv[1], "hold") == 0;
  if (!is_hold && (argc != 9 || strcmp(argv[1], "short") != 0)) {
    fprintf(stderr, "usage: many_tcp hold|short ADDRESS PORT COUNT AT_ONCE SOURCE SOURCES [RATE]\n");
    return 1;
  }
  server = parse_address(argv[2], atol(argv[3]));
  count = atol(argv[4]);
  at_once = atol(argv[5]);
  first_source = parse_address(argv[6], 0);
  sources = atol(argv[7]);
  rate = is_hold ? 0 : atol(argv[8]);
  address_size = server.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  make_room();
  run(open_one, rate);
  if (is_hold) {
    printf("open\n");
    fflush(stdout);
    char line[16];
    if (fgets(line, sizeof line, stdin) == NULL) return 1;
    run(ask_again, 0);
    run(close_one, 0);
  }
  printf("{\"answered\": %ld, \"refused\": %ld, \"reset\": %ld, \"other\": %ld, \"silent\": %ld}\n",
         answered, refused, was_reset, other, silent);
  return 0;
}
