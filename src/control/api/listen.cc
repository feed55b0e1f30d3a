#include "control/api/listen.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/ip_address.h"

namespace fairlead::api {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// What is listened for: the key of the configuration and its value.
struct Place {
  std::string key, where;

  [[nodiscard]] Error SystemError(const std::string& what, const std::string& remedy) const {
    const std::string who = key == kIpvsKey ? "The socket of ipvs" : "The API";
    return {ErrorCode::kSystem, who + " cannot listen: " + what + "; " + remedy, key + " " + where};
  }
  static constexpr const char* kListenKey = "api.listen";
  static constexpr const char* kIpvsKey = "api.ipvs_socket";
};

Place ListenPlace(const std::string& where) { return {Place::kListenKey, where}; }
Place IpvsPlace(const std::string& path) { return {Place::kIpvsKey, path}; }

// Precondition: it fits, which PrepareSocketPath has looked at.
sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

// Nobody listens there any more: a director that was killed leaves its socket. What listens for
// another kind of connection answers too.
bool IsStale(const std::string& path) {
  const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = AddressOf(path);
  return probe &&
         ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

Status PrepareSocketPath(const Place& place, const std::string& path) {
  if (path.empty() || path.front() != '/' || path.size() > 107) {
    const bool is_ipvs = place.key == Place::kIpvsKey;
    return Error{ErrorCode::kInvalid,
                 std::string("A Unix socket needs an absolute path of at most 107 bytes, for "
                             "instance ") +
                     (is_ipvs ? "/run/fairlead/ipvs.sock" : "unix:/run/fairlead/api.sock"),
                 place.key + " " + place.where};
  }
  std::error_code ec;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ec);
  if (ec) {
    return place.SystemError("cannot make the directory (" + ec.message() + ")",
                             "make it, or name a socket in a directory you may write");
  }
  const auto status = std::filesystem::status(path, ec);
  if (status.type() == std::filesystem::file_type::not_found) return Done{};
  if (status.type() != std::filesystem::file_type::socket) {
    return place.SystemError("the path exists and is not a socket", "remove it or name another");
  }
  if (!IsStale(path)) {
    return place.SystemError("another program answers on this socket",
                             "stop the other director, or give this one its own " + place.key);
  }
  std::filesystem::remove(path, ec);
  return Done{};
}

// The group by its name, or -1 for none. Only root and members of a group may give a file to it.
Result<gid_t> GroupOf(const Place& place, const ListenSpec& spec) {
  if (spec.group.empty()) return static_cast<gid_t>(-1);
  std::vector<char> room(64 << 10);
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(spec.group.c_str(), &entry, room.data(), room.size(), &found) == 0 &&
      found != nullptr) {
    return found->gr_gid;
  }
  return Error{ErrorCode::kInvalid,
               "There is no group " + spec.group + "; make it (groupadd --system " + spec.group +
                   "), or name another",
               place.key + " " + spec.where};
}

// Of "unix:/PATH".
std::string PathIn(const ListenSpec& spec) { return spec.where.substr(spec.where.find(':') + 1); }

// The socket at `path` has mode 0600 before, so nobody comes in too early.
Status GiveAway(const Place& place, const ListenSpec& spec, const std::string& path) {
  const auto gid = GroupOf(place, spec);
  if (!gid) return gid.error();
  if (::chown(path.c_str(), static_cast<uid_t>(-1), *gid) != 0) {
    return place.SystemError(
        "the socket cannot be given to group " + spec.group + " (" + std::strerror(errno) + ")",
        "make the director's user a member of it, or name another");
  }
  if (::chmod(path.c_str(), spec.mode) != 0) {
    return place.SystemError(std::strerror(errno), "look at its directory");
  }
  return Done{};
}

template <typename Protocol>
Result<typename Protocol::acceptor> Bind(asio::io_context& io,
                                         const typename Protocol::endpoint& endpoint,
                                         const std::string& where, mode_t mask) {
  typename Protocol::acceptor acceptor(io);
  error_code ec;
  acceptor.open(endpoint.protocol(), ec);
  if constexpr (std::is_same_v<Protocol, asio::ip::tcp>) {
    if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  }
  const mode_t before = ::umask(mask);
  if (!ec) acceptor.bind(endpoint, ec);
  ::umask(before);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return ListenPlace(where).SystemError(ec.message(), "free it, or change api.listen");
  return acceptor;
}

// The family of a socket that listens; AF_UNSPEC: it is none.
int FamilyOf(const FileDescriptor& socket) {
  int family = AF_UNSPEC, listens = 0;
  socklen_t length = sizeof family;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0)
    return AF_UNSPEC;
  length = sizeof family;
  if (listens == 0 || ::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &family, &length) != 0) {
    return AF_UNSPEC;
  }
  return family;
}

