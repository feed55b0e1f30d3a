#include "dataplane/connection_table.h"

#include <gtest/gtest.h>

#include "dataplane/template_table.h"

namespace fairlead::dataplane {
namespace {

TEST(ConnectionTable, OneRecordServesBothDirections) {
  auto table = ConnectionTable<Ipv4Address>::Create(100, TableHash(1, 2), Tick{0});
  ASSERT_TRUE(table.ok());
  const auto client = Ipv4Address::FromHost(0xc6336407);
  const auto vip = Ipv4Address::FromHost(0xc000020a);
  const auto real = Ipv4Address::FromHost(0x0a00000b);
  Connection4 draft;
  draft.client_address = client;
  draft.virtual_address = vip;
  draft.real_address = real;
  draft.client_port = Be16::FromHost(5000);
  draft.virtual_port = Be16::FromHost(80);
  draft.real_port = Be16::FromHost(8080);
  draft.protocol = 6;
  draft.timeout = 100;
  const auto key = FlowKey4::Forward(6, client, draft.client_port, vip, draft.virtual_port);
  const InsertOutcome inserted = table->Insert(draft, table->Hash(key), Tick{0});
  ASSERT_TRUE(inserted.ok());
  EXPECT_EQ(table->Find(key, table->Hash(key), Tick{99}).slot, inserted.slot);
  EXPECT_FALSE(table->Find(key, table->Hash(key), Tick{100}).hit());
  const auto reply = FlowKey4::Reply(6, client, draft.client_port, real, draft.real_port);
  EXPECT_EQ(table->Find(reply, table->Hash(reply), Tick{99}).slot, inserted.slot);
}

TEST(TemplateTable, FindsWhatWasInserted) {
  auto table = TemplateTable::Create(WorkerId{0}, 100, TableHash(1, 2), Tick{0});
  ASSERT_TRUE(table.ok());
  const auto key = TemplateKey::ForMark(Ipv4Address::FromHost(0xc6336400), 7);
  const auto inserted = table->Insert(key, {RealId{3}, Be16{}, TicksFromSeconds(300)}, Tick{0});
  ASSERT_TRUE(inserted.ok());
  EXPECT_EQ(table->Find(key, Tick{0}).slot, inserted.slot);
}

}  // namespace
}  // namespace fairlead::dataplane
