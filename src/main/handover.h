// What two directors say to each other at an upgrade, over a pair of Unix sockets. docs/upgrade.md
// has the whole exchange.
//
//   the one that runs                            its successor
//     Offer                             ──►      …configuration, DPDK without devices, arena…
//                                       ◄──      Ready, or Refused with the reason
//     …stops…  Lock, Twin, Listener, …  ──►      one descriptor a message
//     Go                                ──►      …devices, take-up…
//                                       ◄──      Forwarding
//
//   auto pair = HandoverChannel::MakePair();
//   pair->first.Send(HandoverWord::kTwin, "fl-outside", tap);
//   Result<HandoverMessage> message = pair->second.Receive(1s);
//
// Each message is a packet of its own, so a peer that ends in the middle of one cannot leave half
// of it. Whatever arrives is looked at before it is used: a successor is another version, or no
// director at all. Threads: one at a time for each end. Invariant: a descriptor that arrives
// belongs to the message, closed on exec.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace fairlead {

// Both ends have the same one, or the upgrade is refused. Raise it when words or texts change.
inline constexpr uint32_t kHandoverVersion = 1;

enum class HandoverWord : uint32_t {
  kOffer = 1,      // old → new; text: "hugepages" or "ordinary", the memory of packets
  kReady,          // new → old; text: the version of the program
  kRefused,        // new → old; text: why
  kLock,           // old → new: of a directory of the arena
  kTwin,           // old → new; text: the interface
  kListener,       // old → new; text: as in api.listen
  kStandardError,  // old → new
  // old → new: nothing of it is the old one's any more; text: "not-ready" when that was not ready
  kGo,
  kForwarding,  // new → old
};
inline constexpr uint32_t kHandoverWords = 9;

struct HandoverMessage {
  HandoverWord word = HandoverWord::kOffer;
  std::string text;
  FileDescriptor descriptor;  // of the four words that carry one
};

// What the successor is given.
struct Estate {
  std::vector<FileDescriptor> locks;  // of the arena
  std::vector<NamedDescriptor> twins, listeners;
  FileDescriptor standard_error;
  bool was_ready = false;  // the director that it was; false: there was none
};

class HandoverChannel {
 public:
  // Longer texts are cut.
  static constexpr size_t kMostTextBytes = 8192;

  static Result<std::pair<HandoverChannel, HandoverChannel>> MakePair();
  // Error: it is no such socket.
  static Result<HandoverChannel> Adopt(int descriptor);

  // `descriptor`: a copy of it goes along; -1: none. Never waits. Error: the peer has ended.
  [[nodiscard]] Status Send(HandoverWord word, std::string_view text = "",
                            int descriptor = -1) const;
  // Errors: kNotFound when the peer has ended, kUnavailable when it says nothing for so long,
  // kInvalid for what is no message of this version.
  [[nodiscard]] Result<HandoverMessage> Receive(std::chrono::milliseconds patience) const;
  [[nodiscard]] int fd() const { return socket_.get(); }

 private:
  explicit HandoverChannel(FileDescriptor socket) : socket_(std::move(socket)) {}
  FileDescriptor socket_;
};

// Everything, then Go; what is given is closed before that.
Status SendEstate(const HandoverChannel& channel, Estate estate);
// Until Go.
Result<Estate> ReceiveEstate(const HandoverChannel& channel, std::chrono::milliseconds patience);

}  // namespace fairlead
