#include "cli/ipvsadm/run.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <optional>
#include <sstream>
#include <utility>

#include "base/loopback.h"
#include "cli/ipvsadm/addresses.h"
#include "cli/ipvsadm/json_rows.h"
#include "cli/ipvsadm/listing.h"
#include "cli/ipvsadm/options.h"
#include "cli/ipvsadm/requests.h"
#include "cli/text.h"

namespace fairlead::cli::ipvsadm {

namespace json = boost::json;

namespace {

constexpr const char* kHelp =
    R"(Fairlead's ipvsadm: the commands of ipvsadm, carried out by a running director.

  ipvsadm -A|-E SERVICE [-s SCHEDULER] [-p [SECONDS]] [-M NETMASK] [--pe ENGINE] [-b FLAGS] [-o]
  ipvsadm -D SERVICE
  ipvsadm -C                                    remove every service
  ipvsadm -a|-e SERVICE -r SERVER [-g|-i|-m] [-w WEIGHT] [-x UPPER] [-y LOWER] [--tun-type TYPE]
  ipvsadm -d SERVICE -r SERVER
  ipvsadm -L [SERVICE] [-n] [--stats|--rate|--thresholds|--persistent-conn|--tun-info]
          [--exact] [--nosort]
  ipvsadm -L -c [-n] [--persistent-conn] | -L --timeout | -L --daemon
  ipvsadm -Z [SERVICE]                          set the counters of --stats to zero
  ipvsadm --set TCP TCPFIN UDP                  idle times in seconds; 0 changes nothing
  ipvsadm --start-daemon master|backup [--mcast-interface NAME] [--syncid N] [--sync-maxlen N]
          [--mcast-group ADDRESS] [--mcast-port N] [--mcast-ttl N]
  ipvsadm --stop-daemon master|backup
  ipvsadm -S [-n] | -R                          save to standard output, restore from input
  ipvsadm -h | -v

  SERVICE   -t|-u|--sctp-service HOST[:PORT], -f MARK [-6]
  SERVER    HOST[:PORT]; without a port that of the service

  Defaults: -g; -s wlc; 360 s for -p without a time. See docs/ipvsadm.md.
)";

constexpr const char* kPageRows = "10000";

// One run: the director's answers and where things are written.
class Runner {
 public:
  Runner(std::istream& input, std::ostream& out, std::ostream& err, DirectorApi& api,
         Resolver& names)
      : input_(input), out_(out), err_(err), api_(api), names_(names) {}

  int Line(const std::vector<std::string>& arguments) {
    const Parsed parsed = ParseCommand(arguments, names_);
    return parsed.command ? Execute(*parsed.command) : Complain(parsed.message, parsed.exit_code);
  }

 private:
  int Execute(const Command& command);
  int Change(const Command& command);
  int List(const Command& command);
  int ListServices(const Command& command);
  int ListEntries(const ListOptions& options);
  int ListTimeouts();
  int ListDaemons();
  int Save(const Command& command);
  int Restore();
  struct SavedLine {
    Command command;
    std::string place;
  };
  int AddAtOnce(std::vector<SavedLine>* lines);
  static bool BelongsTo(const std::vector<SavedLine>& lines, const Command& command);

  template <typename Row>
  int ListPages(const std::string& path, const char* member, const ListOptions& options,
                Row row_of);

  int Complain(const std::string& sentence, int exit_code) {
    err_ << "ipvsadm: " << place_ << sentence << "\n";
    return exit_code;
  }

  void Warn(const std::string& sentence) {
    err_ << "ipvsadm: " << place_ << "warning: " << sentence << "\n";
  }
  void WarnOfBrackets(const Command& command);
  void WarnAsIn(const json::object& answer) {
    for (const std::string& sentence : WarningsIn(answer)) Warn(sentence);
  }

  // The answer; or nothing, with the complaint made and exit_code_ set.
  std::optional<json::object> Ask(const Request& request, int refused);
  // Of the whole table, sorted unless told otherwise.
  std::optional<std::vector<ServiceRow>> Table(bool is_sorted);

