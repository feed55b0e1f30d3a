// fairlead connection list|count|flush, template list|flush|pin|unpin|retime
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "cli/commands.h"
#include "cli/table.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

constexpr uint64_t kPageRows = 1000;

// "?client=…&service=…&more", or empty.
std::string Query(const Arguments& a, const std::string& more = "") {
  std::string query;
  const auto add = [&query](const char* name, const std::string& value) {
    if (!value.empty()) {
      query += (query.empty() ? "?" : "&") + std::string(name) + "=" + Encode(value);
    }
  };
  add("client", a.client);
  add("service", a.service);
  add("real", a.real);
  add("state", a.state);
  add("client_group", a.client_group);
  if (a.is_pinned || a.verb == Verb::kTemplateUnpin) add("pinned", "true");
  if (!more.empty()) query += (query.empty() ? "?" : "&") + more;
  return query;
}

struct Listing {
  json::array rows;
  bool is_cut = false;  // there is more than the limit
};

// Page after page, until the limit (0: none) or the end.
std::optional<Listing> FetchAll(Session* session, const Arguments& a, const std::string& member) {
  Listing listing;
  std::string cursor;
  for (;;) {
    const uint64_t left = a.limit == 0 ? kPageRows : a.limit - listing.rows.size();
    std::string paging = fmt::format("limit={}", std::min(left, kPageRows));
    if (!cursor.empty()) paging += "&cursor=" + Encode(cursor);
    auto document = session->Ask("GET", "/v1/" + member + Query(a, paging));
    if (!document) return std::nullopt;
    for (const json::value& row : Array(document->as_object(), member)) {
      listing.rows.push_back(row);
    }
    const std::string next = Text(document->as_object(), "next_cursor");
    if (next == "-") return listing;
    if (a.limit != 0 && listing.rows.size() >= a.limit) {
      listing.is_cut = true;
      return listing;
    }
    cursor = next;
  }
}

int Print(const Arguments& a, const std::string& member, const Listing& listing,
          const Table& table) {
  if (a.is_json) {
    fmt::print("{}\n", Indented(json::object{{member, listing.rows}, {"more", listing.is_cut}}));
    return kOk;
  }
  table.Print();
  if (listing.is_cut) {
    fmt::print(stderr, "fairlead: there are more than {}; add a filter, or --limit 0 for all\n",
               listing.rows.size());
  }
  return kOk;
}

// "4 min 3 s", or "never" for what has no end.
std::string SpanOrNever(const json::object& object, const char* member) {
  return Text(object, member) == "-" ? "never" : Span(Number(object, member));
}

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

}  // namespace

int RunConnectionList(const Arguments& arguments) {
  Session session(arguments);
  const auto listing = FetchAll(&session, arguments, "connections");
  if (!listing) return session.exit_code();
  Table table({"PROTOCOL?", "STATE!", "CLIENT", "VIRTUAL?", "REAL", "SERVICE?", "FORWARD?",
               "PACKETS>?", "EXPIRES>"});
  for (const json::value& item : listing->rows) {
    const json::object& c = item.as_object();
    table.Add({Text(c, "protocol"), Text(c, "state"), Text(c, "client"), Text(c, "virtual"),
               Text(c, "destination"), Text(c, "service"), Text(c, "forward"), Text(c, "packets"),
               Span(Number(c, "remaining_ms"))});
  }
  return Print(arguments, "connections", *listing, table);
}

