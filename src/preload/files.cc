#include "preload/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload/link.h"
#include "preload/next.h"
#include "preload/relay.h"
#include "preload/wire.h"

namespace fairlead::preload {
namespace {

constexpr size_t kShortFile = 256 * 1024;
constexpr char kSettings[] = "/proc/sys/net/ipv4/vs";
constexpr const char* kProcNetFiles[] = {
    "/proc/net/ip_vs",       "/proc/net/ip_vs_conn",         "/proc/net/ip_vs_conn_sync",
    "/proc/net/ip_vs_stats", "/proc/net/ip_vs_stats_percpu", "/proc/net/ip_vs_app"};

// Takes repeated and dot components out; false when it is too long or goes up.
bool Squeeze(const char* name, char path[kPathBytes]) {
  size_t length = 0;
  while (*name != '\0') {
    while (*name == '/') ++name;
    const size_t part = strcspn(name, "/");
    if (part == 0) break;
    const bool is_dot = part == 1 && name[0] == '.';
    if (part == 2 && name[0] == '.' && name[1] == '.') return false;
    if (!is_dot) {
      if (length + part + 2 > kPathBytes) return false;
      path[length++] = '/';
      memcpy(path + length, name, part);
      length += part;
    }
    name += part;
  }
  path[length] = '\0';
  return length > 0;
}

// /proc/net is a link to /proc/self/net: all its names become the short one.
void ShortenProcNet(char* path) {
  constexpr size_t kProc = 6;  // "/proc/"
  const char* who = path + kProc;
  size_t length = strspn(who, "0123456789");
  for (const char* name : {"thread-self", "self"}) {
    if (length == 0 && strncmp(who, name, strlen(name)) == 0) length = strlen(name);
  }
  if (length == 0 || strncmp(who + length, "/net/", 5) != 0) return;
  memmove(path + kProc, who + length + 1, strlen(who + length + 1) + 1);
}

size_t MakeRequest(char* request, uint8_t command, const char* path, const void* text,
                   size_t text_size) {
  size_t size = kGenericHeader;
  const auto add = [&](uint16_t type, const void* value, size_t length) {
    nlattr attribute{static_cast<uint16_t>(NLA_HDRLEN + length), type};
    memcpy(request + size, &attribute, sizeof attribute);
    memcpy(request + size + NLA_HDRLEN, value, length);
    memset(request + size + NLA_HDRLEN + length, 0, NLA_ALIGN(length) - length);
    size += NLA_HDRLEN + NLA_ALIGN(length);
  };
  add(kFilePath, path, strlen(path) + 1);
  if (command == kFileWrite) add(kFileText, text, text_size);
  nlmsghdr header{};
  header.nlmsg_len = static_cast<uint32_t>(size);
  header.nlmsg_type = kFilesFamilyId;
  header.nlmsg_flags = NLM_F_REQUEST;
  header.nlmsg_flags |= command == kFileRead ? NLM_F_DUMP : NLM_F_ACK;
  header.nlmsg_seq = 1;
  memcpy(request, &header, sizeof header);
  const genlmsghdr generic{command, 1, 0};
  memcpy(request + NLMSG_HDRLEN, &generic, sizeof generic);
  return size;
}

// Asks, and reads the first record of the answer: 0, or an errno and a closed link.
int AskFirst(const char* request, size_t size, Link* link, char* record, size_t* got_size) {
  const Deadline deadline = DeadlineAfter(kAnswerMilliseconds);
  for (int attempt = 0; attempt < 3; ++attempt) {
    *link = TakeLink(attempt > 0);
    if (!link->is_open()) {
      TellOnce("the director cannot be reached");
      return ENOENT;
    }
    const bool is_sent = link->Send(request, size, deadline);
    const ssize_t got = is_sent ? link->Receive(record, kRecordBytes, deadline) : 0;
    if (got > 0) {
      *got_size = static_cast<size_t>(got);
      return 0;
    }
    link->Close();
    if (got < 0) return EIO;
  }
  return ENOENT;
}

// The memory file for reading alone, where /proc lets us open it again.
int ReadOnly(int memory, int flags) {
  char name[32];
  snprintf(name, sizeof name, "/proc/self/fd/%d", memory);
  const int fd = FAIRLEAD_NEXT(open)(name, O_RDONLY | (flags & O_CLOEXEC));
  if (fd < 0) {
    lseek(memory, 0, SEEK_SET);
    if ((flags & O_CLOEXEC) == 0) fcntl(memory, F_SETFD, 0);
    return memory;
  }
  FAIRLEAD_NEXT(close)(memory);
  return fd;
}

// Reads into the memory file until the end or until it is no short file any more; `record` has
// the first record. 0, or an errno.
int Fill(Link* link, char* record, size_t got, int memory, bool* is_complete) {
  size_t length = 0;
  for (;;) {
    int error = 0;
    const TextState state = TextOf(record, got, memory, &length, &error);
    if (state == TextState::kRefused) return error;
    *is_complete = state == TextState::kComplete;
    if (*is_complete) GiveBack(link);
    if (*is_complete || length >= kShortFile) return 0;
    const ssize_t next = link->Receive(record, kRecordBytes, DeadlineAfter(kAnswerMilliseconds));
    if (next <= 0) return EIO;
    got = static_cast<size_t>(next);
  }
}

}  // namespace

FileKind ServedPath(const char* name, char path[kPathBytes]) {
  if (name == nullptr || name[0] != '/' || strstr(name, "/proc") == nullptr ||
      !Squeeze(name, path) || strncmp(path, "/proc/", 6) != 0) {
    return FileKind::kNone;
  }
  ShortenProcNet(path);
  for (const char* file : kProcNetFiles) {
    if (strcmp(path, file) == 0) return FileKind::kProcNet;
  }
  constexpr size_t kLength = sizeof kSettings - 1;
  if (strncmp(path, kSettings, kLength) != 0) return FileKind::kNone;
  if (path[kLength] == '\0') return FileKind::kSettingsFolder;
  const bool is_setting = path[kLength] == '/' && strchr(path + kLength + 1, '/') == nullptr;
  return is_setting ? FileKind::kSetting : FileKind::kNone;
}

int OpenForReading(const char* path, int flags) {
  char request[kPathBytes + 64];
  const size_t size = MakeRequest(request, kFileRead, path, nullptr, 0);
  auto* record = static_cast<char*>(malloc(kRecordBytes));
  const int memory = memfd_create(path, MFD_CLOEXEC);
  Link link;
  size_t got = 0;
  bool is_complete = false;
  int error =
      record == nullptr || memory < 0 ? ENOMEM : AskFirst(request, size, &link, record, &got);
  if (error == 0) error = Fill(&link, record, got, memory, &is_complete);
  free(record);
  int fd = -1;
  if (error == 0) {
    fd = is_complete ? ReadOnly(memory, flags) : StartRelay(memory, link.fd(), flags);
    error = fd < 0 ? errno : 0;
  }
  link.Close();  // the relay has its own
  if (memory >= 0 && !(error == 0 && is_complete)) FAIRLEAD_NEXT(close)(memory);
  if (error != 0) errno = error;
  return fd;
}

int CheckExists(const char* path) {
  char request[kPathBytes + 64];
  const size_t size = MakeRequest(request, kFileRead, path, nullptr, 0);
  auto* record = static_cast<char*>(malloc(kRecordBytes));
  Link link;
  size_t got = 0, length = 0;
  int error = record == nullptr ? ENOMEM : AskFirst(request, size, &link, record, &got);
  if (error == 0) {
    const TextState state = TextOf(record, got, -1, &length, &error);
    state == TextState::kMore ? link.Close() : GiveBack(&link);
  }
  free(record);
  return error;
}

int WriteText(const char* path, const void* text, size_t size) {
  constexpr size_t kLongest = 4096;  // as of one page, which is what the kernel takes
  if (size > kLongest) return EINVAL;
  char request[kPathBytes + 64 + kLongest];
  const size_t request_size = MakeRequest(request, kFileWrite, path, text, size);
  auto* record = static_cast<char*>(malloc(kRecordBytes));
  Link link;
  size_t got = 0, length = 0;
  int error = record == nullptr ? ENOMEM : AskFirst(request, request_size, &link, record, &got);
  if (error == 0) {
    const TextState state = TextOf(record, got, -1, &length, &error);
    state == TextState::kMore ? link.Close() : GiveBack(&link);
  }
  free(record);
  return error;
}

}  // namespace fairlead::preload
