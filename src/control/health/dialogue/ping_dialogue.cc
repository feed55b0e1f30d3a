// ping: an ICMP echo (RFC 792, RFC 4443). The way fills in identifier and checksum where the kernel
// does not. The token tells the reply from those to others who ping, and from older ones.
#include <array>
#include <cstring>

#include "control/health/dialogue/make_dialogue.h"

namespace fairlead::control {
namespace {

constexpr size_t kEchoHeader = 8;  // type, code, checksum, identifier, sequence

class PingDialogue : public Dialogue {
 public:
  PingDialogue(Family family, uint64_t token)
      : request_type_(family == Family::kIpv4 ? 8 : 128),
        reply_type_(family == Family::kIpv4 ? 0 : 129) {
    std::memcpy(token_.data(), &token, sizeof token);
  }

 protected:
  void OnBegin() override {
    std::string echo(kEchoHeader, '\0');
    echo[0] = static_cast<char>(request_type_);
    echo[7] = 1;
    Send(echo.append(token_.data(), token_.size()));
  }

  // On a raw socket everybody's replies arrive, and errors about other packets.
  void OnBytes(std::string_view datagram) override {
    if (datagram.size() != kEchoHeader + token_.size()) return;
    if (static_cast<unsigned char>(datagram[0]) != reply_type_ || datagram[1] != 0) return;
    if (datagram.substr(kEchoHeader) != std::string_view(token_.data(), token_.size())) return;
    Accept("echo reply");
  }

 private:
  const unsigned char request_type_, reply_type_;
  std::array<char, 8> token_;
};

}  // namespace

std::unique_ptr<Dialogue> MakePingDialogue(Family family, uint64_t token) {
  return std::make_unique<PingDialogue>(family, token);
}

}  // namespace fairlead::control