  std::istream& input_;
  std::ostream& out_;
  std::ostream& err_;
  DirectorApi& api_;
  Resolver& names_;
  std::string place_;  // of the line that is restored: "line 4: -A -f 7: "
  int exit_code_ = 0;
};

// What a problem document says: its errors when it has any, else its sentence.
std::string SentenceOf(const Reply& reply, const json::value& document) {
  if (!document.is_object()) {
    return "the director answered with HTTP status " + std::to_string(reply.status);
  }
  const json::object& problem = document.as_object();
  std::string sentence;
  for (const json::value& item : Array(problem, "errors")) {
    if (!item.is_object()) continue;
    if (!sentence.empty()) sentence += "; ";
    sentence += Text(item.as_object(), "detail");
  }
  return sentence.empty() ? Text(problem, "detail") : sentence;
}

std::optional<json::object> Runner::Ask(const Request& request, int refused) {
  const Result<Reply> reply = api_.Send(request.method, request.target, request.body);
  if (!reply) {
    exit_code_ = Complain(reply.error().message, kExitUsage);
    return std::nullopt;
  }
  json::error_code ec;
  const json::value document = json::parse(reply->body, ec);
  if (reply->status >= 400) {
    exit_code_ = Complain(SentenceOf(*reply, document), refused);
    return std::nullopt;
  }
  if (ec || !document.is_object()) {
    exit_code_ = Complain("what answers there is not the director's API", kExitUsage);
    return std::nullopt;
  }
  return document.as_object();
}

int Runner::Execute(const Command& command) {
  switch (command.verb) {
    case Verb::kHelp:
      out_ << kHelp;
      return 0;
    case Verb::kVersion:
      out_ << "ipvsadm v1.31 2019/12/24 (fairlead " FAIRLEAD_VERSION " and IPVS v1.2.1)\n";
      return 0;
    case Verb::kList:
      return List(command);
    case Verb::kSave:
      return Save(command);
    case Verb::kRestore:
      return Restore();
    default:
      return Change(command);
  }
}

int Runner::Change(const Command& command) {
  const bool has_server = command.verb == Verb::kAddServer || command.verb == Verb::kEditServer;
  if (has_server && IsLoopback(command.real.address)) {
    return Complain(command.real.address.ToString() +
                        " is the director itself, which cannot be a real server; name the address "
                        "of another machine",
                    kExitOther);
  }
  const auto answer = Ask(RequestOf(command), kExitOther);
  if (!answer) return exit_code_;
  WarnOfBrackets(command);
  WarnAsIn(*answer);
  return 0;
}

void Runner::WarnOfBrackets(const Command& command) {
  const bool adds_service = command.verb == Verb::kAddService;
  const std::string& brackets =
      adds_service ? command.service_in_brackets : command.real_in_brackets;
  if (brackets.empty() || !(adds_service || command.verb == Verb::kAddServer)) return;
  const IpAddress& address = adds_service ? command.service->address : command.real.address;
  Warn(address.ToString() +
       " is taken as an IPv6 address without a port; for one with a port write " + brackets);
}

std::optional<std::vector<ServiceRow>> Runner::Table(bool is_sorted) {
  const auto document = Ask({"GET", "/v1/services?reals=true", ""}, kExitList);
  if (!document) return std::nullopt;
  std::vector<ServiceRow> rows;
  for (const json::value& item : Array(*document, "services")) {
    if (item.is_object()) rows.push_back(ServiceRowOf(item.as_object()));
  }
  if (is_sorted) Sort(&rows);
  return rows;
}

int Runner::List(const Command& command) {
  switch (command.list.what) {
    case ListWhat::kConnections:
      return ListEntries(command.list);
    case ListWhat::kTimeouts:
      return ListTimeouts();
    case ListWhat::kDaemons:
      return ListDaemons();
    case ListWhat::kServices:
      break;
  }
  return ListServices(command);
}

int Runner::ListServices(const Command& command) {
  auto rows = Table(command.list.is_sorted);
  if (!rows) return exit_code_;
  if (command.service) {
    std::erase_if(*rows, [&](const ServiceRow& row) { return row.key != *command.service; });
    if (rows->empty()) return Complain("there is no such service", kExitList);
  }
  out_ << ServicesText(*rows, command.list, names_, !command.service);
  return 0;
}

template <typename RowOf>
int Runner::ListPages(const std::string& path, const char* member, const ListOptions& options,
                      RowOf row_of) {
  std::string cursor;
  do {
    const std::string target =
        path + "?limit=" + kPageRows + (cursor.empty() ? "" : "&cursor=" + Encode(cursor));
    const auto page = Ask({"GET", target, ""}, kExitList);
    if (!page) return exit_code_;
    for (const json::value& item : Array(*page, member)) {
      if (!item.is_object()) continue;
      out_ << EntryLine(row_of(item.as_object()), options, names_);
    }
    cursor = Text(*page, "next_cursor");
    if (cursor == "-") cursor.clear();
  } while (!cursor.empty());
  return 0;
}

int Runner::ListEntries(const ListOptions& options) {
  out_ << EntryTitles(options);
  const int connections = ListPages("/v1/connections", "connections", options, ConnectionRowOf);
  return connections != 0 ? connections
                          : ListPages("/v1/templates", "templates", options, TemplateRowOf);
}

int Runner::ListTimeouts() {
  const auto times = Ask({"GET", "/v1/timeouts", ""}, kExitList);
  if (!times) return exit_code_;
  out_ << TimeoutsLine(DurationSeconds(*times, "tcp"), DurationSeconds(*times, "tcp_fin"),
                       DurationSeconds(*times, "udp"));
  return 0;
}

int Runner::ListDaemons() {
  const auto sync = Ask({"GET", "/v1/sync", ""}, kExitList);
  if (sync) out_ << DaemonLines(Object(*sync, "ipvs"));
  return sync ? 0 : exit_code_;
}

int Runner::Save(const Command& command) {
  const auto rows = Table(true);
  if (!rows) return exit_code_;
  out_ << SaveText(*rows, names_, command.list.is_numeric);
  return 0;
}

// The words of a line of -S, without comment and the program's name.
std::vector<std::string> WordsOf(const std::string& line) {
  std::istringstream stream(line.substr(0, line.find('#')));
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  if (!words.empty() && words.front() == "ipvsadm") words.erase(words.begin());
  return words;
}

// Where a sentence about the line belongs; a long one is cut.
std::string PlaceOf(size_t number, const std::vector<std::string>& words) {
  constexpr size_t kMost = 80;
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  if (line.size() > kMost) line = line.substr(0, kMost) + "…";
  return "line " + std::to_string(number) + ": " + line + ": ";
}

// Whether the line adds a server to the service that the first of `lines` adds, another than those
// that the rest add.
bool Runner::BelongsTo(const std::vector<SavedLine>& lines, const Command& command) {
  if (lines.empty() || command.verb != Verb::kAddServer) return false;
  return lines.front().command.service == command.service &&
         std::none_of(lines.begin() + 1, lines.end(),
                      [&](const SavedLine& other) { return other.command.real == command.real; });
}

// -A and the -a that follow, as one change: a big table is there in a tenth of the time, and no
// service is without its servers meanwhile. When that is refused each line speaks for itself.
int Runner::AddAtOnce(std::vector<SavedLine>* lines) {
  const std::vector<SavedLine> taken = std::exchange(*lines, {});
  if (taken.size() > 1) {
    std::vector<Command> servers;
    for (size_t i = 1; i < taken.size(); ++i) servers.push_back(taken[i].command);
    const Request request = RequestOf(taken.front().command, servers);
    const Result<Reply> reply = api_.Send(request.method, request.target, request.body);
    json::error_code ec;
    const json::value answer = reply ? json::parse(reply->body, ec) : json::value();
    if (reply && reply->status < 400) {
      for (const auto& [command, place] : taken) {
        place_ = place;
        WarnOfBrackets(command);
      }
      place_ = taken.front().place;
      if (!ec && answer.is_object()) WarnAsIn(answer.as_object());
      return 0;
    }
  }
  int exit_code = 0;
  for (const auto& [command, place] : taken) {
    place_ = place;
    exit_code = Change(command);
  }
  return exit_code;
}

// A wrong line ends it; one that the director refuses does not. The code is the last line's.
int Runner::Restore() {
  int exit_code = 0;
  std::vector<SavedLine> waiting;  // a service to add, then its servers
  const auto flush = [&] {
    if (!waiting.empty()) exit_code = AddAtOnce(&waiting);
  };
  const auto stop = [&](const std::string& place, const std::string& sentence, int code) {
    place_ = place;
    return Complain(sentence +
                        ". It stopped here: what the lines before have done stays, those after "
                        "were not read",
                    code);
  };
  size_t number = 0;
  for (std::string line; std::getline(input_, line);) {
    ++number;
    const std::vector<std::string> words = WordsOf(line);
    if (words.empty()) continue;
    const std::string place = PlaceOf(number, words);
    const Parsed parsed = ParseCommand(words, names_);
    if (parsed.command && BelongsTo(waiting, *parsed.command)) {
      waiting.push_back({*parsed.command, place});
      continue;
    }
    flush();
    if (!parsed.command) return stop(place, parsed.message, parsed.exit_code);
    if (parsed.command->verb == Verb::kRestore) {
      return stop(place, "--restore cannot be restored; see -h", kExitOther);
    }
    if (parsed.command->verb == Verb::kAddService) {
      waiting = {{*parsed.command, place}};
    } else {
      place_ = place;
      exit_code = Execute(*parsed.command);
    }
  }
  flush();
  return exit_code;
}

}  // namespace

int RunIpvsadm(const std::vector<std::string>& arguments, std::istream& input, std::ostream& out,
               std::ostream& err, DirectorApi& api, Resolver& names) {
  return Runner(input, out, err, api, names).Line(arguments);
}

Outcome RunIpvsadm(const std::vector<std::string>& arguments, std::istream& input, DirectorApi& api,
                   Resolver& names) {
  std::ostringstream out, err;
  const int exit_code = RunIpvsadm(arguments, input, out, err, api, names);
  return {out.str(), err.str(), exit_code};
}

}  // namespace fairlead::cli::ipvsadm
