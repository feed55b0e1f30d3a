// What a configured check asks: the configuration of each type as the question that is looked with.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "control/health/health_check.h"
#include "control/health/look/password_file.h"
#include "director_fixture.h"

namespace fairlead::control::health_questions_test {
namespace {

std::vector<HealthCheck> ChecksWith(const std::string& health, const std::string& real = "") {
  const ConfigModel model = ModelOf(
      "services:\n  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, health: [ " +
      health + " ], reals: [ { address: 10.0.0.11" + real + " } ] }\n");
  return model.services.empty() ? std::vector<HealthCheck>{}
                                : ChecksOf(model.services[0], model.services[0].reals[0]);
}

HealthCheck CheckWith(const std::string& health) {
  const std::vector<HealthCheck> checks = ChecksWith(health);
  return checks.empty() ? HealthCheck{} : checks[0];
}

std::string Question(const std::string& health) { return CheckWith(health).Question(); }

// A check of an earlier version is found again by these after a restart.
TEST(HealthQuestions, OfEarlierVersionsAreWhatTheyWere) {
  EXPECT_EQ(CheckWith("{ type: tcp }").Key(),
            "tcp at=10.0.0.11:80 timeout=1000 interval=2000 fall=3 rise=2");
  EXPECT_EQ(CheckWith("{ type: http, host: web, initial: down, retry_interval: 1s }").Key(),
            "http at=10.0.0.11:80 host=web path=/ expect=200 to=399 timeout=1000 interval=2000 "
            "fall=3 rise=2 retry=1000 initial=down");
  EXPECT_EQ(Question("{ type: script, command: [/bin/x, \"{address}\"], sets_weight: true }"),
            "script at=10.0.0.11:80 word=/bin/x word=10.0.0.11 weight=1");
}

TEST(HealthQuestions, EachTypeAsksWhatIsWritten) {
  EXPECT_EQ(Question("{ type: http, method: HEAD, path: /up, expect: 204 }"),
            "http at=10.0.0.11:80 host= path=/up method=1 expect=204 to=204");
  EXPECT_EQ(Question("{ type: http, expect_body: { matches: \"a|b\" } }"),
            "http at=10.0.0.11:80 host= path=/ expect=200 to=399 wants=1 text=a|b");
  EXPECT_EQ(Question("{ type: http, expect_body: ready }"),
            "http at=10.0.0.11:80 host= path=/ expect=200 to=399 wants=0 text=ready");
  EXPECT_EQ(
      Question("{ type: http, expect_body: { sha256: " + std::string(64, 'A') + " } }"),
      "http at=10.0.0.11:80 host= path=/ expect=200 to=399 wants=2 text=" + std::string(64, 'a'));
  EXPECT_EQ(Question("{ type: tcp, send: 'PING\\r\\n', receive: +PONG }"),
            "text at=10.0.0.11:80 send=PING\\x0d\\x0a wants=0 text=+PONG");
  EXPECT_EQ(Question("{ type: tcp, receive: { matches: '^220 ' } }"),
            "text at=10.0.0.11:80 send= wants=1 text=^220\\x20");
  EXPECT_EQ(Question("{ type: tcp, steps: [ { receive: \"+OK\" }, { send: \"QUIT\\n\" } ] }"),
            "text at=10.0.0.11:80 send= wants=0 text=+OK send=QUIT\\x0a");
  EXPECT_EQ(Question("{ type: smtp, helo: lb }"), "smtp at=10.0.0.11:80 helo=lb");
  EXPECT_EQ(Question("{ type: dns }"), "dns at=10.0.0.11:80 name=. type=6");
  EXPECT_EQ(Question("{ type: dns, name: web.example, record: AAAA }"),
            "dns at=10.0.0.11:80 name=web.example type=28");
  EXPECT_EQ(Question("{ type: udp, send: '\\x00\\xff', needs_answer: true, receive: a }"),
            "udp at=10.0.0.11:80 send=\\x00\\xff answer=1 wants=0 text=a");
  EXPECT_EQ(Question("{ type: ping }"), "ping at=10.0.0.11:80");
  EXPECT_EQ(Question("{ type: mysql, user: probe, password_file: /etc/p }"),
            "mysql at=10.0.0.11:80 user=probe password_file=/etc/p");
  EXPECT_EQ(Question("{ type: ldap, bind_dn: cn=a, password_file: /etc/p }"),
            "ldap at=10.0.0.11:80 user=cn=a password_file=/etc/p");
  EXPECT_EQ(Question("{ type: redis, user: probe, password_file: /etc/p }"),
            "redis at=10.0.0.11:80 user=probe password_file=/etc/p");
  EXPECT_EQ(Question("{ type: agent, port: 9777, send: a }"), "agent at=10.0.0.11:9777 send=a");
  EXPECT_EQ(Question("{ type: grpc, service: shop.Cart, host: shop }"),
            "grpc at=10.0.0.11:80 service=shop.Cart host=shop");
}

TEST(HealthQuestions, TlsIsUnderThem) {
  EXPECT_EQ(Question("{ type: https, sni: shop, ca: /c, certificate: /o, key: /k, min_tls: 1.3 }"),
            "http at=10.0.0.11:80 host= path=/ expect=200 to=399 sni=shop verified=1 ca=/c "
            "certificate=/o key=/k minimum=3");
  for (const char* type : {"tcp", "smtp", "ldap", "redis", "agent", "grpc"}) {
    const std::string health = "{ type: " + std::string(type) + ", port: 443, tls: true }";
    const auto tls = CheckWith(health).target.tls;
    ASSERT_TRUE(tls.has_value()) << health;
    EXPECT_EQ(*tls, ProbeTls{}) << health;
  }
  const auto lax = CheckWith("{ type: smtp, tls: true, verify: false }").target.tls;
  ASSERT_TRUE(lax.has_value());
  EXPECT_FALSE(lax->is_verified);
  EXPECT_FALSE(CheckWith("{ type: smtp }").target.tls.has_value());
}

// Of reals without a port, as those of a mark are.
TEST(HealthQuestions, AProtocolHasItsPort) {
  const auto port = [](const std::string& health) {
    const ConfigModel model = ModelOf("services:\n  - { mark: 1, health: " + health +
                                      ", reals: [ { address: 10.0.0.11 } ] }\n");
    const std::vector<HealthCheck> checks = ChecksOf(model);
    return checks.empty() ? 0 : checks[0].target.endpoint.port.host();
  };
  EXPECT_EQ(port("{ type: http }"), 80);
  EXPECT_EQ(port("{ type: https }"), 443);
  EXPECT_EQ(port("{ type: smtp }"), 25);
  EXPECT_EQ(port("{ type: smtp, tls: true }"), 465);
  EXPECT_EQ(port("{ type: dns }"), 53);
  EXPECT_EQ(port("{ type: mysql }"), 3306);
  EXPECT_EQ(port("{ type: ldap }"), 389);
  EXPECT_EQ(port("{ type: ldap, tls: true }"), 636);
  EXPECT_EQ(port("{ type: redis }"), 6379);
  EXPECT_EQ(port("{ type: ping }"), 0);
  EXPECT_EQ(port("{ type: redis, port: 6380 }"), 6380);
}

TEST(HealthQuestions, AnAgentIsBelievedAtOnce) {
  const HealthCheck agent = CheckWith("{ type: agent, port: 9777 }");
  EXPECT_EQ(agent.fall, 1u);
  EXPECT_EQ(agent.rise, 1u);
}

// ---- passwords --------------------------------------------------------------------------------

class PasswordFile : public testing::Test {
 protected:
  void Write(const std::string& text) { std::ofstream(path_) << text; }
  std::string Fill() {
    RedisProbe redis{.user = "probe", .password = {}, .password_file = path_};
    ProbeQuestion question = redis;
    const std::optional<Error> error = FillPassword(&question);
    return error ? error->message : "=" + std::get<RedisProbe>(question).password;
  }
  ~PasswordFile() override { std::remove(path_.c_str()); }

