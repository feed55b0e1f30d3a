// The publication's part in synchronisation with directors of the kernel.
#include "control/publication.h"
#include "control/sync/multicast_socket.h"
#include "dataplane/shard/sync_mail.h"
#include "director_fixture.h"
#include "sync/ipvs/datagram_writer.h"

namespace fairlead::control::publication_sync_test {
namespace {

using namespace std::chrono_literals;

// What a kernel director names and no configuration does: it gets an id, workers get a snapshot
// that has it, and only then the entry with the id.
TEST(PublicationSync, AnUnknownRealOfAKernelDirectorIsPublishedBeforeItsEntryGoesOut) {
  dataplane::Fabric fabric{SmallFabric(2)};
  const std::vector<PortRuntime> ports = TwoPorts();
  SilentProber prober;
  Publication publication{
      fabric,
      SharedModelOf("sync: { ipvs: { interface: lo, udp_port: 28851, syncid: 7, unknown_service: "
                    "as-kernel } }\n"),
      ports, prober, 1};
  TimePoint now = At(0s);
  const auto turn = [&] { publication.Turn(now += 5ms); };
  turn();
  AdoptAll(fabric);
  turn();
  auto peer = MulticastSocket::Connect({Ip("224.0.0.81"), Be16::FromHost(28851)}, "lo", 1);
  ASSERT_TRUE(peer) << peer.error().message;
  sync::SyncEntry entry;
  entry.protocol = 6;
  entry.state = 1;
  entry.client = Ip("198.51.100.7");
  entry.virtual_address = Ip("192.0.2.81");
  entry.real = Ip("10.0.0.12");
  entry.client_port = Be16::FromHost(1234);
  entry.virtual_port = entry.real_port = Be16::FromHost(80);
  sync::DatagramWriter writer({.syncid = 7});
  writer.Add(entry);
  ASSERT_TRUE(peer->Send(writer.Take()));
  turn();
  // The first worker owns the connection, and nobody has its service.
  std::vector<RealId> named;
  const auto answer = [&](dataplane::Command& command) {
    if (command.kind != dataplane::CommandKind::kTakeSyncEntries) return;
    auto& take = static_cast<dataplane::TakeSyncEntries&>(command);
    ASSERT_EQ(take.entries.size(), 1u);
    if (take.named.empty()) {
      EXPECT_TRUE(take.keeps_unknown);
      if (named.empty()) take.answers[0].step = dataplane::SyncStep::kUnknown;
      named.emplace_back();
    } else {
      named.push_back(take.named[0]);
    }
    take.is_complete = true;
  };
  const auto work = [&] {
    for (auto& mailbox : fabric.control) {
      while (mailbox->RunNext(answer)) {
      }
    }
  };
  work();
  ASSERT_EQ(named.size(), 2u) << "each worker was asked";
  turn();  // takes the answers, and publishes
  work();
  EXPECT_EQ(named.size(), 2u) << "no worker has the snapshot yet";
  AdoptAll(fabric);
  turn();
  work();
  ASSERT_EQ(named.size(), 4u);
  const dataplane::RealView& real = publication.snapshot()->reals[named[2].index()];
  EXPECT_EQ(named[2], named[3]);
  EXPECT_EQ(real.address, Ip("10.0.0.12"));
  EXPECT_EQ(real.remains, dataplane::Remains::kContinue);
  const auto info = publication.sync_info();
  ASSERT_NE(info->unknown_reals, nullptr);
  ASSERT_EQ(info->unknown_reals->size(), 1u);
  EXPECT_EQ(info->unknown_reals->at(0).id, named[2]);
  EXPECT_EQ(info->unknown_reals->at(0).service.address, Ip("192.0.2.81"));
}

}  // namespace
}  // namespace fairlead::control::publication_sync_test
