#include "control/api/record_query.h"

#include <algorithm>
#include <charconv>

#include "control/api/name_index.h"
#include "control/api/problem.h"
#include "control/view.h"
#include "dataplane/tables/tcp_state.h"

namespace fairlead::api {

namespace {

using dataplane::RecordFilter;

template <typename Int>
std::optional<Int> ParseNumber(std::string_view text, int base = 10) {
  Int value{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (ec != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<int> StateFromWord(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (size_t s = 0; s < dataplane::kTcpStateCount; ++s) {
    if (dataplane::NameOf(static_cast<dataplane::TcpState>(s)) == word) return static_cast<int>(s);
  }
  return std::nullopt;
}

std::string StateList() {
  std::string list;
  for (size_t s = 0; s < dataplane::kTcpStateCount; ++s) {
    list += (s > 0 ? ", " : "");
    list += dataplane::NameOf(static_cast<dataplane::TcpState>(s));
  }
  return list;
}

// Puts "REAL.WORKER.CURSOR" into `query`; false when it is no cursor of this director.
bool ParseCursor(std::string_view text, size_t workers, RecordQuery* query) {
  const size_t first = text.find('.');
  const size_t second = text.find('.', first == text.npos ? first : first + 1);
  if (second == text.npos) return false;
  const std::string_view real = text.substr(0, first);
  const auto worker = ParseNumber<size_t>(text.substr(first + 1, second - first - 1));
  const auto cursor = ParseNumber<uint64_t>(text.substr(second + 1), 16);
  if (!worker || *worker >= workers || !cursor) return false;
  query->start = {0, *worker, *cursor};
  if (real == "-") return true;
  const auto id = ParseNumber<uint32_t>(real);
  if (!id) return false;
  const auto at = std::find_if(query->filters.begin(), query->filters.end(), [&](const auto& f) {
    return !f.real.is_none() && f.real.value() >= *id;
  });
  if (at == query->filters.end()) return false;
  query->start.filter = static_cast<size_t>(at - query->filters.begin());
  if (at->real.value() != *id) query->start = {query->start.filter, 0, 0};
  return true;
}

class QueryParser {
 public:
  QueryParser(RecordKind kind, const control::ControlView& view, size_t workers)
      : kind_(kind), names_(view), workers_(workers) {}

  std::variant<RecordQuery, HttpResponse> Parse(const HttpRequest& request) {
    std::string cursor;
    for (const auto& [key, value] : request.query) {
      if (key == "client")
        Client(value);
      else if (key == "service")
        service_ = value;
      else if (key == "real")
        real_ = value;
      else if (key == "state" && kind_ == RecordKind::kConnections)
        State(value);
      else if (key == "pinned" && kind_ == RecordKind::kTemplates)
        Claim(key, value, &base_.pinned);
      else if (key == "assured" && kind_ == RecordKind::kTemplates)
        Claim(key, value, &base_.assured);
      else if (key == "valid" && kind_ == RecordKind::kTemplates)
        Claim(key, value, &base_.valid);
      else if (key == "client_group" && kind_ == RecordKind::kTemplates)
        ClientGroup(value);
      else if (key == "limit")
        Limit(value);
      else if (key == "cursor")
        cursor = value;
      else
        Fault(key, "no such filter; there are client, service, real" +
                       std::string(kind_ == RecordKind::kConnections
                                       ? ", state"
                                       : ", client_group, pinned, assured, valid") +
                       ", limit and cursor");
    }
    Names();
    if (fault_.empty() && !cursor.empty() && !ParseCursor(cursor, workers_, &query_)) {
      Fault("cursor", "not a cursor of this listing; start again without one");
    }
    if (!fault_.empty()) return Problem(400, "invalid-filter", fault_);
    return query_;
  }

 private:
  void Fault(const std::string& key, const std::string& sentence) {
    fault_ += (fault_.empty() ? "" : "; ") + key + ": " + sentence;
  }

  void Client(const std::string& text) {
    const auto prefix = Prefix::Parse(text);
    if (!prefix) return Fault("client", "must be an address or a prefix, as 198.51.100.0/24");
    base_.has_client = true;
    base_.client = *prefix;
  }

  void State(const std::string& text) {
    const auto state = StateFromWord(text);
    if (!state) return Fault("state", "must be one of " + StateList());
    base_.state = *state;
  }

  void Claim(const std::string& key, const std::string& text, std::optional<bool>* claim) {
    if (text != "true" && text != "false") return Fault(key, "must be true or false");
    *claim = text == "true";
  }

  void ClientGroup(const std::string& name) {
    const auto group = names_.FindGroup(name);
    if (!group) return Fault("client_group", "there is no client group " + name);
    base_.client_group = *group;
  }

  void Limit(const std::string& text) {
    const auto limit = ParseNumber<uint32_t>(text);
    if (!limit || *limit < 1 || *limit > kMaxPageRows) {
      return Fault("limit", "must be 1 to " + std::to_string(kMaxPageRows));
    }
    query_.limit = *limit;
  }

  // Service and real to ids, once all parameters are known.
  void Names() {
    if (!service_.empty()) {
      const auto service = names_.FindService(service_);
      if (!service) return Fault("service", service.error().message);
      base_.service = (*service)->id;
    }
    if (real_.empty()) {
      query_.filters = {base_};
      return;
    }
    const auto reals = names_.FindReals(service_, real_);
    if (!reals) return Fault("real", reals.error().message);
    for (const NamedReal& real : *reals) {
      RecordFilter filter = base_;
      filter.real = real.info->id;
      query_.filters.push_back(filter);
    }
    std::sort(query_.filters.begin(), query_.filters.end(),
              [](const auto& a, const auto& b) { return a.real < b.real; });
  }

  const RecordKind kind_;
  const NameIndex names_;
  const size_t workers_;
  RecordQuery query_;
  RecordFilter base_;
  std::string service_, real_, fault_;
};

}  // namespace

std::variant<RecordQuery, HttpResponse> ParseRecordQuery(const HttpRequest& request,
                                                         RecordKind kind,
                                                         const control::ControlView& view,
                                                         size_t workers) {
  return QueryParser(kind, view, workers).Parse(request);
}

std::string EncodeCursor(const RecordQuery& query, const RecordPosition& position) {
  const RealId real = query.filters[position.filter].real;
  char hex[17];
  const auto end = std::to_chars(hex, hex + sizeof hex, position.cursor, 16).ptr;
  return (real.is_none() ? "-" : std::to_string(real.value())) + "." +
         std::to_string(position.worker) + "." + std::string(hex, end);
}

}  // namespace fairlead::api