  const std::string path_ = testing::TempDir() + "password." + std::to_string(::getpid());
  const std::string fault_ = "the password file " + path_ + " cannot be used: ";
};

TEST_F(PasswordFile, IsItsFirstLine) {
  Write("hunter 2\nsomething else\n");
  EXPECT_EQ(Fill(), "=hunter 2");
  Write("windows\r\n");
  EXPECT_EQ(Fill(), "=windows");
  Write("no end");
  EXPECT_EQ(Fill(), "=no end");
  const std::string longest(1024, 'a');
  for (const char* end : {"", "\n", "\r\n", "\nmore"}) {
    Write(longest + end);
    EXPECT_EQ(Fill(), "=" + longest);
  }
}

TEST_F(PasswordFile, SaysWhatIsWrongWithIt) {
  EXPECT_EQ(Fill(), fault_ + "No such file or directory");
  Write("\npassword\n");
  EXPECT_EQ(Fill(), fault_ + "its first line is empty");
  for (const size_t size : {1025u, 5000u}) {
    Write(std::string(size, 'a'));
    EXPECT_EQ(Fill(), fault_ + "its first line is longer than 1024 bytes");
  }
  const Result<std::string> folder = ReadPassword(testing::TempDir());
  ASSERT_FALSE(folder);
  EXPECT_TRUE(folder.error().message.ends_with("it is not a regular file"));
}

TEST_F(PasswordFile, IsNotReadForOthers) {
  for (ProbeQuestion question : {ProbeQuestion(TcpProbe{}), ProbeQuestion(MysqlProbe{}),
                                 ProbeQuestion(LdapProbe{}), ProbeQuestion(RedisProbe{})}) {
    const ProbeQuestion before = question;
    EXPECT_FALSE(FillPassword(&question).has_value());
    EXPECT_EQ(question, before);
  }
}

}  // namespace
}  // namespace fairlead::control::health_questions_test
