#include "preload/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "preload/delivery.h"
#include "preload/dumps.h"
#include "preload/link.h"
#include "preload/next.h"
#include "preload/wire.h"

namespace fairlead::preload {
namespace {

size_t Gather(const iovec* parts, size_t count, char* to, size_t room) {
  size_t size = 0;
  for (size_t i = 0; i < count && size < room; ++i) {
    const size_t take = parts[i].iov_len < room - size ? parts[i].iov_len : room - size;
    memcpy(to + size, parts[i].iov_base, take);
    size += take;
  }
  return size;
}

// A look at the first bytes, cheap enough for everything that a program writes.
bool MayBeOurs(const iovec* parts, size_t count) {
  const size_t size = SizeOf(parts, count);
  nlmsghdr header;
  if (size < kGenericHeader || size > kRequestBytes ||
      Gather(parts, count, reinterpret_cast<char*>(&header), sizeof header) < sizeof header ||
      header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > size) {
    return false;
  }
  return header.nlmsg_type == kIpvsFamilyId || header.nlmsg_type == GENL_ID_CTRL ||
         NLMSG_ALIGN(header.nlmsg_len) + kGenericHeader <= size;
}

bool IsDump(const nlmsghdr& header) { return (header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP; }

// The name in a request for the family IPVS; null when it is none.
char* AskedName(char* message, const nlmsghdr& header) {
  genlmsghdr generic;
  if (header.nlmsg_len < kGenericHeader || header.nlmsg_type != GENL_ID_CTRL || IsDump(header)) {
    return nullptr;
  }
  memcpy(&generic, message + NLMSG_HDRLEN, sizeof generic);
  if (generic.cmd != CTRL_CMD_GETFAMILY) return nullptr;
  size_t size = 0;
  char* name = FindAttribute(message, header.nlmsg_len, CTRL_ATTR_FAMILY_NAME, &size);
  constexpr size_t kLength = sizeof kFamilyName - 1;
  const bool is_it = name != nullptr && size >= kLength &&
                     memcmp(name, kFamilyName, kLength) == 0 &&
                     (size == kLength || name[kLength] == '\0');
  return is_it ? name : nullptr;
}

bool AsksById(char* message, const nlmsghdr& header) {
  genlmsghdr generic;
  if (header.nlmsg_len < kGenericHeader || header.nlmsg_type != GENL_ID_CTRL || IsDump(header)) {
    return false;
  }
  memcpy(&generic, message + NLMSG_HDRLEN, sizeof generic);
  size_t size = 0;
  const char* id = FindAttribute(message, header.nlmsg_len, CTRL_ATTR_FAMILY_ID, &size);
  uint16_t number = 0;
  if (generic.cmd != CTRL_CMD_GETFAMILY || id == nullptr || size < sizeof number) return false;
  memcpy(&number, id, sizeof number);
  return number == kIpvsFamilyId;
}

bool IsForIpvs(char* message, const nlmsghdr& header) {
  if ((header.nlmsg_flags & NLM_F_REQUEST) == 0) return false;
  return header.nlmsg_type == kIpvsFamilyId || AskedName(message, header) != nullptr ||
         AsksById(message, header);
}

ssize_t ToKernel(int fd, const char* messages, size_t size, int flags) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  return FAIRLEAD_NEXT(sendto)(fd, messages, size, flags,
                               reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
}

// What a kernel without IPVS says. It says so itself: it has no family of our number, nor one of
// the name that stands here instead. With its own name it would load the module.
ssize_t RefuseAsKernel(int fd, char* message, const nlmsghdr& header, int flags) {
  TellOnce("the director cannot be reached");
  if (char* name = AskedName(message, header)) memset(name, '-', sizeof kFamilyName - 1);
  return ToKernel(fd, message, header.nlmsg_len, flags);
}

// One request on its way: asks, and puts the answer into the program's queue.
class Exchange {
 public:
  Exchange(const Delivery& delivery, char* message, const nlmsghdr& header)
      : delivery_(delivery),
        message_(message),
        header_(header),
        is_dump_(IsDump(header) && header.nlmsg_type == kIpvsFamilyId) {}
  ~Exchange() { free(record_.bytes); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // False: there is no director.
  bool Run() {
    if (is_dump_ && IsDumping(delivery_.inode())) {
      result_ = delivery_.PutError(header_.nlmsg_seq, EBUSY);
      return true;
    }
    record_.bytes = static_cast<char*>(malloc(kRecordBytes));
    if (record_.bytes == nullptr) {
      errno = ENOBUFS;
      result_ = Put::kFailed;
      return true;
    }
    const Answer answer = Ask();
    if (answer == Answer::kNobody) return false;
    if (answer == Answer::kSilence) result_ = delivery_.PutError(header_.nlmsg_seq, ETIMEDOUT);
    return true;
  }
  [[nodiscard]] Put result() const { return result_; }

 private:
  enum class Answer { kGiven, kNobody, kSilence };

  // Sends, and reads the first record. A director that hangs up has ended, perhaps with this
  // request in its hands; the next one is asked once more.
  Answer Ask() {
    nlmsghdr header = header_;
    // How else would we know that a change without an answer has been made?
    if (!is_dump_) header.nlmsg_flags |= NLM_F_ACK;
    memcpy(message_, &header, sizeof header);
    const Deadline deadline = DeadlineAfter(kAnswerMilliseconds);
    for (int attempt = 0; attempt < 3; ++attempt) {
      link_ = TakeLink(attempt > 0);
      if (!link_.is_open()) return Answer::kNobody;
      const bool is_sent = link_.Send(message_, header.nlmsg_len, deadline);
      const ssize_t got = is_sent ? link_.Receive(record_.bytes, kRecordBytes, deadline) : 0;
      if (got > 0) {
        record_.end = static_cast<size_t>(got);
        is_dump_ ? DeliverDump() : DeliverAnswer(deadline);
        return Answer::kGiven;
      }
      link_.Close();
      if (got < 0) return Answer::kSilence;
    }
    errno = ECONNRESET;
    return Answer::kNobody;
  }

  void DeliverDump() {
    record_.is_last = EndsDump(record_);
    result_ = StartDump(delivery_, header_.nlmsg_seq, &link_, &record_);
    if (link_.is_open()) link_.Close();  // it was not taken
  }

  void DeliverAnswer(Deadline deadline) {
    for (;;) {
      const bool is_over = TakeOutAck();
      if (record_.end > 0) result_ = delivery_.PutAll(record_.bytes, record_.end, kRecordBytes);
      if (is_over) return GiveBack(&link_);
      const ssize_t got =
          result_ == Put::kYes ? link_.Receive(record_.bytes, kRecordBytes, deadline) : -1;
      if (got <= 0) {
        link_.Close();
        if (result_ == Put::kYes) result_ = delivery_.PutError(header_.nlmsg_seq, ECONNRESET);
        return;
      }
      record_.end = static_cast<size_t>(got);
    }
  }

  // Whether the answer ends with this record. The acknowledgement goes out of it unless the
  // program has asked for one.
  bool TakeOutAck() {
    size_t before = 0;
    for (MessageWalk walk(record_.bytes, record_.end); walk.is_valid(); walk.Next()) {
      if (walk.header().nlmsg_type == NLMSG_ERROR) {
        const bool is_wanted =
            (header_.nlmsg_flags & NLM_F_ACK) != 0 || ErrorOf(walk.data(), walk.header()) != 0;
        record_.end = is_wanted ? before + walk.padded_size() : before;
        return true;
      }
      before += walk.padded_size();
    }
    record_.end = before;
    return false;
  }

  const Delivery& delivery_;
  char* const message_;
  const nlmsghdr header_;
  const bool is_dump_;
  Link link_;
  Record record_;
  Put result_ = Put::kYes;
};

// Bytes sent, or -1 with errno.
ssize_t SendOne(int fd, char* message, const nlmsghdr& header, int flags) {
  const Delivery delivery(fd);
  Exchange exchange(delivery, message, header);
  if (!delivery.is_valid() || !exchange.Run()) {
    memcpy(message, &header, sizeof header);
    return RefuseAsKernel(fd, message, header, flags);
  }
  switch (exchange.result()) {
    case Put::kYes:
      return header.nlmsg_len;
    case Put::kFull:
      errno = ENOBUFS;
      return -1;
    case Put::kFailed:
      break;
  }
  if (errno != EPERM) return -1;
  TellOnce("this program cannot be answered without CAP_NET_ADMIN, as with the kernel's IPVS");
  memcpy(message, &header, sizeof header);
  return RefuseAsKernel(fd, message, header, flags);
}

bool HasOurs(char* data, size_t size) {
  for (MessageWalk walk(data, size); walk.is_valid(); walk.Next()) {
    if (IsForIpvs(walk.data(), walk.header())) return true;
  }
  return false;
}

ssize_t SendAll(int fd, char* data, size_t size, int flags) {
  ssize_t sent = 0;
  for (MessageWalk walk(data, size); walk.is_valid(); walk.Next()) {
    sent = IsForIpvs(walk.data(), walk.header())
               ? SendOne(fd, walk.data(), walk.header(), flags)
               : ToKernel(fd, walk.data(), walk.header().nlmsg_len, flags);
    if (sent < 0) return sent;
  }
  return static_cast<ssize_t>(size);
}

}  // namespace

bool Intercept(int fd, const iovec* parts, size_t count, int flags, ssize_t* sent) {
  if (!MayBeOurs(parts, count)) return false;
  const int kept = errno;
  const size_t size = SizeOf(parts, count);
  char* data = GenericNetlinkInode(fd) != 0 ? static_cast<char*>(malloc(size)) : nullptr;
  if (data != nullptr && Gather(parts, count, data, size) == size && HasOurs(data, size)) {
    *sent = SendAll(fd, data, size, flags);
    free(data);
    if (*sent >= 0) errno = kept;
    return true;
  }
  free(data);
  errno = kept;
  return false;
}

}  // namespace fairlead::preload
