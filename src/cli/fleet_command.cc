// fairlead fleet status
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/table.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

// "-": there is none.
void PrintUnlessNone(const char* before, const std::string& text) {
  if (text != "-") fmt::print("{}{}\n", before, text);
}

const json::object* RefusedOf(const json::object& object) {
  const json::value* const refused = object.if_contains("refused");
  return refused == nullptr ? nullptr : refused->if_object();
}

void PrintOwn(const json::object& fleet) {
  fmt::print("{} at {}: {}\n", Text(fleet, "name"), Text(fleet, "url"),
             Flag(fleet, "connected") ? "watched" : "NOT WATCHED");
  PrintUnlessNone("  ", Text(fleet, "problem"));
  PrintUnlessNone("  the others are not told of this director: ", Text(fleet, "member_problem"));
  PrintUnlessNone("  a start without etcd would not find the configuration: ",
                  Text(fleet, "keep_problem"));
  PrintUnlessNone("  sync: ", Text(fleet, "sync_problem"));
  fmt::print("revision {} is in force{}\n", Text(fleet, "revision"),
             Flag(fleet, "from_disk") ? "; it was kept here, since etcd did not answer" : "");
  if (const json::object* refused = RefusedOf(fleet)) {
    fmt::print("revision {} is REFUSED:\n", Text(*refused, "revision"));
    for (const json::value& reason : Array(*refused, "reasons")) {
      if (reason.is_string()) fmt::print("  {}\n", std::string(reason.get_string()));
    }
  }
}

void PrintMembers(const json::object& fleet) {
  Table table({"DIRECTOR", "ADDRESS", "GENERATION>", "REVISION>", "READY", "SYNC", "VERSION"});
  for (const json::value& item : Array(fleet, "members")) {
    const json::object& member = item.as_object();
    table.Add({Text(member, "name") + (Flag(member, "is_this") ? " *" : ""),
               Text(member, "address"), Text(member, "generation"), Text(member, "revision"),
               Flag(member, "ready") ? "yes" : "NO", Text(member, "sync"),
               Text(member, "version")});
  }
  fmt::print("\n{}", table.ToString());
  for (const json::value& item : Array(fleet, "members")) {
    const json::object& member = item.as_object();
    if (const json::object* refused = RefusedOf(member)) {
      fmt::print("  {} refuses revision {}: {}\n", Text(member, "name"), Text(*refused, "revision"),
                 Text(*refused, "reason"));
    }
  }
  if (const uint64_t unreadable = Number(fleet, "unreadable_members"); unreadable > 0) {
    fmt::print("{} that cannot be read\n", Plural(unreadable, "entry", "entries"));
  }
}

}  // namespace

// Fails when this director does not follow its fleet.
int RunFleetStatus(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("GET", "/v1/fleet");
  if (!document) return session.exit_code();
  const json::object& fleet = document->as_object();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
  } else {
    PrintOwn(fleet);
    PrintMembers(fleet);
  }
  return Flag(fleet, "connected") && RefusedOf(fleet) == nullptr ? kOk : kFailed;
}

}  // namespace fairlead::cli
