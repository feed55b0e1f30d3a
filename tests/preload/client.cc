// A program that knows nothing of the library: it speaks generic netlink over plain sockets, and
// opens files of /proc. Each verb prints what it saw.
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr uint16_t kIpvs = 0x7f30;

struct Heard {
  ssize_t size = 0;  // or -errno
  uint32_t source = 0;
  std::string bytes = {};
};

std::string Request(uint16_t type, uint8_t command, uint16_t flags, uint32_t sequence,
                    const std::string& name = "") {
  std::string message(NLMSG_HDRLEN + GENL_HDRLEN, '\0');
  if (!name.empty()) {
    const nlattr attribute{static_cast<uint16_t>(NLA_HDRLEN + name.size() + 1),
                           CTRL_ATTR_FAMILY_NAME};
    message.append(reinterpret_cast<const char*>(&attribute), sizeof attribute);
    message += name;
    message += '\0';
    message.resize(NLMSG_ALIGN(message.size()));
  }
  const nlmsghdr header{static_cast<uint32_t>(message.size()), type,
                        static_cast<uint16_t>(NLM_F_REQUEST | flags), sequence, 0};
  const genlmsghdr generic{command, 1, 0};
  memcpy(message.data(), &header, sizeof header);
  memcpy(message.data() + NLMSG_HDRLEN, &generic, sizeof generic);
  return message;
}

std::string GetFamily(const std::string& name, uint32_t sequence) {
  return Request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, sequence, name);
}

int Socket(int type = 0) {
  return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | type, NETLINK_GENERIC);
}

