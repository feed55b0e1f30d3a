#include "kernel/line.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/file_descriptor.h"

namespace fairlead::kernel {
namespace {

ifreq RequestFor(const std::string& interface) {
  ifreq request{};
  interface.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
  return request;
}

// Many virtual interfaces have none, which is no failure.
void ReadSpeed(int socket, const std::string& interface, Line* line) {
  ethtool_cmd settings{};
  settings.cmd = ETHTOOL_GSET;
  ifreq request = RequestFor(interface);
  request.ifr_data = reinterpret_cast<char*>(&settings);
  if (ioctl(socket, SIOCETHTOOL, &request) != 0) return;
  const uint32_t speed = ethtool_cmd_speed(&settings);
  if (speed == static_cast<uint32_t>(SPEED_UNKNOWN)) return;
  line->speed_mbps = speed;
  line->is_full_duplex = settings.duplex == DUPLEX_FULL;
}

}  // namespace

Result<std::optional<Line>> ReadLine(const std::string& interface) {
  if (interface.empty() || interface.size() >= IFNAMSIZ) return std::optional<Line>();
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) {
    return Error{ErrorCode::kSystem, std::string("no socket: ") + std::strerror(errno), ""};
  }
  ifreq request = RequestFor(interface);
  if (ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) {
    if (errno == ENODEV) return std::optional<Line>();
    return Error{ErrorCode::kSystem, interface + ": " + std::strerror(errno), ""};
  }
  Line line;
  line.is_up = (request.ifr_flags & IFF_UP) != 0 && (request.ifr_flags & IFF_RUNNING) != 0;
  if (line.is_up) ReadSpeed(socket.get(), interface, &line);
  return std::optional<Line>(line);
}

Status SetMtu(const std::string& interface, uint32_t mtu_bytes) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = RequestFor(interface);
  request.ifr_mtu = static_cast<int>(mtu_bytes);
  if (socket && ioctl(socket.get(), SIOCSIFMTU, &request) == 0) return Done{};
  return Error{ErrorCode::kSystem, interface + ": " + std::strerror(errno), ""};
}

}  // namespace fairlead::kernel
