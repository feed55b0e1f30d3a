#include "control/api/ipvs/peer.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/file_descriptor.h"

namespace fairlead::ipvs {

namespace {

bool IsInGroup(int socket, gid_t group) {
  std::vector<gid_t> groups(64);
  socklen_t length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) != 0) {
    if (errno != ERANGE) return false;
    groups.resize(length / sizeof(gid_t));  // what it needs
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) != 0) return false;
  }
  groups.resize(length / sizeof(gid_t));
  return std::ranges::find(groups, group) != groups.end();
}

std::string CommOf(pid_t pid) {
  const FileDescriptor file(
      ::open(("/proc/" + std::to_string(pid) + "/comm").c_str(), O_RDONLY | O_CLOEXEC));
  char text[32];
  const ssize_t length = file ? ::read(file.get(), text, sizeof text) : 0;
  return length > 0 ? std::string(text, static_cast<size_t>(length)) : "";
}

}  // namespace

std::string PlainName(std::string comm) {
  if (!comm.empty() && comm.back() == '\n') comm.pop_back();
  for (char& letter : comm) {
    const bool is_plain = letter > ' ' && letter < 127 && letter != '"' && letter != ',';
    if (!is_plain) letter = '?';
  }
  return comm;
}

std::optional<Peer> PeerOf(int socket, gid_t group) {
  ucred who{};
  socklen_t length = sizeof who;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) return std::nullopt;
  return Peer{.uid = who.uid,
              .pid = who.pid,
              .program = PlainName(CommOf(who.pid)),
              .may_use = who.uid == 0 || who.uid == ::geteuid() || who.gid == group ||
                         IsInGroup(socket, group)};
}

}  // namespace fairlead::ipvs