bool Send(int fd, const std::string& bytes) {
  const bool is_sent =
      send(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
  if (!is_sent) printf("send: %s\n", strerror(errno));
  return is_sent;
}

Heard Receive(int fd, int flags = 0, size_t room = 65536) {
  Heard heard;
  heard.bytes.resize(room);
  sockaddr_nl source{};
  iovec part{heard.bytes.data(), room};
  msghdr message{};
  message.msg_name = &source;
  message.msg_namelen = sizeof source;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  heard.size = recvmsg(fd, &message, flags);
  if (heard.size < 0) heard.size = -errno;
  heard.bytes.resize(heard.size < 0                           ? 0
                     : static_cast<size_t>(heard.size) < room ? static_cast<size_t>(heard.size)
                                                              : room);
  heard.source = source.nl_pid;
  return heard;
}

// "type 3 seq 7 error -17" for each message.
std::string Words(const Heard& heard) {
  if (heard.size < 0) return std::string("errno ") + strerror(static_cast<int>(-heard.size));
  std::string text = heard.source == 0 ? "" : "from somebody: ";
  size_t at = 0;
  while (at + NLMSG_HDRLEN <= heard.bytes.size()) {
    nlmsghdr header;
    memcpy(&header, heard.bytes.data() + at, sizeof header);
    if (header.nlmsg_len < NLMSG_HDRLEN) break;
    if (at > 0) text += ", ";
    int error = 0;
    if (header.nlmsg_type == NLMSG_ERROR) memcpy(&error, heard.bytes.data() + at + NLMSG_HDRLEN, 4);
    text += "seq " + std::to_string(header.nlmsg_seq) +
            (header.nlmsg_type == NLMSG_ERROR  ? " error " + std::to_string(error)
             : header.nlmsg_type == NLMSG_DONE ? " done"
                                               : " type " + std::to_string(header.nlmsg_type));
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
  return text;
}

using Reader = std::function<Heard(int fd)>;

Heard WithoutSource(ssize_t got, std::string bytes) {
  Heard heard;
  heard.size = got < 0 ? -errno : got;
  heard.bytes = std::move(bytes);
  heard.bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return heard;
}

const std::map<std::string, Reader>& Readers() {
  static const std::map<std::string, Reader> readers = {
      {"recvmsg", [](int fd) { return Receive(fd); }},
      {"small", [](int fd) { return Receive(fd, 0, 4096); }},
      {"peek",
       [](int fd) {
         const Heard first = Receive(fd, MSG_PEEK | MSG_TRUNC, 16);
         return Receive(fd, 0, static_cast<size_t>(first.size));
       }},
      {"recv",
       [](int fd) {
         std::string bytes(32768, '\0');
         const ssize_t got = recv(fd, bytes.data(), bytes.size(), 0);
         return WithoutSource(got, std::move(bytes));
       }},
      {"read",
       [](int fd) {
         std::string bytes(32768, '\0');
         const ssize_t got = read(fd, bytes.data(), bytes.size());
         return WithoutSource(got, std::move(bytes));
       }},
      {"recvmmsg",
       [](int fd) {
         std::string bytes(32768, '\0');
         sockaddr_nl source{};
         iovec part{bytes.data(), bytes.size()};
         mmsghdr message{};
         message.msg_hdr.msg_name = &source;
         message.msg_hdr.msg_namelen = sizeof source;
         message.msg_hdr.msg_iov = &part;
         message.msg_hdr.msg_iovlen = 1;
         const int count = recvmmsg(fd, &message, 1, 0, nullptr);
         Heard heard = WithoutSource(count < 0 ? count : message.msg_len, std::move(bytes));
         heard.source = source.nl_pid;
         return heard;
       }},
  };
  return readers;
}

struct Dump {
  size_t messages = 0, datagrams = 0, longest = 0;
  bool is_in_order = true, is_from_kernel = true;
  std::string end = "nothing";
};

Dump ReadDump(int fd, const Reader& reader) {
  Dump dump;
  for (;;) {
    const Heard heard = reader(fd);
    if (heard.size <= 0) {
      dump.end = Words(heard);
      return dump;
    }
    ++dump.datagrams;
    dump.longest = std::max(dump.longest, heard.bytes.size());
    dump.is_from_kernel = dump.is_from_kernel && heard.source == 0;
    for (size_t at = 0; at + NLMSG_HDRLEN <= heard.bytes.size();) {
      nlmsghdr header;
      memcpy(&header, heard.bytes.data() + at, sizeof header);
      if (header.nlmsg_type == NLMSG_DONE) {
        dump.end = "done";
        return dump;
      }
      if (header.nlmsg_type == NLMSG_ERROR) {
        dump.end = Words(heard);
        return dump;
      }
      size_t number = 0;
      memcpy(&number, heard.bytes.data() + at + NLMSG_HDRLEN + GENL_HDRLEN, sizeof number);
      dump.is_in_order = dump.is_in_order && number == dump.messages;
      ++dump.messages;
      at += NLMSG_ALIGN(header.nlmsg_len);
    }
  }
}

std::string Words(const Dump& dump) {
  return std::to_string(dump.messages) + " messages, " + dump.end +
         (dump.is_in_order ? "" : ", out of order") +
         (dump.is_from_kernel ? "" : ", not from the kernel");
}

int Resolve(int type = 0, bool connects = false) {
  const int fd = Socket(type);
  if (connects) {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    connect(fd, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  }
  Send(fd, GetFamily("IPVS", 7));
  const Heard heard = Receive(fd);
  Say("ipvs: " + Words(heard));
  if (heard.bytes.find("IPVS") == std::string::npos) Say("no name in the answer");
  // The same socket is still one to the kernel.
  Send(fd, GetFamily("ethtool", 8));
  Say(Receive(fd).bytes.find("ethtool") != std::string::npos ? "ethtool: there" : "ethtool: not");
  return fd;
}

void Changes() {
  const int fd = Socket();
  Send(fd, Request(kIpvs, 1, NLM_F_ACK, 1));
  Say(Words(Receive(fd)));
  Send(fd, Request(kIpvs, 1, 0, 2));
  Say(Words(Receive(fd, MSG_DONTWAIT)));
  Send(fd, Request(kIpvs, 2, 0, 3));
  Say(Words(Receive(fd)));
  Send(fd, Request(kIpvs, 3, 0, 4));
  Say(Words(Receive(fd)));
  Say(Words(Receive(fd, MSG_DONTWAIT)));
}

void DumpWith(const std::string& reader) {
  const int fd = Socket();
  Send(fd, Request(kIpvs, 4, NLM_F_DUMP, 1));
  const Dump dump = ReadDump(fd, Readers().at(reader));
  Say(Words(dump));
  Say("longest " + std::to_string(dump.longest));
  Say(Words(Receive(fd, MSG_DONTWAIT)));
}

void DumpOverDup() {
  const int fd = Socket();
  const int other = dup(fd);
  Send(fd, Request(kIpvs, 4, NLM_F_DUMP, 1));
  Say(Words(ReadDump(other, Readers().at("read"))));
}

// Goes on over the duplicate that is left; also when no descriptor is free with which to look.
void DumpOverWhatIsLeft(bool is_full) {
  const int fd = Socket();
  const int other = dup(fd);
  Send(fd, Request(kIpvs, 4, NLM_F_DUMP, 1));
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{0, before.rlim_max};
  if (is_full) setrlimit(RLIMIT_NOFILE, &none);
  close(fd);
  setrlimit(RLIMIT_NOFILE, &before);
  Say(Words(ReadDump(other, Readers().at("read"))));
}

// What a child of vfork closes is open in its parent, whose memory it has.
void DumpOverVfork() {
  const int fd = Socket();
  Send(fd, Request(kIpvs, 4, NLM_F_DUMP, 1));
  const pid_t child = vfork();
  if (child == 0) {
    close_range(3, ~0U, 0);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  Say(Words(ReadDump(fd, Readers().at("read"))));
}

// Gives up more dumps than there is room for, in ways that are no close().
void DumpsGivenUp(const std::string& how) {
  for (int round = 0; round < 100; ++round) {
    const int fd = Socket();
    Send(fd, Request(kIpvs, 4, NLM_F_DUMP, 1));
    if (how == "dup2") dup2(2, fd);
    if (how == "dup3") dup3(2, fd, O_CLOEXEC);
    if (how == "close_range") close_range(static_cast<unsigned>(fd), static_cast<unsigned>(fd), 0);
    if (how == "closefrom") closefrom(fd);
    if (how == "syscall") syscall(SYS_close, fd);
    if (how.starts_with("dup")) close(fd);
  }
  const int fd = Socket();
  Send(fd, Request(kIpvs, 4, NLM_F_DUMP, 1));
  Say(Words(ReadDump(fd, Readers().at("read"))));
}

// Whose descriptor 2 is a file of its own when there is something to say.
void TellsNobodyElse(const std::string& path) {
  close(2);
  if (open(path.c_str(), O_RDWR | O_CREAT, 0644) != 2) Say("not descriptor 2");
  Resolve();
  struct stat status;
  fstat(2, &status);
  Say("the file has " + std::to_string(status.st_size) + " bytes");
}

void DumpWithEpoll() {
  const int fd = Socket(SOCK_NONBLOCK);
  const int waiter = epoll_create1(0);
  epoll_event event{EPOLLIN, {}};
  epoll_ctl(waiter, EPOLL_CTL_ADD, fd, &event);
  Say(Words(Receive(fd)));
  Send(fd, Request(kIpvs, 4, NLM_F_DUMP, 1));
  const Dump dump = ReadDump(fd, [waiter](int from) {
    epoll_event ready;
    if (epoll_wait(waiter, &ready, 1, 5000) != 1) return Heard{-ETIMEDOUT};
    return Receive(from);
  });
  Say(Words(dump));
  epoll_event ready;
  Say("afterwards ready: " + std::to_string(epoll_wait(waiter, &ready, 1, 0)));
  Send(fd, Request(kIpvs, 1, NLM_F_ACK, 2));
  pollfd waited{fd, POLLIN, 0};
  const int ready_now = poll(&waited, 1, 5000);
  Say("poll: " + std::to_string(ready_now) + ", " + Words(Receive(fd)));
}

void TwoDumps() {
  const int fd = Socket();
  Send(fd, Request(kIpvs, 4, NLM_F_DUMP, 1));
  Send(fd, Request(kIpvs, 4, NLM_F_DUMP, 2));
  Receive(fd);
  Say(Words(Receive(fd)));
  close(fd);  // in the middle of a dump
  const int other = Socket();
  Send(other, Request(kIpvs, 4, NLM_F_DUMP, 3));
  Say(Words(ReadDump(other, Readers().at("recvmsg"))));
}

void Fork() {
  const int fd = Socket();
  Send(fd, Request(kIpvs, 1, NLM_F_ACK, 1));
  Say("parent: " + Words(Receive(fd)));
  const pid_t child = fork();
  if (child == 0) {
    Send(fd, Request(kIpvs, 1, NLM_F_ACK, 2));
    Say("child: " + Words(Receive(fd)));
    const int own = Socket();
    Send(own, Request(kIpvs, 4, NLM_F_DUMP, 3));
    Say("child: " + Words(ReadDump(own, Readers().at("recvmsg"))));
    exit(0);
  }
  waitpid(child, nullptr, 0);
  Send(fd, Request(kIpvs, 1, NLM_F_ACK, 4));
  Say("parent: " + Words(Receive(fd)));
}

void Threads() {
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&good] {
      const int fd = Socket();
      for (uint32_t n = 1; n <= 25; ++n) {
        Send(fd, Request(kIpvs, 1, NLM_F_ACK, n));
        good += Words(Receive(fd)) == "seq " + std::to_string(n) + " error 0";
        Send(fd, Request(kIpvs, 4, NLM_F_DUMP, n));
        good += Words(ReadDump(fd, Readers().at("recv"))) == "300 messages, done";
      }
      close(fd);
    });
  }
  for (std::thread& thread : threads) thread.join();
  Say(std::to_string(good) + " good");
}

// One thread waits on the socket on which another asks.
void ReaderThread() {
  const int fd = Socket();
  for (uint32_t n = 1; n <= 20; ++n) {
    Dump dump;
    std::thread reader([&dump, fd] { dump = ReadDump(fd, Readers().at("recvmsg")); });
    Send(fd, Request(kIpvs, 4, NLM_F_DUMP, n));
    reader.join();
    if (n % 10 == 0) Say(Words(dump));
  }
}

void Batch() {
  const int fd = Socket();
  Send(fd, GetFamily("nlctrl", 1) + Request(kIpvs, 1, NLM_F_ACK, 2) + GetFamily("nlctrl", 3));
  for (int i = 0; i < 3; ++i) Say(Words(Receive(fd)));
}

// A director that goes and comes: the test acts when it reads a line, and writes one when done.
void Restarts() {
  const int fd = Socket();
  uint32_t sequence = 0;
  do {
    Send(fd, Request(kIpvs, 1, NLM_F_ACK, ++sequence));
    Say(Words(Receive(fd)));
  } while (getchar() != EOF);
}

// Daemons close what they have not opened.
void ClosesAll() {
  const int fd = Socket();
  Send(fd, Request(kIpvs, 1, NLM_F_ACK, 1));
  Say(Words(Receive(fd)));
  for (int other = 3; other < 1024; ++other) {
    if (other != fd) close(other);
  }
  int ends[2];
  pipe(ends);
  for (int other = 200; other < 210; ++other) dup2(ends[1], other);
  Send(fd, Request(kIpvs, 1, NLM_F_ACK, 2));
  Say(Words(Receive(fd)));
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  char byte;
  Say("the pipe has " + std::to_string(read(ends[0], &byte, 1) == 1 ? 1 : 0) + " bytes");
}

}  // namespace

int main(int count, char** words) {
  const std::string verb = count > 1 ? words[1] : "";
  if (verb == "resolve") Resolve();
  if (verb == "connected") Resolve(0, true);
  if (verb == "change") Changes();
  if (verb == "dump") DumpWith(words[2]);
  if (verb == "dup") DumpOverDup();
  if (verb.starts_with("dup-left")) DumpOverWhatIsLeft(verb == "dup-left-full");
  if (verb == "vfork") DumpOverVfork();
  if (verb == "given-up") DumpsGivenUp(words[2]);
  if (verb == "tells-nobody-else") TellsNobodyElse(words[2]);
  if (verb == "epoll") DumpWithEpoll();
  if (verb == "two-dumps") TwoDumps();
  if (verb == "fork") Fork();
  if (verb == "threads") Threads();
  if (verb == "reader-thread") ReaderThread();
  if (verb == "batch") Batch();
  if (verb == "restarts") Restarts();
  if (verb == "closes-all") ClosesAll();
  if (verb == "read") ReadFile(words[2], words[3]);
  if (verb == "write") WriteFile(words[2], words[3], words[4]);
  if (verb == "look") Look(words[2]);
  if (verb == "modules") Modules(words[2]);
  return 0;
}
