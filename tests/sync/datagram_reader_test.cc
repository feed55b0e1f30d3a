// Datagrams that a kernel sent or was given (wire recordings of IPVS), and what they say.
#include "sync/ipvs/datagram_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "hex.h"

namespace fairlead::sync::datagram_reader_test {
namespace {

std::string Print(const SyncEntry& e) {
  std::string text =
      fmt::format("{} {}:{} {}:{} {}:{} state {} flags {:x} mark {} timeout {}", e.protocol,
                  e.client.ToString(), e.client_port.host(), e.virtual_address.ToString(),
                  e.virtual_port.host(), e.real.ToString(), e.real_port.host(), e.state, e.flags,
                  e.mark, e.timeout_seconds);
  if (e.has_sequences) {
    text += fmt::format(" {}/{}/{} {}/{}/{}", e.to_real.initial, e.to_real.delta,
                        e.to_real.previous_delta, e.to_client.initial, e.to_client.delta,
                        e.to_client.previous_delta);
  }
  if (!e.engine_name.empty()) text += fmt::format(" {} {}", e.engine_name, e.engine_data);
  return text + "\n";
}

// What is taken of a datagram, one entry a line, then what is refused.
std::string Read(std::string_view hex, uint8_t syncid = 7) {
  const std::vector<uint8_t> payload = FromHex(hex);
  DatagramReader reader(payload, syncid);
  SyncEntry entry;
  std::string text;
  while (reader.Next(&entry)) text += Print(entry);
  for (size_t i = 0; i < kSyncRefusalCount; ++i) {
    if (reader.refused()[i] == 0) continue;
    text += fmt::format("{} {}\n", NameOf(static_cast<SyncRefusal>(i)), reader.refused()[i]);
  }
  return text;
}

// A version 1 datagram of these entries, `count` of them said to be there.
std::string Datagram(std::string_view entries, unsigned count = 1) {
  return fmt::format("0007{:04x}{:02x}010000{}", 8 + entries.size() / 2, count, entries);
}

constexpr std::string_view kEntry =
    "000600240000000000014e210050005000000000000000640a0800010a6400010a01000b";
constexpr std::string_view kTaken =
    "6 10.8.0.1:20001 10.100.0.1:80 10.1.0.11:80 state 1 flags 0 mark 0 timeout 100\n";

// The same entry with these options behind it, the first of four bytes of a size that counts them.
std::string WithOptions(std::string_view options) {
  return fmt::format("0006{:04x}{}{}", 36 + options.size() / 2, kEntry.substr(8), options);
}

TEST(DatagramReader, ReadsWhatAMasterSends) {
  EXPECT_EQ(Read("00070074030100000006002400000000000107d00050005000000000000003840a0800010a640001"
                 "0a01000b0006002400000100000707d000500050000000000000003c0a0800010a6400010a01000b"
                 "0006002400000100000507d00050005000000000000000780a0800010a6400010a01000b"),
            "6 10.8.0.1:2000 10.100.0.1:80 10.1.0.11:80 state 1 flags 0 mark 0 timeout 900\n"
            "6 10.8.0.1:2000 10.100.0.1:80 10.1.0.11:80 state 7 flags 100 mark 0 timeout 60\n"
            "6 10.8.0.1:2000 10.100.0.1:80 10.1.0.11:80 state 5 flags 100 mark 0 timeout 120\n");
}

TEST(DatagramReader, ReadsATemplateOfAMark) {
  EXPECT_EQ(
      Read(Datagram("0000002400001183000000000000000000000005000000640a080001000000050a01000b")),
      "0 10.8.0.1:0 0.0.0.5:0 10.1.0.11:0 state 0 flags 1183 mark 5 timeout 100\n");
}

TEST(DatagramReader, ReadsIpv6) {
  EXPECT_EQ(Read(Datagram("010600480000000000014e75005000500000000000000064"
                          "fd090000000000000000000000000008fd640000000000000000000000000001"
                          "fd010000000000000000000000000011")),
            "6 fd09::8:20085 fd64::1:80 fd01::11:80 state 1 flags 0 mark 0 timeout 100\n");
}

TEST(DatagramReader, ReadsOptionsInEitherOrder) {
  const std::string data =
      "0205614062"
      "2e63";
  const std::string name = "0303736970";
  const std::string taken = std::string(kTaken.substr(0, kTaken.size() - 1)) + " sip a@b.c\n";
  EXPECT_EQ(Read(Datagram(WithOptions(data + name))), taken);
  EXPECT_EQ(Read(Datagram(WithOptions(name + data))), taken);
}

TEST(DatagramReader, ReadsSequences) {
  const std::string shifts = "000003e8000000050000000000001388ffffffff00000007";
  const std::string taken =
      std::string(kTaken.substr(0, kTaken.size() - 1)) + " 1000/5/0 5000/4294967295/7\n";
  EXPECT_EQ(Read(Datagram(WithOptions("0118" + shifts))), taken);
}

TEST(DatagramReader, SkipsAnOptionThatMayBeSkipped) {
  EXPECT_EQ(Read(Datagram(WithOptions("45020102"))), kTaken);
}

TEST(DatagramReader, RefusesWrongOptionsAndWhatFollows) {
  const std::string follows(kEntry);
  const auto refused = [&](std::string_view options) {
    std::string first = WithOptions(options);
    while (first.size() % 8 != 0) first += '0';
    return Read(Datagram(first + follows, 2));
  };
  EXPECT_EQ(refused("00000000"), "option 1\n");    // padding that the size counts
  EXPECT_EQ(refused("04010100"), "option 1\n");    // unknown
  EXPECT_EQ(refused("0200"), "option 1\n");        // no length
  EXPECT_EQ(refused("0209614062"), "option 1\n");  // longer than the entry
  EXPECT_EQ(refused("02"), "option 1\n");          // no length at all
  EXPECT_EQ(refused("01040000"
                    "0000"),
            "option 1\n");                           // another length of sequences
  EXPECT_EQ(refused("020161020162"), "option 1\n");  // twice
  EXPECT_EQ(refused("03117373737373737373737373737373737373"), "option 1\n");
  EXPECT_EQ(refused("020161"), "engine 1\n");            // data of no engine
  EXPECT_EQ(refused("0201610303667470"), "engine 1\n");  // of an engine that is not known
}

// s4a of the recordings.
TEST(DatagramReader, JudgesTheHeader) {
  const std::string entry(kEntry);
  EXPECT_EQ(Read("0007002c01010000" + entry), kTaken);
  EXPECT_EQ(Read("0008002c01010000" + entry), "syncid 1\n");
  EXPECT_EQ(Read("0000002c01010000" + entry), "syncid 1\n");
  EXPECT_EQ(Read("0008002c01010000" + entry, kAnySyncid), kTaken);
  EXPECT_EQ(Read("0107002c01010000" + entry), "protocol 1\n");  // reserved: read as version 0
  EXPECT_EQ(Read("0007002c01000000" + entry), "");              // version 0 of no entries
  EXPECT_EQ(Read("0007002c01020000" + entry), "");
  EXPECT_EQ(Read("0007002c01011234" + entry), "");
  EXPECT_EQ(Read("0007002401010000" + entry), "size 1\n");
  EXPECT_EQ(Read("0007006401010000" + entry), "size 1\n");
  EXPECT_EQ(Read("0007000001010000" + entry), "size 1\n");
  EXPECT_EQ(Read("0007002c02010000" + entry), std::string(kTaken) + "truncated 1\n");
  EXPECT_EQ(Read("0007002c00010000" + entry), "");
  EXPECT_EQ(Read("0007005001010000" + entry + entry), kTaken);
  EXPECT_EQ(Read("0007003001010000" + entry + "7a7a7a7a"), kTaken);
  EXPECT_EQ(Read("000700"), "short 1\n");
  EXPECT_EQ(Read(""), "short 1\n");
  EXPECT_EQ(Read("0007000800010000"), "");
}

TEST(DatagramReader, EndsWhereAnEntryMakesNoSense) {
  const std::string entry(kEntry);
  const std::string rest = entry.substr(8);
  EXPECT_EQ(Read(Datagram(entry + "0006000c" + rest + entry, 3)),
            std::string(kTaken) + "entry_size 1\n");
  EXPECT_EQ(Read(Datagram(entry + "00061024" + rest + entry, 3)),
            std::string(kTaken) + "entry_version 1\n");
  EXPECT_EQ(Read(Datagram("02060024" + rest + entry, 2)), "family 1\n");
  EXPECT_EQ(Read(Datagram("ff060024" + rest + entry, 2)), "family 1\n");
  EXPECT_EQ(Read(Datagram("00060fff" + rest + entry, 2)), "truncated 1\n");
}

TEST(DatagramReader, LeavesOutWhatCannotBeAndGoesOn) {
  const auto read = [](std::string_view protocol, std::string_view flags, std::string_view state) {
    return Read(Datagram(
        fmt::format("00{}0024{}{}{}{}", protocol, flags, state, kEntry.substr(20), kEntry), 2));
  };
  const std::string next(kTaken);
  EXPECT_EQ(read("06", "00000000", "000b"), next + "state 1\n");
  EXPECT_EQ(read("11", "00000000", "0001"), next + "state 1\n");
  EXPECT_EQ(read("84", "00000000", "000e"), next + "state 1\n");
  for (const char* protocol : {"00", "01", "2f", "3a", "ff"}) {
    EXPECT_EQ(read(protocol, "00000000", "0001"), next + "protocol 1\n") << protocol;
  }
  EXPECT_EQ(read("01", "00001000", "0001"), next + "protocol 1\n");
  EXPECT_EQ(read("11", "00002000", "0000"), next + "flags 1\n");
  EXPECT_EQ(read("06", "00001800", "0001"), next + "flags 1\n");
  // The state of a template is not judged.
  EXPECT_NE(read("06", "00001000", "0009").find("state 9 flags 1000"), std::string::npos);
}

TEST(DatagramReader, TakesEveryStateOfEveryProtocol) {
  for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp, kProtocolSctp}) {
    for (unsigned state = 0; state < 16; ++state) {
      const std::string text = Read(Datagram(
          fmt::format("00{:02x}002400000000{:04x}{}", protocol, state, kEntry.substr(20))));
      EXPECT_EQ(text == "state 1\n", state >= StatesOf(protocol)) << text;
    }
  }
}

