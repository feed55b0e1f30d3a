// docs/connection_record.md says of every byte of a record what the compiler says.
#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <iterator>
#include <regex>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "dataplane/tables/record_layout.h"

namespace fairlead::dataplane::record_page_test {
namespace {

using Fields = std::vector<RecordField>;

Fields ListOf(std::span<const RecordField> fields) { return {fields.begin(), fields.end()}; }

Fields ConnectionFields6() {
  Fields fields = ListOf(kConnectionFields<Connection6>);
  fields.push_back(kConnection6Reserved);
  return fields;
}

// The head that all side records have, then the body of one kind.
Fields SideFields(std::span<const RecordField> body) {
  Fields fields = ListOf(kSideFields);
  fields.insert(fields.end(), body.begin(), body.end());
  return fields;
}

// The list names every byte: a member that is added to the record and not to the list leaves a gap.
Fields Whole(Fields fields, size_t record_bytes) {
  size_t end = 0;
  for (const RecordField& field : fields) {
    EXPECT_EQ(field.at, end) << "a gap before " << field.name;
    end = field.at + field.bytes;
  }
  EXPECT_EQ(end, record_bytes);
  return fields;
}

// The cells of the rows of the first table under the heading.
std::vector<std::vector<std::string>> RowsUnder(const std::string& heading) {
  std::ifstream file(FAIRLEAD_SOURCE "/docs/connection_record.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const size_t begin = page.find("\n## " + heading + "\n");
  EXPECT_NE(begin, std::string::npos) << heading;
  std::istringstream lines(page.substr(begin, page.find("\n## ", begin + 1) - begin));
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| ") || line.starts_with("|---")) continue;
    std::vector<std::string> cells;
    const std::regex cell(R"(\|([^|]*))");
    for (std::sregex_iterator it(line.begin(), line.end(), cell), end; it != end; ++it) {
      cells.push_back(std::regex_replace((*it)[1].str(), std::regex("^[ `]+|[ `]+$"), ""));
    }
    rows.push_back(cells);
  }
  if (!rows.empty()) rows.erase(rows.begin());  // the titles
  return rows;
}

// "offset bytes name", a line for each field.
std::string Lines(const Fields& fields) {
  std::string text;
  for (const RecordField& f : fields) {
    text += std::to_string(f.at) + " " + std::to_string(f.bytes) + " " + std::string(f.name) + "\n";
  }
  return text;
}

// These numbers are in arenas that are in use. Who changes one writes a converter from it, and the
// number here: docs/arena.md.
TEST(RecordLayout, IsThatOfArenasInUse) {
  EXPECT_EQ(kConnection4Layout, 4624417811653182081u);
  EXPECT_EQ(kConnection6Layout, 5913747325230168492u);
  EXPECT_EQ(kTemplateLayout, 2055586199043149118u);
  EXPECT_EQ(kSideLayout, 10772418761323342715u);
  EXPECT_EQ(kSnatLayout<Ipv4Address>, 12082722828100914216u);
  EXPECT_EQ(kSnatLayout<Ipv6Address>, 18315249183797803896u);
}

TEST(RecordLayout, SaysSizesAndOffsetsAndNotNames) {
  const auto of = [](std::initializer_list<RecordField> fields) {
    return LayoutHash{}.Add(std::span(fields.begin(), fields.size())).value();
  };
  const uint64_t layout = of({{"a", 0, 4}, {"b", 4, 4}});
  EXPECT_EQ(of({{"a", 0, 4}, {"renamed", 4, 4}}), layout);
  EXPECT_NE(of({{"a", 0, 4}, {"b", 8, 4}}), layout);
  EXPECT_NE(of({{"a", 0, 4}, {"b", 4, 8}}), layout);
  EXPECT_NE(of({{"a", 0, 4}}), layout);
  EXPECT_NE(LayoutHash{}.Add(1).value(), LayoutHash{}.Add(2).value());
}

// | IPv4 | IPv6 | bytes v4 / v6 | field | meaning |
void ReadBoth(const std::string& heading, std::string* page4, std::string* page6) {
  for (const auto& row : RowsUnder(heading)) {
    ASSERT_GE(row.size(), 5u);
    const size_t slash = row[2].find(" / ");
    const std::string bytes4 = row[2].substr(0, slash);
    const std::string bytes6 = slash == std::string::npos ? bytes4 : row[2].substr(slash + 3);
    if (!row[0].empty()) *page4 += row[0] + " " + bytes4 + " " + row[3] + "\n";
    if (!row[1].empty()) *page6 += row[1] + " " + bytes6 + " " + row[3] + "\n";
  }
}

TEST(RecordPage, ConnectionsAreAsThePageSays) {
  std::string page4, page6;
  ReadBoth("Connection", &page4, &page6);
  EXPECT_EQ(page4, Lines(Whole(ListOf(kConnectionFields<Connection4>), sizeof(Connection4))));
  EXPECT_EQ(page6, Lines(Whole(ConnectionFields6(), sizeof(Connection6))));
}

TEST(RecordPage, FlowsOfSourceNatAreAsThePageSays) {
  using Flow4 = SnatFlow<Ipv4Address>;
  using Flow6 = SnatFlow<Ipv6Address>;
  std::string page4, page6;
  ReadBoth("Flow of source NAT", &page4, &page6);
  EXPECT_EQ(page4, Lines(Whole(ListOf(kSnatFields<Flow4>), sizeof(Flow4))));
  EXPECT_EQ(page6, Lines(Whole(ListOf(kSnatFields<Flow6>), sizeof(Flow6))));
}

// | at | bytes | field | meaning |
std::string LinesUnder(const std::string& heading) {
  std::string page;
  for (const auto& row : RowsUnder(heading)) {
    EXPECT_GE(row.size(), 4u);
    page += row[0] + " " + row[1] + " " + row[2] + "\n";
  }
  return page;
}

TEST(RecordPage, TemplatesAreAsThePageSays) {
  EXPECT_EQ(LinesUnder("Template"), Lines(Whole(ListOf(kTemplateFields), sizeof(TemplateRecord))));
}

TEST(RecordPage, SideRecordsAreAsThePageSays) {
  const std::string head = LinesUnder("Side record");
  EXPECT_EQ(head + LinesUnder("Side record: flow"),
            Lines(Whole(SideFields(kFlowSideFields), sizeof(SideRecord))));
  EXPECT_EQ(head + LinesUnder("Side record: sync"),
            Lines(Whole(SideFields(kSyncSideFields), sizeof(SideRecord))));
  EXPECT_EQ(head + LinesUnder("Side record: text"),
            Lines(Whole(SideFields(kTextSideFields), sizeof(SideRecord))));
}

}  // namespace
}  // namespace fairlead::dataplane::record_page_test
