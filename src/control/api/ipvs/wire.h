// The numbers of the records on `api.ipvs_socket` (docs/ipvs_socket.md).
//
//   if (message.type == kFamilyId) …a command of linux/ip_vs.h…
//
// One record has exactly the bytes that a netlink socket of the kernel would carry in one datagram.
// Threads: constants and values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fairlead::ipvs {

// What CTRL_CMD_GETFAMILY answers for "IPVS". The kernel gives its families numbers from 16 on, so
// a preloaded library can tell ours from any of its.
inline constexpr uint16_t kFamilyId = 0x7f30;
// Messages about files that a kernel with IPVS has below /proc.
inline constexpr uint16_t kFilesType = 0x7f31;
// genlmsghdr.cmd of them, and their attributes.
inline constexpr uint8_t kReadFile = 1, kWriteFile = 2;
inline constexpr uint16_t kFilePath = 1, kFileBytes = 2;

inline constexpr size_t kMostRequestBytes = 64 << 10;  // of a record to the director
inline constexpr size_t kMostAnswerBytes = 32 << 10;   // of a record from it
inline constexpr size_t kMostFileBytes = 30 << 10;     // of a file's text in one message
inline constexpr size_t kMostPathBytes = 256;

// Why a request is refused: a number of errno.h, 0 when it is not, and a sentence for the log.
struct Fault {
  int number = 0;
  std::string why{};

  explicit operator bool() const { return number != 0; }
};

}  // namespace fairlead::ipvs
