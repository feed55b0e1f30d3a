// TextOf: everything a check asks, as one line.
#include <string_view>

#include "control/health/prober.h"

namespace fairlead::control {
namespace {

// Blanks, controls and backslashes are escaped: no value can look like the next name.
std::string Escaped(std::string_view value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(value.size());
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '\\') {
      text.push_back(c);
    } else {
      text.append("\\x").append({kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return text;
}

class Line {
 public:
  explicit Line(const Endpoint& at) : at_(at.ToString()) {}

  void operator()(const TcpProbe&) { Begin("tcp"); }
  void operator()(const HttpProbe& http) {
    Begin("http");
    Add("host", http.host);
    Add("path", http.path);
    // Earlier versions knew only GET: their answers are found again.
    if (http.method != HttpMethod::kGet) AddNumber("method", static_cast<uint64_t>(http.method));
    for (const StatusRange& range : http.expect) {
      AddNumber("expect", range.first);
      AddNumber("to", range.last);
    }
    AddCondition(http.body);
  }
  void operator()(const TextProbe& text) {
    Begin("text");
    for (const TextProbe::Step& step : text.steps) {
      Add("send", step.send);
      AddCondition(step.receive);
    }
  }
  void operator()(const SmtpProbe& smtp) {
    Begin("smtp");
    Add("helo", smtp.helo);
  }
  void operator()(const DnsProbe& dns) {
    Begin("dns");
    Add("name", dns.name);
    AddNumber("type", static_cast<uint64_t>(dns.type));
  }
  void operator()(const UdpProbe& udp) {
    Begin("udp");
    Add("send", udp.send);
    AddNumber("answer", udp.needs_answer ? 1 : 0);
    AddCondition(udp.receive);
  }
  void operator()(const PingProbe&) { Begin("ping"); }
  void operator()(const MysqlProbe& mysql) {
    Begin("mysql");
    AddCredentials(mysql.user, mysql);
  }
  void operator()(const LdapProbe& ldap) {
    Begin("ldap");
    AddCredentials(ldap.bind_dn, ldap);
  }
  void operator()(const RedisProbe& redis) {
    Begin("redis");
    AddCredentials(redis.user, redis);
  }
  void operator()(const AgentProbe& agent) {
    Begin("agent");
    Add("send", agent.send);
  }
  void operator()(const GrpcProbe& grpc) {
    Begin("grpc");
    Add("service", grpc.service);
    Add("host", grpc.host);
  }
  void operator()(const ScriptProbe& script) {
    Begin("script");
    for (const std::string& word : script.command) Add("word", word);
    AddNumber("weight", script.sets_weight ? 1 : 0);
  }

  void AddTls(const ProbeTls& tls) {
    Add("sni", tls.sni);
    AddNumber("verified", tls.is_verified ? 1 : 0);
    Add("ca", tls.ca_file);
    Add("certificate", tls.certificate_file);
    Add("key", tls.key_file);
    AddNumber("minimum", static_cast<uint64_t>(tls.minimum));
  }
  void Add(std::string_view name, std::string_view value) {
    text_.append(" ").append(name).append("=").append(Escaped(value));
  }
  [[nodiscard]] std::string Take() { return std::move(text_); }

 private:
  void Begin(std::string_view type) {
    text_ = type;
    Add("at", at_);
  }
  void AddNumber(std::string_view name, uint64_t value) { Add(name, std::to_string(value)); }
  void AddCondition(const std::optional<TextCondition>& condition) {
    if (!condition) return;
    AddNumber("wants", static_cast<uint64_t>(condition->kind));
    Add("text", condition->text);
  }
  template <typename Probe>
  void AddCredentials(std::string_view user, const Probe& probe) {
    Add("user", user);
    if (!probe.password_file.empty()) Add("password_file", probe.password_file);
  }

  const std::string at_;
  std::string text_;
};

}  // namespace

std::string TextOf(const ProbeTarget& target) {
  Line line(target.endpoint);
  std::visit(line, target.question);
  if (target.tls) line.AddTls(*target.tls);
  if (target.source) line.Add("from", target.source->ToString());
  return line.Take();
}

}  // namespace fairlead::control
