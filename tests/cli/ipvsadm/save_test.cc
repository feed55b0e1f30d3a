// What -S prints is read again as what it was: random tables through the text and the parser.
#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "cli/ipvsadm/listing.h"
#include "cli/ipvsadm/options.h"

namespace fairlead::cli::ipvsadm::save_test {
namespace {

class RandomTable {
 public:
  explicit RandomTable(uint32_t seed) : random_(seed) {}

  ServiceRow Service() {
    ServiceRow row;
    const bool is_v6 = Chance(3);
    row.key.family = is_v6 ? Family::kIpv6 : Family::kIpv4;
    if (Chance(4)) {
      row.key.mark = 1 + Below(UINT32_MAX);
      row.key.protocol = kAnyProtocol;
    } else {
      constexpr uint8_t kProtocols[] = {kTcp, kUdp, kSctp};
      row.key.protocol = kProtocols[Below(3)];
      row.key.address = Address(is_v6);
      row.key.port = static_cast<uint16_t>(Chance(5) ? 0 : 1 + Below(65535));
    }
    constexpr const char* kSchedulers[] = {"rr", "wlc", "sh", "mh", "fo"};
    row.scheduler = kSchedulers[Below(5)];
    if (row.scheduler == "sh" || row.scheduler == "mh") {
      if (Chance(2)) row.flags.push_back(row.scheduler + "-fallback");
      if (Chance(2)) row.flags.push_back(row.scheduler + "-netmask");
      const bool hashes_network = !row.flags.empty() && row.flags.back().ends_with("-netmask");
      if (Chance(2)) row.flags.push_back(row.scheduler + "-port");
      if (hashes_network) SetNetmask(is_v6, &row);
    }
    if (Chance(2) || (row.key.port == 0 && row.key.mark == 0)) {
      row.persistence_seconds = 1 + Below(2'678'400);
      SetNetmask(is_v6, &row);
    }
    row.is_one_packet = (row.key.mark != 0 || row.key.protocol == kUdp) && Chance(2);
    if (Chance(5)) row.engine = "sip";
    for (uint32_t i = Below(4); i > 0; --i) row.servers.push_back(Server(row.key));
    return row;
  }

 private:
  void SetNetmask(bool is_v6, ServiceRow* row) {
    if (Chance(2) && !is_v6) row->netmask = Below(UINT32_MAX);
    if (Chance(2) && is_v6) row->netmask6 = static_cast<uint8_t>(1 + Below(128));
  }
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool Chance(uint32_t one_in) { return Below(one_in) == 0; }

  IpAddress Address(bool is_v6) {
    if (!is_v6) return Ipv4Address::FromHost(0x0a000000 + Below(1 << 24));
    Ipv6Address address;
    address.bytes = {0x20, 0x01, 0x0d, 0xb8};
    for (size_t i = 4; i < 16; ++i) address.bytes[i] = static_cast<uint8_t>(Below(256));
    return address;
  }

  ServerRow Server(const ServiceKey& key) {
    ServerRow row;
    row.method = kForwardMethods[Below(kForwardMethods.size())];
    row.saved_weight = Below(65536);
    row.endpoint.address = Address(key.family == Family::kIpv6);
    const bool is_free = TraitsOf(*row.method).may_change_port || key.mark != 0;
    row.endpoint.port = Be16::FromHost(
        is_free && key.port != 0 ? static_cast<uint16_t>(1 + Below(65535)) : key.port);
    if (row.method == ForwardMethod::kTun) {
      constexpr TunnelType kTypes[] = {TunnelType::kIpip, TunnelType::kGue, TunnelType::kGre};
      row.tunnel.type = kTypes[Below(3)];
      if (row.tunnel.type == TunnelType::kGue) {
        row.tunnel.port = static_cast<uint16_t>(1 + Below(65535));
        row.tunnel.checksum = static_cast<TunnelChecksum>(Below(3));
      } else if (row.tunnel.type == TunnelType::kGre) {
        row.tunnel.checksum = static_cast<TunnelChecksum>(Below(2));
      }
    }
    return row;
  }

  std::mt19937 random_;
};

// The table that a text would make.
std::vector<ServiceRow> Read(const std::string& text) {
  std::vector<ServiceRow> rows;
  std::istringstream lines(text);
  NoNames names;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    const Parsed parsed = ParseCommand(words, names);
    if (!parsed.command) {
      ADD_FAILURE() << line << ": " << parsed.message;
      return rows;
    }
    const Command& command = *parsed.command;
    if (command.verb == Verb::kAddService) {
      const ServiceOptions& from = command.service_options;
      ServiceRow& row = rows.emplace_back();
      row.key = *command.service;
      row.scheduler = from.scheduler;
      if (from.has_fallback_flag) row.flags.push_back(from.scheduler + "-fallback");
      if (from.has_netmask_flag) row.flags.push_back(from.scheduler + "-netmask");
      if (from.has_port_flag) row.flags.push_back(from.scheduler + "-port");
      if (from.persistence_seconds) row.persistence_seconds = *from.persistence_seconds;
      row.netmask = from.netmask;
      row.netmask6 = from.netmask6;
      row.engine = from.engine;
      row.is_one_packet = from.is_one_packet;
    } else {
      EXPECT_EQ(rows.back().key, *command.service);
      ServerRow& row = rows.back().servers.emplace_back();
      row.endpoint = command.real;
      row.method = command.server_options.method;
      row.saved_weight = command.server_options.weight;
      row.tunnel = command.server_options.tunnel;
    }
  }
  return rows;
}

TEST(IpvsadmSave, WhatIsSavedIsReadAgain) {
  for (uint32_t seed = 1; seed <= 500; ++seed) {
    RandomTable table(seed);
    std::vector<ServiceRow> rows;
    for (int i = 0; i < 5; ++i) rows.push_back(table.Service());
    NoNames names;
    const std::string text = SaveText(rows, names, true);
    const std::vector<ServiceRow> again = Read(text);
    ASSERT_EQ(SaveText(again, names, true), text) << "seed " << seed;
    // The text tells everything, so that the line above means something.
    ASSERT_EQ(again.size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(again[i].key, rows[i].key) << text;
      ASSERT_EQ(again[i].persistence_seconds, rows[i].persistence_seconds) << text;
      ASSERT_EQ(MaskText(again[i]), MaskText(rows[i])) << text;
      ASSERT_EQ(again[i].flags, rows[i].flags) << text;
      ASSERT_EQ(again[i].servers.size(), rows[i].servers.size()) << text;
      for (size_t s = 0; s < rows[i].servers.size(); ++s) {
        ASSERT_EQ(again[i].servers[s].endpoint, rows[i].servers[s].endpoint) << text;
        ASSERT_EQ(again[i].servers[s].method, rows[i].servers[s].method) << text;
        ASSERT_EQ(again[i].servers[s].tunnel.checksum, rows[i].servers[s].tunnel.checksum) << text;
      }
    }
  }
}

}  // namespace
}  // namespace fairlead::cli::ipvsadm::save_test