int RunTemplateList(const Arguments& arguments) {
  Session session(arguments);
  const auto listing = FetchAll(&session, arguments, "templates");
  if (!listing) return session.exit_code();
  Table table(
      {"CLIENT", "FOR?", "SERVICE?", "REAL", "CONNECTIONS>?", "STATE!", "EXPIRES>", "OF>?"});
  for (const json::value& item : listing->rows) {
    const json::object& t = item.as_object();
    const std::string what =
        Text(t, "persistence_group") != "-" ? "group " + Text(t, "persistence_group")
        : Text(t, "protocol") == "-"        ? "mark " + Text(t, "mark")
                                            : Text(t, "protocol") + " " + Text(t, "virtual");
    const char* state = !Flag(t, "valid")    ? "invalid"
                        : Flag(t, "pinned")  ? "pinned"
                        : Flag(t, "assured") ? "assured"
                                             : "new";
    table.Add({Text(t, "client"), what, Text(t, "service"), Text(t, "real"), Text(t, "connections"),
               state, SpanOrNever(t, "remaining_ms"), SpanOrNever(t, "timeout_ms")});
  }
  return Print(arguments, "templates", *listing, table);
}

// Open connections are counted, closing ones shown beside them; with --all every record counts. Who
// asks for a state wants what is in it, open or not.
int RunConnectionCount(const Arguments& arguments) {
  const bool is_all = arguments.is_all || !arguments.state.empty() || arguments.group_by == "state";
  Session session(arguments);
  std::string grouping;
  if (!arguments.group_by.empty()) {
    grouping =
        fmt::format("by={}&top={}{}", arguments.group_by, arguments.top, is_all ? "&all=true" : "");
  }
  const auto document = session.Ask("GET", "/v1/connections/count" + Query(arguments, grouping));
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
    return kOk;
  }
  const json::object& count = document->as_object();
  const uint64_t all = Number(count, "connections"), open = Number(count, "open");
  if (arguments.group_by.empty()) {
    fmt::print("{}\n", is_all ? all : open);
    return kOk;
  }
  Table table(is_all ? std::vector<std::string>{Upper(arguments.group_by), "CONNECTIONS>"}
                     : std::vector<std::string>{Upper(arguments.group_by), "OPEN>", "CLOSING>"});
  const auto add = [&](const std::string& name, uint64_t connections, uint64_t are_open) {
    if (is_all) {
      table.Add({name, std::to_string(connections)});
    } else {
      table.Add({name, std::to_string(are_open), std::to_string(connections - are_open)});
    }
  };
  for (const json::value& item : Array(count, "groups")) {
    const json::object& group = item.as_object();
    add(Text(group, "name"), Number(group, "connections"), Number(group, "open"));
  }
  if (const uint64_t others = Number(count, "others"); others > 0) {
    add("(others)", others, Number(count, "others_open"));
  }
  add("(all)", all, open);
  table.Print();
  return kOk;
}

int RunTemplatePin(const Arguments& arguments) {
  Session session(arguments);
  json::object body{
      {"service", arguments.service}, {"client", arguments.client}, {"real", arguments.real}};
  if (!arguments.ttl.empty()) body["ttl"] = arguments.ttl;
  const auto document = session.Ask("POST", "/v1/templates", json::serialize(body));
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
    return kOk;
  }
  const json::object& pin = document->as_object();
  const std::string end =
      Text(pin, "ttl_ms") == "-" ? "until it is unpinned" : "for " + Span(Number(pin, "ttl_ms"));
  fmt::print("{} of service {} is pinned to {} {}\n", Text(pin, "client"), Text(pin, "service"),
             Text(pin, "real"), end);
  return kOk;
}

int RunTemplateRetime(const Arguments& arguments) {
  Session session(arguments);
  const auto document = session.Ask("POST", "/v1/templates/retime" + Query(arguments));
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
  } else {
    fmt::print("{} retimed\n", Plural(Number(document->as_object(), "retimed"), "template"));
  }
  return kOk;
}

int RunFlush(const Arguments& arguments) {
  const bool is_template = arguments.verb != Verb::kConnectionFlush;
  Session session(arguments);
  const auto document =
      session.Ask("DELETE", (is_template ? "/v1/templates" : "/v1/connections") + Query(arguments));
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
  } else {
    fmt::print(
        "{} {}\n",
        Plural(Number(document->as_object(), "flushed"), is_template ? "template" : "connection"),
        arguments.verb == Verb::kTemplateUnpin ? "unpinned" : "flushed");
  }
  return kOk;
}

}  // namespace fairlead::cli
