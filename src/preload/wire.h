// What the library and the director say to each other: netlink messages as records of a Unix
// seqpacket socket (docs/ipvs_socket.md).
//
//   library  → director: one request, as a program wrote it for the kernel
//   director → library:  the kernel's answer; a dump as many records, the last with NLMSG_DONE
//
// Threads: any; constants and pure functions. Invariants: a record from the director has at most
// kRecordBytes; one to the director has at most kRequestBytes.
#pragma once

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace fairlead::preload {

// The numbers the director gives its families. The kernel gives families numbers below 1,024, so
// these meet no other.
inline constexpr uint16_t kIpvsFamilyId = 0x7f30;
inline constexpr uint16_t kFilesFamilyId = 0x7f31;

inline constexpr uint8_t kFileRead = 1;  // commands of the files family
inline constexpr uint8_t kFileWrite = 2;
inline constexpr uint16_t kFilePath = 1;  // its attributes
inline constexpr uint16_t kFileText = 2;

inline constexpr size_t kRequestBytes = 64 * 1024;
inline constexpr size_t kRecordBytes = 32 * 1024;
inline constexpr char kFamilyName[] = "IPVS";

inline constexpr size_t kGenericHeader = NLMSG_HDRLEN + GENL_HDRLEN;

// The messages of a datagram, one after the other; ends where a length does not fit.
//
//   for (MessageWalk walk(data, size); walk.is_valid(); walk.Next()) … walk.header() …
class MessageWalk {
 public:
  MessageWalk(char* data, size_t size) : at_(data), left_(size) { Check(); }

  [[nodiscard]] bool is_valid() const { return is_valid_; }
  [[nodiscard]] char* data() const { return at_; }
  // With the padding behind it, as far as there is one.
  [[nodiscard]] size_t padded_size() const {
    const size_t padded = NLMSG_ALIGN(header_.nlmsg_len);
    return padded < left_ ? padded : left_;
  }
  [[nodiscard]] const nlmsghdr& header() const { return header_; }
  void Next() {
    const size_t step = padded_size();
    at_ += step;
    left_ -= step;
    Check();
  }

 private:
  void Check() {
    is_valid_ = left_ >= NLMSG_HDRLEN;
    if (!is_valid_) return;
    memcpy(&header_, at_, sizeof header_);
    is_valid_ = header_.nlmsg_len >= NLMSG_HDRLEN && header_.nlmsg_len <= left_;
  }

  char* at_;
  size_t left_;
  nlmsghdr header_{};
  bool is_valid_ = false;
};

// The attribute of a generic message, or null. `size` becomes that of its value.
inline char* FindAttribute(char* message, size_t message_size, uint16_t type, size_t* size) {
  size_t at = kGenericHeader;
  while (at + NLA_HDRLEN <= message_size) {
    nlattr attribute;
    memcpy(&attribute, message + at, sizeof attribute);
    if (attribute.nla_len < NLA_HDRLEN || at + attribute.nla_len > message_size) return nullptr;
    if ((attribute.nla_type & NLA_TYPE_MASK) == type) {
      *size = attribute.nla_len - NLA_HDRLEN;
      return message + at + NLA_HDRLEN;
    }
    at += NLA_ALIGN(attribute.nla_len);
  }
  return nullptr;
}

// The number of an NLMSG_ERROR: 0 is an acknowledgement.
inline int ErrorOf(const char* message, const nlmsghdr& header) {
  int error = -EBADMSG;
  if (header.nlmsg_len >= NLMSG_HDRLEN + sizeof error) {
    memcpy(&error, message + NLMSG_HDRLEN, sizeof error);
  }
  return error;
}

}  // namespace fairlead::preload
