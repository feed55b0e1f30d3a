// fairlead top clients and top services.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <sstream>

#include "run_cli.h"

namespace fairlead::testing::top_command_test {
namespace {

namespace json = boost::json;

class TopCommandTest : public CliTest {
 protected:
  // The words of the line that begins with this.
  static std::vector<std::string> LineOf(const std::string& text, const std::string& begin) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(begin)) continue;
      std::istringstream words(line);
      return {std::istream_iterator<std::string>(words), {}};
    }
    return {};
  }
};

TEST_F(TopCommandTest, ConnectionsOfClients) {
  for (int i = 0; i < 4; ++i) {
    dataplane::ConnectionRow row;
    row.protocol = 6;
    row.client = At((i < 3 ? "198.51.100.7:" : "198.51.100.8:") + std::to_string(1000 + i));
    director.connections[i % 2].push_back(row);
  }
  Start();
  EXPECT_EQ(Good("top clients --by connections --once"),
            "CLIENT        RECORDS  ERROR   SHARE\n"
            "198.51.100.7        3    ± 0  75.0 %\n"
            "198.51.100.8        1    ± 0  25.0 %\n"
            "(all)  4 of 2 clients\n"
            "Records of closed connections count too. Who has open ones: fairlead connection count "
            "--by client\n");
}

TEST_F(TopCommandTest, RatesOfClientsWithTheirErrorFitEightyColumns) {
  for (uint32_t i = 0; i < 9000; ++i) {
    director.amounts[0].emplace_back(Ipv4Address::FromHost(0x0b000000 + i), 5);
  }
  director.amounts[1].emplace_back(Ip("2001:db8:1234:5678:9abc:def0:1234:5678"), 4'000'000'000);
  Start();
  const std::string table = Good("top clients --interval 100ms --count 3 --once");
  EXPECT_NE(table.find("PACKETS/S"), std::string::npos) << table;
  const auto greatest = LineOf(table, "2001:db8:");
  ASSERT_EQ(greatest.size(), 6u) << table;
  EXPECT_GT(std::stod(greatest[1]), 4'000'000'000) << "of a second";
  EXPECT_NE(table.find("and more, each of which has at most"), std::string::npos) << table;
  std::istringstream lines(table);
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_LE(line.size(), 81u) << line;  // of these the sign of the error has two bytes
  }
  EXPECT_EQ(count, 5u) << table;
  EXPECT_NE(Good("top clients --by bytes --interval 100ms --once").find("GiB"), std::string::npos);
}

TEST_F(TopCommandTest, Services) {
  Start();
  EXPECT_EQ(Good("top services --interval 100ms --once"),
            "SERVICE  PACKETS/S  BYTES/S  NEW/S  CONNECTIONS\n"
            "shop           0.0      0 B    0.0            0\n"
            "web            0.0      0 B    0.0           10\n");
}

TEST_F(TopCommandTest, JsonIsTheAnswer) {
  director.amounts[0] = {{Ip("198.51.100.7"), 40}};
  Start();
  const json::value answer = json::parse(Good("-o json top clients --interval 100ms --once"));
  EXPECT_EQ(answer.at("clients").at(0).at("amount").to_number<int>(), 40);
  EXPECT_EQ(answer.at("clients").at(0).at("error").to_number<int>(), 0);
}

TEST_F(TopCommandTest, AnswersUntilItIsEnded) {
  Start();
  const std::string at = director.directory() + "/top";
  const std::string command = "timeout 1 " FAIRLEAD_CLI " --api " + director.socket() +
                              " top services --interval 100ms > " + at + "; test $? = 124";
  EXPECT_EQ(std::system(command.c_str()), 0);
  const std::string text = ReadFile(at);
  EXPECT_NE(text.find("\n\nSERVICE"), std::string::npos) << text;
}

TEST_F(TopCommandTest, WhatIsWrongIsSaidBeforeAnybodyIsAsked) {
  for (const char* words : {"top", "top clients --by colour", "top clients --interval 2",
                            "top clients --interval 61s", "top services --count 0"}) {
    EXPECT_EQ(Run(words).exit_code, 2) << words;
  }
  EXPECT_NE(Run("top clients --interval 10ms").err.find("takes 100ms to 60s, not 10ms"),
            std::string::npos);
}

}  // namespace
}  // namespace fairlead::testing::top_command_test