template <typename Protocol>
Result<typename Protocol::acceptor> Adopt(asio::io_context& io, const Protocol& protocol,
                                          const std::string& where, FileDescriptor passed) {
  typename Protocol::acceptor acceptor(io);
  error_code ec;
  acceptor.assign(protocol, passed.get(), ec);
  if (ec) return ListenPlace(where).SystemError(ec.message(), "restart instead of an upgrade");
  (void)passed.Release();  // the acceptor's now
  return acceptor;
}

Error NotListening(const Place& place) {
  return place.SystemError("what the director before has passed on does not listen there",
                           "restart instead of an upgrade");
}

}  // namespace

Result<asio::local::stream_protocol::acceptor> AdoptPath(asio::io_context& io,
                                                         const ListenSpec& spec,
                                                         FileDescriptor passed) {
  if (FamilyOf(passed) != AF_UNIX) return NotListening(ListenPlace(spec.where));
  if (Status given = GiveAway(ListenPlace(spec.where), spec, PathIn(spec)); !given) {
    return given.error();
  }
  return Adopt(io, asio::local::stream_protocol(), spec.where, std::move(passed));
}

Result<asio::ip::tcp::acceptor> AdoptTcp(asio::io_context& io, const std::string& where,
                                         FileDescriptor passed) {
  const int family = FamilyOf(passed);
  if (family != AF_INET && family != AF_INET6) return NotListening(ListenPlace(where));
  const auto protocol = family == AF_INET ? asio::ip::tcp::v4() : asio::ip::tcp::v6();
  return Adopt(io, protocol, where, std::move(passed));
}

Result<asio::local::stream_protocol::acceptor> ListenOnPath(asio::io_context& io,
                                                            const ListenSpec& spec) {
  using Local = asio::local::stream_protocol;
  const std::string path = PathIn(spec);
  if (Status prepared = PrepareSocketPath(ListenPlace(spec.where), path); !prepared) {
    return prepared.error();
  }
  auto acceptor = Bind<Local>(io, Local::endpoint(path), spec.where, 0177);
  if (!acceptor) return acceptor;
  if (Status given = GiveAway(ListenPlace(spec.where), spec, path); !given) {
    return given.error();
  }
  return acceptor;
}

Result<FileDescriptor> ListenForRecords(const ListenSpec& spec) {
  const std::string& path = spec.where;
  const Place place = IpvsPlace(path);
  if (Status prepared = PrepareSocketPath(place, path); !prepared) return prepared.error();
  FileDescriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = AddressOf(path);
  const mode_t before = ::umask(0177);
  const bool is_bound = socket && ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                                         sizeof address) == 0;
  const int failed = errno;
  ::umask(before);
  if (!is_bound || ::listen(socket.get(), SOMAXCONN) != 0) {
    return place.SystemError(std::strerror(is_bound ? errno : failed),
                             "free it, or change api.ipvs_socket");
  }
  if (Status given = GiveAway(place, spec, path); !given) return given.error();
  return socket;
}

Result<FileDescriptor> AdoptRecords(const ListenSpec& spec, FileDescriptor passed) {
  int type = 0;
  socklen_t length = sizeof type;
  if (FamilyOf(passed) != AF_UNIX ||
      ::getsockopt(passed.get(), SOL_SOCKET, SO_TYPE, &type, &length) != 0 ||
      type != SOCK_SEQPACKET) {
    return NotListening(IpvsPlace(spec.where));
  }
  if (Status given = GiveAway(IpvsPlace(spec.where), spec, spec.where); !given) {
    return given.error();
  }
  return passed;
}

Status CheckRecordsGroup(const ListenSpec& spec) {
  const auto gid = GroupOf(IpvsPlace(spec.where), spec);
  if (!gid) return gid.error();
  return Done{};
}

Result<asio::ip::tcp::acceptor> ListenOnTcp(asio::io_context& io, const std::string& where) {
  const bool is_https = where.starts_with("https://");
  std::string host =
      is_https || where.starts_with("http://") ? where.substr(where.find("//") + 2) : "";
  if (host.ends_with('/')) host.pop_back();
  if (host.starts_with("localhost:")) host.replace(0, 9, "127.0.0.1");
  const auto endpoint = Endpoint::Parse(host);
  error_code ec;
  const auto address =
      asio::ip::make_address(endpoint ? endpoint->address.ToString() : "invalid", ec);
  if (ec || (!is_https && !address.is_loopback())) {
    return Error{ErrorCode::kInvalid,
                 "The API listens on unix:/PATH, on a loopback address, for instance "
                 "http://127.0.0.1:9480, or by https:// on any address",
                 "api.listen " + where};
  }
  using Tcp = asio::ip::tcp;
  return Bind<Tcp>(io, Tcp::endpoint(address, endpoint->port.host()), where, 0022);
}

}  // namespace fairlead::api