// s4g of the recordings.
TEST(DatagramReader, ReadsVersion0) {
  EXPECT_EQ(Read("0107001c00064eb1005000500a0800010a6400010a01000b00000001"),
            "6 10.8.0.1:20145 10.100.0.1:80 10.1.0.11:80 state 1 flags 0 mark 0 timeout 0\n");
  EXPECT_EQ(Read("0107001c00060000005000500a0800010a6400010a01000b11000000"),
            "6 10.8.0.1:0 10.100.0.1:80 10.1.0.11:80 state 0 flags 1100 mark 0 timeout 0\n");
  EXPECT_EQ(
      Read("0207004c00064ec0005000500a0800010a6400010a01000b0000000100064ec1005000500a0800010a6400"
           "010a01000b06000001000003e80000000500000000000013880000000700000000"),
      "6 10.8.0.1:20160 10.100.0.1:80 10.1.0.11:80 state 1 flags 0 mark 0 timeout 0\n"
      "6 10.8.0.1:20161 10.100.0.1:80 10.1.0.11:80 state 1 flags 600 mark 0 timeout 0"
      " 1000/5/0 5000/7/0\n");
  EXPECT_EQ(Read("0108001c00064ec2005000500a0800010a6400010a01000b00000001"), "syncid 1\n");
  EXPECT_EQ(Read("0907001c00064ec3005000500a0800010a6400010a01000b00000001"),
            "6 10.8.0.1:20163 10.100.0.1:80 10.1.0.11:80 state 1 flags 0 mark 0 timeout 0\n"
            "truncated 1\n");
  EXPECT_EQ(Read("0107010000064ec5005000500a0800010a6400010a01000b00000001"), "size 1\n");
  EXPECT_EQ(Read("0107001c00064ebd005000500a0800010a6400010a01000b0000000b"), "state 1\n");
  EXPECT_EQ(Read("0107001c00064ec1005000500a0800010a6400010a01000b06000001"), "truncated 1\n");
}

TEST(SyncRefusal, HasANameAndASentenceEach) {
  for (size_t i = 0; i < kSyncRefusalCount; ++i) {
    EXPECT_FALSE(NameOf(static_cast<SyncRefusal>(i)).empty());
    EXPECT_FALSE(SentenceOf(static_cast<SyncRefusal>(i)).empty());
  }
  EXPECT_EQ(NameOf(SyncRefusal::kFlags), "flags");
}

}  // namespace
}  // namespace fairlead::sync::datagram_reader_test
