#include "control/health/health_check.h"

#include <algorithm>
#include <map>

#include "control/config/names.h"

namespace fairlead::control {
namespace {

void AddPart(const char* name, const std::string& value, std::string* key) {
  key->append(" ").append(name).append("=").append(value);
}

void Replace(std::string_view what, const std::string& by, std::string* text) {
  for (size_t at = text->find(what); at != std::string::npos; at = text->find(what, at)) {
    text->replace(at, what.size(), by);
    at += by.size();
  }
}

// The command with the real's address and port where it asks for them.
ScriptProbe ScriptOf(const HealthConfig& health, const Endpoint& real) {
  ScriptProbe script{.command = health.command, .sets_weight = health.sets_weight};
  for (size_t i = 1; i < script.command.size(); ++i) {
    Replace("{address}", real.address.ToString(), &script.command[i]);
    Replace("{port}", std::to_string(real.port.host()), &script.command[i]);
  }
  return script;
}

// One step of it is the usual case; without any a connection is enough.
ProbeQuestion TcpOf(const HealthConfig& health) {
  if (!health.steps.empty()) return TextProbe{.steps = health.steps};
  if (health.send.empty() && !health.receive) return TcpProbe{};
  return TextProbe{.steps = {{.send = health.send, .receive = health.receive}}};
}

ProbeQuestion QuestionOf(const HealthConfig& health, const Endpoint& real) {
  switch (health.type) {
    case HealthType::kTcp:
      return TcpOf(health);
    case HealthType::kHttp:
    case HealthType::kHttps:
      return HttpProbe{.method = health.method,
                       .path = health.path,
                       .host = health.host,
                       .expect = health.expect,
                       .body = health.expect_body};
    case HealthType::kScript:
      return ScriptOf(health, real);
    case HealthType::kSmtp:
      return SmtpProbe{.helo = health.helo};
    case HealthType::kDns:
      return DnsProbe{.name = health.name, .type = health.record};
    case HealthType::kUdp:
      return UdpProbe{
          .send = health.send, .needs_answer = health.needs_answer, .receive = health.receive};
    case HealthType::kPing:
      return PingProbe{};
    case HealthType::kMysql:
      return MysqlProbe{.user = health.user, .password = {}, .password_file = health.password_file};
    case HealthType::kLdap:
      return LdapProbe{
          .bind_dn = health.bind_dn, .password = {}, .password_file = health.password_file};
    case HealthType::kRedis:
      return RedisProbe{.user = health.user, .password = {}, .password_file = health.password_file};
    case HealthType::kAgent:
      return AgentProbe{.send = health.send};
    case HealthType::kGrpc:
      return GrpcProbe{.service = health.service, .host = health.host};
  }
  return TcpProbe{};
}

std::optional<ProbeTls> TlsOf(const HealthConfig& health) {
  if (!health.uses_tls()) return std::nullopt;
  return ProbeTls{.sni = health.sni,
                  .is_verified = health.verify,
                  .ca_file = health.ca,
                  .certificate_file = health.certificate,
                  .key_file = health.key,
                  .minimum = health.min_tls};
}

HealthCheck CheckOf(const HealthConfig& health, const ServiceConfig& service,
                    const RealConfig& real) {
  HealthCheck check;
  const Endpoint asked{health.address.value_or(real.address),
                       Be16::FromHost(health.PortFor(real.port))};
  check.target = {.endpoint = asked,
                  .question = QuestionOf(health, asked),
                  .tls = TlsOf(health),
                  .source = health.source,
                  .timeout = health.timeout};
  check.interval = health.interval;
  check.retry_interval =
      health.retry_interval == Duration{0} ? health.interval : health.retry_interval;
  const bool is_counted = health.type != HealthType::kAgent;  // whose word counts at once
  check.type = health.type;
  check.fall = is_counted ? health.fall : 1;
  check.rise = is_counted ? health.rise : 1;
  check.starts_down = health.initial == InitialState::kDown;
  check.wanted_by = service.name;
  check.on_fail = health.on_fail;
  check.slow_start = health.slow_start;
  return check;
}

bool HasChecks(const ServiceConfig& service) {
  return !service.health.empty() || std::ranges::any_of(service.reals, [](const RealConfig& real) {
    return real.health.has_value();
  });
}

}  // namespace

std::string HealthCheck::RealsText() const {
  constexpr size_t kMostNamed = 3;
  std::vector<RealIdentity> distinct;
  for (const CheckedReal& checked : reals) {
    if (std::ranges::find(distinct, checked.second) == distinct.end()) {
      distinct.push_back(checked.second);
    }
    if (distinct.size() > 1000) break;  // a line, and not a list
  }
  std::string text;
  for (size_t i = 0; i < std::min(distinct.size(), kMostNamed); ++i) {
    const RealIdentity& real = distinct[i];
    text.append(text.empty() ? "" : ", ");
    text.append(real.port == 0 ? real.address.ToString()
                               : Endpoint{real.address, Be16::FromHost(real.port)}.ToString());
  }
  if (distinct.size() > kMostNamed) {
    text += " and " + std::to_string(distinct.size() - kMostNamed) + " more";
  }
  return text.empty() ? target.endpoint.ToString() : text;
}

std::string HealthCheck::AskedText() const {
  const auto* script = std::get_if<ScriptProbe>(&target.question);
  if (script != nullptr && !script->command.empty()) return script->command[0];
  return std::string(ToWord(type)) + " " + target.endpoint.ToString();
}

std::string HealthCheck::Question() const { return TextOf(target); }

std::string HealthCheck::Key() const {
  std::string key = Question();
  AddPart("timeout", std::to_string(target.timeout.count()), &key);
  AddPart("interval", std::to_string(interval.count()), &key);
  AddPart("fall", std::to_string(fall), &key);
  AddPart("rise", std::to_string(rise), &key);
  // What was not there always is named only where it says something: so a director that is replaced
  // by one that knows more finds its checks again.
  if (retry_interval != interval) AddPart("retry", std::to_string(retry_interval.count()), &key);
  if (starts_down) AddPart("initial", "down", &key);
  return key;
}

std::vector<HealthCheck> ChecksOf(const ServiceConfig& service, const RealConfig& real) {
  std::vector<HealthCheck> checks;
  for (const HealthConfig& health : service.ChecksFor(real)) {
    checks.push_back(CheckOf(health, service, real));
  }
  return checks;
}

std::vector<HealthCheck> ChecksOf(const ConfigModel& model) {
  std::vector<HealthCheck> checks;
  std::map<std::string, size_t> seen;
  for (const ServiceConfig& service : model.services) {
    for (const RealConfig& real : service.reals) {
      const CheckedReal checked{KeyOf(service), {real.address, real.port}};
      for (HealthCheck& check : ChecksOf(service, real)) {
        const auto [it, is_new] = seen.try_emplace(check.Key(), checks.size());
        if (is_new) checks.push_back(check);
        HealthCheck& known = checks[it->second];
        if (!is_new && (known.reals.empty() || known.reals.back().first != checked.first)) {
          known.wanted_by.append(", ").append(service.name);
        }
        known.slow_start = std::max(known.slow_start, check.slow_start);
        if (known.reals.empty() || known.reals.back() != checked) known.reals.push_back(checked);
      }
    }
  }
  return checks;
}

// Services with checks, in order, of which the two may think differently.
bool HaveOtherChecks(const ConfigModel& before, const ConfigModel& after) {
  const auto next_checked = [](const ConfigModel& model, size_t i) {
    while (i < model.services.size() && !HasChecks(model.services[i])) ++i;
    return i;
  };
  const auto is_same = [](const ServiceConfig& a, const ServiceConfig& b) {
    return a.health == b.health && a.name == b.name && KeyOf(a) == KeyOf(b) &&
           std::ranges::equal(a.reals, b.reals, [](const RealConfig& x, const RealConfig& y) {
             return x.address == y.address && x.port == y.port && x.health == y.health;
           });
  };
  size_t i = next_checked(before, 0), k = next_checked(after, 0);
  while (i < before.services.size() && k < after.services.size()) {
    const bool is_shared = before.services.item(i) == after.services.item(k);
    if (!is_shared && !is_same(before.services[i], after.services[k])) return true;
    i = next_checked(before, i + 1);
    k = next_checked(after, k + 1);
  }
  return i < before.services.size() || k < after.services.size();
}

bool IsHarsher(OnFail one, OnFail than) {
  const auto rank = [](OnFail on_fail) {
    return on_fail == OnFail::kRemove ? 2 : (on_fail == OnFail::kDrain ? 1 : 0);
  };
  return rank(one) > rank(than);
}

std::string_view EffectOfDown(OnFail on_fail) {
  switch (on_fail) {
    case OnFail::kDrain:
      return "no new connections, known clients move, its connections continue";
    case OnFail::kQuiesce:
      return "no new clients, known clients stay, its connections continue";
    case OnFail::kRemove:
      return "taken out: known clients move, its connections get no packets";
  }
  return "";
}

}  // namespace fairlead::control
