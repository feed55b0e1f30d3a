// Follows the addresses of some interfaces, and the routes out of them, as they come and go,
// without ever waiting for the kernel.
//
//   auto watch = NetworkWatch::Open({3, 4});      // has read a first complete list
//   (*watch)->FollowRoutes(20000);                // 0: none
//   (*watch)->Turn(now);                          // every few milliseconds
//   (*watch)->addresses().revision();             // another one: something is different
//
// Theory of operation. One socket is a member of rtnetlink's groups and asks for lists as well. The
// kernel queues both in one order, so news that arrives in the middle of a list is never overtaken
// by it. A list is read bit by bit, a few datagrams a turn, since the kernel makes the next part
// when one is taken. When the kernel had no room for news (ENOBUFS), or the list changed while it
// was made, or news cannot be understood without it, all is asked for once more, at most every
// kRelistInterval: until that list is complete everything that was known holds. A datagram that is
// not the kernel's is ignored. Threads: one. Needs no rights.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "kernel/address_table.h"
#include "kernel/route_table.h"

namespace fairlead::kernel {

class NetworkWatch {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr size_t kDatagramsPerTurn = 256;
  static constexpr std::chrono::seconds kRelistInterval{1};
  static constexpr int kReceiveBytes = 4 << 20;  // room for news, where we may ask for it

  // Waits for the first list, with at most so many routes, two seconds at the most; then it comes
  // later.
  static Result<std::unique_ptr<NetworkWatch>> Open(std::vector<unsigned> interfaces,
                                                    size_t most_routes = 0);

  // False: more was there than a turn reads, so that what is known is in the middle of a change.
  bool Turn(TimePoint now);

  // Takes part in the news of routes, or no more. The list follows with the next turns.
  void FollowRoutes(size_t most);

  [[nodiscard]] const AddressTable& addresses() const { return addresses_; }
  [[nodiscard]] const RouteTable& routes() const { return routes_; }
  // How often everything was asked for again.
  [[nodiscard]] uint64_t relists() const { return relists_; }

 private:
  enum class Listing : uint8_t { kNone, kAddresses, kRoutes4, kRoutes6 };

  NetworkWatch(FileDescriptor socket, std::vector<unsigned> interfaces)
      : socket_(std::move(socket)),
        interfaces_(std::move(interfaces)),
        addresses_(interfaces_),
        routes_(interfaces_, 0) {}
  // False: nothing more is there now.
  bool ReceiveOne();
  void Read(const char* bytes, size_t length);
  void ReadListed(const nlmsghdr& message);
  void NoteSilentLoss(const nlmsghdr& message);
  [[nodiscard]] bool IsWatched(int interface) const;
  void Ask(Listing what);
  void Finish();
  [[nodiscard]] bool follows_routes() const { return most_routes_ > 0; }

  FileDescriptor socket_;
  const std::vector<unsigned> interfaces_;
  AddressTable addresses_;
  RouteTable routes_;
  size_t most_routes_ = 0;
  std::vector<char> buffer_ = std::vector<char>(65536);
  Listing listing_ = Listing::kNone;
  bool must_relist_ = true;
  TimePoint next_relist_{};
  uint32_t sequence_ = 0;
  uint64_t relists_ = 0;
};

}  // namespace fairlead::kernel
