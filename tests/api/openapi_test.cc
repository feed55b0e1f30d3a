// The OpenAPI document says what there is: every route and nothing else, and its references hold.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "api_test.h"

namespace fairlead::testing::openapi_test {
namespace {

namespace json = boost::json;
using OpenApiTest = ApiTest;

TEST_F(OpenApiTest, ListsExactlyTheRoutes) {
  Start();
  const Answer answer = peer->Ask("GET /v1/openapi.json");
  ASSERT_EQ(answer.status, 200);
  const json::object document = answer.json();
  EXPECT_EQ(document.at("openapi").as_string(), "3.1.0");
  std::set<std::string> documented;
  for (const auto& path : document.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object()) {
      if (operation.key() == "parameters") continue;
      std::string method(operation.key());
      for (char& c : method) c = static_cast<char>(std::toupper(c));
      documented.insert(method + " " + std::string(path.key()));
      EXPECT_TRUE(operation.value().as_object().contains("summary")) << path.key();
      EXPECT_TRUE(operation.value().as_object().contains("responses")) << path.key();
    }
  }
  const auto routes = server->routes();
  EXPECT_EQ(documented, std::set<std::string>(routes.begin(), routes.end()));
}

TEST_F(OpenApiTest, EveryOperationHasItsNameAndItsRole) {
  Start();
  std::set<std::string> names, documented;
  const json::object document = peer->Ask("GET /v1/openapi.json").json();
  for (const auto& path : document.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object()) {
      if (operation.key() == "parameters") continue;
      const json::object& its = operation.value().as_object();
      EXPECT_TRUE(names.insert(std::string(its.at("operationId").as_string())).second)
          << path.key();
      std::string method(operation.key());
      for (char& c : method) c = static_cast<char>(std::toupper(c));
      documented.insert(method + " " + std::string(path.key()) + " " +
                        std::string(its.at("x-fairlead-role").as_string()));
    }
  }
  const auto roles = server->roles();
  EXPECT_EQ(documented, std::set<std::string>(roles.begin(), roles.end()));
}

TEST_F(OpenApiTest, WhatMayBeTriedSaysSo) {
  Start();
  std::set<std::string> documented;
  const json::object document = peer->Ask("GET /v1/openapi.json").json();
  for (const auto& path : document.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object()) {
      if (operation.key() == "parameters") continue;
      if (json::serialize(operation.value()).find("parameters/dryRun") == std::string::npos) {
        continue;
      }
      std::string method(operation.key());
      for (char& c : method) c = static_cast<char>(std::toupper(c));
      documented.insert(method + " " + std::string(path.key()));
    }
  }
  const auto dry_runs = server->dry_runs();
  EXPECT_EQ(documented, std::set<std::string>(dry_runs.begin(), dry_runs.end()));
  // Whatever changes something may be tried.
  std::set<std::string> changes;
  for (const std::string& role : server->roles()) {
    if (role.ends_with(" admin")) changes.insert(role.substr(0, role.size() - 6));
  }
  EXPECT_EQ(documented, changes);
}

TEST_F(OpenApiTest, ThePageNamesEveryRoute) {
  Start();
  std::ifstream file(FAIRLEAD_SOURCE "/docs/api.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (const std::string& route : server->routes()) {
    EXPECT_NE(page.find("`" + route + "`"), std::string::npos) << "docs/api.md lacks " << route;
  }
}

TEST_F(OpenApiTest, ReferencesExist) {
  Start();
  const json::object document = peer->Ask("GET /v1/openapi.json").json();
  const std::string text = json::serialize(document);
  const std::regex reference(R"re("\$ref":"#/components/([a-z]+)/(\w+)")re");
  size_t count = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), reference), end; it != end; ++it) {
    const auto& section = document.at("components").at((*it)[1].str()).as_object();
    EXPECT_TRUE(section.contains((*it)[2].str())) << (*it)[0];
    ++count;
  }
  EXPECT_GT(count, 10u);
}

// Every list of words in the document that has one of `all` has them all, in their order.
void ExpectWholeLists(const json::value& value, const json::array& all, size_t* found) {
  if (const json::array* items = value.if_array()) {
    for (const json::value& item : *items) ExpectWholeLists(item, all, found);
  }
  if (const json::object* object = value.if_object()) {
    const json::value* words = object->if_contains("enum");
    if (words != nullptr && words->is_array() &&
        std::ranges::find(words->as_array(), all[0]) != words->as_array().end()) {
      EXPECT_EQ(words->as_array(), all);
      ++*found;
    }
    for (const auto& member : *object) ExpectWholeLists(member.value(), all, found);
  }
}

TEST_F(OpenApiTest, NamesEveryMethodAndTransport) {
  Start();
  const json::value document = peer->Ask("GET /v1/openapi.json").json();
  json::array methods, transports;
  for (const ForwardMethod method : kForwardMethods) methods.emplace_back(TraitsOf(method).word);
  for (const Transport transport : kTransports) transports.emplace_back(TraitsOf(transport).word);
  size_t lists_of_methods = 0, lists_of_transports = 0;
  ExpectWholeLists(document, methods, &lists_of_methods);
  ExpectWholeLists(document, transports, &lists_of_transports);
  EXPECT_EQ(lists_of_methods, 2u);
  EXPECT_EQ(lists_of_transports, 1u);
}

// What an answer has and what its schema names are the same members.
TEST_F(OpenApiTest, AnswersHaveTheMembersOfTheirSchemas) {
  Start([](PortId) { return api::PortStats{}; });
  const json::object document = peer->Ask("GET /v1/openapi.json").json();
  const auto members = [](const json::object& object) {
    std::set<std::string> names;
    for (const auto& member : object) names.insert(std::string(member.key()));
    return names;
  };
  const auto schema = [&](const char* name) {
    return members(document.at("components").at("schemas").at(name).at("properties").as_object());
  };
  EXPECT_EQ(members(peer->Ask("GET /v1/status").json()), schema("Status"));
  EXPECT_EQ(members(peer->Ask("GET /v1/drops").json()), schema("Drops"));
  EXPECT_EQ(members(peer->Ask("GET /v1/top/clients?seconds=0.1").json()), schema("TopClients"));
  EXPECT_EQ(members(peer->Ask("GET /v1/top/services?seconds=0.1").json()), schema("TopServices"));
  director.neighbours.emplace_back();
  EXPECT_EQ(members(peer->Ask("GET /v1/neighbours").json().at("neighbours").at(0).as_object()),
            schema("Neighbour"));
  const json::object service = peer->Ask("GET /v1/services/web").json();
  std::set<std::string> always = schema("Service");
  for (const char* hashed : {"netmask", "mask"}) always.erase(hashed);  // of sh-netmask, mh-netmask
  EXPECT_EQ(members(service), always);
  EXPECT_EQ(members(service.at("reals").at(0).as_object()), schema("Real"));
  EXPECT_EQ(members(service.at("traffic").as_object()), schema("Traffic"));
  const json::object status = peer->Ask("GET /v1/status").json();
  EXPECT_EQ(members(status.at("workers").at(0).as_object()), schema("Worker"));
  EXPECT_EQ(members(status.at("ports").at(0).as_object()), schema("Port"));
}

}  // namespace
}  // namespace fairlead::testing::openapi_test
