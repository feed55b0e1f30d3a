#include <gtest/gtest.h>

#include <set>

#include "control/health/prober.h"
#include "director_fixture.h"

namespace fairlead::control::probe_text_test {
namespace {

ProbeTarget Asking(ProbeQuestion question) {
  return {.endpoint = {Ip("10.0.0.11"), Be16::FromHost(80)}, .question = std::move(question)};
}

TEST(ProbeText, IsOneLine) {
  EXPECT_EQ(TextOf(Asking(TcpProbe{})), "tcp at=10.0.0.11:80");
  EXPECT_EQ(TextOf(Asking(HttpProbe{.path = "/up", .host = "shop"})),
            "http at=10.0.0.11:80 host=shop path=/up expect=200 to=399");
}

// A question that another one is taken for has that one's answer.
TEST(ProbeText, DiffersWithEverythingThatIsAsked) {
  const TextCondition ready{TextCondition::Kind::kContains, "ready"};
  std::vector<ProbeTarget> targets;
  for (ProbeQuestion question : std::initializer_list<ProbeQuestion>{
           TcpProbe{},
           HttpProbe{},
           HttpProbe{.method = HttpMethod::kHead},
           HttpProbe{.path = "/up"},
           HttpProbe{.host = "shop"},
           HttpProbe{.expect = {{200, 200}}},
           HttpProbe{.body = ready},
           HttpProbe{.body = TextCondition{TextCondition::Kind::kMatches, "ready"}},
           TextProbe{},
           TextProbe{{{.send = "a b", .receive = ready}}},
           TextProbe{{{.send = "a", .receive = ready}, {.send = "b", .receive = {}}}},
           TextProbe{{{.send = "a send=b", .receive = ready}}},
           SmtpProbe{},
           SmtpProbe{.helo = "probe"},
           DnsProbe{},
           DnsProbe{.name = "a."},
           DnsProbe{.type = DnsType::kA},
           UdpProbe{},
           UdpProbe{.send = "a"},
           UdpProbe{.needs_answer = true},
           UdpProbe{.receive = ready},
           PingProbe{},
           MysqlProbe{},
           MysqlProbe{.user = "a"},
           MysqlProbe{.user = "a", .password = {}, .password_file = "/a"},
           LdapProbe{},
           LdapProbe{.bind_dn = "cn=a"},
           LdapProbe{.bind_dn = "cn=a", .password = {}, .password_file = "/a"},
           RedisProbe{},
           RedisProbe{.user = {}, .password = {}, .password_file = "/a"},
           AgentProbe{},
           AgentProbe{.send = "a"},
           GrpcProbe{},
           GrpcProbe{.service = "a"},
           GrpcProbe{.host = "a"}}) {
    targets.push_back(Asking(std::move(question)));
  }
  for (const ProbeTls& tls : {ProbeTls{}, ProbeTls{.sni = "a"}, ProbeTls{.is_verified = false},
                              ProbeTls{.ca_file = "/a"}, ProbeTls{.certificate_file = "/a"},
                              ProbeTls{.key_file = "/a"}, ProbeTls{.minimum = TlsVersion::k13}}) {
    targets.push_back(Asking(TcpProbe{}));
    targets.back().tls = tls;
  }
  targets.push_back(Asking(TcpProbe{}));
  targets.back().source = Ip("10.0.0.1");
  targets.push_back(Asking(TcpProbe{}));
  targets.back().endpoint.port = Be16::FromHost(81);
  std::set<std::string> texts;
  for (const ProbeTarget& target : targets) {
    EXPECT_TRUE(texts.insert(TextOf(target)).second) << TextOf(target);
    EXPECT_EQ(TextOf(target), TextOf(ProbeTarget(target)));
  }
}

TEST(ProbeText, HasNoPassword) {
  EXPECT_EQ(TextOf(Asking(RedisProbe{.user = "probe", .password = "hunter2"})).find("hunter2"),
            std::string::npos);
}

}  // namespace
}  // namespace fairlead::control::probe_text_test
