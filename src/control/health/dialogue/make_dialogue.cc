#include "control/health/dialogue/make_dialogue.h"

#include <array>
#include <cstring>

#include "base/secret.h"

namespace fairlead::control {
namespace {

// Nobody who does not see the question can answer it.
uint64_t Drawn() {
  std::array<uint8_t, 8> bytes;
  DrawSecret(bytes);
  uint64_t number;
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

struct Maker {
  const ProbeTarget& target;
  Way way;

  using Made = std::unique_ptr<Dialogue>;
  Made operator()(const TcpProbe&) const { return MakeTcpDialogue(); }
  Made operator()(const HttpProbe& http) const { return MakeHttpDialogue(http, target.endpoint); }
  Made operator()(const TextProbe& text) const { return MakeTextDialogue(text); }
  Made operator()(const SmtpProbe& smtp) const { return MakeSmtpDialogue(smtp); }
  Made operator()(const DnsProbe& dns) const {
    return MakeDnsDialogue(dns, way, static_cast<uint16_t>(Drawn()));
  }
  Made operator()(const UdpProbe& udp) const { return MakeUdpDialogue(udp); }
  Made operator()(const PingProbe&) const {
    return MakePingDialogue(target.endpoint.address.family(), Drawn());
  }
  Made operator()(const MysqlProbe& mysql) const { return MakeMysqlDialogue(mysql); }
  Made operator()(const LdapProbe& ldap) const { return MakeLdapDialogue(ldap); }
  Made operator()(const RedisProbe& redis) const { return MakeRedisDialogue(redis); }
  Made operator()(const AgentProbe& agent) const { return MakeAgentDialogue(agent); }
  Made operator()(const GrpcProbe& grpc) const {
    return MakeGrpcDialogue(grpc, target.endpoint, target.tls.has_value());
  }
  // Scripts are run by another prober (script_prober.h), and none comes here.
  Made operator()(const ScriptProbe&) const { return MakeTcpDialogue(); }
};

}  // namespace

Way WayOf(const ProbeQuestion& question) {
  if (std::holds_alternative<PingProbe>(question)) return Way::kIcmp;
  const bool is_udp =
      std::holds_alternative<DnsProbe>(question) || std::holds_alternative<UdpProbe>(question);
  return is_udp ? Way::kUdp : Way::kTcp;
}

std::unique_ptr<Dialogue> MakeDialogue(const ProbeTarget& target, Way way) {
  return std::visit(Maker{target, way}, target.question);
}

}  // namespace fairlead::control
