// What an operator does to the golden director: ipvsadm, sysctls, a reload with other rules.

#include <unistd.h>

#include <boost/url.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>

#include "cli/director_api.h"
#include "cli/ipvsadm/run.h"
#include "compare.h"
#include "control/config/dump.h"
#include "golden_control.h"
#include "netlink_ipvsadm.h"
#include "recorded_names.h"

namespace fairlead::golden {
namespace {

constexpr std::chrono::seconds kPatience{10};

api::Method MethodOf(std::string_view name) {
  for (const api::Method m : {api::Method::kGet, api::Method::kPost, api::Method::kPut,
                              api::Method::kPatch, api::Method::kDelete}) {
    if (api::NameOf(m) == name) return m;
  }
  return api::Method::kOther;
}

api::HttpRequest RequestOf(std::string_view method, const std::string& target,
                           const std::string& body) {
  const auto url = boost::urls::parse_origin_form(target);
  if (!url) throw std::runtime_error("no path: " + target);
  api::HttpRequest request;
  request.caller.role = api::Role::kAdmin;
  request.method = MethodOf(method);
  request.path = std::string(url->encoded_path());
  for (auto segment : url->segments()) request.segments.push_back(std::string(segment));
  for (auto param : url->params()) {
    request.query.emplace_back(std::string(param.key), std::string(param.value));
  }
  request.body = body;
  request.user = api::User{};  // root
  return request;
}

// `fairlead ipvsadm`'s end of a socket that is not there.
class InProcess : public cli::DirectorApi {
 public:
  explicit InProcess(GoldenDirector& director) : director_(director) {}
  Result<cli::Reply> Send(std::string_view method, const std::string& target,
                          const std::string& body) override {
    auto [status, answer] = director_.Call(std::string(method), target, body);
    return cli::Reply{status, std::move(answer)};
  }

 private:
  GoldenDirector& director_;
};

}  // namespace

std::pair<int, std::string> GoldenDirector::Call(const std::string& method,
                                                 const std::string& target,
                                                 const std::string& body) {
  std::optional<api::HttpResponse> answer;
  router_.Route(RequestOf(method, target, body),
                [&answer](api::HttpResponse response) { answer = std::move(response); });
  const auto patience = std::chrono::steady_clock::now() + kPatience;
  while (!answer) {
    Settle();
    io_->restart();
    io_->poll();
    if (std::chrono::steady_clock::now() > patience) {
      throw std::runtime_error("no answer to " + method + " " + target);
    }
  }
  return {answer->status, std::move(answer->body)};
}

std::vector<ipvs::Record> GoldenDirector::Ask(const ipvs::Record& request) {
  const auto message = ipvs::RecordReader(request).Next();
  if (!message) throw std::runtime_error("what is asked is no message");
  std::optional<std::unique_ptr<ipvs::Answer>> answer;
  const ipvs::Peer root{.uid = 0, .pid = 1, .program = "ipvsadm", .may_use = true};
  dispatcher_->Handle(*message, root, [&answer](auto given) { answer = std::move(given); });
  const auto patience = std::chrono::steady_clock::now() + kPatience;
  while (!answer) {
    Settle();
    io_->restart();
    io_->poll();
    if (std::chrono::steady_clock::now() > patience) throw std::runtime_error("no answer");
  }
  std::vector<ipvs::Record> records;
  bool is_last = *answer == nullptr;
  while (!is_last) {
    (*answer)->Next([&](ipvs::Record record, bool last) {
      records.push_back(std::move(record));
      is_last = last;
    });
  }
  return records;
}

CommandResult GoldenDirector::Ipvsadm(const std::string& arguments) {
  RecordedNames names;
  if (is_through_netlink_) {
    const auto ask = [this](const ipvs::Record& request) { return Ask(request); };
    if (auto result = RunThroughNetlink(WordsOf(arguments), ask, names)) return *result;
  }
  InProcess api(*this);
  std::istringstream nothing;
  const cli::ipvsadm::Outcome outcome =
      cli::ipvsadm::RunIpvsadm(WordsOf(arguments), nothing, api, names);
  return {outcome.out, outcome.err, outcome.exit_code};
}

void GoldenDirector::SetSysctl(const std::string& key, const std::string& value) {
  static const std::set<std::string> kBooleans{
      "backup_only",   "cache_bypass",   "expire_nodest_conn", "expire_quiescent_template",
      "nat_icmp_send", "pmtu_disc",      "run_estimation",     "schedule_icmp",
      "sloppy_tcp",    "ignore_tunneled"};
  std::string word = value;
  if (kBooleans.contains(key)) word = value == "0" ? "false" : "true";
  const auto [status, body] = Call("PATCH", "/v1/policy", "{\"" + key + "\": " + word + "}");
  if (status >= 400) throw std::runtime_error("the director refuses " + key + ": " + body);
}

void GoldenDirector::SetRules(const std::vector<MarkRule>& rules) {
  control::ConfigModel model = *view()->model;
  model.classifier = RulesOf(rules);
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("golden-" + std::to_string(::getpid()) + ".yaml");
  std::ofstream(path) << control::Dump(model);
  std::optional<control::ReloadOutcome> outcome;
  control_->director.Reload(path.string(),
                            [&](control::ReloadOutcome done) { outcome = std::move(done); });
  Settle();
  std::filesystem::remove(path);
  if (!outcome) throw std::runtime_error("the reload with the rule has no end");
  if (!outcome->ok) throw std::runtime_error(outcome->errors.front().ToString());
}

}  // namespace fairlead::golden
