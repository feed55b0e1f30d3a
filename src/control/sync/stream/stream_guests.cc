// The listening half of StreamSync: whoever connects, until it has said who it is.
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "control/sync/stream/stream_sync.h"

namespace fairlead::control {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

Error ListenError(const Endpoint& at, const error_code& error) {
  return {ErrorCode::kSystem,
          "cannot listen on " + at.ToString() + ": " + error.message() +
              "; sync.listen must be an address of this machine with a free port",
          ""};
}

asio::ip::address AddressFrom(const IpAddress& address) {
  if (address.is_v4()) return asio::ip::address_v4(address.v4().Fold());
  return asio::ip::address_v6(address.v6().bytes);
}

asio::ip::address WithoutMapping(const asio::ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

Tick StrangerTick(TimePoint now) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  return {TicksFromMilliseconds(static_cast<uint64_t>(ms.count()))};
}

}  // namespace

Status StreamSync::Listen() {
  const Tcp::endpoint at(AddressFrom(config_.listen.address), config_.listen.port.host());
  error_code error;
  acceptor_.emplace(io_);
  acceptor_->open(at.protocol(), error);
  if (error) return ListenError(config_.listen, error);
  ::fcntl(acceptor_->native_handle(), F_SETFD, FD_CLOEXEC);
  acceptor_->set_option(Tcp::acceptor::reuse_address(true), error);
  acceptor_->bind(at, error);
  if (!error) acceptor_->listen(16, error);
  if (error) return ListenError(config_.listen, error);
  return Done{};
}

asio::ip::tcp::endpoint StreamSync::listen_endpoint() const { return acceptor_->local_endpoint(); }

// So many a turn: a handshake costs this thread time.
void StreamSync::Accept() {
  if (guests_of_turn_ >= kGuestsATurn || accepted_of_turn_ >= kAcceptedATurn) return;
  is_accepting_ = true;
  acceptor_->async_accept([this, alive = alive_](const error_code& error, Tcp::socket socket) {
    if (!*alive || error == asio::error::operation_aborted) return;
    is_accepting_ = false;
    if (error) return;  // the next turn tries again
    ++accepted_of_turn_;
    OnAccepted(std::move(socket));
    if (acceptor_ && !is_accepting_) Accept();
  });
}

void StreamSync::OnAccepted(Tcp::socket socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;
  const auto address = WithoutMapping(remote.address());
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
  // In the clear nobody else is let in, whatever the listener's address is.
  const bool may_be = config_.is_secured() ? tls_ != nullptr : address.is_loopback();
  if (!may_be) return;
  const bool is_of_peer = std::ranges::any_of(peers_, [&address](const Peer& peer) {
    return AddressFrom(peer.config.address.address) == address;
  });
  // So many a second of addresses that are no peer's, however fast turns are.
  if (!is_of_peer && !stranger_credit_.Take(StrangerTick(now_))) {
    ++strangers_;
    if (const uint64_t times = crowd_pace_.Note(now_)) {
      LogWarning("too many connections to sync.listen from addresses of no peer; some are closed",
                 {{"from", address.to_string()}, {"times", times}});
    }
    return;
  }
  ++guests_of_turn_;
  if (guests_.size() >= kMostGuests) {
    // The one that has been here longest, and rather one of whom nothing speaks.
    auto leaving =
        std::ranges::find_if(guests_, [](const Guest& g) { return !g.is_of_peer_address; });
    if (leaving == guests_.end()) leaving = guests_.begin();
    leaving->link->Close();
    guests_.erase(leaving);
    ++strangers_;
  }
  Guest& guest = guests_.emplace_back();
  guest.deadline = now_ + kGuestTime;
  guest.from = address.to_string();
  guest.is_of_peer_address = is_of_peer;
  guest.link = std::make_shared<StreamLink>(std::move(socket), tls_, StreamLink::Side::kListener);
  guest.link->Begin(
      {.opened = [] {},
       .received = [this, &guest](std::span<const uint8_t> bytes) { OnGuestBytes(guest, bytes); },
       .closed =
           [this, &guest](const std::string& why) {
             RefuseGuest(guest, why.empty() ? "it closed the connection" : why, "");
           }});
}

void StreamSync::OnGuestBytes(Guest& guest, std::span<const uint8_t> bytes) {
  guest.bytes.insert(guest.bytes.end(), bytes.begin(), bytes.end());
  if (guest.bytes.size() < sync::kFrameHeaderBytes) return;
  sync::FrameReader reader;
  reader.Feed(guest.bytes);
  sync::Frame frame;
  const bool is_whole = reader.Next(&frame);
  const bool may_be_hello = guest.bytes[2] == static_cast<uint8_t>(sync::FrameType::kHello) &&
                            guest.bytes.size() <= kMostGuestBytes && !reader.is_broken();
  if (!may_be_hello) {
    return RefuseGuest(guest, "it does not speak as a Fairlead director does", "magic");
  }
  if (!is_whole) return;
  sync::Hello hello;
  if (const auto why = sync::DecodeHello(frame.body, &hello)) {
    return RefuseGuest(guest, std::string(sync::SentenceOf(*why)), sync::NameOf(*why));
  }
  Seat(guest, hello.name);
}

void StreamSync::Seat(Guest& guest, const std::string& name) {
  Peer* const peer = FindPeer(name);
  if (peer == nullptr) {
    return RefuseGuest(guest,
                       "it says a name that is not in sync.peers here; name it there if it is a "
                       "peer",
                       "name");
  }
  if (Calls(*peer)) {
    return RefuseGuest(guest, "this director calls that peer, since its own name comes first",
                       "order");
  }
  // A key that was replaced meanwhile proves nothing any more.
  if (guest.link->tls() != tls_ || (config_.is_secured() && !tls_)) {
    return RefuseGuest(guest, "the files of sync have changed since it connected", "");
  }
  if (const Status is_peer = guest.link->CheckPeer(name); !is_peer) {
    return RefuseGuest(guest, is_peer.error().message, "name");
  }
  EndSession(*peer, "");  // it would not call if it had the old one
  peer->link = guest.link;
  peer->link->Rebind(EventsFor(*peer));
  const std::vector<uint8_t> bytes = std::move(guest.bytes);
  std::erase_if(guests_, [&guest](const Guest& other) { return &other == &guest; });
  BeginSession(*peer);
  peer->stream->session->Receive(bytes, now_);
}

void StreamSync::RefuseGuest(Guest& guest, const std::string& why, std::string_view goodbye) {
  ++strangers_;
  if (const uint64_t times = stranger_pace_.Note(now_)) {
    LogWarning("a connection to sync.listen was refused",
               {{"from", guest.from}, {"reason", why}, {"times", times}});
  }
  if (!goodbye.empty() && guest.link->is_open()) {
    std::vector<uint8_t> bytes;
    sync::EncodeGoodbye(goodbye, &bytes);
    guest.link->Send(std::move(bytes));
  }
  guest.link->CloseWhenSent();
  std::erase_if(guests_, [&guest](const Guest& other) { return &other == &guest; });
}

void StreamSync::CloseGuests() {
  for (Guest& guest : guests_) guest.link->Close();
  guests_.clear();
}

void StreamSync::DropGuests() {
  for (auto it = guests_.begin(); it != guests_.end();) {
    Guest& guest = *it++;
    if (now_ > guest.deadline) RefuseGuest(guest, "it said nothing in time", "");
  }
}

}  // namespace fairlead::control
