#include "main/handover.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace fairlead {
namespace {

constexpr uint32_t kMagic = 0x4f48'4c46;  // "FLHO" as bytes
constexpr size_t kMostDescriptors = 4;    // that are noticed; one is right

struct Head {
  uint32_t magic;
  uint32_t version;
  uint32_t word;
  uint32_t text_bytes;
};

Error System(const std::string& what) {
  return {ErrorCode::kSystem, what + ": " + std::strerror(errno), ""};
}
Error Invalid(std::string message) { return {ErrorCode::kInvalid, std::move(message), ""}; }

bool CarriesDescriptor(HandoverWord word) {
  return word >= HandoverWord::kLock && word <= HandoverWord::kStandardError;
}

// Takes them all, so that none is left open.
std::vector<FileDescriptor> DescriptorsOf(const msghdr& header) {
  std::vector<FileDescriptor> descriptors;
  for (const cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr;
       item = CMSG_NXTHDR(const_cast<msghdr*>(&header), const_cast<cmsghdr*>(item))) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof fd);
      descriptors.emplace_back(fd);
    }
  }
  return descriptors;
}

Result<HandoverMessage> Judge(const char* bytes, size_t size,
                              std::vector<FileDescriptor> descriptors) {
  Head head{};
  if (size >= sizeof head) std::memcpy(&head, bytes, sizeof head);
  if (head.magic != kMagic) return Invalid("what came over the hand-over socket is no message");
  if (head.version != kHandoverVersion) {
    return Invalid("the other program speaks version " + std::to_string(head.version) +
                   " of the hand-over and this one version " + std::to_string(kHandoverVersion) +
                   "; stop the director and start the other program instead");
  }
  const bool is_known = head.word >= 1 && head.word <= kHandoverWords;
  if (!is_known || head.text_bytes != size - sizeof head) {
    return Invalid("a message of the hand-over is damaged");
  }
  HandoverMessage message;
  message.word = static_cast<HandoverWord>(head.word);
  message.text.assign(bytes + sizeof head, head.text_bytes);
  if (descriptors.size() != (CarriesDescriptor(message.word) ? 1 : 0)) {
    return Invalid("a message of the hand-over has " + std::to_string(descriptors.size()) +
                   " descriptors");
  }
  if (!descriptors.empty()) message.descriptor = std::move(descriptors.front());
  return message;
}

// One of a version that does not say it was in service.
constexpr std::string_view kNotReady = "not-ready";

Status WaitUntilReadable(int fd, std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + patience;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready > 0) return Done{};
    if (ready < 0 && errno != EINTR) return System("cannot wait for the hand-over socket");
    if (ready == 0 && Clock::now() >= end) {
      return Error{ErrorCode::kUnavailable,
                   "it has said nothing for " + std::to_string(patience.count()) + " ms", ""};
    }
  }
}

}  // namespace

Result<std::pair<HandoverChannel, HandoverChannel>> HandoverChannel::MakePair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return System("cannot make the sockets of the hand-over");
  }
  return std::pair(HandoverChannel(FileDescriptor(ends[0])),
                   HandoverChannel(FileDescriptor(ends[1])));
}

Result<HandoverChannel> HandoverChannel::Adopt(int descriptor) {
  int type = 0;
  socklen_t length = sizeof type;
  const bool is_socket =
      descriptor >= 0 && ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) == 0;
  if (!is_socket || type != SOCK_SEQPACKET) {
    return Invalid(
        "--hand-over names no socket of a director; it is for fairlead upgrade and SIGUSR2, "
        "which start the new program themselves");
  }
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return HandoverChannel(FileDescriptor(descriptor));
}

Status HandoverChannel::Send(HandoverWord word, std::string_view text, int descriptor) const {
  text = text.substr(0, kMostTextBytes);
  Head head{kMagic, kHandoverVersion, static_cast<uint32_t>(word),
            static_cast<uint32_t>(text.size())};
  iovec parts[] = {{&head, sizeof head}, {const_cast<char*>(text.data()), text.size()}};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (descriptor >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(item), &descriptor, sizeof descriptor);
  }
  if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return Done{};
  if (errno == EPIPE || errno == ECONNRESET) {
    return Error{ErrorCode::kNotFound, "the other program has ended", ""};
  }
  return System("cannot send over the hand-over socket");
}

Result<HandoverMessage> HandoverChannel::Receive(std::chrono::milliseconds patience) const {
  if (Status readable = WaitUntilReadable(socket_.get(), patience); !readable) {
    return readable.error();
  }
  std::array<char, sizeof(Head) + kMostTextBytes> bytes;
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(kMostDescriptors * sizeof(int))> control;
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0 && errno != ECONNRESET) return System("cannot read the hand-over socket");
  if (got <= 0) return Error{ErrorCode::kNotFound, "the other program has ended", ""};
  std::vector<FileDescriptor> descriptors = DescriptorsOf(header);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return Invalid("a message of the hand-over is too long");
  }
  return Judge(bytes.data(), static_cast<size_t>(got), std::move(descriptors));
}

Status SendEstate(const HandoverChannel& channel, Estate estate) {
  Status sent = Done{};
  const auto send = [&](HandoverWord word, std::string_view name, const FileDescriptor& fd) {
    if (sent && fd) sent = channel.Send(word, name, fd.get());
  };
  for (const FileDescriptor& lock : estate.locks) send(HandoverWord::kLock, "", lock);
  for (const auto& [name, fd] : estate.twins) send(HandoverWord::kTwin, name, fd);
  for (const auto& [name, fd] : estate.listeners) send(HandoverWord::kListener, name, fd);
  send(HandoverWord::kStandardError, "", estate.standard_error);
  const std::string_view readiness = estate.was_ready ? "" : kNotReady;
  estate = {};
  return sent ? channel.Send(HandoverWord::kGo, readiness) : sent;
}

Result<Estate> ReceiveEstate(const HandoverChannel& channel, std::chrono::milliseconds patience) {
  Estate estate;
  for (;;) {
    Result<HandoverMessage> message = channel.Receive(patience);
    if (!message) return message.error();
    switch (message->word) {
      case HandoverWord::kLock:
        estate.locks.push_back(std::move(message->descriptor));
        break;
      case HandoverWord::kTwin:
        estate.twins.push_back({message->text, std::move(message->descriptor)});
        break;
      case HandoverWord::kListener:
        estate.listeners.push_back({message->text, std::move(message->descriptor)});
        break;
      case HandoverWord::kStandardError:
        estate.standard_error = std::move(message->descriptor);
        break;
      case HandoverWord::kGo:
        estate.was_ready = message->text != kNotReady;
        return estate;
      case HandoverWord::kOffer:
      case HandoverWord::kReady:
      case HandoverWord::kRefused:
      case HandoverWord::kForwarding:
        return Invalid("a message of the hand-over came out of turn");
    }
  }
}

}  // namespace fairlead
