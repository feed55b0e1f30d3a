#include "fake_director.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "preload/wire.h"

namespace fairlead::preload {
namespace {

constexpr size_t kPayloadBytes = 80;  // with the header a message of 100

std::string Message(const nlmsghdr& request, uint16_t type, uint16_t flags,
                    const std::string& body) {
  nlmsghdr header = request;
  header.nlmsg_len = static_cast<uint32_t>(NLMSG_HDRLEN + body.size());
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  std::string message(reinterpret_cast<const char*>(&header), sizeof header);
  message += body;
  message.resize(NLMSG_ALIGN(message.size()));
  return message;
}

std::string Attribute(uint16_t type, const std::string& value) {
  const nlattr attribute{static_cast<uint16_t>(NLA_HDRLEN + value.size()), type};
  std::string text(reinterpret_cast<const char*>(&attribute), sizeof attribute);
  text += value;
  text.resize(NLA_ALIGN(text.size()));
  return text;
}

std::string Generic(uint8_t command) {
  const genlmsghdr generic{command, 1, 0};
  return {reinterpret_cast<const char*>(&generic), sizeof generic};
}

std::string Error(const nlmsghdr& request, int error) {
  nlmsgerr body{-error, request};
  return Message(request, NLMSG_ERROR, 0, {reinterpret_cast<const char*>(&body), sizeof body});
}

std::string Done(const nlmsghdr& request) {
  return Message(request, NLMSG_DONE, NLM_F_MULTI, std::string(4, '\0'));
}

std::string Family(const nlmsghdr& request) {
  return Message(
      request, GENL_ID_CTRL, 0,
      Generic(CTRL_CMD_NEWFAMILY) +
          Attribute(CTRL_ATTR_FAMILY_NAME, std::string(kFamilyName, sizeof kFamilyName)) +
          Attribute(CTRL_ATTR_FAMILY_ID, {reinterpret_cast<const char*>(&kIpvsFamilyId), 2}));
}

}  // namespace

FakeDirector::FakeDirector(std::string path) : path_(std::move(path)) { Start(); }

FakeDirector::~FakeDirector() { Stop(); }

void FakeDirector::Start() {
  ::unlink(path_.c_str());
  listener_ = FileDescriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path_.c_str());
  ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::listen(listener_.get(), 64);
  wake_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC));
  thread_ = std::thread([this] { Serve(); });
}

void FakeDirector::Stop() {
  if (!thread_.joinable()) return;
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
  listener_ = FileDescriptor();
  {
    const std::lock_guard lock(mutex_);
    for (const int peer : peers_) ::shutdown(peer, SHUT_RDWR);
  }
  for (std::thread& talker : talkers_) talker.join();
  talkers_.clear();
  for (const int peer : peers_) ::close(peer);
  peers_.clear();
}

std::vector<std::string> FakeDirector::written() {
  const std::lock_guard lock(mutex_);
  return written_;
}

void FakeDirector::Serve() {
  for (;;) {
    pollfd waited[2] = {{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    ::poll(waited, 2, -1);
    if (waited[1].revents != 0) return;
    const int peer = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) continue;
    ++connections_;
    const std::lock_guard lock(mutex_);
    peers_.push_back(peer);
    talkers_.emplace_back([this, peer] { Talk(peer); });
  }
}

void FakeDirector::Talk(int fd) {
  std::string request(kRequestBytes, '\0');
  for (;;) {
    const ssize_t got = ::recv(fd, request.data(), request.size(), 0);
    if (got <= 0 || ends_after_reading.exchange(false) ||
        !Answer(fd, request.substr(0, static_cast<size_t>(got)))) {
      ::shutdown(fd, SHUT_RDWR);
      return;
    }
  }
}

bool FakeDirector::SendRecord(int fd, const std::string& record) {
  ++records_;
  return ::send(fd, record.data(), record.size(), MSG_NOSIGNAL) >= 0;
}

bool FakeDirector::SendMany(int fd, const std::vector<std::string>& messages) {
  std::string record;
  size_t records = 0;
  for (const std::string& message : messages) {
    if (!record.empty() && record.size() + message.size() > record_bytes) {
      if (!SendRecord(fd, record) || ++records == dump_ends_after) return false;
      record.clear();
    }
    record += message;
  }
  return SendRecord(fd, record);
}

bool FakeDirector::Answer(int fd, const std::string& request) {
  nlmsghdr header;
  genlmsghdr generic;
  std::memcpy(&header, request.data(), sizeof header);
  std::memcpy(&generic, request.data() + NLMSG_HDRLEN, sizeof generic);
  if (header.nlmsg_type == kFilesFamilyId) return AnswerFile(fd, request);
  if (header.nlmsg_type == GENL_ID_CTRL) {
    return SendRecord(fd, Family(header)) && SendRecord(fd, Error(header, 0));
  }
  if ((header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP) {
    std::vector<std::string> messages;
    for (size_t i = 0; i < dump_messages; ++i) {
      std::string number(reinterpret_cast<const char*>(&i), sizeof i);
      number.resize(kPayloadBytes, 'x');
      messages.push_back(
          Message(header, kIpvsFamilyId, NLM_F_MULTI, Generic(generic.cmd) + number));
    }
    messages.push_back(Done(header));
    return SendMany(fd, messages);
  }
  ++changes_;
  if (generic.cmd == 2) return SendRecord(fd, Error(header, EEXIST));
  std::string record;
  if (generic.cmd == 3) record = Message(header, kIpvsFamilyId, 0, Generic(3) + "data");
  if ((header.nlmsg_flags & NLM_F_ACK) != 0) record += Error(header, 0);
  return record.empty() || SendRecord(fd, record);
}

bool FakeDirector::AnswerFile(int fd, const std::string& request) {
  std::string copy = request;
  nlmsghdr header;
  std::memcpy(&header, copy.data(), sizeof header);
  size_t path_size = 0, text_size = 0;
  const char* path = FindAttribute(copy.data(), copy.size(), kFilePath, &path_size);
  const auto file = files.find(path == nullptr ? "" : std::string(path));
  if (file == files.end()) return SendRecord(fd, Error(header, ENOENT));
  if (const char* text = FindAttribute(copy.data(), copy.size(), kFileText, &text_size)) {
    const std::lock_guard lock(mutex_);
    written_.push_back(file->first + "=" + std::string(text, text_size));
    return SendRecord(fd, Error(header, write_error));
  }
  std::vector<std::string> messages;
  constexpr size_t kPiece = 30 * 1024;
  for (size_t at = 0; at < file->second.size(); at += kPiece) {
    messages.push_back(Message(header, kFilesFamilyId, NLM_F_MULTI,
                               Generic(1) + Attribute(kFileText, file->second.substr(at, kPiece))));
  }
  messages.push_back(Done(header));
  return SendMany(fd, messages);
}

}  // namespace fairlead::preload
