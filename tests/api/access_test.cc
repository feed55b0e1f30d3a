// Who may do what on which listener, and what becomes of those who may not.
#include "control/api/access.h"

#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "api_test.h"
#include "control/api/door.h"
#include "control/api/listen.h"
#include "control/api/token_file.h"
#include "test_authority.h"

namespace fairlead::testing::access_test {
namespace {

constexpr const char* kAdminToken = "an-admin-token-of-the-test";
constexpr const char* kReadToken = "a-read-token-of-the-test";
constexpr const char* kTokens =
    "# who may come in\n"
    "admin:an-admin-token-of-the-test alice\n"
    "\n"
    "read:sha256=2d95d24bc0f1d8b7b1d16ee1bd6a1ec64d1a36bc86b6ad3e0c92a1b0ec3cd9c0 nobody\n"
    "read:a-read-token-of-the-test  prometheus\n";

class AccessTest : public ApiTest {
 protected:
  void SetUp() override { std::filesystem::create_directories(director.directory()); }

  std::string Write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = director.directory() + "/" + name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }
  api::ListenSpec Spec(const std::string& where, api::Role role = api::Role::kAdmin) {
    api::ListenSpec spec(where);
    spec.role = role;
    return spec;
  }
  api::ListenSpec Https(api::Role role = api::Role::kAdmin) {
    api::ListenSpec spec = Spec("https://127.0.0.1:0", role);
    spec.certificate = spec.key = ours.Issue("127.0.0.1", 3600);
    spec.client_ca = ours.file();
    spec.tokens = Write("tokens", kTokens);
    return spec;
  }
  Status TryStart(std::vector<api::ListenSpec> listen) {
    api::ApiConfig config;
    config.listen = std::move(listen);
    server = std::make_unique<api::ApiServer>(director, config);
    return server->Start();
  }
  // The addresses, in the order of `listen`.
  std::vector<std::string> StartAt(std::vector<api::ListenSpec> listen) {
    director.Start();
    const Status started = TryStart(std::move(listen));
    EXPECT_TRUE(started) << started.error().ToString();
    return server->addresses();
  }
  std::string WhyNot(std::vector<api::ListenSpec> listen) {
    const Status started = TryStart(std::move(listen));
    EXPECT_FALSE(started);
    return started ? "" : started.error().ToString();
  }
  // `certificate`: empty for none. A connection for each question.
  Answer Ask(const std::string& address, const std::string& request, const std::string& token = "",
             const std::string& certificate = "") {
    HttpPeer client(address, {.ca = ours.file(), .certificate = certificate});
    const std::string headers =
        "Host: localhost\r\n" + (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n");
    const bool has_body = request.starts_with("P");
    const std::string body = !has_body                      ? ""
                             : request.starts_with("PATCH") ? R"({"weight": 3})"
                                                            : R"({"no": 1})";
    return client.Ask(request, body, headers);
  }

  const TestAuthority ours{MakeFolder(), "ours"}, foreign{director.directory(), "foreign"};

 private:
  std::string MakeFolder() {
    std::filesystem::create_directories(director.directory());
    return director.directory();
  }
};

// ---- the matrix -------------------------------------------------------------------------------

constexpr const char* kRequests[] = {"GET /healthz",
                                     "GET /metrics",
                                     "GET /v1/status",
                                     "POST /v1/explain",
                                     "PATCH /v1/services/web/reals/10.0.0.11:80",
                                     "GET /v2/nothing"};

// One line: statuses in the order of kRequests. 422: the route was reached and dislikes the body.
std::string Row(const std::vector<int>& statuses) {
  std::string row;
  for (const int status : statuses) row += (row.empty() ? "" : " ") + std::to_string(status);
  return row;
}

TEST_F(AccessTest, RolesRoutesAndTransports) {
  const std::string socket = director.socket();
  api::ListenSpec asking = Spec("http://127.0.0.1:0");
  asking.tokens = Write("tokens", kTokens);
  const auto at = StartAt({Spec(socket), Spec(socket + "2", api::Role::kRead),
                           Spec("http://127.0.0.1:0"), Spec("http://127.0.0.1:0", api::Role::kRead),
                           asking, Https(), Https(api::Role::kRead)});
  const std::string certificate = ours.Issue("ops", 3600);
  const std::string all = "200 200 200 422 200 404", looks = "200 200 200 422 403 404";
  const std::string nothing = "401 401 401 401 401 401", scrapes = "200 200 401 401 401 401";
  const struct {
    size_t listener;
    std::string token, certificate, expected;
  } kCases[] = {
      {0, "", "", all},            // the Unix socket
      {0, "wrong", "", all},       // what nobody asked for does not count
      {1, "", "", looks},          // one with the role read
      {2, "", "", all},            // loopback
      {3, "", "", looks},          //
      {4, "", "", nothing},        // loopback with tokens
      {4, kReadToken, "", looks},  //
      {4, kAdminToken, "", all},   //
      {5, "", "", nothing},        // TLS
      {5, "not-a-token-at-all", "", nothing},
      {5, kReadToken, "", looks},
      {5, kAdminToken, "", all},
      {5, "", certificate, all},
      {6, "", "", scrapes},  // TLS with the role read
      {6, "not-a-token-at-all", "", scrapes},
      {6, kReadToken, "", looks},
      {6, kAdminToken, "", looks},
      {6, "", certificate, looks},
  };
  for (const auto& each : kCases) {
    std::vector<int> statuses;
    for (const char* request : kRequests) {
      statuses.push_back(Ask(at[each.listener], request, each.token, each.certificate).status);
    }
    EXPECT_EQ(Row(statuses), each.expected)
        << at[each.listener] << " with \"" << each.token << "\" " << each.certificate;
  }
}

TEST_F(AccessTest, ASocketMayHaveAColonInItsPath) {
  api::ListenSpec spec(director.directory() + "/a:b.sock");
  spec.mode = 0660;
  const auto socket = api::ListenForRecords(spec);
  ASSERT_TRUE(socket) << socket.error().ToString();
  struct stat about {};
  ASSERT_EQ(::stat(spec.where.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777u, 0660u);
  spec.where = "unix:" + director.directory() + "/c:d.sock";
  EXPECT_EQ(StartAt({spec}), std::vector{spec.where});
  ASSERT_EQ(::stat((director.directory() + "/c:d.sock").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777u, 0660u);
}

// A restart after a crash must forward whatever has become of a file: what is broken stays closed,
// and a Unix socket without its group is for root and the director's user.
TEST_F(AccessTest, WhatIsBrokenIsSaidAtOnceAndStaysClosed) {
  const api::ListenSpec good = Https();
  api::ListenSpec broken = Https(), shared = Spec("unix:/run/a.sock"), ipvs("/run/b.sock");
  std::vector<api::ListenSpec> listeners = {good, shared};
  EXPECT_TRUE(api::CloseFaulty(&listeners, &ipvs).empty());
  EXPECT_EQ(listeners.size(), 2u);

  broken.certificate = "/nowhere/c.pem";
  broken.tokens = Write("others", "nonsense\nnonsense\n");
  shared.group = ipvs.group = "no-such-group";
  listeners = {broken, shared, good};
  const std::vector<Error> faults = api::CloseFaulty(&listeners, &ipvs);
  ASSERT_EQ(faults.size(), 5u);
  EXPECT_EQ(faults[0].ToString(),
            "api.listen https://127.0.0.1:0 certificate: /nowhere/c.pem: No such file or "
            "directory; write it, or name another");
  EXPECT_NE(faults[1].ToString().find(broken.tokens + ":1: a line must be"), std::string::npos);
  EXPECT_NE(faults[2].ToString().find(broken.tokens + ":2: a line must be"), std::string::npos);
  EXPECT_NE(faults[3].ToString().find("api.listen unix:/run/a.sock group: there is no group"),
            std::string::npos);
  EXPECT_NE(faults[4].ToString().find("There is no group no-such-group"), std::string::npos);
  ASSERT_EQ(listeners.size(), 2u);
  EXPECT_EQ(listeners[0].where, shared.where);
  EXPECT_EQ(listeners[0].group, "");
  EXPECT_EQ(listeners[0].mode, 0600u);
  EXPECT_EQ(listeners[1].certificate, good.certificate);
  EXPECT_EQ(ipvs.where, "/run/b.sock");
  EXPECT_EQ(ipvs.mode, 0600u);
}

TEST_F(AccessTest, StatusNamesWhatStaysClosed) {
  director.Start();
  api::ApiConfig config;
  config.listen = {Spec(director.socket())};
  config.faults = {"api.listen https://0.0.0.0:9480 tokens: they are wrong"};
  server = std::make_unique<api::ApiServer>(director, config);
  ASSERT_TRUE(server->Start());
  const auto status = Ask(server->addresses()[0], "GET /v1/status").json();
  ASSERT_EQ(status.at("api_faults").as_array().size(), 1u);
  EXPECT_EQ(status.at("api_faults").at(0).as_string(), config.faults[0]);
}

TEST_F(AccessTest, ARefusalIsAProblemThatSaysWhatIsMissing) {
  const auto at = StartAt({Https()});
  const Answer none = Ask(at[0], "GET /v1/status");
  EXPECT_EQ(none.header("content-type"), "application/problem+json");
  EXPECT_EQ(ProblemOf(none), "needs-token");
  EXPECT_EQ(none.header("www-authenticate"), "Bearer realm=\"fairlead\"");
  const Answer wrong = Ask(at[0], "GET /v1/status", "not-a-token-at-all");
  EXPECT_EQ(ProblemOf(wrong), "wrong-token");
  EXPECT_EQ(wrong.header("www-authenticate"), "Bearer realm=\"fairlead\", error=\"invalid_token\"");
  EXPECT_EQ(wrong.body.find("not-a-token-at-all"), std::string::npos);
  const Answer read = Ask(at[0], "DELETE /v1/connections", kReadToken);
  EXPECT_EQ(read.status, 403);
  EXPECT_EQ(ProblemOf(read), "needs-admin");
  EXPECT_EQ(read.header("www-authenticate"),
            "Bearer realm=\"fairlead\", error=\"insufficient_scope\", scope=\"admin\"");
  EXPECT_NE(read.body.find("token prometheus may only look"), std::string::npos) << read.body;
}

TEST_F(AccessTest, WithoutTokensACertificateIsTheOnlyWayIn) {
  api::ListenSpec spec = Https();
  spec.tokens.clear();
  const auto at = StartAt({spec});
  const Answer none = Ask(at[0], "GET /v1/status", kAdminToken);
  EXPECT_EQ(none.status, 403);
  EXPECT_EQ(ProblemOf(none), "needs-certificate");
  EXPECT_EQ(Ask(at[0], "GET /v1/status", "", ours.Issue("ops", 3600)).status, 200);
}

TEST_F(AccessTest, ExpiredAndForeignCertificatesAreNotTaken) {
  const auto at = StartAt({Https()});
  for (const std::string& certificate :
       {ours.Issue("late", -10), foreign.Issue("ops", 3600), foreign.Issue("127.0.0.1", 3600)}) {
    EXPECT_EQ(Ask(at[0], "GET /v1/status", kAdminToken, certificate).status, 0) << certificate;
  }
  EXPECT_EQ(Ask(at[0], "GET /v1/status", kAdminToken).status, 200);
}

TEST_F(AccessTest, ARevokedCertificateIsNotTaken) {
  const std::string good = ours.Issue("good", 3600), bad = ours.Issue("bad", 3600);
  api::ListenSpec spec = Https();
  spec.tokens.clear();
  spec.crl = ours.Revoke({});
  const auto at = StartAt({spec});
  HttpPeer open(at[0], {.ca = ours.file(), .certificate = bad});
  HttpPeer other(at[0], {.ca = ours.file(), .certificate = good});
  EXPECT_EQ(open.Ask("GET /v1/status").status, 200);
  EXPECT_EQ(other.Ask("GET /v1/status").status, 200);
  ours.Revoke({bad});
  EXPECT_EQ(open.Ask("GET /v1/status").status, 0) << "also on the connection that was open";
  EXPECT_EQ(other.Ask("GET /v1/status").status, 200);
  EXPECT_EQ(Ask(at[0], "GET /v1/status", "", bad).status, 0);
  EXPECT_EQ(Ask(at[0], "GET /v1/status", "", good).status, 200);
  EXPECT_EQ(ProblemOf(Ask(at[0], "GET /v1/status")), "needs-certificate") << "who shows none";
  Write("ours.crl", "no list");
  EXPECT_EQ(Ask(at[0], "GET /v1/status", "", bad).status, 0) << "the last good one stays";
  EXPECT_EQ(Ask(at[0], "GET /v1/status", "", good).status, 200);
  ours.Revoke({});
  EXPECT_EQ(Ask(at[0], "GET /v1/status", "", bad).status, 200) << "taken back";
}

TEST_F(AccessTest, AListThatIsOutOfDateLetsNobodyIn) {
  api::ListenSpec spec = Https();
  spec.crl = ours.Revoke({}, -10);
  const auto at = StartAt({spec});
  const std::string certificate = ours.Issue("ops", 3600);
  EXPECT_EQ(Ask(at[0], "GET /v1/status", "", certificate).status, 0);
  EXPECT_EQ(Ask(at[0], "GET /v1/status", kReadToken).status, 200) << "tokens are another way in";
  ours.Revoke({});
  EXPECT_EQ(Ask(at[0], "GET /v1/status", "", certificate).status, 200);
}

TEST_F(AccessTest, OldVersionsOfTlsAreRefused) {
  const auto at = StartAt({Https()});
  EXPECT_THROW(HttpPeer(at[0], {.ca = ours.file(), .version = TLS1_1_VERSION}), std::runtime_error);
  HttpPeer older(at[0], {.ca = ours.file(), .version = TLS1_2_VERSION});
  EXPECT_EQ(older.Ask("GET /healthz").status, 401);
}

TEST_F(AccessTest, PlainHttpToATlsListenerIsClosed) {
  const auto at = StartAt({Https()});
  HttpPeer plain("http://" + at[0].substr(8));
  EXPECT_EQ(plain.Ask("GET /healthz").status, 0);
}

TEST_F(AccessTest, APageOfAnotherSiteCannotUseACertificate) {
  const auto at = StartAt({Https()});
  HttpPeer client(at[0], {.ca = ours.file(), .certificate = ours.Issue("ops", 3600)});
  const std::string host = "Host: edge-1:9480\r\n";
  EXPECT_EQ(client.Ask("DELETE /v1/connections", "", host + "Origin: https://evil\r\n").status,
            403);
  EXPECT_EQ(client.Ask("GET /healthz", "", host + "Origin: https://edge-1:9480\r\n").status, 200);
}

// The answer comes before the body, of which nothing is read.
TEST_F(AccessTest, TheBodyOfAStrangerIsNotRead) {
  const auto at = StartAt({Https()});
  HttpPeer client(at[0], {.ca = ours.file()});
  const Answer answer =
      client.Raw("POST /v1/services HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.header("connection"), "close");
}

// ---- crowds -----------------------------------------------------------------------------------

TEST_F(AccessTest, SlowHandshakesKeepNobodyOut) {
  const auto at = StartAt({Https(), Spec(director.socket())});
  std::vector<std::unique_ptr<HttpPeer>> crowd;
  for (int i = 0; i < 200; ++i) {
    crowd.push_back(std::make_unique<HttpPeer>("http://" + at[0].substr(8)));
    if (i % 2 == 0) crowd.back()->Send("\x16\x03\x01\x02");  // the begin of a ClientHello
  }
  EXPECT_EQ(Ask(at[0], "GET /v1/status", kReadToken).status, 200);
  EXPECT_EQ(Ask(at[1], "GET /v1/status").status, 200);
  size_t open = 0;
  for (const auto& each : crowd) open += each->IsOpen() ? 1 : 0;
  EXPECT_LE(open, api::kMaxHandshakesOfPeer);
  EXPECT_GT(open, 0u);
}

// ---- files ------------------------------------------------------------------------------------

TEST_F(AccessTest, ATokenThatIsTakenOutIsRefusedAtOnce) {
  const auto at = StartAt({Https()});
  HttpPeer client(at[0], {.ca = ours.file()});
  const std::string headers =
      "Host: a\r\nAuthorization: Bearer " + std::string(kAdminToken) + "\r\n";
  EXPECT_EQ(client.Ask("GET /v1/status", "", headers).status, 200);
  Write("tokens", "admin:another-token-of-the-test alice\n");
  EXPECT_EQ(client.Ask("GET /v1/status", "", headers).status, 401) << "on the same connection";
  EXPECT_EQ(Ask(at[0], "GET /v1/status", "another-token-of-the-test").status, 200);
}

TEST_F(AccessTest, ARenewedCertificateIsShownToTheNextClient) {
  api::ListenSpec spec = Https();
  const auto at = StartAt({spec});
  HttpPeer before(at[0], {.ca = ours.file()});
  const std::string other = foreign.Issue("127.0.0.1", 3600);
  std::filesystem::rename(other, spec.certificate);
  EXPECT_THROW(HttpPeer(at[0], {.ca = ours.file()}), std::runtime_error);
  HttpPeer after(at[0], {.ca = foreign.file()});
  EXPECT_EQ(after.Ask("GET /healthz").status, 401);
  EXPECT_EQ(before.Ask("GET /healthz").status, 401) << "who is in stays in";
  Write("ours-127.0.0.1.pem", "no certificate");
  HttpPeer still(at[0], {.ca = foreign.file()});
  EXPECT_EQ(still.Ask("GET /healthz").status, 401) << "the last good one stays";
}

TEST_F(AccessTest, SecretsThatEverybodyMayReadAreRefusedAtTheStart) {
  api::ListenSpec spec = Https();
  Write("tokens", kTokens, 0644);
  const std::string why = WhyNot({spec});
  EXPECT_EQ(why,
            "api.listen https://127.0.0.1:0: " + spec.tokens +
                ": holds a secret and everybody may read or write it; chmod o= " + spec.tokens);
  Write("tokens", kTokens, 0640);
  ::chmod(spec.key.c_str(), 0604);
  EXPECT_NE(WhyNot({spec}).find("chmod o= " + spec.key), std::string::npos);
  ::chmod(spec.key.c_str(), 0640);
  EXPECT_TRUE(TryStart({spec}));
}

TEST_F(AccessTest, FilesThatDoNotDoAreNamed) {
  const api::ListenSpec good = Https();
  api::ListenSpec spec = good;
  spec.key = ours.Issue("other", 3600);
  EXPECT_NE(WhyNot({spec}).find(spec.key + ": the key cannot be used"), std::string::npos)
      << WhyNot({spec});
  spec = good;
  spec.certificate = director.directory() + "/missing.pem";
  EXPECT_NE(WhyNot({spec}).find("missing.pem: the certificate cannot be used: No such file"),
            std::string::npos)
      << WhyNot({spec});
  spec = good;
  spec.client_ca = Write("empty.pem", "");
  EXPECT_NE(WhyNot({spec}).find("the client_ca cannot be used"), std::string::npos);
  spec = good;
  spec.crl = Write("empty.crl", "");
  EXPECT_NE(WhyNot({spec}).find("empty.crl: the crl cannot be used: it holds no list"),
            std::string::npos)
      << WhyNot({spec});
  spec.crl = director.directory() + "/missing.crl";
  EXPECT_NE(WhyNot({spec}).find("missing.crl: the crl cannot be used: No such file"),
            std::string::npos);
  spec = good;
  spec.tokens = director.directory();
  EXPECT_NE(WhyNot({spec}).find("is not a regular file"), std::string::npos) << WhyNot({spec});
}

TEST_F(AccessTest, ASocketHasItsGroupAndItsMode) {
  api::ListenSpec spec = Spec(director.socket());
  spec.mode = 0600;
  StartAt({spec});
  struct stat s {};
  ASSERT_EQ(::stat(director.socket().substr(5).c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600u);
  spec = Spec(director.socket() + "2");
  spec.group = "no-such-group-here";
  EXPECT_NE(WhyNot({spec}).find("There is no group no-such-group-here; make it"),
            std::string::npos);
}

// ---- the file of tokens -----------------------------------------------------------------------

TEST_F(AccessTest, TokensInClearAndAsHashes) {
  // printf %s a-token-that-is-hashed | sha256sum
  const std::string hash = "38ce9e16df892a28f24869e772915318f45d50d0b3325279b92db0035019b616";
  const std::string path =
      Write("t", "read:sha256=" + hash + " prometheus\r\nadmin:0123456789abcdef ops\n");
  auto file = api::TokenFile::Open(path);
  ASSERT_TRUE(file) << file.error().ToString();
  const auto* hashed = file->Find("a-token-that-is-hashed");
  ASSERT_NE(hashed, nullptr);
  EXPECT_EQ(hashed->name, "prometheus");
  EXPECT_EQ(hashed->role, api::Role::kRead);
  EXPECT_EQ(file->Find("0123456789abcdef")->role, api::Role::kAdmin);
  EXPECT_EQ(file->Find("0123456789abcdee"), nullptr);
  EXPECT_EQ(file->Find(""), nullptr);
  EXPECT_EQ(file->Find(hash), nullptr) << "the hash is no token";
}

TEST_F(AccessTest, EveryWrongLineIsNamedWithoutItsSecret) {
  const std::string secret = "0123456789abcdef-secret";
  for (const auto& [line, words] : std::vector<std::pair<std::string, std::string>>{
           {secret, "must be ROLE:TOKEN NAME"},
           {"admin:" + secret, "must be ROLE:TOKEN NAME"},
           {"root:" + secret + " a", "role must be read or admin"},
           {"read:short a", "16 to 256 letters"},
           {"read:" + secret + "%% a", "16 to 256 letters"},
           {"read:sha256=" + secret + " a", "64 hexadecimal digits"},
           {"read:" + secret + " a b", "1 to 63 letters"},
           {"read:" + secret + " a\nadmin:" + secret + " b", "that of a line above"}}) {
    const std::string path = Write("t", "\n" + line + "\n");
    const auto file = api::TokenFile::Open(path);
    ASSERT_FALSE(file) << line;
    const std::string error = file.error().ToString();
    EXPECT_NE(error.find(words), std::string::npos) << error;
    EXPECT_NE(error.find(path + (line.find('\n') == line.npos ? ":2" : ":3")), std::string::npos)
        << error;
    EXPECT_EQ(error.find("abcdef"), std::string::npos) << error;
  }
}

TEST_F(AccessTest, LaterAWrongLineIsLeftOutAndALostFileLetsNobodyIn) {
  const std::string path = Write("t", "read:0123456789abcdef a\n");
  auto file = api::TokenFile::Open(path);
  ASSERT_TRUE(file);
  ::testing::internal::CaptureStderr();
  Write("t", "admin:0123456789abcdef-b b\noops:0123456789abcdef-c c\n");
  EXPECT_EQ(file->Find("0123456789abcdef"), nullptr);
  EXPECT_NE(file->Find("0123456789abcdef-b"), nullptr);
  Write("t", "admin:0123456789abcdef-b b\n", 0644);
  EXPECT_EQ(file->Find("0123456789abcdef-b"), nullptr) << "everybody may read it";
  std::filesystem::remove(path);
  EXPECT_EQ(file->Find("0123456789abcdef-b"), nullptr);
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find(path + ":2: the role must be"), std::string::npos) << log;
  EXPECT_NE(log.find("chmod o="), std::string::npos) << log;
  EXPECT_NE(log.find("No such file"), std::string::npos) << log;
  EXPECT_EQ(log.find("0123456789"), std::string::npos) << log;
  Write("t", "admin:0123456789abcdef-b b\n");
  EXPECT_NE(file->Find("0123456789abcdef-b"), nullptr) << "back without a restart";
}

}  // namespace
}  // namespace fairlead::testing::access_test
