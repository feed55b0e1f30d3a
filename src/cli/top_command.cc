// fairlead top clients, top services
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "cli/commands.h"
#include "cli/table.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

double Decimal(const json::object& object, const char* member) {
  const json::value* value = object.if_contains(member);
  json::error_code ec;
  const double number = value != nullptr && value->is_number() ? value->to_number<double>(ec) : 0;
  return ec ? 0 : number;
}

// What is shown of an amount: of a second, or as it is where nothing was waited for.
class Amounts {
 public:
  Amounts(const std::string& by, double seconds)
      : is_bytes_(by == "bytes"), seconds_(by == "connections" ? 1 : std::max(seconds, 0.001)) {
    title_ = by == "packets" ? "PACKETS/S"
             : by == "bytes" ? "BYTES/S"
             : by == "new"   ? "NEW/S"
                             : "RECORDS";
    is_rate_ = by != "connections";
  }
  [[nodiscard]] const std::string& title() const { return title_; }
  [[nodiscard]] std::string Show(uint64_t amount) const {
    const double shown = static_cast<double>(amount) / seconds_;
    if (is_bytes_) return Bytes(static_cast<uint64_t>(shown));
    // A slow client is not nobody.
    return fmt::format("{:.{}f}", shown, is_rate_ && shown < 100 ? 1 : 0);
  }

 private:
  std::string title_;
  bool is_bytes_ = false, is_rate_ = true;
  double seconds_;
};

std::string ByOf(const Arguments& arguments) {
  return arguments.group_by.empty() ? "packets" : arguments.group_by;
}

std::string ShareOf(uint64_t amount, uint64_t total) {
  if (total == 0) return "-";
  return fmt::format("{:.1f} %", 100.0 * static_cast<double>(amount) / static_cast<double>(total));
}

void PrintClients(const json::object& document, const std::string& by) {
  const Amounts amounts(by, Decimal(document, "seconds"));
  const uint64_t total = Number(document, "total");
  Table table({"CLIENT", amounts.title() + ">", "ERROR>", "SHARE>"});
  for (const json::value& item : Array(document, "clients")) {
    const json::object& client = item.as_object();
    const uint64_t amount = Number(client, "amount");
    table.Add({Text(client, "client"), amounts.Show(amount),
               "± " + amounts.Show(Number(client, "error")), ShareOf(amount, total)});
  }
  table.Print();
  fmt::print("(all)  {} of {}", amounts.Show(total), Plural(Number(document, "known"), "client"));
  if (const uint64_t most = Number(document, "unknown_at_most"); most > 0) {
    fmt::print(" and more, each of which has at most {}", amounts.Show(most));
  }
  fmt::print("\n");
  if (by == "connections") {
    fmt::print(
        "Records of closed connections count too. Who has open ones: fairlead connection "
        "count --by client\n");
  }
}

void PrintServices(const json::object& document) {
  const double seconds = Decimal(document, "seconds");
  const Amounts packets("packets", seconds), bytes("bytes", seconds), fresh("new", seconds);
  Table table({"SERVICE~", "PACKETS/S>", "BYTES/S>", "NEW/S>", "CONNECTIONS>"});
  for (const json::value& item : Array(document, "services")) {
    const json::object& service = item.as_object();
    table.Add({Text(service, "service"), packets.Show(Number(service, "packets")),
               bytes.Show(Number(service, "bytes")), fresh.Show(Number(service, "new")),
               Text(service, "connections")});
  }
  table.Print();
}

}  // namespace

// The director waits for the interval, except where it counts what is there.
int RunTop(const Arguments& arguments) {
  Session session(arguments);
  const bool is_clients = arguments.verb == Verb::kTopClients;
  const std::string by = ByOf(arguments);
  const std::string target =
      fmt::format("/v1/top/{}?by={}&limit={}&seconds={}", is_clients ? "clients" : "services", by,
                  arguments.top, std::chrono::duration<double>(arguments.interval).count());
  const bool is_terminal = isatty(STDOUT_FILENO) != 0;
  for (bool is_first = true;; is_first = false) {
    if (!is_first && is_clients && by == "connections") {
      std::this_thread::sleep_for(arguments.interval);
    }
    const auto document = session.Ask("GET", target);
    if (!document) return session.exit_code();
    if (arguments.is_json) {
      fmt::print("{}\n", Indented(*document));
    } else {
      if (is_terminal && !arguments.is_once) fmt::print("\x1b[H\x1b[2J");
      if (!is_terminal && !is_first) fmt::print("\n");
      is_clients ? PrintClients(document->as_object(), by) : PrintServices(document->as_object());
    }
    if (std::fflush(stdout) != 0) return kFailed;
    if (arguments.is_once) return kOk;
  }
}

}  // namespace fairlead::cli
